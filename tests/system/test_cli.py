"""Every command as the owner types it, on a real server: what it prints, changes and ends with."""

import json
import os
import pty
import re
import select
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from builders import apple_group, card
from cardsync.mirror import Mirror
from household import GROUP, NOTE, PEOPLE, Household, person
from servers.loopback import Request, Response

ZORA = "Zora Quillfeather"
ESCAPE = "\x1b"


@pytest.fixture
def synced(house: Household) -> Household:
    """After the first cycle: one question stands."""
    house.fill()
    house.ok("sync")
    return house


def asked_person(house: Household) -> str:
    ((name,),) = house.rows("SELECT c.name FROM question q JOIN contact c ON c.id = q.contact_id WHERE standing = 1")
    return str(name)


def days_from_now(days: int) -> str:
    """The day, in UTC."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def document(house: Household, *arguments: str) -> Any:
    """The one JSON document on stdout; stderr is empty."""
    done = house.cardsync(*arguments)
    assert done.stderr == ""
    return json.loads(done.stdout)


# ---------------------------------------------------------------- happy paths


def test_sync_writes_one_question_and_a_second_one_nothing(house: Household) -> None:
    house.fill()
    before = house.cards()
    assert re.fullmatch(
        r"home: \d+ cards read, 3 VIPs, asked 1, questions ended: none, taken out: 0\n", house.ok("sync")
    )
    (name,) = house.asked_about()
    assert {other for other, data in house.cards().items() if data != before[other]} == {name}
    puts = len(house.proxy.asked("PUT"))
    report = document(house, "sync", "--json")
    assert (report["exit_code"], report["accounts"][0]["asked"], report["dry_run"]) == (0, 0, False)
    assert len(house.proxy.asked("PUT")) == puts == 1


def test_status_vip_explain_and_history_tell_what_is(synced: Household) -> None:
    name = asked_person(synced)
    status = document(synced, "status", "--json")
    assert [book["vips"] for book in status["accounts"][0]["books"]] == [3]
    ((question,), problems) = status["questions"], status["problems"]
    assert (question["name"], problems) == (name, [])
    assert question["question"].startswith("VIPcheck: ")
    assert name in synced.ok("status")
    (account,) = status["accounts"]
    assert account["may_ask_now"] == 0  # max_new_per_day = 1
    assert set(account["next"]) == set(PEOPLE) - {name}
    assert (
        f"home: 0 questions may be asked now (reminders.max_new_per_day); next in line: {', '.join(account['next'])}\n"
        in synced.ok("status")
    )

    vips = document(synced, "vip", "--json")
    assert {row["name"] for row in vips} == set(PEOPLE)
    assert [row["probability_stale"] for row in vips] == sorted(
        (row["probability_stale"] for row in vips), reverse=True
    )
    assert all(0.2 < row["probability_stale"] < 1 for row in vips)
    headings, *rows = (line.split("\t") for line in synced.ok("vip").splitlines())
    assert headings == ["stale", "contact", "groups", "last sure", "state"]
    assert {row[1] for row in rows} == set(PEOPLE)

    shown = document(synced, "explain", name, "--json")
    assert (shown["state"], shown["open_question"].split("\n")[0]) == ("asked", question["question"])
    gone = f"If unanswered, the question leaves the card on {days_from_now(45)}, "
    gone += f"and may come again from {days_from_now(45 + 90)} on."
    assert shown["asked"].endswith(': "' + question["question"] + '" ' + gone)
    assert all(reason["sentence"] for reason in shown["assessment"]["reasons"])
    text = synced.ok("explain", name.lower().split()[0])
    assert f"{shown['assessment']['probability']:.0%}" in text
    assert shown["assessment"]["reasons"][0]["sentence"] in text
    waiting = next(other for other in PEOPLE if other != name)
    place = document(synced, "explain", waiting, "--json")["line"]["place"]
    due = f"Number {place} of 2 in line, and none may be asked now (reminders.max_new_per_day); "
    assert f"{due}its turn comes on {days_from_now(place)} at the earliest.\n" in synced.ok("explain", waiting)

    told = document(synced, "history", name, "--json")
    assert [len(told["questions"]), len(told["versions"])] == [1, 1]
    assert [event["what"] for event in told["events"]] == ["first seen", "asked"]
    asked_at = told["questions"][0]["asked_at"][:16]
    assert f"  {asked_at}  asked  {question['question']}\n" in synced.ok("history", name)
    assert "  1 earlier version of the card is kept: cardsync restore\n" in synced.ok("history", name)


@pytest.mark.parametrize(
    ("word", "ending", "why"),
    [
        ("ok", "confirmed", "Not asked: "),
        ("later", "later", ": you said later on "),
        ("never", "never", "Not asked: you said never. cardsync resume "),
        ("retired", "retired", "Not asked: you said retired. cardsync resume "),
    ],
)
def test_an_answer_here_takes_the_question_out_at_the_next_cycle(
    synced: Household, word: str, ending: str, why: str
) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    assert f"answered {word} for {name}" in synced.ok("answer", name, word)
    assert synced.rows("SELECT ending, standing FROM question") == [(ending, 1)]
    assert f"You answered {word}. The question leaves the card at the next cycle.\n" in synced.ok("explain", name)
    synced.configure("[reminders]", "max_new_per_day = 0")
    synced.ok("sync")
    assert synced.asked_about() == []
    assert f"NOTE:{NOTE}\r\n".encode() in synced.server.get_card(card)
    assert why in synced.ok("explain", name)
    if word == "never":
        assert f"would resume {name}" in synced.ok("resume", name, "--dry-run")
        assert "you said never" in synced.ok("explain", name)
        assert f"resumed {name}" in synced.ok("resume", name)
        assert "you said" not in synced.ok("explain", name)
        assert f"Nothing was holding {name} back" in synced.ok("resume", name)


WAITS = {
    "later": (30, "you said later on {today}"),
    "deleted": (90, "you deleted the question on {today}"),
    "noted": (90, 'you wrote "ask me in spring" on {today}, which is no answer word, so it was taken as a note'),
}


@pytest.mark.parametrize("how", ["never", "retired", "later", "deleted", "noted"])
def test_resume_lifts_every_wait_so_that_the_question_may_come_at_once(synced: Household, how: str) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    synced.configure("[reminders]", "max_new_per_day = 0")
    asked = synced.server.get_card(card)
    if how == "deleted":
        synced.server.put_card(card, person(name, PEOPLE[name], uid=f"UID-{card[1]}"))
    elif how == "noted":
        synced.server.put_card(card, asked.replace(b"never", b"never\\nask me in spring", 1))
    else:
        synced.ok("answer", name, how)
    synced.ok("sync")
    said = synced.ok("explain", name)
    assert "Due" not in said
    if how in WAITS:
        days, reason = WAITS[how]
        assert f"Not asked before {days_from_now(days)}: {reason.format(today=days_from_now(0))}.\n" in said
    synced.ok("resume", name)
    synced.configure("[reminders]", "max_new_per_day = 3", 'quiet_after_edit = "0"')
    due = r"^Number \d of 3 in line, and 2 questions may be asked now; its turn comes .*\.$"
    assert re.search(due, synced.ok("explain", name), re.MULTILINE)
    synced.ok("sync")
    assert card in synced.asked_about()


def test_an_answer_here_tells_at_once_in_the_list(synced: Household) -> None:
    name = asked_person(synced)
    before = {row["name"]: row["probability_stale"] for row in json.loads(synced.ok("vip", "--json"))}
    synced.ok("answer", name, "ok")
    after = {row["name"]: row["probability_stale"] for row in json.loads(synced.ok("vip", "--json"))}
    assert after[name] < 0.05 < before[name]


def test_an_answer_is_held_against_what_was_said(synced: Household) -> None:
    assert "No answer yet" in synced.ok("calibration")
    name = asked_person(synced)
    said = document(synced, "explain", name, "--json")["assessment"]["probability"]
    synced.ok("answer", name, "ok")
    synced.ok("sync")
    shown = document(synced, "calibration", "--json")
    assert (shown["answers"], shown["stale"]) == (1, 0)
    assert shown["brier"] == pytest.approx(said**2, rel=0.01)
    assert shown["calibration_error"] == pytest.approx(said, rel=0.01)
    assert "answers: 1, of which found a change: 0" in synced.ok("calibration")
    assert re.search(r"\nWorth a question from 20\S+ on, if the card stays as it is\.\n", synced.ok("explain", name))
    synced.ok("answer", name, "never")
    assert "Worth a question" not in synced.ok("explain", name)


def test_changes_of_employer_that_were_seen_move_what_is_thought_of_all(synced: Household) -> None:
    before = document(synced, "calibration", "--json")
    for round_, company in enumerate(("Vandelay", "Pied Piper", "Umbrella")):
        for at, name in enumerate(PEOPLE):
            synced.server.put_card(f"p{at}.vcf", person(name, f"{company} {round_}", uid=f"UID-{at}"))
        synced.ok("sync")
    synced.ok("sync")
    after = document(synced, "calibration", "--json")
    assert (before["changes_of_employer"], before["pace"]) == (0, 1.0)
    assert after["changes_of_employer"] == 6  # the first of each may be years old
    assert after["pace"] > 1.5


def test_looking_where_nothing_is_yet_makes_nothing(house: Household) -> None:
    assert "no cycle yet" in house.ok("status")
    assert "no cycle yet" in house.cardsync("vip").stderr
    assert not house.state.exists()


def test_a_dry_run_never_says_written(synced: Household) -> None:
    name = asked_person(synced)
    assert "would be written" in synced.ok("notes", "remove", "--dry-run")
    assert f"{name}: would be written" in synced.ok("restore", name, "--dry-run")


def test_left_becomes_a_follow_up(synced: Household) -> None:
    name = asked_person(synced)
    synced.ok("answer", name, "left")
    synced.ok("sync")
    ((block,),) = synced.rows("SELECT block FROM question WHERE standing = 1 AND ending IS NULL")
    assert "now?" in block
    assert len(synced.asked_about()) == 1


def test_vip_validate_lowers_the_probability_and_asks_nobody(house: Household) -> None:
    house.fill()
    house.configure("[reminders]", "max_new_per_day = 0")
    house.ok("sync")
    before = {row["name"]: row["probability_stale"] for row in document(house, "vip", "--json")}
    assert "marked 1 contact as right on 2026-01-15" in house.ok("vip", "validate", ZORA, "--on", "2026-01-15")
    house.ok("vip", "validate", "--all")
    house.configure()
    house.ok("sync")
    after = {row["name"]: row["probability_stale"] for row in document(house, "vip", "--json")}
    assert all(after[name] < 0.05 < before[name] for name in PEOPLE)
    assert house.asked_about() == []
    for never in ("2999-01-01", "1969-12-31", "0202-05-01", "0001-01-01"):
        assert house.cardsync("vip", "validate", "--all", "--on", never).exit_code == 2
    assert house.cardsync("vip", "validate").exit_code == 2
    assert house.cardsync("vip", "validate", ZORA, "--all").exit_code == 2


def test_a_command_that_fails_is_not_said_to_be_done_and_holds_up_nothing(
    synced: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("cardsync.mirror.standings.Standings.store", lambda *_: 1 // 0)
        patched.setattr("cardsync.mirror.contacts.Contacts.validate", lambda *_: 1 // 0)
        for command in (("answer", ZORA, "never"), ("vip", "validate", "--all")):
            done = synced.cardsync(*command)
            assert (done.exit_code, done.stdout) == (1, "")
            assert "Nothing was changed" in done.stderr
    assert synced.cardsync("sync").exit_code == 0
    assert "answered never" in synced.ok("answer", ZORA, "never")


def test_vip_validate_tells_what_becomes_of_the_question_as_answer_does(synced: Household) -> None:
    name = asked_person(synced)
    hint = "The question leaves the card at the next cycle."
    assert hint not in synced.ok("vip", "validate", name, "--dry-run")
    assert hint not in synced.ok("vip", "validate", name, "--on", "2021-03-01")
    assert hint not in synced.ok("vip", "validate", next(other for other in PEOPLE if other != name))
    assert hint in synced.ok("vip", "validate", "--all")
    assert f"You marked the card as right. {hint}\n" in synced.ok("explain", name)
    assert hint in synced.ok("vip", "validate", name)  # it still stands
    synced.ok("sync")
    assert hint not in synced.ok("vip", "validate", name)


def test_the_history_names_the_day_of_a_validation_and_of_the_end_of_a_later(synced: Household) -> None:
    name = asked_person(synced)
    other = next(other for other in PEOPLE if other != name)
    synced.ok("vip", "validate", name, "--on", "2021-03-01")
    assert "  validated title  right on 2021-03-01\n" in synced.ok("history", name)
    synced.ok("vip", "validate", name)
    assert "  validated title\n" in synced.ok("history", name)
    synced.ok("answer", other, "later", "--days", "10")
    assert f"  answer: later  until {days_from_now(10)}\n" in synced.ok("history", other)
    (event,) = (event for event in document(synced, "history", other, "--json")["events"] if "later" in event["what"])
    assert event["new"] == days_from_now(10)


def test_explain_says_that_a_card_whose_organisation_just_changed_gets_time(house: Household) -> None:
    house.fill()
    house.configure("[reminders]", "max_new_per_day = 0")
    house.ok("sync")
    house.server.put_card("p0.vcf", house.server.get_card("p0.vcf").replace(b"ORG:Initrode", b"ORG:Vandelay"))
    house.ok("sync")
    told = house.ok("explain", ZORA)
    assert (
        f"Not asked before {days_from_now(7)}: the organisation changed on {days_from_now(0)} "
        "and the rest gets time to follow (reminders.half_updated_after).\n"
    ) in told
    assert "probability that work details are out of date: > 99%" in told  # the e-mail, too: not the title alone
    house.ok("vip", "validate", ZORA)
    assert re.search(
        r"^Not asked: the < 1% for employer and title is below 20% \(freshness\.ask_above\)\.$",
        house.ok("explain", ZORA),
        re.MULTILINE,
    )


def test_cards_on_which_there_is_nothing_to_watch_say_so_and_come_last(house: Household) -> None:
    house.fill()
    shop = person("Corner Shop", "Hooli", uid="UID-3").replace(b"NOTE:", b"X-ABShowAs:COMPANY\r\nNOTE:")
    house.server.put_card("shop.vcf", shop)
    house.server.put_card("friend.vcf", card("NOTE:likes tea", name="Friend;Old;;;", uid="UID-4"))
    house.server.put_card(GROUP, apple_group("VIP", [f"UID-{at}" for at in range(5)]))
    house.configure("[reminders]", "max_new_per_day = 0")
    house.ok("sync")
    assert "Never asked: this is a company's card.\n" in house.ok("explain", "Corner")
    assert "Not asked: the card has no work details (reminders.ask_missing = false).\n" in house.ok("explain", "Friend")
    rows = [line.split("\t") for line in house.ok("vip").splitlines()]
    assert {(row[1], row[4]) for row in rows[-2:]} == {
        ("Corner Shop", "company card"),
        ("Old Friend", "no work details"),
    }
    told = {row["name"]: row["nothing_to_watch"] for row in document(house, "vip", "--json")}
    assert told == {**dict.fromkeys(PEOPLE), "Corner Shop": "company card", "Old Friend": "no work details"}


def test_notes_remove_restore_and_backup(synced: Household) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    assert "1 found, 1 written" in synced.ok("notes", "remove")
    assert synced.asked_about() == []

    kept = document(synced, "restore", "--json")
    assert {row["name"] for row in kept} == {name}
    assert len(kept) == 2
    assert document(synced, "restore", name, "--yes", "--json")["outcome"] == "written"  # as it was before the removal
    assert synced.asked_about() == [card]

    rows = document(synced, "backup", "--json", "--output", str(synced.home / "kept"))
    assert [row["what"] for row in rows] == [f"home / {synced.book}", "database"]
    book, database = (row["path"] for row in rows)
    with open(book, "rb") as file:  # noqa: PTH123 - as an address book program would
        assert file.read().count(b"BEGIN:VCARD") == rows[0]["cards"] == 5
    with sqlite3.connect(database) as copy:
        assert copy.execute("SELECT count(*) FROM contact").fetchone() == (3,)
    copy.close()
    assert all(os.stat(path).st_mode & 0o077 == 0 for path in (book, database))  # noqa: PTH116 - paths from JSON


def test_after_notes_remove_no_question_is_said_to_stand_though_no_cycle_comes(synced: Household) -> None:
    name = asked_person(synced)
    synced.ok("notes", "remove", "--dry-run")
    assert synced.rows("SELECT ending, standing FROM question") == [(None, 1)]
    assert "1 found, 1 written" in synced.ok("notes", "remove")
    assert synced.rows("SELECT ending, standing FROM question") == [("withdrawn", 0)]
    assert "no open questions" in synced.ok("status")
    withdrawn = f"it was withdrawn on {days_from_now(0)} (reminders.ask_again_after, 90 days)"
    assert f"Not asked again before {days_from_now(90)}: {withdrawn}.\n" in synced.ok("explain", name)


@pytest.mark.parametrize("status", [507, 502])
@pytest.mark.parametrize("bad", ["one", "two"])
def test_a_book_that_cannot_be_backed_up_stops_no_other(house: Household, bad: str, status: int) -> None:
    books = [f"{house.book}{name}" for name in ("one", "two")]
    for book in books:
        house.server.make_book(book, book).put_card("p.vcf", person(ZORA, "Initrode", uid="U"))
    house.configure(account={"address_books": books})

    def before(request: Request) -> Response | None:
        reads = request.method == "REPORT" or request.headers.get("depth") == "1"
        return Response(status) if reads and request.path.endswith(f"{house.book}{bad}/") else None

    house.proxy.before = before
    done = house.cardsync("backup", "--json", "--output", str(house.home / "kept"))
    assert done.exit_code == 3
    (failed,) = [row for row in json.loads(done.stdout) if row["error"]]
    assert (failed["what"], failed["path"]) == (f"home / {house.book}{bad}", None)
    assert len(list((house.home / "kept").glob("*.vcf"))) == 1


def test_a_backup_into_what_is_no_folder_is_a_sentence(synced: Household) -> None:
    done = synced.cardsync("backup", "--output", str(synced.config))
    assert done.exit_code == 13
    assert "--output" in done.stderr
    assert "Traceback" not in done.stderr


def test_restore_of_all_that_was_written_since_a_day_and_nothing_that_was_not(synced: Household) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    before = synced.cards()
    said = synced.ok("restore", "--yes", "--at", "2020-01-01")
    assert f"{name}: written" in said
    assert "-  VIPcheck" in said
    assert synced.asked_about() == []
    after = synced.cards()
    assert {key for key in after if after[key] != before[key]} == {card}
    later = synced.ok("restore", "--yes", "--at", "2999-01-01")
    assert later == "No card was written since then: nothing to put back.\n"


def test_times_are_by_the_owners_clock_as_told_and_as_typed(synced: Household) -> None:
    far = {"CARDSYNC_SCHEDULE__TIMEZONE": "Pacific/Kiritimati"}  # UTC+14
    (kept,) = document(synced, "restore", "--json")
    there = datetime.fromisoformat(kept["at"]).astimezone(ZoneInfo("Pacific/Kiritimati"))
    name, shown, _ = synced.process("restore", **far).stdout.splitlines()[1].split("\t")
    assert shown == f"{there:%Y-%m-%dT%H:%M:%S}"
    assert f"  {shown[:16]}  asked  " in synced.process("history", name, **far).stdout
    assert f"\n{shown[:10]}\t{name}\t" in synced.process("status", **far).stdout
    for at in (shown, shown.replace("T", " "), f"{there:%Y-%m-%dT%H:%M%z}", kept["at"]):
        assert synced.process("restore", name, "--dry-run", "--at", at, **far).returncode == 0, at
    later = synced.process(
        "restore", name, "--dry-run", "--at", f"{there + timedelta(minutes=1):%Y-%m-%dT%H:%M}", **far
    )
    assert "was not written since then" in later.stdout


def test_restore_asks_first_on_a_terminal_and_a_no_leaves_the_card(synced: Household) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    shown = on_a_terminal(synced, ["restore", name], typed="n\n")
    assert "-  VIPcheck" in shown
    assert "Put 1 back? [y/N]" in shown
    assert synced.asked_about() == [card]
    assert "written" in on_a_terminal(synced, ["restore", name], typed="y\n")
    assert synced.asked_about() == []


def test_restore_shows_and_tells_what_it_takes_back_of_a_long_note(synced: Household) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    own = b"A line of hers that is long enough. " * 20
    data = synced.server.get_card(card)
    synced.server.put_card(card, data.replace(b"never", b"never\\n\\n" + own + b"\\nnew: 0044 0532", 1))
    shown = synced.process("restore", name, "--dry-run").stdout
    assert "-  new: 0044 0532" in shown
    assert "This takes back more than our note" in shown


def test_restore_says_where_it_takes_back_the_owners_edits_too(synced: Household) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    more = "This takes back more than our note"
    assert more not in synced.ok("restore", name, "--dry-run")
    edited = re.sub(rb"(?m)^TITLE:.*\r$", b"TITLE:Something Else\r", synced.server.get_card(card))
    synced.server.put_card(card, edited)
    synced.ok("sync")
    assert "You edited" not in synced.ok("explain", name)
    shown = synced.ok("restore", name, "--at", "2020-01-01", "--dry-run")
    assert "-TITLE:Something Else" in shown
    assert more in shown


def test_restore_where_nobody_can_be_asked_writes_with_yes_only(synced: Household) -> None:
    name = asked_person(synced)
    content, cards = synced.content(), synced.cards()
    for arguments in ([name], [name, "--json"], ["--at", "2020-01-01"]):
        done = synced.cardsync("restore", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "nothing was written. Say --yes, or look with --dry-run." in done.stderr
        assert f"{name}: would be written" in synced.ok("restore", name, "--dry-run")
    assert (synced.content(), synced.cards()) == (content, cards)
    assert f"{name}: written" in synced.ok("restore", name, "--yes")


def test_an_answered_question_does_not_come_back_by_restore_nor_its_word(synced: Household) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    synced.configure("[reminders]", "max_new_per_day = 0")
    synced.server.put_card(card, synced.server.get_card(card).replace(b"never", b"never\\nok", 1))
    synced.ok("sync")
    clean = synced.server.get_card(card)
    assert f"NOTE:{NOTE}\r\n".encode() in clean
    said = synced.ok("restore", name, "--yes")
    assert re.fullmatch(
        rf"{name}: nothing to put back; this is the version kept on \S+ \S+ UTC, before: take out \(confirmed\)\n", said
    )
    synced.ok("sync")
    synced.ok("notes", "remove")
    assert synced.server.get_card(card) == clean


def test_restore_after_a_process_that_was_killed_in_its_write_settles_that_first(synced: Household) -> None:
    name = asked_person(synced)
    (card,) = synced.asked_about()
    now = synced.server.get_card(card)
    with synced.writable() as database:
        database.execute("UPDATE journal SET state = 'intent', before = ?, after = ?", (now + b"\r\n", now))
    assert f"{name}: written" in synced.ok("restore", name, "--yes")
    assert synced.asked_about() == []
    assert synced.rows("SELECT count(*) FROM journal WHERE state = 'intent'") == [(0,)]


def test_release_clears_every_guard(synced: Household) -> None:
    synced.server.delete_card(GROUP)
    done = synced.cardsync("sync")
    assert "contacts left the group at once" in done.stdout + done.stderr
    assert (done.exit_code, synced.cardsync("sync").exit_code) == (3, 3)  # until the release
    assert len(synced.asked_about()) == 1
    assert [row["kind"] for row in document(synced, "status", "--problems", "--json")["problems"]] == ["vip-loss"]
    others = [row["name"] for row in document(synced, "vip", "--json") if not row["question"]]
    assert "left the group at once" in synced.ok("explain", others[0])
    assert "released 1" in synced.ok("release")
    done = synced.cardsync("sync")
    assert (done.exit_code, "Nobody is in a group named VIP. These exist: " in done.stderr) == (0, True)
    assert synced.asked_about() == []
    assert [row["kind"] for row in document(synced, "status", "--json")["problems"]] == ["empty-group"]
    assert "released 0" in synced.ok("release")  # only people in the list, or another config, mend that


def test_check_tells_each_step_and_changes_nothing(house: Household) -> None:
    house.fill("a note with a private word: halcyon")
    text = house.ok("check")
    assert re.search(rf"book {house.book}: 5 cards, 3 VIPs, can be written\n +groups: .*VIP", text)
    assert "of 3 VIPs it would ask about 1 now; cardsync sync --dry-run shows it; 2 more in line (" in text
    assert house.proxy.asked("PUT") == []
    assert house.rows("SELECT count(*) FROM contact") == [(0,)]
    private = ["halcyon", "Quillfeather", "UID-0", "p0.vcf", f"/{house.server.username}/", house.server.password]
    done = house.cardsync("--log-level", "info", "check", "--json")
    assert [word for word in private if word in text + done.stdout + done.stderr] == []
    assert json.loads(done.stdout)[0]["steps"]


# ---------------------------------------------------------------- --dry-run


def test_a_dry_run_changes_neither_the_database_nor_the_server(synced: Household) -> None:
    name = asked_person(synced)
    synced.configure("[reminders]", "max_new_per_day = 3")
    content, cards = synced.content(), synced.cards()
    for command in (
        ["sync"], ["answer", name, "ok"], ["release"], ["notes", "remove"], ["restore", name],
        ["vip", "validate", "--all"], ["backup"],
    ):  # fmt: skip
        said = synced.ok(*command, "--dry-run")
        assert "would" in said or command[0] in {"notes", "restore"}, command
        if command[0] in {"sync", "notes", "restore"}:
            assert not re.findall(r"(?m)^[+-](?!NOTE:)\w.*", said), said
            assert re.findall(r"(?m)^[+-]  VIPcheck: ", said), said
    report = json.loads(synced.ok("sync", "--dry-run", "--json"))
    assert (report["accounts"][0]["asked"], report["dry_run"]) == (2, True)
    assert json.loads(synced.ok("restore", name, "--dry-run", "--json"))["dry_run"] is True
    for rows in (("notes", "remove"), ("backup",)):
        assert all(row["dry_run"] is True for row in json.loads(synced.ok(*rows, "--dry-run", "--json")))
    assert (synced.content(), synced.cards()) == (content, cards)
    assert len(synced.proxy.asked("PUT")) == 1
    assert sorted(path.suffix for path in (synced.state / "backups").iterdir()) == [".vcf"]


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("command", ["sync --dry-run", "check", "notes remove --dry-run", "restore NAME --dry-run"])
def test_the_copy_that_a_look_ahead_works_on_is_let_go_of(
    synced: Household, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Mirror] = []

    def copy(mirror: Mirror) -> Mirror:
        made.append(Mirror(mirror.database.copy()))
        return made[-1]

    monkeypatch.setattr(Mirror, "copy", copy)
    synced.ok(*(asked_person(synced) if word == "NAME" else word for word in command.split()))
    assert made
    for mirror in made:
        with pytest.raises(sqlite3.ProgrammingError):
            mirror.books.of("home")


def test_a_name_that_is_not_known_or_not_one(synced: Household) -> None:
    for command in (["explain"], ["history"], ["resume"], ["restore", "--dry-run"]):
        done = synced.cardsync(*command, "Zora Quilfether")
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == f"cardsync: No VIP of that name. Did you mean {ZORA}?\n"
    assert "cardsync vip lists the names" in synced.cardsync("answer", "Xx", "ok").stderr
    many = synced.cardsync("explain", "a")
    assert many.exit_code == 2
    assert "3 contacts match: " in many.stderr
    elsewhere = synced.cardsync("history", f"work/{ZORA}")
    assert elsewhere.exit_code == 2
    assert "Before the / stands no account of the config; it has: home." in elsewhere.stderr
    assert synced.cardsync("answer", ZORA, "perhaps").exit_code == 2
    assert synced.cardsync("answer", ZORA, "ok", "--days", "3").exit_code == 2
    unknown = synced.cardsync("stats")
    assert unknown.exit_code == 2
    assert "Did you mean status?" in unknown.stderr


def test_people_of_one_name_are_told_apart(house: Household) -> None:
    house.fill()
    house.configure("[reminders]", "max_new_per_day = 0")
    home = house.config.read_text()
    house.config.write_text(home + home[home.index("[accounts.home]") :].replace("[accounts.home]", "[accounts.work]"))
    assert house.cardsync("sync").exit_code == 0
    many = house.cardsync("resume", ZORA)
    assert many.exit_code == 2
    assert f"2 contacts match: home/{ZORA}, work/{ZORA}. Type more, or one of these." in many.stderr
    house.ok("answer", f"work/{ZORA}", "never")
    assert "you said never" in house.ok("explain", f"work/{ZORA}")
    assert "you said never" not in house.ok("explain", f"home/{ZORA}")
    house.server.put_card("twin.vcf", house.server.get_card("p0.vcf").replace(b"UID-0", b"UID-7"))
    house.server.put_card(GROUP, apple_group("VIP", [f"UID-{at}" for at in (0, 1, 2, 7)]))
    house.configure()
    house.ok("sync")
    assert "2 contacts match: uid-0, uid-7." in house.cardsync("explain", ZORA).stderr
    assert ZORA in house.ok("explain", "UID-7")


EACH = """
import json, sys
from cardsync.cli import main
for arguments in json.loads(sys.argv[2]):
    try:
        main(["--config", sys.argv[1], *arguments])
    except SystemExit:
        print()
