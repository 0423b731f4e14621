"""Commands while a cycle runs: queued, waited for, interrupted."""

import json
import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cardsync.app import App
from household import Hold, Household, person, until


@pytest.fixture
def held(house: Household) -> tuple[Household, Hold]:
    """A daemon whose second cycle is held amid its REPORT."""
    house.fill()
    house.configure("[reminders]", "max_new_per_day = 0")
    return house, Hold("REPORT")


def test_commands_during_a_cycle_are_queued_and_carried_out_at_its_end(held: tuple[Household, Hold]) -> None:
    house, hold = held
    daemon = house.daemon()
    daemon.wait_for("cycle")
    house.server.put_card("new.vcf", person("Piet Nobody", "Vandelay", uid="UID-Y"))
    house.proxy.after = hold
    daemon.send(signal.SIGHUP)
    assert hold.reached.wait(20)
    for command in (
        ["answer", "Zora Quillfeather", "never"],
        ["answer", "Basil Thackwell", "never"],
        ["resume", "Basil Thackwell"],
        ["vip", "validate", "Odile Marchbanks"],
        ["release"],
    ):
        done = house.cardsync(*command)
        assert (done.exit_code, done.stderr) == (0, "Another cardsync works here; it carries this out at its end.\n")
    assert house.rows("SELECT count(*) FROM command WHERE done_at IS NULL") == [(5,)]
    assert house.ok("status")  # looking needs no turn
    hold.free.set()
    daemon.wait_for("cycle", 2)
    until(lambda: house.rows("SELECT count(*) FROM command WHERE done_at IS NULL") == [(0,)], "the queue is empty")
    paused = {row["name"]: row["paused"] for row in json.loads(house.ok("vip", "--json"))}
    assert paused == {"Zora Quillfeather": "never", "Basil Thackwell": None, "Odile Marchbanks": None}
    assert house.rows("SELECT count(*) FROM work_field WHERE validated_at IS NOT NULL")[0][0] > 0
    assert daemon.stop() == 0


def test_sync_waits_for_the_cycle_that_runs_and_ctrl_c_ends_the_waiting(held: tuple[Household, Hold]) -> None:
    house, hold = held
    house.proxy.after = hold
    daemon = house.daemon()
    assert hold.reached.wait(20)
    waiting, impatient = house.started("sync", "--json"), house.started("sync")
    for process in (waiting, impatient):
        assert process.stderr
        assert process.stderr.readline() == "waiting for the running cycle to end ...\n"
    impatient.send_signal(signal.SIGINT)
    assert impatient.wait(10) == 130
    assert waiting.poll() is None
    asked = len(house.proxy.asked())
    hold.free.set()
    output, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == 0
    assert json.loads(output)["accounts"][0]["vips"] == 3
    assert len(house.proxy.asked()) > asked
    assert daemon.stop() == 0


@pytest.mark.parametrize(
    ("command", "method"),
    [
        ("restore --yes --at 2020-01-01", "GET"), ("notes remove", "REPORT"),
        ("sync --dry-run", "PROPFIND"), ("sync", "PROPFIND"),
    ],
)  # fmt: skip
def test_what_is_queued_while_another_command_works_is_carried_out_at_its_end(
    house: Household, command: str, method: str
) -> None:
    house.fill()
    house.ok("sync")
    house.proxy.after = hold = Hold(method)
    working = house.started(*command.split())
    assert hold.reached.wait(20)
    done = house.cardsync("answer", "Zora Quillfeather", "never")
    assert (done.exit_code, done.stderr) == (0, "Another cardsync works here; it carries this out at its end.\n")
    hold.free.set()
    assert working.wait(20) == 0
    assert house.rows("SELECT count(*) FROM command WHERE done_at IS NULL") == [(0,)]
    paused = {row["name"]: row["paused"] for row in json.loads(house.ok("vip", "--json"))}
    assert paused["Zora Quillfeather"] == "never"


def test_what_is_queued_after_the_last_look_and_before_the_lock_is_free_is_carried_out(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands that meet: the one with the lock has emptied the queue, and assesses, when the other comes."""
    house.fill()
    house.ok("sync")
    met: list[str] = []
    assess = App.assess

    def assessed(app: App) -> None:
        assess(app)
        if not met:
            met.append(house.process("answer", "Basil Thackwell", "never").stderr)

    monkeypatch.setattr(App, "assess", assessed)
    assert house.cardsync("answer", "Zora Quillfeather", "never").stderr == ""
    assert met == ["Another cardsync works here; it carries this out at its end.\n"]
    assert house.rows("SELECT count(*) FROM command WHERE done_at IS NULL") == [(0,)]


@contextmanager
def at_its_question(house: Household, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command on a terminal of its own, once it asks."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(house.command(*command), env=house.env(), stdin=theirs, stdout=theirs, stderr=theirs)
    house.processes.append(process)
    os.close(theirs)
    try:
        read_until(ours, b"back? [y/N]")
        yield process, ours
    finally:
        os.close(ours)


def read_until(terminal: int, words: bytes) -> bytes:
    said = b""
    while words not in said:
        assert select.select([terminal], [], [], 20)[0], said
        try:
            said += os.read(terminal, 65536)
        except OSError as error:  # the other end is closed
            raise AssertionError(said) from error
    return said


def test_a_restore_that_waits_for_an_answer_holds_no_cycle_up(house: Household) -> None:
    house.fill()
    house.ok("sync")
    (card,) = house.asked_about()
    name = next(row["name"] for row in json.loads(house.ok("restore", "--json")))
    daemon = house.daemon()
    daemon.wait_for("cycle")
    with at_its_question(house, "restore", name) as (restore, terminal):
        daemon.send(signal.SIGHUP)
        daemon.wait_for("cycle", 2)
        assert restore.poll() is None
        os.write(terminal, b"y\n")
        read_until(terminal, f"{name}: written".encode())
        assert restore.wait(20) == 0
    assert card not in house.asked_about()
    assert daemon.stop() == 0


def test_a_card_that_a_cycle_wrote_while_restore_asked_is_not_written_over(house: Household) -> None:
    house.fill()
    house.ok("sync")
    (card,) = house.asked_about()
    name = next(row["name"] for row in json.loads(house.ok("restore", "--json")))
    with at_its_question(house, "restore", name) as (restore, terminal):
        edited = house.server.get_card(card).replace(b"TITLE:Head of Sails", b"TITLE:Admiral")
        house.server.put_card(card, edited)
        house.ok("sync")
        after = house.server.get_card(card)
        assert b"VIPcheck" not in after
        os.write(terminal, b"y\n")
        read_until(terminal, b"Look again.")
        assert restore.wait(20) == 1
    assert house.server.get_card(card) == after


def test_ctrl_c_amid_a_write_of_sync_verifies_it_and_ends_with_130(house: Household) -> None:
    house.fill()
    house.proxy.after = hold = Hold("PUT")
    sync = house.started("sync")
    assert hold.reached.wait(20)
    sync.send_signal(signal.SIGINT)
    until(lambda: not sync.poll() and house.rows("SELECT state FROM journal") == [("intent",)], "the write is open")
    hold.free.set()
    output, error = sync.communicate(timeout=20)
    assert (sync.returncode, output, error) == (130, "", "")
    assert house.rows("SELECT state FROM journal") == [("verified",)]
    assert len(house.asked_about()) == 1
    assert house.cardsync("sync").exit_code == 0
    assert len(house.proxy.asked("PUT")) == 1
