"""What the owner typed into the block, below it, or in its place.

Typed is only what was not in the note when we wrote the block: a text of the owner's that was there before,
wherever it stands now and however it is wrapped, is none.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cardsync.annotate.block import Found, differing
from cardsync.annotate.normal import joined, lines_of, plain, words_of
from cardsync.policy import Position

_LONG = 300  # characters; longer lines compare to the letter
_MANY = 50  # lines that are read directly below the block


class Place(StrEnum):
    """Where a typed text stands."""

    LINE = "line"  # a whole line between ours
    SUFFIX = "suffix"  # behind a line of ours, on it
    WITHIN = "within"  # amid the text of a line of ours
    BELOW = "below"  # directly below the block
    BEHIND = "behind"  # the first line behind the block's empty line
    END = "end"  # the last line of the note
    INSTEAD = "instead"  # where the block, or its first line, was


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A text of the owner's: ``note[start:stop]``, without white space about it."""

    text: str
    start: int
    stop: int
    place: Place


def typed(note: str, found: Found | None, user_text: str, position: Position) -> tuple[Typed, ...]:
    """All that was typed in or at the block, or where it was."""
    part = differing(note, user_text, position)
    if part is None:
        return ()
    rest = _Rest(note, part.start, part.stop, found)
    whole = user_text if len(user_text) <= part.stop - part.start else ""  # else no copy of it is there
    own = [key for line in lines_of(whole) if (key := _key(whole[line.start : line.stop].strip()))]
    new = _New(rest, user_text[part.start : part.user_stop], position, own)
    return tuple(_typed(rest, new, found, position))


def _typed(rest: "_Rest", new: "_New", found: Found | None, position: Position) -> Iterator[Typed]:
    if found is None:
        at = rest.filled() if position is Position.TOP else rest.filled(last=True)
        if at is not None and not (position is Position.BOTTOM and rest.tail):
            yield from _if(new, rest.piece(at, Place.INSTEAD), sure=new.intact)
        return
    for piece in rest.inside(found):
        yield from _if(new, piece)
    if not found.whole and rest.first and rest.rows[rest.first - 1]:
        yield from _if(new, rest.piece(rest.first - 1, Place.INSTEAD), sure=new.intact)
    yield from _below(rest, new, position)


def _below(rest: "_Rest", new: "_New", position: Position) -> Iterator[Typed]:
    """Directly below, else behind the empty line, and at the end; only where the user's own text is seen to go on."""

    def sure(at: int) -> bool:
        following = rest.filled(at)
        if position is Position.BOTTOM and following is None:
            return True
        return new.intact or (following is not None and new.opens(rest.text(rest.rows[following][0])))

    def users(at: int) -> bool:
        """Whether the user's text begins there; the same line once more before it was typed."""
        following = rest.filled(at + 1)
        again = following is not None and new.opens(rest.text(rest.rows[following][0]))
        return new.opens(rest.text(rest.rows[at][0])) and not again

    at = rest.last + 1
    run: list[Typed] = []
    while at < len(rest.rows) and rest.rows[at] and len(run) < _MANY and new.claim(*rest.opening(at)):
        run.append(rest.piece(at, Place.BELOW))
        at += 1
    if run and sure(at):
        yield from run
    first = rest.filled(at)
    lone = not rest.tail and first == rest.filled(last=True)  # is at the end as well
    if first is not None and not run and first > at and not lone and sure(first + 1) and not users(first):
        yield from _if(new, rest.piece(first, Place.BEHIND))
    end = rest.filled(last=True)
    if end is not None and end >= at and not rest.tail:
        yield from _if(new, rest.piece(end, Place.END), sure=sure(end + 1))


def _if(new: "_New", piece: Typed, *, sure: bool = True) -> Iterator[Typed]:
    if sure and new.claim(piece.start, piece.text):
        yield piece


