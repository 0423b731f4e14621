"""Which attack, at which step of a cycle, and how the cycle has to end: data."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from servers.loopback import Request
from torture import hostile_bodies as bodies
from torture import hostile_heads as heads
from torture.hostile_server import Attack

_HOUR, _DAY = timedelta(hours=1), timedelta(hours=25)
BOOK = heads.BOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A step of a cycle: which requests it is made of, and how long after the last cycle it comes."""

    name: str
    aim: Callable[[Request], bool]
    after: timedelta = _HOUR
    writes: bool = False


def _is_report(kind: bytes) -> Callable[[Request], bool]:
    return lambda request: request.method == "REPORT" and kind in request.body


def _is_listing(request: Request) -> bool:
    return request.method == "PROPFIND" and request.path == BOOK and request.headers.get("depth") == "1"


POINTS: Mapping[str, Point] = MappingProxyType(
    {
        point.name: point
        for point in (
            Point(name="discovery", aim=lambda request: request.method == "PROPFIND", after=_DAY),
            Point(name="listing", aim=_is_listing, after=_DAY),
            Point(name="sync", aim=_is_report(b"sync-collection")),
            Point(name="multiget", aim=_is_report(b"multiget")),
            Point(name="get", aim=lambda request: request.method == "GET" or b"multiget" in request.body),
            Point(name="put", aim=lambda request: request.method == "PUT", writes=True),
        )
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``exits``: the codes with which the hostile account may end."""

    name: str
    point: Point
    attack: Attack
    exits: frozenset[int]

    @property
    def slow(self) -> bool:
        """Whether only the client's patience ends it."""
        return bool(_SLOW.search(self.name))

    @property
    def title(self) -> str:
        return f"{self.name}, at the {self.point.name}"


FINE, FAILED, PARTIAL, LOGIN, AWAY = 0, 1, 3, 11, 12
_BY_POINT = {
    "discovery": {FAILED, AWAY},
    "listing": {PARTIAL, AWAY},
    "sync": {FINE, PARTIAL, AWAY},  # a token that is refused in whatever way means: list everything
    "multiget": {FINE, PARTIAL, AWAY},  # each card is asked for by itself then
    "get": {PARTIAL, AWAY},
    "put": {FINE, PARTIAL, AWAY},
}
"""An attack that does not harm one step may end a cycle well at another; ``_fails`` says where it must not."""
_HARMLESS = re.compile(
    "UTF-16|cookies|HTTP/9.9|ETag|says too little|field without|a zero|status 299|forged|another protocol|of the right"
)


_SLOW = re.compile("slow|silence|without end|says too|nonsense|2\\^64|forged")


def _exits(name: str, point: Point) -> frozenset[int]:
    if name.startswith("401"):
        return frozenset({LOGIN})
    return frozenset(_BY_POINT[point.name] | ({FINE} if _HARMLESS.search(name) else set()))


def scenarios(foreign: str) -> Iterator[Scenario]:
    """All of them."""

    def made(name: str, point: str, attack: Attack, *exits: int) -> Scenario:
        where = POINTS[point]
        return Scenario(name=name, point=where, attack=attack, exits=frozenset(exits) or _exits(name, where))

    outside = bodies.entity(f'<!ENTITY a SYSTEM "{foreign}/entity">', "&a;")
    dtd = f'<!DOCTYPE x SYSTEM "{foreign}/x.dtd">'
    more = {
        "an entity of another server": bodies.body(outside),
        "a DTD of another server": bodies.body(bodies.XML.replace("<D:multistatus", f"{dtd}<D:multistatus")),
        "answers in UTF-16": bodies.recoded,
        "cookies": heads.COOKIES,
    }
    everywhere = {**bodies.BODIES, **heads.HEADS, **more, **dict(heads.redirects(foreign)), **heads.CHALLENGES}
    for name, attack in everywhere.items():
        for point in POINTS:
            yield made(name, point, attack)
    for name, attack in heads.ETAGS.items():
        for point in ("get", "put"):
            yield made(name, point, attack, FINE, PARTIAL, AWAY)
    for name, href in heads.hrefs(foreign).items():
        for point in ("discovery", "listing", "sync", "multiget"):
            yield made(f"an href {name}", point, heads.with_href(href), FINE, FAILED, PARTIAL)
        yield made(f"only an href {name}", "discovery", heads.only_href(href), FINE, FAILED, PARTIAL)
    for value in ("*", "&quot;&#13;&#10;X: y&quot;", "e" * 100_000, "", '"', "W/", "\N{PILE OF POO}"):
        yield made(f"a listed ETag of {value[:12]!r}", "sync", heads.listing_etag(value), FINE)
        yield made(f"a listed ETag of {value[:12]!r}", "listing", heads.listing_etag(value), FINE)
    for name, text in {"a megabyte": "N" * (1 << 20), "lines and signs": "\x85a\u202e\nb\t/../" * 50}.items():
        yield made(f"a display name of {name}", "discovery", heads.renamed(text), FINE)
    yield made("pages without end", "sync", heads.pages, PARTIAL)
