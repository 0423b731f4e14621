"""What an earlier try left open is settled before the next pull, and nothing is looked for where there is nothing."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from cardsync.errors import Broken
from cardsync.resources import AddressBook, AddressObject, PutAnswer, PutResult
from in_memory import HOME, Household, MemoryServer, person, vip_group


@dataclass(slots=True, kw_only=True)
class Cut(MemoryServer):
    """The line breaks behind the first PUT, and nothing is heard until it is ``mended``."""

    broken: bool = False
    mended: bool = False

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        answer = await MemoryServer.put(self, book, href, data, etag)
        self.broken = not self.mended
        return PutAnswer(result=PutResult.UNKNOWN) if self.broken else answer

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        if self.broken and not self.mended:
            raise Broken("cut off")
        return await MemoryServer.get(self, book, href)


async def test_a_write_of_which_nothing_was_heard_stays_open_until_it_was_looked_at(tmp_path: Path) -> None:
    server = Cut()
    server.write(f"{HOME}Jo.vcf", person("Jo"))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    home = Household(folder=tmp_path, server=server)
    assert not home.mirror.journal.left_open("home")
    with pytest.raises(Broken):
        await home.cycle()
    assert home.mirror.journal.left_open("home")
    assert not home.mirror.journal.left_open("work")
    server.mended = True
    await home.cycle(after=timedelta(minutes=15))
    assert not home.mirror.journal.left_open("home")
    assert len(server.puts) == 1
    home.mirror.close()


async def test_a_question_that_was_meant_to_be_and_never_sent_is_left_open_too(tmp_path: Path) -> None:
    server = MemoryServer()
    server.write(f"{HOME}Jo.vcf", person("Jo"))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    home = Household(folder=tmp_path, server=server)
    await home.cycle()
    home.mirror.database.execute("UPDATE question SET state = 'intended'")
    home.mirror.database.execute("DELETE FROM journal")
    assert home.mirror.journal.left_open("home")
    await home.cycle(after=timedelta(minutes=15))
    assert not home.mirror.journal.left_open("home")
    home.mirror.close()
