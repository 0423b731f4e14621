"""What the mirror holds is not always what the server has: nothing is read out of the older of the two."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cardsync.resources import AddressBook, PutAnswer, PutResult
from in_memory import HOME, Household, MemoryServer, person, vip_group
from loop import note_of

CARD = f"{HOME}m.vcf"


@dataclass
class Hasty(MemoryServer):
    """Another client edits a field right after each PUT; ``away``: no PUT arrives."""

    hasty: bool = False
    away: bool = False

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        if self.away:
            return PutAnswer(result=PutResult.UNKNOWN, detail="no whole answer")
        answer = await super().put(book, href, data, etag)
        if self.hasty:
            self.write(href, self.cards[href].replace(b"TITLE:", b"TITLE:Senior "))
        return answer


def test_a_block_that_was_just_taken_out_is_not_adopted_from_the_mirrors_older_card(tmp_path: Path) -> None:
    server = Hasty()
    server.write(f"{HOME}group.vcf", vip_group("Jo"))
    server.write(CARD, person("Jo", "Type: ok / left / later / never\ntea"))  # the owner wrote a line like ours
    home = Household(folder=tmp_path, server=server)
    asyncio.run(home.cycle())
    server.write(CARD, server.cards[CARD].replace(b"?", b"? now at Stripe", 1))
    server.hasty = True
    asyncio.run(home.cycle(after=timedelta(days=1)))
    server.hasty = False
    left = note_of(server.cards[CARD]) or ""
    asyncio.run(home.cycle(after=timedelta(hours=1)))
    assert note_of(server.cards[CARD]) == left
    assert [each.adopted for each in home.mirror.questions.of(home.contact("Jo"))] == [False]
    home.mirror.close()


def test_a_word_that_is_typed_after_the_question_expired_is_read_while_its_block_stands(tmp_path: Path) -> None:
    server = Hasty()
    server.write(f"{HOME}group.vcf", vip_group("Jo"))
    server.write(CARD, person("Jo", "tea"))
    home = Household(folder=tmp_path, server=server)
    asyncio.run(home.cycle())
    server.away = True
    assert asyncio.run(home.cycle(after=timedelta(days=50))).endings == {"expired": 1}
    server.away = False
    server.write(CARD, server.cards[CARD].replace(b"/ never", b"/ never\\nok"))
    assert asyncio.run(home.cycle(after=timedelta(hours=7))).endings == {"confirmed": 1}
    assert note_of(server.cards[CARD]) == "tea"
    home.mirror.close()
