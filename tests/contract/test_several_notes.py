"""A card with several notes: ours goes into one of them, and what stood in the others before is no answer, nor ours."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cardsync.annotate.comeback import put_back
from cardsync.policy import Position, ReminderPolicy
from cardsync.records import Ending
from cardsync.vcard.document import scan
from cardsync.vcard.note import note_texts
from in_memory import HOME, Household, MemoryServer, escaped, person, vip_group
from loop import DAY, HOUR

JO = f"{HOME}Jo.vcf"
OWN = "likes tea\n\nKids: Ada, Bo"
SECOND = "VIPcheck: still at Acme Robotics, asked her in 2024"


def with_notes(card: bytes, *notes: str) -> bytes:
    """The card with these notes and no other."""
    bare = b"\r\n".join(line for line in card.replace(b"\r\n ", b"").split(b"\r\n") if not line.startswith(b"NOTE:"))
    lines = "".join(f"NOTE:{escaped(note)}\r\n" for note in notes).encode()
    return bare.replace(b"UID:", lines + b"UID:")


def notes_of(server: MemoryServer) -> tuple[str, ...]:
    return note_texts(scan(server.cards[JO]))


@contextmanager
def asked(folder: Path, *notes: str, position: Position = Position.TOP) -> Iterator[tuple[Household, MemoryServer]]:
    """Jo has these notes, and was asked in one of them."""
    server = MemoryServer()
    server.write(JO, with_notes(person("Jo"), *notes))
    server.write(f"{HOME}group.vcf", vip_group("Jo"))
    home = Household(folder=folder, server=server, reminders=ReminderPolicy(position=position))
    asyncio.run(home.cycle())
    assert sum(note.count("Type: ok") for note in notes_of(server)) == 1
    try:
        yield home, server
    finally:
        home.mirror.close()


def endings(home: Household) -> list[Ending | None]:
    return [question.ending for question in home.mirror.questions.of(home.contact("Jo"))]


@pytest.mark.parametrize("position", Position)
@pytest.mark.parametrize("glue", ["\n\n\n", "\n", " "])
@pytest.mark.parametrize("second", ["ok", "Retired", "Old badge 4711\nleft", "moved\nher new flat is in Rome"])
@pytest.mark.parametrize("first", [OWN, ""])
def test_what_stood_in_another_note_is_no_answer_once_a_client_joins_them(
    tmp_path: Path, first: str, second: str, glue: str, position: Position
) -> None:
    with asked(tmp_path, first, second, position=position) as (home, server):
        joined = glue.join(notes_of(server))
        server.write(JO, with_notes(server.cards[JO], joined).replace(b"5550100", b"5550101"))
        asyncio.run(home.cycle(after=7 * HOUR))
        assert endings(home) == [None]
        assert notes_of(server) == (joined,)
        if glue == " " and position is Position.BOTTOM:
            return  # what is typed below the block stands on a line of theirs
        server.write(JO, with_notes(server.cards[JO], joined.replace("never", "never\nlater 3m", 1)))
        asyncio.run(home.cycle(after=7 * HOUR))
        assert endings(home) == [Ending.SNOOZED]
        assert all(line in notes_of(server)[0] for line in second.split("\n"))


@pytest.mark.parametrize("second", [SECOND, "VIPcheck: called her", "ok"])
def test_another_note_stays_whatever_becomes_of_the_question(tmp_path: Path, second: str) -> None:
    with asked(tmp_path, OWN, second) as (home, server):
        server.write(JO, with_notes(server.cards[JO], OWN, notes_of(server)[1]))
        asyncio.run(home.cycle(after=DAY))
        assert endings(home) == [Ending.DISMISSED]
        assert notes_of(server) == (OWN, second)


def test_a_question_that_was_answered_in_a_second_note_does_not_come_back(tmp_path: Path) -> None:
    with asked(tmp_path, OWN) as (home, server):
        block = notes_of(server)[0].replace("never", "never\nok", 1)
        server.write(JO, with_notes(server.cards[JO], "of another app", block))
        asyncio.run(home.cycle(after=DAY))
        assert endings(home) == [Ending.CONFIRMED]
        version = home.mirror.journal.versions(1, "jo")[0]
        back = put_back(home.mirror, home.contact("Jo"), version, in_list=True)
        assert note_texts(scan(back)) == ("of another app", OWN)


def test_an_answer_in_a_second_note_is_read_where_the_card_got_another_address(tmp_path: Path) -> None:
    with asked(tmp_path, OWN) as (home, server):
        block = notes_of(server)[0].replace("never", "never\nok", 1)
        moved = with_notes(server.cards[JO], "of another app", block)
        server.delete(JO)
        server.write(f"{HOME}new.vcf", moved)
        asyncio.run(home.cycle(after=DAY))
        assert endings(home) == [Ending.CONFIRMED]
        assert note_texts(scan(server.cards[f"{HOME}new.vcf"])) == ("of another app", OWN)


@pytest.mark.parametrize(
    ("first", "second"), [("likes tea", "Kids:\n\nAda"), ("", "Kids:\n\nAda"), ("likes tea", "ok")]
)
def test_an_answer_counts_beside_a_second_note_of_any_form(tmp_path: Path, first: str, second: str) -> None:
    with asked(tmp_path, first, second) as (home, server):
        note, other = notes_of(server)
        server.write(JO, with_notes(server.cards[JO], note.replace("never", "never\nok", 1), other))
        asyncio.run(home.cycle(after=7 * HOUR))
        assert endings(home) == [Ending.CONFIRMED]
        assert notes_of(server) == (first, second)


def test_a_second_note_with_our_label_stays_whatever_its_case_and_edits(tmp_path: Path) -> None:
    with asked(tmp_path, OWN, "vipcheck: called her") as (home, server):
        server.write(JO, with_notes(server.cards[JO], OWN, "vipcheck: I called her twice"))
        asyncio.run(home.cycle(after=DAY))
        assert notes_of(server) == (OWN, "vipcheck: I called her twice")
