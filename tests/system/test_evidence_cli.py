"""Evidence, from the owner's mail to the question on the phone and back, through the real command line."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from builders import card
from household import PEOPLE, Household
from servers.dovecot import Dovecot, start_dovecot

OURS = "mx.home.example"
DSN = (Path(__file__).parents[1] / "samples" / "mailbox_dsn.eml").read_text("ascii")
DAY = timedelta(days=1)
_USER = "owner"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with start_dovecot() as server:
        yield server


@pytest.fixture
def user(house: Household) -> str:
    return f"{_USER}-{house.book}"


@pytest.fixture
def quiet(house: Household, dovecot: Dovecot, user: str) -> Household:
    """Three VIPs of whom no cycle knows yet; no mail yet."""
    (house.home / "mail").write_text(dovecot.password + "\n", "utf-8")
    house.configure(
        "[reminders]", "max_new_per_day = 9", "max_new_per_week = 9", 'quiet_after_edit = "0"',
        "[sources.mailbox]", f'host = "{dovecot.host}"', f"port = {dovecot.tls_port}", f'username = "{user}"',
        f'password_file = "{house.home / "mail"}"', f'ca_file = "{dovecot.ca_file}"', f'authserv_id = "{OURS}"',
    )  # fmt: skip
    dovecot.deliver(user, [(_mail("Nobody <n@nobody.example>", "nobody.example"), datetime.now(UTC) - 300 * DAY)])
    house.fill()
    return house


@pytest.fixture
def reading(quiet: Household) -> Household:
    """Three VIPs whose cards were right a moment ago, so that only evidence makes a question."""
    quiet.ok("sync")
    quiet.ok("notes", "remove")
    quiet.ok("vip", "validate", "--all", "--on", f"{datetime.now(UTC) - 90 * DAY:%Y-%m-%d}")
    return quiet


def _mail(sender: str, domain: str, *more: str, sent: datetime | None = None) -> bytes:
    sent = sent or datetime.now(UTC) - 10 * DAY
    lines = [
        f"Authentication-Results: {OURS}; dkim=pass header.d={domain}",
        f"From: {sender}",
        "To: me@home.example",
        f"Date: {sent:%a, %d %b %Y %H:%M:%S} +0000",
        "Subject: secret things",
        *more,
        "",
        "a body that nobody reads",
    ]
    return "\r\n".join(lines).encode()


def _bounce(address: str, at: datetime | None = None) -> bytes:
    sent = f"{at or datetime.now(UTC) - 10 * DAY:%a, %d %b %Y %H:%M:%S} +0000"
    return DSN.replace("jane.doe@oldco.example", address).replace("Tue, 03 Nov 2026 08:00:00 +0000", sent).encode()


def _again(house: Household) -> None:
    """The next scan comes at once."""
    with house.writable() as database:
        database.execute("UPDATE source SET last_run = NULL")


def _questions(house: Household) -> dict[str, str]:
    return {row["name"]: row["question"] for row in json.loads(house.ok("status", "--json"))["questions"]}


def test_a_bounce_a_new_address_and_mail_from_the_old_one(reading: Household, dovecot: Dovecot, user: str) -> None:
    house = reading
    assert _questions(house) == {}
    at = datetime.now(UTC) - 9 * DAY
    zora, basil, odile = (
        "zora.quillfeather@initrode.example",
        "basil@umbrella.example",
        "odile.marchbanks@globex.example",
    )
    before = house.cards()
    dovecot.deliver(
        user,
        [
            (_bounce(zora), at),
            (_mail(f"Basil Thackwell <{basil}>", "umbrella.example"), at),
            (_mail(f"Odile <{odile}>", "globex.example"), at),
        ],
    )
    _again(house)
    said = house.ok("sync")
    assert "mailbox: 3 contacts looked at, 3 found, 1 seen in use\n" in said
    day = f"{(datetime.now(UTC) - 10 * DAY):%-d %b}"
    asked = _questions(house)
    assert asked["Zora Quillfeather"] == f"VIPcheck: mail to {zora} bounced on {day}. Where is Zora now?"
    assert asked["Basil Thackwell"] == "VIPcheck: still Head of Sails at Hooli? (writes from umbrella.example)"
    assert "Odile Marchbanks" not in asked
    after = house.cards()
    assert sum(after[name] != before[name] for name in before) == 2

    told = house.ok("explain", "Zora")
    assert f"Mail to {zora} came back for good on" in told
    assert "(odds x 15" in told  # what a bounce says of the employer
    evidence = json.loads(house.ok("explain", "Odile", "--json"))["evidence"]
    assert [(each["source"], each["kind"], each["says"]) for each in evidence] == [("mailbox", "wrote", "used")]
    assert "seen in use" in house.ok("history", "Odile")
    content = "\n".join(house.content())
    assert "secret things" not in content
    assert "a body that nobody reads" not in content
    assert basil not in content  # its domain is enough


def test_mail_from_the_address_takes_the_question_back(reading: Household, dovecot: Dovecot, user: str) -> None:
    house = reading
    dovecot.deliver(user, [(_bounce("zora.quillfeather@initrode.example"), datetime.now(UTC) - 20 * DAY)])
    _again(house)
    house.ok("sync")
    with house.writable() as database:
        database.execute(
            "UPDATE question SET asked_at = ?", (f"{datetime.now(UTC) - 15 * DAY:%Y-%m-%dT%H:%M:%S.000000+00:00}",)
        )
    assert list(_questions(house)) == ["Zora Quillfeather"]
    wrote = _mail("Zora <zora.quillfeather@initrode.example>", "initrode.example")
    dovecot.deliver(user, [(wrote, datetime.now(UTC) - 9 * DAY)])
    _again(house)
    house.ok("sync")
    assert _questions(house) == {}
    assert house.asked_about() == []
    assert "answer: settled" in house.ok("history", "Zora")


def test_mail_of_the_day_of_asking_takes_the_question_back(reading: Household, dovecot: Dovecot, user: str) -> None:
    """Also one that came before we asked and is read after it."""
    house = reading
    dovecot.deliver(user, [(_bounce("zora.quillfeather@initrode.example"), datetime.now(UTC) - 9 * DAY)])
    house.ok("sync")
    assert list(_questions(house)) == ["Zora Quillfeather"]
    earlier = datetime.now(UTC) - timedelta(hours=1)
    wrote = _mail("Zora <zora.quillfeather@initrode.example>", "initrode.example", sent=earlier)
    dovecot.deliver(user, [(wrote, earlier)])
    assert "mailbox: 3 contacts looked at, 1 found, 1 seen in use\n" in house.ok("sync")
    assert _questions(house) == {}
    assert house.asked_about() == []
    assert re.search(r"  seen in use +email\b", house.ok("history", "Zora"))


@pytest.mark.parametrize("bounced_last", [True, False])
def test_of_mail_and_bounce_of_one_day_the_later_counts(
    reading: Household, dovecot: Dovecot, user: str, bounced_last: bool
) -> None:
    house = reading
    morning, evening = (datetime.now(UTC).replace(hour=hour, minute=0) - 5 * DAY for hour in (7, 20))
    wrote, bounced = (morning, evening) if bounced_last else (evening, morning)
    mail = _mail("Zora <zora.quillfeather@initrode.example>", "initrode.example", sent=wrote)
    dovecot.deliver(user, [(mail, wrote), (_bounce("zora.quillfeather@initrode.example", bounced), bounced)])
    house.ok("sync")
    evidence = json.loads(house.ok("explain", "Zora", "--json"))["evidence"]
    counted = {each["kind"]: not each["not_counted"] for each in evidence}
    assert counted == {"bounce": bounced_last, "wrote": True}


def test_the_first_question_waits_for_what_the_sources_say(reading: Household, dovecot: Dovecot, user: str) -> None:
    """Else it would be about somebody who wrote yesterday."""
    house = reading
    shutil.rmtree(house.state)
    at = datetime.now(UTC) - DAY
    senders = {name: f"{name.lower().replace(' ', '.')}@{company.lower()}.example" for name, company in PEOPLE.items()}
    one, *others = senders
    dovecot.deliver(user, [(_mail(senders[name], f"{PEOPLE[name].lower()}.example", sent=at), at) for name in others])
    said = house.ok("sync", "--dry-run")
    assert "A dry run asks no source" in said
    said = house.ok("sync")
    assert "5 cards read, 3 VIPs, asked 1," in said
    assert "2 seen in use" in said
    assert list(_questions(house)) == [one]


def test_a_folder_that_is_named_later_and_holds_no_mail_that_came_in_stops_nothing(
    reading: Household, dovecot: Dovecot, user: str
) -> None:
    house = reading
    with dovecot.owner(user) as client:
        client.create_folder("Sent")
        for _ in range(6):
            client.append("Sent", b"From: me@home.example\r\nDate: Tue, 3 Nov 2026 08:00:00 +0000\r\n\r\nhello")
    text = house.config.read_text()
    house.config.write_text(text.replace("[sources.mailbox]\n", '[sources.mailbox]\nfolders = ["INBOX", "Sent"]\n'))
    house.ok("sync")
    assert "no problems" in house.ok("status")


def test_a_daemon_asks_nobody_before_the_sources_have_seen_anybody(
    reading: Household, dovecot: Dovecot, user: str
) -> None:
    house = reading
    shutil.rmtree(house.state)
    daemon = house.daemon()
    assert daemon.wait_for("cycle")["asked"] == 0
    assert daemon.wait_for("source", 2)["looked"] == len(PEOPLE)
    daemon.send(signal.SIGHUP)  # a cycle at once
    assert daemon.wait_for("cycle", 2)["asked"] > 0
    assert daemon.stop() == 0


def test_a_mail_server_that_refuses_the_login_stops_nothing_and_is_said(reading: Household) -> None:
    house = reading
    (house.home / "mail").write_text("wrong\n", "utf-8")
    _again(house)
    done = house.cardsync("sync")
    assert done.exit_code == 0, done.stderr
    (row,) = (row for row in json.loads(house.ok("sources", "--json")) if row["name"] == "mailbox")
    assert row["error"]
    assert row["not_before"]
    assert "wrong" not in done.stdout + done.stderr + row["error"]
    tried = house.cardsync("sources", "test", "mailbox")
    assert tried.exit_code == 1


def test_sources_says_what_each_sends_and_a_try_keeps_nothing(reading: Household, dovecot: Dovecot, user: str) -> None:
    house = reading
    dovecot.deliver(user, [(_bounce("zora.quillfeather@initrode.example"), datetime.now(UTC) - 9 * DAY)])
    content = house.content()
    assert "Mail to zora.quillfeather@initrode.example came back" in house.ok("sources", "test", "mailbox")
    assert house.content() == content
    rows = json.loads(house.ok("sources", "--json"))
    assert [row["name"] for row in rows if row["on"]] == ["mailbox"]
    assert {row["name"] for row in rows if not row["on"]} >= {"dns", "web", "github", "orcid", "gravatar", "gleif"}
    assert all(row["sends"] for row in rows)
    assert "mailbox connects to: localhost" in house.ok("sources")
    done = house.cardsync("sources", "test", "dns")
    assert done.exit_code == 2
    assert "[sources.dns]" in done.stderr
    unknown = house.cardsync("sources", "test", "linkedin")
    assert unknown.exit_code == 2
    assert "Did you mean linkedin_export?" in unknown.stderr


def test_nobody_of_whom_the_owner_wants_no_questions_is_shown_to_a_source(reading: Household) -> None:
    house = reading
    house.ok("answer", "Zora", "never")
    _again(house)
    assert "mailbox: 2 contacts looked at" in house.ok("sync")


def test_the_daemon_consults_beside_its_cycles(reading: Household, dovecot: Dovecot, user: str) -> None:
    house = reading
    dovecot.deliver(user, [(_bounce("zora.quillfeather@initrode.example"), datetime.now(UTC) - 9 * DAY)])
    _again(house)
    daemon = house.daemon()
    event = daemon.wait_for("source")
    assert (event["source"], event["found"]) == ("mailbox", 1)
    daemon.wait_for("cycle")
    assert daemon.stop() == 0
    assert "zora" not in daemon.text.lower()
    assert house.asked_about() == ["p0.vcf"]


def test_a_scan_contacts_the_mail_server_and_nobody_else(reading: Household, dovecot: Dovecot) -> None:
    house = reading
    _again(house)
    log = house.home / "contacted"
    program = [sys.executable, str(Path(__file__).parents[1] / "watched.py"), str(log)]
    command = [*program, "--config", str(house.config), "sync"]
    done = subprocess.run(command, env=house.env(), capture_output=True, text=True, timeout=60, check=True)
    assert "mailbox: 3 contacts looked at" in done.stdout
    mail = {f"{host}:{dovecot.tls_port}" for host in (dovecot.host, "127.0.0.1", "::1")}
    proxy = house.proxy.origin.removeprefix("http://")
    places = set(log.read_text("utf-8").split())
    assert proxy in places
    assert places & mail
    assert places <= {proxy} | mail


def test_without_a_table_nobody_but_the_address_books_server_is_contacted(house: Household) -> None:
    house.fill()
    with_everything = ("EMAIL;TYPE=WORK:jo@acme.example", "URL:https://github.com/jo", "ORG:Acme;", "TITLE:VP")
    house.server.put_card("p0.vcf", card(*with_everything, name="Quillfeather;Zora;;;", uid="UID-0"))
    log = house.home / "contacted"
    for command in ("sync", "sync", "check"):
        program = [sys.executable, str(Path(__file__).parents[1] / "watched.py"), str(log)]
        arguments = ["--config", str(house.config), command]
        subprocess.run([*program, *arguments], env=house.env(), capture_output=True, timeout=60, check=True)
    places = {line for line in log.read_text("utf-8").splitlines() if line}
    assert places == {house.proxy.origin.removeprefix("http://")}


def test_what_a_source_found_counts_no_more_once_it_is_off(reading: Household, dovecot: Dovecot, user: str) -> None:
    house = reading
    dovecot.deliver(user, [(_bounce("zora.quillfeather@initrode.example"), datetime.now(UTC) - 9 * DAY)])
    _again(house)
    house.ok("sync")

    def stale() -> float:
        return float(json.loads(house.ok("explain", "Zora", "--json"))["assessment"]["probability"])

    before, config = stale(), house.config.read_text()
    house.config.write_text(re.sub(r"(?s)\[sources\.mailbox\].*?(?=\n\[|\Z)", "", config))
    house.ok("sync")
    assert stale() < before / 2
    assert "mailbox (not counted: the source is off): Mail to" in house.ok("explain", "Zora")
    house.config.write_text(config)
    house.ok("sync")
    assert stale() == pytest.approx(before, rel=0.01)


def test_a_first_sync_looks_at_the_sources_too(quiet: Household, dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, [(_bounce("zora.quillfeather@initrode.example"), datetime.now(UTC) - 9 * DAY)])
    assert "mailbox: 3 contacts looked at, 1 found, 0 seen in use" in quiet.ok("sync")
    assert "came back for good" in quiet.ok("explain", "Zora")


def test_a_source_that_is_refused_is_told_of_and_asked_again_after_a_release(
    reading: Household, dovecot: Dovecot
) -> None:
    house, password = reading, reading.home / "mail"
    assert "no problems" in house.ok("status")
    password.write_text("wrong\n", "utf-8")
    _again(house)
    house.ok("sync")
    told = house.ok("status", "--problems")
    assert re.search(r"source-failed\tmailbox\t.*refuses user name or password.*It is tried again after", told)
    assert re.search(r"mailbox: left alone until .* UTC, for it failed\n", house.ok("sync"))
    assert "source-failed" in house.ok("release")
    assert "refuses user name or password" in house.ok("sync")
    password.write_text(dovecot.password + "\n", "utf-8")  # which is seen without a release
    house.ok("sync")
    assert "no problems" in house.ok("status")


def test_an_ok_that_nothing_asked_for_settles_what_a_source_saw(
    reading: Household, dovecot: Dovecot, user: str
) -> None:
    house = reading
    dovecot.deliver(user, [(_bounce("zora.quillfeather@initrode.example"), datetime.now(UTC) - 9 * DAY)])
    _again(house)
    house.ok("sync")
    house.ok("notes", "remove")
    house.ok("answer", "Zora", "ok")
    house.ok("sync")
    shown = json.loads(house.ok("explain", "Zora", "--json"))["assessment"]
    assert shown["probability"] < 0.02
    assert shown["right"]["email"] > 0.98
