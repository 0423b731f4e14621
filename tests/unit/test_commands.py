"""What the owner says on the command line about a contact of whom nothing is asked."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from asking import asked
from cardsync import commands
from cardsync.model import WorkField
from cardsync.policy import ReminderPolicy
from cardsync.records import Pause
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


def tell(at: Household, verb: str, **arguments: Any) -> None:
    at.now += DAY
    at.mirror.commands.queue(verb, arguments, at.now)
    assert commands.carry_out(at.mirror, lambda account: ReminderPolicy(), at.now) == 1


@pytest.mark.parametrize("word", ["later", "left", "ok"])
def test_never_holds_until_resume_whatever_is_answered_meanwhile(at: Household, word: str) -> None:
    jo = at.contact("Jo")
    tell(at, "answer", contact=jo, account="home", answer="never")
    tell(at, "answer", contact=jo, account="home", answer=word)
    assert at.mirror.contacts.standing(jo).pause is Pause.NEVER
    tell(at, "resume", contact=jo)
    assert at.mirror.contacts.standing(jo).pause is None


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
