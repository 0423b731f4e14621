"""What a pull believes, what it does with a bad card, and what stays when cards move."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from cardsync.carddav.wire import TimedOut
from cardsync.commands import carry_out
from cardsync.errors import Broken, CardsyncError, ListingFailed, ServerProblem
from cardsync.records import ProblemKind
from cardsync.resources import AddressBook, AddressObject, Fetched, Listing
from in_memory import HOME, Household, MemoryServer, address_book, person, vip_group

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
GROUP = f"{HOME}list.vcf"


@dataclass(slots=True)
class Odd(MemoryServer):
    """``listed`` replaces listings, ``served`` the bytes of a fetch; ``unreadable`` are hrefs, ``broken`` is a book."""

    listed: Listing | None = None
    served: dict[str, bytes] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    broken: str = ""
    trouble: CardsyncError = field(default_factory=lambda: ServerProblem("The server answered 500 to a REPORT."))
    fetched: list[str] = field(default_factory=list)

    async def changes(self, book: AddressBook, marker: str | None) -> Listing:
        if book.display_name.startswith(self.broken or "-"):
            raise self.trouble
        return self.listed or await MemoryServer.changes(self, book, marker)

    async def listing(self, book: AddressBook) -> Listing:
        return self.listed or await MemoryServer.listing(self, book)

    async def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        self.fetched += hrefs
        bad = {href: self.unreadable[href] for href in hrefs if href in self.unreadable}
        async with aclosing(MemoryServer.fetch(self, book, [href for href in hrefs if href not in bad])) as batches:
            async for batch in batches:
                objects = tuple(
                    AddressObject(href=one.href, etag=one.etag, data=self.served.get(one.href, one.data))
                    for one in batch.objects
                )
                yield Fetched(objects=objects, gone=batch.gone)
        if bad:
            yield Fetched(failed=bad)


@pytest.fixture
def server() -> Odd:
    made = Odd()
    for number in range(20):
        made.write(f"{HOME}{number:02}.vcf", person(f"P{number:02}", f"note {number}"))
    made.write(GROUP, vip_group("P00", "P01", "P02", "P03"))
    return made


@pytest.fixture
def home(tmp_path: Path, server: Odd) -> Iterator[Household]:
    made = Household(folder=tmp_path, server=server)
    yield made
    made.mirror.close()


def cycle(home: Household, after: timedelta = QUARTER) -> dict[str, int]:
    return asyncio.run(home.cycle(after=after)).counts


def release(home: Household) -> None:
    home.mirror.commands.queue("release", {}, home.now)
    carry_out(home.mirror, lambda account: home.reminders, home.now)


def problems(home: Household) -> dict[ProblemKind, str]:
    return {problem.kind: problem.href for problem in home.mirror.problems.all()}


# ---------------------------------------------------------------- listings


def test_an_empty_listing_changes_nothing_until_the_owner_says_that_it_is_true(home: Household, server: Odd) -> None:
    cycle(home)
    before, cards = home.mirror.books.known(1), dict(server.cards)
    server.listed = Listing(marker="t0")
    assert cycle(home, DAY)["failed_books"] == 1
    assert home.mirror.books.known(1) == before
    assert home.mirror.books.of("home")[0].marker != "t0"
    assert ProblemKind.LISTING in problems(home)
    assert server.cards == cards
    server.listed = None
    cycle(home, DAY)
    assert ProblemKind.LISTING not in problems(home)
    server.listed = Listing(marker="t0")
    cycle(home, DAY)
    release(home)
    cycle(home, DAY)
    assert home.mirror.books.known(1) == {}


def test_to_release_another_trouble_says_nothing_of_an_empty_listing(home: Household, server: Odd) -> None:
    cycle(home)
    known = home.mirror.books.known(1)
    server.broken = "Contacts"
    cycle(home)
    release(home)
    server.broken, server.listed = "", Listing(marker="t0")
    cycle(home)
    assert home.mirror.books.known(1) == known


def test_a_first_listing_may_be_empty(tmp_path: Path) -> None:
    home = Household(folder=tmp_path, server=MemoryServer())
    assert cycle(home)["failed_books"] == 0
    home.mirror.close()


@pytest.mark.parametrize("trouble", [ServerProblem("500"), Broken("It broke off."), TimedOut("No answer in time.")])
@pytest.mark.parametrize("bad", [1, 2])
def test_books_that_fail_do_not_stop_the_others(home: Household, server: Odd, trouble: CardsyncError, bad: int) -> None:
    failing = [address_book(f"Broken {at}", f"http://memory.test/dav/broken{at}/") for at in range(bad)]
    server.books = (*failing, address_book())
    server.broken, server.trouble = "Broken", trouble
    counts = cycle(home)
    assert (counts["failed_books"], counts["vips"], counts["asked"]) == (bad, 4, 4)
    assert [problem.kind for problem in home.mirror.problems.all()] == [ProblemKind.LISTING] * bad
    server.broken = ""
    assert cycle(home)["failed_books"] == 0
    assert home.mirror.problems.all() == []


@pytest.mark.parametrize(("bad", "good"), [(1, 0), (2, 0), (3, 1)])
def test_where_all_books_break_off_or_three_in_a_row_it_is_the_server(
    home: Household, server: Odd, bad: int, good: int
) -> None:
    failing = [address_book(f"Broken {at}", f"http://memory.test/dav/broken{at}/") for at in range(bad)]
    server.books = (*failing, address_book())[: bad + good]
    server.broken, server.trouble = "Broken", TimedOut("No answer in time.")
    with pytest.raises(TimedOut):
        cycle(home)
    server.trouble = ServerProblem("500")  # an answer that is no good is no such sign
    assert cycle(home)["failed_books"] == bad


def test_a_failed_listing_is_no_empty_one(home: Household, server: Odd) -> None:
    class Truncated(Odd):
        async def changes(self, book: AddressBook, marker: str | None) -> Listing:
            raise ListingFailed("The listing is not well-formed.")

    cycle(home)
    before = home.mirror.books.known(1)
    asyncio.run(home.cycle(after=QUARTER, server=Truncated()))
    assert home.mirror.books.known(1) == before


def test_entries_that_cannot_be_asked_for_are_told_of_until_they_are_gone(home: Household, server: Odd) -> None:
    whole = asyncio.run(MemoryServer.listing(server, server.books[0]))
    server.listed = replace(whole, left_out=2)
    assert cycle(home)["vips"] == 4
    (problem,) = home.mirror.problems.all()
    assert (problem.kind, problem.href) == (ProblemKind.QUARANTINED, "")
    assert problem.detail.startswith("2 entries")
    server.listed = None
    cycle(home)
    assert problems(home)
    cycle(home, 2 * DAY)
    assert not problems(home)


def test_an_edit_of_anything_else_makes_the_details_no_younger(home: Household, server: Odd) -> None:
    cycle(home)
    before = home.mirror.assessments.of(home.contact("P00"))[1]
    href = f"{HOME}00.vcf"
    server.write(href, server.cards[href].replace(b"REV:2017-05-01", b"REV:2026-03-02").replace(b"+49 171", b"+49 172"))
    cycle(home, DAY)
    after = home.mirror.assessments.of(home.contact("P00"))[1]
    assert before
    assert after
    assert after["probability"] >= before["probability"]


# ---------------------------------------------------------------- guards


def test_a_mass_change_stops_writing_until_released_even_if_the_process_died_in_between(
    home: Household, server: Odd
) -> None:
    class Died(BaseException):
        pass

    class Dies(Odd):
        async def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
            async with aclosing(Odd.fetch(self, book, hrefs)) as batches:
                async for batch in batches:
                    yield batch
                    raise Died

    cycle(home)
    writes = len(server.puts)
    for number in range(11):
        href = f"{HOME}{number:02}.vcf"
        server.write(href, server.cards[href].replace(b"TITLE:VP Sales", b"TITLE:CRO"))
    dies = Dies(cards=server.cards, etags=server.etags, log=server.log)
    with pytest.raises(Died):
        asyncio.run(home.cycle(after=QUARTER, server=dies))
    home.reopen()
    cycle(home)
    assert ProblemKind.MASS_CHANGE in problems(home)
    assert len(server.puts) == writes
    release(home)
    cycle(home, DAY)
    assert len(server.puts) == writes + 4  # the titles were answers


def test_cards_without_etags_are_no_mass_change(home: Household, server: Odd) -> None:
    server.shown = lambda href, etag: None
    cycle(home)
    cycle(home, 2 * DAY)
    assert not problems(home)


def test_a_group_that_loses_many_at_once_freezes_and_a_release_lets_them_go(home: Household, server: Odd) -> None:
    cycle(home)
    writes = len(server.puts)
    server.write(GROUP, vip_group("P00"))
    assert cycle(home)["vips"] == 4
    assert ProblemKind.VIP_LOSS in problems(home)
    assert len(server.puts) == writes
    release(home)
    assert cycle(home)["vips"] == 1
    assert len(server.puts) == writes + 3


def test_a_group_that_comes_back_thaws_by_itself(home: Household, server: Odd) -> None:
    cycle(home)
    server.delete(GROUP)
    cycle(home)
    assert ProblemKind.VIP_LOSS in problems(home)
    server.write(GROUP, vip_group("P00", "P01", "P02", "P03"))
    cycle(home)
    assert not problems(home)


# ---------------------------------------------------------------- bad cards


@pytest.mark.parametrize("bad", [b"(null)", b"", b"<html>502</html>", b"N:Ruiz;P00;;;\r\nUID:P00\r\nEND:VCARD\r\n"])
def test_a_vip_card_that_turns_unreadable_is_quarantined_and_nothing_of_it_is_forgotten(
    home: Household, server: Odd, bad: bytes
) -> None:
    cycle(home)
    writes = len(server.puts)
    href = f"{HOME}00.vcf"
    server.served[href] = bad
    server.write(href, server.cards[href])
    assert cycle(home)["quarantined"] == 1
    assert problems(home) == {ProblemKind.QUARANTINED: href}
    for _ in range(2):
        assert cycle(home)["quarantined"] == 0  # asked again only when everything is compared
    assert cycle(home, DAY)["quarantined"] == 1
    assert [q.standing for q in home.mirror.questions.of(home.contact("P00"))] == [True]
    assert home.mirror.books.vips(1).keys() == {"p00", "p01", "p02", "p03"}
    assert len(server.puts) == writes
    del server.served[href]
    cycle(home, DAY)
    assert not problems(home)


def test_an_unreadable_group_card_is_no_lost_group(home: Household, server: Odd) -> None:
    cycle(home)
    server.served[GROUP] = b"(null)"
    server.write(GROUP, server.cards[GROUP])
    assert cycle(home)["vips"] == 4
    assert problems(home) == {ProblemKind.QUARANTINED: GROUP}


def test_a_card_that_cannot_be_fetched_stops_no_other_and_is_asked_for_again(home: Household, server: Odd) -> None:
    href = f"{HOME}01.vcf"
    server.unreadable[href] = "The server answered 500."
    counts = cycle(home)
    assert (counts["quarantined"], counts["asked"]) == (1, 3)
    server.fetched.clear()
    cycle(home)
    assert server.fetched == []
    del server.unreadable[href]
    assert cycle(home, DAY)["asked"] == 1
    assert not problems(home)


def test_a_bad_card_that_is_deleted_is_no_problem_any_more(home: Household, server: Odd) -> None:
    href = f"{HOME}09.vcf"
    server.served[href] = b"(null)"
    cycle(home)
    assert problems(home) == {ProblemKind.QUARANTINED: href}
    server.delete(href)
    cycle(home, DAY)
    assert not problems(home)


def test_cards_without_a_uid_are_never_mixed_up(home: Household, server: Odd) -> None:
    server.books = (address_book("VIP"),)
    server.write(f"{HOME}x.vcf", person("X").replace(b"UID:X\r\n", b""))
    server.write(f"{HOME}y.vcf", person("Y").replace(b"UID:Y\r\n", b""))
    assert cycle(home)["vips"] == 20
    assert "" not in home.mirror.books.vips(1)


# ---------------------------------------------------------------- who is who


def test_members_are_found_whatever_the_case_and_prefix_of_their_uid(home: Household, server: Odd) -> None:
    server.write(f"{HOME}05.vcf", person("urn:uuid:P05-ab"))
    server.write(GROUP, vip_group("p05-AB", "P05-ab", "P07", "nobody", "G-VIP"))
    assert cycle(home)["vips"] == 2
    assert home.mirror.books.vips(1).keys() == {"p05-ab", "p07"}


def test_a_card_that_moves_keeps_its_history_and_its_question(home: Household, server: Odd) -> None:
    cycle(home)
    contact = home.contact("P00")
    server.write(f"{HOME}moved.vcf", server.cards[f"{HOME}00.vcf"])
    server.delete(f"{HOME}00.vcf")
    writes = len(server.puts)
    cycle(home)
    assert home.contact("P00") == contact
    assert [q.standing for q in home.mirror.questions.of(contact)] == [True]
    assert len(server.puts) == writes
    cycle(home, timedelta(days=46))
    assert b"VIPcheck" not in server.cards[f"{HOME}moved.vcf"]


def test_two_cards_with_one_uid_get_one_question(home: Household, server: Odd) -> None:
    server.write(f"{HOME}zz.vcf", server.cards[f"{HOME}00.vcf"])
    for _ in range(3):
        cycle(home, DAY)
    asked = [href for href, card in server.cards.items() if b"UID:P00\r\n" in card and b"VIPcheck" in card]
    assert asked == [f"{HOME}00.vcf"]
    assert len(home.mirror.questions.of(home.contact("P00"))) == 1


def test_many_changes_at_once_are_seen_also_where_the_server_has_another_address_now(
    home: Household, server: Odd
) -> None:
    cycle(home)
    server.books = tuple(replace(book, href=f"https://new.test{HOME}") for book in server.books)
    home.mirror.accounts.forget_discovery("home")
    cycle(home)  # the same cards: nothing to see
    assert ProblemKind.MASS_CHANGE not in problems(home)
    for number in range(15):
        href = f"{HOME}{number:02}.vcf"
        server.write(href, server.cards[href].replace(b"TITLE:VP Sales", b"TITLE:CRO"))
    server.books = tuple(replace(book, href=f"https://newer.test{HOME}") for book in server.books)
    server.shown = lambda href, etag: f"W/{etag}"  # a proxy marks them
    home.mirror.accounts.forget_discovery("home")
    cycle(home)
    assert ProblemKind.MASS_CHANGE in problems(home)


def test_a_proxy_that_marks_etags_at_the_new_address_is_no_change(home: Household, server: Odd) -> None:
    cycle(home)
    server.books = tuple(replace(book, href=f"https://new.test{HOME}") for book in server.books)
    server.shown = lambda href, etag: f"W/{etag}"
    home.mirror.accounts.forget_discovery("home")
    cycle(home)
    assert ProblemKind.MASS_CHANGE not in problems(home)


def test_a_book_that_was_the_list_and_has_another_name_now_freezes_its_list(tmp_path: Path) -> None:
    server = Odd(books=(address_book("VIP"),))
    for uid in ("Jo", "Al"):
        server.write(f"{HOME}{uid}.vcf", person(uid, "note"))
    home = Household(folder=tmp_path, server=server)
    assert cycle(home)["vips"] == 2
    asked = dict(server.cards)
    server.books = (address_book("People"),)
    home.mirror.accounts.forget_discovery("home")
    server.write(f"{HOME}new.vcf", person("New"))
    assert cycle(home, DAY)["vips"] == 2
    assert ProblemKind.VIP_LOSS in problems(home)
    assert all(server.cards[href] == card for href, card in asked.items())
    home.mirror.close()
