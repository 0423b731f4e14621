"""The short form of ``python -m torture kills``: processes that are killed, on a real server."""

import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from servers import Running, start_xandikos
from torture.doomed import COUNT
from torture.forked import Forks
from torture.frame import Report
from torture.killed_house import STORY, House, Phase
from torture.kills import FIGURES, Choose, matrix

SEED, SOME = 1, 2
MUST_STAY_ZERO = FIGURES[4:]


@pytest.fixture
def xandikos(folder: Path) -> Iterator[Running]:
    with start_xandikos(folder / "server") as server:
        yield server


def write_in(steps: Sequence[str]) -> range:
    """From the journal's transaction to the end of the one that settles it."""
    (begun,) = (at for at, step in enumerate(steps) if step.startswith("sql INSERT INTO journal"))
    begin = max(at for at in range(begun) if steps[at].startswith("sql BEGIN"))
    settled = next(at for at in range(begun, len(steps)) if steps[at].startswith("sql UPDATE journal"))
    end = next(at for at in range(settled, len(steps)) if steps[at] == "sql COMMIT")
    return range(begin, end + 2)


def killed(server: Running, folder: Path, choose: Choose, story: Sequence[Phase] = STORY) -> Report:
    """The report, after nothing was found."""
    report = Report()
    matrix(server, folder, SEED, choose, report, story)
    assert report.failures == []
    assert not any(report.figures[name] for name in MUST_STAY_ZERO)
    return report


def test_killed_at_any_step_of_a_write_nothing_is_lost_and_nothing_twice(folder: Path, xandikos: Running) -> None:
    report = killed(xandikos, folder / "homes", lambda phase, steps: write_in(steps), STORY[:1])
    assert report.figures["kills"] > 25


def test_killed_anywhere_in_the_daemon_or_an_undo_command_nothing_is_lost(folder: Path, xandikos: Running) -> None:
    def some(phase: Phase, steps: Sequence[str]) -> Sequence[int]:
        return sorted(random.Random(f"{SEED} {phase.name}").sample(range(len(steps)), SOME))

    report = killed(xandikos, folder / "homes", some)
    assert report.figures["kills"] == SOME * len(STORY)


def test_every_kind_of_step_is_seen_in_a_process_of_its_own(folder: Path, xandikos: Running) -> None:
    with Forks() as forks:
        house = House(server=xandikos, folder=folder / "home", forks=forks)
    start = house.start(("run",), STORY[0].now, {}, COUNT)
    command = [sys.executable, "-m", "torture.doomed", COUNT, str(start.steps), start.now, "--", *start.arguments]
    subprocess.run(command, env={**start.env, "PYTHONPATH": ":".join(sys.path)}, check=True, timeout=60)
    steps = house.steps()
    for step in (
        "sql BEGIN IMMEDIATE",
        "sql INSERT INTO journal",
        "sql COMMIT",
        r"http PUT \w+.vcf http11.send_request_headers.started",
        r"http PUT \w+.vcf http11.send_request_body.complete",
        r"http PUT \w+.vcf http11.receive_response_body.complete",
        "file os.mkdir state",
        "file open cardsync.db",
        "file os.chmod cardsync.db",
        "file fcntl.flock",
        "file os.rename",
        "fsync",
    ):
        assert any(re.match(step, taken) for taken in steps), (step, steps)
    assert sum(b"VIPcheck" in card for card in house.cards().values()) == 1
