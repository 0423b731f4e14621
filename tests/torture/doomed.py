"""``python -m torture.doomed STEP FILE [TIME] -- run``: the real command line, killed before one of its steps.

The steps are those that the process takes, so that a new one cannot be forgotten: every SQL statement, what the HTTP
library tells of each request, every change of a file and every fsync.  Each is a line in FILE before it is done.
STEP is the line to die at; ``count`` dies at none; ``free`` looks at none either.  The daemon is stopped as by an init
system after its first cycle.  TIME is what the clock says throughout.
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from cardsync import cycles
from cardsync.app import App
from cardsync.cli import main
from cardsync.outcome import Cycle

COUNT, FREE = "count", "free"
_LOOKS = {"os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.getxattr", "os.listxattr", "os.kill"}
_ENVIRONMENT = {"os.putenv", "os.unsetenv"}
_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FILES = ("os.", "shutil.", "tempfile.", "fcntl.", "mmap.")
_PAGES = 8  # of the database, copied in one step of a backup
_STATEMENT = 60  # characters of it in FILE: enough to tell it, and no card


@dataclass(slots=True)
class Steps:
    """Writes each step down, and kills this process before the one numbered ``at``."""

    descriptor: int
    at: int | None
    taken: int = 0

    def step(self, kind: str, what: str) -> None:
        os.write(self.descriptor, f"{kind} {' '.join(what.split())[:_STATEMENT]}\n".encode())
        if self.taken == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.taken += 1


# ---------------------------------------------------------------- where steps are taken


def watch(steps: Steps) -> None:
    """From now on, for the rest of this process."""
    _watch_statements(steps)
    _watch_requests(steps)
    os.fsync = _told(steps, os.fsync)  # type: ignore[assignment]
    os.fdatasync = _told(steps, os.fdatasync)  # type: ignore[assignment]
    sys.addaudithook(lambda event, arguments: _audit(steps, event, arguments))


def _watch_statements(steps: Steps) -> None:
    class Traced(sqlite3.Connection):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.set_trace_callback(lambda sql: steps.step("sql", sql))

        def backup(self, target: sqlite3.Connection, **_: Any) -> None:
            super().backup(target, pages=_PAGES, progress=lambda *_: steps.step("sql", "backup, some pages"))

    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **named: connect(*arguments, **{"factory": Traced, **named})


def _watch_requests(steps: Steps) -> None:
    plain = httpx.AsyncHTTPTransport.handle_async_request

    async def handle(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        target: bytes = request.extensions.get("target", request.url.raw_path)
        name = f"{request.method} {target.decode('ascii').rstrip('/').rpartition('/')[2]}"
        told = request.extensions.get("trace")

        async def trace(event: str, info: Any) -> None:
            if event.endswith(".complete") or event == "http11.send_request_headers.started":
                steps.step("http", f"{name} {event}")
            if told:
                await told(event, info)

        request.extensions = {**request.extensions, "trace": trace}
        return await plain(self, request)

    httpx.AsyncHTTPTransport.handle_async_request = handle  # type: ignore[method-assign]


def _told(steps: Steps, plain: Callable[[Any], None]) -> Callable[[Any], None]:
    def told(descriptor: Any) -> None:
        steps.step("fsync", plain.__name__)
        plain(descriptor)

    return told


def _audit(steps: Steps, event: str, arguments: Sequence[Any]) -> None:
    """Whatever changes files; events that nobody thought of are steps until they are known to only look."""
    if event == "open":
        path, _, flags = arguments
        if flags & _CHANGES:
            steps.step("file", f"open {_base(path)}")
    elif event.startswith(_FILES) and event not in _LOOKS | _ENVIRONMENT:
        steps.step("file", f"{event} {_base(arguments[0]) if arguments else ''}")


def _base(path: object) -> str:
    return os.fsdecode(path).rpartition("/")[2] if isinstance(path, str | bytes | os.PathLike) else "descriptor"


# ---------------------------------------------------------------- time


def set_clock(now: datetime) -> None:
    """The app's clock stands still at ``now``."""
    plain = App.open.__func__  # type: ignore[attr-defined]
    App.open = classmethod(  # type: ignore[assignment, method-assign]
        lambda cls, settings, clock=None: plain(cls, settings, clock=lambda: now)
    )


def stop_after_cycle() -> None:
    """SIGTERM once a cycle is done, before anything else of it can go on."""
    plain = cycles.cycle

    async def cycle(app: App, **named: Any) -> Cycle:
        try:
            return await plain(app, **named)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    cycles.cycle = cycle


def command(step: str, file: Path, now: datetime | None, arguments: Sequence[str]) -> None:
    """The command to its end, or to its death; never returns."""
    if now:
        set_clock(now)
    if "run" in arguments:
        stop_after_cycle()
    if step != FREE:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        watch(Steps(descriptor, None if step == COUNT else int(step)))
    main(args=list(arguments), prog_name="cardsync")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    given, rest = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    moment = datetime.fromisoformat(given[2]) if len(given) > 2 else None
    command(given[0], Path(given[1]), moment, rest)
