"""Faults that any request may meet: delays, cuts, statuses, pauses, pages that are none of CardDAV's."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from cardsync.records import ProblemKind
from servers.fault_proxy import Exchange, Kind, Reply, Strike

READS = frozenset(set(Kind) - {Kind.PUT, Kind.OTHER})
ANY = READS | {Kind.PUT}
TOLD = frozenset({Kind.DISCOVERY, Kind.MARKER, Kind.LISTING, Kind.ETAG, Kind.FIRST_SYNC, Kind.SYNC, Kind.MULTIGET})
"""Requests that are answered with a multistatus."""

PARKED = frozenset({ProblemKind.PARKED})
SEEN_AT_REST = frozenset({ProblemKind.WRITING_STOPPED, ProblemKind.PARKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``strike`` is what it does to each of the ``kinds`` of requests.

    ``trips``: problems that may be left for the owner to release once the fault is gone.
    ``respells``: a card comes out the same, but written in another way.
    ``lies``: it serves a card that is not the stored one (or none), which nobody can tell from a user's edit: then
    only texts and cards are held against the undisturbed run, not what was understood.
    ``ruins``: it damages at rest; the kept bytes have to be back, by our own put-back or by ``restore``.
    ``stops``: it is about the account or the server, so that the other cards may have to wait for it.
    """

    name: str
    kinds: frozenset[Kind]
    strike: Strike
    trips: frozenset[ProblemKind] = frozenset()
    respells: bool = False
    lies: bool = False
    ruins: bool = False
    stops: bool = False


def wire_faults() -> Iterator[Fault]:
    """All of this module."""
    yield from _cuts()
    yield from _statuses()
    yield from _pauses()
    yield from _strangers()


# ---------------------------------------------------------------- cuts


def _late(exchange: Exchange) -> bool:
    time.sleep(0.05)  # the fault itself
    exchange.send(exchange.forward())
    return True


def _cut_before(exchange: Exchange) -> bool:
    exchange.cut()
    return True


def _cut_inside_request(exchange: Exchange) -> bool:
    if not exchange.request.body:
        return False
    exchange.forward_half()
    exchange.cut()
    return True


def _cut_unanswered(exchange: Exchange) -> bool:
    exchange.forward()
    exchange.cut()
    return True


def _closed_unanswered(exchange: Exchange) -> bool:
    exchange.forward()
    exchange.cut(reset=False)
    return True


def _cut_inside_status_line(exchange: Exchange) -> bool:
    exchange.send(exchange.forward(), cut=10)
    return True


def _cut_inside_headers(exchange: Exchange) -> bool:
    reply = exchange.forward()
    exchange.send(reply, cut=len(reply.head()) - 3)
    return True


