"""Other clients' hands: how each of them writes a whole card back when it saves an edit."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cardsync.demo.apple import Line, escape, fold, parse
from cardsync.demo.ios import IOS_6, IOS_18, rewritten
from naive import colon, name, physical_lines, refoldings

Fields = Mapping[str, str]
"""Properties by name with their new text; NOTE among them.  "" takes it out."""
Client = Callable[[bytes, Fields, datetime, random.Random], bytes]


def raw_lines(data: bytes) -> list[bytes]:
    """Content lines as they stand, with their folds and ends."""
    lines: list[bytes] = []
    for line in data.splitlines(keepends=True) if b"\x0b" not in data else re.findall(rb"[^\n]*\n|[^\n]+", data):
        if lines and line[:1] in {b" ", b"\t"}:
            lines[-1] += line
        else:
            lines.append(line)
    return lines


def unfolded(line: bytes) -> bytes:
    """A content line without folds and its end."""
    first, *rest = physical_lines(line)
    return first + b"".join(more[1:] for more in rest)


def apart(data: bytes) -> bytes:
    """The card's bytes without its NOTE."""
    return b"".join(line for line in raw_lines(data) if name(unfolded(line)) != "NOTE")


def note_of(data: bytes) -> str:
    """The first NOTE as text, "" without one."""
    return next((line.text() for line in parse(data) if line.name == "NOTE"), "")


# ---------------------------------------------------------------- clients


def iphone(data: bytes, fields: Fields, now: datetime, rng: random.Random) -> bytes:
    """Re-orders, re-types, re-folds; new REV and PRODID."""
    return rewritten(_changed(parse(data), fields), now=now, ios=IOS_18)


def old_iphone(data: bytes, fields: Fields, now: datetime, rng: random.Random) -> bytes:
    r"""The same, and escapes colons."""
    return rewritten(_changed(parse(data), fields), now=now, ios=IOS_6)


def careful(data: bytes, fields: Fields, now: datetime, rng: random.Random) -> bytes:
    """Touches nothing but what was edited: no REV, no PRODID."""
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    lines = raw_lines(data)
    for key, value in fields.items():
        at = next((i for i, line in enumerate(lines) if name(unfolded(line)) == key), None)
        head = unfolded(lines[at])[: colon(unfolded(lines[at]))].decode() if at is not None else key
        new = [fold(f"{head}:{_escaped(key, value)}").encode().replace(b"\r\n", newline)] if value else []
        if at is not None:
            lines[at : at + 1] = new
        else:
            lines[-1:-1] = new
    return b"".join(lines)


def refolding(data: bytes, fields: Fields, now: datetime, rng: random.Random) -> bytes:
    """Folds all lines in another way, or none."""
    return refoldings(careful(data, fields, now, rng))[rng.choice(("characters", "none"))]


def shuffling(data: bytes, fields: Fields, now: datetime, rng: random.Random) -> bytes:
    """Keeps each line and no order."""
    begin, version, *rest, end = raw_lines(careful(data, fields, now, rng))
    rest.insert(0, version)
    first = [line for line in rest if name(unfolded(line)) == "VERSION"]
    rest = [line for line in rest if name(unfolded(line)) != "VERSION"]
    rng.shuffle(rest)
    return b"".join([begin, *first, *rest, end])


CLIENTS: Sequence[Client] = (iphone, iphone, old_iphone, careful, refolding, shuffling)
ROUGHLY: Sequence[Client] = (iphone, careful, shuffling)
"""For servers that store in their own way: Radicale makes the old escapes backslashes of the owner's."""


def _changed(lines: list[Line], fields: Fields) -> list[Line]:
    for key, value in fields.items():
        at = next((i for i, line in enumerate(lines) if line.name == key), None)
        raw = _escaped(key, value)
        if at is None:
            lines = [*lines, Line(name=key, value=raw)] if value else lines
        else:
            lines = lines[:at] + ([replace(lines[at], value=raw)] if value else []) + lines[at + 1 :]
    return lines


def _escaped(key: str, value: str) -> str:
    return value if key == "ORG" else escape(value)
