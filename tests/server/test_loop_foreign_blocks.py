"""Blocks of ours that this state did not write: from an older state, an older card, another card or another home."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cardsync import needs, undo
from cardsync.app import App
from cardsync.check import check_account
from cardsync.demo.apple import escape
from cardsync.records import Ending
from loop import DAY, HOUR, OWN, PLENTY, Home, Loop, Make, notes_apart, person


def set_note(at: Home, key: str, text: str) -> None:
    """As another client: the value of NOTE, and nothing else."""
    line = b"NOTE:" + escape(text).encode() + b"\r\n"
    at.server.put_card(f"{key}.vcf", notes_apart(at.card(key)).replace(b"UID:", line + b"UID:", 1))


def typed(note: str, word: str) -> str:
    """With a word below the block."""
    return re.sub(r"never$", f"never\n{word}", note, count=1, flags=re.MULTILINE)


@contextmanager
def older_state(at: Home) -> Iterator[None]:
    """What happens within is forgotten: the database is put back from its copy."""
    state, loop = at.loop.folder / "state", at.loop
    loop.app.mirror.database.backup(loop.folder / "old.db")
    yield
    loop.app.mirror.close()
    for path in state.glob("cardsync.db*"):
        path.unlink()
    shutil.copy(loop.folder / "old.db", state / "cardsync.db")
    loop.app = App.open(loop.settings(), clock=loop.clock)


@pytest.mark.parametrize("word", ["", "ok", "never"])
def test_a_newer_question_than_the_database_knows_is_adopted_whole(home: Make, word: str) -> None:
    at = home()
    at.loop.cycle()
    with older_state(at):
        set_note(at, "Jo", typed(at.note(), "ok"))
        at.loop.cycle(after=DAY)
        at.loop.cycle(after=900 * DAY)
        set_note(at, "Jo", typed(at.note(), word) if word else at.note())
        before = at.card()
    assert at.loop.counts(after=HOUR)["adopted"] == 1
    at.loop.cycle(after=HOUR)
    assert at.card() == before
    assert at.loop.endings("Jo") == [Ending.WITHDRAWN, None]
    assert "suggestion" not in [what for what, *_ in at.loop.history("Jo")]
    at.loop.cycle(after=46 * DAY)
    assert at.note() == (f"{word}\n\n{OWN}" if word else OWN)


def test_a_follow_up_that_the_database_does_not_know_is_adopted_and_answered(home: Make) -> None:
    at = home()
    at.loop.cycle()
    with older_state(at):
        set_note(at, "Jo", typed(at.note(), "left"))
        at.loop.cycle(after=DAY)
    at.loop.cycle(after=HOUR)
    assert at.note().startswith("VIPcheck: no longer at Acme Robotics. Where is Jo now?")
    set_note(at, "Jo", typed(at.note(), "later"))
    at.loop.cycle(after=HOUR)
    assert (at.loop.endings("Jo"), at.note()) == ([Ending.WITHDRAWN, Ending.SNOOZED], OWN)


@pytest.mark.parametrize("word", ["ok", "left"])
def test_an_older_card_that_a_client_puts_back_is_no_edit_of_the_open_question(home: Make, word: str) -> None:
    at = home()
    at.loop.cycle()
    older = at.card()
    set_note(at, "Jo", typed(at.note(), word))
    at.loop.cycle(after=DAY)
    if word == "ok":
        at.loop.cycle(after=900 * DAY)
    assert at.asked()
    at.server.put_card("Jo.vcf", older)
    for _ in range(2):
        at.loop.cycle(after=DAY)
    assert at.card() == older
    assert at.loop.endings("Jo")[-2:] == [Ending.WITHDRAWN, None]
    found, _ = asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert (found[0]["counts"]["written"], at.note()) == (1, OWN)


def test_a_company_that_was_edited_beside_an_older_block_answers_it(home: Make) -> None:
    at = home()
    at.loop.cycle()
    older = at.card()
    set_note(at, "Jo", typed(at.note(), "left"))
    at.loop.cycle(after=DAY)
    at.server.put_card("Jo.vcf", older.replace(b"Acme Robotics", b"Stripe"))
    for _ in range(2):
        at.loop.cycle(after=DAY)
    assert (at.loop.endings("Jo")[-1], at.note()) == (Ending.EDITED, OWN)


def test_a_second_home_on_the_book_takes_the_follow_up_over(home: Make, tmp_path: Path) -> None:
    at = home()
    other = tmp_path / "other"
    other.mkdir()
    with Loop(servers=(at.server,), folder=other, clock=at.loop.clock) as second:
        at.loop.cycle()
        assert second.counts(after=HOUR)["adopted"] == 1
        set_note(at, "Jo", typed(at.note(), "left"))
        at.loop.cycle(after=HOUR)
        asked = at.note()
        for _ in range(2):
            second.cycle(after=HOUR)
            at.loop.cycle(after=HOUR)
        assert at.note() == asked
        assert second.endings("Jo") == [Ending.WITHDRAWN, None]
        assert at.loop.endings("Jo") == [Ending.LEFT, None]


def test_two_accounts_that_see_one_book_are_told_of(home: Make, tmp_path: Path) -> None:
    at = home()
    (folder := tmp_path / "both").mkdir()
    with Loop(servers=(at.server, at.server), folder=folder, clock=at.loop.clock) as both:
        both.cycle()
        told = [need["account"] for need in needs.all_of(both.app) if need["kind"] == needs.SHARED_BOOK]
        assert told == ["two"]
        found = {name: asyncio.run(check_account(both.app, name))["problems"] for name in ("one", "two")}
    assert not found["one"]
    assert "one of one" in found["two"][0]
    at.loop.cycle()
    assert not needs.all_of(at.loop.app)


def test_an_ok_below_a_question_that_was_pasted_from_another_card_confirms_nothing(home: Make) -> None:
    cards = {
        "Jo": person("Jo", "jo").replace(b"Acme Robotics", b"Globex").replace(b"VP Sales", b"CTO"),
        "Al": person("Al", "al"),
    }
    at = home(cards)
    at.loop.cycle()
    asked, other = ("Jo", "Al") if at.asked("Jo") else ("Al", "Jo")
    set_note(at, other, at.note(asked))
    at.loop.cycle(after=DAY)
    set_note(at, other, typed(at.note(other), "ok"))
    at.loop.cycle(after=DAY)
    assert at.loop.endings(other) == [Ending.WITHDRAWN]
    assert "confirmed" not in [what for what, *_ in at.loop.history(other)]
    assert at.note(other) == at.note(asked).rpartition("\n")[2]


# ---------------------------------------------------------------- several NOTEs, several blocks


@pytest.mark.parametrize("word", ["", "ok"])
def test_a_question_in_a_second_note_stands_and_is_answered_there(home: Make, word: str) -> None:
    at = home()
    at.loop.cycle()
    if word:
        set_note(at, "Jo", typed(at.note(), word))
    theirs = b"NOTE:another client's own\r\n"
    at.server.put_card("Jo.vcf", at.card().replace(b"NOTE:", theirs + b"NOTE:", 1))
    at.loop.cycle(after=DAY)
    if not word:
        assert at.loop.endings("Jo") == [None]
        at.loop.cycle(after=45 * DAY)
    assert at.loop.endings("Jo") == [Ending.CONFIRMED if word else Ending.EXPIRED]
    card = at.card().replace(b"\r\n ", b"")
    assert theirs in card
    assert b"NOTE:" + escape(OWN).encode() + b"\r\n" in card
    assert b"VIPcheck" not in card


def test_a_question_in_a_second_note_is_adopted_and_not_asked_twice(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.server.put_card("Jo.vcf", at.card().replace(b"NOTE:", b"NOTE:another's\r\nNOTE:", 1))
    at.loop.lose_database()
    counts = at.loop.counts(after=HOUR)
    assert (counts["adopted"], counts["asked"]) == (1, 0)
    at.loop.cycle(after=46 * DAY)
    assert at.card().count(b"VIPcheck") == 0


def merged(at: Home, word: str) -> None:
    """Two cards made one on the Mac, both notes on it; a word is typed below the second question."""
    second = at.note("Al")
    set_note(at, "Jo", at.note("Jo") + "\n" + typed(second, word))
    at.server.delete_card("Al.vcf")


def test_an_answer_below_the_second_of_two_merged_questions_counts_for_both(home: Make) -> None:
    at = home({"Jo": person("Jo", "jo text"), "Al": person("Al", "al text")}, reminders=PLENTY)
    at.loop.cycle()
    merged(at, "ok")
    at.loop.cycle(after=DAY)
    assert at.loop.endings("Jo") == [Ending.CONFIRMED]
    assert at.note("Jo").split() == ["jo", "text", "al", "text"]


def test_another_question_that_is_left_by_our_removal_is_adopted_at_once(home: Make) -> None:
    al = person("Al", "al text").replace(b"VP Sales", b"CTO")
    at = home({"Jo": person("Jo", "jo text"), "Al": al}, reminders=PLENTY)
    at.loop.cycle()
    merged(at, "")
    set_note(at, "Jo", typed(at.note("Jo"), "ok"))
    at.loop.cycle(after=DAY)
    assert at.loop.endings("Jo") == [Ending.CONFIRMED, None]
    at.loop.cycle(after=46 * DAY)
    assert at.note("Jo").split() == ["jo", "text", "al", "text"]
