"""Annotate: read the answers on the cards, take settled questions out, ask the few that pay."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import partial
from itertools import islice

from cardsync.annotate import plan, read
from cardsync.annotate.adopt import adopt
from cardsync.annotate.conclude import conclude
from cardsync.annotate.fresh import take_note
from cardsync.annotate.instead import stands_instead
from cardsync.annotate.place import note_with
from cardsync.annotate.render import render
from cardsync.annotate.turns import Turns
from cardsync.annotate.writer import Change, Outcome, Target, Writer
from cardsync.mirror import Mirror
from cardsync.mirror.mistakes import alone
from cardsync.model import Assessment, Contact, Memory, Question, Says, WorkField
from cardsync.policy import ReminderPolicy
from cardsync.records import Asked, Book, Ending, VipCard
from cardsync.resources import AddressObject
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan
from cardsync.vcard.note import cut, insert, note_text, note_texts

TRIES = 20  # cards looked at for one cycle's new questions
LATERS = 3  # writes that came to nothing; then the server is left alone until the next cycle

Judge = Callable[[Contact, Memory, tuple[str, ...]], tuple[Assessment, Question | None]]
"""The assess room, handed in: what a card is worth asking, now."""


@dataclass(slots=True)
class Annotated:
    """What one account's annotate did, in counts."""

    asked: int = 0
    removed: int = 0
    adopted: int = 0
    parked: int = 0
    later: int = 0
    written: set[int] = field(default_factory=set)  # books
    endings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """The stage, for one account."""

    writer: Writer
    mirror: Mirror
    account: str
    policy: ReminderPolicy
    judge: Judge
    zone: tzinfo
    export: Callable[[Book], Awaitable[Book]]
    now: datetime
    write: bool = True

    async def run(self) -> Annotated:
        """Answers first, so that what they free can be asked anew."""
        done = Annotated()
        for book in self.mirror.books.of(self.account):  # frozen or not: what is typed from now on is an answer
            self._adopt_all(book, done)  # before any write: the mirror is what the server had
        books = self._turns.books()
        for book in books:
            for contact_id, asked in self.mirror.questions.standing(book.id).items():
                await self._look_at(book, contact_id, asked, done)
        await self._ask(books, done)
        return done

    @property
    def _turns(self) -> Turns:
        return Turns(
            mirror=self.mirror,
            account=self.account,
            policy=self.policy,
            zone=self.zone,
            now=self.now,
            write=self.write,
        )

    # ------------------------------------------------------------ standing questions

    async def _look_at(self, book: Book, contact_id: int, asked: Asked, done: Annotated) -> None:
        cards = self.mirror.books.cards(book.id, contact_id=contact_id)
        if not cards:
            self._gone(asked, done)
            return
        card, there = cards[0], None
        with alone(self.mirror, self.account, card, self.now):
            there = self._over(book, card, asked, done)
        if there is None:
            return
        outcome = await self._write(book, card, partial(self._settled, book, card, there, done), done)
        with alone(self.mirror, self.account, card, self.now):
            if outcome is Outcome.PARKED:
                self._note_answer(there, card, done)
            if outcome is Outcome.WRITTEN:  # two cards may have been merged: the other block is next
                left = self.mirror.books.data(book.id, card.href)
                done.adopted += bool(left) and adopt(self.mirror, self.policy, card, left or b"", self.now)

    def _over(self, book: Book, card: VipCard, asked: Asked, done: Annotated) -> Asked | None:
        """The question, if it is over and a write now takes it out."""
        there = self._found_on(card, asked)
        if there is None:
            self._gone(asked, done)
            return None
        if self._stands_instead(card, there, card.data):
            self._give_way(card, there, card.data, done)
            return None
        if there.ending is None and self._ending(there, card, card.data) is None:
            return None
        if not self._turns.may_write(book) or self._turns.parked(book, card):
            self._note_answer(there, card, done)
            return None
        return there

    def _gone(self, asked: Asked, done: Annotated) -> None:
        """It went with its card."""
        if asked.ending is None:
            self._end(asked, Ending.WITHDRAWN, done)
        self.mirror.questions.taken_out(asked.id)

    def _found_on(self, card: VipCard, asked: Asked) -> Asked | None:
        """The question as it stands where the contact is another card now; None: it never came to that one."""
        if asked.href in {"", card.href}:
            return asked
        note = note_with(asked, card.data)
        there = replace(read.moved(note.asked, card.href, note.text), beside=note.others)
        self.mirror.questions.moved(there.id, card.href, there.user_text, there.beside)
        return there if note.text != there.user_text else None

    def _ending(self, asked: Asked, card: VipCard, data: bytes) -> Ending | None:
        """What the card says, else what time and the groups say."""
        edited = self.mirror.contacts.edited_since(asked.contact_id, asked.asked_at)
        note = note_with(asked, data)
        said = read.read(note.asked, note.text, edited).ending
        if said is not None:
            return said
        if not card.groups or not self.mirror.moves.is_wanted(asked.contact_id):
            return Ending.WITHDRAWN
        if self._seen_in_use(asked, card, data):
            return Ending.SETTLED
        return Ending.EXPIRED if self.now - asked.asked_at >= self.policy.expire_after else None

    def _seen_in_use(self, asked: Asked, card: VipCard, data: bytes) -> bool:
        """Whether we learnt since we asked that the address is in use, and nothing is left to ask."""
        memory = self.mirror.contacts.memory(asked.contact_id)
        used = [each for each in memory.evidence if each.says is Says.USED]
        learnt = (at for each in used for at in (each.first_observed_at, each.happened_at) if at)
        if memory.left_at or not any(at > asked.asked_at for at in learnt):
            return False
        return self.judge(contact_of(scan(data)), memory, card.groups)[1] is None

    def _note_answer(self, asked: Asked, card: VipCard, done: Annotated) -> None:
        """The book cannot be written now: an answer counts all the same, the block waits."""
        edited = self.mirror.contacts.edited_since(asked.contact_id, asked.asked_at)
        note = note_with(asked, card.data)
        reading = read.read(note.asked, note.text, edited)
        ended = asked.ending or self._ended_meanwhile(asked)
        if reading.ending is not None and read.still_answers(ended, reading.ending):
            self._end(asked, reading.ending, done, reading=reading)
        if not reading.standing:
            self.mirror.questions.taken_out(asked.id)

    def _settled(self, book: Book, card: VipCard, asked: Asked, done: Annotated, fresh: AddressObject) -> Change | None:
        """On the fresh card: how the question ended, and the card without its block."""
        take_note(self.mirror, book, card, fresh, self.now)
        if self._stands_instead(card, asked, fresh.data):
            self._give_way(card, asked, fresh.data, done)
            return None
        edited = self.mirror.contacts.edited_since(asked.contact_id, asked.asked_at)
        note = note_with(asked, fresh.data)
        reading = read.read(note.asked, note.text, edited)
        ended = asked.ending or self._ended_meanwhile(asked)
        again = read.still_answers(ended, reading.ending)
        ending = self._ending(asked, card, fresh.data) if again else ended
        if ending is None:
            return None
        if ending is not ended:
            self._end(asked, ending, done, reading=reading)
        spans = reading.cut if read.heard(reading, ending) else reading.block
        data = cut(fresh.data, spans, nth=note.nth) if spans else fresh.data
        if ending is Ending.LEFT and card.groups and WorkField.ORGANISATION not in edited:
            question = self.judge(contact_of(scan(data)), self.mirror.contacts.memory(card.contact_id), card.groups)[1]
            if question:
                return self._with_block(book, card, question, data, counted=False, removes=asked.id)
        if not spans:
            self.mirror.questions.taken_out(asked.id)
            return None
        done.removed += 1
        return Change(data=data, why=f"take out ({ending.value})", removes=asked.id)

    def _stands_instead(self, card: VipCard, asked: Asked, data: bytes) -> bool:
        written = [each.block for ours in self.mirror.questions.blocks(card.book_id).values() for each in ours]
        note = note_with(asked, data)
        return stands_instead(note.asked, note.text, self.policy.labels, self.policy.texts, written)

    def _give_way(self, card: VipCard, asked: Asked, data: bytes, done: Annotated) -> None:
        """Another block of ours stands there: an older card, state or cardsync put it there, and not the owner."""
        if self.mirror.journal.unsettled(card.book_id, card.href):
            return
        edited = self.mirror.contacts.edited_since(asked.contact_id, asked.asked_at)
        if not (asked.ending or self._ended_meanwhile(asked)):
            self._end(asked, Ending.WITHDRAWN, done)
        self.mirror.questions.taken_out(asked.id)
        since = asked.asked_at if edited else None
        done.adopted += adopt(self.mirror, self.policy, card, data, self.now, since=since)

    def _ended_meanwhile(self, asked: Asked) -> Ending | None:
        """The ending, where an earlier attempt of this cycle has stored it."""
        questions = self.mirror.questions.of(asked.contact_id)
        return next((known.ending for known in questions if known.id == asked.id), None)

    def _end(self, asked: Asked, ending: Ending, done: Annotated, *, reading: read.Reading | None = None) -> None:
        conclude(
            self.mirror,
            asked,
            ending,
            self.policy,
            self.now,
            delay=reading.delay if reading else None,
            suggestion=reading.suggestion if reading else "",
        )
        done.endings[ending.value] = done.endings.get(ending.value, 0) + 1

    # ------------------------------------------------------------ blocks that the database does not know

    def _adopt_all(self, book: Book, done: Annotated) -> None:
        for contact_id in self.mirror.books.unsearched(book.id):
            new = not self.mirror.questions.of(contact_id)  # else a copy of the card may hold an old question of ours
            for card in self.mirror.books.cards(book.id, contact_id=contact_id, twins=new):
                with alone(self.mirror, self.account, card, self.now):
                    done.adopted += adopt(self.mirror, self.policy, card, card.data, self.now)

    # ------------------------------------------------------------ new questions

    async def _ask(self, books: list[Book], done: Annotated) -> None:
        left = self._turns.budget().left
        if not left:
            return
        for book, card in islice(self._turns.due(books), TRIES):
            if not left or done.later >= LATERS:
                return
            if not self._turns.may_write(book):  # it was stopped a moment ago
                continue
            outcome = await self._write(book, card, partial(self._asked, book, card, done), done)
            done.asked += outcome is Outcome.WRITTEN
            left -= outcome is Outcome.WRITTEN

    def _asked(self, book: Book, card: VipCard, done: Annotated, fresh: AddressObject) -> Change | None:
        """On the fresh card: the question, if it is still worth asking."""
        take_note(self.mirror, book, card, fresh, self.now)
        if adopt(self.mirror, self.policy, card, fresh.data, self.now):
            done.adopted += 1
            return None
        if any(each.standing for each in self.mirror.questions.of(card.contact_id)):
            return None  # an attempt of a moment ago came after all
        contact = contact_of(scan(fresh.data))
        memory = self.mirror.contacts.memory(card.contact_id)
        state = self.mirror.standings.of(card.contact_id)
        if plan.quiet(contact, memory.changed_at, self.policy, self.now):
            return None
        question = self.judge(contact, memory, card.groups)[1]
        if question is None or not plan.may_ask(state, question.kind, self.policy, self.now):
            return None
        return self._with_block(book, card, question, fresh.data, counted=True)

    def _with_block(
        self, book: Book, card: VipCard, question: Question, data: bytes, *, counted: bool, removes: int | None = None
    ) -> Change:
        block = render(question, self.policy, self.now.astimezone(self.zone).date())
        after = insert(data, block, self.policy.position, max_size=book.found.max_resource_size)
        with self.mirror.transaction():
            opens = self.mirror.questions.intend(
                card.contact_id,
                question,
                href=card.href,
                block=block,
                user_text=note_text(scan(data)),
                beside=note_texts(scan(data))[1:],
                position=self.policy.position,
                counted=counted,
                now=self.now,
            )
        return Change(data=after, why=f"ask ({question.kind.value})", opens=opens, removes=removes)

    # ------------------------------------------------------------ shared

    async def _write(
        self, book: Book, card: VipCard, decide: Callable[[AddressObject], Change | None], done: Annotated
    ) -> Outcome:
        book = self.mirror.books.book(book.id)  # the first write of this cycle may have exported it
        if book.exported_at is None:
            book = await self.export(book)
        held = AddressObject(href=card.href, etag=card.etag, data=card.data)
        target = Target(href=card.href, uid_key=card.uid_key, contact_id=card.contact_id, held=held)
        outcome = await self.writer.write(book, target, decide)
        done.parked += outcome in {Outcome.PARKED, Outcome.DAMAGED}
        done.later += outcome is Outcome.LATER
        if outcome is Outcome.WRITTEN:
            done.written.add(book.id)
        return outcome
