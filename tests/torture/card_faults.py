"""Faults of single cards: a PUT that is not what its answer says, and cards that come back as something else."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

from cardsync.records import ProblemKind
from servers.fault_proxy import Exchange, Kind, Reply, Strike
from torture.etag_faults import ETAG_FORMS, etag_header
from torture.listing_faults import changed, in_xml
from torture.wire_faults import PARKED, SEEN_AT_REST, Fault, answering

_PUT, _GET, _MULTIGET = frozenset({Kind.PUT}), frozenset({Kind.GET}), frozenset({Kind.MULTIGET})
_LOSS = PARKED | {ProblemKind.VIP_LOSS}  # the list is a card too
_DATA = "{urn:ietf:params:xml:ns:carddav}address-data"


def card_faults() -> Iterator[Fault]:
    """All of this module."""
    yield from _puts()
    yield from _rewritten()


# ---------------------------------------------------------------- PUT


def taken_but(status: int, *headers: tuple[str, str]) -> Strike:
    """The server takes the PUT; the client hears something else."""

    def strike(exchange: Exchange) -> bool:
        exchange.forward()
        exchange.send(Reply(status=status, headers=headers))
        return True

    return strike


def _twice(*, first: bool) -> Strike:
    """As a proxy that tries again: both go to the server, and the client hears of one."""

    def strike(exchange: Exchange) -> bool:
        replies = exchange.forward(), exchange.forward()
        exchange.send(replies[0 if first else 1])
        return True

    return strike


def _puts() -> Iterator[Fault]:
    yield Fault(name="a PUT sent twice, the first answer", kinds=_PUT, strike=_twice(first=True))
    yield Fault(name="a PUT sent twice, the second answer", kinds=_PUT, strike=_twice(first=False))
    for status in (403, 404, 409, 412, 415, 423, 500, 502, 504, 507):
        yield Fault(name=f"{status} to a PUT that was taken", kinds=_PUT, strike=taken_but(status))
    for status in (429, 503):
        strike = taken_but(status, ("Retry-After", "120"))
        yield Fault(name=f"{status} to a PUT that was taken", kinds=_PUT, strike=strike, stops=True)
    for status in (200, 201, 202, 204, 207):
        yield Fault(name=f"{status} to a PUT that was not taken", kinds=_PUT, strike=answering(status), trips=PARKED)
    told = answering(201, ("ETag", '"stored-i-swear"'))
    yield Fault(name="201 with an ETag to a PUT that was not taken", kinds=_PUT, strike=told, trips=PARKED)
    without = changed(etag_header(ETAG_FORMS["missing"]))
    yield Fault(name="no ETag to a PUT", kinds=_PUT, strike=without)


# ---------------------------------------------------------------- cards as something else

_NOTE = re.compile(rb"(?m)^(NOTE[^:\r\n]*:)((?:[^\r\n]|\r?\n[ \t])*)")


def _note(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def of_card(card: bytes) -> bytes:
        return _NOTE.sub(lambda found: found[1] + change(re.sub(rb"\r?\n[ \t]", b"", found[2])), card)

    return of_card


def _refolded(card: bytes) -> bytes:
    flat = re.sub(rb"\r\n[ \t]", b"", card)
    return b"".join(b"\r\n ".join(_pieces(line)) + b"\r\n" for line in flat.split(b"\r\n") if line)


def _pieces(line: bytes) -> list[bytes]:
    text = line.decode()
    return [text[at : at + 18].encode() for at in range(0, len(text), 18)]


def _rev(card: bytes) -> bytes:
    return re.sub(rb"(?m)^REV:[^\r\n]*", b"REV:2026-03-02T10:11:12Z", card)


LEGAL: dict[str, Callable[[bytes], bytes]] = {
    "with LF for CRLF": lambda card: card.replace(b"\r\n", b"\n"),
    "refolded": _refolded,
}
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "without its title": lambda card: re.sub(rb"(?m)^TITLE:[^\r\n]*\r?\n", b"", card),
    "with its note cut at a comma": _note(lambda value: re.split(rb"\\?,", value)[0]),
    "with its note cut at a newline": _note(lambda value: re.split(rb"\\n", value, flags=re.IGNORECASE)[0]),
    "without a note": lambda card: re.sub(rb"(?m)^NOTE[:;][^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*", b"", card),
    "cut in half": lambda card: card[: len(card) // 2],
    "as (null)": lambda card: b"(null)",
    "as nothing": lambda card: b"",
}


def stored(change: Callable[[bytes], bytes]) -> Strike:
    """The server stores something else than was sent, and says nothing of it."""

    def strike(exchange: Exchange) -> bool:
        body = change(exchange.request.body)
        exchange.send(exchange.forward(replace(exchange.request, body=body)))
        return body != exchange.request.body

    return strike


def served(change: Callable[[bytes], bytes]) -> Callable[[Reply], Reply | None]:
    """The server serves something else than it has stored."""
    return lambda reply: replace(reply, body=change(reply.body)) if reply.status == 200 else None


def served_in_xml(change: Callable[[bytes], bytes]) -> Callable[[ET.Element], bool]:
    """The same in a multiget."""

    def of_root(root: ET.Element) -> bool:
        found = False
        for element in root.iter(_DATA):
            before = (element.text or "").replace("\r\n", "\n").replace("\n", "\r\n").encode()
            element.text = change(before).decode(errors="ignore")  # what cuts a character takes it whole
            found |= element.text.encode() != before
        return found

    return of_root


def _of_another(exchange: Exchange) -> bool:
    """As of a cache that mixes up its entries: the bytes of another card of the book, under this one's ETag."""
    other = "Eve.vcf" if exchange.request.name != "Eve.vcf" else "Max.vcf"
    path = exchange.request.path.rpartition("/")[0] + "/" + other
    reply, instead = exchange.forward(), exchange.forward(replace(exchange.request, path=path))
    if {reply.status, instead.status} != {200}:
        return False
    exchange.send(replace(reply, body=instead.body))
    return True


def _rewritten() -> Iterator[Fault]:
    yield Fault(name="a card served for another", kinds=_GET, strike=_of_another, lies=True, trips=SEEN_AT_REST)
    for name, change in LEGAL.items():
        yield Fault(name=f"a card stored {name}", kinds=_PUT, strike=stored(change), respells=True)
        yield Fault(name=f"a card served {name}", kinds=_GET, strike=changed(served(change)), respells=True)
        in_multiget = changed(in_xml(served_in_xml(change)))
        yield Fault(name=f"cards in a multiget {name}", kinds=_MULTIGET, strike=in_multiget)
    new_rev = "with a new REV"  # of an edit some hours ago, so that questions have to wait
    yield Fault(name=f"a card stored {new_rev}", kinds=_PUT, strike=stored(_rev), respells=True)
    yield Fault(name=f"a card served {new_rev}", kinds=_GET, strike=changed(served(_rev)), respells=True, lies=True)
    in_multiget = changed(in_xml(served_in_xml(_rev)))
    yield Fault(name=f"cards in a multiget {new_rev}", kinds=_MULTIGET, strike=in_multiget, lies=True)
    for name, change in DAMAGE.items():
        yield Fault(name=f"a card stored {name}", kinds=_PUT, strike=stored(change), ruins=True, trips=SEEN_AT_REST)
        served_so = changed(served(change))
        yield Fault(name=f"a card served {name}", kinds=_GET, strike=served_so, lies=True, trips=SEEN_AT_REST)
        in_multiget = changed(in_xml(served_in_xml(change)))
        yield Fault(name=f"cards in a multiget {name}", kinds=_MULTIGET, strike=in_multiget, lies=True, trips=_LOSS)
