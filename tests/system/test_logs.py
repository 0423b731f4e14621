"""What is logged: a level for each part, one id for each cycle, no colour where none is wanted."""

import json
import re
import signal

import pytest

from cardsync.words import LOG_PARTS
from household import Household


def events(house: Household, *options: str, **env: str) -> list[dict[str, str]]:
    done = house.process(*options, "sync", CARDSYNC_LOG__FORMAT="json", **env)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_part_may_have_a_level_of_its_own(house: Household) -> None:
    house.fill()
    assert events(house) == []  # a command says on stdout what it did
    (line,) = events(house, "--log-level", "error,cycle=info")
    assert (line["event"], line["account"], line["level"]) == ("cycle", "home", "info")
    assert re.fullmatch("[0-9a-f]{6}", line["cycle"])
    assert events(house, "--log-level", "info,cycle=error") == []


def test_what_is_no_level_or_part_is_a_usage_error_and_one_of_the_config_has_its_line(house: Household) -> None:
    for wrong in ("loud", "cycle", "weather=info", "cycle=loud", "info,"):
        assert house.cardsync("--log-level", wrong, "status").exit_code == 2
    house.configure("[log]", 'parts = { weather = "info" }')
    done = house.cardsync("config", "check")
    assert (done.exit_code, "log.parts.weather" in done.stderr) == (10, True)


def test_the_daemon_takes_the_config_s_levels_and_each_cycle_has_its_own_id(house: Household) -> None:
    house.fill()
    house.configure("[log]", 'level = "warning"', 'parts = { cycle = "info" }')
    daemon = house.daemon()
    daemon.wait_for("cycle")
    daemon.send(signal.SIGHUP)
    first, second = (daemon.wait_for("cycle", times)["cycle"] for times in (1, 2))
    assert first != second
    assert {event["event"] for event in daemon.events()} == {"cycle"}


@pytest.mark.parametrize("part", LOG_PARTS)
def test_each_part_is_a_logger(part: str) -> None:
    from importlib.resources import files

    sources = [path.read_text() for path in files("cardsync").rglob("*.py")]  # type: ignore[attr-defined]
    assert any(f'get_logger("cardsync.{part}")' in text for text in sources)
