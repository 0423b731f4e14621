"""The backup before the first write: whole, private, and never half of it under its name."""

import errno
import os
import re
import stat
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from cardsync.annotate.export import export
from cardsync.errors import StateProblem, Unreachable
from cardsync.mirror.parts import SUFFIX, begin
from cardsync.resources import AddressBook, Fetched
from in_memory import HOME, START, MemoryServer, address_book, person, vip_group


class Fails(MemoryServer):
    """Goes away after the first batch, or with it the disk."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    async def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        async with aclosing(MemoryServer.fetch(self, book, hrefs)) as batches:
            async for batch in batches:
                yield batch
                raise self.error


def filled(server: MemoryServer) -> MemoryServer:
    for number in range(7):
        server.write(f"{HOME}{number}.vcf", person(f"P{number}", "one\ntwo, three; four"))
    server.write(f"{HOME}list.vcf", vip_group("P1"))
    return server


def cards_in(path: Path) -> int:
    return path.read_bytes().count(b"BEGIN:VCARD")


def files(folder: Path) -> int:
    return len(list(folder.iterdir()))


async def test_every_card_is_in_it_as_served_and_nobody_else_reads_it(folder: Path) -> None:
    server = filled(MemoryServer())
    made = await export(server, address_book(), [*server.cards, f"{HOME}gone.vcf"], folder / "backups", START)
    data = made.path.read_bytes()
    assert (made.cards, made.missing) == (8, ())
    assert data == b"".join(card.replace(b"\r\n", b"\n") for card in server.cards.values())
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("error", [Unreachable("gone"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
async def test_a_fetch_that_fails_leaves_no_file(folder: Path, error: BaseException) -> None:
    server = filled(Fails(error))
    expected = StateProblem if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        await export(server, address_book(), list(server.cards), folder, START)
    assert files(folder) == 0


async def test_a_backup_never_replaces_another(folder: Path) -> None:
    server = filled(MemoryServer())
    one = await export(server, address_book(), list(server.cards), folder, START)
    two = await export(server, address_book(), [f"{HOME}1.vcf"], folder, START)
    assert one.path != two.path
    assert (cards_in(one.path), cards_in(two.path)) == (8, 1)


async def test_two_books_of_one_name_at_the_same_second_do_not_share_a_file(folder: Path) -> None:
    server = filled(MemoryServer())

    class Slow(MemoryServer):
        async def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
            other = await export(server, address_book(), [f"{HOME}1.vcf"], folder, START)
            assert cards_in(other.path) == 1
            async with aclosing(MemoryServer.fetch(self, book, hrefs)) as batches:
                async for batch in batches:
                    yield batch

    slow = Slow(cards=server.cards, etags=server.etags)
    made = await export(slow, address_book(), list(server.cards), folder, START)
    assert cards_in(made.path) == 8
    assert files(folder) == 2


@pytest.mark.parametrize("name", ["../../etc/passwd", "友" * 200, "a/b\\c:d", "...", "😀"])
async def test_any_name_of_a_book_makes_a_file_in_the_folder(folder: Path, name: str) -> None:
    server = filled(MemoryServer())
    book = replace(address_book(name), account="友達" * 100)
    made = await export(server, book, list(server.cards), folder, START)
    assert made.path.parent == folder
    assert re.fullmatch(r"[\w.-]+\.vcf", made.path.name)


@pytest.fixture
def inside(folder: Path) -> Path:
    """A folder within what is a file."""
    (folder / "file").touch()
    return folder / "file" / "backups"


async def test_a_folder_that_cannot_be_made_is_said(inside: Path) -> None:
    server = filled(MemoryServer())
    with pytest.raises(StateProblem, match="cannot be written"):
        await export(server, address_book(), list(server.cards), inside, START)


async def test_what_a_killed_process_left_is_removed_and_what_another_one_makes_is_not(folder: Path) -> None:
    server = filled(MemoryServer())
    left, made, foreign = (folder / name for name in (f"left{SUFFIX}", f"made{SUFFIX}", "film.part"))
    left.touch()
    foreign.touch()
    descriptor = begin(made)
    await export(server, address_book(), list(server.cards), folder, START)
    assert (left.exists(), made.exists(), foreign.exists()) == (False, True, True)
    os.close(descriptor)
    await export(server, address_book(), list(server.cards), folder, START)
    assert not made.exists()
    assert files(folder) == 2 + 1
