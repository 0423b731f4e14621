"""``CARDSYNC_SECTION__KEY`` variables as a layer over the file."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cardsync.settings import keys
from cardsync.settings.keys import Kind, Path
from cardsync.settings.locate import CONFIG_VARIABLE
from cardsync.settings.model import Settings

PREFIX = "CARDSYNC_"
RESERVED = frozenset({CONFIG_VARIABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What the environment sets: nested data, the variable behind each path, and what cannot be."""

    data: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[Path, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def overlay(environ: Mapping[str, str], file: Mapping[str, Any]) -> Overlay:
    """The variables that belong to us, as data shaped like the file.

    Names of accounts and groups are those of ``file``, compared without case and with ``_`` for every
    other sign; one that is not there is new.
    """
    data: dict[str, Any] = {}
    variables: dict[Path, str] = {}
    problems: list[str] = []
    said: dict[Path, str] = {}
    for name in sorted(name for name in environ if name.upper().startswith(PREFIX) and name.upper() not in RESERVED):
        path = _path(name, [data, file, _DEFAULTS])
        annotation = keys.at(path) if path else None
        if annotation is None:
            problems.append(_unknown(name, file))
            continue
        try:
            value = _decoded(environ[name], annotation)
        except (ValueError, RecursionError):  # brackets within brackets without end
            problems.append(f"{name}: cannot be read; allowed: JSON or TOML, no key twice, no null")
            continue
        if path in said:
            problems.append(f"{name}: says what {said[path]} says, too; remove one of them")
            continue
        if not _put(data, path, value):
            problems.append(f"{name}: is a key in what another variable says is no table; remove one of them")
            continue
        said[path] = variables[path] = name
        for end in range(1, len(path)):
            variables.setdefault(path[:end], name)
        variables |= {found: name for found in _inside(path, value) if found not in said}
    return Overlay(data=data, variables=variables, problems=tuple(problems))


def variable(path: Iterable[str | int]) -> str:
    """The variable that overrides the key at ``path``."""
    return PREFIX + "__".join(_folded(str(key)).upper() for key in path)


_DEFAULTS: Mapping[str, Any] = {"groups": {"VIP": {}}}


def _folded(key: str) -> str:
    return re.sub(r"\W", "_", key).casefold()


def _path(name: str, layers: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """The path that a variable names; () when a part of it is empty."""
    parts = name[len(PREFIX) :].lower().split("__")
    if not all(parts):
        return ()
    path: tuple[str, ...] = ()
    annotation: Any = Settings
    here: list[Any] = list(layers)
    for part in parts:
        named = keys.kind(annotation) is Kind.NAMED if annotation is not None else False
        there = [known for layer in here if isinstance(layer, Mapping) for known in layer]
        key = next((known for known in there if _folded(known) == part), part) if named else part
        path = (*path, key)
        here = [layer.get(key) for layer in here if isinstance(layer, Mapping)]
        annotation = keys.below(annotation, key) if annotation is not None else None
    return path


def _decoded(text: str, annotation: Any) -> Any:
    """A list or table in JSON or TOML, a number or a truth as such; anything else as it stands.  Raises ValueError."""
    if keys.kind(annotation) is Kind.VALUE or not text.lstrip().startswith(("[", "{")):
        return _typed(text, keys.inner(annotation))
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _NotTaken:
        raise
    except ValueError:
        found = tomllib.loads(f"value = {text.strip()}")
        if len(found) > 1:
            raise ValueError("holds further lines") from None
        return found["value"]


class _NotTaken(ValueError):
    """It is JSON, and what it says has no meaning here."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A table, in which TOML has no key twice and no null."""
    if len(dict(pairs)) < len(pairs) or any(value is None for _, value in pairs):
        raise _NotTaken
    return dict(pairs)


def _inside(path: Path, value: Any) -> Iterable[Path]:
    """The paths of all that stands in a table."""
    for key, each in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from _inside((*path, key), each)


def _typed(text: str, plain: Any) -> Any:
    """A text as the type ``plain`` where it is one, else as it stands: then the model refuses it."""
    if plain is bool:
        return _TRUTHS.get(text.strip().lower(), text)
    if plain in (int, float):
        with suppress(ValueError):
            return plain(text)
    return text


_TRUTHS = {
    **dict.fromkeys(("true", "1", "yes", "on", "y", "t"), True),
    **dict.fromkeys(("false", "0", "no", "off", "n", "f"), False),
}


def _put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> bool:
    """False where there is no table to put it into, or no place for a table."""
    for key in path[:-1]:
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            return False
    inside = data.get(path[-1])
    if isinstance(inside, dict) and isinstance(value, dict):
        return all(_put(inside, (key,), each) for key, each in value.items() if not _is_said(inside, key, each))
    data[path[-1]] = value
    return True


def _is_said(inside: Mapping[str, Any], key: str, value: Any) -> bool:
    """A variable of its own goes before what a table in another one says."""
    return key in inside and not (isinstance(inside[key], dict) and isinstance(value, dict))


def _unknown(name: str, file: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    known = [*_names(Settings, (), file), *RESERVED]
    near = get_close_matches(name.upper(), known, n=1, cutoff=0.7)
    return f"{name}: no such setting" + (f"; did you mean {near[0]}?" if near else "; cardsync config sample lists all")


def _names(annotation: Any, path: Path, layer: Any) -> Iterable[str]:
    if keys.kind(annotation) is Kind.NAMED:
        for key in layer if isinstance(layer, Mapping) else ():
            yield from _names(keys.below(annotation, key), (*path, key), layer[key])
        return
    for key, found in keys.fields(annotation).items():
        yield variable((*path, key))
        yield from _names(found.annotation, (*path, key), layer.get(key) if isinstance(layer, Mapping) else None)
