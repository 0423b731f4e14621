"""The ways back: a lost database, notes remove, restore, backup, a dry run."""

import asyncio
from datetime import date, datetime
from pathlib import Path

import pytest

from cardsync import undo
from cardsync.records import Ending
from cardsync.report import find_person
from loop import DAY, GROUP, HOUR, OWN, PLENTY, Home, Make, notes_apart, person


def test_after_the_database_is_lost_a_block_is_adopted_and_nothing_is_an_answer_until_the_note_changes(
    home: Make,
) -> None:
    at = home({"Jo": person("Jo", OWN), "Al": person("Al")}, reminders=PLENTY)
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "ok")
    before = {key: at.card(key) for key in ("Jo", "Al")}
    at.loop.lose_database()
    counts = at.loop.counts(after=HOUR)
    assert (counts["adopted"], counts["asked"]) == (2, 0)
    for _ in range(2):
        at.loop.cycle(after=HOUR)
    assert {key: at.card(key) for key in before} == before
    at.phone.type_below_block("Al.vcf", "left")
    at.phone.type_inside("Jo.vcf", "never")
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Al") == [Ending.LEFT, None]
    assert at.loop.endings("Jo") == [Ending.NEVER]


def test_an_adopted_question_expires_and_leaves_the_owners_text(home: Make) -> None:
    at = home()
    before = at.card()
    at.loop.cycle()
    at.loop.lose_database()
    at.loop.cycle(after=HOUR)
    assert at.loop.counts(after=45 * DAY)["expired"] == 1
    assert at.card() == before


def test_notes_remove_takes_every_block_out_to_the_byte_with_and_without_a_database(home: Make) -> None:
    cards = {key: person(key, note) for key, note in (("Jo", OWN), ("Al", None), ("Bo", ""))}
    at = home(cards, reminders=PLENTY)
    before = {key: at.card(key) for key in cards}
    at.loop.cycle()
    asked = {key: at.card(key) for key in cards}
    found, previews = asyncio.run(undo.remove_notes(at.loop.app, dry_run=True))
    assert len(previews) == 3
    assert {key: at.card(key) for key in cards} == asked
    asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert {key: at.card(key) for key in cards} == before
    assert at.loop.counts(after=HOUR)["asked"] == 0
    at.loop.cycle(after=100 * DAY)
    assert all(at.asked(key) for key in cards)
    at.loop.lose_database()
    found, _ = asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert found[0]["counts"]["written"] == 3
    assert {key: at.card(key) for key in cards} == before


@pytest.mark.parametrize("lost", [False, True])
def test_notes_remove_takes_out_every_block_of_a_note(home: Make, *, lost: bool) -> None:
    """As where a client put two versions of a note together: one block is known, the others by their shape alone."""
    at = home({"Jo": person("Jo", OWN)})
    at.loop.cycle()
    at.phone.edit_note("Jo.vcf", lambda note: f"{note}\n\n{OLDER}\n\n{GERMAN}")
    if lost:
        at.loop.lose_database()
    found, _ = asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert (found[0]["counts"], found[0]["exit_code"]) == ({"found": 1, "written": 1}, 0)
    assert at.note() == OWN
    at.loop.cycle(after=HOUR)
    assert at.note() == OWN


OLDER = "VIPcheck: still Head of Sails at Hooli? (last sure Mar 2014)\nType: ok / left / later / never"
GERMAN = "VIPcheck: noch VP Sales bei Acme? (zuletzt bestätigt im März 2024)\nSchreib: ok / weg / später / nie"


def test_notes_remove_ends_the_questions_that_it_takes_out_at_once(home: Make) -> None:
    at = home({key: person(key, OWN) for key in ("Jo", "Al")}, reminders=PLENTY)
    at.loop.cycle()
    at.phone.type_below_block("Al.vcf", "never")
    asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    (jo,), (al,) = at.loop.questions("Jo"), at.loop.questions("Al")
    assert (jo.ending, jo.standing) == (Ending.WITHDRAWN, False)
    assert (al.ending, al.standing) == (Ending.NEVER, False)  # no cycle had read it
    assert (at.note("Jo"), at.note("Al")) == (OWN, OWN)
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Al") == [Ending.NEVER]


def test_notes_remove_takes_a_block_that_is_only_like_one_of_ours_out_whole(home: Make) -> None:
    at = home({"Jo": person("Jo", OWN)})
    at.loop.cycle()
    at.phone.edit_note("Jo.vcf", lambda note: f"{OLDER}\n\n{OWN}")
    found, _ = asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert (found[0]["counts"], at.note()) == ({"found": 1, "written": 1}, OWN)


