"""Which characters to cut out of a note so that the block goes and the user's own text is left, to the letter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cardsync.vcard.note import merged

Span = tuple[int, int]
_BREAK = re.compile(r"\r\n|\n|\r")
_RUN = re.compile(r"[\r\n]*+")


def spans_without(note: str, ours: Sequence[Span], answers: Sequence[Span], user_text: str) -> tuple[Span, ...]:
    """Cut the pieces that are ``ours`` and the ``answers``, the lines that this leaves blank, and our separator.

    Where the user changed nothing, exactly ``user_text`` is left.  The separator stays with a text that was
    typed into the block and stays.
    """
    gone = merged([*ours, *answers])
    if not gone:
        return ()
    cut = merged([span for line in _by_line(note, gone) for span in _of_line(note, line)])
    rest = _Breaks(note, cut)
    same = _core(rest.left()) == _core(user_text)
    block = merged(ours or answers)
    begin = next(start for start, stop in cut if stop > block[0][0])
    end = next(stop for start, stop in reversed(cut) if start < block[-1][1])
    below = rest.text_in(end, None)
    if not rest.text_in(begin, end):
        breaks = _separator(rest, (begin, end), user_text, same=same)
    else:
        breaks = [] if below else _but(rest.before(end) + rest.after(end), 0)
    if below and not rest.text_in(gone[-1][1], None):
        trailing = rest.before(len(note))
        breaks += _but(trailing, _at_end(user_text)) if same else _nearest(trailing, 1)
    return merged([*cut, *breaks])


def _separator(rest: "_Breaks", block: Span, user_text: str, *, same: bool) -> list[Span]:
    """The line breaks about the block that are not the user's."""
    before, after = rest.before(block[0]), rest.after(block[1])
    above, below = rest.text_in(0, block[0]), rest.text_in(block[1], None)
    if above and below:
        return [] if rest.left() == user_text else _nearest(after, 1)
    if above:
        return _but(after, 0) + (_but(before, _at_end(user_text)) if same else _nearest(before, 2))
    if below:
        return _but(before, 0) + (_but(after, _at_start(user_text)) if same else _nearest(after, 1))
    return _but(after + before, _at_start(user_text) if same else 0)


def without(text: str, spans: Sequence[Span]) -> str:
    """A text less its spans (sorted, disjoint)."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return "".join(text[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class _Row:
    """Line breaks in a row, ``text[start:stop]``, seen from one end of them.  There may be a million."""

    text: str
    start: int
    stop: int
    from_end: bool

    def count(self) -> int:
        """How many there are."""
        signs = self.text.count("\r", self.start, self.stop) + self.text.count("\n", self.start, self.stop)
        return signs - self.text.count("\r\n", self.start, self.stop)

    def nearest(self, many: int) -> Span:
        """So many of them."""
        if self.count() <= many:
            return self.start, self.stop
        if self.text.find("\r", self.start, self.stop) < 0:
            return (self.stop - many, self.stop) if self.from_end else (self.start, self.start + many)
        spans = [match.span() for match in _BREAK.finditer(self.text, self.start, self.stop)]
        return (spans[-many][0], self.stop) if self.from_end else (self.start, spans[many - 1][1])


def _nearest(rows: Sequence[_Row], many: int) -> list[Span]:
    """So many of the line breaks, those next to the block first."""
    found: list[Span] = []
    for row in rows:
        if many <= 0:
            break
        found.append(row.nearest(many))
        many -= row.count()
    return found


def _but(rows: Sequence[_Row], kept: int) -> list[Span]:
    """All but so many of them, those next to the block first."""
    return _nearest(rows, sum(row.count() for row in rows) - max(0, kept))


class _Breaks:
    """Line breaks and texts of a note, as if ``cut`` were gone already."""

    def __init__(self, note: str, cut: Sequence[Span]) -> None:
        self._note = note
        self._cut = cut
        self._stops = dict(cut)
        self._starts = {stop: start for start, stop in cut}

    def left(self) -> str:
        """The note without what is cut."""
        return without(self._note, self._cut)

    def text_in(self, start: int, stop: int | None) -> bool:
        """Whether anything but white space is left there."""
        stop = len(self._note) if stop is None else stop
        within = [(max(low, start), min(high, stop)) for low, high in self._cut if low < stop and high > start]
        return bool(without(self._note[:stop], [(0, start), *within]).strip("\r\n"))

    def before(self, at: int) -> list[_Row]:
        """The line breaks that end at ``at``, the nearest first."""
        found: list[_Row] = []
        while at:
            if at in self._starts:
                at = self._starts[at]
                continue
            floor = max((stop for _, stop in self._cut if stop < at), default=0)
            start = floor + len(self._note[floor:at].rstrip("\r\n"))
            if start == at:
                break
            found.append(_Row(self._note, start, at, from_end=True))
            at = start
        return found

    def after(self, at: int) -> list[_Row]:
        """The line breaks that begin at ``at``, the nearest first."""
        found: list[_Row] = []
        while at < len(self._note):
            if at in self._stops:
                at = self._stops[at]
                continue
            ceiling = min((start for start, _ in self._cut if start > at), default=len(self._note))
            run = _RUN.match(self._note, at, ceiling)
            stop = run.end() if run else at
            if stop == at:
                break
            found.append(_Row(self._note, at, stop, from_end=False))
            at = stop
        return found


def _by_line(note: str, gone: Sequence[Span]) -> list[tuple[Span, list[Span]]]:
    """Each line (without its break) that something goes from, with what goes; line breaks that go are apart."""
    lines: dict[Span, list[Span]] = {}
    for start, stop in gone:
        at = start
        while at < stop:
            line = _line_about(note, at)
            lines.setdefault(line, []).append((at, min(stop, line[1])))
            match = _BREAK.match(note, line[1])
            at = match.end() if match else stop
    return list(lines.items())


def _line_about(note: str, at: int) -> Span:
    start = max(note.rfind("\n", 0, at), note.rfind("\r", 0, at)) + 1
    match = _BREAK.search(note, at)
    return start, match.start() if match else len(note)


def _of_line(note: str, line: tuple[Span, list[Span]]) -> list[Span]:
    """The whole line with its break where nothing else is on it, else what goes with the blanks about it."""
    (start, stop), gone = line
    if not without(note[:stop], [(0, start), *gone]).strip():
        match = _BREAK.match(note, stop)
        return [(start, match.end() if match else stop)]
    spans: list[Span] = []
    opens = start
    for low, high in gone:
        first = low - _blanks(note[start:low][::-1])
        last = high + (_blanks(note[high:stop]) if first <= opens else 0)
        opens = last if first <= opens else start - 1
        spans.append((first, last))
    return spans


def _blanks(text: str) -> int:
    return len(text) - len(text.lstrip())


def _core(text: str) -> str:
    return text.replace("\r\n", "\n").strip("\r\n")


def _at_start(text: str) -> int:
    """How many line breaks a text begins with."""
    return sum(row.count() for row in _Breaks(text, ()).after(0))


def _at_end(text: str) -> int:
    return sum(row.count() for row in _Breaks(text, ()).before(len(text)))
