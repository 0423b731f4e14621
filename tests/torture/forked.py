"""Processes of the real command line, forked from one that has imported everything: a start takes a tenth of a second.

``Forks`` is for the test, ``python -m torture.forked`` is that one process: it reads starts as JSON lines and answers
with exit codes, a signal as its negative number.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

from cardsync.assess.domains import registrable
from cardsync.assess.organisations import spellings
from torture.doomed import FREE, command

__all__ = ["FREE", "Forks", "Start"]

LONGEST = 40  # seconds that a process may live; then SIGALRM ends it
_OURS = ("cli.work", "cli.act", "daemon", "carddav.client", "undo", "report", "lock", "settings.load", "observe.log")
_THEIRS = ("apscheduler.schedulers.asyncio", "apscheduler.triggers.cron", "httpcore", "anyio._backends._asyncio", "h11")
_LATE = (*(f"cardsync.{name}" for name in _OURS), *_THEIRS, "encodings.punycode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A command, where its steps go, and at which it dies; see ``torture.doomed``."""

    arguments: Sequence[str]
    env: Mapping[str, str]
    now: str
    folder: str
    step: str = FREE

    @property
    def steps(self) -> Path:
        return Path(self.folder) / "steps"

    @property
    def output(self) -> Path:
        """Stdout and stderr, the log among it."""
        return Path(self.folder) / "output"


@dataclass(slots=True)
class Forks:
    """Start one after the other; several of these work side by side."""

    process: "subprocess.Popen[str]" = field(init=False)

    def __enter__(self) -> Self:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-m", "torture.forked"], stdin=pipe, stdout=pipe, env=env, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=LONGEST + 5)
        self.process.stdout.close()

    def run(self, start: Start) -> int:
        """Its exit code, once it has ended."""
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(asdict(start)), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


def _child(start: Start) -> None:
    signal.alarm(LONGEST)
    output = os.open(start.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, source in enumerate((nothing, output, output)):
        os.dup2(source, descriptor)
    os.environ.clear()
    os.environ.update(start.env)
    try:
        command(start.step, start.steps, datetime.fromisoformat(start.now), start.arguments)
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException:  # noqa: BLE001 - the child must not go on as its parent
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(70)


def serve() -> None:
    for name in _LATE:
        import_module(name)
    registrable("acme.example")  # the list of public suffixes
    spellings("Acme GmbH")
    for line in sys.stdin:
        start = Start(**json.loads(line))
        child = os.fork()
        if child == 0:
            _child(start)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
