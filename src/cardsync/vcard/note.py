"""The one edit: bytes are spliced into the first NOTE or cut out of one, nothing is re-serialised.

``insert`` puts a block before (or behind) the user's text, ``cut`` takes decoded characters out again;
every other byte of the card, and of the user's note and its folding, stays as it is.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from cardsync.policy import Position
from cardsync.vcard.document import Document, refusal, refused, scan
from cardsync.vcard.lines import ESCAPE, FOLD, ContentLine, unescape, unfold

SEPARATOR = "\n\n"
_LIMIT = 75  # octets of a physical line without its line end (RFC 6350, section 3.2)
_ROOM = 5  # octets that the separator's line has before the user's first ones: a space and \n\n
_TOKEN = re.compile(rb"\\.|[\x00-\x7f]|[\xc0-\xff][\x80-\xbf]*+", re.DOTALL)
_NEVER_FIRST = frozenset({b" ", b"\t", b":"})  # macOS stops a whole sync over such a continuation
_NOT_OURS = re.compile(r"[;\x00-\x09\x0b-\x1f\x7f]|\n\n|\A\s|\n\Z|\A\Z")


def note_text(document: Document) -> str:
    """The first NOTE, decoded leniently; '' without one."""
    line = document.first("NOTE")
    return line.text() if line else ""


def note_texts(document: Document) -> tuple[str, ...]:
    """Every NOTE in order: another client may have written its own before ours."""
    return tuple(line.text() for line in document.all("NOTE"))


def insert(data: bytes, block: str, position: Position, *, max_size: int | None = None) -> bytes:
    """The card with ``block`` before (or behind) the user's text and an empty line between them.

    ``block`` is 1-3 lines without a newline at the end, without ``;`` and control characters (else
    ValueError).  A card without NOTE gets one that is exactly ``block``; an empty NOTE becomes ``block`` and the
    separator, so that ``cut`` can tell the two apart.  A card that holds the block there comes back
    unchanged.  Raises CardRefused, also where the result would be larger than ``max_size`` bytes.
    """
    if _NOT_OURS.search(block):
        raise ValueError("not a block: one to three lines of text without ';' and control characters")
    document = _accepted(data, max_size)
    line = document.first("NOTE")
    if line is None:
        new = b"NOTE:" + _folded(block, len(b"NOTE:"), document.newline) + document.newline
        return _spliced(data, document.end, new, max_size)
    text = line.text()
    if _holds(text, block, position):
        return data
    if text and position is Position.BOTTOM:
        new = document.newline + b" " + _folded(SEPARATOR + block, 1, document.newline)
        return _spliced(data, line.value_stop, new, max_size)
    return _spliced(data, line.head_stop, _on_top(line, block, document.newline), max_size)


def cut(data: bytes, spans: Sequence[tuple[int, int]], *, nth: int = 0) -> bytes:
    """The card without the characters ``[start, stop)`` of the decoded ``nth`` NOTE (sorted, disjoint spans).

    If nothing of the note is left, and it did not end in the separator (which stands before the user's text,
    even an empty one), the line was ours and goes too.  Raises CardRefused.
    """
    document = _accepted(data)
    lines = document.all("NOTE")
    if nth >= len(lines):
        return data
    line, note = lines[nth], _Offsets(lines[nth])
    gone = merged([(max(start, 0), min(stop, len(note.text))) for start, stop in spans])
    if gone == ((0, len(note.text)),) and not note.text.endswith(SEPARATOR):
        return data[: line.start] + data[line.stop :]
    kept: list[bytes] = []
    until = len(data)
    for start, stop in reversed(gone):
        first, last = note.first_byte(start), note.last_byte(stop)
        glue, behind = _joint(data, first, last, document.newline)
        kept[:0] = [glue, data[behind:until]]
        until = first
    return data[:until] + b"".join(kept)


def _accepted(data: bytes, max_size: int | None = None) -> Document:
    document = scan(data)
    why = refusal(document, max_size=max_size)
    if why is not None:
        raise why
    return document


def _spliced(data: bytes, at: int, new: bytes, max_size: int | None) -> bytes:
    if max_size is not None and len(data) + len(new) > max_size:
        raise refused("too-large")
    return data[:at] + new + data[at:]


def _holds(text: str, block: str, position: Position) -> bool:
    if text in {block, block + SEPARATOR}:
        return True
    return text.startswith(block + SEPARATOR) if position is Position.TOP else text.endswith(SEPARATOR + block)


def _on_top(line: ContentLine, block: str, newline: bytes) -> bytes:
    """What goes between ``:`` and the user's value.

    The separator opens a continuation of ours, so that the user's bytes neither begin one nor make it longer
    than the head's line was; a value that begins on a continuation has its own break already.
    """
    column = line.head_stop - (line.data.rfind(b"\n", line.start, line.head_stop) + 1 or line.start)
    value = line.data[line.head_stop : line.value_stop]
    if not value or FOLD.match(value):
        return _folded(block + SEPARATOR, column, newline)
    if column < _ROOM:
        raise refused("note-head-folded")
    return _folded(block, column, newline) + newline + b" " + _escaped(SEPARATOR)


def _escaped(text: str) -> bytes:
    return text.replace("\\", "\\\\").replace(",", "\\,").replace("\n", "\\n").encode()


def _folded(text: str, column: int, newline: bytes) -> bytes:
    """``text`` escaped and folded, beginning at ``column`` (octets) of a physical line."""
    lines: list[list[bytes]] = [[]]
    width = column
    for token in _TOKEN.findall(_escaped(text)):
        if width + len(token) > _LIMIT:
            rest = _rest(lines[-1], token, least=int(len(lines) > 1))
            lines.append(rest)
            width = 1 + sum(map(len, rest))
        lines[-1].append(token)
        width += len(token)
    return (newline + b" ").join(b"".join(line) for line in lines)


def _rest(line: list[bytes], token: bytes, least: int) -> list[bytes]:
    """Cut off what must move to the next line with ``token``, for it not to begin with ``:`` or white space."""
    if token not in _NEVER_FIRST:
        return []
    at = next((i for i in range(len(line) - 1, least - 1, -1) if line[i] not in _NEVER_FIRST), len(line))
    rest = line[at:]
    del line[at:]
    return rest


def merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same characters in spans that are sorted, disjoint and not empty."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        elif start < stop:
            found.append((start, stop))
    return tuple(found)


def _joint(data: bytes, first: int, last: int, newline: bytes) -> tuple[bytes, int]:
    """What joins ``data[:first]`` and the rest of the card: bytes to put between, and where the rest begins.

    Usually nothing.  Two lines that were not too long get a fold between them if they were so as one, except
    behind a separator as ``insert`` places it: there the user's own line comes back as it was.
    """
    begin, until = data.rfind(b"\n", 0, first) + 1, _physical_stop(data, last)
    joined = first - begin + until - last
    longest = max(_physical_stop(data, first) - begin, until - data.rfind(b"\n", 0, last) - 1)
    ours = data.endswith(newline + b" " + _escaped(SEPARATOR), first, last)
    if joined <= _LIMIT or longest > _LIMIT or last == until or ours:
        return b"", last
    at = last
    while data[at : at + 1] in _NEVER_FIRST:
        at += 1
    if at == until or first - begin + at - last > _LIMIT:
        at = last
    return data[last:at] + newline + b" ", at


def _physical_stop(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return end - data.endswith(b"\r", start, end) if end >= 0 else len(data)


class _Offsets:
    """Where the characters of a decoded note stand in the card's bytes.

    Decoded characters map to characters with their escapes, these to unfolded bytes, these to the card's.
    """

    def __init__(self, line: ContentLine) -> None:
        value = line.data[line.head_stop : line.value_stop]
        self._base = line.head_stop
        self._fold_at = array("q")  # a note may hold a million folds
        self._widths = array("q", [0])
        for match in FOLD.finditer(value):
            self._fold_at.append(match.start() - self._widths[-1])
            self._widths.append(self._widths[-1] + match.end() - match.start())
        self._characters = unfold(value).decode()
        self._escape_at = array("q", (match.start() - i for i, match in enumerate(ESCAPE.finditer(self._characters))))
        self.text = unescape(self._characters)

    def first_byte(self, position: int) -> int:
        """Where a cut begins at ``position``: behind the character before it; a fold there goes with the cut."""
        at = self._unfolded(position)
        folds = bisect_right(self._fold_at, at)
        if folds and self._fold_at[folds - 1] == at:
            folds -= 1
        return self._base + at + self._widths[folds]

    def last_byte(self, position: int) -> int:
        """Where a cut ends at ``position``: behind the last character that goes; a fold behind it stays."""
        at = self._unfolded(position)
        return self._base + at + self._widths[bisect_left(self._fold_at, at)]

    def _unfolded(self, position: int) -> int:
        escapes = bisect_left(self._escape_at, position)
        return len(self._characters[: position + escapes].encode())
