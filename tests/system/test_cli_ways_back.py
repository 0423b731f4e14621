"""The ways back as the owner types them, on a real server: restore, backup, and a question that came back by itself."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from household import GROUP, NOTE, PEOPLE, Household
from servers.loopback import Response

PLENTY = (
    "[reminders]",
    "max_new_per_day = 50",
    "max_new_per_week = 50",
    "max_open = 5",
    'quiet_after_edit = "0s"',
)
NAMES = list(PEOPLE)


@pytest.fixture
def asked(house: Household) -> Household:
    """A question stands on the card of each of the three."""
    house.configure(*PLENTY)
    house.fill()
    house.ok("sync")
    assert house.asked_about() == ["p0.vcf", "p1.vcf", "p2.vcf"]
    return house


def edit(house: Household, card: str, change: Callable[[bytes], bytes]) -> None:
    """As another client does."""
    before = unfolded(house.server.get_card(card))
    assert change(before) != before
    house.server.put_card(card, change(before))


def unfolded(data: bytes) -> bytes:
    return data.replace(b"\r\n ", b"")


def type_below(house: Household, card: str, word: str) -> None:
    edit(house, card, lambda data: data.replace(b"/ never\\n", f"/ never\\n{word}\\n".encode(), 1))


def retitle(house: Household, card: str) -> None:
    edit(house, card, lambda data: data.replace(b"TITLE:", b"TITLE:New ", 1))


def question_of(house: Household, name: str) -> list[tuple[Any, ...]]:
    """(ending, standing) of all questions about somebody."""
    return house.rows(
        "SELECT ending, standing FROM question q JOIN contact c ON c.id = q.contact_id WHERE c.name = ? ORDER BY q.id",
        name,
    )


def document(house: Household, *arguments: str) -> Any:
    return json.loads(house.cardsync(*arguments).stdout)


# ---------------------------------------------------------------- a block on a card is always known


def test_a_question_that_came_back_in_a_frozen_book_is_known_and_its_answer_counts(asked: Household) -> None:
    """By another phone or by a restore, before a guard froze the book or after: what is typed under it is read."""
    asked.configure("[guards]", "mass_change_min = 3", *PLENTY)
    with_questions = asked.cards()
    asked.ok("notes", "remove")
    for card in ("p0.vcf", "p1.vcf"):
        asked.server.put_card(card, with_questions[card])
    asked.ok("sync")
    assert [question_of(asked, name)[-1] for name in NAMES[:2]] == [(None, 1)] * 2
    for card in ("p0.vcf", "p1.vcf", "p2.vcf"):
        edit(asked, card, lambda data: data.replace(b"NOTE:", b"NICKNAME:Nick\r\nNOTE:", 1))
    assert asked.cardsync("sync").exit_code == 3
    for name in NAMES[:2]:
        asked.ok("restore", name, "--yes")
    asked.server.put_card("p2.vcf", with_questions["p2.vcf"])  # comes back while the book is frozen
    assert asked.cardsync("sync").exit_code == 3
    asked.ok("release")
    asked.ok("sync")
    assert asked.asked_about() == ["p0.vcf", "p1.vcf", "p2.vcf"]
    assert [question_of(asked, name)[-1] for name in NAMES] == [(None, 1)] * 3
    assert {row["name"] for row in document(asked, "status", "--json")["questions"]} == set(NAMES)
    asked.ok("answer", NAMES[0], "ok")
    type_below(asked, "p1.vcf", "never")
    type_below(asked, "p2.vcf", "later")
    assert "questions ended: 1 later, 1 never, taken out: 3" in asked.ok("sync")
    assert [question_of(asked, name)[-1] for name in NAMES] == [("confirmed", 0), ("never", 0), ("later", 0)]
    assert asked.asked_about() == []
    assert all(f"NOTE:{NOTE}\r\n".encode() in asked.cards()[f"p{at}.vcf"] for at in range(3))


# ---------------------------------------------------------------- restore


def test_a_question_that_was_answered_by_an_edit_does_not_come_back(asked: Household) -> None:
    retitle(asked, "p0.vcf")
    assert "1 edited" in asked.ok("sync")
    after = asked.server.get_card("p0.vcf")
    assert f"{NAMES[0]}: nothing to put back; " in asked.ok("restore", NAMES[0], "--yes")
    asked.ok("sync")
    assert asked.server.get_card("p0.vcf") == after
    assert question_of(asked, NAMES[0]) == [("edited", 0)]


def test_an_answer_here_right_after_a_restore_takes_the_question_out(asked: Household) -> None:
    asked.ok("notes", "remove")
    assert f"{NAMES[0]}: written; " in asked.ok("restore", NAMES[0], "--yes")
    assert asked.asked_about() == ["p0.vcf"]
    assert "The question leaves the card at the next cycle." in asked.ok("answer", NAMES[0], "ok")
    asked.ok("sync")
    assert asked.asked_about() == []


def test_a_restore_with_nothing_to_put_back_says_so_and_leaves_no_trace(asked: Household) -> None:
    """The server folds lines in its own way: the same card is not the same bytes."""
    asked.server.put_card("p0.vcf", folded(asked.server.get_card("p0.vcf")))
    type_below(asked, "p0.vcf", "ok")
    asked.ok("sync")
    card, history = asked.server.get_card("p0.vcf"), asked.ok("history", NAMES[0])
    puts = len(asked.proxy.asked("PUT"))
    shown = asked.ok("restore", NAMES[0], "--dry-run")
    assert shown.startswith(f"{NAMES[0]}: nothing to put back; this is the version kept on ")
    assert asked.ok("restore", NAMES[0], "--yes") == shown
    assert (asked.server.get_card("p0.vcf"), asked.ok("history", NAMES[0])) == (card, history)
    assert len(asked.proxy.asked("PUT")) == puts
    assert document(asked, "status", "--json")["problems"] == []


def folded(data: bytes) -> bytes:
    return data.replace(b"TITLE:", b"TITLE:A Title Which Is Long Enough That Each Program Folds It Where It Likes ")


def test_a_card_that_is_not_put_back_is_told_with_its_reason_and_its_name(asked: Household) -> None:
    retitle(asked, "p0.vcf")
    asked.ok("sync")
    asked.proxy.before = lambda request: Response(403) if request.method == "PUT" else None
    done = asked.cardsync("restore", NAMES[0], "--yes", "--at", "2020-01-01")
    assert done.exit_code == 1
    assert f"{NAMES[0]}: Not put back. The server refused the card with status 403." in done.stdout
    row = document(asked, "restore", NAMES[0], "--yes", "--at", "2020-01-01", "--json")
    assert (row["outcome"], "status 403" in row["error"]) == ("parked", True)
    assert not any("restored" in event["what"] for event in document(asked, "history", NAMES[0], "--json")["events"])
    assert f"\t{NAMES[0]}\tThe server refused" in asked.ok("status", "--problems")


def test_a_deleted_card_is_written_to_a_private_file_for_import(asked: Household) -> None:
    retitle(asked, "p1.vcf")
    asked.ok("sync")
    for pulled in (False, True):  # the server says so, or the mirror knows
        if pulled:
            asked.server.put_card(GROUP, asked.server.get_card(GROUP))
            asked.cardsync("sync")
        else:
            asked.server.delete_card("p1.vcf")
        before = set((asked.state / "backups").iterdir())
        done = asked.cardsync("restore", NAMES[1], "--dry-run")
        assert (done.exit_code, set((asked.state / "backups").iterdir())) == (3, before)
        assert f"would be written to a file in {asked.state}/backups, to be imported." in done.stdout
        done = asked.cardsync("restore", NAMES[1], "--yes")
        (path,) = set((asked.state / "backups").iterdir()) - before
        assert f"a deleted card is never made again. Its version is in {path}: import that" in done.stdout
        assert path.stat().st_mode & 0o777 == 0o600
        saved = unfolded(path.read_bytes())
        assert b"TITLE:New Head of Sails" in saved
        assert f"NOTE:{NOTE}\r\n".encode() in saved  # the question was answered
        assert saved.startswith(b"BEGIN:VCARD\r\n")
        assert saved.endswith(b"END:VCARD\r\n")
        assert Path(document(asked, "restore", NAMES[1], "--yes", "--json")["file"]).read_bytes() == path.read_bytes()
        assert "p1.vcf" not in asked.server.list_cards()


def test_a_restore_tells_which_version_it_takes(asked: Household) -> None:
    """Versions are kept before our writes only: what stood there between two of them nobody knows."""
    retitle(asked, "p0.vcf")
    asked.ok("sync")
    first, last = sorted(row["at"] for row in document(asked, "restore", "--json") if row["name"] == NAMES[0])
    for at, version, why in (("2020-01-01", first, "ask (still)"), (last, last, "take out (edited)")):
        said = asked.ok("restore", NAMES[0], "--at", at, "--dry-run")
        kept = f"this is the version kept on {version[:19].replace('T', ' ')} UTC, before: {why}\n"
        assert said.endswith(kept)
        row = document(asked, "restore", NAMES[0], "--at", at, "--dry-run", "--json")
        assert (row["kept_at"], row["kept_before"]) == (version, why)
    never = asked.cardsync("restore", NAMES[0], "--at", "2999-01-01", "--dry-run")
    assert "The card was not written since then, so no version is kept: nothing to put back." in never.stdout
    assert "version kept before our first write since then" in re.sub(r"\s+", " ", asked.ok("restore", "--help"))


# ---------------------------------------------------------------- an emptied book


def test_an_emptied_book_is_told_as_one_and_its_backup_replaces_nothing(asked: Household) -> None:
    asked.configure("[guards]", "mass_change_min = 3", *PLENTY)
    kept = asked.cards()
    for name in kept:
        asked.server.delete_card(name)
    lonely = next(name for name in kept if name == "other.vcf")
    asked.server.put_card(lonely, kept[lonely])  # else the listing is not believed at all
    done = asked.cardsync("sync")
    assert done.exit_code == 3
    assert "4 of 5 cards are gone at once. " in done.stderr
    assert f"exports, the first from before the first write, are in {asked.state}/backups." in done.stderr
    for name, data in kept.items():
        asked.server.put_card(name, data)
    assert asked.cardsync("sync").exit_code == 3
    assert "until you say that you have looked: cardsync release." in asked.cardsync("sync").stderr
    assert asked.ok("status").splitlines()[2].endswith("\tno (mass-change, until: cardsync release)")
    (question, *_) = document(asked, "status", "--json")["questions"]
    assert "If unanswered, the question stays until release. 4 of 5 cards" in asked.ok("explain", question["name"])
    book = document(asked, "status", "--json")["accounts"][0]["books"][0]
    assert (book["written"], book["held"]) == (False, "mass-change")
    assert "not written (mass-change) until: cardsync release" in asked.cardsync("check").stdout
    asked.ok("release")
    asked.ok("sync")
    assert "can be written" in asked.ok("check")


def test_a_backup_of_an_empty_book_makes_no_file_and_says_so(house: Household) -> None:
    said = house.ok("backup", "--output", str(house.home / "kept"))
    assert f"home / {house.book}: 0 cards: the address book is empty, so no file was written." in said
    assert [path.suffix for path in (house.home / "kept").iterdir()] == [".db"]


def test_check_of_a_server_that_is_away_does_not_say_what_can_be_written(asked: Household) -> None:
    asked.configure(account={"url": "http://127.0.0.1:9/"})
    done = asked.cardsync("check")
    assert done.exit_code == 12
    assert "5 cards, 3 VIPs, as last seen" in done.stdout
    assert "can be written" not in done.stdout


def test_a_refused_login_is_told_once_with_its_account(house: Household) -> None:
    house.ok("sync")
    (house.home / "password").write_text("wrong", "utf-8")
    for said_before in (False, True):
        said = house.cardsync("backup", "--output", str(house.home / "kept")).stdout
        assert said.startswith("home: ")
        assert said.startswith("home: the server refused this login before") is said_before


# ---------------------------------------------------------------- a lost or damaged database


def damage(house: Household, *, keep: int) -> None:
    """All but the first so many bytes."""
    path = house.state / "cardsync.db"
    for rest in house.state.glob("cardsync.db-*"):
        rest.unlink()
    with path.open("r+b") as file:
        file.seek(keep)
        file.write(b"\xff" * (path.stat().st_size - keep))


@pytest.mark.parametrize("keep", [0, 4096 * 3])
def test_a_damaged_database_is_told_with_its_file_the_copy_and_what_is_lost(asked: Household, keep: int) -> None:
    asked.ok("backup")
    (copy,) = (asked.state / "backups").glob("*.db")
    damage(asked, keep=keep)
    done = asked.cardsync("sync")
    assert done.exit_code == 13
    assert f"{asked.state}/cardsync.db is damaged. Move it away" in done.stderr
    assert f"put the newest copy in its place ({copy})" in done.stderr
    assert "answers, history, kept versions and the count of what was asked lately, of the time since" in done.stderr
    for path in asked.state.glob("cardsync.db*"):
        path.unlink()
    (asked.state / "cardsync.db").write_bytes(copy.read_bytes())
    asked.ok("sync")
    assert len(document(asked, "status", "--json")["questions"]) == 3


@pytest.mark.parametrize("keep", [0, 4096 * 3])
def test_the_address_book_is_exported_also_where_the_database_is_damaged(asked: Household, keep: int) -> None:
    damage(asked, keep=keep)
    done = asked.cardsync("backup", "--output", str(asked.home / "kept"))
    assert done.exit_code == 3
    (path,) = (asked.home / "kept").iterdir()
    assert path.read_bytes().count(b"BEGIN:VCARD") == 5
    assert f"database: {asked.state}/cardsync.db is damaged." in done.stdout
    assert str(path) in done.stdout


def test_a_database_that_is_gone_is_told_once(asked: Household) -> None:
    asked.ok("backup")
    (copy,) = (asked.state / "backups").glob("*.db")
    for path in asked.state.glob("cardsync.db*"):
        path.unlink()
    said = asked.cardsync("sync").stderr
    assert "cardsync.db is new, though there are backups beside it" in said
    assert str(copy) in said
    assert "is new" not in asked.cardsync("sync").stderr


def test_of_a_newer_database_the_copy_from_before_is_named(asked: Household) -> None:
    (knows,) = asked.rows("PRAGMA user_version")[0]
    with asked.writable() as database:
        database.execute("PRAGMA user_version = 99")
    assert "Install that version again.\n" in asked.cardsync("sync").stderr
    before = asked.state / f"cardsync-before-schema-{knows + 1}.db"
    before.touch()
    assert f"put the copy that the newer one made then in its place ({before})." in asked.cardsync("sync").stderr


# ---------------------------------------------------------------- names


def test_a_part_of_a_name_may_follow_its_account(asked: Household) -> None:
    given = NAMES[0].split()[0]
    assert NAMES[0] in asked.ok("explain", f"home/{given}")
    assert NAMES[0] in asked.ok("explain", f"HOME/{given[:3].lower()}")
    nobody = asked.cardsync("explain", "home/Nobody Of That Name")
    assert (nobody.exit_code, "No VIP of that name" in nobody.stderr) == (2, True)


def test_a_name_that_is_nobodys_is_told_before_that_nobody_can_be_asked(asked: Household) -> None:
    done = asked.cardsync("restore", "Xyz")
    assert done.exit_code == 2
    assert "No VIP of that name." in done.stderr
    assert "Known by name is who is or was in VIP" in done.stderr


def test_before_the_first_cycle_no_name_is_known_and_that_is_said(house: Household) -> None:
    house.fill()
    done = house.cardsync("explain", NAMES[0])
    assert done.exit_code == 2
    assert "No cycle has read the names yet: cardsync sync." in done.stderr


def test_a_list_that_came_back_makes_no_card_one_that_changed(house: Household) -> None:
    """But one whose work details were edited meanwhile is one."""
    house.configure("[reminders]", "max_new_per_day = 0")
    house.fill()
    house.ok("sync")
    group = house.server.get_card(GROUP)
    house.server.delete_card(GROUP)
    assert house.cardsync("sync").exit_code == 3
    house.ok("release")
    house.ok("sync")
    retitle(house, "p1.vcf")
    house.server.put_card(GROUP, group)
    house.ok("sync")
    assert " in line, and " in house.ok("explain", NAMES[0])
    assert "edited title" in house.ok("history", NAMES[1])


def test_a_group_of_another_name_in_the_config_that_nobody_is_in_withdraws_nothing(house: Household) -> None:
    house.fill()
    house.ok("sync")
    (card,) = house.asked_about()
    config = house.config.read_text("utf-8")
    house.config.write_text(config + "\n[groups.Bord]\n", "utf-8")
    assert house.cardsync("sync").exit_code == 3
    assert house.asked_about() == [card]
    assert "no list that the config names now" in house.ok("status", "--problems")
    house.config.write_text(config, "utf-8")
    house.ok("sync")
    assert house.asked_about() == [card]
    assert "no problems" in house.ok("status", "--problems")


def test_a_stray_question_is_told_of_no_more_once_notes_remove_took_it_out(house: Household) -> None:
    house.fill()
    house.ok("sync")
    (card,) = house.asked_about()
    data = house.server.get_card(card)
    uid = re.search(rb"(?m)^UID:(.*)\r$", data)
    assert uid
    house.server.put_card("copy.vcf", data.replace(uid[0], b"UID:a-copy\r"))
    house.ok("sync")
    assert "stray-question" in house.ok("status", "--problems")
    house.ok("notes", "remove")
    assert "no problems" in house.ok("status", "--problems")
