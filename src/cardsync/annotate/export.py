"""A whole address book as one ``.vcf`` file: what stands before the first write."""

import errno
import os
import re
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from cardsync.errors import ServerProblem, StateProblem
from cardsync.mirror import Mirror
from cardsync.mirror.parts import SUFFIX, begin, sweep, sync_directory
from cardsync.ports import Server
from cardsync.records import Book, ProblemKind
from cardsync.resources import AddressBook
from cardsync.words import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The file, how many cards are in it, and the hrefs that could not be read."""

    path: Path
    cards: int
    missing: tuple[str, ...]


async def export(server: Server, book: AddressBook, hrefs: Sequence[str], folder: Path, now: datetime) -> Exported:
    """Write all cards, byte for byte as served, durably and under their final name only when complete.

    Raises ``StateProblem`` where the folder cannot be written, and what ``fetch`` raises; then no file is left.
    """
    stem = f"{_slug(book.account)}-{_named(book)}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    try:
        path, file = _free(folder, stem)
        try:
            with file:
                cards, missing = await _write(server, book, hrefs, file)
                file.flush()
                os.fsync(file.fileno())
                path.with_suffix(SUFFIX).rename(path)
        except BaseException:
            path.with_suffix(SUFFIX).unlink(missing_ok=True)
            raise
        sync_directory(folder)
    except OSError as error:
        raise StateProblem(
            f"The backup in {folder} cannot be written ({error.strerror}); nothing was written to the address book."
        ) from error
    return Exported(path=path, cards=cards, missing=missing)


def keep_card(folder: Path, account: str, name: str, data: bytes, now: datetime) -> Path:
    """One card in a private file, to be imported; raises ``StateProblem`` where the folder cannot be written."""
    stem = f"restored-{_slug(account)}-{_slug(name)}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    try:
        path, file = _free(folder, stem)
        with file:
            file.write(data if data.endswith(b"\n") else data + b"\r\n")
            file.flush()
            os.fsync(file.fileno())
            path.with_suffix(SUFFIX).rename(path)
        sync_directory(folder)
    except OSError as error:
        raise StateProblem(f"The card cannot be written to {folder} ({error.strerror}).") from error
    return path


async def export_first(
    server: Server, mirror: Mirror, book: Book, hrefs: Sequence[str], folder: Path, now: datetime
) -> Book:
    """The undo exists before the first write ever: the book as it is from then on.

    Cards in quarantine may be missing from it, for they are never written; with any other card missing, the export
    is made again at the next cycle and nothing is written before.
    """
    made = await export(server, book.found, hrefs, folder, now)
    unread = set(made.missing) - mirror.problems.of_book(book.id, ProblemKind.QUARANTINED).keys()
    if unread:
        raise ServerProblem(f"{count(len(unread), 'card')} could not be read for the backup, so nothing was written.")
    mirror.books.set_exported(book.id, now)
    return mirror.books.book(book.id)


async def _write(
    server: Server, book: AddressBook, hrefs: Sequence[str], file: BinaryIO
) -> tuple[int, tuple[str, ...]]:
    cards = 0
    missing: list[str] = []
    async with aclosing(server.fetch(book, hrefs)) as batches:
        async for batch in batches:
            for fetched in batch.objects:
                file.write(fetched.data if fetched.data.endswith(b"\n") else fetched.data + b"\r\n")
                cards += 1
            missing += batch.failed
    return cards, tuple(missing)


def _named(book: AddressBook) -> str:
    """The book's name, told apart from another of that name in the account."""
    name, segment = _slug(book.display_name), _slug(unquote(urlsplit(book.href).path).rstrip("/").rpartition("/")[2])
    return name if name.casefold() == segment.casefold() else f"{name[:60]}-{segment[:60]}"


def _slug(name: str) -> str:
    """Part of a file's name; two of them fit in the 255 bytes that file systems allow."""
    safe = re.sub(r"[^\w.-]+", "_", name).encode()[:90].decode(errors="ignore")
    return safe.strip("._") or "book"


def _free(folder: Path, stem: str) -> tuple[Path, BinaryIO]:
    """A name that no earlier backup has, and no other one that is being made, with the file to write to."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep(folder)
    for name in (f"{stem}.vcf", *(f"{stem}-{number}.vcf" for number in range(2, 1000))):
        path = folder / name
        if path.exists():
            continue
        with suppress(FileExistsError):
            return path, os.fdopen(begin(path.with_suffix(SUFFIX)), "wb")
    raise FileExistsError(errno.EEXIST, "too many backups of one second")
