"""What people do to a note at the moment at which it hurts most."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cardsync.records import Ending
from torture.whose import DEBRIS, EITHER, LABEL, OURS, USER, Note

WORDS: Mapping[Ending, Sequence[str]] = {
    Ending.CONFIRMED: (
        *(
            "ok",
            "OK",
            "Ok.",
            "yes it is",
            "still",
            "✓",
            "👍",
            "ja",
            "stimmt noch",
            "oui",
            "c\u2019est bon",
            "c'est bon",
        ),
        *("sí", "sigue igual", "sim", "certo"),
    ),
    Ending.LEFT: ("left", "moved on", "weg", "nicht mehr", "parti", "plus là", "se fue", "ya no", "saiu", "já não"),
    Ending.SNOOZED: ("later", "later 3m", "snooze 2 weeks", "später", "später 10 Tage", "plus tard", "mais tarde"),
    Ending.NEVER: ("never", "skip", "nie", "jamais", "nunca"),
    Ending.RETIRED: ("retired", "im Ruhestand", "retraité", "jubilada", "aposentado"),
}
_SAYING = {word.casefold() for words in WORDS.values() for word in words} | {"no", "not ok"}
_LEFT = ("left", "weg", "parti", "se fue", "saiu")
_OPENINGS = ("", "met ", "ok ", "not ok, ", "still ", "Type: ", "at Acme Robotics, ", "🙂 ", "日本 ", "VIP ")
_LIKE = {"'": "\u2019", "-": "\u2013", " ": "\u00a0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gesture:
    """``note``: after it.  ``answers``: the ending that an answer word stands for; ``plain``: nobody can miss it."""

    said: str
    note: Note
    answers: Ending | None = None
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Hand:
    """``word`` makes a text that no other is like."""

    rng: random.Random
    word: Callable[[], str]

    def any(self, note: Note) -> Gesture:
        """One gesture that makes sense on this note."""
        if note.standing:
            kinds: Sequence[Callable[[Note], Gesture | None]] = (
                *(self.answer,) * 6,
                *(self.word_anywhere,) * 3,
                self.free_text,
                self.delete_block,
                self.delete_some,
                self.delete_a_line_of_ours,
                self.delete_own,
                self.respell,
                self.move_the_block,
                self.copy_a_line,
                self.own_line,
            )
        else:
            kinds = (self.word_anywhere, self.own_line, self.own_line, self.delete_own)
        return self.rng.choice(kinds)(note) or self.own_line(note)

    # ------------------------------------------------------------ answers

    def answer(self, note: Note) -> Gesture | None:
        """A word that the question offers, alone on a line at one of the places where people tap."""
        block = note.intact
        offered = _offered(note)
        ending = self.rng.choice(offered)
        word = self.rng.choice(WORDS[ending])
        if block is None:
            return self._lone(note, len(note.text), f"\n{word}", ending, "answers what is left of the block")
        plain = note.own is not None and EITHER not in note.owners and word not in note.text.split("\n")
        start, stop = block
        first = note.text.index("\n", start)
        where = self.rng.choice(("below", "inside", "on the last line", "end"))
        at, text = {
            "below": (stop, f"\n{word}"),
            "inside": (first, f"\n{word}"),
            "on the last line": (stop, f" {word}"),
            "end": (len(note.text), f"\n{word}"),
        }[where]
        return self._lone(note, at, text, ending, f"answers {where}", plain=plain)

    def _lone(self, note: Note, at: int, text: str, ending: Ending, said: str, *, plain: bool = False) -> Gesture:
        own = note.own if plain else None
        return Gesture(said=said, note=replace(note.typed(at, text, EITHER), own=own), answers=ending, plain=plain)

    # ------------------------------------------------------------ texts

    def word_anywhere(self, note: Note) -> Gesture | None:
        """Also inside a word of ours."""
        at = self.rng.randint(0, len(note.text))
        glue = self.rng.choice(("", " ", "\n"))
        typed = note.typed(at, f"{glue}{self.word()}{glue}")
        if any(line.casefold() in _SAYING for line in typed.by_line() - note.by_line()):
            return None  # what is left of "not ok", or of "now" behind the question, answers
        return Gesture(said="types a word anywhere", note=typed)

    def own_line(self, note: Note) -> Gesture:
        """A line of the owner's at the end."""
        line = self.rng.choice(_OPENINGS) + self.word()
        return Gesture(said="types a line at the end", note=note.typed(len(note.text), f"\n{line}"))

    def free_text(self, note: Note) -> Gesture | None:
        """A sentence behind the question."""
        if note.intact is None:
            return None
        at = note.text.index("\n", note.intact[0])
        return Gesture(said="writes a sentence into the block", note=note.typed(at, f" now {self.word()} at Stripe"))

    def copy_a_line(self, note: Note) -> Gesture | None:
        """One line of ours once more, at the end of the owner's own text."""
        lines = note.our_lines()
        if not lines or LABEL in note.of_owner(USER) or any(line in note.of_owner(USER) for line in lines):
            return None
        end, line = len(note.text), self.rng.choice(lines)
        pasted = note.typed(end, f"\n{self.word()}").typed(end, f"\n{line}", DEBRIS).typed(end, f"\n{self.word()}")
        return Gesture(said="pastes a line of ours below", note=replace(pasted, alike=line))

    # ------------------------------------------------------------ less, or elsewhere

    def delete_block(self, note: Note) -> Gesture | None:
        """With the empty line behind it, or without."""
        if note.intact is None:
            return None
        start, stop = note.intact
        stop += self.rng.choice((0, 2)) if note.text.startswith("\n\n", stop) else 0
        return Gesture(said="deletes the block", note=note.deleted(start, stop))

    def delete_a_line_of_ours(self, note: Note) -> Gesture | None:
        if note.intact is None:
            return None
        start, stop = note.intact
        middle = note.text.index("\n", start)
        start, stop = self.rng.choice(((start, middle + 1), (middle, stop)))
        return Gesture(said="deletes a line of ours", note=note.deleted(start, stop))

    def delete_some(self, note: Note) -> Gesture | None:
        """A selection that went wrong: some of ours."""
        ours = [at for at, whose in enumerate(note.owners) if whose == OURS]
        start = self.rng.choice(ours)
        stop = start
        while stop < len(note.owners) and note.owners[stop] == OURS and stop - start < 25:
            stop += 1
        return Gesture(said="deletes some of the block", note=note.deleted(start, self.rng.randint(start + 1, stop)))

    def delete_own(self, note: Note) -> Gesture | None:
        """Some of what people typed."""
        theirs = [at for at, whose in enumerate(note.owners) if whose == USER]
        if not theirs:
            return None
        start = self.rng.choice(theirs)
        stop = start
        while stop < len(note.owners) and note.owners[stop] == USER and stop - start < 12:
            stop += 1
        left = note.deleted(start, self.rng.randint(start + 1, stop))
        line = left.text[left.text.rfind("\n", 0, start) + 1 :].partition("\n")[0]
        if line.strip().casefold() in _SAYING:  # what is left of "still 9" answers
            return None
        return Gesture(said="deletes some of the own text", note=left)

    def respell(self, note: Note) -> Gesture | None:
        """A keyboard's typography within the block."""
        places = [at for at, c in enumerate(note.text) if c in _LIKE and note.owners[at] == OURS]
        for at in sorted(self.rng.sample(places, min(3, len(places))), reverse=True):
            note = note.respelt(at, at + 1, _LIKE[note.text[at]])
        return Gesture(said="respells the block", note=note) if places else None

    def move_the_block(self, note: Note) -> Gesture | None:
        """Cut, and pasted between two lines of the owner's, or at the end."""
        if note.intact is None:
            return None
        start, stop = note.intact
        rest = note.text[:start] + note.text[stop:]
        ends = [at for at, c in enumerate(rest) if c == "\n"] or [len(rest)]
        to = self.rng.choice(ends)
        moved = note.moved(start, stop, to).typed(to + stop - start, "\n").typed(to, "\n")
        return Gesture(said="moves the block", note=moved)


def _offered(note: Note) -> list[Ending]:
    """The answers that the hint names, and what is always understood."""
    hint = note.block.rpartition("\n")[2]
    words = [word.strip() for word in hint.rpartition(":")[2].split("/")]
    offered = [Ending.SNOOZED, Ending.NEVER, Ending.RETIRED]
    if "ok" in words:
        offered += [Ending.CONFIRMED] * 4
    if any(word in words for word in _LEFT):
        offered += [Ending.LEFT] * 2
    return offered
