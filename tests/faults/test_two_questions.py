"""One question is about to take another's place when somebody else writes: which of the two stands is on the card."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cardsync.model import QuestionKind
from cardsync.resources import PutAnswer, PutResult
from in_memory import HOME, Household, MemoryServer, person, vip_group

JO = f"{HOME}Jo.vcf"


class Interrupted(MemoryServer):
    """At the next PUT the phone was quicker; ``others`` is how often."""

    others = 0

    async def put(self, book, href, data, etag):  # type: ignore[no-untyped-def]
        if self.others:
            self.others -= 1
            self.write(href, self.cards[href].replace(b"END:VCARD", b"NICKNAME:J\r\nEND:VCARD"))
            return PutAnswer(result=PutResult.CONFLICT, status=412)
        return await super().put(book, href, data, etag)


@contextmanager
def left(folder: Path) -> Iterator[tuple[Household, Interrupted]]:
    """A question stands on Jo's card, and ``left`` is typed below it: the follow-up will take its place."""
    server = Interrupted()
    home = Household(folder=folder, server=server)
    server.write(JO, person("Jo", "likes tea"))
    server.write(f"{HOME}group.vcf", vip_group("Jo"))
    asyncio.run(home.cycle())
    block, rest = server.cards[JO].replace(b"\r\n ", b"").split(b"never", 1)
    server.write(JO, block + b"never\\nleft" + rest)
    try:
        yield home, server
    finally:
        home.mirror.close()


@pytest.mark.parametrize("others", [1, 2, 3])
def test_a_follow_up_that_met_another_edit_is_written_once(folder: Path, others: int) -> None:
    with left(folder) as (home, server):
        server.others = others
        for _ in range(3):
            asyncio.run(home.cycle())
        questions = home.mirror.questions.of(home.contact("Jo"))
        assert [(q.kind, q.standing) for q in questions] == [
            (QuestionKind.STILL, False),
            (QuestionKind.FOLLOW_UP, True),
        ]
        note = server.cards[JO].replace(b"\r\n ", b"")
        assert note.count(b"VIPcheck:") == 1
        assert questions[-1].block.replace("\n", "\\n").replace(",", "\\,").encode() + b"\\n\\nlikes tea" in note
        assert note.count(b"NICKNAME:J") == others
        assert not home.mirror.journal.pending("home")
        assert not home.mirror.problems.all()
