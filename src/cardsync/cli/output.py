"""Printing: tables for people, JSON for programs; nothing from a card reaches the terminal raw."""

import difflib
import json
import re
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

import click

_BREAKS = "\n\r\t\u2028\u2029"


def as_json(value: Any) -> None:
    """One JSON document on stdout."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    click.echo("".join(c if c == "\n" or not _is_control(c) else json.dumps(c)[1:-1] for c in text))


def say(text: str, *, err: bool = False) -> None:
    """One line for people."""
    click.echo(safe(text), err=err)


def local(at: str, zone: tzinfo, length: int = 19) -> str:
    """A moment in ISO 8601 as the clocks of ``zone`` show it, cut to so many characters."""
    return datetime.fromisoformat(at).astimezone(zone).isoformat(timespec="seconds")[:length]


def with_zone(at: str, zone: tzinfo) -> str:
    """The same for a line of its own: the zone is named."""
    return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def safe(text: object) -> str:
    """Text without control and format characters (escape sequences, bidi overrides), on one line."""
    return "".join(" " if c in _BREAKS else c for c in str(text) if c in _BREAKS or not _is_control(c))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}


def safe_lines(text: str) -> list[str]:
    """The same, line by line."""
    return [safe(line) for line in text.replace("\r\n", "\n").split("\n")]


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table: by rich on a terminal, tab-separated when piped."""
    cells = [[safe("" if cell is None else cell) for cell in row] for row in rows]
    if not (sys.stdout and sys.stdout.isatty()):  # None where it is closed
        for row in [list(headings), *cells]:
            click.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in cells:
        drawn.add_row(*map(Text, row))
    Console(highlight=False).print(drawn)


def diff(before: bytes, after: bytes, name: str, *, err: bool = False) -> None:
    """A unified diff of two cards, lines unfolded, a note line by line; photos and the like are cut short."""
    lines = difflib.unified_diff(
        _shown(before), _shown(after), f"{safe(name)} (on the server)", f"{safe(name)} (new)", lineterm="", n=1
    )
    for line in lines:
        colour = {"+": "green", "-": "red"}.get(line[:1])
        click.secho(line, fg=colour, err=err)


def _shown(data: bytes) -> list[str]:
    text = data.replace(b"\r\n", b"\n").replace(b"\n ", b"").decode("utf-8", "replace")
    text = _NOTE.sub(lambda note: f"{note[1]}\n  {_BREAK.sub(_IN_TWO, note[2])}", text)
    return [line if len(line) < 400 else line[:80] + f" ... ({len(line)} characters)" for line in safe_lines(text)]


_NOTE = re.compile(r"^((?:[^\n:;]*\.)?NOTE(?:;[^\n:]*)?:)(.*)$", re.IGNORECASE | re.MULTILINE)
_BREAK = re.compile(r"(?<!\\)((?:\\\\)*)\\[nN]")
_IN_TWO = r"\1\n  "
