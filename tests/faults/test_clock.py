"""The clock of a small machine: behind until the network is there, or years ahead for a moment."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import household
import loop
from cardsync.clock import was_ahead
from cardsync.demo.phone import Phone
from cardsync.records import Ending
from in_memory import HOME, Household, MemoryServer, person, vip_group
from loop import DAY, HOUR
from servers import start_xandikos
from servers.loopback import Response

JO = f"{HOME}Jo.vcf"
TEN_YEARS = 3650 * DAY
MOVED = (b"ORG:Acme;Sales", b"ORG:Stripe;")


def asked(folder: Path) -> tuple[Household, MemoryServer]:
    """A question stands on Jo's card."""
    server = MemoryServer()
    home = Household(folder=folder, server=server)
    server.write(JO, person("Jo", "likes tea"))
    server.write(f"{HOME}group.vcf", vip_group("Jo"))
    asyncio.run(home.cycle())
    assert b"VIPcheck" in server.cards[JO]
    return home, server


@pytest.mark.parametrize("behind", [timedelta(minutes=30), timedelta(days=400)])
def test_an_edit_that_is_read_while_the_clock_is_behind_is_an_answer(folder: Path, behind: timedelta) -> None:
    home, server = asked(folder)
    home.now -= behind
    server.write(JO, server.cards[JO].replace(*MOVED))
    asyncio.run(home.cycle())
    assert b"VIPcheck" not in server.cards[JO]
    (jo,) = home.mirror.contacts.named()
    assert [question.ending for question in home.mirror.questions.of(jo["id"])] == [Ending.EDITED]


def test_what_was_done_in_the_future_is_done_again(folder: Path) -> None:
    """Else a server that never owns up to a lost token would be believed for years."""
    home, server = asked(folder)
    asyncio.run(home.cycle(after=timedelta(days=3650)))
    home.now -= timedelta(days=3650)
    server.etags[JO] = '"other"'  # past the sync token
    server.cards[JO] = server.cards[JO].replace(*MOVED)
    asyncio.run(home.cycle())
    assert b"VIPcheck" not in server.cards[JO]


def test_a_pause_from_a_clock_that_was_years_ahead_is_void(house: household.Household) -> None:
    house.fill()
    house.proxy.before = lambda request: Response(503)
    assert house.cardsync("sync").exit_code == 12
    house.proxy.before = lambda request: None
    assert house.cardsync("sync").exit_code == 12
    with house.writable() as database:
        database.execute("UPDATE account SET not_before = replace(not_before, '20', '21')")
    assert house.cardsync("sync").exit_code == 0


# ---------------------------------------------------------------- one cycle years ahead


@pytest.fixture
def steady(folder: Path) -> Iterator[loop.Home]:
    """Jo, whom nobody was asked about in a week of cycles."""
    cards = {"Jo": loop.person("Jo", loop.OWN)}
    with (
        start_xandikos(folder / "server") as server,
        loop.home_on(server, folder, cards, reminders={"max_open": 0}) as home,
    ):
        for _ in range(7):
            home.loop.cycle(after=DAY)
        home.loop.reconfigure(reminders=loop.PLENTY)
        yield home


def ahead_for_a_cycle(home: loop.Home) -> dict[str, int]:
    """What it did; then the clock is right again."""
    did = home.loop.counts(after=TEN_YEARS)
    home.loop.clock.advance(-TEN_YEARS)
    home.loop.cycle(after=HOUR)
    return did


def test_a_question_that_was_asked_while_the_clock_was_ahead_expires_as_any(steady: loop.Home) -> None:
    assert ahead_for_a_cycle(steady)["asked"] == 1
    assert steady.loop.counts(after=44 * DAY)["taken_out"] == 0
    assert steady.loop.counts(after=DAY + HOUR)["expired"] == 1
    assert steady.note() == loop.OWN


@pytest.mark.parametrize(
    ("gesture", "days"),
    [
        (lambda phone: phone.type_below_block("Jo.vcf", "later 2 weeks"), 14),
        (lambda phone: phone.delete_block("Jo.vcf"), 90),
        (lambda phone: phone.write_free_text("Jo.vcf", "now CRO at Stripe, I think"), 90),
    ],
    ids=["later", "deleted", "noted"],
)
def test_a_wait_that_began_while_the_clock_was_ahead_keeps_its_length(
    steady: loop.Home, gesture: Callable[[Phone], None], days: int
) -> None:
    assert steady.loop.counts()["asked"] == 1
    gesture(steady.phone)
    ahead_for_a_cycle(steady)
    assert None not in steady.loop.endings("Jo")
    assert steady.loop.counts(after=(days - 1) * DAY)["asked"] == 0
    assert steady.loop.counts(after=2 * DAY)["asked"] == 1


def test_no_date_is_left_of_a_clock_that_was_ahead(steady: loop.Home) -> None:
    assert steady.loop.counts()["asked"] == 1
    steady.phone.type_below_block("Jo.vcf", "ok")
    assert ahead_for_a_cycle(steady)["confirmed"] == 1
    memory = steady.loop.app.mirror.contacts.memory(steady.loop.contact("Jo"))
    dates = [known.validated_at for known in memory.fields.values() if known.validated_at]
    assert dates
    assert max(dates) <= steady.loop.clock()
    years = {line[:4] for line in steady.loop.app.mirror.database.rows("SELECT at FROM history")[-1]}
    assert years == {"2026"}


@pytest.mark.parametrize("behind", [DAY * 100, DAY * 400, DAY * 365 * 56], ids=str)
def test_dates_that_were_true_are_kept_while_the_clock_is_behind(steady: loop.Home, behind: timedelta) -> None:
    assert steady.loop.counts()["asked"] == 1
    (before,) = steady.loop.questions("Jo")
    for _ in range(3):
        steady.loop.clock.advance(-behind)
        steady.loop.cycle()
        steady.loop.clock.advance(behind)
        steady.loop.cycle(after=HOUR)
    assert steady.loop.questions("Jo") == [before]


NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PACE = st.timedeltas(timedelta(minutes=1), DAY)


@given(pace=PACE, right=st.integers(6, 500), wrong=st.integers(1, 5), by=st.timedeltas(7 * DAY, TEN_YEARS))
def test_some_cycles_ahead_are_seen(pace: timedelta, right: int, wrong: int, by: timedelta) -> None:
    began = [NOW - at * pace for at in range(right, 0, -1)]
    assert not was_ahead(began, NOW)
    assert was_ahead([*began, *(NOW + by + at * pace for at in range(wrong))], NOW + pace)


@given(pace=PACE, cycles=st.integers(1, 500), behind=st.integers(1, 499), boots=st.integers(0, 20))
def test_a_clock_that_was_set_back_is_not_believed(pace: timedelta, cycles: int, behind: int, boots: int) -> None:
    """Neither to somewhere among the cycles that were, nor to where a machine without a battery begins."""
    began = [NOW - at * pace for at in range(cycles, 0, -1)]
    assert not was_ahead(began, NOW - behind * pace - pace / 2)
    start = datetime(1970, 1, 1, tzinfo=UTC)
    assert not was_ahead([*(start for _ in range(boots)), *began], start + timedelta(seconds=1))
    build = NOW - 200 * DAY - cycles * pace
    assert not was_ahead([*began, *(build for _ in range(boots % cycles))], build + timedelta(seconds=1))
