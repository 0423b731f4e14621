"""Passwords and tokens, read at the moment of use: by value, file, command, environment file or systemd credential."""

import hashlib
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cardsync.errors import ConfigError
from cardsync.settings.checks import credential
from cardsync.settings.environment import variable
from cardsync.settings.model import Account
from cardsync.settings.table import Table, keys_of
from cardsync.settings.values import Hidden

COMMAND_TIMEOUT = 30.0  # seconds; long enough to unlock a key store by hand
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What an account logs in with: a password, or a bearer token, or nothing (``auth = "none"``)."""

    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def resolve(name: str, account: Account, environ: Mapping[str, str]) -> Secret:
    """The secret of the account ``name``.

    May run a command, for at most ``COMMAND_TIMEOUT`` seconds.  Raises ``ConfigError`` that names the
    account, the key and the reason, and nothing of what was read.
    """
    if account.auth == "none":
        return Secret()
    token = given(("accounts", name), account, "token")
    if token is not None:
        return Secret(token=token)
    password = given(("accounts", name), account, "password")
    found = credential(name, environ) if password is None else None
    if found is not None:
        password = _file(f"accounts.{name}: systemd credential", found)
    if account.auth == "bearer":
        return Secret(token=password)
    return Secret(password=password)


def print_of(table: Table, salt: bytes) -> str:
    """A digest: another one when a key of the table is, or a file that it names.  It tells nothing of a secret."""
    told = [repr(table)]
    for name in keys_of(type(table)):
        value = getattr(table, name)
        if isinstance(value, Hidden):
            told.append(slow_hash(value.text, salt))
        if name.endswith("_file") and isinstance(value, Path):
            with suppress(OSError):
                told.append(f"{value.stat().st_mtime_ns} {value.stat().st_size}")
    return hashlib.sha256(salt + "\n".join(told).encode()).hexdigest()


def slow_hash(text: str, salt: bytes) -> str:
    """Tells a changed secret, and nothing else of it; 4 MB at a time, for a daemon's memory never shrinks again."""
    return hashlib.scrypt(text.encode(), salt=salt, n=2**12, r=8, p=4).hex()


def is_given(table: Table, key: str) -> bool:
    """Whether the table of a source gives a ``password`` or ``token``; nothing is read for that."""
    return any(getattr(table, f"{key}{form}") is not None for form in ("", "_file", "_command", "_env_file"))


def given(path: tuple[str, ...], account: Table, key: str) -> str | None:
    """The ``password`` or ``token`` of the table at ``path``; None where it gives none.  Raises as ``resolve``."""
    value: Hidden | None = getattr(account, key)
    if value is not None:
        return value.text
    ways: tuple[tuple[str, Callable[..., str]], ...] = ((f"{key}_file", _file), (f"{key}_command", _command))
    for form, read in ways:
        source = getattr(account, form)
        if source is not None:
            return read(".".join((*path, form)), source)
    env_file: Path | None = getattr(account, f"{key}_env_file")
    if env_file is not None:
        return _env_file(".".join((*path, f"{key}_env_file")), env_file, variable((*path, key)))
    return None


def _file(what: str, path: Path) -> str:
    return _first_line(what, _read(what, path))


def _read(what: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise _problem(what, f"the file cannot be read: {error.strerror}") from None


def _command(what: str, argv: tuple[str, ...]) -> str:
    try:
        code, told = _ran(argv)
    except subprocess.TimeoutExpired:
        raise _problem(what, f"{argv[0]} took longer than {COMMAND_TIMEOUT:.0f} s") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its arguments cannot be used"
        raise _problem(what, f"{argv[0]} cannot be run: {reason}") from None
    if code != 0:
        raise _problem(what, f"{argv[0]} ended with exit code {code}")
    return _first_line(what, told)


def _ran(argv: tuple[str, ...]) -> tuple[int, bytes]:
    with subprocess.Popen(  # noqa: S603 - the owner's own command, as a list, without a shell
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as command:
        _running.add(command)
        try:
            told, _ = command.communicate(timeout=COMMAND_TIMEOUT)
        except BaseException:
            command.kill()
            raise
        finally:
            _running.discard(command)
    return command.returncode, told


_running: set["subprocess.Popen[bytes]"] = set()


def end_commands() -> None:
    """Nobody waits any more for what those that run would say; what they began themselves is theirs to end."""
    for command in tuple(_running):
        command.terminate()


def _env_file(what: str, path: Path, name: str) -> str:
    from io import StringIO

    from dotenv import dotenv_values

    text = _read(what, path).decode("utf-8", "replace")
    given = {key.upper(): value for key, value in dotenv_values(stream=StringIO(text), interpolate=False).items()}
    value = given.get(name)
    if not value:
        raise _problem(what, f"the file sets no {name}")
    return value


def _first_line(what: str, data: bytes) -> str:
    try:
        line = data.decode("utf-8-sig").partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError:
        raise _problem(what, "what it holds is not UTF-8") from None
    if not line:
        raise _problem(what, "its first line is empty")
    return line


def _problem(what: str, reason: str) -> ConfigError:
    return ConfigError(f"{what}: {reason}.")
