"""What the model knows of a key: a walk along its path."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from cardsync.settings.model import Settings
from cardsync.settings.table import Key, Table, keys_of
from cardsync.settings.toml import toml_key
from cardsync.settings.values import bare, is_union, rules_of

Path = tuple[str | int, ...]


class Kind(Enum):
    """What stands at a path."""

    TABLE = "table"  # keys of the model
    NAMED = "named"  # keys of the owner's own choice
    LIST = "list"
    VALUE = "value"


def inner(annotation: Any) -> Any:
    """The type without ``Annotated`` and ``| None``."""
    while True:
        annotation = bare(annotation)
        if is_union(annotation):
            parts = [part for part in get_args(annotation) if part is not type(None)]
            if len(parts) > 1:
                return str
            annotation = parts[0]
        else:
            return annotation


def kind(annotation: Any) -> Kind:
    """What a value of this type is in TOML."""
    plain = inner(annotation)
    if get_origin(plain) is dict:
        return Kind.NAMED
    if get_origin(plain) is tuple:
        return Kind.LIST
    if isinstance(plain, type) and issubclass(plain, Table):
        return Kind.TABLE
    return Kind.VALUE


def fields(annotation: Any) -> Mapping[str, Key]:
    """The keys of a table of the model; none for anything else."""
    plain = inner(annotation)
    return {} if get_origin(plain) else keys_of(plain)


def below(annotation: Any, key: str | int) -> Any | None:
    """The type of what stands under ``key``, or None where the model knows none."""
    plain = inner(annotation)
    if get_origin(plain) is dict:
        return get_args(plain)[1]
    if get_origin(plain) is tuple:
        return get_args(plain)[0]
    found = fields(annotation).get(str(key))
    return None if found is None else found.annotation


def at(path: Sequence[str | int]) -> Any | None:
    """The type of what stands at ``path``, or None where the model knows none."""
    annotation: Any | None = Settings
    for key in path:
        annotation = below(annotation, key)
        if annotation is None:
            return None
    return annotation


def field(path: Sequence[str | int]) -> Key | None:
    """The nearest key of the model that ``path`` lies at or under."""
    found: Key | None = None
    annotation: Any = Settings
    for key in path:
        found = fields(annotation).get(str(key), found)
        annotation = below(annotation, key)
        if annotation is None:
            break
    return found


def allowed(path: Sequence[str | int]) -> str:
    """What the value at ``path`` may be, in words."""
    found = field(path)
    if found is None:
        return ""
    plain = inner(found.annotation)
    of_each = rules_of(get_args(plain)[-1]) if get_origin(plain) is dict else ()
    for rule in reversed([*of_each, *rules_of(found.annotation)]):
        if rule.allowed:
            return rule.allowed
    if get_origin(plain) is Literal:
        return "one of " + ", ".join(get_args(plain))
    return "a table of keys" if kind(plain) in (Kind.TABLE, Kind.NAMED) else ""


def nearest(name: str, table: Sequence[str | int]) -> str:
    """The path of the known key that ``name`` in ``table`` was probably meant to be, or ''."""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), fields(at(table)), n=1, cutoff=0.6)
    if near:
        return dotted((*table, near[0]))
    elsewhere = [path for path in _tables() if name.lower() == path[-1]]
    return dotted(min(elsewhere, key=len)) if elsewhere else ""


def dotted(path: Sequence[str | int]) -> str:
    """A path as the owner writes it: ``groups."My list".weight``, ``aliases[0]``."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
            continue
        text += ("." if text else "") + toml_key(key)
    return text


def _tables(annotation: Any = Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, found in fields(annotation).items():
        yield (*path, name)
        plain = inner(found.annotation)
        if kind(plain) is Kind.NAMED:
            yield from _tables(get_args(plain)[1], (*path, name, "NAME"))
        else:
            yield from _tables(plain, (*path, name))
