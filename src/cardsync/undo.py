"""``notes remove``, ``backup`` and ``restore`` for all accounts: what needs the servers, between cycles."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from cardsync.annotate.comeback import put_back
from cardsync.annotate.export import export, export_first
from cardsync.annotate.undo import Undo
from cardsync.annotate.writer import Outcome, Preview, Target, Writer
from cardsync.app import PARTIAL, App
from cardsync.errors import CardsyncError, LoginRefused, StateProblem, Unreachable
from cardsync.mirror.database import moment
from cardsync.ports import Server
from cardsync.records import Book, ProblemKind
from cardsync.report import Person
from cardsync.resources import AddressBook
from cardsync.vcard.compare import differences
from cardsync.vcard.document import scan
from cardsync.words import count

_LEFT = {Outcome.PARKED.value, Outcome.LATER.value, Outcome.DAMAGED.value}


async def remove_notes(app: App, *, dry_run: bool) -> tuple[list[dict[str, Any]], list[Preview]]:
    """Every block out of every book that may be written; one account that fails does not stop the others."""
    found: list[dict[str, Any]] = []
    previews: list[Preview] = []
    for name in app.settings.accounts:
        row: dict[str, Any] = {"account": name, "book": "", "counts": {}, "error": ""}
        try:
            books = await _books(app, name)
        except CardsyncError as error:
            found.append({**row, "error": str(error), "exit_code": error.exit_code})
            continue
        for book in books:
            done = await _removed(app, book, previews, dry_run=dry_run)
            found.append({**row, "book": book.found.display_name, **done})
    return found, previews


async def _books(app: App, account: str) -> list[Book]:
    """The account's books; of a lost database not even these are left."""
    if not app.mirror.books.of(account):
        async with app.server(account) as server:
            app.mirror.accounts.store_discovery(account, await server.discover(), app.clock())
    return app.mirror.books.of(account)


async def _removed(app: App, book: Book, previews: list[Preview], *, dry_run: bool) -> dict[str, Any]:
    if _read_only(app, book) and not app.mirror.questions.blocks(book.id):
        return {"exit_code": 0}
    try:
        _check_writable(app, book)
        _check_not_stopped(app, book)
        async with _undo(app, book.found.account, previews if dry_run else None) as undo:
            counts = await undo.remove_all(await _exported(app, undo, book, dry_run=dry_run))
    except CardsyncError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    return {"counts": counts, "exit_code": PARTIAL if counts.keys() & _LEFT else 0}


def _read_only(app: App, book: Book) -> str:
    if app.settings.accounts[book.found.account].write == "never":
        return 'write = "never" in the config'
    return "" if book.found.writable else book.found.read_only_reason


def _check_writable(app: App, book: Book) -> None:
    reason = _read_only(app, book)
    if reason:
        raise CardsyncError(f"The address book is not written: {reason}.")


def _check_not_stopped(app: App, book: Book) -> None:
    if app.mirror.problems.of_book(book.id, ProblemKind.WRITING_STOPPED):
        raise CardsyncError("Writing to the address book was stopped: cardsync status --problems, then release.")


@asynccontextmanager
async def _undo(app: App, account: str, previews: list[Preview] | None) -> AsyncIterator[Undo]:
    mirror = app.mirror if previews is None else app.mirror.copy()
    now = app.clock()
    async with app.server(account) as server:
        writer = Writer(server=server, mirror=mirror, account=account, now=now, previews=previews)
        if previews is None:
            await writer.resolve()
        yield Undo(server=server, mirror=mirror, writer=writer, policy=app.reminders(account), now=now)


async def _exported(app: App, undo: Undo, book: Book, *, dry_run: bool) -> Book:
    """The undo exists before the first write ever."""
    if book.exported_at is not None or dry_run:
        return book
    hrefs = list((await undo.server.listing(book.found)).etags)
    return await export_first(undo.server, app.mirror, book, hrefs, app.settings.state_dir / "backups", undo.now)


async def back_up(app: App, folder: Path, *, dry_run: bool) -> list[dict[str, Any]]:
    """Every book as a ``.vcf`` file and a copy of the database."""
    rows: list[dict[str, Any]] = []
    for name in app.settings.accounts:
        try:
            async with app.server(name) as server:
                for found in await server.discover():
                    row = await _backed_up(app, server, found, folder, dry_run=dry_run)
                    rows.append({"what": f"{name} / {found.display_name}", **row})
        except CardsyncError as error:
            rows.append(_backup_row(what=name, error=str(error), exit_code=error.exit_code))
    target = None if dry_run else _copied(app, folder)
    rows.append(_backup_row(what="database", path=target))
    return rows


async def _backed_up(app: App, server: Server, book: AddressBook, folder: Path, *, dry_run: bool) -> dict[str, Any]:
    listing = await server.listing(book)
    if dry_run:
        return _backup_row(cards=len(listing.etags))
    made = await export(server, book, list(listing.etags), folder, app.clock())
    unread = f"{count(len(made.missing), 'card')} could not be read" if made.missing else ""
    return _backup_row(path=str(made.path), cards=made.cards, error=unread, exit_code=PARTIAL if unread else 0)