"""


def on_a_terminal(house: Household, *commands: list[str], typed: str = "") -> str:
    """All that a terminal would get from somebody who types that."""
    ours, theirs = pty.openpty()
    driver = [sys.executable, "-c", EACH, str(house.config), json.dumps(commands)]
    process = subprocess.Popen(
        driver, env=house.env(TERM="xterm", COLUMNS="200"), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.write(ours, typed.encode())
    os.close(theirs)
    parts = []
    try:
        while select.select([ours], [], [], 20)[0] and (part := os.read(ours, 65536)):
            parts.append(part)
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
        process.wait(20)
    return b"".join(parts).decode()


def test_what_a_card_holds_never_reaches_the_terminal_raw(house: Household) -> None:
    """A card from anywhere may hold escape sequences, C1 controls, bidi overrides and markup."""
    house.fill()
    evil = f"Evil{ESCAPE}]0;owned\x07{ESCAPE}[31m\x9b2J\u202e\u2028 [red]:smile: Mallory"
    for at, company in enumerate(["Initrode", "Hooli"]):
        card = person(f"{evil} {at}", f"{company}{ESCAPE}[2J\u202e", uid=f"UID-{at}", note=f"note {ESCAPE}[5m")
        house.server.put_card(f"p{at}.vcf", card)
    house.ok("sync")
    name = asked_person(house)
    commands = [
        ["vip"], ["status"], ["explain", "Mallory 0"], ["history", "Mallory 1"], ["explain", "Mallory"], ["restore"],
        ["answer", "Mallory 0", "ok", "--dry-run"], ["notes", "remove", "--dry-run"], ["restore", name, "--dry-run"],
        ["vip", "--json"], ["explain", "Mallory 0", "--json"],
    ]  # fmt: skip
    seen = on_a_terminal(house, *commands)
    assert seen.count("Mallory") > len(commands)
    assert "[red]:smile:" in seen
    plain = re.sub(r"\x1b\[[0-9;]*m|\r\n", "\n", seen)  # colours and line ends are ours
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", plain) == []
    for command in commands:  # piped: no colours either
        done = house.cardsync(*command)
        assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", done.stdout + done.stderr) == [], command


def test_a_name_beyond_the_terminals_encoding_is_no_crash(house: Household) -> None:
    house.server.put_card("p.vcf", person("Žofie 🦚", "Initrode", uid="UID-0"))
    house.server.put_card(GROUP, apple_group("VIP", ["UID-0"]))
    house.ok("sync")
    done = house.process("vip", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert r"\u017dofie" in done.stdout


def test_of_one_nothing_is_said_in_the_plural(house: Household) -> None:
    house.server.put_card("p.vcf", person(ZORA, "Initrode", uid="UID-0").replace(b"NOTE:", b"CATEGORIES:VIP\r\nNOTE:"))
    said = house.ok("check") + house.ok("sync") + house.ok("history", ZORA) + house.ok("backup")
    said += house.ok("vip", "validate", ZORA) + house.ok("calibration")
    for one in ("1 card, 1 VIP, can", "1 card read, 1 VIP,", "1 earlier version of", "(1 card)"):
        assert one in said
    assert re.findall(r"\b1 (?:\w+ )?(?:cards|VIPs|contacts|versions|changes)\b", said) == []
