"""When a daemon is taken to work, by the times that its lock and its mirror tell."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cardsync.app import LONGEST_CYCLE
from cardsync.health import SLACK, Part, State, Times, daemon, exit_code

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
IDLE = Times(running_since=NOW - 5 * HOUR, began=None, ended=NOW - 10 * MINUTE, next_latest=NOW + 5 * MINUTE)


def test_an_idle_daemon_whose_next_cycle_is_planned_is_well() -> None:
    found = daemon(IDLE, NOW)
    assert found.state is State.OK
    assert found.detail == "It runs since 2026-06-01 07:00 UTC; last cycle 2026-06-01 11:50 UTC."


def test_no_daemon_is_a_failure_whatever_the_mirror_remembers() -> None:
    assert daemon(replace(IDLE, running_since=None), NOW).state is State.FAILED


def test_a_cycle_that_is_overdue_is_a_failure_after_some_slack() -> None:
    late = replace(IDLE, next_latest=NOW - SLACK)
    assert daemon(late, NOW).state is State.OK
    assert daemon(late, NOW + MINUTE).state is State.FAILED


def test_a_cycle_under_way_may_take_its_time_but_not_for_ever() -> None:
    busy = replace(IDLE, began=NOW - LONGEST_CYCLE, ended=NOW - 3 * HOUR, next_latest=NOW - HOUR)
    assert daemon(busy, NOW).state is State.OK
    assert daemon(busy, NOW + SLACK + MINUTE).state is State.FAILED


def test_cycles_that_begin_and_never_end_well_are_overdue() -> None:
    crashing = replace(IDLE, ended=NOW - 239 * HOUR, next_latest=NOW - 238 * HOUR)
    assert daemon(crashing, NOW).state is State.FAILED


def test_a_schedule_that_never_comes_again_is_never_overdue() -> None:
    assert daemon(replace(IDLE, next_latest=None), NOW + 1000 * HOUR).state is State.OK


MOMENTS = st.none() | st.timedeltas(-100 * HOUR, 100 * HOUR).map(NOW.__add__)


@given(st.builds(Times, running_since=MOMENTS, began=MOMENTS, ended=MOMENTS, next_latest=MOMENTS))
def test_a_clock_that_was_set_breaks_nothing(times: Times) -> None:
    found = daemon(times, NOW)
    assert (found.state is State.FAILED) or times.running_since
    assert found.detail.endswith(".")


def test_the_worst_part_decides_the_exit_code() -> None:
    def of(*states: State) -> int:
        return exit_code([Part(part="x", state=state, detail="") for state in states])

    assert (of(), of(State.OK), of(State.OK, State.NEEDS_YOU)) == (0, 0, 3)
    assert of(State.NEEDS_YOU, State.FAILED) == 1
