"""``notes remove``, ``backup`` and ``restore`` for all accounts: what needs the servers, between cycles."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, nullcontext, suppress
from datetime import datetime
from itertools import count as count_from
from pathlib import Path
from typing import Any

from cardsync import versions
from cardsync.annotate.export import export, export_first
from cardsync.annotate.undo import UNREAD, Undo
from cardsync.annotate.writer import Outcome, Writer
from cardsync.app import App
from cardsync.errors import Broken, CardsyncError, LoginRefused, ServerProblem, StateProblem, Unreachable
from cardsync.outcome import PARTIAL
from cardsync.ports import Server
from cardsync.records import Book, Preview, ProblemKind
from cardsync.report import Person
from cardsync.resources import AddressBook
from cardsync.words import count

_LEFT = {UNREAD, *(each.value for each in (Outcome.PARKED, Outcome.LEFT_OUT, Outcome.LATER, Outcome.DAMAGED))}


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
    now = app.clock()
    async with app.server(account) as server:
        with nullcontext(app.mirror) if previews is None else closing(app.mirror.copy()) as mirror:
            may_put = app.settings.accounts[account].write != "never"
            writer = Writer(server=server, mirror=mirror, account=account, now=now, previews=previews, may_put=may_put)
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
                    row = await _tried(app, server, found, folder, dry_run=dry_run)
                    rows.append({**row, "what": f"{name} / {found.display_name}"})
        except CardsyncError as error:
            rows.append(_backup_row(what=name, error=str(error), exit_code=error.exit_code))
    target = None if dry_run else copy_of_database(app, folder)
    rows.append(_backup_row(what="database", path=target))
    return rows


async def _tried(app: App, server: Server, book: AddressBook, folder: Path, *, dry_run: bool) -> dict[str, Any]:
    """A book that fails does not stop the others."""
    try:
        return await _backed_up(app, server, book, folder, dry_run=dry_run)
    except (ServerProblem, Broken) as error:
        return _backup_row(error=str(error), exit_code=error.exit_code)


async def _backed_up(app: App, server: Server, book: AddressBook, folder: Path, *, dry_run: bool) -> dict[str, Any]:
    listing = await server.listing(book)
    if dry_run:
        return _backup_row(cards=len(listing.etags))
    if not listing.etags:
        return _backup_row(note=_NO_CARDS)
    made = await export(server, book, list(listing.etags), folder, app.clock())
    unread = f"{count(len(made.missing), 'card')} could not be read" if made.missing else ""
    return _backup_row(path=str(made.path), cards=made.cards, error=unread, exit_code=PARTIAL if unread else 0)


def copy_of_database(app: App, folder: Path) -> str | None:
    """A copy of the whole state as a file in that folder; raises ``StateProblem``."""
    if app.mirror.database.path is None:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the owner's own choice of a folder keeps its rights
    except OSError as error:
        raise StateProblem(
            f"{folder} cannot be used for backups: {error.strerror}. Name a folder with --output."
        ) from error
    stamp = f"cardsync-{app.clock():%Y%m%dT%H%M%SZ}"
    names = (f"{stamp}{f'-{number}' if number else ''}.db" for number in count_from(0))
    target = next(path for path in (folder / name for name in names) if not path.exists())
    app.mirror.database.backup(target)
    return str(target)


def _backup_row(**known: Any) -> dict[str, Any]:
    return {"path": None, "cards": 0, "note": "", "error": "", "exit_code": 0, **known}


_NO_CARDS = "0 cards: the address book is empty, so no file was written. Earlier ones stay."


async def settle(app: App, people: Sequence[Person]) -> None:
    """What an earlier process left open, so that a preview is of what stands there now; an error shows again then."""
    for account in dict.fromkeys(person.account for person in people):
        with suppress(CardsyncError):
            async with _undo(app, account, None):
                pass


async def restore(
    app: App, people: Sequence[Person], at: datetime | None, *, dry_run: bool, shown: Sequence[Preview] | None = None
) -> tuple[list[dict[str, Any]], list[Preview]]:
    """Each of these cards back to a kept version: the newest, or that of the first write of ours since ``at``.

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
                    rows.append(await _restored(app, undo, waiting[0], at, seen, dry_run=dry_run))
                    waiting.pop(0)
        except CardsyncError as error:
            rows += [versions.failed(person, error) for person in waiting]
    return rows, previews


async def _restored(
    app: App,
    undo: Undo,
    person: Person,
    at: datetime | None,
    seen: Mapping[tuple[int, str], Preview] | None,
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """One card; what is wrong with it stops no other, and what is wrong with the server does."""
    try:
        version = versions.version_at(app, person, at)
        target = versions.target_of(app, person, version)
        if target is None:
            return versions.saved(app, person, version, dry_run=dry_run)
        _check_writable(app, app.mirror.books.book(person.book_id))
        data = versions.bytes_of(app, person, version)
        shown = None if seen is None else _shown(seen.get((person.book_id, target.href)), data)
        outcome = await undo.restore(undo.mirror.books.book(person.book_id), target, data, shown)
        if outcome is Outcome.GONE:
            return versions.saved(app, person, version, dry_run=dry_run)
    except (LoginRefused, Unreachable):
        raise
    except CardsyncError as error:
        return versions.failed(person, error)
    why = versions.why_not(undo.mirror, person.book_id, target.href, outcome)
    return versions.row_of(person, version, outcome=outcome, error=why)


def _shown(preview: Preview | None, data: bytes) -> bytes:
    """The card that ``data`` was shown to replace; none was shown where it stood there already."""
    if preview is None:
        return data
    if preview.after != data:
        raise CardsyncError("Other versions of the card are kept than when it was shown. Look again.")
    return preview.before
