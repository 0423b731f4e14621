"""Where our block stands in a note.

A note is the decoded text of NOTE; all positions are character offsets into it.  Nothing here ever says that
a character of the user's is ours: what does not match our own lines stays.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise

from cardsync.annotate.align import SHARE, Aligned, align, exactly
from cardsync.annotate.normal import joined, lines_of, tokens_of
from cardsync.policy import Position

_MOST = 50_000  # characters that differ; beyond that only our lines to the letter are found
_BEYOND = 100  # words that the owner may type into one line of ours
_APART = 400  # words between our two lines
_TORN = 30  # words that the owner may type into the label itself
_OPENING = 4  # words that make a line of the user's one like ours
_TRIES = 4  # lines with our label that are looked at closely


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The block in a note: ``ours`` are the pieces of it, in order, grouped by the block's lines.

    ``whole`` tells that our first line still stands.
    """

    ours: tuple[tuple[tuple[int, int], ...], ...]
    whole: bool

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The pieces of all lines."""
        return tuple(piece for line in self.ours for piece in line)


def find(note: str, block: str, user_text: str, position: Position) -> Found | None:
    """The block that we wrote beside ``user_text``, wherever another client moved it; None: it is gone.

    Of a line of ours that the user's own text has too, as many are the user's as that text had.
    """
    question, *rest = block.split("\n")
    if note.count(block) > user_text.count(block):
        start = note.find(block) if position is Position.TOP else note.rfind(block)
        stops = accumulate((len(line) + 1 for line in (question, *rest)), initial=start)
        return Found(ours=tuple(((at, until - 1),) for at, until in pairwise(stops)), whole=True)
    part = differing(note, user_text, position)
    if part is None:
        there = [line if note.count(line) > user_text.count(line) else "" for line in (question, *rest)]
        return _to_the_letter(note, there[0], there[1:])
    area = _Area(note[part.start : part.stop], user_text[part.start : part.user_stop], position, part.start)
    texts = [[token.text for token in tokens_of(line)] for line in (question, *rest)]
    if together := area.all(texts):
        return Found(ours=tuple(line.pieces for line in together), whole=True)
    asked = area.labelled(texts[0], texts[1:])
    lines = [asked] if asked else []
    for text in texts[1:]:
        line = area.below(text, lines[-1].pieces[-1][1] if lines else None)
        lines += [line] if line else []
    return Found(ours=tuple(line.pieces for line in lines), whole=asked is not None) if lines else None


# ---------------------------------------------------------------- what differs at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """``note[start:stop]`` and ``user_text[start:user_stop]``: whole lines, all else is the same in both."""

    start: int
    stop: int
    user_stop: int


def differing(note: str, user_text: str, position: Position) -> Differing | None:
    """Leave out the lines that are as they were, from the end that the block is not at.

    None: what is left is too much to be looked into closely.
    """
    if position is Position.TOP:
        same = _same(note, user_text, from_end=True)
        stop, user_stop = len(note) - same, len(user_text) - same
        if not all(at == 0 or text[at - 1] == "\n" for at, text in ((stop, note), (user_stop, user_text))):
            newline = note.find("\n", stop)
            same = len(note) - newline - 1 if newline >= 0 else 0
        part = Differing(start=0, stop=len(note) - same, user_stop=len(user_text) - same)
    else:
        start = note.rfind("\n", 0, _same(note, user_text, from_end=False)) + 1
        part = Differing(start=start, stop=len(note), user_stop=len(user_text))
    return part if max(part.stop, part.user_stop) - part.start <= _MOST else None


def _same(one: str, other: str, *, from_end: bool) -> int:
    """How many characters at one end are the same, found by halving."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        size = (low + high + 1) // 2
        if from_end:
            equal = one.endswith(other[len(other) - size : len(other) - low], 0, len(one) - low)
        else:
            equal = one.startswith(other[low:size], low)
        low, high = (size, high) if equal else (low, size - 1)
    return low


# ---------------------------------------------------------------- looking for lines


def _to_the_letter(note: str, question: str, rest: Sequence[str]) -> Found | None:
    ours = [(at, at + len(line)) for line in (question, *rest) if line and (at := note.find(line)) >= 0]
    whole = bool(question) and question in note
    return Found(ours=tuple((span,) for span in sorted(ours)), whole=whole) if ours else None


