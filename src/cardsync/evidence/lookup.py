"""One question to DNS, by the owner's resolver or over HTTPS, and what of the reply matters."""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from pydantic import Field

from cardsync.evidence.foreign import Foreign, Text, parsed
from cardsync.sources import SourceFailed, Web

if TYPE_CHECKING:
    import dns.message
    import dns.nameserver

_SILENT = "The resolver gives no answer that can be used; nothing is concluded from that."
_TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "AAAA": 28}
_NOERROR, _NXDOMAIN = 0, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """``exists``: no NXDOMAIN.  ``values``: of the type asked for, as text (``10 mx.acme.example.``).

    ``zone``: whose SOA stands in the authority section, as ``wire_name`` makes it; ``.`` is the root, '' none.
    ``aliased``: the name is an alias, so ``exists`` is about another (RFC 6604).
    """

    exists: bool
    values: tuple[str, ...] = ()
    zone: str = ""
    aliased: bool = False


Lookup = Callable[[str, str], Awaitable[Reply]]
"""Name and type -> reply.  Raises ``SourceFailed`` for SERVFAIL, REFUSED, a time-out and an unreadable reply."""


def wire_name(domain: str) -> str:
    """A domain as it goes over the wire, in lower case, A-labels, without the last dot; '' if it is none."""
    import dns.exception
    import dns.name

    try:
        name = dns.name.from_text(domain.strip().strip("."))
    except (dns.exception.DNSException, UnicodeError, ValueError):
        return ""
    return name.to_text(omit_final_dot=True).lower() if len(name.labels) > 1 else ""


# ---------------------------------------------------------------- by a resolver


def over_resolver(nameservers: Sequence[str], lifetime: float) -> Lookup:
    """By ``nameservers``, or the system's own; ``lifetime`` is the seconds for one question to all of them."""
    import dns.asyncresolver
    import dns.exception
    import dns.name
    import dns.resolver

    try:
        resolver = dns.asyncresolver.Resolver(configure=not nameservers)
    except (dns.exception.DNSException, OSError):
        raise SourceFailed("The system names no resolver. Set nameservers in [sources.dns].") from None
    if nameservers:
        resolver.nameservers = [_nameserver(address) for address in nameservers]
    resolver.lifetime, resolver.timeout = lifetime, lifetime / 3

    async def ask(name: str, kind: str) -> Reply:
        absolute = dns.name.from_text(name)
        try:
            answer = await resolver.resolve(absolute, kind, raise_on_no_answer=False, search=False)
            return _reply(answer.response, kind)
        except dns.resolver.NXDOMAIN as gone:
            return _reply(gone.response(absolute), kind)  # type: ignore[no-untyped-call]
        except (dns.exception.DNSException, OSError, EOFError, ValueError):
            raise SourceFailed(_SILENT) from None

    return ask


def _nameserver(address: str) -> "dns.nameserver.Nameserver":
    import dns.nameserver

    host, _, port = address.rpartition(":") if address.count(":") == 1 or "]:" in address else (address, "", "53")
    try:
        return dns.nameserver.Do53Nameserver(str(ipaddress.ip_address(host.strip("[]"))), int(port))
    except ValueError:
        raise SourceFailed(
            "A name server in [sources.dns] is no IP address. Write it as 192.0.2.53 or 192.0.2.53:5353."
        ) from None


def _reply(response: "dns.message.Message", kind: str) -> Reply:
    return Reply(
        exists=response.rcode() != _NXDOMAIN,
        values=tuple(rdata.to_text() for rrset in response.answer if rrset.rdtype == _TYPES[kind] for rdata in rrset),
        zone=next((_zone(rrset.name.to_text()) for rrset in response.authority if rrset.rdtype == _TYPES["SOA"]), ""),
        aliased=any(rrset.rdtype == _TYPES["CNAME"] for rrset in response.answer),
    )


# ---------------------------------------------------------------- over HTTPS


class _Record(Foreign):
    name: Text
    type: int
    data: Annotated[str, Field(max_length=10_000)]


class _Json(Foreign):
    status: Annotated[int, Field(alias="Status")]
    answer: Annotated[tuple[_Record, ...], Field(alias="Answer", max_length=200)] = ()
    authority: Annotated[tuple[_Record, ...], Field(alias="Authority", max_length=200)] = ()


def over_https(url: str, web: Web) -> Lookup:
    """By a server that speaks ``application/dns-json``, through the guarded client."""

    async def ask(name: str, kind: str) -> Reply:
        page = await web.get(f"{url}?{urlencode({'name': name, 'type': kind})}", accept="application/dns-json")
        found = parsed(page, _Json, "The DNS server") if page else None
        if found is None or found.status not in {_NOERROR, _NXDOMAIN}:
            raise SourceFailed(_SILENT)
        return Reply(
            exists=found.status == _NOERROR,
            values=tuple(one.data for one in found.answer if one.type == _TYPES[kind]),
            zone=next((_zone(one.name) for one in found.authority if one.type == _TYPES["SOA"]), ""),
            aliased=any(one.type == _TYPES["CNAME"] for one in found.answer),
        )

    return ask


def _zone(name: str) -> str:
    return "." if name == "." else wire_name(name)
