"""Whose turn it is to be asked, and how many may be asked now, from what the mirror holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from cardsync.annotate import plan
from cardsync.mirror import Mirror
from cardsync.mirror.mistakes import MISTAKE
from cardsync.mirror.problems import CONVERTED, RESTLESS
from cardsync.model import QuestionKind
from cardsync.policy import ReminderPolicy
from cardsync.records import Book, ProblemKind, VipCard
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan

WEEK = timedelta(days=7)
ASKED_AGAIN = timedelta(days=1)
"""After so long a server is asked anew in which form it stores a card."""
_FREEZING = (ProblemKind.VIP_LOSS, ProblemKind.MASS_CHANGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Of one account; ``write``: the config lets its books be written."""

    mirror: Mirror
    account: str
    policy: ReminderPolicy
    zone: tzinfo
    now: datetime
    write: bool = True

    def books(self) -> list[Book]:
        """Those that no guard froze: of the others every note stays as it is."""
        return [book for book in self.mirror.books.of(self.account) if not self._frozen(book)]

    def _frozen(self, book: Book) -> bool:
        return any(self.mirror.problems.of_book(book.id, kind) for kind in _FREEZING)

    def may_write(self, book: Book) -> bool:
        """Whether config, server and what happened before let the book be written."""
        return (
            self.write
            and book.found.writable
            and not self.mirror.problems.of_book(book.id, ProblemKind.WRITING_STOPPED)
        )

    def budget(self) -> plan.Budget:
        """How many new questions may be written now."""
        asked = self.mirror.questions.asked_since(self.account, self.now - WEEK)
        return plan.budget(asked, self.mirror.questions.open_count(self.account), self.policy, self.zone, self.now)

    def first_day(self, place: int) -> date | None:
        """When the question in that place of the line may come at the earliest; None: never."""
        asked = self.mirror.questions.asked_since(self.account, self.now - WEEK)
        return plan.first_day(place, asked, self.policy, self.zone, self.now)

    def due(self, books: Iterable[Book]) -> Iterator[tuple[Book, VipCard]]:
        """Who may be asked now, most worth asking first."""
        books = tuple(books)
        ranked: list[tuple[tuple[int, float, int], Book, int]] = []
        known, standing = self.mirror.moves.known_as(self.account), self.mirror.questions.standing_anywhere()
        for book in books:
            if not self.may_write(book):
                continue
            for contact_id, wish in self.mirror.assessments.wishes(book.id).items():
                same = known.get(contact_id, (contact_id,))  # what was said of the person in another book holds, too
                if wish.kind and standing.isdisjoint(same) and self._may_ask(same, wish.kind):
                    ranked.append((plan.precedence(wish.kind, wish.score, contact_id), book, contact_id))
        ranked.sort(key=lambda entry: entry[0])
        homes = self._homes(books)
        for _, book, contact_id in ranked:
            found = self.mirror.books.cards(book.id, contact_id=contact_id)
            if found and homes.get(found[0].uid_key, book.id) == book.id and self._worth_a_look(book, found[0]):
                yield book, found[0]

    def _may_ask(self, contact_ids: Iterable[int], kind: QuestionKind) -> bool:
        states = map(self.mirror.standings.of, contact_ids)
        return all(plan.may_ask(state, kind, self.policy, self.now) for state in states)

    def _homes(self, books: Iterable[Book]) -> dict[str, int]:
        """By UID, the one book that a contact is asked in: where a question stands, else the first that may be."""
        homes: dict[str, int] = {}
        for book in self.mirror.books.of(self.account):
            for key in self.mirror.questions.standing_by_uid(book.id):
                homes.setdefault(key, book.id)
        for book in filter(self.may_write, books):
            for key in self.mirror.books.vips(book.id):
                homes.setdefault(key, book.id)
        return homes

    def _worth_a_look(self, book: Book, card: VipCard) -> bool:
        contact = contact_of(scan(card.data))
        changed_at = self.mirror.contacts.memory(card.contact_id).changed_at
        return not self.parked(book, card) and not plan.quiet(contact, changed_at, self.policy, self.now)

    def parked(self, book: Book, card: VipCard) -> bool:
        """Parked until it changes (or is released), the next cycle, or the server was seen to keep every byte."""
        problem = self.mirror.problems.of_book(book.id, ProblemKind.PARKED).get(card.href)
        if problem is None or (problem.reason == "fragile" and book.exact):
            return False
        if problem.reason == CONVERTED and self.now - problem.since >= ASKED_AGAIN:  # one bad answer is no proof
            return False
        return problem.reason in {RESTLESS, MISTAKE} or problem.etag == card.etag
