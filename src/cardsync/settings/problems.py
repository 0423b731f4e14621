"""Errors as lines for the owner: where, which key, what is wrong, what is allowed; never the value."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as File

from cardsync.settings import keys
from cardsync.settings.keys import Path

_SYNTAX = r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the values of one config come from: ``text`` is that of the file."""

    file: File | None
    text: str = field(default="", repr=False)
    variables: Mapping[Path, str] = field(default_factory=dict)

    @cached_property
    def lines(self) -> Mapping[Path, int]:
        """The line of each key."""
        from cardsync.settings.lines import key_lines

        return key_lines(self.text)

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
        return (int(number) if number.isascii() and number.isdigit() else 1_000_000, place)

    def line(self, path: Path, message: str) -> str:
        """One problem, in full."""
        return f"{self.of(path)}: {keys.dotted(path)}: {message}" if path else f"{self.of(path)}: {message}"


def of_syntax(error: tomllib.TOMLDecodeError, file: File) -> str:
    """A TOML error with line and column; the parser's own words hold no more than one sign of a value."""
    found = re.fullmatch(_SYNTAX, str(error))
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


def unknown_key(path: Path) -> str:
    """What to say of a key that nobody knows."""
    *table, name = path
    near = keys.nearest(str(name), table)
    if near:
        return f"is not known; did you mean {near}?"
    return "is not known; allowed: " + ", ".join(keys.fields(keys.at(table)))
