"""An answer that comes while we take a question out whose time is over: the server's version wins, and says it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from cardsync.records import Ending
from cardsync.resources import AddressBook, PutAnswer
from in_memory import HOME, Household, MemoryServer, person, vip_group

JO, LIST = f"{HOME}Jo.vcf", f"{HOME}list.vcf"


class Answered(MemoryServer):
    """``word`` is typed right before our next PUT."""

    word = ""

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        if self.word:
            card = self.cards[href].replace(b"\r\n ", b"")
            self.write(href, card.replace(b"never", f"never\\n{self.word}".encode(), 1))
            self.word = ""
        return await super().put(book, href, data, etag)


@pytest.mark.parametrize("over", ["its time", "the list"])
@pytest.mark.parametrize(("word", "ending"), [("ok", Ending.CONFIRMED), ("never", Ending.NEVER)])
def test_an_answer_at_the_last_moment_counts(folder: Path, over: str, word: str, ending: Ending) -> None:
    server = Answered()
    server.write(JO, person("Jo", "likes tea"))
    server.write(LIST, vip_group("Jo"))
    home = Household(folder=folder, server=server)
    asyncio.run(home.cycle())
    if over == "the list":
        server.write(LIST, vip_group())
    server.word = word
    asyncio.run(home.cycle(after=timedelta(days=46 if over == "its time" else 1)))
    (asked,) = home.mirror.questions.of(home.contact("Jo"))
    assert (asked.ending, asked.standing) == (ending, False)
    assert b"NOTE:likes tea\r\n" in server.cards[JO]
    home.mirror.close()
