"""The whole loop against a real server: accounts whose clock the test sets, and eyes that are not ours.

``Loop`` is what an owner runs; ``Wire`` is a proxy that counts what goes over the wire and lets a test act
between two requests; ``notes_apart`` and ``meaning`` read cards without a line of the product's own code.
"""

import asyncio
import http.client
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import httpx

from builders import apple_group, joined
from cardsync.app import App
from cardsync.cycles import cycle
from cardsync.demo.apple import escape, parse
from cardsync.demo.phone import Phone
from cardsync.outcome import Cycle
from cardsync.records import Asked, Book, Ending, Problem, ProblemKind, Standing
from cardsync.report import find_person
from cardsync.settings.model import Settings
from cardsync.settings.reading import table_of
from in_memory import mistakes
from servers import Running
from servers.loopback import Request, Response, serve

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
OLD = datetime(2017, 5, 1, 12, 0, tzinfo=UTC)  # when the cards were last touched
GROUP = "vip-group.vcf"
OWN = "Met at the fair; likes tea, hiking.\n\nKids: Ada, Bo"  # the owner's text
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Make = Callable[..., "Home"]
PLENTY = {"max_new_per_day": 50, "max_new_per_week": 50, "max_open": 50}
NO_MASS_GUARD = {"mass_change_min": 1000}


# ---------------------------------------------------------------- cards


def person(key: str, note: str | None = None, *extra: str, version: str = "3.0", raw_note: str | None = None) -> bytes:
    """A card in Apple's form with all work details, last touched years ago.  ``key`` is its UID and its given name.

    ``note`` is text; ``raw_note`` a value to put there as it stands.
    """
    value = raw_note if note is None else escape(note)
    lines = [
        "BEGIN:VCARD",
        f"VERSION:{version}",
        "PRODID:-//Apple Inc.//iOS 18.1//EN",
        f"N:Ruiz;{key};;;",
        f"FN:{key} Ruiz",
        "ORG:Acme Robotics;Sales",
        "TITLE:VP Sales",
        f"EMAIL;type=INTERNET;type=WORK;type=pref:{key.lower()}@acmerobotics.example",
        "TEL;type=WORK;type=VOICE;type=pref:+49 30 5550199",
        "TEL;type=CELL;type=VOICE:+49 171 5550100",
        "item1.ADR;type=WORK;type=pref:;;1 Main St;Springfield;IL;62701;USA",
        "item1.X-ABADR:us",
        "item2.URL;type=pref:https://acmerobotics.example/team",
        "item2.X-ABLabel:_$!<Work>!$_",
        *([f"NOTE:{value}"] if value is not None else []),
        *extra,
        f"REV:{OLD:%Y-%m-%dT%H:%M:%SZ}",
        f"UID:{key}",
        "END:VCARD",
    ]
    return joined(lines, "\r\n")


def note_of(card: bytes) -> str | None:
    """The first NOTE as text, None without one; by a scanner that shares nothing with the product's."""
    return next((line.text() for line in parse(card) if line.name == "NOTE"), None)


def notes_apart(card: bytes) -> bytes:
    """The card's bytes without its NOTE lines."""
    return re.sub(rb"(?m)^NOTE[:;][^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*", b"", card)


def meaning(card: bytes, *but: str) -> Counter[tuple[str, ...]]:
    """All properties but NOTE (and ``but``), whatever their order, folding and the case of their names."""
    left_out = {"NOTE", *but}
    return Counter(
        (line.group, line.name, *sorted(kind.upper() for kind in line.types), *line.parameters, line.value)
        for line in parse(card)
        if line.name not in left_out
    )


# ---------------------------------------------------------------- the loop


