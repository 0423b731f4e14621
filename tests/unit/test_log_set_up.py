"""Logging is set up once, as it was wanted last, at the first line or at once."""

import pytest

from cardsync import logs


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(logs, "_waiting", [])
    return []


def test_it_waits_for_the_first_line(done: list[str]) -> None:
    logs.before_the_first_line(lambda: done.append("set up"))
    log = logs.get_logger("cardsync.test")
    assert done == []
    for _ in range(2):
        log.debug("line")
    assert done == ["set up"]


def test_what_is_wanted_later_counts(done: list[str]) -> None:
    logs.before_the_first_line(lambda: done.append("by one that looks"))
    logs.before_the_first_line(lambda: done.append("by the daemon"))
    logs.set_up()
    logs.get_logger("cardsync.test").debug("line")
    assert done == ["by the daemon"]
