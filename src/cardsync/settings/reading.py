"""A valid config, value by value as the declarations say; at the first doubt it is left to ``refusal``."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from cardsync.settings.table import Table, keys_of
from cardsync.settings.values import Hidden, Rule, bare, is_union, parse_text, rules_of

T = TypeVar("T", bound=Table)


class Doubt(Exception):
    """Something is not as it is declared; which, and how to say it, is not told here."""


def table_of(table: type[T], data: object) -> T:
    """The table that ``data`` from TOML and the environment make.  Raises ``Doubt``."""
    keys = keys_of(table)
    if not isinstance(data, dict) or not data.keys() <= keys.keys():
        raise Doubt
    if any(key.is_required and name not in data for name, key in keys.items()):
        raise Doubt
    found = {name: read(keys[name].annotation, value) for name, value in data.items()}
    return table(**found)


def read(annotation: Any, value: object) -> Any:
    """One value of the annotated type.  Raises ``Doubt``."""
    plain = bare(annotation)
    rules = rules_of(annotation)
    for rule in rules:
        if rule.read:
            try:
                value = rule.read(value)
            except ValueError:
                raise Doubt from None
    found = _typed(plain, value)
    if found is not None and not all(_holds(rule, found) for rule in rules):
        raise Doubt
    return found


def shown(annotation: Any, value: Any) -> Any:
    """A value as the owner would write it, without what is None; ``Hidden`` and paths as they are."""
    plain = bare(annotation)
    for rule in rules_of(annotation):
        if rule.show:
            return rule.show(value)
    if isinstance(value, Table):
        keys = keys_of(type(value))
        inside = {name: (key.annotation, getattr(value, name)) for name, key in keys.items()}
        return {name: shown(*each) for name, each in inside.items() if each[1] is not None}
    if is_union(plain):
        return shown(next(each for each in get_args(plain) if each is not type(None)), value)
    if isinstance(value, Mapping) and get_args(plain):
        return {key: shown(get_args(plain)[1], each) for key, each in value.items()}
    return [shown(get_args(plain)[0], each) for each in value] if isinstance(value, tuple) else value


def _typed(plain: Any, value: object) -> Any:
    origin = get_origin(plain)
    if is_union(plain):
        return _one_of(get_args(plain), value)
    if origin is dict and isinstance(value, dict):
        of_key, of_value = get_args(plain)
        return {read(of_key, key): read(of_value, each) for key, each in value.items()}
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(read(get_args(plain)[0], each) for each in value)
    if origin is Literal and isinstance(value, str) and value in get_args(plain):
        return value
    if isinstance(plain, type) and issubclass(plain, Table):
        return value if isinstance(value, plain) else table_of(plain, value)
    if plain is float and type(value) in (int, float):
        return _number(value)
    if plain is Any:
        return value
    if plain in (str, Hidden) and isinstance(value, str):
        return Hidden(_text(value)) if plain is Hidden else _text(value)
    if plain in (bool, int, Path, timedelta) and (type(value) is plain or (plain is Path and isinstance(value, Path))):
        return value
    raise Doubt


def _one_of(members: tuple[Any, ...], value: object) -> Any:
    if value is None and type(None) in members:
        return None
    for member in members:
        if member is not type(None):
            try:
                return read(member, value)
            except Doubt:
                continue
    raise Doubt


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Doubt from None


def _text(value: str) -> str:
    try:
        parse_text(value)
    except ValueError:
        raise Doubt from None
    return value


def _holds(rule: Rule, value: Any) -> bool:
    if rule.not_empty and len(value) == 0:
        return False
    if rule.pattern is not None and not re.fullmatch(rule.pattern, value):
        return False
    # written so that nan lies within nothing
    above = (rule.gt is None or value > rule.gt) and (rule.ge is None or value >= rule.ge)
    return above and (rule.le is None or value <= rule.le)
