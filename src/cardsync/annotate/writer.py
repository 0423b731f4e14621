"""One card, written so that nothing is lost: GET -> journal -> PUT If-Match -> GET -> compare."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog

from cardsync.annotate.block import find
from cardsync.annotate.verify import Verdict, judge
from cardsync.errors import CardRefused
from cardsync.mirror import Mirror
from cardsync.model import AddressObject, PutAnswer, PutResult
from cardsync.ports import Server
from cardsync.records import Book, Intent, Problem, ProblemKind
from cardsync.vcard.document import fragile, scan
from cardsync.vcard.note import note_text

log = structlog.get_logger("cardsync.annotate")
ATTEMPTS = 3


class Outcome(StrEnum):
    """What became of a wish to change a card."""

    NOTHING = "nothing"  # the fresh card gave no reason to write
    WRITTEN = "written"
    GONE = "gone"
    PARKED = "parked"
    LATER = "later"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a decision makes of a fresh card, and which questions that opens and takes out."""

    data: bytes
    why: str
    opens: int | None = None
    removes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The card to write."""

    href: str
    uid_key: str
    contact_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a dry run would have written."""

    book_id: int
    href: str
    before: bytes
    after: bytes
    why: str


Decide = Callable[[AddressObject], Change | None]
"""The decision, made on the fresh card and made again after a conflict; raises CardRefused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """The only place that PUTs.  With ``previews`` it PUTs nothing and collects what it would have."""

    server: Server
    mirror: Mirror
    account: str
    now: datetime
    previews: list[Preview] | None = None

    async def write(self, book: Book, target: Target, decide: Decide) -> Outcome:
        """Change one card by ``decide``; a conflict is decided again, at most three times."""
        seen: set[str] = set()
        for _ in range(ATTEMPTS):
            fresh = await self._fresh(book, target)
            if isinstance(fresh, Outcome):
                return fresh
            if fresh.etag in seen:
                return self._park(book, target.href, fresh.etag, "conflict", _STUCK)
            seen.add(fresh.etag or "")
            change = None
            try:
                change = decide(fresh)
                self._check_fragile(book, fresh, change)
            except CardRefused as error:
                self._forget(change.opens if change else None)
                return self._park(book, target.href, fresh.etag, error.reason, str(error))
            if change is None or change.data == fresh.data:
                return Outcome.NOTHING
            outcome = await _to_the_end(self._attempt(book, target, fresh, change))
            if outcome is not None:
                return outcome
        return Outcome.LATER

    async def resolve(self) -> None:
        """Settle writes that a crash or a broken connection left open, by reading the server."""
        self.mirror.questions.forget_unsent(self.account)
        for intent in self.mirror.journal.pending(self.account):
            book = self.mirror.books.book(intent.book_id)
            got = await self.server.get(book.found, intent.href)
            stored = await self.server.stored(book.found, got) if got else None
            await self._settle(book, intent, stored or got, PutAnswer(result=PutResult.UNKNOWN))

    # ------------------------------------------------------------ steps

    async def _fresh(self, book: Book, target: Target) -> AddressObject | Outcome:
        got = await self.server.get(book.found, target.href)
        if got is None:
            return Outcome.GONE
        stored = await self.server.stored(book.found, got)
        if stored is None:
            return self._park(book, target.href, got.etag, "converted", _CONVERTED)
        if not stored.etag:
            return self._park(book, target.href, None, "no-etag", _NO_ETAG)
        return stored

    def _check_fragile(self, book: Book, fresh: AddressObject, change: Change | None) -> None:
        why = fragile(scan(fresh.data)) if change and not book.exact else None
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
        got = await self.server.get(book.found, target.href)
        if got is not None and got.data != change.data and book.found.may_convert:
            got = await self.server.stored(book.found, got) or got
        return await self._settle(book, intent, got, answer)

    def _pretend(
        self, book: Book, target: Target, fresh: AddressObject, change: Change, previews: list[Preview]
    ) -> Outcome:
        previews.append(
            Preview(book_id=book.id, href=target.href, before=fresh.data, after=change.data, why=change.why)
        )
        self._store(book, replace(fresh, data=change.data), change.opens, change.removes)
        return Outcome.WRITTEN

    # ------------------------------------------------------------ what stands there now

    async def _settle(self, book: Book, intent: Intent, got: AddressObject | None, answer: PutAnswer) -> Outcome | None:
        """Compare and conclude; None: a conflict, decide again."""
        if got is None:
            self._abandon(intent, "the card is gone")
            return Outcome.GONE
        finding = judge(intent, got, answer)
        match finding.verdict:
            case Verdict.VERIFIED:
                with self.mirror.transaction():
                    self._store(book, got, intent.opens, intent.removes)
                    self.mirror.books.saw_bytes(book.id, exact=got.data == intent.after)
                    self.mirror.journal.close(intent.id, verified=True, outcome="verified")
                return Outcome.WRITTEN
            case Verdict.NOT_WRITTEN:
                self._abandon(intent, answer.result.value)
                return self._refused(book, intent, got, answer)
            case Verdict.EDITED:
                self._edited(intent, got)
                return None if answer.result is PutResult.CONFLICT else Outcome.LATER
            case Verdict.DAMAGED:
                return await self._put_back(book, intent, got, finding.differences)

    def _refused(self, book: Book, intent: Intent, got: AddressObject, answer: PutAnswer) -> Outcome | None:
        match answer.result:
            case PutResult.CONFLICT:
                return None
            case PutResult.REFUSED:
                return self._park(book, intent.href, got.etag, "refused", _REFUSED.format(status=answer.status))
            case PutResult.STORED:
                return self._park(book, intent.href, got.etag, "not-stored", _NOT_STORED)
            case _:
                return Outcome.LATER

    def _store(self, book: Book, got: AddressObject, opens: int | None, removes: int | None) -> None:
        with self.mirror.transaction():
            self.mirror.books.set_etag(book.id, got.href, got.etag)
            self.mirror.books.store_data(book.id, got.href, got.data, seen=True)
            if removes is not None:
                self.mirror.questions.taken_out(removes)
            if opens is not None:
                self.mirror.questions.opened(opens)
            self.mirror.problems.solved(ProblemKind.PARKED, self.account, book_id=book.id, href=got.href)

    def _abandon(self, intent: Intent, outcome: str) -> None:
        with self.mirror.transaction():
            self.mirror.journal.close(intent.id, verified=False, outcome=outcome)
            self._forget(intent.opens)

    def _forget(self, question_id: int | None) -> None:
        if question_id is not None:
            self.mirror.questions.forget(question_id)

    def _edited(self, intent: Intent, got: AddressObject) -> None:
        """Someone wrote after us, or instead of us: what stands there tells which blocks do.

        The mirror keeps its old version, so that the next pull reads this one as the user's edit.
        """
        note = note_text(scan(got.data))
        questions = {asked.id: asked for asked in self.mirror.questions.of(intent.contact_id or 0)}
        with self.mirror.transaction():
            opened, removed = questions.get(intent.opens or 0), questions.get(intent.removes or 0)
            if removed and not find(note, removed.block, removed.user_text, removed.position):
                self.mirror.questions.taken_out(removed.id)
            if opened and find(note, opened.block, opened.user_text, opened.position):
                if removed:
                    self.mirror.questions.taken_out(removed.id)
                self.mirror.questions.opened(opened.id)
            elif opened:
                self.mirror.questions.forget(opened.id)
            self.mirror.journal.close(intent.id, verified=False, outcome="edited by another client")

    async def _put_back(self, book: Book, intent: Intent, got: AddressObject, differences: tuple[str, ...]) -> Outcome:
        """The server made something else of the card: the kept bytes go back once, and writing here stops."""
        back = PutAnswer(result=PutResult.REFUSED)
        if got.etag:
            back = await self.server.put(book.found, intent.href, intent.before, got.etag)
        now = await self.server.get(book.found, intent.href)
        whole = now is not None and judge(replace(intent, after=intent.before), now, back).verdict is Verdict.VERIFIED
        kept = "The card is as it was." if whole else "The kept version: cardsync restore."
        detail = f"The server changed {', '.join(differences)} when a note was written. {kept} Then: cardsync release."
        with self.mirror.transaction():
            self.mirror.books.saw_bytes(book.id, exact=False)
            self._report(ProblemKind.WRITING_STOPPED, book, "", None, "damaged", detail)
            self._report(ProblemKind.PARKED, book, intent.href, now.etag if now else None, "damaged", detail)
            if now is not None and whole:
                self.mirror.books.set_etag(book.id, now.href, now.etag)
                self.mirror.books.store_data(book.id, now.href, now.data, seen=True)
            self._abandon(intent, "damaged")
        return Outcome.DAMAGED

    # ------------------------------------------------------------ reports

    def _park(self, book: Book, href: str, etag: str | None, reason: str, detail: str) -> Outcome:
        self._report(ProblemKind.PARKED, book, href, etag, reason, detail)
        return Outcome.PARKED

    def _report(self, kind: ProblemKind, book: Book, href: str, etag: str | None, reason: str, detail: str) -> None:
        problem = Problem(
            kind=kind,
            account=self.account,
            reason=reason,
            detail=detail,
            since=self.now,
            book_id=book.id,
            href=href,
            etag=etag,
        )
        if self.mirror.problems.report(problem):
            log.warning("problem", kind=kind.value, account=self.account, book=book.id, reason=reason)


async def _to_the_end(attempt: Coroutine[Any, Any, Outcome | None]) -> Outcome | None:
    """A write that has begun is verified even when we are told to stop meanwhile."""
    task = asyncio.ensure_future(attempt)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


_STUCK = "The server says that the card changed, and it did not (perhaps the card is too large for it)."
_CONVERTED = "The server shows the card in another vCard version than it stores; writing that would downgrade it."
_NO_ETAG = "The server gives no ETag for the card, so a write could not be made safe."
_REFUSED = "The server refused the card with status {status}."
_NOT_STORED = "The server said that it stored the card, and did not."
