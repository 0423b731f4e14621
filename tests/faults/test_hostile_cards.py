"""Cards that mean harm, on a server that stores bytes as sent: the short form of ``torture hostile`` for cards."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import in_memory
from asking import BLOCK
from servers import Running
from servers.fixtures import start
from torture import Report, hostile_cards

SIZE = 5_000  # bytes of the large cards


@pytest.fixture(scope="module")
def xandikos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start("xandikos", tmp_path_factory.mktemp("xandikos")) as server:
        yield server


def test_hostile_cards_are_refused_with_a_reason_or_asked_about_and_harm_nothing(
    xandikos: Running, folder: Path
) -> None:
    (home := folder / "hostile").mkdir()
    report = Report()
    hostile_cards.on(xandikos, home, report, SIZE, terminal=("status",))
    assert report.failures == []
    assert report.figures["hostile_asked"] >= 10
    assert report.figures["hostile_refused"] >= 8


@pytest.mark.parametrize("label", ["VIPcheck", "Check"])
async def test_a_block_that_we_never_wrote_is_no_answer_and_what_stands_beside_it_stays(
    label: str, folder: Path
) -> None:
    """Two copies in the owner's text, one with a word below it: one is adopted, and goes when its time is over."""
    block = BLOCK.replace("VIPcheck", label)
    note = f"mine\n\n{block}\nok\n\nmine too\n\n{block}\n\nand mine"
    server = in_memory.MemoryServer()
    server.write(f"{in_memory.HOME}jo.vcf", card := in_memory.person("Jo", note))
    server.write(f"{in_memory.HOME}vip.vcf", in_memory.vip_group("Jo"))
    house = in_memory.Household(folder=folder, server=server)
    house.reminders = replace(house.reminders, past_labels=("Check",))
    for _ in range(3):
        report = await house.cycle(after=timedelta(hours=7))
        assert (report.counts["asked"], report.endings) == (0, {})
    assert server.cards[f"{in_memory.HOME}jo.vcf"] == card
    report = await house.cycle(after=timedelta(days=46))
    assert report.endings == {"expired": 1}
    left = server.cards[f"{in_memory.HOME}jo.vcf"]
    assert left == card.replace(in_memory.escaped(f"{block}\n").encode(), b"", 1)
    house.mirror.close()
