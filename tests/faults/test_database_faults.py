"""The database is full, read-only, locked, damaged, old, new or gone: the owner is told, and no card is harmed.

Through the command line and the daemon, on a real server.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from cardsync.mirror import database as module
from household import NOTE, Daemon, Household, until
from loop import meaning, note_of
from servers.loopback import Request, Response

HUP = signal.SIGHUP
FULL = "is full. Nothing was lost. Free some space, and try again."
READ_ONLY = "cannot be written. Give this user the right to it, or set state_dir."
DAMAGED = "is damaged. Move it away with the files beside it that begin like it, and start again"
ONE, TWO = (("[reminders]", f"max_new_per_day = {most}", f"max_open = {most}") for most in (1, 2))


def unharmed(house: Household, before: dict[str, bytes], most: int = 2) -> None:
    """Each card is as before but for one question, on so many cards at most."""
    now = house.cards()
    assert now.keys() == before.keys()
    for name, data in now.items():
        assert meaning(data) == meaning(before[name])
        note, own = note_of(data) or "", note_of(before[name]) or ""
        assert note.endswith(own)
        assert note.count("VIPcheck") <= 1
    assert len(house.asked_about()) <= most


def refused(house: Household, said: str, *commands: str) -> None:
    """Each command ends with 13 and one sentence, and writes to no card."""
    before = house.cards()
    for command in commands:
        done = house.cardsync(*command.split())
        assert (command, done.exit_code) == (command, 13)
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert house.cards() == before


# ---------------------------------------------------------------- a disk of its own


@contextmanager
def disk(at: Path, size: str) -> Iterator[None]:
    """A small disk, where the system lets us have one."""
    at.mkdir(mode=0o700, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(at)]
    if os.getuid() or not shutil.which("mount") or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def leave(folder: Path, free: int) -> Path:
    """A file that takes all but ``free`` bytes."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            os.truncate(ballast, max(0, ballast.stat().st_size - free))
    return ballast


def test_a_disk_that_is_full_at_any_step_loses_nothing_and_writes_nothing_twice(house: Household) -> None:
    """From not a byte to enough: each time the cycle ends a few steps later."""
    house.fill()
    house.configure(*TWO)
    before = house.cards()
    codes = []
    for free in (0, 90 << 10, 210 << 10, 1 << 20):
        with disk(house.state, "2m"):
            house.cardsync("sync", "--dry-run")  # makes the database
            ballast = leave(house.state, free)
            done = house.cardsync("sync")
            codes.append(done.exit_code)
            unharmed(house, before)
            if done.exit_code:
                assert FULL in done.stderr or "(No space left on device)" in done.stderr
                assert done.exit_code == 13
            written = len(house.proxy.asked("PUT"))
            ballast.unlink()
            assert house.ok("sync")
            unharmed(house, before)
            assert len(house.asked_about()) == 2
            assert len(house.proxy.asked("PUT")) in {2, written + 2}
            house.ok("notes", "remove")
            assert house.cards() == before
        house.proxy.asked().clear()
        assert house.proxy.loopback
        house.proxy.loopback.requests.clear()
        if not done.exit_code:
            break
    assert codes[0] == 13
    assert codes[-1] == 0


def test_the_daemon_goes_on_when_there_is_space_again(house: Household) -> None:
    """The disk fills up during a cycle, and is still full when the owner sends SIGHUP."""
    house.fill()
    house.configure(*ONE)
    filled: list[Path] = []

    def fill_up(_request: Request) -> None:
        if not filled and _request.method == "REPORT":
            filled.append(leave(house.state, 0))

    with disk(house.state, "3m"):
        house.proxy.before = fill_up
        daemon = house.daemon()
        assert FULL in daemon.wait_for("cycle failed")["what"]
        daemon.send(HUP)
        until(lambda: len(daemon.events("cycle failed")) == 2 or daemon.events("config refused, the old one stays"), "")
        assert house.asked_about() == []
        before = house.cards()
        filled[0].unlink()
        daemon.send(HUP)
        daemon.wait_for("cycle")
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.text
        unharmed(house, before, most=1)


def test_a_state_directory_on_a_disk_that_became_read_only(house: Household) -> None:
    house.fill()
    with disk(house.state, "3m"):
        house.ok("sync")
        subprocess.run(["mount", "-o", "remount,ro", str(house.state)], check=True)
        refused(house, READ_ONLY, "sync", "status", "notes remove", "release")


