"""Taking things back: every block out of a book, or one card to a kept version."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from cardsync.annotate.adopt import adopt
from cardsync.annotate.clean import cleaned, looks_like_ours
from cardsync.annotate.conclude import conclude
from cardsync.annotate.place import Note, note_with
from cardsync.annotate.read import heard, read, still_answers
from cardsync.annotate.writer import Change, Outcome, Target, Writer
from cardsync.errors import CardRefused, CardsyncError
from cardsync.mirror import Mirror
from cardsync.mirror.mistakes import why_left_out
from cardsync.model import uid_key
from cardsync.policy import ReminderPolicy
from cardsync.ports import Server
from cardsync.records import Asked, Book, Ending, ProblemKind, Written
from cardsync.resources import AddressObject
from cardsync.vcard.compare import differences
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from cardsync.vcard.note import cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """For one account."""

    server: Server
    mirror: Mirror
    writer: Writer
    policy: ReminderPolicy
    now: datetime

    async def remove_all(self, book: Book) -> dict[str, int]:
        """Take out every block that we ever wrote, on VIPs' cards or not, known to the database or not.

        A word that answers a question and that no cycle has read counts, and goes with it.
        """
        blocks = self.mirror.questions.blocks(book.id)
        counts: dict[str, int] = {"found": 0}
        found: list[Target] = []
        hrefs = list((await self.server.listing(book.found)).etags)
        async with aclosing(self.server.fetch(book.found, hrefs)) as batches:
            async for batch in batches:
                _count(counts, UNREAD, len(batch.failed))
                for card in batch.objects:
                    found += self._with_block(card, blocks, counts)
        counts["found"] = len(found)
        for asked in self.mirror.questions.standing(book.id).values():  # first, so that no crash makes it their answer
            self.mirror.questions.end(asked.id, Ending.WITHDRAWN, self.now)
        known = self._standing_at(book, frozenset(hrefs))
        for target in found:
            outcome = await self.writer.write(book, target, partial(self._without, blocks=blocks, known=known))
            _count(counts, outcome.value, 1)
            if outcome is Outcome.WRITTEN:
                account = book.found.account
                self.mirror.problems.solved(ProblemKind.STRAY, account, book_id=book.id, href=target.href)
            if outcome is Outcome.DAMAGED:
                break
        return counts

    def _standing_at(self, book: Book, hrefs: frozenset[str]) -> dict[tuple[str, str], Asked]:
        """By UID and href: the question on a card; '' is the href of one whose card is at another address now."""
        return {
            (key, asked.href if asked.href in hrefs else ""): asked
            for key, asked in self.mirror.questions.standing_by_uid(book.id).items()
        }

    def _with_block(
        self, card: AddressObject, blocks: Mapping[str, Sequence[Written]], counts: dict[str, int]
    ) -> list[Target]:
        try:
            key = uid_key(scan(card.data).text("UID"))
            found = cleaned(card.data, blocks.get(key, ()), self.policy.labels, self.policy.texts) != card.data
        except Exception as error:  # noqa: BLE001 - one card over which we stumble keeps no other's block
            why_left_out(error)
            _count(counts, UNREAD, int(looks_like_ours(card.data, self.policy.labels)))
            return []
        return [Target(href=card.href, uid_key=key, contact_id=None)] if found else []

    def _without(
        self, card: AddressObject, blocks: Mapping[str, Sequence[Written]], known: Mapping[tuple[str, str], Asked]
    ) -> Change | None:
        """The card without any block; the question that is ``known`` to stand there goes with them."""
        key = uid_key(scan(card.data).text("UID"))
        asked = known.get((key, card.href)) or known.get((key, ""))
        answered = self._answered(asked, card.data) if asked else card.data
        written = blocks.get(key, ())
        if answered != card.data:  # it is out: what is only like it is the owner's
            written = [replace(each, standing=False) for each in written]
        data = cleaned(answered, written, self.policy.labels, self.policy.texts)
        if data == card.data:
            return None
        removes = asked.id if asked and _is_over(asked, data) else None
        return Change(data=data, why="notes remove", removes=removes)

    def _answered(self, asked: Asked, data: bytes) -> bytes:
        """The card without the question and the word that answers it, which counts; as it is where none does."""
        note = note_with(asked, data)
        reading = read(note.asked, note.text, self.mirror.contacts.edited_since(asked.contact_id, asked.asked_at))
        if reading.word is None or reading.ending is None or not heard(reading, reading.ending):
            return data
        ended = next((each.ending for each in self.mirror.questions.of(asked.contact_id) if each.id == asked.id), None)
        if still_answers(ended, reading.ending):
            conclude(self.mirror, asked, reading.ending, self.policy, self.now, delay=reading.delay)
        return cut(data, reading.cut, nth=note.nth)

    async def restore(self, book: Book, target: Target, version: bytes, shown: bytes | None = None) -> Outcome:
        """Put a kept version back, journalled and conditional like any write.

        Raises ``CardsyncError`` where the card is not as it was ``shown`` to the owner, nor as it shall be.
        """
        other = False

        def decide(fresh: AddressObject) -> Change | None:
            nonlocal other
            if _is_same(fresh.data, version):
                return None
            other = shown is not None and fresh.data != shown
            return None if other else Change(data=version, why="restore", wanted=True)

        outcome = await self.writer.write(book, target, decide)
        if other:
            raise CardsyncError("The card changed since it was shown, so nothing was written. Look again.")
        held = self.mirror.books.data(book.id, target.href)
        if outcome is Outcome.WRITTEN:
            self._settle(book, target)
        elif outcome is Outcome.NOTHING and held and _is_same(held, version):
            self._settle_again(book, target, version)
        return outcome

    def _settle(self, book: Book, target: Target) -> None:
        """The block went with the newer version; what the card says now is what counts.

        A block that came back with it is a question again at once: it can be answered before the next cycle comes.
        """
        with self.mirror.transaction():
            self._withdraw(self._standing(book, target))
            if target.contact_id is None:
                return
            held = self.mirror.books.data(book.id, target.href)
            if held:
                self.mirror.books.store_data(book.id, target.href, held, seen=False)
            self._adopt(book, target)

    def _settle_again(self, book: Book, target: Target, version: bytes) -> None:
        """The card is as it shall be.  If an earlier try was cut off after its write, what it left to do is done."""
        gone = [asked for asked in self._standing(book, target) if not _is_whole(note_with(asked, version))]
        contact = contact_of(scan(version))
        keys = work_keys(contact)
        with self.mirror.transaction():
            self._withdraw(gone)
            if target.contact_id is not None and self.mirror.contacts.differs(target.contact_id, keys):
                self.mirror.contacts.restored(target.contact_id, contact, target.href, keys, self.now)
            self._adopt(book, target)

    def _adopt(self, book: Book, target: Target) -> None:
        for card in self.mirror.books.cards(book.id, contact_id=target.contact_id) if target.contact_id else ():
            if card.href == target.href and card.groups:
                adopt(self.mirror, self.policy, card, card.data, self.now)

    def _standing(self, book: Book, target: Target) -> Sequence[Asked]:
        standing = self.mirror.questions.standing(book.id).values()
        return [asked for asked in standing if asked.contact_id == target.contact_id]

    def _withdraw(self, questions: Sequence[Asked]) -> None:
        for asked in questions:
            self.mirror.questions.end(asked.id, Ending.WITHDRAWN, self.now)
            self.mirror.questions.taken_out(asked.id)


UNREAD = "not read"
"""Cards on which a block may be left: the server did not give them, or they cannot be read."""


def _count(counts: dict[str, int], name: str, number: int) -> None:
    if number:
        counts[name] = counts.get(name, 0) + number


def _is_over(asked: Asked, data: bytes) -> bool:
    """Whether neither the question is on the card any more nor a word that answers it: that the next cycle reads."""
    note = note_with(asked, data)
    return not _is_whole(note) and read(note.asked, note.text, frozenset()).word is None


def _is_whole(note: Note) -> bool:
    return note.found is not None and note.found.whole


def _is_same(one: bytes, other: bytes) -> bool:
    """Whether two cards say the same: servers fold lines anew, and date a card at each write."""
    try:
        return one == other or not differences(scan(one), scan(other))
    except CardRefused:
        return False
