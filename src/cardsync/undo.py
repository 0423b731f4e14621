"""``notes remove``, ``backup`` and ``restore`` for all accounts: what needs the servers, between cycles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cardsync.annotate.export import export
from cardsync.annotate.undo import Undo
from cardsync.annotate.writer import Preview, Target, Writer
from cardsync.app import App
from cardsync.errors import CardsyncError
from cardsync.mirror.database import moment
from cardsync.records import Book
from cardsync.report import Person


async def remove_notes(app: App, *, dry_run: bool) -> tuple[list[dict[str, Any]], list[Preview]]:
    """Every block out of every book that may be written; one account that fails does not stop the others."""
    found: list[dict[str, Any]] = []
    previews: list[Preview] = []
    for name in app.settings.accounts:
        for book in app.mirror.books.of(name):
            row: dict[str, Any] = {"account": name, "book": book.found.display_name, "counts": {}, "error": ""}
            found.append(row)
            try:
                async with _undo(app, name, previews if dry_run else None) as undo:
                    row["counts"] = await undo.remove_all(await _exported(app, undo, book, dry_run=dry_run))
            except CardsyncError as error:
                row["error"] = str(error)
    return found, previews


@asynccontextmanager
async def _undo(app: App, account: str, previews: list[Preview] | None) -> AsyncIterator[Undo]:
    if previews is not None:
        app = replace(app, mirror=app.mirror.copy())
    await app.check_refused(account)
    now = app.clock()
    async with app.server(account) as server:
        writer = Writer(server=server, mirror=app.mirror, account=account, now=now, previews=previews)
        if previews is None:
            await writer.resolve()
        yield Undo(server=server, mirror=app.mirror, writer=writer, policy=app.reminders(account), now=now)


async def _exported(app: App, undo: Undo, book: Book, *, dry_run: bool) -> Book:
    """The undo exists before the first write ever."""
    if book.exported_at is None and not dry_run:
        hrefs = list(app.mirror.books.known(book.id))
        await export(undo.server, book.found, hrefs, app.settings.state_dir / "backups", undo.now)
        app.mirror.books.set_exported(book.id, undo.now)
    return app.mirror.books.book(book.id)


async def back_up(app: App, folder: Path) -> list[dict[str, Any]]:
    """Every book as a ``.vcf`` file and a copy of the database."""
    rows: list[dict[str, Any]] = []
    for name in app.settings.accounts:
        try:
            await app.check_refused(name)
            async with app.server(name) as server:
                for found in await server.discover():
                    listing = await server.listing(found)
                    made = await export(server, found, list(listing.etags), folder, app.clock())
                    unread = f"{len(made.missing)} cards could not be read" if made.missing else ""
                    rows.append(
                        {
                            "what": f"{name} / {found.display_name}",
                            "path": str(made.path),
                            "cards": made.cards,
                            "error": unread,
                        }
                    )
        except CardsyncError as error:
            await app.failed(name, error, app.clock())
            rows.append({"what": name, "path": None, "cards": 0, "error": str(error)})
    target = folder / f"cardsync-{app.clock():%Y%m%dT%H%M%SZ}.db"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.mirror.database.backup(target)
    rows.append({"what": "database", "path": str(target), "cards": 0, "error": ""})
    return rows


async def restore(app: App, person: Person, at: datetime | None, *, dry_run: bool) -> tuple[str, list[Preview]]:
    """One card back to a kept version: the newest, or the one that stood at ``at``."""
    versions = app.mirror.journal.versions(person.book_id, person.uid_key)
    if not versions:
        raise CardsyncError("No earlier version of this card is kept: it was never written.")
    if at is not None:
        later = [version for version in versions if moment(version["at"]) >= at]
        if not later:
            raise CardsyncError("The card was not written since then: it is as it was.")
        versions = [later[-1]]
    version = versions[0]
    hrefs = app.mirror.books.objects_named(person.book_id, person.uid_key)
    if not hrefs:
        raise CardsyncError(
            "The card is no longer on the server, and a deleted card is never made again. Import it from state_dir/backups."
        )
    previews: list[Preview] = []
    async with _undo(app, person.account, previews if dry_run else None) as undo:
        target = Target(href=hrefs[0], uid_key=person.uid_key, contact_id=person.id)
        outcome = await undo.restore(undo.mirror.books.book(person.book_id), target, version["data"])
    return outcome.value, previews
