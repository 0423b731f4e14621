"""All sources at once: what one does to the others, and to the run."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cardsync import consulting, overview
from cardsync.app import App
from cardsync.errors import StateProblem
from cardsync.evidence.http import GuardedClient
from cardsync.evidence.kept import Kept
from cardsync.evidence.vetting import public
from cardsync.inquiries import Named
from cardsync.mirror import Mirror
from cardsync.model import Contact
from cardsync.settings.model import Settings
from cardsync.settings.reading import table_of
from cardsync.sources import About, Consulted, Need, Subject, Web
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from in_memory import START, address_book, person
from servers.loopback import Request, Response
from servers.sites import Internet, internet, page

NOW = START + timedelta(days=30)
ACCOUNT = {"url": "http://127.0.0.1:9", "allow_http": True, "auth": "none"}


@dataclass
class Plain:
    """A source that answers as a test says; ``ended`` tells how its last look did."""

    name: str
    answer: Callable[[Sequence[Subject], Web], Any] = lambda subjects, web: Consulted()
    turns: int = 0
    hangs: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[str] = field(default_factory=list)

    @property
    def about(self) -> About:
        return About(name=self.name, sends="", hosts=("api.example",), needs=frozenset({Need.NAME, Need.WORK_EMAIL}))

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        self.begun.set()
        try:
            if self.hangs:
                await asyncio.Event().wait()
            for _ in range(self.turns):
                await asyncio.sleep(0)
            found: Consulted = self.answer(subjects, web)
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        self.ended.append("well")
        return found


def settings(tmp_path: Path, **more: Any) -> Settings:
    return table_of(Settings, {"state_dir": tmp_path, "accounts": {"home": ACCOUNT}, **more})


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """One VIP, known already."""
    mirror = Mirror.open(tmp_path / "cardsync.db")
    mirror.accounts.store_discovery("home", [address_book()], START)
    contact = contact_of(scan(person("Jo")))
    id_, _ = mirror.contacts.observe(1, contact, "jo", "/jo.vcf", work_keys(contact), START)
    vips: dict[int, Contact] = {id_: contact}
    monkeypatch.setattr(consulting, "known_vips", lambda app: vips)
    yield App(settings=settings(tmp_path), mirror=mirror, clock=lambda: NOW)
    mirror.close()


async def consulted(app: App, *sources: Plain) -> Mapping[str, Any]:
    return await consulting.consult(app, [Named(name=each.name, source=each) for each in sources])


async def test_a_plug_in_that_gives_nonsense_is_told_of_and_the_others_do_their_work(app: App) -> None:
    good = Plain("good", turns=20)
    done = await consulted(app, Plain("bad", lambda subjects, web: None), good)
    assert (done["bad"].failed, done["good"].looked, good.ended) == (1, 1, ["well"])
    assert "it is no Consulted" in app.mirror.evidence.state("bad", NOW).error


async def test_a_full_database_is_no_mistake_of_the_source_and_leaves_none_running(app: App) -> None:
    def full(subjects: Sequence[Subject], web: Web) -> Consulted:
        raise StateProblem("The disk is full. Make room on it.")

    slow = Plain("slow", hangs=True)
    with pytest.raises(StateProblem, match="The disk is full"):
        await consulted(app, Plain("first", full), slow)
    assert slow.ended == ["CancelledError"]
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert app.mirror.evidence.state("first", NOW).error == ""


async def test_a_full_database_is_no_mistake_of_a_source_that_is_tried_either(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(subjects: Sequence[Subject], web: Web) -> Consulted:
        raise StateProblem("The disk is full. Make room on it.")

    monkeypatch.setattr(overview, "one_named", lambda settings, name: Named(name=name, source=Plain(name, full)))
    with pytest.raises(StateProblem, match="The disk is full"):
        await overview.tried(app, "dns", None)


# ---------------------------------------------------------------- from run to run


def colleague(app: App, number: int) -> dict[int, Contact]:
    contact = contact_of(scan(person(f"Colleague{number}")))
    id_, _ = app.mirror.contacts.observe(1, contact, f"c{number}", f"/c{number}.vcf", work_keys(contact), START)
    return {id_: contact}


def online(app: App, net: Internet, **sources: Any) -> App:
    """With the real sources and client, whose names lead to loopback."""

    def client(kept: Kept) -> GuardedClient:
        return GuardedClient(
            vetter=public,
            validators=kept,
            quota=kept,
            resolver=net.names,
            clock=net.clock,
            tls=lambda: net.tls,
            inner=net.inner,
        )

    return replace(app, settings=settings(app.settings.state_dir, sources=sources), clock=net.clock, make_client=client)


async def three_runs(app: App, net: Internet, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of three colleagues, a quarter of an hour apart; what their employer's site was asked for."""
    beside, app = consulting.Beside(), online(app, net, web={})
    for number in range(3):
        vips = colleague(app, number)
        monkeypatch.setattr(consulting, "known_vips", lambda app, vips=vips: vips)
        await beside.begin(app, PATIENCE)
        net.clock.forward(minutes=15)
    await beside.end(PATIENCE)
    return [request.path for request in net.secure.requests]


