"""Radicale, Xandikos and sabre/dav 1.8 as processes of their own."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers.process import free_port, running
from servers.running import Running

_USER, _PASSWORD = "owner", "a pass:wörd"  # both a colon and a non-ASCII letter, on purpose
_SABRE = Path(__file__).parent / "sabre" / "router.php"
_RADICALE = """[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/htpasswd
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/storage
[logging]
level = warning
"""


@contextmanager
def start_radicale(folder: Path) -> Iterator[Running]:
    """Radicale with htpasswd login; the user has no book until one is made."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    (folder / "htpasswd").write_text(f"{_USER}:{_PASSWORD}\n", "utf-8")
    config = folder / "radicale.ini"
    config.write_text(_RADICALE.format(port=port, folder=folder), "utf-8")
    log = folder / "radicale.log"
    with running([sys.executable, "-m", "radicale", "--config", str(config)], port, log):
        url = f"http://127.0.0.1:{port}/"
        server = Running(
            name="radicale", url=url, username=_USER, password=_PASSWORD, book_url=f"{url}{_USER}/contacts/", log=log
        )
        yield server.make_book("contacts", "Contacts")


@contextmanager
def start_xandikos(folder: Path) -> Iterator[Running]:
    """Xandikos with its default book; it has no login, so any credentials do."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    log = folder / "xandikos.log"
    command = [sys.executable, "-m", "xandikos", "serve", "--defaults", "--no-detect-systemd"]
    command += ["-d", str(folder / "storage"), "--state-dir", str(folder / "state"), "-l", "127.0.0.1", "-p", str(port)]
    with running(command, port, log, _git_identity()):
        url = f"http://127.0.0.1:{port}/"
        yield Running(
            name="xandikos",
            url=url,
            username=_USER,
            password=_PASSWORD,
            book_url=f"{url}user/contacts/addressbook/",
            log=log,
        )


def _git_identity() -> dict[str, str]:
    names = {"GIT_AUTHOR_NAME": "x", "GIT_COMMITTER_NAME": "x"}
    return {**os.environ, **names, "GIT_AUTHOR_EMAIL": "x@example.org", "GIT_COMMITTER_EMAIL": "x@example.org"}


def sabre_missing() -> str | None:
    """Why sabre/dav cannot be started here, or None."""
    if shutil.which("php") is None:
        return "php is not installed (Debian: php-cli php-sqlite3 php-mbstring)"
    if not Path("/usr/share/php/Sabre/DAV/Server.php").exists():
        return "sabre/dav is not installed (Debian: php-sabre-dav)"
    return None


@contextmanager
def start_sabre(folder: Path) -> Iterator[Running]:
    """sabre/dav 1.8 with Digest login on SQLite: no sync-collection, 404 for a whole multiget.

    Skips the test where PHP is missing.
    """
    reason = sabre_missing()
    if reason:
        pytest.skip(reason)
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    log = folder / "sabre.log"
    # Digest hashes are over bytes that clients encode differently beyond ASCII, so this password is plain
    env = {
        **os.environ,
        "SABRE_DATABASE": str(folder / "sabre.sqlite"),
        "SABRE_USER": _USER,
        "SABRE_PASSWORD": "a pass:word",
    }
    with running(["php", "-S", f"127.0.0.1:{port}", str(_SABRE)], port, log, env):
        url = f"http://127.0.0.1:{port}/"
        yield Running(
            name="sabre",
            url=url,
            username=_USER,
            password="a pass:word",
            book_url=f"{url}addressbooks/{_USER}/contacts/",
            digest=True,
            log=log,
        )