@dataclass(slots=True)
class Clock:
    """A clock that moves when it is told to."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass(slots=True, kw_only=True)
class Loop:
    """cardsync as its owner runs it, on accounts named ``one``, ``two`` ...; times are the test's."""

    servers: tuple[Running, ...]
    folder: Path
    clock: Clock
    config: Mapping[str, Any] = field(default_factory=dict)
    app: App = field(init=False)

    def __post_init__(self) -> None:
        self.app = App.open(self.settings(), clock=self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.app.mirror.close()

    def settings(self) -> Settings:
        accounts = {name: _account(server) for name, server in zip(("one", "two"), self.servers, strict=False)}
        return table_of(Settings, {"state_dir": self.folder / "state", "accounts": accounts, **self.config})

    def reconfigure(self, **config: Any) -> None:
        """Restart with another config."""
        self.app.mirror.close()
        self.config = {**self.config, **config}
        self.app = App.open(self.settings(), clock=self.clock)

    def lose_database(self) -> None:
        """The disk was replaced; the config was not."""
        self.app.mirror.close()
        for path in (self.folder / "state").glob("cardsync.db*"):
            path.unlink()
        self.app = App.open(self.settings(), clock=self.clock)

    def cycle(self, *, after: timedelta = timedelta(), dry_run: bool = False) -> Cycle:
        """A cycle ``after`` that time; fails where an account as a whole does, or cardsync itself over a card."""
        self.clock.advance(after)
        done = asyncio.run(cycle(self.app, dry_run=dry_run))
        assert not any(report.error for report in done.reports), [report.error for report in done.reports]
        assert not mistakes(self.app.mirror), mistakes(self.app.mirror)
        return done

    def counts(self, *, after: timedelta = timedelta(), account: str = "one") -> dict[str, int]:
        """What a cycle counted for an account, its endings among it."""
        report = next(report for report in self.cycle(after=after).reports if report.account == account)
        return {**report.counts, **report.endings}

    def command(self, verb: str, **arguments: Any) -> None:
        """What the command line queues."""
        self.app.mirror.commands.queue(verb, arguments, self.clock())

    # ------------------------------------------------------------ what it knows

    def book(self, account: str = "one") -> Book:
        return self.app.mirror.books.of(account)[0]

    def contact(self, key: str) -> int:
        return find_person(self.app, f"{key} Ruiz").id

    def questions(self, key: str) -> list[Asked]:
        return self.app.mirror.questions.of(self.contact(key))

    def endings(self, key: str) -> list[Ending | None]:
        return [asked.ending for asked in self.questions(key)]

    def standing(self, key: str) -> Standing:
        return self.app.mirror.standings.of(self.contact(key))

    def history(self, key: str) -> list[tuple[str, str | None, str, str]]:
        events = self.app.mirror.contacts.history(self.contact(key))
        return [(event["what"], event["field"], event["old"], event["new"]) for event in events]

    def problems(self) -> dict[ProblemKind, Problem]:
        return {problem.kind: problem for problem in self.app.mirror.problems.all()}


def _account(server: Running) -> dict[str, Any]:
    return {
        "url": server.url,
        "username": server.username,
        "password": server.password,
        "allow_http": True,
        "trusted_origins": server.trusted_origins,
        "address_books": (urlsplit(server.book_url).path,),
    }


def fill(server: Running, cards: Mapping[str, bytes], vips: Sequence[str] | None = None) -> None:
    """An empty book gets ``cards`` (by UID; the name is ``UID.vcf``) and the list VIP with all or some of them."""
    for name in server.list_cards():
        server.delete_card(name)
    for key, card in cards.items():
        server.put_card(f"{key}.vcf", card)
    server.put_card(GROUP, apple_group("VIP", cards if vips is None else vips))


def phone_of(server: Running, clock: Clock) -> Phone:
    """The owner's phone."""
    phone = Phone(book_url=server.book_url, username=server.username, password=server.password, clock=clock)
    if server.digest:
        phone.http.auth = httpx.DigestAuth(server.username, server.password)
    return phone


@dataclass(slots=True)
class Home:
    """A server with a book, a loop on it, the owner's phone, and the wire between the loop and the server."""

    server: Running
    loop: Loop
    phone: Phone
    wire: "Wire"

    def card(self, key: str = "Jo") -> bytes:
        return self.server.get_card(f"{key}.vcf")

    def note(self, key: str = "Jo") -> str:
        return note_of(self.card(key)) or ""

    def asked(self, key: str = "Jo") -> bool:
        return self.note(key).startswith("VIPcheck: ")


@contextmanager
def home_on(
    server: Running, folder: Path, cards: Mapping[str, bytes], vips: Sequence[str] | None = None, **config: Any
) -> Iterator[Home]:
    """The server's book filled anew, and nothing asked yet."""
    fill(server, cards, vips)
    clock = Clock()
    with (
        wired(server) as (proxied, wire),
        Loop(servers=(proxied,), folder=folder, clock=clock, config=config) as loop,
        phone_of(server, clock) as phone,
    ):
        yield Home(server, loop, phone, wire)


# ---------------------------------------------------------------- the wire

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass(slots=True)
class Wire:
    """What went to the server through the proxy; ``before`` is called with each request before it goes on.

    ``challenged``: how many of the requests were answered with 401, as each client's first one is under Digest;
    ``conflicts``: how many with 412.
    """

    requests: list[Request] = field(default_factory=list)
    challenged: int = 0
    conflicts: int = 0
    before: Callable[[Request], Response | None] = lambda request: None

    def methods(self, name: str = "") -> Counter[str]:
        """How many requests of each method, for one card or for all."""
        return Counter(
            request.method for request in self.requests if unquote(request.path).rpartition("/")[2] == name or not name
        )

    def clear(self) -> None:
        self.requests.clear()
        self.challenged = self.conflicts = 0


@contextmanager
def wired(server: Running) -> Iterator[tuple[Running, Wire]]:
    """``server`` behind a proxy, all its origins; bodies name the proxy where they named an origin."""
    wire = Wire()
    upstreams = list(dict.fromkeys(_origin(url) for url in (server.url, server.book_url)))
    spoken: dict[str, str] = {}

    def forward(upstream: str) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            wire.requests.append(request)
            response = wire.before(request) or _forwarded(upstream, request, spoken)
            wire.challenged += response.status == 401
            wire.conflicts += response.status == 412
            return response

        return answer

    with ExitStack() as stack:
        for upstream in upstreams:
            spoken[upstream] = stack.enter_context(serve(forward(upstream))).origin
        trusted = tuple(spoken[origin] for origin in server.trusted_origins)
        yield replace(server, url=_through(server.url, spoken), trusted_origins=trusted), wire


def _origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def _through(url: str, spoken: Mapping[str, str]) -> str:
    return url.replace(_origin(url), spoken[_origin(url)])


def _forwarded(upstream: str, request: Request, spoken: Mapping[str, str]) -> Response:
    connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)
    try:
        headers = {name: value for name, value in request.headers.items() if name not in _HOP}
        connection.request(request.method, request.path, request.body or None, headers)
        answer = connection.getresponse()
        body = answer.read()
        for theirs, ours in spoken.items():
            body = body.replace(theirs.encode(), ours.encode())
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
        return Response(answer.status, body, kept)
    finally:
        connection.close()
