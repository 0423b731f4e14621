"""What the service manager and the container engine are told, and ``cardsync healthcheck``."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cardsync.lock import daemon_since
from household import PEOPLE, Hold, Household, until
from servers.loopback import Response

DAY = timedelta(days=1)


def states(house: Household, *arguments: str) -> tuple[int, dict[str, str]]:
    """The exit code, and the state of each part."""
    done = house.cardsync("healthcheck", "--json", *arguments)
    return done.exit_code, {row["part"]: row["state"] for row in json.loads(done.stdout)}


def test_without_a_daemon_it_ends_with_1_and_makes_no_state(house: Household) -> None:
    assert states(house) == (1, {"daemon": "failed", "config": "ok", "account home": "needs-you"})
    assert not house.state.exists()
    house.fill()
    house.ok("sync")
    assert states(house) == (1, {"daemon": "failed", "config": "ok", "account home": "ok"})
    assert states(house, "--live") == (1, {"daemon": "failed"})


def test_it_tells_a_working_daemon_from_an_account_that_needs_the_owner(house: Household) -> None:
    house.fill()
    daemon = house.daemon()
    daemon.wait_for("cycle")
    assert states(house) == (0, {"daemon": "ok", "config": "ok", "account home": "ok"})
    house.proxy.before = lambda request: Response(401)
    assert house.cardsync("sync").exit_code == 11
    assert states(house) == (3, {"daemon": "ok", "config": "ok", "account home": "needs-you"})
    said = house.cardsync("healthcheck").stdout
    assert "; login: cardsync status --problems.\n" in said
    assert not [word for name in PEOPLE for word in name.split() if word in said]
    assert states(house, "--live")[0] == 0
    assert daemon.stop() == 0
    assert states(house, "--live")[0] == 1


def test_a_daemon_that_begins_no_cycle_any_more_has_failed(house: Household) -> None:
    house.ok("sync")
    daemon = house.daemon(CARDSYNC_SCHEDULE__RUN_ON_START="false")
    daemon.wait_for("started")
    assert states(house, "--live")[0] == 0
    before = time.time() - DAY.total_seconds()
    os.utime(house.state / "daemon.lock", (before, before))
    assert states(house, "--live")[0] == 0  # a cycle of another process is one, too
    with house.writable() as database:
        long_ago = (datetime.now(UTC) - DAY).isoformat()
        database.execute("UPDATE cycle SET started_at = ?, finished_at = ?", (long_ago, long_ago))
    assert states(house, "--live")[0] == 1
    assert "and did not end. Restart it, and read its log." in house.cardsync("healthcheck").stdout


def test_a_command_that_was_killed_in_its_cycle_is_no_cycle_under_way(house: Household) -> None:
    house.ok("sync")
    daemon = house.daemon(CARDSYNC_SCHEDULE__RUN_ON_START="false", CARDSYNC_SCHEDULE__SYNC="1d")
    daemon.wait_for("started")
    house.fill()
    house.proxy.after = hold = Hold("REPORT")
    sync = house.started("sync")
    assert hold.reached.wait(20)
    assert "a cycle is under way since" in house.cardsync("healthcheck").stdout
    sync.kill()
    sync.wait()
    hold.free.set()
    assert "a cycle is under way" not in house.cardsync("healthcheck").stdout
    assert states(house, "--live")[0] == 0


def test_to_look_whether_a_daemon_runs_keeps_none_from_starting(house: Household) -> None:
    house.ok("sync")
    for _ in range(3):
        daemon = house.daemon()
        while daemon_since(house.state) is None:
            assert daemon.process.poll() is None, daemon.text
        daemon.wait_for("started")
        assert daemon.stop() == 0


# ---------------------------------------------------------------- systemd


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket of a service manager."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiving:
        receiving.bind(str(tmp_path / "notify"))
        receiving.settimeout(20)
        yield receiving


def heard(manager: socket.socket, wanted: str) -> list[str]:
    """All messages until one that begins so."""
    told: list[str] = []
    while not told or not told[-1].startswith(wanted):
        told.append(manager.recv(4096).decode())
    return told


def test_systemd_hears_of_start_life_cycles_reload_and_end(house: Household, manager: socket.socket) -> None:
    house.fill()
    daemon = house.daemon(NOTIFY_SOCKET=str(manager.getsockname()), WATCHDOG_USEC="300000")
    assert heard(manager, "READY=1") == ["READY=1"]
    assert "STATUS=Last cycle at " in heard(manager, "STATUS")[-1]
    assert len([told for told in heard(manager, "WATCHDOG") + heard(manager, "WATCHDOG") if told == "WATCHDOG=1"]) >= 2
    daemon.send(signal.SIGHUP)
    assert "\nMONOTONIC_USEC=" in heard(manager, "RELOADING=1")[-1]
    heard(manager, "READY=1")
    daemon.send(signal.SIGTERM)
    heard(manager, "STOPPING=1")
    assert daemon.ended() == 0


def test_a_password_command_is_not_told_of_the_service_manager(house: Household, manager: socket.socket) -> None:
    seen = house.home / "environment"
    house.configure(account={"password_file": None, "password_command": ["sh", "-c", f"env > {seen}; echo x"]})
    daemon = house.daemon(NOTIFY_SOCKET=str(manager.getsockname()), WATCHDOG_USEC="60000000")
    until(lambda: seen.exists() and "PATH=" in seen.read_text(), "the password command ran")
    assert "NOTIFY_SOCKET" not in seen.read_text()
    assert "WATCHDOG_USEC" not in seen.read_text()
    assert daemon.stop() == 0


def test_a_service_manager_that_is_away_stops_nothing(house: Household) -> None:
    daemon = house.daemon(NOTIFY_SOCKET=str(house.home / "nobody"), WATCHDOG_USEC="300000")
    daemon.wait_for("cycle")
    assert daemon.stop() == 0
