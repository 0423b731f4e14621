"""A contact that is deleted and made again with its note, our question in it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from in_memory import HOME, Household, MemoryServer, person, vip_group

JO = f"{HOME}Jo.vcf"


@pytest.mark.parametrize("typed", [(b"Acme?", b"Ac w1q me?"), (b"VP Sales", b"w1q VP Sales")])
@pytest.mark.parametrize("less", [b"none", b"d since May 2017)"])
def test_what_was_typed_into_the_question_before_stays(folder: Path, less: bytes, typed: tuple[bytes, bytes]) -> None:
    server = MemoryServer()
    server.write(JO, person("Jo", "likes tea"))
    server.write(f"{HOME}list.vcf", vip_group("Jo"))
    home = Household(folder=folder, server=server)
    asyncio.run(home.cycle())
    card = server.cards[JO].replace(b"\r\n ", b"").replace(*typed).replace(less, b")")
    server.delete(JO)
    asyncio.run(home.cycle())
    server.write(JO, card)
    asyncio.run(home.cycle())
    (_, again) = home.mirror.questions.of(home.contact("Jo"))
    assert (again.adopted, again.standing, again.ending) == (True, True, None)
    asyncio.run(home.cycle(after=timedelta(days=46)))
    note = server.cards[JO].replace(b"\r\n ", b"")
    assert b"VIPcheck" not in note
    assert note.index(b"w1q") < note.index(b"likes tea")
    home.mirror.close()