def _cut_inside_body(exchange: Exchange) -> bool:
    reply = exchange.forward()
    if len(reply.body) < 2:
        return False
    exchange.send(reply, cut=len(reply.head()) + len(reply.body) // 2)
    return True


def _cut_behind(exchange: Exchange) -> bool:
    exchange.send(exchange.forward())
    exchange.cut(reset=False)
    return True


def _cuts() -> Iterator[Fault]:
    yield Fault(name="late", kinds=ANY, strike=_late)
    yield Fault(name="cut before it is forwarded", kinds=ANY, strike=_cut_before)
    yield Fault(name="cut inside the request's body", kinds=ANY, strike=_cut_inside_request)
    yield Fault(name="cut after it is forwarded", kinds=ANY, strike=_cut_unanswered)
    yield Fault(name="closed after it is forwarded", kinds=ANY, strike=_closed_unanswered)
    yield Fault(name="cut inside the status line", kinds=ANY, strike=_cut_inside_status_line)
    yield Fault(name="cut inside the headers", kinds=ANY, strike=_cut_inside_headers)
    yield Fault(name="cut inside the body", kinds=ANY, strike=_cut_inside_body)
    yield Fault(name="closed right after the response", kinds=ANY, strike=_cut_behind)


# ---------------------------------------------------------------- statuses


def answering(status: int, *headers: tuple[str, str], body: bytes = b"") -> Strike:
    """The server never sees the request."""

    def strike(exchange: Exchange) -> bool:
        exchange.send(Reply(status=status, headers=headers, body=body))
        return True

    return strike


_REFUSED_PUT = (403, 409, 412, 415, 507)  # about this card, until it changes
_FOR_NOW = (423, 500, 502, 504)


def _statuses() -> Iterator[Fault]:
    challenge = ("WWW-Authenticate", 'Basic realm="faults"')
    login = frozenset({ProblemKind.LOGIN})
    yield Fault(name="401", kinds=ANY, strike=answering(401, challenge), trips=login, stops=True)
    yield Fault(name="401 without a challenge", kinds=ANY, strike=answering(401), trips=login, stops=True)
    for status in _REFUSED_PUT:
        yield Fault(name=f"{status} to a PUT", kinds=frozenset({Kind.PUT}), strike=answering(status), trips=PARKED)
        yield Fault(name=str(status), kinds=READS, strike=answering(status))
    for status in _FOR_NOW:
        yield Fault(name=str(status), kinds=ANY, strike=answering(status))
    for status in (404, 410):  # of a GET the server's word that the card is deleted
        yield Fault(name=str(status), kinds=ANY - {Kind.GET}, strike=answering(status))
        yield Fault(name=f"{status} to a GET", kinds=frozenset({Kind.GET}), strike=answering(status), trips=PARKED)


_RETRY_AFTER = {
    "nothing": None,
    "0": "0",
    "an hour": "3600",
    "a negative number": "-5",
    "a fraction": "1.5",
    "10^30": "1" + "0" * 30,
    "a past date": "Sun, 06 Nov 1994 08:49:37 GMT",
    "a far date": "Fri, 31 Dec 9999 23:59:59 GMT",
    "no date": "Mon, 99 Foo 20x6 99:99:99 GMT",
    "garbage": "\xa0soon;\xff,,%s",
}


def _pauses() -> Iterator[Fault]:
    for status in (429, 503):
        for name, value in _RETRY_AFTER.items():
            headers = [("Retry-After", value)] if value is not None else []
            yield Fault(
                name=f"{status}, Retry-After: {name}", kinds=ANY, strike=answering(status, *headers), stops=True
            )


# ---------------------------------------------------------------- no CardDAV at all

_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Password<br></form></body></html>"
_HTML = ("Content-Type", "text/html; charset=utf-8")


def _redirected(status: int) -> Strike:
    def strike(exchange: Exchange) -> bool:
        location = exchange.proxy.foreign + exchange.request.path
        exchange.send(Reply(status=status, headers=(("Location", location),)))
        return True

    return strike


def _strangers() -> Iterator[Fault]:
    page, put = answering(200, _HTML, body=_LOGIN_PAGE), frozenset({Kind.PUT})
    # behind a PUT, bytes that are no card look like a card that was ruined
    yield Fault(name="a login page with 200", kinds=TOLD | {Kind.GET}, strike=page, trips=SEEN_AT_REST)
    yield Fault(name="a login page with 200 to a PUT", kinds=put, strike=page, trips=PARKED)
    yield Fault(name="a login page with 207", kinds=TOLD, strike=answering(207, _HTML, body=_LOGIN_PAGE))
    yield Fault(name="200 and no body", kinds=TOLD | {Kind.GET}, strike=answering(200), trips=SEEN_AT_REST)
    yield Fault(name="204", kinds=TOLD | {Kind.GET}, strike=answering(204))
    for status in (301, 302, 307, 308):
        yield Fault(
            name=f"{status} to a foreign origin", kinds=ANY, strike=_redirected(status), trips=PARKED, stops=True
        )
