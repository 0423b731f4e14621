"""Which words of a text are ours, when the owner typed into a line of ours or cut some of it.

What cannot be told from the owner's own words is the owner's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from cardsync.annotate.normal import Token

_RUN = 3  # words in a row that are ours also where others of ours are missing
_CELLS = 60_000  # of the table; what is larger is not looked into
_SHARE = 0.6  # of a line must be there for the line to count as ours, unless it has our label


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
        return self.share >= _SHARE or self.cut


def exactly(tokens: Sequence[Token]) -> Aligned:
    """The whole line, to the word."""
    return Aligned(pieces=((tokens[0].start, tokens[-1].stop),), share=1.0)


def align(ours: Sequence[str], line: Sequence[Token], beyond: Sequence[Token]) -> Aligned | None:
    """Find ``ours`` in the tokens of a ``line`` and of what stands ``beyond`` it; None: nothing of it is there.

    In this order: all of ours is there, with something typed in between; ours alone is there, with something cut;
    else only what opens the line and runs of several words are ours.
    """
    window = [*line, *beyond]
    pairs = _common(ours, [token.text for token in window])
    pieces = {at: (window[at].start, window[at].stop) for _, at in pairs}
    split = _split(ours, window, pairs)
    if len(pairs) + len(split) == len(ours):
        return Aligned(pieces=_joined(pieces, [piece for pair in split for piece in pair], window), share=1.0)
    pairs = _common(ours, [token.text for token in line])
    if len(pairs) == len(line) >= 2 and pairs[:2] == [(0, 0), (1, 1)]:
        return Aligned(pieces=((line[0].start, line[-1].stop),), share=len(pairs) / len(ours), cut=True)
    kept = [pair for run in _runs(pairs) if len(run) >= _RUN or run[0] == (0, 0) for pair in run]
    if not kept:
        return None
    pieces = {at: (line[at].start, line[at].stop) for _, at in kept}
    return Aligned(pieces=_joined(pieces, [], line), share=len(kept) / len(ours))


def _common(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int]]:
    """The longest common subsequence as pairs of indices; of several the one that begins first."""
    head = _same(ours, theirs)
    pairs = [(i, i) for i in range(head)]
    ours, theirs = ours[head:], theirs[head:]
    if not ours or not theirs or len(ours) * len(theirs) > _CELLS:
        return pairs
    lengths = [[0] * (len(theirs) + 1)]
    for mine in reversed(ours):
        below, row = lengths[-1], [0] * (len(theirs) + 1)
        for at in range(len(theirs) - 1, -1, -1):
            row[at] = below[at + 1] + 1 if mine == theirs[at] else max(below[at], row[at + 1])
        lengths.append(row)
    lengths.reverse()
    i = at = 0
    while i < len(ours) and at < len(theirs):
        if ours[i] == theirs[at]:
            pairs.append((head + i, head + at))
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
    """Words of ours that were typed into, each as its pieces: ``Sa`` and ``les`` of ``Sa now CRO les``."""
    found = []
    edges = [(-1, -1), *pairs, (len(ours), len(theirs))]
    for (i, at), (j, until) in pairwise(edges):
        if j - i == 2 and until - at > 1:
            first = theirs[until - 1] if i < 0 else theirs[at + 1]
            last = theirs[at + 1] if j == len(ours) else theirs[until - 1]
            found.append(_halves(ours[i + 1], first, last))
    return [pieces for pieces in found if pieces]


def _halves(word: str, opening: Token, closing: Token) -> list[tuple[int, int]]:
    """``word`` as the beginning of one token and the end of another, or of the same longer one."""
    if any(len(token.text) != token.stop - token.start for token in (opening, closing)):
        return []
    head = _same(word, opening.text)
    rest = len(word) - head
    if not closing.text.endswith(word[head:]) or (opening is closing and len(opening.text) < len(word)):
        return []
    pieces = [(opening.start, opening.start + head), (closing.stop - rest, closing.stop)]
    return [(start, stop) for start, stop in pieces if start < stop]


def _joined(
    whole: dict[int, tuple[int, int]], parts: Sequence[tuple[int, int]], tokens: Sequence[Token]
) -> tuple[tuple[int, int], ...]:
    """Pieces in order; neighbours become one, with the space between them."""
    joined: list[tuple[int, int]] = []
    starts = {token.start: number for number, token in enumerate(tokens)}
    for start, stop in sorted([*whole.values(), *parts]):
        before = starts.get(start, 0) - 1
        if joined and before >= 0 and tokens[before].stop == joined[-1][1]:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return tuple(joined)
