"""How the demo looks: a diff, two columns, a table.  Colours only on a terminal; click leaves them out elsewhere."""

import difflib
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal

import click
from rich.cells import set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cardsync.demo.ios import as_iphone_shows

_WIDEST = 120
_LONG = 400  # characters; a photograph's line is cut to a fifth


def width() -> int:
    """Columns to fill."""
    return min(shutil.get_terminal_size((_WIDEST, 40)).columns, _WIDEST)


def heading(text: str) -> None:
    """A line that begins a part of the story."""
    click.echo()
    click.secho(text, bold=True)


def said(label: str, text: str, *, good: bool | None = None) -> None:
    """One labelled line, wrapped; ``good`` colours it."""
    lines = textwrap.wrap(text, max(width() - 13, 30), break_long_words=False, break_on_hyphens=False) or [""]
    colour = None if good is None else "green" if good else "red"
    for at, line in enumerate(lines):
        click.echo(f"  {'' if at else label:<10} " + click.style(line, fg=colour))


def diff(before: bytes, after: bytes) -> None:
    """A unified diff of two cards, lines unfolded, long ones cut."""
    lines = difflib.unified_diff(_unfolded(before), _unfolded(after), "before", "after", lineterm="", n=1)
    for line in lines:
        click.secho("  " + line, fg={"+": "green", "-": "red", "@": "cyan"}.get(line[0]))


def side_by_side(before: bytes, after: bytes) -> None:
    """Both cards as the iPhone shows them, in two columns."""
    left, right = (width() - 5) * 2 // 5, (width() - 5) * 3 // 5
    click.secho(f"  {'before':<{left}} | after", bold=True)
    for one, other in zip_longest(_wrapped(before, left), _wrapped(after, right), fillvalue=""):
        shown = click.style(other, fg="green") if "VIPcheck" in other else other
        click.echo(f"  {set_cell_size(one, left)} | {shown}".rstrip())


def table(headings: Sequence[str], rows: Sequence[tuple[Sequence[str], bool]]) -> None:
    """Rows of (cells, good) in columns that fit; what is not good is red."""
    drawn = Table(*headings, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for cells, good in rows:
        drawn.add_row(*cells, style="" if good else "red")
    console = _console()
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        click.echo(f"  {line.rstrip()}")


def _console() -> Console:
    system: Literal["auto"] | None = "auto" if sys.stdout.isatty() else None
    return Console(width=width() - 2, color_system=system, markup=False, highlight=False, emoji=False)


def _wrapped(card: bytes, size: int) -> list[str]:
    lines = as_iphone_shows(card).removesuffix("\n").split("\n")
    found: list[str] = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()))
        parts = Text(line.strip()).wrap(_console(), size - len(indent))
        found += [indent + part.plain.rstrip() for part in parts]
    return found


def _unfolded(card: bytes) -> list[str]:
    text = card.replace(b"\r\n", b"\n").replace(b"\n ", b"").decode()
    return [
        line if len(line) <= _LONG else f"{line[: _LONG // 5]} ... ({len(line)} characters)"
        for line in text.split("\n")
    ]