def test_notes_remove_leaves_what_was_typed_into_a_block(home: Make) -> None:
    at = home({"Jo": person("Jo", OWN)})
    at.loop.cycle()
    at.phone.edit_note("Jo.vcf", lambda note: note.replace("at Acme", "at Stripe, she says, not Acme"))
    asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert "VIPcheck" not in at.note()
    assert "Stripe, she says, not" in at.note()
    assert at.note().endswith(OWN)


def test_notes_remove_says_that_a_card_was_left_on_which_a_block_may_stand(home: Make) -> None:
    at = home({"Jo": person("Jo", OWN), "Al": person("Al", OWN)}, reminders=PLENTY)
    at.loop.cycle()
    at.server.put_card("Al.vcf", at.card("Al").replace(b"NOTE:", b"NOTE;ALTID=1:"))
    found, _ = asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert (found[0]["counts"], found[0]["exit_code"]) == ({"found": 1, "written": 1, "not read": 1}, 3)


def test_a_follow_up_that_notes_remove_took_out_comes_back_with_a_restore(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "left")
    at.loop.cycle(after=DAY)
    asked = at.card()
    at.loop.clock.advance(HOUR)
    asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    jo = find_person(at.loop.app, "Jo")
    rows, _ = asyncio.run(undo.restore(at.loop.app, [jo], None, dry_run=False))
    assert ([row["outcome"] for row in rows], at.card()) == (["written"], asked)


def test_restore_puts_a_card_back_to_the_byte(home: Make) -> None:
    at = home()
    before = at.card()
    at.loop.cycle()
    at.phone.edit_field("Jo.vcf", "TITLE", "CRO")
    at.loop.cycle(after=HOUR)
    jo = find_person(at.loop.app, "Jo")
    rows, previews = asyncio.run(undo.restore(at.loop.app, [jo], at.loop.clock(), dry_run=True))
    assert ([row["outcome"] for row in rows], previews) == (["nothing"], [])  # the edit answered the question
    assert at.note() == OWN
    start_of_it = at.loop.clock() - DAY
    rows, _ = asyncio.run(undo.restore(at.loop.app, [jo], start_of_it, dry_run=False))
    assert [row["outcome"] for row in rows] == ["written"]
    assert at.card() == before
    at.loop.cycle(after=HOUR)
    assert at.card() == before


def test_the_whole_book_is_exported_before_the_first_write_and_by_backup(home: Make, tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN), "Other": person("Other", "not a VIP")}
    at = home(cards, ["Jo"])
    before = [at.server.get_card(name) for name in at.server.list_cards()]
    at.loop.cycle()
    (export,) = (at.loop.folder / "state" / "backups").glob("*.vcf")
    written = lines_as_lf(export.read_bytes())  # XML does not keep the carriage returns
    assert len(written) == sum(len(lines_as_lf(card)) for card in before)
    assert all(lines_as_lf(card) in written for card in before)
    assert export.stat().st_mode & 0o777 == 0o600
    assert export.parent.stat().st_mode & 0o777 == 0o700
    rows = asyncio.run(undo.back_up(at.loop.app, tmp_path / "elsewhere", dry_run=False))
    assert [row["error"] for row in rows] == ["", ""]
    assert lines_as_lf(at.card()) in lines_as_lf(Path(rows[0]["path"]).read_bytes())
    assert {Path(row["path"]).stat().st_mode & 0o777 for row in rows} == {0o600}


def lines_as_lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def test_a_dry_run_shows_each_card_and_writes_none(home: Make) -> None:
    at = home()
    before = at.card()
    done = at.loop.cycle(dry_run=True)
    (preview,) = done.previews
    assert preview.before == before
    assert notes_apart(preview.after) == notes_apart(before)
    assert at.card() == before
    assert at.wire.methods()["PUT"] == 0
    assert at.loop.counts()["asked"] == 1
    assert at.card() == preview.after


@pytest.mark.parametrize("place", ["below", "inside"])
@pytest.mark.parametrize("word", ["ok", "left", "later 3m", "never", "retired"])
def test_a_question_that_was_answered_in_a_version_does_not_come_back_with_its_word(
    home: Make, word: str, place: str
) -> None:
    """Neither as a question, nor as a word that nobody would ever take out."""
    at = home()
    at.loop.cycle()
    (at.phone.type_below_block if place == "below" else at.phone.type_inside)("Jo.vcf", word)
    answered = at.card()
    at.loop.cycle(after=HOUR)
    ending = at.loop.endings("Jo")[0]
    assert restored(at) == ["written" if word == "left" else "nothing"]  # the follow-up goes
    for _ in range(2):
        assert at.note() == OWN
        assert notes_apart(at.card()) == notes_apart(answered)
        asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert at.loop.endings("Jo")[0] is ending


