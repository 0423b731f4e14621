"""Pull: the server's books into the mirror, and who is a VIP now."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from cardsync.errors import Broken, EmptyListing, ServerProblem, TokenRefused
from cardsync.logs import get_logger
from cardsync.mirror import Mirror
from cardsync.mirror.mistakes import why_left_out
from cardsync.model import uid_key
from cardsync.policy import GuardPolicy
from cardsync.ports import Server
from cardsync.pull.members import resolve, resolved, set_resolved
from cardsync.pull.plan import is_gone, mass_change, plan, too_much, unbelievable
from cardsync.pull.strays import DETAIL, Looked, strays
from cardsync.records import Book, Known, ProblemKind, Read
from cardsync.resources import AddressObject, Fetched, Listing
from cardsync.vcard.compare import same_card
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import peek, scan
from cardsync.words import count

log = get_logger("cardsync.pull")
EMPTY = "empty"
"""The reason of a listing that a release accepts."""
ACCEPTED = "accepted listing"
"""The fact of a book whose release was that."""
SEVERAL = 3  # books in a row that break off, or all: it is the server
HOLDS = timedelta(hours=24)
"""How long discovery and a comparison of all ETags hold; some servers never own up to a lost token."""

_UNASKABLE = "{entries} of the book with an address that cannot be asked for, left alone."
_GUARDED = (
    "Every note stays as it is. Put things right on the phone or the server, or say that they are: cardsync release."
)
_EXPORTS = " The book's exports, the first from before the first write, are in {backups}."


@dataclass(slots=True)
class Pulled:
    """What one account's pull did, in counts."""

    fetched: int = 0
    removed: int = 0
    quarantined: int = 0
    books: int = 0
    failed_books: int = 0
    looked: dict[str, Looked] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """The stage, for one account."""

    server: Server
    mirror: Mirror
    account: str
    wanted: tuple[str, ...]
    guards: GuardPolicy
    backups: Path
    now: datetime
    progress: Callable[[int, int], None] = lambda done, of: None
    holds_block: Callable[[bytes], bool] = lambda data: False

    async def run(self) -> Pulled:
        """All books; one that fails does not stop the others.  Raises ``Broken`` where the server did it to several."""
        done = Pulled()
        await self._discover()
        books, in_a_row = self.mirror.books.of(self.account), 0
        for book in books:
            done.books += 1
            try:
                await self._book(book, done)
            except (ServerProblem, Broken) as error:
                in_a_row = in_a_row + 1 if isinstance(error, Broken) else 0
                if in_a_row == min(SEVERAL, len(books)):
                    raise
                done.failed_books += 1
                reason = EMPTY if isinstance(error, EmptyListing) else "listing"
                self.mirror.problems.tell(ProblemKind.LISTING, book, reason, str(error), self.now)
            else:
                in_a_row = 0
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
        came: frozenset[str] = frozenset()
        if news or not resolved(self.mirror, book.id, self.wanted):
            came = await self._members(book, done)
            self.mirror.books.drop_unneeded_data(book.id)
        with self.mirror.transaction():
            self._observe(book, done, came)
            for href, etag in strays(self.mirror, book, done.looked).items():
                self.mirror.problems.tell(ProblemKind.STRAY, book, "stray", DETAIL, self.now, href=href, etag=etag)

    def _tell_left_out(self, book: Book, listing: Listing) -> None:
        """Entries that cannot be asked for are told of as long as the book lists them; which, nobody is shown."""
        if listing.left_out and listing.complete:
            entries = count(listing.left_out, "entry", "entries")
            self.mirror.problems.tell(
                ProblemKind.QUARANTINED, book, "unaskable", _UNASKABLE.format(entries=entries), self.now
            )
        elif listing.complete:
            self.mirror.problems.solved(ProblemKind.QUARANTINED, self.account, book_id=book.id)

    async def _take_over(self, book: Book, listing: Listing, done: Pulled) -> None:
        """Fetch what is new; the marker is stored with the last of what it stands for.

        What is left to do then (groups, history) is marked in the same transactions: a crash forgets nothing.
        """
        known = self.mirror.books.known(book.id)
        self._believe(listing, known, book)
        todo = plan(listing, known)
        log.debug("changes", account=self.account, book=book.id, fetch=len(todo.fetch), remove=len(todo.remove))
        with self.mirror.transaction():
            set_resolved(self.mirror, book.id, ())
            if known and too_much(todo, len(known), self.guards):
                exports = _EXPORTS.format(backups=self.backups) if todo.remove and book.exported_at else ""
                detail = mass_change(todo, len(known)) + exports
                self.mirror.problems.tell(ProblemKind.MASS_CHANGE, book, "mass-change", detail, self.now)
        await self._fetch(book, todo.fetch, done, listing.etags)
        with self.mirror.transaction():
            self._forget(book, todo.remove, done)
            bad = self.mirror.problems.of_book(book.id, ProblemKind.QUARANTINED).keys() - {""}
            self.mirror.problems.gone(book.id, [href for href in bad if is_gone(href, listing)])
            self.mirror.books.commit_marker(book.id, listing.marker, listed_at=self.now if listing.complete else None)
            self.mirror.cycles.set_book_fact(book.id, ACCEPTED, "")

    async def _listing(self, book: Book, *, full: bool) -> Listing:
        if book.marker is None or not full:
            try:
                return await self.server.changes(book.found, book.marker)
            except TokenRefused:
                log.info("token refused, listing everything", account=self.account, book=book.id)
        return await self.server.listing(book.found)

    def _believe(self, listing: Listing, known: dict[str, Known], book: Book) -> None:
        doubt = unbelievable(listing, known)
        if doubt and not self.mirror.cycles.book_fact(book.id, ACCEPTED):
            raise EmptyListing(f"{doubt} Nothing was changed here. If it is true: cardsync release.")

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
        except Exception as error:  # noqa: BLE001 - what we did not foresee stops no other card
            self._quarantine(book, fetched.href, etag, why_left_out(error), done)
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
        self.mirror.problems.tell(ProblemKind.QUARANTINED, book, "unreadable", reason, self.now, href=href, etag=etag)

    # ------------------------------------------------------------ VIPs

    async def _members(self, book: Book, done: Pulled) -> frozenset[str]:
        """Resolve the groups, and fetch the bytes of those who became VIPs; their hrefs."""
        found = resolve(self.mirror, book, self.wanted, self.guards)
        if found.lost:
            self.mirror.problems.tell(ProblemKind.VIP_LOSS, book, "vip-loss", f"{found.lost} {_GUARDED}", self.now)
            set_resolved(self.mirror, book.id, ())  # looked at again in each cycle, until it is as it was
            return frozenset()
        self.mirror.problems.solved(ProblemKind.VIP_LOSS, self.account, book_id=book.id)
        again = Pulled(looked=done.looked)  # these cards were read before: they count once
        came = self.mirror.books.vip_hrefs_without_data(book.id)
        await self._fetch(book, came, again)
        done.removed += again.removed
        done.quarantined += again.quarantined
        set_resolved(self.mirror, book.id, self.wanted)
        return frozenset(came)

    def _observe(self, book: Book, done: Pulled, came: Collection[str]) -> None:
        """Take note of what the user changed on VIPs' cards, and of VIPs seen for the first time.

        Of those who ``came`` (back) into a list only a work field that differs tells of a change.
        """
        for key, held in self.mirror.books.unseen(book.id):
            try:
                contact = contact_of(scan(held.data))
                keys = work_keys(contact)
            except Exception as error:  # noqa: BLE001 - as above
                self._quarantine(book, held.href, held.etag, why_left_out(error), done)
                continue
            self.mirror.contacts.observe(book.id, contact, key, held.href, keys, self.now, read_anew=held.href in came)
            self.mirror.books.store_data(book.id, held.href, held.data, seen=True)