def _copied(app: App, folder: Path) -> str:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the owner's own choice of a folder keeps its rights
    except OSError as error:
        raise StateProblem(
            f"{folder} cannot be used for backups: {error.strerror}. Name a folder with --output."
        ) from error
    target = folder / f"cardsync-{app.clock():%Y%m%dT%H%M%SZ}.db"
    app.mirror.database.backup(target)
    return str(target)


def _backup_row(**known: Any) -> dict[str, Any]:
    return {"path": None, "cards": 0, "error": "", "exit_code": 0, **known}


async def settle(app: App, people: Sequence[Person]) -> None:
    """What an earlier process left open, so that a preview is of what stands there now; an error shows again then."""
    for account in dict.fromkeys(person.account for person in people):
        with suppress(CardsyncError):
            async with _undo(app, account, None):
                pass


async def restore(
    app: App, people: Sequence[Person], at: datetime | None, *, dry_run: bool, shown: Sequence[Preview] | None = None
) -> tuple[list[dict[str, Any]], list[Preview]]:
    """Each of these cards back to a kept version: the newest, or the one that stood at ``at``.

    Where it was ``shown`` what would change, only that is replaced and only by that: cycles may have run since.
    """
    seen = None if shown is None else {(preview.book_id, preview.href): preview for preview in shown}
    rows: list[dict[str, Any]] = []
    previews: list[Preview] = []
    for account in dict.fromkeys(person.account for person in people):
        waiting = [person for person in people if person.account == account]
        try:
            async with _undo(app, account, previews if dry_run else None) as undo:
                while waiting:
                    rows.append(await _restored(app, undo, waiting[0], at, seen))
                    waiting.pop(0)
        except CardsyncError as error:
            rows += [_restore_row(person, error=error) for person in waiting]
    return rows, previews


async def _restored(
    app: App, undo: Undo, person: Person, at: datetime | None, seen: Mapping[tuple[int, str], Preview] | None
) -> dict[str, Any]:
    """One card; what is wrong with it stops no other, and what is wrong with the server does."""
    try:
        version = version_at(app, person, at)
        target = _target(app, person, version["href"])
        _check_writable(app, app.mirror.books.book(person.book_id))
        data = put_back(app.mirror, person.id, version, in_list=bool(person.groups))
        shown = None if seen is None else _shown(seen.get((person.book_id, target.href)), data)
    except CardsyncError as error:
        return _restore_row(person, error=error)
    try:
        outcome = await undo.restore(undo.mirror.books.book(person.book_id), target, data, shown)
    except (LoginRefused, Unreachable):
        raise
    except CardsyncError as error:
        return _restore_row(person, error=error)
    return _restore_row(person, outcome=outcome)


def _shown(preview: Preview | None, data: bytes) -> bytes:
    """The card that ``data`` was shown to replace; none was shown where it stood there already."""
    if preview is None:
        return data
    if preview.after != data:
        raise CardsyncError("Other versions of the card are kept than when it was shown. Look again.")
    return preview.before


def _target(app: App, person: Person, href: str) -> Target:
    """The card that the version is of; raises ``CardsyncError`` where it is gone."""
    hrefs = app.mirror.books.objects_named(person.book_id, person.uid_key)
    if not hrefs:
        raise CardsyncError(_DELETED)
    return Target(
        href=href if href in hrefs else hrefs[0],  # of two cards with one UID its own
        uid_key=person.uid_key,
        contact_id=person.id,
    )


def version_at(app: App, person: Person, at: datetime | None) -> dict[str, Any]:
    """The kept version to go back to; raises ``CardsyncError`` where there is none."""
    versions = app.mirror.journal.versions(person.book_id, person.uid_key)
    if not versions:
        raise CardsyncError("No earlier version of this card is kept: it was never written.")
    if at is None:
        return versions[0]
    later = [version for version in versions if moment(version["at"]) >= at]
    if not later:
        raise CardsyncError("The card was not written since then: it is as it was.")
    dropped_to = app.clock() - app.settings.undo.keep_versions
    known_for_longer = app.mirror.contacts.memory(person.id).first_seen < dropped_to
    if later[-1] is versions[-1] and at < dropped_to and known_for_longer:
        oldest = moment(versions[-1]["at"])
        raise CardsyncError(f"Versions from then are not kept any more ([undo]); the oldest is from {oldest:%Y-%m-%d}.")
    return later[-1]


def takes_back_more(preview: Preview) -> bool:
    """Whether a restore changes more of a card than its note: edits that somebody made since."""
    return bool(differences(scan(preview.before), scan(preview.after), note=False))


def _restore_row(
    person: Person, *, outcome: Outcome | None = None, error: CardsyncError | None = None
) -> dict[str, Any]:
    done = outcome in {Outcome.WRITTEN, Outcome.NOTHING}
    return {
        "name": person.name,
        "account": person.account,
        "outcome": outcome.value if outcome else "failed",
        "error": str(error) if error else "",
        "exit_code": error.exit_code if error else int(not done),
    }


_DELETED = (
    "The card is no longer on the server, and a deleted card is never made again. Import it from state_dir/backups."
)
