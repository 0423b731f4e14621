"""``cardsync run`` as a service runs it: real processes, real signals, a real server behind a proxy."""

import json
import re
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cardsync.app import App
from cardsync.daemon import Daemon
from cardsync.lock import daemon_lock
from cardsync.schedule import Due
from cardsync.settings.load import load
from household import Hold, Household, until
from servers.loopback import Request, Response

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


def journal(house: Household) -> list[tuple[str, str | None]]:
    return house.rows("SELECT state, outcome FROM journal")


def test_a_cycle_runs_at_start_and_sigterm_ends_an_idle_daemon_with_0(house: Household) -> None:
    house.fill()
    daemon = house.daemon()
    cycle = daemon.wait_for("cycle")
    assert (cycle["vips"], cycle["asked"]) == (3, 1)
    assert len(house.asked_about()) == 1
    assert daemon.stop(TERM) == 0
    assert [event["event"] for event in daemon.events()][-2:] == ["stopping", "stopped"]


@pytest.mark.parametrize("number", [TERM, INT])
def test_a_write_in_hand_is_verified_before_the_end(house: Household, number: signal.Signals) -> None:
    house.fill()
    house.proxy.after = hold = Hold("PUT")
    daemon = house.daemon()
    assert hold.reached.wait(20)
    daemon.send(number)
    daemon.wait_for("stopping")
    daemon.send(number)  # an impatient owner
    assert journal(house) == [("intent", None)]
    hold.free.set()
    assert daemon.ended() == 0
    assert journal(house) == [("verified", "verified")]
    assert len(house.asked_about()) == len(house.proxy.asked("PUT")) == 1
    assert house.rows("SELECT state, standing FROM question") == [("open", 1)]
    assert daemon.events("account failed") == daemon.events("account crashed") == []


def test_a_slow_reply_that_is_only_read_is_not_waited_for(house: Household) -> None:
    house.fill()
    house.proxy.after = hold = Hold("REPORT")
    daemon = house.daemon()
    assert hold.reached.wait(20)
    assert daemon.stop(TERM) == 0
    assert [event["event"] for event in daemon.events()] == ["started", "stopping", "cycle cut short", "stopped"]
    hold.free.set()
    assert house.rows("SELECT count(*) FROM journal") == [(0,)]


def test_a_password_command_that_hangs_does_not_hold_the_end_and_ends_with_it(house: Household) -> None:
    mark = house.home / "asked"
    command = f"echo $$ >{mark}.new; mv {mark}.new {mark}; exec sleep 25"
    house.configure(account={"password_file": None, "password_command": ["sh", "-c", command]})
    daemon = house.daemon()
    until(mark.exists, "the password command runs")
    assert daemon.stop(TERM) == 0
    until(lambda: not running(int(mark.read_text("utf-8"))), "the end of the password command")


