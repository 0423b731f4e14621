"""A whole address book as one ``.vcf`` file: what stands before the first write."""

import os
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cardsync.model import AddressBook
from cardsync.ports import Server

_PRIVATE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The file, how many cards are in it, and the hrefs that could not be read."""

    path: Path
    cards: int
    missing: tuple[str, ...]


async def export(server: Server, book: AddressBook, hrefs: Sequence[str], folder: Path, now: datetime) -> Exported:
    """Write all cards, byte for byte as served, durably and under their final name only when complete."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _free(folder, f"{_slug(book.account)}-{_slug(book.display_name)}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    part = path.with_suffix(".part")
    cards = 0
    missing: list[str] = []
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
        async with aclosing(server.fetch(book, hrefs)) as batches:
            async for batch in batches:
                for fetched in batch.objects:
                    file.write(fetched.data if fetched.data.endswith(b"\n") else fetched.data + b"\r\n")
                    cards += 1
                missing += batch.failed
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    _sync_directory(folder)
    return Exported(path=path, cards=cards, missing=tuple(missing))


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)[:60].strip("._") or "book"


def _free(folder: Path, stem: str) -> Path:
    """A name that no earlier backup has."""
    names = [folder / f"{stem}.vcf", *(folder / f"{stem}-{number}.vcf" for number in range(2, 1000))]
    return next(path for path in names if not path.exists())


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
