"""A household that runs cardsync: a book on a real server behind a proxy with hooks, a config, processes."""

import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
from click.testing import CliRunner, Result

from builders import apple_group, card
from cardsync.cli import main
from cardsync.logs import before_the_first_line, set_up
from servers.loopback import Loopback, Request, Response, serve
from servers.real import start_radicale
from servers.running import Running

DEADLINE = 20.0  # seconds; nothing here takes as long on a quiet machine
_OUR_OWN = {"content-length", "transfer-encoding", "connection", "keep-alive", "date", "server"}
_NOT_PASSED_ON = _OUR_OWN | {"host", "accept-encoding"}

PEOPLE = {"Zora Quillfeather": "Initrode", "Basil Thackwell": "Hooli", "Odile Marchbanks": "Globex"}
NOTE = "met at the harbour regatta"
GROUP = "group.vcf"


def until(true: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """Poll what other processes do until it is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.01)  # polling foreign processes; the deadline is above
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


@dataclass
class Proxy:
    """Stands before the server: ``before`` may answer itself, ``after`` sees (and may hold) each reply."""

    upstream: str
    before: Callable[[Request], Response | None] = lambda request: None
    after: Callable[[Request, Response], Response] = lambda request, response: response
    loopback: Loopback | None = None
    under_way: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Response:
        with self.lock:
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            return self.after(request, self.before(request) or self.forwarded(request))
        finally:
            with self.lock:
                self.under_way -= 1

    def forwarded(self, request: Request) -> Response:
        """What the real server says."""
        with closing(http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)) as connection:
            headers = {
                name: value
                for name, value in request.headers.items()
                if name not in _OUR_OWN | {"host", "accept-encoding"}
            }
            connection.request(request.method, request.path, body=request.body or None, headers=headers)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OUR_OWN]
            return Response(answer.status, answer.read(), kept)

    @property
    def origin(self) -> str:
        assert self.loopback
        return str(self.loopback.origin)

    def asked(self, method: str = "") -> list[Request]:
        """All requests so far, of a method."""
        assert self.loopback
        return [request for request in list(self.loopback.requests) if request.method == method or not method]


@dataclass
class Hold:
    """Holds the replies to requests with a method until ``release``; as a ``Proxy.after``."""

    method: str
    reached: threading.Event = field(default_factory=threading.Event)
    free: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request, response: Response) -> Response:
        if request.method == self.method and not self.free.is_set():
            self.reached.set()
            self.free.wait(DEADLINE)
        return response


class Daemon:
    """``cardsync run`` in a process of its own; its log as JSON lines."""

    def __init__(self, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=sink
            )

    @property
    def text(self) -> str:
        """All of its stderr."""
        return self._log.read_text("utf-8")

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The log lines, all or those of an event; a line that is no JSON fails the test."""
        lines = [line for line in self.text.splitlines(keepends=True) if line.endswith("\n")]
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [event for event in found if event["event"] == name or not name]

    def wait_for(self, name: str, times: int = 1) -> dict[str, Any]:
        """The ``times``-th such event, once it is there."""

        def there() -> bool:
            assert self.process.poll() is None or len(self.events(name)) >= times, f"ended early:\n{self.text}"
            return len(self.events(name)) >= times

        until(there, f"{times} x {name!r} in the log:\n{self.text}")
        return self.events(name)[times - 1]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, seconds: float = 10.0) -> int:
        """Its exit code."""
        return self.process.wait(timeout=seconds)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send(number)
        return self.ended()


