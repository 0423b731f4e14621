"""The clock of a small machine: behind until the network is there, or years ahead for a moment."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

import household
from cardsync.records import Ending
from in_memory import HOME, Household, MemoryServer, person, vip_group
from servers.loopback import Response

JO = f"{HOME}Jo.vcf"
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
