"""What must never happen to a card while others edit it, held against all that they did."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cardsync.records import Asked, Ending
from loop import meaning
from torture.clients import apart, note_of
from torture.frame import Report
from torture.gestures import Gesture
from torture.grounds import Ground
from torture.whose import USER, Note

FIGURES = (
    *("race_rounds", "phone_edits", "conflicts_seen", "user_characters_lost", "blocks_doubled", "false_oks"),
    *("answers_lost", "cards_recreated", "cards_harmed", "cycles_crashed", "lines_left_behind", "writing_stopped"),
    *("debris", "questions_asked", "answers_typed", "contacts_raced", "cycles"),
)


@dataclass(slots=True)
class Card:
    """A card as the clients know it; ``data`` as last seen, ``before`` as when the block came, if none edited it.

    ``edited``: the cycle during or before which a client last did.  ``touched``: a field was edited while the block
    stood, which may have been the answer: a word that comes after it may be none, and stays then.  ``moved``: made
    anew under another name, where what is left of a question is not ours any more.
    """

    name: str
    uid: str
    note: Note
    data: bytes
    edited: int
    before: bytes | None = None
    answer: Ending | None = None
    answered: int = 0
    silent: int = 0
    twin: bool = False
    touched: bool = False
    moved: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(slots=True)
class Oracle:
    """``oks``: by UID, the answers that say so and may still be read; ``confirmed``: how often we read one."""

    ground: Ground
    report: Report
    seed: str
    oks: Counter[str] = field(default_factory=Counter)
    confirmed: Counter[str] = field(default_factory=Counter)
    cycle: int = 0
    rounds: int = 0

    def fail(self, figure: str, what: str, card: Card | None = None) -> None:
        """With all that is needed to see it again."""
        where = f"{card.name} ({card.note.text!r}): " if card else ""
        self.report.fail(
            figure,
            f"races on {self.ground.name}, race {self.seed!r}, cycle {self.cycle}, round {self.rounds}: {where}{what}",
        )

    # ------------------------------------------------------------ what others did

    def edited(self, card: Card, gesture: Gesture, served: bytes) -> None:
        self.report.count("phone_edits")
        card.edited = self.cycle
        card.before = None
        was, card.data = card.data, served
        if gesture.note is card.note:
            card.touched = card.touched or (card.note.standing and served != was)
            return
        card.note = replace(gesture.note, own=None) if gesture.answers and card.touched else gesture.note
        card.answer = gesture.answers if gesture.plain and not card.answered else None
        if gesture.answers:
            self.report.count("answers_typed")
            card.answered += 1
            self.oks[card.uid] += gesture.answers is Ending.CONFIRMED

    # ------------------------------------------------------------ what we did

    def see(self, card: Card, data: bytes) -> None:
        """What differs from what the clients know, we wrote."""
        if data == card.data:
            return
        was = card.data
        if not self._same_apart(was, data):
            self.fail("cards_harmed", f"Something besides NOTE changed: {was!r} -> {data!r}", card)
        written = card.note.written(note_of(data))
        if written.lost and not written.swapped:
            self.report.count("user_characters_lost", len(written.lost) - 1)
            self.fail("user_characters_lost", f"{written.lost!r} went; now {written.note.text!r}", card)
        if written.note.questions() > 1:
            self.fail("blocks_doubled", f"now {written.note.text!r}", card)
        if written.opened:
            self.report.count("debris", int(card.note.standing and card.note.block in written.note.text))
            self.report.count("questions_asked")
            self.oks[card.uid] = card.answered = 0
            card.touched = False
            card.answer, card.before = None, was if set(card.note.owners) <= {USER} else None
        elif not written.note.standing:
            self._taken_out(card, written.note, data)
        card.note, card.data = written.note, data

    def _taken_out(self, card: Card, note: Note, data: bytes) -> None:
        own = card.note.own
        if own is not None and note.text != own:
            self.fail("user_characters_lost", f"White space changed: {own!r} -> {note.text!r}", card)
        elif card.before and self.ground.keeps_bytes and data != card.before:
            self.fail("cards_harmed", f"Not the bytes of before: {card.before!r} -> {data!r}", card)
        card.before = None

    def _same_apart(self, one: bytes, other: bytes) -> bool:
        return apart(one) == apart(other) if self.ground.keeps_bytes else meaning(one) == meaning(other)

    # ------------------------------------------------------------ after each cycle

    def questions(self) -> Mapping[str, list[Asked]]:
        mirror = self.ground.mirror
        asked = {row["uid_key"]: mirror.questions.of(row["id"]) for row in mirror.contacts.named()}
        for uid, questions in asked.items():
            confirmed = sum(each.ending is Ending.CONFIRMED for each in questions)
            if confirmed > self.confirmed[uid]:
                self.confirmed[uid] = confirmed
                if not any(self.oks[card] for card in self.oks if card.casefold() == uid):
                    self.fail("false_oks", f"{uid} counts as confirmed: {questions[-1].block!r}")
        return asked

    def hold(self, card: Card, questions: list[Asked]) -> None:
        """What must be true of a card that nobody touched during the cycle."""
        standing = any(each.standing for each in questions)
        card.silent = 0 if standing else card.silent + 1
        if card.edited >= self.cycle:
            return
        if card.answer and not card.twin:
            last = questions[-1] if questions else None
            if last is None or last.ending not in {card.answer, Ending.EDITED}:
                self.fail("answers_lost", f"{card.answer} was typed, and read as {last and last.ending}.", card)
            card.answer = None
        if not standing and card.note.standing and not card.twin:
            for line in () if card.moved else card.note.our_lines():
                self.fail("lines_left_behind", f"{line!r} stays, and no question is open.", card)
            self.report.count("debris")
            card.note = card.note.given_up()
