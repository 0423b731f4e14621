"""One race: a book of contacts, cycles on it, and clients that edit at any point; what must never happen is counted."""

import random
import threading
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from builders import apple_group
from cardsync.records import Asked, Ending, ProblemKind
from loop import DAY, HOUR, meaning, person
from torture.clients import CLIENTS, ROUGHLY, Fields, apart, iphone, note_of
from torture.frame import Report
from torture.gestures import Gesture, Hand
from torture.grounds import Ground, Shelf
from torture.whose import Note

FIGURES = (
    *("race_rounds", "phone_edits", "conflicts_seen", "user_characters_lost", "blocks_doubled", "false_oks"),
    *("answers_lost", "cards_recreated", "cards_harmed", "cycles_crashed", "lines_left_behind", "writing_stopped"),
    *("debris", "questions_asked", "answers_typed", "contacts_raced", "cycles"),
)
CONTACTS = 10
LIST = "vip-group.vcf"
_SILENT = 3  # cycles without a question, after which a contact makes room for another
_TITLES = ("VP Sales", "CRO", "Head of Tea", "Advisor; part time", "")
_COMPANIES = ("Acme Robotics;Sales", "Stripe;", "Wintergreen Labs;Ops")


@dataclass(slots=True)
class Card:
    """A card as the clients know it; ``data`` as last seen, ``before`` as it was when the block came, if none edited it.

    ``edited``: the cycle during or before which a client last did.
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
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(slots=True)
class Race:
    """``seed`` tells all that happens, where one thing happens at a time."""

    ground: Ground
    report: Report
    seed: str
    rng: random.Random = field(init=False)
    cards: dict[str, Card] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    oks: Counter[str] = field(default_factory=Counter)
    confirmed: Counter[str] = field(default_factory=Counter)
    cycle: int = 0
    rounds: int = 0
    racing: bool = False
    numbers: Iterator[int] = field(default_factory=count)
    books: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.rng = random.Random(zlib.crc32(self.seed.encode()))

    # ------------------------------------------------------------ running

    def run(self, rounds: int) -> None:
        """Clients act between two requests of ours, until there were so many rounds."""
        last: list[str] = [""]
        shelf = self.ground.own_shelf()

        def hook(method: str, name: str) -> None:
            with self.books:
                after_put = method == "GET" and last == ["PUT " + name]
                last[0] = f"{method} {name}"
                likely = 0.5 if after_put else 0.3 if name else 0.6
                while self.racing and self.rng.random() < likely:
                    mine = name in self.cards and self.rng.random() < 0.9
                    self.act(shelf, self.cards[name] if mine else None)
                    likely /= 2

        self._fill(shelf)
        self.ground.call_before(hook)
        while self.rounds < rounds:
            self._cycle()
            self._check(shelf)
            self._renew(shelf)
        self.settle(shelf)

    def run_at_once(self, rounds: int, clients: int = 2) -> None:
        """Clients act in threads of their own, whatever we do meanwhile."""
        shelf = self.ground.own_shelf()
        self._fill(shelf)
        enough = threading.Event()
        threads = [threading.Thread(target=self._act_until, args=(enough,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            while self.rounds < rounds and not self.report.figures["cycles_crashed"]:
                self._cycle()
                self.racing = True
                self._check(shelf)
                self._renew(shelf)
        finally:
            enough.set()
            for thread in threads:
                thread.join()
        self.settle(shelf)

    def _act_until(self, enough: threading.Event) -> None:
        shelf = self.ground.own_shelf()
        while not enough.is_set():
            self.act(shelf)

    def settle(self, shelf: Shelf) -> None:
        """Three cycles without any edit."""
        for _ in range(3):
            self._cycle(quiet=True)
            self._check(shelf)

    def _cycle(self, *, quiet: bool = False) -> None:
        self.cycle += 1
        self.racing = not quiet
        conflicts = self.ground.conflicts
        after = DAY if quiet else self.rng.choice((HOUR, 7 * HOUR, DAY, DAY, 2 * DAY))
        try:
            self.ground.cycle(after)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
            self.fail("cycles_crashed", f"{type(error).__name__}: {error}")
        self.racing = False
        self.report.count("cycles")
        self.report.count("conflicts_seen", self.ground.conflicts - conflicts)

    def fail(self, figure: str, what: str, card: Card | None = None) -> None:
        """With all that is needed to see it again."""
        where = f"{card.name} ({card.note.text!r}): " if card else ""
        self.report.fail(
            figure, f"races on {self.ground.name}, race {self.seed!r}, cycle {self.cycle}, round {self.rounds}: {where}{what}"
        )

    # ------------------------------------------------------------ contacts

    def word(self) -> str:
        return self.rng.choice(("w{}q", "ж{}ю", "日{}本", "{}🙂")).format(next(self.numbers))

    def _fill(self, shelf: Shelf) -> None:
        shelf.put(LIST, apple_group("VIP", ()), None)
        for _ in range(CONTACTS):
            self._born(shelf)
        self._list(shelf)

    def _born(self, shelf: Shelf) -> None:
        uid = f"P{next(self.numbers)}-{zlib.crc32(self.seed.encode()):x}"
        own = self.rng.choice(
            (
                f"{self.word()}, of old; ok\n\nok",
                f"{self.word()}\n{self.word()}",
                f"ok\n{self.word()}\nlater",
                f"Type: ok / left / later / never\n{self.word()}",
                f"VIPcheck: call her\n{self.word()}",
                f"{self.word()}\n",
                "",
            )
        )
        self._create(shelf, f"{uid}.vcf", uid, person(uid, own or None), Note.of(own))

    def _create(self, shelf: Shelf, name: str, uid: str, data: bytes, note: Note, *, twin: bool = False) -> None:
        if shelf.put(name, data, None):
            self.cards[name] = Card(name, uid, note, self._served(shelf, name, data), self.cycle, twin=twin)
            self.gone.discard(name)
            self.members.add(uid)
            self.report.count("contacts_raced")

    def _served(self, shelf: Shelf, name: str, data: bytes) -> bytes:
        """As the server gives it back, unless somebody wrote since."""
        if self.ground.keeps_bytes:
            return data
        got = shelf.get(name)
        return got[0] if got and note_of(got[0]) == note_of(data) else data

    def _list(self, shelf: Shelf) -> None:
        while not ((got := shelf.get(LIST)) and shelf.put(LIST, apple_group("VIP", sorted(self.members)), got[1])):
            pass  # only we write it: the second time at the latest it is right

    def _renew(self, shelf: Shelf) -> None:
        """Contacts of whom nothing is asked any more make room."""
        with self.books:
            for card in [card for card in self.cards.values() if card.silent >= _SILENT or card.twin]:
                if self.rng.random() < (0.3 if card.twin else 1.0):
                    self._delete(shelf, card)
            while len({card.uid for card in self.cards.values()}) < CONTACTS:
                self._born(shelf)
            self._list(shelf)

    def _delete(self, shelf: Shelf, card: Card) -> bool:
        with card.lock:
            got = shelf.get(card.name)
            if got is None or not shelf.delete(card.name, got[1]):
                return False
            del self.cards[card.name]
            self.gone.add(card.name)
            return True

    # ------------------------------------------------------------ what clients do

    def act(self, shelf: Shelf, card: Card | None = None) -> None:
        """One round."""
        with self.books:
            card = card or self.rng.choice(list(self.cards.values()))
            dice = self.rng.random()
            self.rounds += self.racing
            self.report.count("race_rounds", int(self.racing))
            if dice < 0.06:
                return self._life(shelf, card)
        with card.lock:
            if card.name in self.cards:
                self._edit(shelf, card)

    def _life(self, shelf: Shelf, card: Card) -> None:
        """Deleted, deleted and made again, there twice, or another list."""
        self.report.count("phone_edits")
        data = self._look(shelf, card)
        match self.rng.choice(("list", "list", "list", "delete", "again", "renamed", "twin")):
            case "list":
                self.members ^= {card.uid}
                self._list(shelf)
            case "delete":
                self._delete(shelf, card)
            case "again" if data and self._delete(shelf, card):
                self._create(shelf, card.name, card.uid, data, card.note, twin=card.twin)
            case "renamed" if data and self._delete(shelf, card):
                self._create(shelf, f"n{next(self.numbers)}.vcf", card.uid, data, card.note, twin=card.twin)
            case "twin" if data and not any(other.uid == card.uid and other is not card for other in self.cards.values()):
                self._create(shelf, f"z{next(self.numbers)}.vcf", card.uid, data, card.note, twin=True)
                card.twin = True

    def _edit(self, shelf: Shelf, card: Card) -> None:
        """GET, change, PUT with If-Match, as often as it takes."""
        seed = self.rng.random()
        for _ in range(20):
            got = shelf.get(card.name)
            if got is None:
                return self.fail("cards_harmed", "The card is gone, and no client deleted it.", card)
            self._see(card, got[0])
            card.edited = self.cycle
            rng = random.Random(seed)
            gesture, fields = self._gesture(card, rng)
            client = rng.choice(CLIENTS if self.ground.keeps_bytes else ROUGHLY) if fields.keys() <= {"NOTE"} else iphone
            data = client(got[0], fields, self.ground.now, rng)
            if shelf.put(card.name, data, got[1]):
                self._edited(shelf, card, gesture, data)
                return None
        self.fail("cards_harmed", "The card changed at each look.", card)
        return None

    def _gesture(self, card: Card, rng: random.Random) -> tuple[Gesture, Fields]:
        if rng.random() < 0.15:
            fields = {"TITLE": rng.choice(_TITLES)} if rng.random() < 0.7 else {"ORG": rng.choice(_COMPANIES)}
            return Gesture(said="edits a field", note=card.note), fields
        if rng.random() < 0.12:
            return Gesture(said="saves", note=card.note), {"NOTE": card.note.text} if card.note.text else {}
        gesture = Hand(rng, self.word).any(card.note)
        return gesture, {"NOTE": gesture.note.text}

    def _edited(self, shelf: Shelf, card: Card, gesture: Gesture, data: bytes) -> None:
        self.report.count("phone_edits")
        card.edited = self.cycle
        card.before = None
        card.data = self._served(shelf, card.name, data)
        if gesture.note is card.note:
            return
        card.note = gesture.note
        card.answer = gesture.answers if gesture.plain and not card.answered else None
        if gesture.answers:
            self.report.count("answers_typed")
            card.answered += 1
            self.oks[card.uid] += gesture.answers is Ending.CONFIRMED

    # ------------------------------------------------------------ what we did

    def _look(self, shelf: Shelf, card: Card) -> bytes | None:
        got = shelf.get(card.name)
        if got is not None:
            self._see(card, got[0])
        return got and got[0]

    def _see(self, card: Card, data: bytes) -> None:
        """What differs from what the clients know, we wrote."""
        if data == card.data:
            return
        was = card.data
        if not self._same_apart(was, data):
            self.fail("cards_harmed", f"Something besides NOTE changed: {was!r} -> {data!r}", card)
        written = card.note.written(note_of(data))
        if written.lost:
            self.report.count("user_characters_lost", len(written.lost) - 1)
            self.fail("user_characters_lost", f"{written.lost!r} went; now {written.note.text!r}", card)
        if written.note.questions() > 1:
            self.fail("blocks_doubled", f"now {written.note.text!r}", card)
        if written.opened:
            self.report.count("debris", int(card.note.standing and card.note.block in written.note.text))
            self.report.count("questions_asked")
            self.oks[card.uid] = card.answered = 0
            card.answer, card.before = None, None if card.note.standing else was
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

    def _check(self, shelf: Shelf) -> None:
        """Hold the server's cards, and the mirror's answers, against what the clients did."""
        with self._still():
            there = shelf.names() - {LIST}
            for name in there & self.gone:
                self.fail("cards_recreated", f"{name} is there again.")
            for name in self.cards.keys() - there:
                self.fail("cards_harmed", "The card is gone, and no client deleted it.", self.cards.pop(name))
            questions = self._questions()
            for card in list(self.cards.values()):
                self._look(shelf, card)
                self._hold(card, questions.get(card.uid.casefold(), []))
        stopped = [p for p in self.ground.mirror.problems.all() if p.kind is ProblemKind.WRITING_STOPPED]
        for problem in stopped:
            self.fail("writing_stopped", f"{problem.reason}: {problem.detail}")
            self.ground.mirror.problems.solved(problem.kind, problem.account, book_id=problem.book_id)

    @contextmanager
    def _still(self) -> Iterator[None]:
        """No client is in the middle of an edit."""
        with self.books:
            cards = list(self.cards.values())
            for card in cards:
                card.lock.acquire()
            try:
                yield
            finally:
                for card in cards:
                    card.lock.release()

    def _questions(self) -> Mapping[str, list[Asked]]:
        mirror = self.ground.mirror
        asked = {row["uid_key"]: mirror.questions.of(row["id"]) for row in mirror.contacts.named()}
        for uid, questions in asked.items():
            confirmed = sum(each.ending is Ending.CONFIRMED for each in questions)
            if confirmed > self.confirmed[uid]:
                self.confirmed[uid] = confirmed
                if not any(self.oks[card] for card in self.oks if card.casefold() == uid):
                    self.fail("false_oks", f"{uid} counts as confirmed: {questions[-1].block!r}")
        return asked

    def _hold(self, card: Card, questions: list[Asked]) -> None:
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
            for line in card.note.our_lines():
                self.fail("lines_left_behind", f"{line!r} stays, and no question is open.", card)
            self.report.count("debris")
            card.note = card.note.given_up()
