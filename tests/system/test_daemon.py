"""``cardsync run`` as a service runs it: real processes, real signals, a real server behind a proxy."""

import signal

import pytest

from household import GROUP, Hold, Household, until
from servers.loopback import Request, Response

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


def journal(house: Household) -> list[tuple[str, str]]:
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


def test_a_password_command_that_hangs_does_not_hold_the_end(house: Household) -> None:
    mark = house.home / "asked"
    house.configure(account={"password_file": None, "password_command": ["sh", "-c", f"touch {mark}; sleep 25"]})
    daemon = house.daemon()
    until(mark.exists, "the password command runs")
    assert daemon.stop(TERM) == 0


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
