"""The sources that ask the web, each on sites of its own: from the card to the question in the note on a real server.

The client is the real one, but for the names, which all lead to sites on loopback.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from builders import card
from cardsync import consulting, overview
from cardsync.app import App
from cardsync.cycles import cycle
from cardsync.evidence.http import GuardedClient
from cardsync.evidence.kept import Kept
from cardsync.evidence.stage import Counts
from cardsync.evidence.vetting import public
from cardsync.model import Evidence
from cardsync.observe import log
from household import Household
from loop import Clock, Loop, fill, note_of
from servers.loopback import Request, Response
from servers.sites import Internet, Pages, Site, internet, page, redirect, sample
from sockets import contacted

START = datetime(2026, 10, 5, 9, tzinfo=UTC)  # early in a quarter: a page is asked for anew in each
DAY = timedelta(days=1)
OWN = "met at the harbour regatta"
PATIENT = 600.0  # seconds; longer than any test


def changing(response: Response) -> Site:
    """The page, and 304 for who has it."""
    etag = dict(response.headers).get("ETag", '"1"')

    def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(304, b"", [("ETag", etag)])
        return replace(response, headers=[*[pair for pair in response.headers if pair[0] != "ETag"], ("ETag", etag)])

    return answer


@dataclass(frozen=True, kw_only=True)
class Case:
    """One source, whose key stands on the card; ``may``: what of the card a request may hold."""

    source: str
    sites: Mapping[str, Site]
    asked: tuple[str, ...]
    remark: str
    may: tuple[str, ...]
    name: str = "Quillfeather;Zora;;;"
    organisation: str = "Oldco GmbH"
    email: str = "zora.quillfeather@oldco.example"
    url: str = "https://oldco.example/zora"
    conditional: bool = False
    table: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hosts(self) -> set[str]:
        return set(self.sites)

    def card(self) -> bytes:
        made: bytes = card(
            f"ORG:{self.organisation};",
            "TITLE:Head of Sails",
            f"EMAIL;type=INTERNET;type=WORK:{self.email}",
            "TEL;type=WORK:+49 30 5550199",
            f"URL:{self.url}",
            f"NOTE:{OWN}",
            "REV:2019-03-01T10:00:00Z",
            name=self.name,
            uid="Zora",
        )
        return made

    def private(self) -> set[str]:
        """Words of the card that no request may hold."""
        family, given, *_ = self.name.casefold().split(";")
        words = {family, given, "sails", "5550199", "regatta", "harbour", "oldco", *self.email.casefold().split("@")}
        return words - set(self.may)


def _only(host: str, path: str, file: str) -> Mapping[str, Site]:
    """A service with one answer, whatever the query."""
    answer = changing(sample(file)[1])
    return {host: lambda request: answer(request) if request.path.partition("?")[0] == path else page("", 404)}


_GRAVATAR = "/v3/profiles/cf62693d44b3a0697eecfa687d83fc13f26ae7d73891e7d2cfc137dd0f7ba0a5"
CASES = (
    Case(
        source="web",
        name="Doe;Jane;;;",
        url="https://jane.example/?from=card#top",
        email="jane.doe@oldco.example",
        sites={
            "oldco.example": Pages({"/": changing(page("<h1>Oldco</h1>"))}),
            "jane.example": Pages({"/": changing(sample("web_person.html")[1])}),
        },
        asked=(
            "https://oldco.example/robots.txt",
            "https://oldco.example/",
            "https://jane.example/robots.txt",
            "https://jane.example/",
        ),
        may=("jane", "oldco", "oldco.example"),  # the sites' own names
        remark="jane.example says Newco GmbH",
        conditional=True,
    ),
    Case(
        source="github",
        url="https://github.com/JaneDoe",
        sites=_only("api.github.com", "/users/janedoe", "github_user.json"),
        asked=("https://api.github.com/users/janedoe",),
        may=(),
        remark="GitHub says newco",
        conditional=True,
    ),
    Case(
        source="orcid",
        organisation="Oldco Institute",
        url="https://orcid.org/0000-0002-1825-0097",
        sites=_only("pub.orcid.org", "/v3.0/0000-0002-1825-0097/employments", "orcid_employments.json"),
        asked=("https://pub.orcid.org/v3.0/0000-0002-1825-0097/employments",),
        may=(),
        remark="ORCID says that it ended",
    ),
    Case(
        source="gravatar",
        email="Jane.Doe@oldco.example",
        sites=_only("api.gravatar.com", _GRAVATAR, "gravatar_profile_anon.json"),
        asked=(f"https://api.gravatar.com{_GRAVATAR}",),
        may=(),
        remark="Gravatar says Newco GmbH",
    ),
    Case(
        source="gleif",
        sites=_only("api.gleif.org", "/api/v1/lei-records", "gleif_lei_records.json"),
        asked=(
            "https://api.gleif.org/api/v1/lei-records?filter%5Bentity.names%5D=Oldco+GmbH&page%5Bsize%5D=20",
        ),
        may=("oldco",),
        remark="GLEIF says Newco GmbH",
    ),
)  # fmt: skip


@dataclass(kw_only=True)
class Run:
    """A household on an internet of its own, whose one VIP was right a season ago."""

    house: Household
    case: Case
    net: Internet
    loop: Loop
    patience: float = 15.0

    @property
    def app(self) -> App:
        return replace(self.loop.app, make_client=self._client)

    def _client(self, kept: Kept) -> GuardedClient:
        return GuardedClient(
            vetter=public,
            validators=kept,
            quota=kept,
            resolver=self.net.names,
            clock=self.loop.clock,
            tls=lambda: self.net.tls,
            inner=self.net.inner,
            patience=self.patience,
        )

    def consult(self) -> Counts:
        return asyncio.run(consulting.consult(self.app))[self.case.source]

    def note(self) -> str:
        return note_of(self.house.server.get_card("Zora.vcf")) or ""

    def evidence(self) -> tuple[Evidence, ...]:
        (contact,) = consulting.known_vips(self.app)
        return self.app.mirror.evidence.of(contact)

    def row(self) -> dict[str, Any]:
        return next(row for row in overview.listed(self.app) if row["name"] == self.case.source)

    def sent(self) -> str:
        """All that the sites were sent."""
        requests = [*self.net.secure.requests, *self.net.plain.requests]
        return "\n".join(f"{one.method} {one.path} {one.headers} {one.body!r}" for one in requests)


@contextmanager
def running(case: Case, house: Household, sites: Mapping[str, Site] | None = None) -> Iterator[Run]:
    fill(house.server, {"Zora": case.card()})
    config = {"sources": {case.source: dict(case.table)}}
    quiet = {**config, "freshness": {"ask_above": 0.99}}  # until the owner said when the card was right
    with (
        internet(sites or case.sites, certified=sorted(case.hosts)) as net,
        Loop(servers=(house.server,), folder=house.home, clock=Clock(START), config=quiet) as loop,
    ):
        run = Run(house=house, case=case, net=net, loop=loop)
        loop.cycle()
        (contact,) = consulting.known_vips(run.app)
        loop.command("validate", contacts=[contact], on=(START - 90 * DAY).isoformat())
        loop.cycle()
        loop.reconfigure(freshness={})
        loop.cycle(after=DAY)
        assert run.note() == OWN
        yield run


@pytest.fixture(params=CASES, ids=lambda case: case.source)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_from_what_stands_on_the_card_to_the_question_in_the_note_and_a_second_look_keeps_it(
    case: Case, house: Household
) -> None:
    with running(case, house) as run:
        done = run.consult()
        assert (done.looked, done.found, done.validated, done.errors) == (1, 1, 0, [])
        run.loop.cycle(after=timedelta(minutes=15))
        title = f"VIPcheck: still Head of Sails at {case.organisation}? ({case.remark})"
        assert run.note() == f"{title}\nType: ok / left / later / never\n\n{OWN}"
        (first,) = run.evidence()

        asked = len(run.net.secure.requests)
        run.consult()
        assert len(run.net.secure.requests) == asked  # not before its time

        run.loop.clock.advance(120 * DAY if case.source == "gleif" else 39 * DAY)
        again = run.consult()
        assert (again.looked, again.errors) == (1, [])
        later = run.net.secure.requests[asked:]
        conditions = ["if-none-match" in one.headers for one in later if one.path != "/robots.txt"]
        assert conditions == [case.conditional] * len(conditions)
        assert conditions
        (held,) = run.evidence()
        assert held == replace(first, observed_at=run.loop.clock.now)


def test_each_contacts_the_hosts_that_it_declares_and_sends_what_it_declares(case: Case, house: Household) -> None:
    with running(case, house) as run, contacted() as places:
        run.consult()
        run.loop.cycle(after=DAY)
        row = run.row()
    server = run.house.server.url.rstrip("/").removeprefix("http://")
    assert places == {server, f"127.0.0.1:{run.net.secure.port}"}
    assert run.net.asked() == list(case.asked)
    assert set(run.net.names.asked) == case.hosts
    sent = run.sent().casefold()
    assert {word for word in case.private() if word in sent} == set()
    assert all(word in sent for word in case.may)
    allowed = {"host", "user-agent", "accept", "accept-encoding", "connection", "x-github-api-version"}
    assert {name for one in run.net.secure.requests for name in one.headers} <= allowed
    shown = {"the hosts on the cards"} if case.source == "web" else case.hosts
    assert (set(row["hosts"]), row["used"], row["private"]) == (shown, len(case.asked), False)


def test_a_try_shows_what_it_finds_and_hides_nothing_from_the_next_look(case: Case, house: Household) -> None:
    with running(case, house) as run:
        for _ in range(2):  # the second one is no less
            tried = asyncio.run(overview.tried(run.app, case.source, None))
            assert (tried.looked, len(tried.found), tried.error) == (1, 1, "")
        assert run.evidence() == ()
        assert run.consult().found == 1


TROUBLE: Mapping[str, Site] = {
    "down": lambda request: Response(503, b"<p>Quillfeather is away</p>"),
    "forbidden": lambda request: Response(403, b"", [("X-Why", "Quillfeather")]),
    "busy": lambda request: Response(429, b"", [("Retry-After", "3600")]),
    "broken off": lambda request: Response(200, b"{" * 5000, [("Content-Type", "application/json")], cut=100),
    "elsewhere": lambda request: redirect(f"https://192.168.1.1{request.path}"),
    "walled": lambda request: page("<p>Checking your browser</p>", 200, cf_mitigated="challenge"),
}


BAD = [(case, trouble) for case in CASES for trouble in TROUBLE if trouble == "down" or case in CASES[:2]]


@pytest.mark.parametrize(("case", "trouble"), BAD, ids=[f"{case.source} {trouble}" for case, trouble in BAD])
def test_one_that_fails_is_told_of_without_a_word_of_the_card_and_stops_no_cycle(
    case: Case, trouble: str, house: Household, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("info", "json")
    try:
        with running(case, house, dict.fromkeys(case.hosts, TROUBLE[trouble])) as run:
            done = run.consult()
            cycle = run.loop.cycle(after=DAY)
            assert (done.looked, done.failed, cycle.exit_code) == (0, 1, 0)
            assert (run.evidence(), run.note()) == ((), OWN)
            error = run.row()["error"]
            assert error
            tried = asyncio.run(overview.tried(run.app, case.source, None))
            assert tried.error
            said = "\n".join([*capsys.readouterr(), error, *done.errors, tried.error]).casefold()
    finally:
        structlog.reset_defaults()
    assert '"event": "source"' in said
    private = {*case.private(), "quillfeather", "oldco", "janedoe", "jane.example", "0000-0002", "cf62693d"}
    assert {word for word in private if word in said} == set()


def test_a_token_goes_to_its_service_alone_and_is_told_nowhere(
    house: Household, capsys: pytest.CaptureFixture[str]
) -> None:
    github = replace(CASES[1], table={"token": "tok-Obelix-99"})
    log.configure("info", "json")
    try:
        with running(github, house) as run:
            run.consult()
            run.loop.cycle(after=DAY)
            assert [one.headers["authorization"] for one in run.net.secure.requests] == ["Bearer tok-Obelix-99"]
            assert "Obelix" not in "".join([*capsys.readouterr(), str(run.row()), *house.content()])
    finally:
        structlog.reset_defaults()


def test_one_that_hangs_holds_a_cycle_up_for_its_head_start_and_no_longer(house: Household) -> None:
    released = threading.Event()

    def hangs(request: Request) -> Response:
        released.wait(60)
        return page("<h1>Oldco</h1>")

    async def beside(run: Run) -> Mapping[str, Counts]:
        beside = consulting.Beside()
        await beside.begin(run.app)
        done = await cycle(run.app)
        assert not released.is_set()
        assert [report.counts["vips"] for report in done.reports] == [1]
        await beside.begin(run.app, timedelta())  # the next cycle begins no second run
        assert len(run.net.secure.requests) == 1
        return await beside.end(timedelta())

    github = CASES[1]
    with running(github, house, dict.fromkeys(github.hosts, hangs)) as run:
        run.patience = PATIENT
        try:
            assert asyncio.run(beside(run)) == {}
        finally:
            released.set()
        assert run.evidence() == ()


def test_a_command_that_takes_its_time_with_a_secret_holds_no_cycle_up(house: Household) -> None:
    gate = house.home / "gate"
    unlocked = f"until test -e '{gate}'; do sleep 0.05; done; echo tok-Obelix-99"  # as a key store is, by hand
    github = replace(CASES[1], table={"token_command": ("sh", "-c", unlocked)})

    async def beside(run: Run) -> Mapping[str, Counts]:
        beside = consulting.Beside()
        await beside.begin(run.app, timedelta())
        await cycle(run.app)
        assert run.net.secure.requests == []
        gate.touch()
        return await beside.end(timedelta(seconds=60))

    with running(github, house) as run:
        assert asyncio.run(beside(run))["github"].found == 1
        assert [one.headers["authorization"] for one in run.net.secure.requests] == ["Bearer tok-Obelix-99"]