class _Rest:
    """The lines of ``note[start:stop]`` without what is ours: of each line the spans that are left, none if blank."""

    def __init__(self, note: str, start: int, stop: int, found: Found | None) -> None:
        self._note = note
        self.tail = bool(note[stop:].strip())
        lines = lines_of(note[start:stop])
        self._starts = [line.start + start for line in lines]
        self._stops = [line.stop + start for line in lines]
        self.rows = [self._stripped([span]) for span in zip(self._starts, self._stops, strict=True)]
        touched = [self._cut(span) for span in (found.spans if found else ())]
        self.first = min((low for low, _ in touched), default=len(self.rows))
        self.last = max((high for _, high in touched), default=-1)

    def text(self, span: tuple[int, int]) -> str:
        """The characters of a span."""
        return self._note[span[0] : span[1]]

    def opening(self, at: int) -> tuple[int, str]:
        """The first text that is left of a line, and where it stands."""
        return self.rows[at][0][0], self.text(self.rows[at][0])

    def piece(self, at: int, place: Place) -> Typed:
        """What is left of a line, as one text."""
        start, stop = self.rows[at][0][0], self.rows[at][-1][1]
        return Typed(text=self._note[start:stop], start=start, stop=stop, place=place)

    def filled(self, at: int = 0, *, last: bool = False) -> int | None:
        """The first line from ``at`` on that is not blank, or the last one."""
        order = range(len(self.rows) - 1, at - 1, -1) if last else range(at, len(self.rows))
        return next((i for i in order if self.rows[i]), None)

    def inside(self, found: Found) -> Iterator[Typed]:
        """What is left on our lines and between them, but for what stands before our first word."""
        spans = found.spans
        begin = spans[0][0]
        closing = {line[-1][1] for line in found.ours}
        starts, stops = sorted(start for start, _ in spans), sorted(stop for _, stop in spans)
        for at in range(self.first, self.last + 1):
            line, end = self._starts[at], self._stops[at]
            for start, stop in self.rows[at]:
                before = stops[bisect_right(stops, start) - 1] if bisect_right(stops, start) else -1
                after = starts[bisect_left(starts, stop)] if bisect_left(starts, stop) < len(starts) else end + 1
                if start < begin:
                    continue
                if before <= line and after > end:
                    place = Place.LINE
                elif before in closing and before > line and after > end:
                    place = Place.SUFFIX
                else:
                    place = Place.WITHIN
                yield Typed(text=self._note[start:stop], start=start, stop=stop, place=place)

    def _cut(self, span: tuple[int, int]) -> tuple[int, int]:
        """Take a span of ours out of the lines that it is on."""
        low, high = bisect_right(self._starts, span[0]) - 1, bisect_left(self._starts, span[1]) - 1
        for at in range(low, high + 1):
            parts = []
            for start, stop in self.rows[at]:
                parts += [(start, min(stop, span[0])), (max(start, span[1]), stop)]
            self.rows[at] = self._stripped(parts)
        return low, high

    def _stripped(self, parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        found = []
        for start, stop in parts:
            text = self._note[start:stop] if start < stop else ""
            if inner := text.strip():
                lead = len(text) - len(text.lstrip())
                found.append((start + lead, start + lead + len(inner)))
        return found


class _New:
    """Tells what was typed since from what was there: it is there more often, as a line and as words."""

    def __init__(self, rest: _Rest, users: str, position: Position, whole: Sequence[str]) -> None:
        spans = [span for row in rest.rows for span in row]
        lines = [rest.text(span) for span in spans]
        before = [users[line.start : line.stop].strip() for line in lines_of(users)]
        keys, old = list(map(_key, lines)), list(map(_key, before))
        self._more = Counter(keys)
        self._more.subtract(old)
        self._spelt = Counter(line.strip() for line in lines)
        self._spelt.subtract(before)
        words, self._users = words_of("\n".join(lines)), words_of(users)
        self._words, self._before = joined(words), joined(self._users)
        self._claimed: Counter[str] = Counter()
        self._opening = _key(next((line for line in before if line), ""))
        remaining = iter(words)
        self.intact = all(word in remaining for word in self._users)
        stayed = _stayed(keys, [key for key in old if key], position) | _copies(keys, whole)
        self._stayed = {spans[at][0] for at in stayed}

    def claim(self, start: int, text: str) -> bool:
        """Whether the text there is new; what is once more there than before can be claimed once."""
        key, words = _key(text), joined(words_of(text))
        if not words or start in self._stayed or self._more[key] <= 0 or self._spelt[text.strip()] <= 0:
            return False
        if self._words.count(words) <= self._before.count(words) + self._claimed[words]:
            return False
        self._more[key] -= 1
        self._spelt[text.strip()] -= 1
        self._claimed[words] += 1
        return True

    def opens(self, line: str) -> bool:
        """Whether this is the line that the user's text began with."""
        return bool(self._opening) and _key(line) == self._opening


def _stayed(lines: Sequence[str], before: Sequence[str], position: Position) -> set[int]:
    """Which of the lines that are there more often than ``before`` are the owner's from before.

    They stand among the lines that they stood among; of two that do so alike, the one farther from the block's place.
    """
    own, now = Counter(before), Counter(lines)
    doubled = {line for line in own if 0 < own[line] < now[line]}
    about = ((line, side, at) for at, line in enumerate(before) if line in doubled for side in (-1, 1))
    near = {(line, side, before[at + side]) for line, side, at in about if 0 <= at + side < len(before)}
    places: dict[str, list[int]] = {line: [] for line in doubled}
    for at in reversed(range(len(lines))) if position is Position.TOP else range(len(lines)):
        if lines[at] in doubled:
            places[lines[at]].append(at)

    def apart(at: int) -> int:
        sides = [side for side in (-1, 1) if 0 <= at + side < len(lines)]
        return -sum((lines[at], side, lines[at + side]) in near for side in sides)

    return {at for line, found in places.items() for at in sorted(found, key=apart)[: own[line]]}


def _copies(lines: Sequence[str], own: Sequence[str]) -> set[int]:
    """Where all lines of the owner's text stand in a row: another client joined the note with an older one.

    A single line may be typed again.
    """
    if len(own) < 2:
        return set()
    text, wanted = joined(lines), joined(own)
    found, first, at, seen = set[int](), 0, text.find(wanted), 0
    while at >= 0:
        first += text.count("\n", seen, at) // 2  # each line stands between two
        found.update(range(first, first + len(own)))
        seen, at = at, text.find(wanted, at + len(wanted))
    return found


def _key(line: str) -> str:
    return plain(line) if len(line) < _LONG else line
