"""Cycles of one running cardsync: ``python bench/cycles.py CONFIG ROUNDS`` prints the seconds of each, one a line."""

import asyncio
import sys
import time
from contextlib import closing
from pathlib import Path

import structlog

from cardsync.app import App
from cardsync.cycles import cycle
from cardsync.settings.load import load


async def cycles(app: App, rounds: int) -> None:
    """What the daemon does at each tick, without the wait between two."""
    for _ in range(rounds):
        start = time.perf_counter()
        done = await cycle(app, scheduled=True)
        print(time.perf_counter() - start)
        assert done.exit_code == 0, "a cycle failed"


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    config, rounds = Path(sys.argv[1]), int(sys.argv[2])
    app = App.open(load(config, {}))
    with closing(app.mirror):
        asyncio.run(cycles(app, rounds))


if __name__ == "__main__":
    main()
