"""Errors as lines for the owner: where, which key, what is wrong, what is allowed; never the value."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from cardsync.settings import keys
from cardsync.settings.keys import Path

_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")
_WRONG = {
    "missing": "is missing",
    "greater_than": "is too small",
    "greater_than_equal": "is too small",
    "less_than": "is too large",
    "less_than_equal": "is too large",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "literal_error": "is none of the words that are known",
    "int_from_float": "is no whole number",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the values of one config come from."""

    file: File | None
    lines: Mapping[Path, int] = field(default_factory=dict)
    variables: Mapping[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Variable or ``FILE:LINE`` of what stands at ``path``, or of the nearest that it stands in."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines and not (end == len(path) and path in self.variables):
                return f"{self.file}:{self.lines[path[:end]]}"
            if path[:end] in self.variables:
                return self.variables[path[:end]]
        return f"{self.file}:1" if self.file else "environment"

    def order(self, path: Path) -> tuple[int, str]:
        """Sorts problems as the file reads, the environment's last."""
        place = self.of(path)
        number = place.rpartition(":")[2]
        return (int(number) if number.isdigit() else 1_000_000, place)

    def line(self, path: Path, message: str) -> str:
        """One problem, in full."""
        return f"{self.of(path)}: {keys.dotted(path)}: {message}" if path else f"{self.of(path)}: {message}"


def of_syntax(error: tomllib.TOMLDecodeError, file: File) -> str:
    """A TOML error with line and column; the parser's own words hold no more than one sign of a value."""
    found = _SYNTAX.fullmatch(str(error))
    if found is None:
        return f"{file}:1: is no TOML"
    what = re.sub(r"(character) .*", r"\1", found["what"])
    what = re.sub(r"^(Cannot declare|Duplicate inline table key|Cannot \w+ (?:immutable )?namespace) .*", _twice, what)
    what = what[:1].lower() + what[1:]
    if found["line"] is None:
        return f"{file}: end of file: {what}"
    return f'{file}:{found["line"]}: column {found["column"]}: {what}; allowed: TOML, as: key = "text"'


def _twice(found: re.Match[str]) -> str:
    return "this key or table is there twice"


def of_validation(error: ValidationError) -> tuple[tuple[Path, str], ...]:
    """Every error of a validation as path and message."""
    return tuple(
        _one(dict(each)) for each in error.errors(include_url=False, include_input=False, include_context=True)
    )


def _one(error: dict[str, Any]) -> tuple[Path, str]:
    path: Path = tuple(error["loc"])
    type_ = error["type"]
    if type_ == "extra_forbidden":
        return path, unknown_key(path)
    if type_ == "string_pattern_mismatch":
        return path[:-1], "is no name for a table; allowed: letters, digits, . _ -, at most 64, a letter or digit first"
    if path and path[-1] == "[key]":
        return path[:-1], str(error["ctx"]["error"])
    what = str(error["ctx"]["error"]) if type_ == "value_error" else _WRONG.get(type_, "is of the wrong kind")
    allowed = keys.allowed(path)
    return path, f"{what}; allowed: {allowed}" if allowed else what


def unknown_key(path: Path) -> str:
    """What to say of a key that nobody knows."""
    *table, name = path
    near = keys.nearest(str(name), table)
    if near:
        return f"is not known; did you mean {near}?"
    return "is not known; allowed: " + ", ".join(keys.fields(keys.at(table)))
