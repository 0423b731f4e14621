"""Where a demo lives: a directory of its own, which the next one replaces, and the config in it."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from cardsync.demo.server import DemoServer
from cardsync.errors import CardsyncError

_MARK = ".cardsync-demo"  # tells a demo's directory from any other
ACCOUNT = "demo"
A_WEEK = 7  # questions in seven days; the default is 3

_CONFIG = """\
# Written by cardsync demo, and replaced by the next one.
state_dir = {state}

[accounts.{account}]
url = {url}
allow_http = true                         # the demo's server is on this machine
username = {username}
password = {password}

[groups.VIP]                              # the list's name on the phone

[schedule]
timezone = "UTC"

[reminders]
max_new_per_week = {a_week}                      # the default is 3; the demo has one a day to tell more in less time
"""


@contextmanager
def emptied(directory: str | None) -> Iterator[Path]:
    """The demo's directory, empty but for its mark, and nobody else's meanwhile.

    None: one below the user's cache directory.  Raises ``CardsyncError`` for a directory that holds anything but
    an earlier demo, that cannot be written, or that another demo uses.
    """
    place = Path(directory).expanduser().resolve() if directory else user_cache_path("cardsync") / "demo"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CardsyncError(f"{place} cannot be used: {error.strerror}. Name another one: --directory.") from error
    try:
        _claim(place, held)
        yield place
    finally:
        os.close(held)


def _claim(place: Path, held: int) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CardsyncError(f"Another demo uses {place}. Stop it, or name another directory: --directory.") from None
    found = sorted(place.iterdir())
    if found and place / _MARK not in found:
        raise CardsyncError(f"{place} holds something else than a demo. Name an empty directory: --directory.")
    try:
        (place / _MARK).touch()
        for each in found:
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            elif each.name != _MARK:
                each.unlink()
        place.chmod(0o700)
    except OSError as error:
        raise CardsyncError(f"{place} cannot be used: {error.strerror}. Name another one: --directory.") from error


def write_config(place: Path, server: DemoServer, more: str = "") -> Path:
    """``cardsync.toml`` for the demo's server, mode 0600; ``more`` are further tables."""
    path = place / "cardsync.toml"
    path.touch(mode=0o600)
    values = {"state": str(place / "state"), "url": server.url, "username": server.username}
    # a JSON string is a TOML basic string
    quoted = {key: json.dumps(value) for key, value in {**values, "password": server.password}.items()}
    path.write_text(_CONFIG.format(account=ACCOUNT, a_week=A_WEEK, **quoted) + more, encoding="utf-8")
    return path
