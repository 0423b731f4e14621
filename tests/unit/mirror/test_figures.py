"""Counts for the page and the digest."""

import asyncio
from pathlib import Path

from builders import card
from in_memory import HOME, Household, MemoryServer, person, vip_group


def test_who_has_no_work_details_is_neither_right_nor_stale(tmp_path: Path) -> None:
    server = MemoryServer()
    server.write(f"{HOME}jo.vcf", person("Jo", "likes tea"))
    server.write(f"{HOME}gita.vcf", card("NOTE:met in May", name="Gita;G;;;", uid="GITA"))
    server.write(f"{HOME}list.vcf", vip_group("Jo", "GITA"))
    home = Household(folder=tmp_path, server=server)
    asyncio.run(home.cycle())
    assert len(home.mirror.books.vips(home.mirror.books.of("home")[0].id)) == 2
    assert len(home.mirror.figures.stale("home")) == 1
    home.mirror.close()
