"""Values as TOML, for the sample and for ``config show``."""

import json
import unicodedata
from collections.abc import Mapping, Sequence

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def toml_value(value: object) -> str:
    """One line of TOML for a text, number, truth, list or table; raises TypeError for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return "".join(map(_visible, json.dumps(value, ensure_ascii=False)))
    if isinstance(value, Mapping):
        inside = ", ".join(f"{toml_key(str(key))} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(toml_value(each) for each in value) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _visible(c: str) -> str:
    """As it is, or escaped where a terminal would obey it, or where nobody would see it."""
    if unicodedata.category(c) not in {"Cc", "Cf", "Zl", "Zp"}:
        return c
    return f"\\u{ord(c):04x}" if ord(c) <= 0xFFFF else f"\\U{ord(c):08x}"


def toml_key(key: str) -> str:
    """A key, in quotes where it needs them."""
    return key if key and set(key) <= _BARE else toml_value(key)
