"""Pull: the server's books into the mirror, and who is a VIP now."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog

from cardsync.errors import Broken, CardRefused, EmptyListing, ServerProblem, TokenRefused
from cardsync.mirror import Mirror
from cardsync.model import uid_key
from cardsync.policy import GuardPolicy
from cardsync.ports import Server
from cardsync.pull.members import resolve, resolved, set_resolved
from cardsync.pull.plan import is_gone, plan, too_much, unbelievable
from cardsync.pull.strays import DETAIL, Looked, strays
from cardsync.records import Book, Known, Problem, ProblemKind, Read
from cardsync.resources import AddressObject, Fetched, Listing
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import peek, scan
from cardsync.words import count

log = structlog.get_logger("cardsync.pull")
EMPTY = "empty"
"""The reason of a listing that a release accepts."""
HOLDS = timedelta(hours=24)
"""How long discovery and a comparison of all ETags hold; some servers never own up to a lost token."""

_UNASKABLE = "{entries} of the book with an address that cannot be asked for, left alone."
_GUARDED = (
    "Every note stays as it is. Put things right on the phone or the server, or say that they are: cardsync release."
)


@dataclass(slots=True)
class Pulled:
    """What one account's pull did; ``changed``: contacts whose card is new or was edited."""

    fetched: int = 0
    removed: int = 0
    quarantined: int = 0
    books: int = 0
    failed_books: int = 0
    changed: set[int] = field(default_factory=set)
    looked: dict[str, Looked] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """The stage, for one account."""

    server: Server
    mirror: Mirror
    account: str
    wanted: tuple[str, ...]
    guards: GuardPolicy
    now: datetime
    progress: Callable[[int, int], None] = lambda done, of: None
    holds_block: Callable[[bytes], bool] = lambda data: False

    async def run(self) -> Pulled:
        """All books; one that fails does not stop the others."""
        done = Pulled()
        await self._discover()
        for book in self.mirror.books.of(self.account):
            done.books += 1
            try:
                await self._book(book, done)
            except ServerProblem as error:
                done.failed_books += 1
                reason = EMPTY if isinstance(error, EmptyListing) else "listing"
                self._report(ProblemKind.LISTING, book, reason, str(error))
            else:
                self.mirror.problems.solved(ProblemKind.LISTING, self.account, book_id=book.id)
        return done

    async def move_on(self, book_ids: Collection[int]) -> None:
        """Let the markers of these books stand for our own writes too, so that the next cycle does not list them.

        A book in which anything else changed as well is left to the next cycle.
        """
        for book_id in sorted(book_ids):
            book = self.mirror.books.book(book_id)
            if book.marker is None:
                continue
            try:
                listing = await self.server.changes(book.found, book.marker)
            except (ServerProblem, Broken):  # it only saves work
                continue
            todo = plan(listing, self.mirror.books.known(book_id))
            if not todo.fetch and not todo.remove:
                self.mirror.books.commit_marker(book_id, listing.marker, listed_at=None)

    async def _discover(self) -> None:
        last = self.mirror.accounts.discovered_at(self.account)
        if self._is_due(last):
            self.mirror.accounts.store_discovery(self.account, await self.server.discover(), self.now)

    def _is_due(self, last: datetime | None) -> bool:
        """Also where it was done in the future: the clock was set back."""
        return last is None or not timedelta(0) <= self.now - last < HOLDS

    # ------------------------------------------------------------ one book

    async def _book(self, book: Book, done: Pulled) -> None:
        done.looked.clear()
        listing = await self._listing(book, full=self._is_due(book.listed_at))
        self._tell_left_out(book, listing)
        news = (listing.complete and not listing.unchanged) or listing.etags or listing.removed
        if news:
            await self._take_over(book, listing, done)
        elif listing.marker != book.marker:
            self.mirror.books.commit_marker(book.id, listing.marker, listed_at=None)
        if news or not resolved(self.mirror, book.id, self.wanted):
            await self._members(book, done)
            self.mirror.books.drop_unneeded_data(book.id)
        with self.mirror.transaction():
            self._observe(book, done)
            for href, etag in strays(self.mirror, book, done.looked).items():
                self._report(ProblemKind.STRAY, book, "stray", DETAIL, href=href, etag=etag)

    def _tell_left_out(self, book: Book, listing: Listing) -> None:
        """Entries that cannot be asked for are told of as long as the book lists them; which, nobody is shown."""
        if listing.left_out and listing.complete:
            entries = count(listing.left_out, "entry", "entries")
            self._report(ProblemKind.QUARANTINED, book, "unaskable", _UNASKABLE.format(entries=entries))
        elif listing.complete:
            self.mirror.problems.solved(ProblemKind.QUARANTINED, self.account, book_id=book.id)

    async def _take_over(self, book: Book, listing: Listing, done: Pulled) -> None:
        """Fetch what is new; the marker is stored with the last of what it stands for.

        What is left to do then (groups, history) is marked in the same transactions: a crash forgets nothing.
        """
        known = self.mirror.books.known(book.id)
        self._believe(listing, known, book)
        todo = plan(listing, known)
        with self.mirror.transaction():
            set_resolved(self.mirror, book.id, ())
            if known and too_much(todo, len(known), self.guards):
                detail = f"{todo.changed} of {count(len(known), 'card')} changed at once. {_GUARDED}"
                self._report(ProblemKind.MASS_CHANGE, book, "mass-change", detail)
        await self._fetch(book, todo.fetch, done, listing.etags)
        with self.mirror.transaction():
            self._forget(book, todo.remove, done)
            bad = self.mirror.problems.of_book(book.id, ProblemKind.QUARANTINED).keys() - {""}
            self.mirror.problems.gone(book.id, [href for href in bad if is_gone(href, listing)])
            self.mirror.books.commit_marker(book.id, listing.marker, listed_at=self.now if listing.complete else None)
            self.mirror.cycles.set_fact(self._accepted(book), "")

    async def _listing(self, book: Book, *, full: bool) -> Listing:
        if book.marker is None or not full:
            try:
                return await self.server.changes(book.found, book.marker)
            except TokenRefused:
                log.info("token refused, listing everything", account=self.account, book=book.id)
        return await self.server.listing(book.found)

    def _believe(self, listing: Listing, known: dict[str, Known], book: Book) -> None:
        doubt = unbelievable(listing, known)
        if doubt and not self.mirror.cycles.fact(self._accepted(book)):
            raise EmptyListing(f"{doubt} Nothing was changed here. If it is true: cardsync release.")

    def _accepted(self, book: Book) -> str:
        return f"accepted-listing:{book.id}"

    # ------------------------------------------------------------ bytes

    async def _fetch(
        self, book: Book, hrefs: Sequence[str], done: Pulled, etags: Mapping[str, str | None] = MappingProxyType({})
    ) -> None:
        """Store what is new; an ETag that a multiget leaves out is the listing's."""
        if not hrefs:
            return
        keep = self.mirror.books.kept(book.id)
        reached = 0
        async with aclosing(self.server.fetch(book.found, hrefs)) as batches:
            async for batch in batches:
                with self.mirror.transaction():
                    self._store(book, batch.objects, etags, keep, done)
                    self._account_for(book, batch, done)
                reached += len(batch.objects) + len(batch.gone) + len(batch.failed)
                self.progress(reached, len(hrefs))

    def _store(
        self,
        book: Book,
        batch: Sequence[AddressObject],
        etags: Mapping[str, str | None],
        keep: frozenset[str],
        done: Pulled,
    ) -> None:
        changed = []
        quarantined = self.mirror.problems.of_book(book.id, ProblemKind.QUARANTINED)
        for fetched in batch:
            one = self._read(book, fetched, fetched.etag or etags.get(fetched.href), keep, done)
            if one is None:
                continue
            done.fetched += 1
            if one.href in quarantined:
                self.mirror.problems.solved(ProblemKind.QUARANTINED, self.account, book_id=book.id, href=one.href)
            before = self.mirror.books.data(book.id, one.href) if one.data else None
            if before and same_card(before, fetched.data):
                self.mirror.books.set_etag(book.id, one.href, one.etag)
            else:
                changed.append(one)
        self.mirror.books.store(book.id, changed)

    def _read(
        self, book: Book, fetched: AddressObject, etag: str | None, keep: frozenset[str], done: Pulled
    ) -> Read | None:
        try:
            summary = peek(fetched.data)
            key = uid_key(summary.uid)
            kept = summary.is_group or key in keep
            if kept:
                scan(fetched.data)  # every later stage may rely on it
        except CardRefused as error:
            self._quarantine(book, fetched.href, etag, str(error), done)
            return None
        has_block = not kept and self.holds_block(fetched.data)
        done.looked[fetched.href] = Looked(uid_key=key, etag=etag, has_block=has_block)
        return Read(
            href=fetched.href,
            etag=etag,
            uid_key=key,
            is_group=summary.is_group,
            categories=summary.categories,
            data=fetched.data if kept else None,
        )

    def _account_for(self, book: Book, batch: Fetched, done: Pulled) -> None:
        self._forget(book, batch.gone, done)
        for href, reason in batch.failed.items():
            self._quarantine(book, href, None, reason, done)

    def _forget(self, book: Book, hrefs: Collection[str], done: Pulled) -> None:
        """What the server no longer has; what was wrong with it goes too."""
        self.mirror.books.remove(book.id, hrefs)
        self.mirror.problems.gone(book.id, hrefs)
        done.removed += len(hrefs)

    def _quarantine(self, book: Book, href: str, etag: str | None, reason: str, done: Pulled) -> None:
        """What we hold of it stays; without an ETag the next full comparison asks for it again."""
        self.mirror.books.set_etag(book.id, href, None)
        done.quarantined += 1
        self._report(ProblemKind.QUARANTINED, book, "unreadable", reason, href=href, etag=etag)

    # ------------------------------------------------------------ VIPs

    async def _members(self, book: Book, done: Pulled) -> None:
        """Resolve the groups, and fetch the bytes of those who became VIPs."""
        found = resolve(self.mirror, book, self.wanted, self.guards)
        if found.lost:
            self._report(ProblemKind.VIP_LOSS, book, "vip-loss", f"{found.lost} {_GUARDED}")
            return
        self.mirror.problems.solved(ProblemKind.VIP_LOSS, self.account, book_id=book.id)
        again = Pulled(looked=done.looked)  # these cards were read before: they count once
        await self._fetch(book, self.mirror.books.vip_hrefs_without_data(book.id), again)
        done.removed += again.removed
        done.quarantined += again.quarantined
        set_resolved(self.mirror, book.id, self.wanted)

    def _observe(self, book: Book, done: Pulled) -> None:
        """Take note of what the user changed on VIPs' cards, and of VIPs seen for the first time."""
        for key, held in self.mirror.books.unseen(book.id):
            try:
                contact = contact_of(scan(held.data))
            except CardRefused as error:
                self._quarantine(book, held.href, held.etag, str(error), done)
                continue
            contact_id, _ = self.mirror.contacts.observe(book.id, contact, key, held.href, work_keys(contact), self.now)
            self.mirror.books.store_data(book.id, held.href, held.data, seen=True)
            done.changed.add(contact_id)

    # ------------------------------------------------------------ problems

    def _report(
        self, kind: ProblemKind, book: Book, reason: str, detail: str, *, href: str = "", etag: str | None = None
    ) -> None:
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


def same_card(one: bytes, other: bytes) -> bool:
    """Whether two servings are the same bytes but for line ends, which XML does not keep."""
    return one.replace(b"\r\n", b"\n").strip() == other.replace(b"\r\n", b"\n").strip()
