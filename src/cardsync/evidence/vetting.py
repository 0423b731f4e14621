"""What a foreign URL may lead to: a plain name at a plain port, and public addresses only.

``ipaddress.is_global`` will not do: on Python 3.11 it is true for 224.0.0.1, 192.0.0.8, NAT64, 6to4 and fec0::/10.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NoReturn
from urllib.parse import quote, urljoin

from cardsync.sources import Need, Subject

Address = IPv4Address | IPv6Address
Vetter = Callable[[Address], bool]
"""Whether an address may be connected to; ``public``, but in tests."""

# ---------------------------------------------------------------- addresses


def _words(text: str) -> list[str]:
    return text.split()


_DENIED_V4 = tuple(
    map(
        IPv4Network,
        _words("""
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
    """),
    )
)
"""The IANA registry of special purposes, and multicast."""
_GLOBAL_V6 = IPv6Network("2000::/3")
_DENIED_V6 = tuple(map(IPv6Network, _words("2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20")))
"""Within ``_GLOBAL_V6``: protocols (Teredo, ORCHID), documentation, 6to4, AS112."""


def public(address: Address) -> bool:
    """Whether an address is anybody's on the internet: not the owner's network, this machine, or a tunnel to them."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address.ipv4_mapped is None:
            return address in _GLOBAL_V6 and not any(address in net for net in _DENIED_V6)
        address = address.ipv4_mapped
    return not any(address in net for net in _DENIED_V4)


def beside(address: Address, own: Iterable[Address]) -> bool:
    """Whether a public address is this machine's, or an IPv6 one in the network of one of its own.

    The router and the NAS have such ones, and the firewall between them and the internet does not stand between them
    and us.  64 bits: RFC 7421.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return (public(address) and address in own) or (
        isinstance(address, IPv6Address)
        and any(
            isinstance(one, IPv6Address) and one in _GLOBAL_V6 and int(one) >> 64 == int(address) >> 64 for one in own
        )
    )


# ---------------------------------------------------------------- URLs


class Refused(ValueError):
    """A URL that nobody should follow; the message is a sentence that does not quote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that was looked at: ``host`` a lower-case name in ASCII, ``path`` with the query, in visible ASCII."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """``https://acme.example``, with the port where it is another one."""
        plain = self.port == _PORTS[self.scheme]
        return f"{self.scheme}://{self.host}" if plain else f"{self.scheme}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole."""
        return self.origin + self.path


_PORTS = {"http": 80, "https": 443}
_LONGEST_URL, _LONGEST_HOST = 4096, 253
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE | re.DOTALL)  # RFC 3986, appendix B
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TOP = re.compile(r"[a-z][a-z0-9-]*")  # no top-level domain begins with a digit: what does is an address in disguise
_AT_HOME = frozenset(
    _words("alt arpa corp home internal intranet invalid lan local localdomain localhost onion private")
)


def vetted(url: str) -> Target:
    """The URL in parts; raises ``Refused`` for whatever is not plainly a site on the web.

    A name in another script is encoded strictly (IDNA 2008), so that no character stands for another one.
    """
    if len(url) > _LONGEST_URL:
        _refuse("is too long")
    if _UNSEEN.search(url):
        _refuse("holds control characters or a backslash")
    found = _URL.fullmatch(url)
    if not found:
        _refuse("is not of the web")
    scheme, authority, path, query = found[1].lower(), found[2], found[3], found[4] or ""
    if "@" in authority:
        _refuse("holds a user name")
    if "[" in authority or "]" in authority or "%" in authority:
        _refuse("names an address instead of a site")
    name, colon, port = authority.partition(":")
    if colon and port not in {"80", "443"}:
        _refuse("names an unusual port")
    return Target(
        scheme=scheme,
        host=host_name(name),
        port=int(port) if colon else _PORTS[scheme],
        path=_visible(path or "/", "/%:@!$&'()*+,;=~") + _visible(query, "/%:@!$&'()*+,;=~?[]"),
    )


def redirected(base: Target, location: str) -> Target:
    """Where a redirect leads (RFC 9110, section 10.2.2); raises ``Refused``, also for one that gives up TLS."""
    if len(location) > _LONGEST_URL or _UNSEEN.search(location):
        _refuse("is no address")
    try:
        joined = urljoin(base.url, location.strip(" "))
    except ValueError:
        _refuse("is no address")
    target = vetted(joined)
    if base.scheme == "https" and target.scheme != "https":
        _refuse("gives up encryption")
    return target


def host_name(text: str) -> str:
    """The name in lower-case ASCII; raises ``Refused`` for an address in any guise, and for names without a dot."""
    if not text or len(text) > _LONGEST_HOST:
        _refuse("names no site")
    host = text.lower() if text.isascii() else _encoded(text)
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse("names no site")
    if not _TOP.fullmatch(labels[-1]):
        _refuse("names an address instead of a site")
    if len(labels) < 2 or labels[-1] in _AT_HOME:
        _refuse("names no site on the internet")
    if any(label.startswith("xn--") for label in labels):
        _check_encoded(host)
    return host


def hosts_on(subject: Subject) -> frozenset[str]:
    """The hosts of a contact's own domain and URLs, for ``bound`` of a source with ``ANY_HOST``; odd ones left out."""
    found = set()
    for url in (
        *(f"https://{domain}/" for domain in subject.values.get(Need.WORK_DOMAIN, ())),
        *subject.values.get(Need.WORK_URL, ()),
        *subject.values.get(Need.URL, ()),
    ):
        try:
            found.add(vetted(with_scheme(url)).host)
        except Refused:
            continue
    return frozenset(found)


def with_scheme(url: str) -> str:
    """As people type it: ``acme.example/jane`` is a page on the web."""
    url = url.strip()
    return url if "://" in url else f"https://{url}"


def _encoded(text: str) -> str:
    import idna

    lower = text.lower()
    if _foreign(lower) != _foreign(text):  # the Kelvin sign is no k
        _refuse("names no site")
    try:
        return idna.encode(lower, strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        _refuse("names no site")


def _check_encoded(host: str) -> None:
    import idna

    try:
        if idna.encode(idna.decode(host, strict=True), strict=True).decode("ascii") == host:
            return
    except (idna.IDNAError, UnicodeError):
        pass
    _refuse("names no site")


def _foreign(text: Iterable[str]) -> int:
    return sum(not char.isascii() for char in text)


def _visible(text: str, safe: str) -> str:
    try:
        return quote(text, safe=("?" if text.startswith("?") else "") + safe)
    except UnicodeEncodeError:
        _refuse("is no text")


def _refuse(what: str) -> NoReturn:
    raise Refused(f"The address {what}.")