def test_a_database_that_may_only_be_read(house: Household) -> None:
    house.fill()
    house.ok("sync")
    path = house.state / "cardsync.db"
    with read_only(path):
        refused(house, READ_ONLY, "sync", "status", "notes remove")
    assert "fetched" in house.ok("sync", "--json")


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """No mode stops root: a mount does."""
    if os.getuid():
        pytest.skip("the owner of a file may always take the right to write it back")
    bound = subprocess.run(["mount", "--bind", str(path), str(path)], check=False, capture_output=True)
    if bound.returncode:
        pytest.skip("no right to mount here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(path)], check=True, capture_output=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


# ---------------------------------------------------------------- locked


@pytest.mark.parametrize("method", ["PUT", "GET", "REPORT"])
def test_a_database_that_is_locked_amid_a_cycle(house: Household, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Another program takes the lock while the server answers; what was sent is found again."""
    monkeypatch.setattr(module, "_BUSY_SECONDS", 0.1)  # the owner waits 10 s
    house.fill()
    house.ok("sync", "--dry-run")
    before = house.cards()
    with closing(sqlite3.connect(house.state / "cardsync.db", isolation_level=None, check_same_thread=False)) as other:

        def lock(request: Request, response: Response) -> Response:
            if request.method == method and not other.in_transaction:
                other.execute("BEGIN IMMEDIATE")
            return response

        house.proxy.after = lock
        done = house.cardsync("sync")
        assert done.exit_code == 13
        assert "is locked by another program. Stop it, and try again." in done.stderr
        house.proxy.after = lambda request, response: response
        other.execute("ROLLBACK")
    sent = len(house.proxy.asked("PUT"))
    assert sent == (method == "PUT")
    house.ok("sync")
    unharmed(house, before)
    assert len(house.asked_about()) == len(house.proxy.asked("PUT")) == 1


# ---------------------------------------------------------------- damaged


def zeroed(path: Path, start: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(size))


def replaced(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def flipped(seed: int, path: Path) -> None:
    """Twenty bytes anywhere."""
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(20):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "the header is gone": lambda path: zeroed(path, 0, 100),
    "the first page is gone": lambda path: zeroed(path, 0, 4096),
    "another file": lambda path: replaced(path, b"\x89PNG" * 5000),
    "cut in the middle": lambda path: os.truncate(path, path.stat().st_size // 8192 * 4096),
    "cut amid a page": lambda path: os.truncate(path, path.stat().st_size - 1000),
    "one page is left": lambda path: os.truncate(path, 4096),
    **{f"bytes are flipped, seed {seed}": partial(flipped, seed) for seed in range(8)},
}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE question SET kind = 'x'",
        "UPDATE question SET kind = 'x', state = 'ended', ending = 'confirmed', ended_at = '9999', standing = 0",
        "UPDATE question SET position = 'x'",
        """UPDATE question SET fields = '["x"]'""",
        "UPDATE question SET slots = '{'",
        "UPDATE vip SET groups = '{'",
        "UPDATE work_field SET field = 'x' WHERE field = 'title'",
        "UPDATE contact SET first_seen = 'x'",
    ],
)
def test_a_value_that_was_never_stored_by_us_is_told_as_damage(house: Household, damage: str) -> None:
    house.fill()
    house.ok("sync")
    before = house.cards()
    with house.writable() as database:
        database.execute(damage)
        database.execute("UPDATE contact SET assessed_at = NULL")
    done = house.cardsync("sync")
    assert (done.exit_code, "Traceback" in done.output) == (13, False), done.output
    assert house.cards() == before


def test_a_damaged_database_is_told_harms_no_card_and_a_new_one_adopts_the_questions(house: Household) -> None:
    house.fill()
    house.configure(*TWO)
    house.ok("sync")
    before = house.cards()
    assert len(house.asked_about()) == 2
    path = house.state / "cardsync.db"
    whole = path.read_bytes()
    told = []
    for name, damage in DAMAGES.items():
        path.write_bytes(whole)
        damage(path)
        done = house.cardsync("sync")
        assert "Traceback" not in done.output
        assert done.exit_code in {0, 13}, (name, done.output)
        if done.exit_code:
            told.append(name)
            assert DAMAGED in done.stderr, (name, done.stderr)
        assert house.cards() == before, name
        path.unlink()
        for rest in house.state.glob("cardsync.db-*"):
            rest.unlink()
    assert len(told) > len(DAMAGES) // 2  # a flipped byte may lie where nothing is
    assert '"adopted": 2' in house.ok("sync", "--json")
    assert house.cards() == before


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "of another"])
def test_a_damaged_write_ahead_log_forgets_but_never_asks_twice(house: Household, damage: str) -> None:
    """A power cut without a flush: the last transactions are not in the file; the question is on the card."""
    house.fill()
    house.configure(*ONE)
    house.ok("sync", "--dry-run")
    before = house.cards()
    with closing(sqlite3.connect(house.state / "cardsync.db")) as reader:  # keeps the log from being folded in
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM meta").fetchall()
        house.ok("sync")
        kept = {path.name: path.read_bytes() for path in house.state.glob("cardsync.db*") if "shm" not in path.name}
    asked = house.cards()
    log = bytearray(kept["cardsync.db-wal"])
    assert len(log) > 8192
    if damage == "cut":
        del log[len(log) // 2 :]
    elif damage == "flipped":
        for at in range(len(log) // 3, len(log), 4096):
            log[at] ^= 0x10
    elif damage == "gone":
        log.clear()
    else:
        log[:32] = bytes(32)
    for path in house.state.glob("cardsync.db*"):
        path.unlink()
    (house.state / "cardsync.db").write_bytes(kept["cardsync.db"])
    (house.state / "cardsync.db-wal").write_bytes(log)
    for _ in range(2):
        done = house.cardsync("sync")
        assert done.exit_code == 0, done.output
    assert len(house.asked_about()) == 1
    unharmed(house, before, most=1)
    assert house.cards() == asked


# ---------------------------------------------------------------- older and newer


FIRST = module._scripts()
MIGRATION = "CREATE TABLE novelty (id INTEGER PRIMARY KEY) STRICT; INSERT INTO novelty VALUES (1);"


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> int:
    known = module._scripts()
    number = known[-1][0] + 1
    monkeypatch.setattr(module, "_scripts", lambda: [*known, (number, MIGRATION)])
    return number


def test_a_migration_that_is_killed_is_made_again_and_its_backup_is_whole(house: Household, next_version: int) -> None:
    house.fill()
    with pytest.MonkeyPatch.context() as old:
        old.setattr(module, "_scripts", lambda: FIRST)
        house.ok("sync")
    before, content = house.cards(), house.content()
    script = (
        "import os, signal, sys\n"
        "from cardsync.mirror import database as module\n"
        "known, prepare = module._scripts(), module._prepare\n"
        "def deadly(connection):\n"
        "    prepare(connection)\n"
        "    connection.create_function('die', 0, lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "module._prepare = deadly\n"
        f"module._scripts = lambda: [*known, ({next_version}, {MIGRATION!r} + 'SELECT die();')]\n"
        "from cardsync.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script, *house.command("sync")[3:]]
    died = subprocess.run(command, env=house.env(), capture_output=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert house.content() == content
    assert house.rows("PRAGMA user_version") == [(next_version - 1,)]
    (backup,) = house.state.glob("*before-schema*")
    with closing(sqlite3.connect(backup)) as copy:
        assert list(copy.iterdump()) == content

    house.ok("sync")
    assert house.rows("SELECT id FROM novelty") == [(1,)]
    with closing(sqlite3.connect(backup)) as copy:
        assert list(copy.iterdump()) == content
    assert house.cards() == before
    assert len(house.proxy.asked("PUT")) == 1


def test_the_daemon_does_not_touch_a_database_of_a_newer_one_and_ends_with_13(house: Household) -> None:
    house.fill()
    house.ok("sync")
    with house.writable() as database:
        database.execute("PRAGMA user_version = 99")
    content, before = house.content(), house.cards()
    done = house.process("run")
    assert done.returncode == 13
    assert "Install that version again." in done.stderr
    assert (house.content(), house.cards()) == (content, before)


# ---------------------------------------------------------------- gone


def test_after_the_loss_of_the_database_nothing_is_asked_twice_and_nothing_is_an_answer(house: Household) -> None:
    """One card was answered, one was not, when the disk died."""
    house.fill()
    house.configure(*TWO)
    house.ok("sync")
    first, second = house.asked_about()
    house.server.put_card(first, answered(house.cards()[first]))
    before = house.cards()
    shutil.rmtree(house.state)
    for _ in range(2):
        house.ok("sync")
        assert house.cards() == before
    assert house.rows("SELECT count(*) FROM question WHERE ending IS NOT NULL") == [(0,)]
    house.server.put_card(second, answered(house.cards()[second]))  # before our eyes
    house.ok("sync")
    assert first in house.asked_about()
    assert second not in house.asked_about()


def answered(card: bytes) -> bytes:
    """``ok`` typed in a line of its own below the block."""
    own = NOTE[:5].encode()
    typed = card.replace(b"\\n\\n" + own, b"\\nok\\n\\n" + own, 1)
    assert typed != card
    return typed


def _cycles(daemon: Daemon, times: int) -> bool:
    return len(daemon.events("cycle") + daemon.events("cycle failed")) >= times


def test_a_state_directory_that_vanishes_under_the_daemon(house: Household) -> None:
    house.fill()
    house.configure(*ONE)
    daemon = house.daemon()
    daemon.wait_for("cycle")
    before = house.cards()
    shutil.rmtree(house.state)
    for times in (2, 3):
        daemon.send(HUP)
        until(partial(_cycles, daemon, times), "the cycle after HUP")
    assert daemon.stop() == 0
    assert "crashed" not in daemon.text
    assert house.cards() == before
    house.ok("sync")
    unharmed(house, before, most=1)
    assert len(house.proxy.asked("PUT")) == 1
