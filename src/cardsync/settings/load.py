"""Reads the config: file, environment, all errors at once."""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardsync.errors import ConfigError
from cardsync.settings import checks, problems
from cardsync.settings.environment import Overlay, overlay
from cardsync.settings.locate import candidates, expanded, locate
from cardsync.settings.model import PASSWORD_FORMS, STATE_DIR, TOKEN_FORMS, Settings
from cardsync.settings.problems import Places
from cardsync.settings.reading import Doubt, table_of
from cardsync.settings.sources import Sources
from cardsync.settings.table import keys_of
from cardsync.words import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A valid config, the file it is from (None: environment only), and where each value stands.

    ``missing`` are the lines about files that the config names and that are not there: nobody can log in with it
    here, and still the mirror can be looked at.
    """

    settings: Settings
    file: Path | None
    places: Places
    warnings: tuple[str, ...]
    missing: tuple[str, ...] = ()


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The config from ``path`` or the usual places, with ``environ`` over it.

    Raises ``ConfigError``, whose ``problems`` name every error: ``FILE:LINE: key: what is wrong; what
    is allowed``, or the variable's name instead of file and line.  No value is ever in them.
    """
    return read(path, environ).settings


def read(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """As ``load``, with warnings and origins."""
    file = locate(path, environ)
    text = _text(file) if file else ""
    data = _parsed(text, file) if file else {}
    over = overlay(environ, data)
    _give_way(data, over.data)
    merged = _merged(data, over.data)
    places = Places(file=file, text=text, variables=over.variables)
    settings = _validated(merged, over, places, environ)
    warnings = (*_readable_by_all(data, places), *_lines(settings, places, _unreadable, _NOT_READABLE))
    missing = tuple(_lines(settings, places, _missing, _NOT_THERE))
    return Loaded(settings=settings, file=file, places=places, warnings=warnings, missing=missing)


def state_dir_of(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The ``state_dir`` of a config that may be wrong in all else: as it says, as far as it can be read."""
    named = environ.get("CARDSYNC_STATE_DIR") or _state_dir_in(path, environ)
    return expanded(Path(named)) if isinstance(named, str) else STATE_DIR


def _state_dir_in(path: Path | None, environ: Mapping[str, str]) -> object:
    text = ""
    try:
        if file := locate(path, environ):
            text = _text(file)
            return _parsed(text, file).get("state_dir")
    except ConfigError:  # not TOML: its line may be right all the same
        line = re.search(r"""^state_dir\s*=\s*(["'])([^"'\n]+)\1\s*(?:#.*)?$""", text, re.MULTILINE)
        return line and line[2]
    return None


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError("The config file cannot be read.", (f"{file}: {error.strerror}",)) from None
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError("The config file is not UTF-8.", (f"{file}:{line}: a byte that is not UTF-8",)) from None


def _parsed(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("The config file is no TOML.", (problems.of_syntax(error, file),)) from None
    except RecursionError:
        raise ConfigError("The config file is no TOML.", (f"{file}: brackets within brackets without end",)) from None
    except ValueError:
        raise ConfigError("The config file is no TOML.", (f"{file}: a number with thousands of digits",)) from None


def _give_way(data: dict[str, Any], over: Mapping[str, Any]) -> None:
    """A password from the environment takes the place of the file's, in whatever form that is."""
    for below, table in _with_secrets(data, over):
        for forms in (PASSWORD_FORMS, TOKEN_FORMS):
            if any(key in table for key in forms):
                for key in forms:
                    below.pop(key, None)


def _with_secrets(data: Mapping[str, Any], over: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each table that may hold a secret and that both have: as the file has it, and as the environment does."""
    under = dict(_secret_tables(data))
    for path, table in _secret_tables(over):
        if path in under:
            yield under[path], table


def _secret_tables(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each table that may hold a secret, by its path."""
    found: dict[tuple[str, ...], object] = {(name,): data.get(name) for name in ("http", "notify")}
    for kind in ("accounts", "sources", "notify"):
        inside = data.get(kind)
        found |= {(kind, name): table for name, table in inside.items()} if isinstance(inside, dict) else {}
    for path, table in found.items():
        if isinstance(table, dict):
            yield path, table


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _validated(merged: dict[str, Any], over: Overlay, places: Places, environ: Mapping[str, str]) -> Settings:
    found = [(finding.path, finding.message) for finding in checks.findings(merged, environ)]
    settings: Settings | None = None
    try:
        settings = table_of(Settings, merged)
    except (Doubt, RecursionError):
        from cardsync.settings.refusal import wrong  # pydantic, which is slow to import

        # none, though it cannot be read, is a mistake in cardsync itself
        found += wrong(merged) or [((), "cannot be read, and cardsync cannot tell why")]
    if settings is not None and not found and not over.problems:
        return settings
    if places.file is None and "accounts" not in merged:
        searched = ", ".join(str(each) for each in candidates())
        made = "cardsync init makes one"
        raise ConfigError("No config file was found.", (f"searched: {searched}; {made}", *over.problems))
    found.sort(key=lambda each: places.order(each[0]))
    lines = dict.fromkeys((*(places.line(*each) for each in found), *over.problems))
    raise ConfigError(f"The config has {count(len(lines), 'error')}.", tuple(lines))


_FILES = ("password_file", "password_env_file", "token_file", "token_env_file", "ca_file")
_NOT_THERE = "the file that it names is not there, or is a directory"
_NOT_READABLE = "this user may not read the file that it names"


def _lines(settings: Settings, places: Places, wrong: Callable[[Path], bool], message: str) -> Iterator[str]:
    """One for each file that the config names and with which something is ``wrong``, for this user and now."""
    tables: dict[tuple[str, ...], object] = {("accounts", name): each for name, each in settings.accounts.items()}
    tables |= {("sources", name): getattr(settings.sources, name) for name in keys_of(Sources)}
    tables |= {("notify", name): getattr(settings.notify, name) for name in ("ntfy", "webhook", "email")}
    for path, table in (tables | {("http",): settings.http}).items():
        for key in _FILES:
            file = getattr(table, key, None)
            if file is not None and wrong(file):
                yield places.line((*path, key), message)


def _missing(file: Path) -> bool:
    """Whether there is surely no such file; in a directory that this user may not enter there may be one."""
    try:
        return stat.S_ISDIR(file.stat().st_mode)
    except PermissionError:
        return False
    except OSError:
        return True


def _unreadable(file: Path) -> bool:
    return not _missing(file) and not os.access(file, os.R_OK)


def _readable_by_all(data: Mapping[str, Any], places: Places) -> Iterator[str]:
    if places.file is None or not places.file.stat().st_mode & 0o004:
        return
    for path, table in _secret_tables(data):
        for key in ("password", "token", *(("url", "ping", "apprise") if path[0] == "notify" else ())):
            if key in table:
                instead = f" or use {key}_file" if key in ("password", "token") else ""
                yield places.line((*path, key), f"everybody on this machine can read it; chmod o-r the file{instead}")
