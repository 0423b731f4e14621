"""Who runs against the clock in ``pull.py``: each as whole processes of its own, with its state in a folder."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cardsync.demo.server import DemoServer

HERE = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent

_VDIRSYNCER = """\
[general]
status_path = "{folder}/status"
[pair book]
a = "server"
b = "files"
collections = null
conflict_resolution = "a wins"
[storage server]
type = "carddav"
url = "{server.book_url}"
username = "{server.username}"
password = "{server.password}"
[storage files]
type = "filesystem"
path = "{folder}/files"
fileext = ".vcf"
"""

_CARDSYNC = """\
state_dir = "{folder}/state"
[accounts.bench]
url = "{server.url}"
username = "{server.username}"
password = "{server.password}"
allow_http = true
[groups.VIP]
[freshness]
ask_above = 0.0
[reminders]
max_new_per_day = {questions}
max_new_per_week = {questions}
max_open = {questions}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one process: wall and CPU seconds, peak resident memory in megabytes, and what it printed."""

    seconds: float
    cpu: float
    megabytes: float
    printed: str


def run(command: Sequence[str], folder: Path) -> Cost:
    """Run a program to its end; its cost.  Fails loudly if the program fails."""
    report = folder / "cost.json"
    measured = (sys.executable, str(HERE / "measured.py"), str(report), *command)
    done = subprocess.run(measured, capture_output=True, text=True, check=True)
    cost = json.loads(report.read_text())
    assert cost.pop("code") == 0, f"{Path(command[0]).name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return Cost(**cost, printed=done.stdout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """A loop over httpx that only downloads."""

    server: DemoServer
    folder: Path
    encoding: str = "identity"

    def first_pull(self) -> Cost:
        """Download every card; ``printed`` is the sync token."""
        return self._run("pull")

    def unchanged(self, token: str, rounds: int) -> Cost:
        """Seconds of each round in ``printed``, one a line: the process stays and so does its connection pool."""
        return self._run("changes", "--token", token, "--rounds", str(rounds))

    def _run(self, what: str, *options: str) -> Cost:
        to = (self.server.book_url, self.server.username, self.server.password)
        loop = (sys.executable, str(HERE / "bare.py"), what, *to, "--encoding", self.encoding, *options)
        return run(loop, self.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vdirsyncer:
    """vdirsyncer, from the server into a folder of files."""

    server: DemoServer
    folder: Path

    def first_pull(self) -> Cost:
        """Sync into an empty folder; its discovery of the storages before that does not count."""
        for name in ("status", "files"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "files").mkdir()
        self._config.write_text(_VDIRSYNCER.format(folder=self.folder, server=self.server))
        self._run("discover", "book")
        return self._run("sync", "book")

    def unchanged(self) -> Cost:
        """Sync once more."""
        return self._run("sync", "book")

    @property
    def _config(self) -> Path:
        return self.folder / "vdirsyncer.ini"

    def _run(self, *arguments: str) -> Cost:
        return run((str(PROGRAMS / "vdirsyncer"), "--config", str(self._config), *arguments), self.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cardsync:
    """cardsync, from the server into SQLite."""

    server: DemoServer
    folder: Path

    def first_pull(self) -> Cost:
        """One cycle with an empty database, and without a question."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        self._configure(questions=0)
        return self._sync()

    def unchanged(self) -> Cost:
        """One more cycle, start-up included."""
        return self._sync()

    def unchanged_in_process(self, rounds: int) -> Cost:
        """As a daemon does it: see ``cycles.py``."""
        return run((sys.executable, str(HERE / "cycles.py"), str(self._config), str(rounds)), self.folder)

    def ask(self, questions: int) -> Cost:
        """One cycle that writes that many questions."""
        self._configure(questions=questions)
        return self._sync()

    @property
    def _config(self) -> Path:
        return self.folder / "cardsync.toml"

    def _configure(self, questions: int) -> None:
        self._config.write_text(_CARDSYNC.format(folder=self.folder, server=self.server, questions=questions))
        self._config.chmod(0o600)

    def _sync(self) -> Cost:
        return run((str(PROGRAMS / "cardsync"), "--config", str(self._config), "sync"), self.folder)
