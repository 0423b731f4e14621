"""Two address objects with one UID in one book: the contact stays the one that it was."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from growth import LINEAR, TIMES
from in_memory import HOME, Household, MemoryServer, person, vip_group
from loop import note_of

DAY = timedelta(days=1)
FIRST, SECOND = f"{HOME}a.vcf", f"{HOME}m.vcf"


@pytest.fixture
def server() -> MemoryServer:
    made = MemoryServer()
    made.write(SECOND, person("Jo", "met at the fair"))
    made.write(f"{HOME}group.vcf", vip_group("Jo"))
    return made


@pytest.fixture
def home(tmp_path: Path, server: MemoryServer) -> Iterator[Household]:
    made = Household(folder=tmp_path, server=server)
    yield made
    made.mirror.close()


def test_a_second_card_that_sorts_first_neither_dismisses_the_question_nor_gets_one(
    home: Household, server: MemoryServer
) -> None:
    asyncio.run(home.cycle())
    asked = server.cards[SECOND]
    assert (note_of(asked) or "").startswith("VIPcheck")
    twin = person("Jo", "a copy", ORG="Stripe;")
    server.write(FIRST, twin)
    asyncio.run(home.cycle(after=DAY))
    assert (server.cards[FIRST], server.cards[SECOND]) == (twin, asked)
    (question,) = home.mirror.questions.of(home.contact("Jo"))
    assert question.ending is None
    server.write(SECOND, asked.replace(b"/ never", b"/ never\\nok"))
    report = asyncio.run(home.cycle(after=DAY))
    assert report.endings == {"confirmed": 1}
    assert note_of(server.cards[SECOND]) == "met at the fair"
    assert "edited" not in [line["what"] for line in home.mirror.contacts.history(home.contact("Jo"))]


def test_the_other_card_is_the_contact_once_its_own_is_gone(home: Household, server: MemoryServer) -> None:
    asyncio.run(home.cycle())
    server.write(FIRST, person("Jo", "a copy"))
    asyncio.run(home.cycle(after=DAY))
    server.delete(SECOND)
    for _ in range(2):
        asyncio.run(home.cycle(after=100 * DAY))
    (card,) = home.mirror.books.cards(1)
    assert card.href == FIRST


def test_a_lost_database_finds_the_question_on_either_card(home: Household, server: MemoryServer) -> None:
    asyncio.run(home.cycle())
    asked = server.cards[SECOND]
    twin = person("Jo", "a copy", ORG="Stripe;")
    server.write(FIRST, twin)
    home.mirror.close()
    home.database.unlink()
    home.open()
    assert asyncio.run(home.cycle(after=DAY)).counts["adopted"] == 1
    assert asyncio.run(home.cycle(after=DAY)).endings == {}
    assert home.mirror.contacts.memory(home.contact("Jo")).moves == ()
    assert (server.cards[FIRST], server.cards[SECOND]) == (twin, asked)


def test_on_another_card_only_the_whole_block_is_ours(home: Household, server: MemoryServer) -> None:
    asyncio.run(home.cycle())
    hint = (note_of(server.cards[SECOND]) or "").splitlines()[1]
    own = f"{hint}\nlikes tea"  # the owner's own line, to the letter
    server.write(FIRST, person("Jo", own))
    server.delete(SECOND)
    report = asyncio.run(home.cycle(after=DAY))
    assert report.endings == {"withdrawn": 1}
    assert note_of(server.cards[FIRST]) == own


@pytest.mark.parametrize("cut", [b"", b"still "])
def test_a_card_under_another_href_keeps_its_question_and_is_answered_there(
    home: Household, server: MemoryServer, cut: bytes
) -> None:
    asyncio.run(home.cycle())
    server.write(FIRST, server.cards[SECOND].replace(cut, b"") if cut else server.cards[SECOND])
    server.delete(SECOND)
    assert asyncio.run(home.cycle(after=DAY)).endings == {}
    server.write(FIRST, server.cards[FIRST].replace(b"/ never", b"/ never\\nok"))
    assert asyncio.run(home.cycle(after=DAY)).endings == {"confirmed": 1}
    assert note_of(server.cards[FIRST]) == "met at the fair"


def test_a_word_that_was_typed_before_the_card_moved_is_read(home: Household, server: MemoryServer) -> None:
    asyncio.run(home.cycle())
    server.write(FIRST, server.cards[SECOND].replace(b"/ never", b"/ never\\nnever"))
    server.delete(SECOND)
    assert asyncio.run(home.cycle(after=DAY)).endings == {"never": 1}
    assert note_of(server.cards[FIRST]) == "met at the fair"


def test_a_label_of_the_owners_is_not_taken_with_our_words_below(home: Household, server: MemoryServer) -> None:
    asyncio.run(home.cycle())
    torn = server.cards[SECOND].replace(b"NOTE:VIPcheck", b"NOTE:VIPcheck: call her\\nVIP\\nche\\nck")
    server.write(FIRST, torn)
    server.delete(SECOND)
    for _ in range(2):
        asyncio.run(home.cycle(after=DAY))
    assert (note_of(server.cards[FIRST]) or "").startswith("VIPcheck: call her\n")


def test_a_copy_of_the_card_does_not_bring_an_answered_question_back(home: Household, server: MemoryServer) -> None:
    asyncio.run(home.cycle())
    server.write(f"{HOME}z.vcf", server.cards[SECOND])
    server.write(SECOND, server.cards[SECOND].replace(b"/ never", b"/ never\\nok"))
    assert asyncio.run(home.cycle(after=DAY)).endings == {"confirmed": 1}
    server.write(SECOND, server.cards[SECOND].replace(b"met at", b"seen at"))
    assert asyncio.run(home.cycle(after=DAY)).counts["adopted"] == 0
    assert len(home.mirror.questions.of(home.contact("Jo"))) == 1


@pytest.mark.parametrize("other", [FIRST, f"{HOME}z.vcf"])
def test_a_second_card_in_other_categories_takes_nobody_off_the_list(
    home: Household, server: MemoryServer, other: str
) -> None:
    server.delete(f"{HOME}group.vcf")
    server.write(SECOND, person("Jo", CATEGORIES="Friends,VIP"))
    assert asyncio.run(home.cycle()).counts["asked"] == 1
    asked = server.cards[SECOND]
    server.write(other, person("Jo", CATEGORIES="Family"))
    report = asyncio.run(home.cycle(after=DAY))
    assert (report.counts["vips"], report.endings) == (1, {})
    assert server.cards[SECOND] == asked
    server.write(SECOND, asked.replace(b"Friends,VIP", b"Friends"))
    assert asyncio.run(home.cycle(after=DAY)).endings == {"withdrawn": 1}


def test_very_many_cards_of_one_uid_take_no_more_work_than_there_are_more_of_them(tmp_path: Path) -> None:
    """By the steps of SQLite's virtual machine, in hundreds."""

    def work(many: int) -> int:
        (folder := tmp_path / str(many)).mkdir()
        server = MemoryServer(batch=100)
        for at in range(many):
            server.write(f"{HOME}{at:04}.vcf", person("Jo", CATEGORIES="VIP"))
        home = Household(folder=folder, server=server)
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        home.mirror.database._connection.set_progress_handler(count, 100)
        assert asyncio.run(home.cycle()).counts["asked"] == 1
        home.mirror.close()
        return steps

    assert work(TIMES * 100) / work(100) < LINEAR
