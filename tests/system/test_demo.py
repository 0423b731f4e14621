import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from cardsync.app import database_of
from cardsync.demo import evidence, story
from cardsync.demo.addressbook import people
from cardsync.demo.days import Days, Time
from cardsync.demo.gestures import ANSWERS, Gesture, Scene, Understood
from cardsync.demo.phone import Phone
from cardsync.demo.place import emptied, write_config
from cardsync.demo.post import Mail, letter, returned
from cardsync.demo.server import serving
from cardsync.demo.sights import SIGHTS, Colleague
from cardsync.demo.untouched import properties
from cardsync.demo.witness import Witness, WitnessedApp
from cardsync.errors import CardsyncError
from cardsync.mirror import Mirror
from cardsync.records import Ending
from cardsync.settings.load import load

INTERRUPTED, UNREACHABLE = 130, 12
SECONDS = 90  # many times what it takes; a deadline, no measurement
_KEPT = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
ENVIRON = {**_KEPT, "HOME": "/nonexistent", "PYTHONUTF8": "1"}
START = datetime(2025, 6, 1, tzinfo=UTC)


# ---------------------------------------------------------------- the command


@contextmanager
def started(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``cardsync demo`` in a process group of its own, its output piped."""
    with subprocess.Popen(
        [sys.executable, "-m", "cardsync", "demo", "--directory", str(directory), *arguments],
        env=ENVIRON,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """The output up to the line with ``text`` in it."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"the demo ended before it said {text!r}: {''.join(lines)}")


def nothing_listens(output: str) -> bool:
    """Whether the demo's server goes away before the deadline."""
    found = re.search(r"http://127\.0\.0\.1:\d+/", output)
    assert found
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(found[0], trust_env=False)
        except httpx.TransportError:
            return True
        time.sleep(0.02)  # the kernel tells nobody when another process is gone
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A whole story, told with ``--keep`` and then interrupted."""

    output: str
    error: str
    exit_code: int
    config: Path
    synced: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    directory = tmp_path_factory.mktemp("told")
    config = directory / "cardsync.toml"
    with started(directory, "--keep") as process:
        output = read_until(process, "until you press Ctrl-C")
        synced = cardsync("--config", str(config), "sync")
        process.send_signal(signal.SIGINT)
        rest, error = process.communicate(timeout=SECONDS)
    return Told(output=output + rest, error=error, exit_code=process.returncode, config=config, synced=synced)


def cardsync(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cardsync", *arguments],
        env=ENVIRON,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_every_answer_is_understood_and_no_text_is_touched(told: Told) -> None:
    assert "WRONG" not in told.output
    assert f"{len(ANSWERS) + 2} answers understood" in told.output  # and the follow-up, and the half-updated card
    assert "all other properties of all 323 cards are as the phone left them" in told.output
    for gesture in ANSWERS:
        assert f"  phone      {gesture.said}\n" in told.output
    assert "company changed to" in told.output
    assert "1 request, nothing written" in told.output


def test_what_mail_and_sites_tell_makes_three_questions_and_one_silent_validation(told: Told) -> None:
    last = told.output.partition("What your own mail tells")[2].partition("Try it")[0]
    assert "invented" in last
    assert "[sources.mailbox]" in last
    blocks = [line.removeprefix("  note       ") for line in last.splitlines() if line.startswith("  note       ")]
    bounced, writes, moved, silent = blocks
    assert re.fullmatch(r"VIPcheck: mail to \S+ bounced on \d+ \w+\. Where is \w+ now\?", bounced)
    assert re.fullmatch(r"VIPcheck: still .+\? \(writes from \S+\)", writes)
    assert re.fullmatch(r"VIPcheck: still .+\? \(\S+ now leads to \S+\)", moved)
    assert re.fullmatch(r'no question; last sure \d\d \w+ \d{4}, and the history says "seen in use"', silent)
    assert "checked    nothing but these notes was written" in last


def test_piped_it_is_plain_text_without_noise(told: Told) -> None:
    assert told.error == ""
    assert "\x1b" not in told.output
    assert "\r" not in told.output


def test_while_the_server_is_kept_sync_works(told: Told) -> None:
    assert (told.synced.returncode, told.synced.stderr) == (0, "")
    assert "40 VIPs" not in told.synced.stdout
    assert "39 VIPs" in told.synced.stdout  # the phone took one out of the list


def test_ctrl_c_ends_the_keeping(told: Told) -> None:
    assert told.exit_code == INTERRUPTED
    assert nothing_listens(told.output)


def test_what_it_says_to_try_works_without_the_server(told: Told) -> None:
    commands = [line.strip() for line in told.output.splitlines() if f"--config {told.config}" in line]
    arguments = [shlex.split(command.partition(" --config ")[2])[1:] for command in commands]
    assert [argument[0] for argument in arguments] == ["status", "vip", "explain", "sync"]
    done = [cardsync("--config", str(told.config), *each) for each in arguments]
    assert [each.returncode for each in done] == [0, 0, 0, UNREACHABLE]
    status, vip, explain, _ = done
    assert "no problems" in status.stdout
    assert len(vip.stdout.splitlines()) == 40  # the headings and 39
    assert arguments[2][1] in explain.stdout
    assert ': "VIPcheck: ' in explain.stdout


def test_what_the_last_chapter_saw_can_be_explained_afterwards(told: Told) -> None:
    config = told.config.parent / "evidence" / "cardsync.toml"
    (command,) = (line.strip() for line in told.output.splitlines() if f"--config {config}" in line)
    explained = cardsync("--config", str(config), *shlex.split(command.partition(" --config ")[2])[1:])
    assert explained.returncode == 0, explained.stderr
    assert "came back for good" in explained.stdout
    assert "mailbox (odds x 75 for the work e-mail, x 15 for the employer): Mail to" in explained.stdout


def test_what_it_leaves_is_private(told: Told) -> None:
    assert stat.S_IMODE(told.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(told.config.parent.stat().st_mode) == 0o700
    assert "password" in told.config.read_text()
    assert re.search(r'^password = "(.+)"$', told.config.read_text(), re.MULTILINE)


@pytest.mark.parametrize("moment", ["Radicale at", "Day 1"])
def test_ctrl_c_at_any_time_stops_the_server(tmp_path: Path, moment: str) -> None:
    with started(tmp_path) as process:
        output = read_until(process, moment)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, error) == (INTERRUPTED, "")
    assert nothing_listens(output)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_killed_takes_its_server_along(tmp_path: Path, how: signal.Signals) -> None:
    with started(tmp_path) as process:
        output = read_until(process, "Radicale at")
        process.send_signal(how)
        process.communicate(timeout=SECONDS)
        assert nothing_listens(output)


# ---------------------------------------------------------------- its directory


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    done = cardsync("demo", "--directory", str(tmp_path))
    assert done.returncode == 1
    assert "holds something else than a demo" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.txt").touch()
    with emptied(str(tmp_path / "demo")) as place:
        (place / "state").mkdir()
        (place / "state" / "cardsync.db").touch()
        (place / "link").symlink_to(elsewhere)
    with emptied(str(tmp_path / "demo")) as place:
        assert [each.name for each in place.iterdir()] == [".cardsync-demo"]
    assert (elsewhere / "kept.txt").exists()


def test_two_demos_do_not_share_a_directory(tmp_path: Path) -> None:
    with emptied(str(tmp_path)) as place:
        (place / "state").mkdir()
        with pytest.raises(CardsyncError, match="Another demo uses"), emptied(str(tmp_path)):
            pass
        assert (place / "state").exists()


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CardsyncError, match="--directory"), emptied(str(tmp_path / "file" / "demo")):
        pass


# ---------------------------------------------------------------- it notices what goes wrong


OK = next(gesture for gesture in ANSWERS if gesture.said == 'types "ok" below it')


@contextmanager
def days(directory: Path, *answers: Gesture) -> Iterator[Days]:
    book = people(3, 60, 20, now=START)
    with emptied(str(directory)) as place, serving(book.cards, place / "server") as server:
        settings = load(write_config(place, server), {})
        mirror, clock = Mirror.open(database_of(settings)), Time(now=START)
        app = WitnessedApp(settings=settings, mirror=mirror, environ={}, clock=lambda: clock.now, witness=Witness())
        with Phone(
            book_url=server.book_url, username=server.username, password=server.password, clock=lambda: clock.now
        ) as phone:
            yield Days(app=app, book=book, server=server, phone=phone, time=clock, answers=answers)
        mirror.close()


def edit_somebody_else(phone: Phone, scene: Scene) -> None:
    other = next(name for name in phone.names() if name not in (scene.name, scene.vip_card))
    phone.edit_field(other, "NICKNAME", "Intruder")


def spoil_the_note(phone: Phone, scene: Scene) -> None:
    phone.edit_note(scene.name, lambda note: note + "\nnot the user's")
    OK.act(phone, scene)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (
            replace(OK, expected=lambda scene: Understood(ending=Ending.NEVER)),
            r": understood as Understood\(ending=<Ending.CONFIRMED",
        ),
        (replace(OK, act=spoil_the_note), "the user's text is not byte for byte"),
        (replace(OK, cut_in=lambda phone, scene: None), "the edit did not meet cardsync's write"),
        (replace(OK, cut_in=edit_somebody_else), r"the card \S+\.vcf is not as the phone left it"),
    ],
)
def test_a_line_that_is_not_as_expected_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: Gesture, fault: str
) -> None:
    with days(tmp_path, answer) as story:
        assert not story.tell()
    assert re.search(fault, "\n".join(story.faults))
    assert "WRONG" in capsys.readouterr().out


def test_a_story_without_a_fault_is_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with days(tmp_path, OK) as story:
        assert story.tell()
    assert "1 answers understood" in capsys.readouterr().out


def temporary(who: Colleague, at: datetime) -> Mail:
    mail = returned(who.address, at)
    return replace(mail, raw=mail.raw.replace(b"5.1.1", b"4.2.2"))


def unsigned(who: Colleague, at: datetime) -> Mail:
    mail = letter(who.name, who.address, at)
    return replace(mail, raw=mail.raw.replace(b"dkim=pass", b"dkim=fail"))


def test_what_mail_and_sites_do_not_tell_is_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bounce, elsewhere, moved, in_use = SIGHTS
    spoilt = (
        replace(bounce, mail=temporary),
        replace(elsewhere, asks="now leads to"),
        replace(moved, leads_to=""),
        replace(in_use, mail=unsigned),
    )
    with evidence.chapter(tmp_path / "evidence", START, spoilt) as last:
        assert not last.tell()
        names = [who.name for who, _ in last.seen]
    assert last.faults == [
        f"{names[0]}: not asked about",
        f"{names[1]}: the question does not ask for what was seen",
        f"{names[2]}: not asked about",
        f"{names[3]}: that the work address is in use did not count",
        "1 questions stand instead of 3",
        "1 writes for 3 questions",
    ]
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.parametrize(("asks", "exit_code"), [(SIGHTS[0].asks, 0), ("something else", 1)])
def test_a_fault_in_the_last_chapter_alone_ends_the_demo_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asks: str, exit_code: int
) -> None:
    monkeypatch.setattr(Days, "tell", lambda self: True)  # the days before, all well
    monkeypatch.setattr(story, "configure", lambda *_: None)
    monkeypatch.setattr(evidence, "SIGHTS", (replace(SIGHTS[0], asks=asks), *SIGHTS[1:]))
    assert story.tell(directory=str(tmp_path), keep=False) == exit_code


def test_a_card_that_changes_beside_its_note_in_the_last_chapter_is_said(tmp_path: Path) -> None:
    def meanwhile(who: Colleague, at: datetime) -> Mail:
        phone, others = last.phone, [other for other, _ in last.seen if other != who]
        phone.edit_field(others[0].card, "NICKNAME", "Intruder")
        phone.edit_note(others[1].card, lambda note: note + "\nnot the user's")
        return letter(who.name, who.address, at)

    with evidence.chapter(tmp_path / "evidence", START, (*SIGHTS[:3], replace(SIGHTS[3], mail=meanwhile))) as last:
        assert not last.tell()
        names, cards = [who.name for who, _ in last.seen], [who.card for who, _ in last.seen]
    assert f"the card {cards[0]} is not as it was" in last.faults
    assert f"{names[1]}: the note is not as it should be" in last.faults


def test_properties_see_what_matters_and_nothing_else() -> None:
    def card(*lines: str) -> bytes:
        return "\r\n".join(("BEGIN:VCARD", *lines, "END:VCARD", "")).encode()

    whole = card("FN:Jo", "EMAIL;TYPE=WORK;TYPE=pref:jo@acme.example", "item1.URL:https://acme.example", "NOTE:mine")
    same = card("NOTE:other", "EMAIL;TYPE=PREF,WORK:jo@acme.ex\r\n ample", "item1.URL:https://acme.example", "FN:Jo")
    assert properties(whole) == properties(same)
    for change in ((b"Jo", b"Joe"), (b"TYPE=WORK", b"TYPE=HOME"), (b"item1", b"item2"), (b"FN:Jo\r\n", b"")):
        assert properties(whole.replace(*change)) != properties(whole)
