"""One race: a book of contacts, cycles on it, and clients that edit at any point; what must never happen is counted."""

import random
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count

from builders import apple_group
from cardsync.records import ProblemKind
from loop import DAY, HOUR, person
from torture.clients import CLIENTS, ROUGHLY, Fields, iphone, note_of
from torture.frame import Report
from torture.gestures import Gesture, Hand
from torture.grounds import Ground, Shelf
from torture.oracle import Card, Oracle
from torture.whose import Note

CONTACTS = 10
LIST = "vip-group.vcf"
_SILENT = 3  # cycles without a question, after which a contact makes room for another
_TITLES = ("VP Sales", "CRO", "Head of Tea", "Advisor; part time", "")
_COMPANIES = ("Acme Robotics;Sales", "Stripe;", "Wintergreen Labs;Ops")


def _is_card(data: bytes) -> bool:
    return data.lstrip().upper().startswith(b"BEGIN:VCARD")


@dataclass(slots=True)
class Race:
    """``seed`` tells all that happens, where one thing happens at a time."""

    ground: Ground
    report: Report
    seed: str
    rng: random.Random = field(init=False)
    oracle: Oracle = field(init=False)
    cards: dict[str, Card] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    racing: bool = False
    at_once: bool = False
    numbers: Iterator[int] = field(default_factory=count)
    books: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.rng = random.Random(zlib.crc32(self.seed.encode()))
        self.oracle = Oracle(self.ground, self.report, self.seed)

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
        while self.oracle.rounds < rounds:
            self._cycle()
            self._check(shelf)
            self._renew(shelf)
        self.settle(shelf)

    def run_at_once(self, rounds: int, clients: int = 2) -> None:
        """Clients act in threads of their own, whatever we do meanwhile."""
        self.at_once = True
        shelf = self.ground.own_shelf()
        self._fill(shelf)
        enough = threading.Event()
        threads = [threading.Thread(target=self._act_until, args=(enough,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            while self.oracle.rounds < rounds and not self.report.figures["cycles_crashed"]:
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
        self.oracle.cycle += 1
        self.racing = not quiet
        conflicts = self.ground.conflicts
        after = DAY if quiet else self.rng.choice((HOUR, 7 * HOUR, DAY, DAY, 2 * DAY))
        try:
            self.ground.cycle(after)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
            self.oracle.fail("cycles_crashed", f"{type(error).__name__}: {error}")
        self.racing = False
        self.report.count("cycles")
        self.report.count("conflicts_seen", self.ground.conflicts - conflicts)

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
            self.cards[name] = Card(name, uid, note, self._served(shelf, name, data), self.oracle.cycle, twin=twin)
            self.gone.discard(name)
            self.members.add(uid)
            self.report.count("contacts_raced")

    def _again(self, shelf: Shelf, name: str, card: Card, data: bytes, *, twin: bool) -> None:
        """The same contact on another card: what was typed into a question before we see it there is no answer."""
        note = card.note
        anew = name != card.name or self.at_once  # a cycle may have seen it gone
        if anew and not note.intact:
            note = note.disowned()  # only a whole question is ours there
        self._create(shelf, name, card.uid, data, replace(note, own=None), twin=twin)
        if name in self.cards:
            self.cards[name].moved = anew

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
            self.oracle.rounds += self.racing
            self.report.count("race_rounds", int(self.racing))
            if dice < 0.06:
                with card.lock:
                    return self._life(shelf, card)
        with card.lock:
            if self.cards.get(card.name) is card:  # and not one made anew under its name
                self._edit(shelf, card)
        return None

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
                self._again(shelf, card.name, card, data, twin=card.twin)
            case "renamed" if data and self._delete(shelf, card):
                self._again(shelf, f"n{next(self.numbers)}.vcf", card, data, twin=card.twin)
            case "twin" if data and not any(
                other.uid == card.uid and other is not card for other in self.cards.values()
            ):
                self._again(shelf, f"z{next(self.numbers)}.vcf", card, data, twin=True)
                card.twin = True

    def _edit(self, shelf: Shelf, card: Card) -> None:
        """GET, change, PUT with If-Match, as often as it takes."""
        seed = self.rng.random()
        for _ in range(20):
            got = shelf.get(card.name)
            if got is None:
                return self.oracle.fail("cards_harmed", "The card is gone, and no client deleted it.", card)
            if not _is_card(got[0]):  # SOGo stores (null); we have a moment to put the card back
                return self.report.count("broken_cards_seen_by_phones")
            self.oracle.see(card, got[0])
            card.edited = self.oracle.cycle
            rng = random.Random(seed)
            gesture, fields = self._gesture(card, rng)
            client = (
                rng.choice(CLIENTS if self.ground.keeps_bytes else ROUGHLY) if fields.keys() <= {"NOTE"} else iphone
            )
            data = client(got[0], fields, self.ground.now, rng)
            if shelf.put(card.name, data, got[1]):
                self.oracle.edited(card, gesture, self._served(shelf, card.name, data))
                return None
        self.oracle.fail("cards_harmed", "The card changed at each look.", card)
        return None

    def _gesture(self, card: Card, rng: random.Random) -> tuple[Gesture, Fields]:
        if rng.random() < 0.15:
            company = rng.choice(_COMPANIES)  # a server that does not keep bytes drops an empty unit
            fields = {"TITLE": rng.choice(_TITLES)} if rng.random() < 0.7 else {"ORG": company.removesuffix(";")}
            return Gesture(said="edits a field", note=card.note), fields
        if rng.random() < 0.12:
            return Gesture(said="saves", note=card.note), {"NOTE": card.note.text} if card.note.text else {}
        gesture = Hand(rng, self.word).any(card.note)
        return gesture, {"NOTE": gesture.note.text}

    def _look(self, shelf: Shelf, card: Card) -> bytes | None:
        got = shelf.get(card.name)
        if got is not None and not _is_card(got[0]):
            self.report.count("broken_cards_seen_by_phones", int(self.racing))
            if not self.racing:
                self.oracle.fail("cards_harmed", f"After a cycle it is {got[0][:40]!r}.", card)
            return None
        if got is not None:
            self.oracle.see(card, got[0])
        return got and got[0]

    # ------------------------------------------------------------ after each cycle

    def _check(self, shelf: Shelf) -> None:
        """Hold the server's cards, and the mirror's answers, against what the clients did."""
        with self._still():
            there = shelf.names() - {LIST}
            for name in there & self.gone:
                self.oracle.fail("cards_recreated", f"{name} is there again.")
            for name in self.cards.keys() - there:
                self.oracle.fail("cards_harmed", "The card is gone, and no client deleted it.", self.cards.pop(name))
            questions = self.oracle.questions()
            for card in list(self.cards.values()):
                self._look(shelf, card)
                self.oracle.hold(card, questions.get(card.uid.casefold(), []))
        stopped = [p for p in self.ground.mirror.problems.all() if p.kind is ProblemKind.WRITING_STOPPED]
        for problem in stopped:
            self.oracle.fail("writing_stopped", f"{problem.reason}: {problem.detail}")
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
