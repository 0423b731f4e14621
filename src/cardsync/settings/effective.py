"""The settings in effect, value by value, with the origin of each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cardsync.settings import keys
from cardsync.settings.keys import Kind
from cardsync.settings.load import Loaded
from cardsync.settings.model import Settings
from cardsync.settings.reading import shown
from cardsync.settings.values import Hidden

HIDDEN = "***"
# of a plug-in, whose keys nobody here knows
_SECRET = re.compile("key|token|pass|pwd|secret|auth|cred|command", re.IGNORECASE)
_QUERY = re.compile(r"(?is)(https?://[^?#]*[?#]).+")
_LOGIN = re.compile(r"(://)[^/?#\s]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """``value`` as the owner would write it; ``origin`` is ``FILE:LINE``, a variable's name, or ``default``."""

    key: str
    value: Any
    origin: str


def effective(loaded: Loaded) -> tuple[Effective, ...]:
    """Every value in effect but those that are None; secrets, commands' arguments and what a URL asks are hidden."""
    data = shown(Settings, loaded.settings)
    for name, account in loaded.settings.accounts.items():
        own = account.reminders.given
        data["accounts"][name]["reminders"] = {
            key: value for key, value in data["accounts"][name]["reminders"].items() if key in own
        }
    return tuple(_values(loaded, (), data))


def _values(loaded: Loaded, path: keys.Path, value: Any) -> Iterator[Effective]:
    annotation = keys.at(path)
    if isinstance(value, dict) and annotation is not None and keys.kind(annotation) in (Kind.TABLE, Kind.NAMED):
        for key, each in value.items():
            yield from _values(loaded, (*path, key), each)
        return
    known = path in loaded.places.lines or path in loaded.places.variables
    origin = loaded.places.of(path) if known else "default"
    yield Effective(key=keys.dotted(path), value=_shown(path, value), origin=origin)


def _shown(path: keys.Path, value: Any) -> Any:
    if path[:2] == ("sources", "plugins"):
        return HIDDEN if _SECRET.search(str(path[-1])) else _without_secrets(value)
    if str(path[-1]).endswith("_command") and path[0] != "organisations" and value:
        return [value[0], *[HIDDEN] * (len(value) - 1)]
    return _told(value)


def _without_secrets(value: Any) -> Any:
    """What a plug-in was given; nobody here knows its keys."""
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET.search(key) else _without_secrets(each) for key, each in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else _told(value)


def _told(value: Any) -> Any:
    if isinstance(value, Hidden):
        return HIDDEN
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    if isinstance(value, str):
        told = _LOGIN.sub(rf"\1{HIDDEN}@", value)
        return f"{found[1]}{HIDDEN}" if (found := _QUERY.fullmatch(told)) else told
    return value if isinstance(value, bool | int | float) else str(value)
