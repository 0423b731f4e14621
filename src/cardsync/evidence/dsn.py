"""Delivery reports (RFC 3464): which addresses do not exist.  Pure, never raises, linear.

Only what is said by the standard counts: other bounces are prose, and would be guessed at.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

from cardsync.assess.domains import registrable
from cardsync.evidence.mail_headers import Fields, address_key, fields, is_signed, sender

_KINDS = frozenset({"message/delivery-status", "message/global-delivery-status"})  # RFC 3464, RFC 6533
_STATUS = re.compile(r"\s*5\.1\.(\d{1,3})(?![\d.])")
_OF_THE_ADDRESS = frozenset({"1", "2", "3", "6", "10"})
"""No mailbox, no system, no such form, moved, null MX (RFC 3463, section 3.2; RFC 7505).

5.1.7 and 5.1.8 are about the sender, 5.1.0 is what blocks of spam say, 5.1.4 is of an address that is there twice.
"""
_REPORTERS = re.compile(r"(mailer-daemon|postmaster|microsoftexchange[0-9a-f]+)@.*")
_ALSO = {"google.com": "googlemail.com", "icloud.com": "me.com"}  # under which the same provider reports
_IPV4, _IPV6 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
_ADDRESS = re.compile(rf"(?<![\w.:-])(?:{_IPV4}|{_IPV6})(?!\w)|(?<=IPv6:){_IPV6}", re.IGNORECASE)
_SHARED = IPv4Network("100.64.0.0/10")  # of a provider, or a private network over the internet
_LONGEST_HOP = 2000  # characters
_REPLY = re.compile(r"(?<!\d)[245]\d\d[ -](\d\.\d{1,3}\.\d{1,3})(?![\d.])")


def status_encoding(mime: bytes) -> str | None:
    """The transfer encoding of a part that is a delivery status, by its MIME header; None: it is another part."""
    said = fields(mime)
    kinds = [value.partition(";")[0].strip().casefold() for value in said.get("content-type", ())]
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        return None
    return next((value.strip().casefold() for value in said.get("content-transfer-encoding", ())), "7bit")


def is_believed(said: Fields, address: str, authserv_id: str) -> bool:
    """Whether a report that ``address`` is gone, by its header, is of somebody who knows; anybody may write one.

    That is the owner's own server, or whoever has the domain of the address; of both a signature counts that the
    owner's server noted.  A report that nobody noted anything on is the own server's if it never came over the
    internet: there are servers that note nothing on mail without a signature.
    """
    who = sender(said)
    if who is None or not authserv_id or not _REPORTERS.fullmatch(who.address):
        return False
    own = registrable(authserv_id) or authserv_id.casefold()
    reporter = registrable(who.domain) or who.domain
    is_own = reporter in {own, _ALSO.get(own)}
    noted = said.get("authentication-results", ())
    if not noted:
        return is_own and not _came_over_the_internet(said)
    is_hers = reporter == registrable(address.rpartition("@")[2])
    return (is_own or is_hers) and is_signed(said, who.domain, authserv_id)


def _came_over_the_internet(said: Fields) -> bool:
    """Whether a server may have taken it in from elsewhere, by what each wrote down (RFC 5321, section 4.4).

    One that wrote itself says no ``from``.  Of the others each must name addresses of one's own network, and no other.
    """
    return not all(_is_within(hop) for hop in said.get("received", ()))


def _is_within(hop: str) -> bool:
    if len(hop) > _LONGEST_HOP:
        return False
    whence = re.split(r"\bby\b", hop, maxsplit=1)[0]
    if not re.match(r"\s*from\b", whence, re.IGNORECASE):
        return True
    found = [_address(text) for text in _ADDRESS.findall(whence)]
    return bool(found) and all(one is not None and _is_local(one) for one in found)


def _is_local(address: IPv4Address | IPv6Address) -> bool:
    shared = isinstance(address, IPv4Address) and address in _SHARED
    return address.is_private or address.is_loopback or address.is_link_local or shared


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def gone(status: bytes, encoding: str = "7bit") -> tuple[str, ...]:
    """The addresses, in their comparable form, to which nothing can be delivered for good."""
    found = [_recipient(said) for said in _groups(_decoded(status, encoding))]
    return tuple(dict.fromkeys(address for address in found if address))


def _decoded(status: bytes, encoding: str) -> bytes:
    try:
        if encoding == "base64":
            return binascii.a2b_base64(status)
        return quopri.decodestring(status) if encoding == "quoted-printable" else status
    except (binascii.Error, ValueError):
        return b""


def _groups(status: bytes) -> Iterator[Fields]:
    """The groups of fields: one of the message, then one for each recipient."""
    lines: list[bytes] = []
    for line in (*status.split(b"\n"), b""):
        if line.strip():
            lines.append(line)
        elif lines:
            yield fields(b"\n".join(lines))
            lines = []


def _recipient(said: Fields) -> str:
    """Whom a group is about, if it says that the address does not exist."""
    values = [said.get(name, ()) for name in ("final-recipient", "action", "status")]
    if any(len(value) != 1 for value in values):
        return ""
    final, action, status = (value[0] for value in values)
    code = _STATUS.match(status)
    if action.strip().casefold() != "failed" or code is None or code[1] not in _OF_THE_ADDRESS:
        return ""
    if not all(_hard(reply[1]) for text in said.get("diagnostic-code", ()) for reply in _REPLY.finditer(text)):
        return ""  # what the other server answered was something else
    kind, _, address = final.partition(";")
    if kind.strip().casefold() not in {"rfc822", "utf-8"}:
        return ""
    return address_key(address.strip().removeprefix("<").removesuffix(">"))


def _hard(code: str) -> bool:
    match = _STATUS.fullmatch(code)
    return match is not None and match[1] in _OF_THE_ADDRESS