class _Area:
    """The part of a note in which the block may be, as words."""

    def __init__(self, note: str, user_text: str, position: Position, offset: int) -> None:
        self._note = note
        self._offset = offset
        self._first_wins = position is Position.TOP
        self._tokens = tokens_of(note)
        self._text = joined(token.text for token in self._tokens)
        self._users_lines = [tokens_of(user_text[line.start : line.stop]) for line in lines_of(user_text)]
        self._users = joined(token.text for line in self._users_lines for token in line)
        self._starts = list(accumulate((len(token.text) + 2 for token in self._tokens), initial=0))

    def all(self, lines: Sequence[Sequence[str]]) -> list[Aligned]:
        """The whole block with nothing typed into it; nothing, where one of the lines is only the user's."""
        at = self._exact([text for line in lines for text in line])
        if at is None or any(self._surplus(line) <= 0 for line in lines):
            return []
        starts = list(accumulate(map(len, lines), initial=at))
        return [self._moved(exactly(self._tokens[start:stop])) for start, stop in pairwise(starts)]

    def labelled(self, ours: Sequence[str], others: Sequence[Sequence[str]]) -> Aligned | None:
        """The line with the label: to the word, or edited, known by its label or by all that follows it."""
        if (at := self._exact(ours)) is not None:
            return self._moved(exactly(self._tokens[at : at + len(ours)]))
        if self._may_be_users(ours):
            return None
        label = ours[: ours.index(":") + 1] if ":" in ours else ours[:1]
        rest = ours[len(label) :]
        found = [self._edited(ours, at, others) for at in self._places(label)]
        if not any(found):
            glued = [self._edited(ours, at, others) for at in self._glued_places(label)]
            found = [line for line in glued if line and line.ours]
        if not any(found) and len(rest) > len(label) and (at := self._exact(rest)) is not None:
            first = max(0, at - _TORN)
            starts = [i for i in range(at, first, -1) if self._breaks(i)] + [first]
            torn = [start for start in starts if not self._has(label, start, at)]  # a whole one is the user's
            found = [self._edited(ours, start, others) for start in torn]
        best = max((line for line in found if line), key=lambda line: line.share, default=None)
        return self._moved(best) if best else None

    def below(self, ours: Sequence[str], after: int | None) -> Aligned | None:
        """A further line: to the word anywhere near ``after`` (None: anywhere), or edited right below it."""
        first = bisect_left(self._tokens, after - self._offset, key=lambda token: token.start) if after else 0
        last = first + _APART if after else len(self._tokens)
        exact = self._exact(ours, first, last)
        whole = self._moved(exactly(self._tokens[exact : exact + len(ours)])) if exact is not None else None
        if exact is not None and (after is None or not self._holds_users(first, exact)):
            return whole
        if after is None or self._may_be_users(ours) or self._opens_like_users(ours):
            return whole
        before: Aligned | None = None  # to the word, and the user's unless one that is edited stands behind it
        theirs = self._users_places(ours)
        starts = self._line_starts(first)
        for at in starts[:_TRIES]:
            if whole and self._was_a_line(at, starts):
                continue
            if at in theirs:
                before = before or self._moved(exactly(self._tokens[at : at + len(ours)]))
            line = self._edited(ours, at, ())
            if line and line.ours:
                return before or self._moved(line)
        return whole

    def _exact(self, ours: Sequence[str], first: int = 0, last: int | None = None) -> int | None:
        """The index of ``ours`` among the tokens, if it is there more often than the user's text has it."""
        wanted = joined(ours)
        low, high = self._starts[first], self._starts[min(last or len(self._tokens), len(self._tokens))]
        forward = self._first_wins or last is not None
        at = self._text.find(wanted, low, high) if forward else self._text.rfind(wanted, low, high)
        if at < 0 or self._surplus(ours) <= 0:
            return None
        return bisect_left(self._starts, at)

    def _has(self, words: Sequence[str], first: int, last: int) -> bool:
        return self._text.find(joined(words), self._starts[first], self._starts[last]) >= 0

    def _surplus(self, words: Sequence[str]) -> int:
        """How much more often the words stand in the note than in the user's text."""
        wanted = joined(words)
        return self._text.count(wanted) - self._users.count(wanted)

    def _may_be_users(self, ours: Sequence[str]) -> bool:
        """Whether what is like ours may be a line of the user's, edited: one that was like ours is gone."""
        if self._surplus(ours) < 0:
            return True
        enough = len(ours) * SHARE
        for line in self._users_lines:
            if sum(token.text in ours for token in line) >= enough and self._surplus([t.text for t in line]) < 0:
                known = align(ours, line, ())
                if known and known.ours:
                    return True
        return False

    def _opens_like_users(self, ours: Sequence[str]) -> bool:
        """Whether what begins like ours may all be the user's: a line of that beginning was there before."""
        opening = ours[:_OPENING]
        return self._users.count(joined(opening)) > 0 and self._surplus(opening) <= 0

    def _users_places(self, ours: Sequence[str]) -> list[int]:
        """Where a line of the user's text that is like ours stands: those farthest from the block's place."""
        wanted = joined(ours)
        places: list[int] = []
        at = self._text.rfind(wanted) if self._first_wins else self._text.find(wanted)
        while at >= 0 and len(places) < min(self._users.count(wanted), _TRIES):
            places.append(bisect_left(self._starts, at))
            at = self._text.rfind(wanted, 0, at) if self._first_wins else self._text.find(wanted, at + 1)
        return places

    def _places(self, label: Sequence[str]) -> list[int]:
        """Where the label stands, nearest to the block's place first."""
        wanted = joined(label)
        if self._surplus(label) <= 0:
            return []
        places: list[int] = []
        at = self._text.find(wanted) if self._first_wins else self._text.rfind(wanted)
        while at >= 0 and len(places) < _TRIES:
            places.append(bisect_left(self._starts, at))
            at = self._text.find(wanted, at + 1) if self._first_wins else self._text.rfind(wanted, 0, at)
        return places

    def _glued_places(self, label: Sequence[str]) -> list[int]:
        """Where the label stands behind something that was typed right before it."""
        word, *rest = label
        ends = (i for i, token in enumerate(self._tokens) if token.text != word and token.text.endswith(word))
        following = (i for i in ends if [token.text for token in self._tokens[i + 1 : i + len(label)]] == rest)
        return list(islice(following, _TRIES))

    def _edited(self, ours: Sequence[str], at: int, others: Sequence[Sequence[str]]) -> Aligned | None:
        """What of the tokens from ``at`` on is ours; never what belongs to ``others``, our next lines."""
        limit = min(len(self._tokens), at + len(ours) + _BEYOND)
        for start in self._users_places(ours):
            if start <= at < start + len(ours):
                return None
            limit = min(limit, start) if start > at else limit
        for other in others:
            hit = self._text.find(joined(other), self._starts[at], self._starts[limit])
            limit = bisect_left(self._starts, hit) if hit >= 0 else limit
        starts = [at, *(i for i in range(at + 1, limit) if self._breaks(i)), limit]
        stop = starts[1]
        if self._is_users(at, stop):
            return None
        limit = next((first for first, last in pairwise(starts[1:]) if self._is_users(first, last)), limit)
        return align(ours, self._tokens[at:stop], self._tokens[stop:limit])

    def _is_users(self, first: int, last: int) -> bool:
        """Whether the line stands as it was in the user's text."""
        return self._surplus([token.text for token in self._tokens[first:last]]) <= 0

    def _was_a_line(self, at: int, starts: Sequence[int]) -> bool:
        """Whether the line that begins there is, to the word, one of the user's text."""
        stop = next((start for start in starts if start > at), len(self._tokens))
        line = [token.text for token in self._tokens[at:stop]]
        return any(line == [token.text for token in theirs] for theirs in self._users_lines)

    def _holds_users(self, first: int, last: int) -> bool:
        """Whether a line between two tokens stands as it was in the user's text."""
        starts = [*(i for i in range(first, last) if i == first or self._breaks(i)), last]
        return any(self._is_users(start, stop) for start, stop in pairwise(starts))

    def _breaks(self, index: int) -> bool:
        """Whether a line break stands before the token."""
        between = self._note[self._tokens[index - 1].stop : self._tokens[index].start]
        return "\n" in between or "\r" in between

    def _line_starts(self, first: int) -> list[int]:
        """Where the next few lines begin; the rest of the line that ``first`` is on counts as one."""
        last = min(len(self._tokens), first + _BEYOND)
        return [i for i in range(first, last) if i == first or self._breaks(i)]

    def _moved(self, line: Aligned) -> Aligned:
        pieces = tuple((start + self._offset, stop + self._offset) for start, stop in line.pieces)
        return Aligned(pieces=pieces, share=line.share, cut=line.cut)
