"""The races of ``make torture``, a few hundred rounds of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers.fixtures import start
from torture.frame import Options, Report
from torture.grounds import in_memory
from torture.race import Race
from torture.races import ROUNDS, race, run


@contextmanager
def counted(folder: Path) -> Iterator[tuple[Options, Report]]:
    report = Report()
    yield Options(seed=7, rounds=100, folder=folder), report
    assert report.failures == []
    assert report.figures["race_rounds"] >= 40
    assert report.figures["questions_asked"] >= 5


def test_clients_that_edit_between_two_requests_lose_nothing(folder: Path) -> None:
    with counted(folder) as (options, report):
        for number in range(3):
            race(None, options, report, number, ROUNDS // 2)
    assert report.figures["conflicts_seen"] > 0


@pytest.mark.parametrize("name", ["xandikos", "radicale"])
def test_clients_that_edit_between_two_requests_lose_nothing_on(name: str, folder: Path) -> None:
    with start(name, folder / "server") as server, counted(folder) as (options, report):
        race(server, options, report, 0, 60)
        if name == "radicale":  # Xandikos answers now and then 500 to one of two clients at once
            race(server, options, report, 3, 30)  # with threads


def test_each_figure_is_shown_also_when_it_is_nought(folder: Path) -> None:
    report = Report()
    run(Options(seed=1, rounds=0, folder=folder), report)
    assert {"cards_recreated = 0", "debris = 0", "false_oks = 0"} <= set(report.lines())


def test_the_oracle_sees_what_is_lost_where_a_server_ignores_if_match(folder: Path) -> None:
    report = Report()
    with in_memory(folder, "top", "en", careless=True) as ground:
        Race(ground, report, "careless").run(ROUNDS // 2)
    assert report.figures["user_characters_lost"] > 0
