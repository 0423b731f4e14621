"""One card, written so that nothing is lost: GET -> journal -> PUT If-Match -> GET -> compare."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cardsync.annotate.settle import Outcome, Settlement
from cardsync.annotate.verify import COUNTER
from cardsync.errors import Broken, CardRefused, ServerProblem
from cardsync.mirror import Mirror
from cardsync.mirror.mistakes import MISTAKE, why_left_out
from cardsync.mirror.problems import CONVERTED, RESTLESS
from cardsync.model import uid_key
from cardsync.ports import Server
from cardsync.records import Book, Preview, ProblemKind
from cardsync.resources import AddressObject, PutAnswer, PutResult, opaque
from cardsync.vcard.compare import differences
from cardsync.vcard.document import fragile, scan, torn_in_folding

__all__ = ["Change", "Decide", "Outcome", "Target", "Writer"]
ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a decision makes of a fresh card, and which questions that opens and takes out.

    ``wanted``: the owner asked for these very bytes, so they are sent even where the server may not keep them.
    """

    data: bytes
    why: str
    opens: int | None = None
    removes: int | None = None
    wanted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The card to write; ``held`` is what the mirror has of it, which the server must not deny."""

    href: str
    uid_key: str
    contact_id: int | None
    held: AddressObject | None = None


Decide = Callable[[AddressObject], Change | None]
"""The decision, made on the fresh card and made again after a conflict; raises CardRefused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """All writes begin here.  With ``previews`` it PUTs nothing and collects what it would have.

    ``may_put``: else not even kept bytes are put back on a card that the server damaged; it is told of all the same.
    """

    server: Server
    mirror: Mirror
    account: str
    now: datetime
    previews: list[Preview] | None = None
    may_put: bool = True

    @property
    def _settlement(self) -> Settlement:
        return Settlement(
            server=self.server, mirror=self.mirror, account=self.account, now=self.now, may_put=self.may_put
        )

    async def write(self, book: Book, target: Target, decide: Decide) -> Outcome:
        """Change one card by ``decide``; a conflict is decided again, at most three times."""
        if self.mirror.journal.unsettled(book.id, target.href):
            return Outcome.LATER
        seen: set[str] = set()
        bodies: set[bytes] = set()
        for _ in range(ATTEMPTS):
            try:
                fresh = await self._fresh(book, target)
            except (ServerProblem, Broken) as error:
                return self._settlement.unreadable(book, target.href, error)
            if isinstance(fresh, Outcome):
                return fresh
            if fresh.etag in seen:
                return self._settlement.park(book, target.href, fresh.etag, "conflict", _STUCK)
            seen.add(fresh.etag or "")
            bodies.add(fresh.data)
            change = self._decided(book, target, fresh, decide)
            if isinstance(change, Outcome):
                return change
            if change is None or change.data == fresh.data:
                self.mirror.problems.solved(ProblemKind.PARKED, self.account, book_id=book.id, href=target.href)
                return Outcome.NOTHING
            outcome = await _to_the_end(self._attempt(book, target, fresh, change))
            if outcome is not None:
                return outcome
        if len(bodies) == 1:  # nobody edits three times without a trace
            return self._settlement.park(book, target.href, None, RESTLESS, _RESTLESS)
        return Outcome.LATER

    async def resolve(self) -> None:
        """Settle writes that a crash or a broken connection left open, by reading the server."""
        self.mirror.questions.forget_unsent(self.account)
        for intent in self.mirror.journal.pending(self.account):
            book = self.mirror.books.book(intent.book_id)
            try:
                answer = PutAnswer(result=PutResult.UNKNOWN, etag=intent.put_etag)
                await self._settlement.look(book, intent, answer)
            except (Broken, CardRefused) as error:  # one card stops no other
                self._settlement.unreadable(book, intent.href, error)

    # ------------------------------------------------------------ steps

    async def _fresh(self, book: Book, target: Target) -> AddressObject | Outcome:
        got = await self.server.get(book.found, target.href)
        if got is None:
            return Outcome.GONE
        self._check_serving(book, target, got)
        stored = await self.server.stored(book.found, got)
        if stored is None:
            self.mirror.problems.solved(ProblemKind.PARKED, self.account, book_id=book.id, href=target.href)
            return self._settlement.park(book, target.href, got.etag, CONVERTED, _CONVERTED)  # since this try
        if not stored.etag:
            return self._settlement.park(book, target.href, None, "no-etag", _NO_ETAG)
        return stored

    def _decided(self, book: Book, target: Target, fresh: AddressObject, decide: Decide) -> Change | Outcome | None:
        change = None
        try:
            change = decide(fresh)
            self._check_fragile(book, change, fresh.etag or "")
        except CardRefused as error:
            self._settlement.forget(change.opens if change else None)
            return self._settlement.park(book, target.href, fresh.etag, error.reason, str(error))
        except Exception as error:  # noqa: BLE001 - what we did not foresee stops no other card
            why = why_left_out(error)
            self._settlement.forget(change.opens if change else None)
            self._settlement.park(book, target.href, fresh.etag, MISTAKE, why)
            return Outcome.LEFT_OUT
        return change

    def _check_serving(self, book: Book, target: Target, got: AddressObject) -> None:
        """Raises ``ServerProblem`` for bytes that are not the stored card's; written back, they would become it."""
        try:
            now = scan(got.data)
        except CardRefused:  # whoever decides about it says why
            return
        if now.text("UID") and uid_key(now.text("UID")) != target.uid_key:
            raise ServerProblem(_ANOTHER)
        held = None if book.found.may_convert else target.held
        if held and held.etag in {None, got.etag} and differences(scan(held.data), now):
            self.mirror.books.set_etag(book.id, target.href, None)  # the next full comparison asks for it again
            raise ServerProblem(_TWO_FORMS)

    def _check_fragile(self, book: Book, change: Change | None, etag: str) -> None:
        if change and not change.wanted and COUNTER.fullmatch(opaque(etag)) and torn_in_folding(scan(change.data)):
            raise CardRefused("fragile", _TORN)
        why = fragile(scan(change.data)) if change and not change.wanted and not book.exact else None
        if why:
            raise CardRefused("fragile", f"{why} Written only where the server was seen to keep every byte.")

    async def _attempt(self, book: Book, target: Target, fresh: AddressObject, change: Change) -> Outcome | None:
        if self.previews is not None:
            return self._pretend(book, target, fresh, change, self.previews)
        intent = self.mirror.journal.begin(
            book_id=book.id,
            href=target.href,
            uid_key=target.uid_key,
            contact_id=target.contact_id,
            etag=fresh.etag or "",
            before=fresh.data,
            after=change.data,
            opens=change.opens,
            removes=change.removes,
            why=change.why,
            now=self.now,
        )
        answer = await self.server.put(book.found, target.href, change.data, fresh.etag or "")
        if answer.result is PutResult.STORED:
            self.mirror.journal.answered(intent.id, answer.etag or "")
        return await self._settlement.look(book, intent, answer)

    def _pretend(
        self, book: Book, target: Target, fresh: AddressObject, change: Change, previews: list[Preview]
    ) -> Outcome:
        previews.append(
            Preview(book_id=book.id, href=target.href, before=fresh.data, after=change.data, why=change.why)
        )
        self._settlement.keep(book, replace(fresh, data=change.data), change.opens, change.removes)
        return Outcome.WRITTEN


async def _to_the_end(attempt: Coroutine[Any, Any, Outcome | None]) -> Outcome | None:
    """A write that has begun is verified even when we are told to stop meanwhile."""
    task = asyncio.ensure_future(attempt)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        task.exception()  # looked at; what it left open, the next start settles
        raise


_TORN = (
    "With the question an emoji would stand where this server, a SOGo, folds the line and loses the card. "
    "Once the note is longer or shorter, it is tried again."
)
_STUCK = "The server says that the card changed, and it did not (perhaps the card is too large for it)."
_RESTLESS = (
    "The server names another ETag for the card at every look, so a write could not be made safe. "
    "Once that is mended: cardsync release."
)
_ANOTHER = "The server shows another contact under the address of this one."
_TWO_FORMS = "The server shows the card in two forms under one ETag, so a write could not be made safe."
_CONVERTED = "The server shows the card in another vCard version than it stores; writing that would downgrade it."
_NO_ETAG = "The server gives no ETag for the card, so a write could not be made safe."
