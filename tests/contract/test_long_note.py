"""A note of a megabyte: it costs a cycle little, and comes back whole."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from in_memory import HOME, Household, MemoryServer, person, vip_group

JO = f"{HOME}Jo.vcf"
SECONDS = 6  # of CPU, for three cycles; they took twenty


@pytest.mark.parametrize(
    "own", ["\n" * 1_000_000, "hi" + "\n" * 1_000_000, "a\n" * 500_000], ids=["blank", "hi", "lines"]
)
def test_a_note_of_a_million_line_breaks_is_asked_about_and_left_as_it_was(own: str, tmp_path: Path) -> None:
    server = MemoryServer()
    server.write(JO, before := person("Jo", own))
    server.write(f"{HOME}group.vcf", vip_group("Jo"))
    home = Household(folder=tmp_path, server=server)
    begin = time.process_time()
    assert asyncio.run(home.cycle()).counts["asked"] == 1
    asyncio.run(home.cycle(after=timedelta(days=1)))
    assert asyncio.run(home.cycle(after=timedelta(days=45))).endings == {"expired": 1}
    assert time.process_time() - begin < SECONDS
    same = server.cards[JO] == before  # nobody wants to see them compared
    assert same
    home.mirror.close()
