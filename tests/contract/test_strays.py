"""A question of ours on a card that is in no list is told of until it is gone; one UID in two books is asked once."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import card_strategies as strategies
from asking import BLOCK
from cardsync.annotate.stray import holds_block
from cardsync.policy import Position, ReminderPolicy
from cardsync.records import ProblemKind
from cardsync.vcard.note import insert
from in_memory import HOME, Household, MemoryServer, address_book, person, vip_group

DAY = timedelta(days=1)
JO, COPY, GROUP = f"{HOME}Jo.vcf", f"{HOME}Copy.vcf", f"{HOME}group.vcf"


@pytest.fixture
def server() -> MemoryServer:
    made = MemoryServer()
    made.write(JO, person("Jo", "met at the fair"))
    made.write(GROUP, vip_group("Jo"))
    return made


@pytest.fixture
def home(tmp_path: Path, server: MemoryServer) -> Iterator[Household]:
    made = Household(folder=tmp_path, server=server)
    yield made
    made.mirror.close()


def told(home: Household) -> list[str]:
    return [problem.href for problem in home.mirror.problems.all() if problem.kind is ProblemKind.STRAY]


def duplicate(server: MemoryServer) -> None:
    server.write(COPY, server.cards[JO].replace(b"UID:Jo", b"UID:Copy"))


def test_a_copy_of_a_card_with_our_question_is_told_of_until_it_is_put_right(
    home: Household, server: MemoryServer
) -> None:
    asyncio.run(home.cycle())
    assert told(home) == []
    duplicate(server)
    for _ in range(2):
        asyncio.run(home.cycle(after=DAY))
        home.mirror.problems.release()
        assert told(home) == [COPY]
    server.write(COPY, person("Copy", "met at the fair"))
    asyncio.run(home.cycle(after=DAY))
    assert told(home) == []
    duplicate(server)
    asyncio.run(home.cycle(after=DAY))
    server.delete(COPY)
    asyncio.run(home.cycle(after=DAY))
    assert told(home) == []


def test_it_is_no_stray_once_it_is_in_a_list(home: Household, server: MemoryServer) -> None:
    asyncio.run(home.cycle())
    duplicate(server)
    asyncio.run(home.cycle(after=DAY))
    server.write(GROUP, vip_group("Jo", "Copy"))
    asyncio.run(home.cycle(after=DAY))
    assert told(home) == []


def test_a_lost_database_takes_no_vips_question_for_a_stray(home: Household, server: MemoryServer) -> None:
    asyncio.run(home.cycle())
    home.mirror.close()
    home.database.unlink()
    home.open()
    asyncio.run(home.cycle(after=DAY))
    assert home.mirror.problems.all() == []


@given(strategies.cards(), st.sampled_from(Position))
def test_a_whole_question_is_seen_on_any_card_and_nothing_else_is_taken_for_one(
    data: bytes, position: Position
) -> None:
    policy = ReminderPolicy()
    assert holds_block(insert(data, BLOCK, position), policy)
    assert not holds_block(insert(data, "VIPcheck: call her", position), policy) or b"VIPcheck" in data
    assert not holds_block(data, policy) or b"VIPcheck" in data


# ---------------------------------------------------------------- one contact in two books

SECOND = "/dav/family/"


@pytest.mark.parametrize("answered", [True, False])
def test_a_contact_in_two_books_is_asked_in_one(tmp_path: Path, answered: bool) -> None:
    books = (address_book(), address_book("Family", f"http://memory.test{SECOND}"))
    server = MemoryServer(books=books)
    for folder in (HOME, SECOND):
        server.write(f"{folder}Jo.vcf", person("Jo", "met at the fair"))
        server.write(f"{folder}group.vcf", vip_group("Jo"))
    other = f"{SECOND}Jo.vcf"
    before = server.cards[other]
    home = Household(folder=tmp_path, server=server)
    home.reminders = replace(home.reminders, max_new_per_day=9, max_new_per_week=9)
    asyncio.run(home.cycle())
    assert b"VIPcheck" in server.cards[JO]
    if answered:
        server.write(JO, server.cards[JO].replace(b"/ never", b"/ never\\nnever"))
    for _ in range(3):
        asyncio.run(home.cycle(after=DAY))
    assert server.cards[other] == before
    assert (b"VIPcheck" in server.cards[JO]) is not answered
    home.mirror.close()
