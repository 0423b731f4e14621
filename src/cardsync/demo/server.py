"""A CardDAV server for the demo: Radicale as a child process, on a free loopback port."""

import importlib.util
import json
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cardsync.errors import CardsyncError, Unreachable

USER, BOOK = "demo", "contacts"
_LOG = "radicale.log"
START_SECONDS = 20.0
STOP_SECONDS = 10.0
ATTEMPTS = 3  # another program may take the free port before Radicale does

_CONFIG = """\
[server]
hosts = {address}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0.1
[storage]
filesystem_folder = {folder}/collections
[logging]
level = info
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoServer:
    """A running server: ``url`` to discover from, ``book_url`` with a trailing slash, ``log`` Radicale's log."""

    url: str
    book_url: str
    username: str
    password: str = field(repr=False)
    log: Path

    def requests(self) -> tuple[str, ...]:
        """The methods of all requests so far, as Radicale logged them."""
        return tuple(re.findall(r"\b([A-Z]+) request for '", self.log.read_text()))


@contextmanager
def serving(cards: Mapping[str, bytes], folder: Path, *, display_name: str = "Contacts") -> Iterator[DemoServer]:
    """Serve ``cards`` (resource name -> vCard) as user ``demo``'s only address book, from ``folder``.

    The folder keeps what the server stores and its log after the server was stopped.  Raises
    ``CardsyncError`` if Radicale is not installed and ``Unreachable`` if it does not start.
    """
    if importlib.util.find_spec("radicale") is None:
        raise CardsyncError("The demo needs the CardDAV server Radicale: pip install '.[demo]' in the source's folder.")
    password = secrets.token_urlsafe(12)
    store(cards, folder, display_name=display_name)
    users = folder / "users"
    users.touch(mode=0o600)
    users.write_text(f"{USER}:{password}\n")
    process, url = _started(folder)
    try:
        yield DemoServer(url=url, book_url=f"{url}{USER}/{BOOK}/", username=USER, password=password, log=folder / _LOG)
    finally:
        _stop(process)


def store(cards: Mapping[str, bytes], folder: Path, *, display_name: str) -> None:
    """Write the address book in the form of Radicale's file storage; a PUT of each card would take minutes."""
    book = folder / "collections" / "collection-root" / USER / BOOK
    book.mkdir(parents=True)
    for name, card in cards.items():
        (book / name).write_bytes(card)
    properties = {"tag": "VADDRESSBOOK", "D:displayname": display_name}
    (book / ".Radicale.props").write_text(json.dumps(properties))


def _started(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(ATTEMPTS):
        address = f"127.0.0.1:{_free_port()}"
        config, log = folder / "radicale.ini", folder / _LOG
        config.write_text(_CONFIG.format(folder=folder, address=address))
        process = _start(("--config", str(config)), log)
        try:
            if _ready(process, log):
                return process, f"http://{address}/"
        except BaseException:
            _stop(process)
            raise
        _stop(process)
    raise Unreachable(f"The demo's CardDAV server did not start; see {_LOG} in its folder.")


def _start(arguments: tuple[str, ...], log: Path) -> subprocess.Popen[bytes]:
    """A process that ends with ours (its standard input), and that a Ctrl-C on our terminal does not reach."""
    command = (sys.executable, "-m", "cardsync.demo.tethered", *arguments)
    with log.open("wb") as sink:
        return subprocess.Popen(  # noqa: S603 - ours
            command, stdin=subprocess.PIPE, stdout=sink, stderr=sink, start_new_session=True
        )


def _ready(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Tell whether *this* process listens: another one's answer on the port would prove nothing."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if "Radicale server ready" in log.read_text():
            return True
        time.sleep(0.02)  # Radicale tells it nowhere but in the log
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
