"""The schedule on a clock that is set to and fro; only the wall clock is the test's."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import apscheduler.schedulers.base
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

import cardsync.daemon
from cardsync.daemon import Daemon
from cardsync.lock import daemon_since
from cardsync.schedule import Due
from cardsync.settings.model import Account, Schedule, Settings

DEADLINE = 20.0  # seconds, as in ``household``
EVERY = timedelta(milliseconds=20)
NOW = datetime(2026, 3, 27, 9, 7, 30, tzinfo=UTC)


class Moved(datetime):
    """The clock of a machine that is wrong ``by`` so much."""

    by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.by


async def run_on(cycles: asyncio.Queue[None]) -> None:
    """Three more cycles come."""
    while not cycles.empty():
        cycles.get_nowait()
    for _ in range(3):
        await asyncio.wait_for(cycles.get(), DEADLINE)


@pytest.fixture
def cycles(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[None]:
    """The daemon's cycles as they come; nothing is asked of a server."""
    ran: asyncio.Queue[None] = asyncio.Queue()

    async def ran_now(daemon: Daemon) -> None:
        ran.put_nowait(None)

    monkeypatch.setattr(Daemon, "_one_cycle", ran_now)
    monkeypatch.setattr(cardsync.daemon, "WATCH", EVERY)
    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Moved)
    monkeypatch.setattr(Moved, "by", timedelta())
    return ran


def daemon_in(folder: Path) -> Daemon:
    account = Account(url="https://dav.example", auth="none")
    settings = Settings(state_dir=folder / "state", accounts={"home": account})
    often = settings.schedule.changed(sync=EVERY, jitter=timedelta())
    settings = settings.changed(schedule=often)
    return Daemon(settings, lambda: settings, lambda: Moved.now(UTC))


@pytest.mark.parametrize("wrong", [timedelta(hours=5), timedelta(days=365), timedelta(days=-1)], ids=str)
def test_cycles_go_on_while_the_clock_is_wrong_and_once_it_is_right_again(
    tmp_path: Path, cycles: asyncio.Queue[None], monkeypatch: pytest.MonkeyPatch, wrong: timedelta
) -> None:
    async def story() -> None:
        running = asyncio.create_task(daemon_in(tmp_path).run())
        for by in (timedelta(), wrong, timedelta()):
            monkeypatch.setattr(Moved, "by", by)
            await run_on(cycles)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, DEADLINE)

    asyncio.run(story())


def test_a_daemon_that_cannot_load_all_of_itself_ends_in_order(
    tmp_path: Path, cycles: asyncio.Queue[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an upgrade was cut off below it: what is under way ends, and the lock is free for the next one."""

    def half_upgraded() -> None:
        raise ImportError

    monkeypatch.setattr(cardsync.daemon, "_load_the_rest", half_upgraded)
    with capture_logs() as logs, pytest.raises(ImportError):
        asyncio.run(daemon_in(tmp_path).run())
    assert [entry["event"] for entry in logs][-2:] == ["stopping", "stopped"]
    assert daemon_since(tmp_path / "state") is None


def schedule(sync: timedelta | str, jitter: timedelta = timedelta()) -> Due:
    return Due(Schedule(sync=sync, jitter=jitter), ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize("sync", [timedelta(minutes=15), "*/15 * * * *"], ids=str)
@given(missed=st.timedeltas(timedelta(), timedelta(days=60 * 365)))
def test_what_a_leap_of_the_clock_missed_is_one_cycle(sync: timedelta | str, missed: timedelta) -> None:
    due = schedule(sync, timedelta(minutes=5)).get_next_fire_time(NOW - missed, NOW)
    assert due is not None
    assert NOW < due <= NOW + timedelta(minutes=20)


@pytest.mark.parametrize("sync", [timedelta(minutes=15), "*/15 * * * *"], ids=str)
@given(on=st.timedeltas(timedelta(), timedelta(days=365)))
def test_a_planned_cycle_is_never_taken_for_one_of_another_clock(sync: timedelta | str, on: timedelta) -> None:
    """Else a cycle would be put off at each look."""
    now = NOW + on
    due = schedule(sync, timedelta(minutes=5))
    planned = due.get_next_fire_time(None, now)
    assert planned is not None
    for later in (now, now + (planned - now) / 2, planned):
        latest = due.latest(later)
        assert latest is not None
        assert planned <= latest
