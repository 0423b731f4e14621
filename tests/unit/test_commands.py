"""What the owner says on the command line about a contact of whom nothing is asked."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from asking import asked
from cardsync import commands
from cardsync.mirror.database import iso
from cardsync.model import WorkField
from cardsync.policy import ReminderPolicy
from cardsync.records import Pause, ProblemKind
from in_memory import HOME, Household, MemoryServer, person, vip_group

DAY = timedelta(days=1)


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Household]:
    server = MemoryServer()
    server.write(f"{HOME}jo.vcf", person("Jo", TITLE=""))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    household = Household(folder=tmp_path, server=server, reminders=ReminderPolicy(max_open=0))
    await household.cycle()
    yield household
    household.mirror.close()


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("validate", {"contacts": "all", "on": "0001-01-01T00:00:00+01:00"}),  # iso() has no year 0
        ("validate", {"contacts": [], "on": "yesterday"}),
        ("answer", {"contact": 10**6, "account": "home", "answer": "left"}),
        ("answer", {}),
        ("forget-me", {}),
    ],
)
def test_a_command_that_fails_is_marked_so_and_holds_up_neither_the_others_nor_the_next_cycle(
    at: Household, verb: str, arguments: dict[str, Any]
) -> None:
    jo = at.contact("Jo")
    if "contacts" in arguments:
        arguments = {**arguments, "contacts": [jo]}
    before = at.mirror.contacts.memory(jo)
    poison = at.mirror.commands.queue(verb, arguments, at.now)
    never = at.mirror.commands.queue("answer", {"contact": jo, "account": "home", "answer": "never"}, at.now)
    with capture_logs() as logs:
        assert commands.carry_out(at.mirror, lambda account: ReminderPolicy(), at.now) == 1
    assert [entry["event"] for entry in logs] == ["command failed"]
    assert at.mirror.standings.of(jo).pause is Pause.NEVER
    assert at.mirror.contacts.memory(jo).fields == before.fields
    assert (at.mirror.commands.has_failed(poison), at.mirror.commands.has_failed(never)) == (True, False)
    assert at.mirror.commands.waiting() == []


@example(datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=8))))
@given(st.datetimes(timezones=st.timezones()))
def test_what_is_let_into_the_queue_can_be_stored(on: datetime) -> None:
    try:
        commands.check("validate", {"contacts": [], "on": on.isoformat()})
    except ValueError:
        assert not 1970 < on.year < 9999
    else:
        assert iso(on)


def tell(at: Household, verb: str, **arguments: Any) -> None:
    at.now += DAY
    at.mirror.commands.queue(verb, arguments, at.now)
    assert commands.carry_out(at.mirror, lambda account: ReminderPolicy(), at.now) == 1


@pytest.mark.parametrize("word", ["later", "left", "ok"])
def test_never_holds_until_resume_whatever_is_answered_meanwhile(at: Household, word: str) -> None:
    jo = at.contact("Jo")
    tell(at, "answer", contact=jo, account="home", answer="never")
    tell(at, "answer", contact=jo, account="home", answer=word)
    assert at.mirror.standings.of(jo).pause is Pause.NEVER
    tell(at, "resume", contact=jo)
    assert at.mirror.standings.of(jo).pause is None


def test_an_older_date_takes_no_confirmation_back(at: Household) -> None:
    jo = at.contact("Jo")
    tell(at, "answer", contact=jo, account="home", answer="ok")
    confirmed = at.now
    tell(at, "validate", contacts=[jo], on=datetime(2020, 1, 1, tzinfo=at.now.tzinfo).isoformat())
    fields = at.mirror.contacts.memory(jo).fields
    assert fields[WorkField.ORGANISATION].validated_at == confirmed
    assert fields[WorkField.EMAIL].validated_at == datetime(2020, 1, 1, tzinfo=at.now.tzinfo)


@pytest.mark.parametrize(
    ("zone", "asked_at", "right_on", "answered"),
    [
        ("Pacific/Auckland", (2026, 3, 2, 8), (2026, 3, 1), False),
        ("Pacific/Auckland", (2026, 3, 2, 8), (2026, 3, 2), True),
        ("America/Los_Angeles", (2026, 3, 1, 18), (2026, 3, 1), True),
        ("America/Los_Angeles", (2026, 3, 1, 18), (2026, 2, 28), False),
    ],
)
def test_a_day_is_held_against_the_day_of_the_question_by_the_same_clock(
    zone: str, asked_at: tuple[int, ...], right_on: tuple[int, int, int], answered: bool
) -> None:
    there = ZoneInfo(zone)
    question = replace(asked(), asked_at=datetime(*asked_at, tzinfo=there).astimezone(UTC))  # type: ignore[misc, arg-type]
    for on in (
        datetime(*right_on, tzinfo=there),
        datetime.fromisoformat(datetime(*right_on, tzinfo=there).isoformat()),
    ):
        assert commands.answers(question, on) is answered


def test_the_history_names_no_field_that_the_card_lacks(at: Household) -> None:
    jo = at.contact("Jo")
    tell(at, "validate", contacts=[jo], on=at.now.isoformat())
    told = {event["field"] for event in at.mirror.contacts.history(jo) if event["what"] == "validated"}
    assert told == {"organisation", "department", "email"}


def test_a_release_clears_what_was_there_to_be_seen_and_not_what_came_since(at: Household) -> None:
    book = at.mirror.books.of("home")[0]
    at.mirror.problems.tell(ProblemKind.VIP_LOSS, book, "vip-loss", "seen", at.now)
    at.mirror.commands.queue("release", {"shown": at.mirror.problems.shown()}, at.now)
    at.mirror.problems.tell(ProblemKind.MASS_CHANGE, book, "mass-change", "came since", at.now)
    commands.carry_out(at.mirror, lambda account: ReminderPolicy(), at.now)
    assert [problem.kind for problem in at.mirror.problems.all()] == [ProblemKind.MASS_CHANGE]


def test_a_guard_that_says_something_else_since_is_not_the_one_that_was_seen(at: Household) -> None:
    book = at.mirror.books.of("home")[0]
    at.mirror.problems.tell(ProblemKind.MASS_CHANGE, book, "mass-change", "12 changed", at.now)
    at.mirror.commands.queue("release", {"shown": at.mirror.problems.shown()}, at.now)
    at.mirror.problems.tell(ProblemKind.MASS_CHANGE, book, "mass-change", "30 are gone", at.now)
    commands.carry_out(at.mirror, lambda account: ReminderPolicy(), at.now)
    assert [problem.detail for problem in at.mirror.problems.all()] == ["30 are gone"]
