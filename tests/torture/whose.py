"""Whose character is whose in a note: what people typed, what is ours, and what our writes made of both.

The oracle of the races.  It knows each edit of the test's own clients, and nothing of how cardsync finds its block:
whatever else happened to a note, we did.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

USER, OURS, EITHER, DEBRIS = "ubed"
"""A letter for each character: typed by a person; written by us; typed by a person, and we may take it out; ours once.

The third is an answer word, or a line of ours that somebody pasted once more while the block stood; the last is what
people left of a block that is no more.
"""

LABEL = "VIPcheck:"
_NEW = re.compile(rf"{LABEL} [^\n]+\n[^\n]+ / [^\n]+")
_WORTH = {
    USER: (1_000_000, 1_000),
    OURS: (1, 1),
    EITHER: (2, 1),
    DEBRIS: (2, 1),
}  # of a character that is kept, and of white space


@dataclass(frozen=True, slots=True)
class Note:
    """``block``: as we last wrote it.  ``own``: what has to be left of the note, to the letter, once it is gone.

    ``own`` is None where an edit since then leaves white space open.  ``alike``: a line of ours that people's
    text has, too, so that nobody can tell which one is ours.
    """

    text: str = ""
    owners: str = field(default="", repr=False)
    block: str = ""
    own: str | None = None
    alike: str = ""

    @classmethod
    def of(cls, text: str) -> "Note":
        """All of it typed by a person."""
        return cls(text, USER * len(text))

    # ------------------------------------------------------------ people's edits

    def typed(self, at: int, text: str, owner: str = USER) -> "Note":
        """Something more, before the character at ``at``."""
        return self._edited(self.text[:at] + text + self.text[at:], self.owners[:at] + owner * len(text), at)

    def deleted(self, start: int, stop: int) -> "Note":
        """Less, on purpose."""
        return self._edited(self.text[:start] + self.text[stop:], self.owners[:start], stop)

    def respelt(self, start: int, stop: int, text: str) -> "Note":
        """What a keyboard or a server makes of characters: they are whose they were."""
        owner = self.owners[start] if stop > start else USER
        return self._edited(self.text[:start] + text + self.text[stop:], self.owners[:start] + owner * len(text), stop)

    def moved(self, start: int, stop: int, to: int) -> "Note":
        """Cut and paste; ``to`` is a place in what is left."""
        rest, owners = self.text[:start] + self.text[stop:], self.owners[:start] + self.owners[stop:]
        text = rest[:to] + self.text[start:stop] + rest[to:]
        return replace(self, text=text, owners=owners[:to] + self.owners[start:stop] + owners[to:], own=None)

    def _edited(self, text: str, owners: str, rest: int) -> "Note":
        return replace(self, text=text, owners=owners + self.owners[rest:], own=None)

    # ------------------------------------------------------------ what is there

    def of_owner(self, owner: str) -> str:
        """The characters of one owner, a line break for each gap, without white space at the ends."""
        return "".join(c if whose == owner else "\n" for c, whose in zip(self.text, self.owners, strict=True)).strip()

    @property
    def users(self) -> str:
        """What people typed, without white space."""
        return bare("".join(c for c, whose in zip(self.text, self.owners, strict=True) if whose == USER))

    def by_line(self) -> set[str]:
        """What of each line is not ours."""
        spans = ([*zip(self.text[a:b], self.owners[a:b], strict=True)] for a, b in _lines(self.text))
        return {"".join(c for c, whose in span if whose != OURS).strip() for span in spans}

    @property
    def standing(self) -> bool:
        """Whether anything of ours is there."""
        return any(whose == OURS and not c.isspace() for c, whose in zip(self.text, self.owners, strict=True))

    @property
    def intact(self) -> tuple[int, int] | None:
        """Where the block stands as we wrote it, all of it ours."""
        for match in re.finditer(re.escape(self.block), self.text) if self.block else ():
            if set(self.owners[match.start() : match.end()]) == {OURS}:
                return match.span()
        return None

    def our_lines(self) -> list[str]:
        """The lines of the block that stand whole, all of them ours."""
        found = {self.text[start:stop] for start, stop in _lines(self.text) if set(self.owners[start:stop]) == {OURS}}
        return [line for line in self.block.split("\n") if line in found and not self.alike]

    def questions(self) -> int:
        """How often the question stands whole, those apart that people typed or left of an older one; 1 is certain."""
        question = self.block.split("\n")[0]
        ours = (OURS in self.owners[a:b] for a, b in _lines(self.text) if question and self.text[a:b] == question)
        return min(sum(ours), 1) if self.alike else sum(ours)

    def given_up(self) -> "Note":
        """No question is open: what is left of one stays for good."""
        return Note(self.text, self.owners.replace(OURS, DEBRIS).replace(EITHER, USER))

    def disowned(self) -> "Note":
        """What is ours may stay or go, from here on."""
        return replace(self, owners=self.owners.replace(OURS, DEBRIS))

    # ------------------------------------------------------------ our writes

    def written(self, after: str) -> "Written":
        """What one of our writes, or several, made of the note."""
        if after == self.text:
            return Written(self)
        for block, head, rest, tail in _insertions(self.text, after):
            old = self.written(rest)
            owners = OURS * head + old.note.owners.replace(EITHER, USER) + OURS * tail
            alike = next((line for line in block.split("\n") if line in rest), "")
            return replace(old, note=Note(after, owners, block, own=rest, alike=alike), opened=True)
        for kept in (USER + DEBRIS, USER + EITHER + DEBRIS, USER, USER + EITHER):
            left = [(c, whose) for c, whose in zip(self.text, self.owners, strict=True) if whose in kept]
            if bare(after) == bare("".join(c for c, _ in left)):
                whose = iter([whose for c, whose in left if not c.isspace()])
                owners = "".join(USER if c.isspace() else next(whose) for c in after)
                return Written(Note(after, owners))
        return self._aligned(after)

    def _aligned(self, after: str) -> "Written":
        pairs = dict(_pairs(self, after))
        owners = "".join(self.owners[pairs[at]] if at in pairs else OURS for at in range(len(after)))
        gone = set(range(len(self.text))) - set(pairs.values())
        lost = "".join(self.text[at] for at in sorted(gone) if self.owners[at] == USER and not self.text[at].isspace())
        note = Note(after, owners, self.block, alike=self.alike)
        left = {bare(after[run.start() : run.end()]) for run in re.finditer(f"{OURS}+", owners)}
        return Written(note, lost=lost, swapped=note.intact is None and lost in left)


@dataclass(frozen=True, slots=True)
class Written:
    """The note after our write; ``lost``: what people had typed and we took; ``opened``: a block came.

    ``swapped``: the same letters of ours stay in its place, and nobody can tell whose they are.
    """

    note: Note
    lost: str = ""
    opened: bool = False
    swapped: bool = False


def bare(text: str) -> str:
    """A text without white space."""
    return "".join(text.split())


def _insertions(text: str, after: str) -> Iterator[tuple[str, int, str, int]]:
    """A block that is new: itself, how many characters it takes at the top, the rest, how many at the bottom."""
    top, bottom = (
        re.match(_NEW.pattern + r"(?:\n\n|\Z)", after),
        re.search(r"(?:\A|\n\n)" + _NEW.pattern + r"\Z", after),
    )
    for match in (top, bottom):
        block = match[0].strip("\n") if match else ""
        if match and after.count(block) > text.count(block) and not {*block.split("\n")} <= {*text.split("\n")}:
            start, stop = match.span()
            yield (
                block,
                stop if match is top else 0,
                after[:start] + after[stop:],
                stop - start if match is bottom else 0,
            )


def _pairs(note: Note, after: str) -> Iterator[tuple[int, int]]:
    """(place after, place before) of what was kept: as much as can be of what people typed, then of the rest."""
    head = tail = 0
    shorter = min(len(note.text), len(after))
    while head < shorter and note.owners[head] == USER and note.text[head] == after[head]:
        head += 1
    while tail < shorter - head and note.owners[-1 - tail] == USER and note.text[-1 - tail] == after[-1 - tail]:
        tail += 1
    yield from ((at, at) for at in range(head))
    yield from ((len(after) - at, len(note.text) - at) for at in range(tail, 0, -1))
    old, new = note.text[head : len(note.text) - tail], after[head : len(after) - tail]
    worth = [_WORTH[whose][c.isspace()] for c, whose in zip(old, note.owners[head:], strict=False)]
    yield from ((head + i, head + j) for i, j in _best(new, old, worth))


def _best(new: str, old: str, worth: list[int]) -> Iterator[tuple[int, int]]:
    """The heaviest common subsequence."""
    table = [[0] * (len(old) + 1)]
    for c in reversed(new):
        below, row = table[-1], [0] * (len(old) + 1)
        for at in range(len(old) - 1, -1, -1):
            best = max(row[at + 1], below[at])
            row[at] = max(best, below[at + 1] + worth[at]) if old[at] == c else best
        table.append(row)
    table.reverse()
    i = at = 0
    while i < len(new) and at < len(old):
        if table[i][at] == table[i][at + 1]:
            at += 1
        elif table[i][at] == table[i + 1][at]:
            i += 1
        else:
            yield i, at
            i, at = i + 1, at + 1


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.split("\n"):
        yield start, start + len(line)
        start += len(line) + 1