@dataclass
class Household:
    """One person's book, config, state directory and processes."""

    home: Path
    server: Running
    proxy: Proxy
    book: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def config(self) -> Path:
        return self.home / "cardsync.toml"

    def configure(self, *extra: str, account: Mapping[str, Any] | None = None, name: str = "home") -> None:
        """Write the config; ``account`` replaces keys of ``[accounts.home]`` (None: left out)."""
        (self.home / "password").write_text(self.server.password + "\n", "utf-8")
        keys: dict[str, Any] = {
            "url": f"{self.proxy.origin}/",
            "username": self.server.username,
            "password_file": str(self.home / "password"),
            "allow_http": True,
            "address_books": [self.book],
            **(account or {}),
        }
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items() if value is not None]
        text = "\n".join([f'state_dir = "{self.state}"', *extra, f"[accounts.{name}]", *lines, ""])
        self.config.write_text(text, "utf-8")

    def fill(self, note: str = NOTE) -> None:
        """Three VIPs and a contact whom nobody asks about."""
        for at, (name, company) in enumerate(PEOPLE.items()):
            self.server.put_card(f"p{at}.vcf", person(name, company, uid=f"UID-{at}", note=note))
        self.server.put_card("other.vcf", person("Piet Nobody", "Vandelay", uid="UID-X", note=note))
        self.server.put_card(GROUP, apple_group("VIP", [f"UID-{at}" for at in range(len(PEOPLE))]))

    def cards(self) -> dict[str, bytes]:
        """All cards as the server has them, read past the proxy."""
        return {name: self.server.get_card(name) for name in self.server.list_cards()}

    def asked_about(self) -> list[str]:
        """The cards on which a question stands."""
        return [name for name, data in self.cards().items() if b"VIPcheck" in data]

    def env(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        zone = {"CARDSYNC_SCHEDULE__TIMEZONE": "UTC"}
        return {**kept, **zone, "HOME": str(self.home), "LANG": "C.UTF-8", **more}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cardsync", "--config", str(self.config), *arguments]

    def cardsync(self, *arguments: str) -> Result:
        """Run a command to its end, in this process: starting another takes longer than most commands."""
        try:
            return CliRunner(env=self.env()).invoke(main, ["--config", str(self.config), *arguments])
        finally:
            before_the_first_line(structlog.reset_defaults)
            set_up()

    def process(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """The same in a process of its own."""
        return subprocess.run(
            self.command(*arguments),
            env=self.env(**env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def ok(self, *arguments: str) -> str:
        """Run a command that must end with 0; its stdout."""
        done = self.cardsync(*arguments)
        assert done.exit_code == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and go on."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.processes.append(process)  # type: ignore[arg-type]
        return process

    def daemon(self, command: list[str] | None = None, **env: str) -> Daemon:
        """``cardsync run``."""
        log = self.home / f"daemon-{len(self.processes)}.log"
        daemon = Daemon(command or self.command("run"), self.env(**env), log)
        self.processes.append(daemon.process)
        return daemon

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Straight out of the database."""
        with closing(sqlite3.connect(f"file:{self.state}/cardsync.db?mode=ro", uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def writable(self) -> Iterator[sqlite3.Connection]:
        """The database, to be harmed."""
        with closing(sqlite3.connect(self.state / "cardsync.db")) as connection, connection:
            yield connection

    def content(self) -> list[str]:
        """All of the database's content."""
        with closing(sqlite3.connect(f"file:{self.state}/cardsync.db?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()


def person(name: str, company: str, *, uid: str, note: str = NOTE) -> bytes:
    """A card that is old enough to be asked about."""
    given, family = name.split(" ", 1)
    mail = f"{given}.{family}@{company}.example".lower().replace(" ", "")
    made: bytes = card(
        f"ORG:{company};",
        "TITLE:Head of Sails",
        f"EMAIL;type=INTERNET;type=WORK:{mail}",
        f"NOTE:{note}",
        "REV:2019-03-01T10:00:00Z",
        name=f"{family};{given};;;",
        uid=uid,
    )
    return made


@contextmanager
def household(home: Path, server: Running) -> Iterator[Household]:
    """A book of its own on ``server``."""
    book = "b" + re.sub(r"\W", "", home.name)[-40:].lower()
    own = server.make_book(book, book)
    proxy = Proxy(upstream=server.url)
    with serve(proxy) as proxy.loopback:
        house = Household(home, own, proxy, book)
        house.configure()
        try:
            yield house
        finally:
            house.end()


@pytest.fixture(scope="session")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One Radicale for all households."""
    with start_radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, radicale: Running) -> Iterator[Household]:
    """A household for each test."""
    with household(tmp_path, radicale) as house:
        yield house