def running(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of it for its parent to see."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_kill_9_amid_a_write_writes_nothing_twice(house: Household) -> None:
    house.fill()
    house.proxy.after = hold = Hold("PUT")
    daemon = house.daemon()
    assert hold.reached.wait(20)
    daemon.send(signal.SIGKILL)
    daemon.ended()
    assert journal(house) == [("intent", None)]
    hold.free.set()
    again = house.daemon()
    again.wait_for("cycle")
    assert again.stop() == 0
    assert journal(house) == [("verified", "verified")]
    assert len(house.proxy.asked("PUT")) == len(house.asked_about()) == 1
    assert house.rows("SELECT state FROM question") == [("open",)]


def test_kill_9_before_the_server_took_the_write(house: Household) -> None:
    house.fill()

    def kill(request: Request) -> Response | None:
        if request.method != "PUT":
            return None
        daemon.send(signal.SIGKILL)
        return Response(503)

    house.proxy.before = kill
    daemon = house.daemon()
    daemon.ended(20)
    assert house.asked_about() == []
    house.proxy.before = lambda request: None
    again = house.daemon()
    again.wait_for("cycle")
    assert again.stop() == 0
    assert [state for state, _ in journal(house)] == ["abandoned", "verified"]
    assert len(house.asked_about()) == 1
    assert house.rows("SELECT count(*) FROM question") == [(1,)]


def test_a_second_daemon_on_the_state_directory_ends_with_13(house: Household) -> None:
    daemon = house.daemon()
    daemon.wait_for("cycle")
    second = house.process("run")
    assert second.returncode == 13
    assert second.stderr.splitlines() == [
        f"cardsync: Another cardsync runs on {house.state}. Stop it first, or use another state_dir."
    ]
    assert daemon.stop() == 0
    third = house.daemon()  # the lock went with the process
    third.wait_for("cycle")
    assert third.stop() == 0


def test_a_second_daemon_does_not_touch_the_database(house: Household) -> None:
    """Which it might migrate, if it is a newer one."""
    with daemon_lock(house.state):
        assert house.process("run").returncode == 13
        assert not (house.state / "cardsync.db").exists()


# ---------------------------------------------------------------- SIGHUP


def test_sighup_takes_a_new_config_at_once_and_keeps_the_old_one_when_the_new_one_is_bad(house: Household) -> None:
    house.fill()
    house.configure("[reminders]", "max_new_per_day = 0")
    daemon = house.daemon()
    assert daemon.wait_for("cycle")["asked"] == 0

    house.config.write_text(house.config.read_text() + "\n[reminders]\nlabel = 3\n")
    daemon.send(HUP)
    refused = daemon.wait_for("config refused, the old one stays")
    assert "cardsync.toml:" in str(refused["problems"])
    assert len(daemon.events("cycle")) == 1

    house.configure("[reminders]", 'label = "Frage"')
    daemon.send(HUP)
    assert daemon.wait_for("cycle", 2)["asked"] == 1
    assert [b"Frage:" in data for data in house.cards().values()].count(True) == 1

    house.config.write_text(house.config.read_text().replace(str(house.state), str(house.home / "elsewhere")))
    daemon.send(HUP)
    until(lambda: len(daemon.events("config refused, the old one stays")) == 2, "state_dir is refused")
    assert not (house.home / "elsewhere").exists()
    assert daemon.stop() == 0


def test_a_sighup_during_the_start_is_heard_once_the_daemon_can(house: Household) -> None:
    daemon = house.daemon()
    status = Path(f"/proc/{daemon.process.pid}/status")
    until(lambda: int(re.findall(r"SigBlk:\s*(\w+)", status.read_text())[0], 16) & 1, "it holds the signal back")
    daemon.send(HUP)
    daemon.wait_for("config read again")
    assert daemon.stop() == 0


def test_sighup_changes_what_is_logged(house: Household) -> None:
    house.configure("[log]", 'level = "error"')
    daemon = house.daemon()
    until(lambda: house.proxy.asked("REPORT"), "a cycle")
    house.configure("[log]", 'level = "info"')
    daemon.send(HUP)
    daemon.wait_for("config read again")
    assert daemon.events("started") == []
    assert daemon.stop() == 0


def test_a_config_that_comes_during_a_cycle_is_followed_by_another_cycle(house: Household) -> None:
    house.fill()
    house.configure("[reminders]", "max_new_per_day = 0")
    house.proxy.after = hold = Hold("REPORT")
    daemon = house.daemon()
    assert hold.reached.wait(20)
    house.configure("[reminders]", "max_new_per_day = 2")
    daemon.send(HUP)
    daemon.wait_for("config read again")
    hold.free.set()
    assert daemon.wait_for("cycle", 1)["asked"] == 0
    assert daemon.wait_for("cycle", 2)["asked"] == 2
    assert house.proxy.most_at_once <= 2  # two batches of one account may be under way
    assert daemon.stop() == 0


def test_a_daemon_that_begins_no_cycle_at_its_start_begins_one_at_sighup(house: Household) -> None:
    house.fill()
    house.configure("[schedule]", "run_on_start = false")
    daemon = house.daemon()
    daemon.wait_for("started")
    daemon.send(HUP)
    daemon.wait_for("cycle")
    assert [event["event"] for event in daemon.events()] == ["started", "config read again", "cycle"]
    assert daemon.stop() == 0


def test_sighup_ends_a_run_of_sources_unless_the_config_is_the_same(house: Household) -> None:
    begun, free = house.home / "begun", house.home / "free"
    slow = ["sh", "-c", f"echo >> {begun}; while [ ! -e {free} ]; do sleep 0.1; done; echo secret"]
    house.fill()
    house.ok("sync")
    house.configure("[sources.gravatar]", f"token_command = {json.dumps(slow)}")  # nothing is sent before it is there
    daemon = house.daemon()
    try:
        until(begun.exists, "the run of the sources")
        daemon.send(HUP)
        daemon.wait_for("config read again")
        daemon.wait_for("cycle", 2)
        assert daemon.events("sources stopped, the config changed") == []
        house.configure()
        daemon.send(HUP)
        daemon.wait_for("sources stopped, the config changed")
        daemon.wait_for("cycle", 3)
        assert daemon.stop() == 0
    finally:
        free.touch()
    assert daemon.events("source") == []
    assert begun.read_text("utf-8") == "\n"


async def test_a_config_that_is_read_again_changes_the_settings_and_nothing_else(house: Household) -> None:
    old, new = (load(house.config, {}) for _ in range(2))
    daemon = Daemon(old, lambda: new)
    daemon._app = app = replace(App.open(old), environ={"CREDENTIALS_DIRECTORY": "/run/x"}, notice="said already")
    try:
        daemon._read_again()
    finally:
        app.mirror.close()
    assert daemon._app == replace(app, settings=new, notice="")
    assert daemon._app.settings is new


# ---------------------------------------------------------------- the schedule

EVERY_SECOND = """
import asyncio, os, sys
from datetime import timedelta
from pathlib import Path
from cardsync.daemon import Daemon
from cardsync.observe.log import configure
from cardsync.settings.load import load

settings = load(Path(sys.argv[1]), os.environ)
schedule = settings.schedule.changed(sync=timedelta(seconds=1), jitter=timedelta())
configure("info", "json")
asyncio.run(Daemon(settings.changed(schedule=schedule), lambda: settings).run())
"""


def test_cycles_come_at_intervals_never_two_at_once_and_missed_ones_are_one(house: Household) -> None:
    """The config allows no interval below a minute, so this daemon is started by hand."""
    house.fill()
    house.configure("[reminders]", "max_new_per_day = 0")
    house.proxy.after = hold = Hold("REPORT")
    daemon = house.daemon([sys.executable, "-c", EVERY_SECOND, str(house.config)])
    assert hold.reached.wait(20)
    begun, asked = time.monotonic(), len(house.proxy.asked())
    until(lambda: time.monotonic() - begun > 2.5, "two more cycles are due")
    assert len(house.proxy.asked()) == asked
    hold.free.set()
    daemon.wait_for("cycle", 3)
    first, second, third = (datetime.fromisoformat(event["timestamp"]) for event in daemon.events("cycle")[:3])
    assert (third - second).total_seconds() > 0.7  # not one for each that was missed
    assert (second - first).total_seconds() < 1.5
    assert daemon.stop() == 0


def fires(sync: str, jitter: str = "0", zone: str = "UTC", *, after: datetime, times: int = 3) -> list[datetime]:
    settings = load(None, {**ENOUGH, "CARDSYNC_SCHEDULE__SYNC": sync, "CARDSYNC_SCHEDULE__JITTER": jitter})
    trigger = Due(settings.schedule, ZoneInfo(zone))
    found: list[datetime] = []
    last = None
    for _ in range(times):
        last = trigger.get_next_fire_time(last, max(after, last or after))
        assert last is not None
        found.append(last.astimezone(UTC))
    return found


ENOUGH = {"CARDSYNC_ACCOUNTS__HOME__URL": "https://dav.example.org", "CARDSYNC_ACCOUNTS__HOME__AUTH": "none"}
FRIDAY = datetime(2026, 3, 27, 9, tzinfo=UTC)


@pytest.mark.parametrize("days", ["mon-fri", "1-5", "MON-FRI", "1,2,3,4,5"])
def test_cron_counts_the_days_as_cron_does_and_the_hours_in_the_zone(days: str) -> None:
    found = fires(f"0 7 * * {days}", zone="Europe/Berlin", after=FRIDAY)
    assert [f"{at:%a %H:%M}" for at in found] == ["Mon 05:00", "Tue 05:00", "Wed 05:00"]  # summer time begins


@pytest.mark.parametrize("days", ["0", "7", "sun"])
def test_sunday_is_0_and_7(days: str) -> None:
    assert {f"{at:%a}" for at in fires(f"0 7 * * {days}", after=FRIDAY)} == {"Sun"}


def test_jitter_only_delays_and_never_by_more() -> None:
    plain = fires("0 * * * *", after=FRIDAY, times=1)[0]
    late = {fires("0 * * * *", "10m", after=FRIDAY, times=1)[0] - plain for _ in range(50)}
    assert len(late) > 10
    assert timedelta(0) <= min(late)
    assert max(late) <= timedelta(minutes=10)
