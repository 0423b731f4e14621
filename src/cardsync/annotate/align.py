"""Which words of a text are ours, when the owner typed into a line of ours or cut some of it.

What cannot be told from the owner's own words is the owner's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from cardsync.annotate.normal import Token

_RUN = 3  # words in a row that are ours also where others of ours are missing
_CELLS = 60_000  # of the table; what is larger is not looked into
SHARE = 0.6
"""Of a line so much must be there for it to count as ours, unless it has our label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """``pieces``: offsets into the note, in order; ``share``: how much of our line is there, 0 to 1.

    ``cut``: the owner took words away and typed none.
    """

    pieces: tuple[tuple[int, int], ...]
    share: float
    cut: bool = False

    @property
    def ours(self) -> bool:
        """Whether that is a line of ours, edited."""
        return self.share >= SHARE or self.cut


def exactly(tokens: Sequence[Token]) -> Aligned:
    """The whole line, to the word."""
    return Aligned(pieces=((tokens[0].start, tokens[-1].stop),), share=1.0)


def align(ours: Sequence[str], line: Sequence[Token], beyond: Sequence[Token]) -> Aligned | None:
    """Find ``ours`` in the tokens of a ``line`` and of what stands ``beyond`` it; None: nothing of it is there.

    In this order: all of ours is there, with something typed in between; ours alone is there, with something cut;
    else only what opens the line and runs of several words are ours.
    """
    if glued := _glued(ours, line):
        return glued
    for window in (line, [*line, *beyond]):
        pairs = common(ours, [token.text for token in window])
        split = _split(ours, window, pairs)
        if len(pairs) + len(split) == len(ours):
            whole = [(window[at].start, window[at].stop) for _, at in pairs]
            return Aligned(pieces=_joined([*whole, *(piece for word in split for piece in word)], window), share=1.0)
    pairs = common(ours, [token.text for token in line])
    if len(pairs) == len(line) >= 2 and pairs[:2] == [(0, 0), (1, 1)]:
        return Aligned(pieces=((line[0].start, line[-1].stop),), share=len(pairs) / len(ours), cut=True)
    kept = [pair for run in _runs(pairs) if len(run) >= _RUN or run[0] == (0, 0) for pair in run]
    if not kept:
        return None
    pieces = _joined([(line[at].start, line[at].stop) for _, at in kept], line)
    return Aligned(pieces=pieces, share=len(kept) / len(ours))


def _glued(ours: Sequence[str], line: Sequence[Token]) -> Aligned | None:
    """All of ours at the beginning of the line, with something typed right behind the last word."""
    *words, last = ours
    at = len(words)
    if len(line) <= at or [token.text for token in line[:at]] != words or not line[at].text.startswith(last):
        return None
    stop = line[at].start + len(last)
    return Aligned(pieces=((line[0].start, stop),), share=1.0) if line[at].exact else None


def common(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int]]:
    """The longest common subsequence as pairs of indices; of several the one that begins first."""
    head = _same(ours, theirs)
    pairs = [(i, i) for i in range(head)]
    ours, theirs = ours[head:], theirs[head:]
    tail = _same(ours[::-1], theirs[::-1])
    closing = [(head + len(ours) - n, head + len(theirs) - n) for n in range(tail, 0, -1)]
    ours, theirs = ours[: len(ours) - tail], theirs[: len(theirs) - tail]
    return [*pairs, *((head + i, head + at) for i, at in _longest(ours, theirs)), *closing]


def _longest(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int]]:
    if not ours or not theirs or len(ours) * len(theirs) > _CELLS:
        return []
    lengths = [[0] * (len(theirs) + 1)]
    for mine in reversed(ours):
        below, row = lengths[-1], [0] * (len(theirs) + 1)
        for at in range(len(theirs) - 1, -1, -1):
            row[at] = below[at + 1] + 1 if mine == theirs[at] else max(below[at], row[at + 1])
        lengths.append(row)
    lengths.reverse()
    pairs = []
    i = at = 0
    while i < len(ours) and at < len(theirs):
        if ours[i] == theirs[at]:
            pairs.append((i, at))
            i, at = i + 1, at + 1
        elif lengths[i + 1][at] >= lengths[i][at + 1]:
            i += 1
        else:
            at += 1
    return pairs


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    """How long both are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _runs(pairs: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    runs: list[list[tuple[int, int]]] = []
    for i, at in pairs:
        if runs and runs[-1][-1] == (i - 1, at - 1):
            runs[-1].append((i, at))
        else:
            runs.append([(i, at)])
    return runs


def _split(
    ours: Sequence[str], theirs: Sequence[Token], pairs: Sequence[tuple[int, int]]
) -> list[list[tuple[int, int]]]:
    """Words of ours that were typed into, each as its pieces: ``Sa`` and ``les`` of ``Sa now CRO les``.

    No piece of a word whose ending may be that of a word of the owner's.
    """
    found = []
    edges = [(-1, -1), *pairs, (len(ours), len(theirs))]
    for (i, at), (j, until) in pairwise(edges):
        if j - i == 2 and until - at > 1:
            gap = theirs[at + 1 : until]
            openings = gap[::-1] if i < 0 else gap[:1]
            closings = gap if j == len(ours) else gap[-1:]
            halves = (_halves(ours[i + 1], opening, closing) for opening in openings for closing in closings)
            torn = [pieces for pieces in halves if pieces]
            doubtful = 1 if j == len(ours) else 2 if len(gap) > 1 else 3  # so many pieces or more
            sure = (one for one in torn if len(one) < doubtful or not _ends_a_word(one, gap))
            if torn:
                found.append(next(sure, []))
    return found


def _halves(word: str, opening: Token, closing: Token) -> list[tuple[int, int]]:
    """``word`` as the beginning of one token and the end of another, or of the same longer one."""
    if closing.start < opening.start or not (opening.exact and closing.exact):
        return []
    head = 0 if closing.text.endswith(word) else _same(word, opening.text)
    if word.endswith(closing.text):  # all of it is ours, rather than the end of it
        head = min(head, len(word) - len(closing.text))
    rest = len(word) - head
    if not closing.text.endswith(word[head:]) or (opening is closing and len(opening.text) < len(word)):
        return []
    pieces = [(opening.start, opening.start + head), (closing.stop - rest, closing.stop)]
    return [(start, stop) for start, stop in pieces if start < stop]


def _ends_a_word(pieces: Sequence[tuple[int, int]], gap: Sequence[Token]) -> bool:
    """Whether the last piece may be the end of a word like ``whenever``: a letter stands before it."""
    start = pieces[-1][0] if pieces else -1
    before = next((token.text[start - token.start - 1] for token in gap if token.start < start < token.stop), "")
    return before.isalpha()


def _joined(pieces: Sequence[tuple[int, int]], tokens: Sequence[Token]) -> tuple[tuple[int, int], ...]:
    """Pieces in order; neighbours become one, with the space between them."""
    joined: list[tuple[int, int]] = []
    before = {token.start: previous.stop for previous, token in pairwise(tokens)}
    for start, stop in sorted(pieces):
        if joined and joined[-1][1] in {start, before.get(start)}:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return tuple(joined)