def test_a_question_that_was_not_answered_in_a_version_is_open_again(home: Make) -> None:
    at = home()
    at.loop.cycle()
    asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert restored(at) == ["written"]
    assert at.asked()
    assert at.loop.endings("Jo") == [Ending.WITHDRAWN, None]  # before any cycle
    at.phone.type_below_block("Jo.vcf", "later")
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Jo") == [Ending.WITHDRAWN, Ending.SNOOZED]
    assert at.note() == OWN


@pytest.mark.parametrize("how", ["edit", "time", "deletion", "command", "command after a removal", "validation"])
def test_a_question_that_is_over_does_not_come_back_with_a_version(home: Make, how: str) -> None:
    """What else was edited since is as it was; whether and how the question ended stays as it is."""
    at = home()
    at.loop.cycle()
    if how in {"command after a removal", "validation"}:
        asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
        at.loop.clock.advance(HOUR)
    match how:
        case "edit":
            at.phone.edit_field("Jo.vcf", "TITLE", "CRO")
        case "deletion":
            at.phone.edit_note("Jo.vcf", lambda _: OWN)
        case "validation":
            day = at.loop.clock().isoformat()
            at.loop.command("validate", contacts=[at.loop.contact("Jo")], on=day)
        case "command" | "command after a removal":
            at.loop.command("answer", contact=at.loop.contact("Jo"), account="one", answer="never")
    at.loop.cycle(after=50 * DAY if how == "time" else HOUR)
    endings = at.loop.endings("Jo")
    assert at.note() == OWN
    at.phone.set_birthday("Jo.vcf", date(1990, 1, 2))
    versions = at.loop.app.mirror.journal.versions(1, "jo")
    asked = [version for version in versions if b"VIPcheck" in version["data"]]
    assert asked or how == "deletion"
    for version in versions:
        at.loop.clock.advance(HOUR)
        moment = datetime.fromisoformat(version["at"])
        jo = find_person(at.loop.app, "Jo")
        asyncio.run(undo.restore(at.loop.app, [jo], moment, dry_run=False))
        assert at.note() == OWN
    assert at.loop.endings("Jo") == endings


def test_what_was_typed_and_was_no_answer_comes_back_as_the_owners_text(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "now CRO at Stripe")
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Jo") == [Ending.NOTED]
    assert restored(at) == ["nothing"]  # the question is over, and the text was never taken out
    at.loop.cycle(after=HOUR)
    asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert "now CRO at Stripe" in at.note()
    assert OWN in at.note()
    assert "VIPcheck" not in at.note()


def test_a_question_about_somebody_who_left_the_list_does_not_come_back(home: Make) -> None:
    """Nobody would read the answer, nor take the question out."""
    at = home()
    before = at.card()
    at.loop.cycle()
    at.phone.remove_from_group(GROUP, "Jo")
    at.loop.cycle(after=HOUR)
    at.loop.command("release")
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Jo") == [Ending.WITHDRAWN]
    assert at.card() == before
    assert restored(at) == ["nothing"]
    assert at.card() == before


def test_a_word_of_the_owners_own_is_never_cut_by_a_restore(home: Make) -> None:
    """It stood in the note before the question did, or came when no question stood."""
    at = home({"Jo": person("Jo", f"ok\n{OWN}")})
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "later")
    at.loop.cycle(after=HOUR)
    assert restored(at) == ["nothing"]
    assert at.note() == f"ok\n{OWN}"
    at.phone.edit_note("Jo.vcf", lambda note: f"later\n{note}")
    at.loop.cycle(after=90 * DAY)  # reads the edit, and leaves the card in peace
    at.loop.cycle(after=DAY)
    assert at.asked()
    assert restored(at) == ["written"]
    assert at.note() == f"later\nok\n{OWN}"


def test_an_answer_that_no_cycle_read_goes_with_its_question(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "ok")
    assert restored(at) == ["written"]  # to before the question
    assert at.note() == OWN
    restored(at)  # to what stood there before that
    assert at.note() == OWN
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Jo") == [Ending.WITHDRAWN]


def restored(at: Home) -> list[str]:
    """Put Jo's card back to the newest version that is kept."""
    at.loop.clock.advance(HOUR)
    rows, _ = asyncio.run(undo.restore(at.loop.app, [find_person(at.loop.app, "Jo")], None, dry_run=False))
    return [row["outcome"] for row in rows]
