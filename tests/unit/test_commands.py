"""What the owner says on the command line about a contact of whom nothing is asked."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

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


def test_the_history_names_no_field_that_the_card_lacks(at: Household) -> None:
    jo = at.contact("Jo")
    tell(at, "validate", contacts=[jo], on=at.now.isoformat())
    told = {event["field"] for event in at.mirror.contacts.history(jo) if event["what"] == "validated"}
    assert told == {"organisation", "department", "email"}