PATIENCE = timedelta(minutes=5)


async def test_the_site_of_three_colleagues_is_visited_once_a_week_and_not_once_for_each(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    with internet({"acme.example": lambda request: page("<h1>Acme</h1>")}) as net:
        assert await three_runs(app, net, monkeypatch) == ["/robots.txt", "/"]


async def test_a_site_that_asks_for_a_pause_is_not_asked_for_the_colleague_in_the_next_run(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(request: Request) -> Response:
        return Response(429, b"", [("Retry-After", "259200")])

    with internet({"acme.example": busy}) as net:
        assert await three_runs(app, net, monkeypatch) == ["/robots.txt"]


@dataclass
class Built:
    """Sources as the config names them, built by hand, and how often."""

    sources: list[Plain]
    but: list[set[str]] = field(default_factory=list)

    def named(self, settings: Settings, but: Any = ()) -> Iterator[Named]:
        self.but.append(set(but))
        return (Named(name=each.name, source=each) for each in self.sources if each.name not in but)


async def test_a_source_is_built_once_and_anew_only_after_it_failed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    built = Built([Plain("good"), Plain("bad", lambda subjects, web: None)])
    monkeypatch.setattr(consulting, "named", built.named)
    beside, on = consulting.Beside(), replace(app, settings=settings(app.settings.state_dir, sources={"dns": {}}))
    for _ in range(2):
        await beside.begin(on, PATIENCE)
    await beside.end(PATIENCE)
    assert built.but == [set(), {"good"}]


async def test_a_run_ends_with_the_config_that_it_is_of(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = Plain("slow", hangs=True), Plain("quick")
    built = Built([slow])
    monkeypatch.setattr(consulting, "named", built.named)
    beside, on = consulting.Beside(), replace(app, settings=settings(app.settings.state_dir, sources={"dns": {}}))
    await beside.begin(on, timedelta())
    await slow.begun.wait()
    built.sources = [quick]
    other = replace(app, settings=settings(app.settings.state_dir, sources={"dns": {}, "gleif": {}}))
    await beside.begin(other, PATIENCE)
    assert (slow.ended, quick.ended) == (["CancelledError"], ["well"])
    assert (await beside.end(PATIENCE))["quick"].looked == 1


async def test_a_config_without_sources_ends_the_run_too(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Plain("slow", hangs=True)
    monkeypatch.setattr(consulting, "named", Built([slow]).named)
    beside, on = consulting.Beside(), replace(app, settings=settings(app.settings.state_dir, sources={"dns": {}}))
    await beside.begin(on, timedelta())
    await slow.begun.wait()
    await beside.begin(app)
    assert slow.ended == ["CancelledError"]


async def test_a_run_that_is_stopped_asks_nobody_any_more_and_the_next_one_may_begin(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Plain("slow", hangs=True)
    monkeypatch.setattr(consulting, "named", Built([slow]).named)
    beside, on = consulting.Beside(), replace(app, settings=settings(app.settings.state_dir, sources={"dns": {}}))
    beside.stop()  # of none
    await beside.begin(on, timedelta())
    await slow.begun.wait()
    beside.stop()
    await beside.begin(on, PATIENCE)
    assert slow.ended == ["CancelledError"]
    slow.hangs = False
    await beside.begin(on, PATIENCE)
    assert slow.ended == ["CancelledError", "well"]
    assert (await beside.end(PATIENCE))["slow"].looked == 1
    assert await beside.end(PATIENCE) == {}
