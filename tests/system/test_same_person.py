"""One person on two cards with one UID, in two books of an account: what was said once is said."""

from dataclasses import dataclass

import pytest

from builders import apple_group
from household import Household, person
from servers.running import Running

ZORA = person("Zora Quillfeather", "Initrode", uid="UID-Z")
LIST = apple_group("VIP", ["UID-Z"], uid="LIST")
MANY = ("[reminders]", "max_new_per_day = 9", "max_new_per_week = 9", "max_open = 9")


@dataclass
class Twins:
    """The same card and list in both books."""

    house: Household
    first: Running
    second: Running

    def configure(self, *books: Running) -> None:
        names = [book.book_url.rstrip("/").rpartition("/")[2] for book in books or (self.first, self.second)]
        self.house.configure(*MANY, account={"address_books": names})

    def blocks(self) -> list[str]:
        return [b.book_url for b in (self.first, self.second) if b"VIPcheck" in b.get_card("z.vcf")]


@pytest.fixture
def twins(house: Household) -> Twins:
    found = Twins(house, house.server, house.server.make_book(f"t{house.book}", f"t{house.book}"))
    for book in (found.first, found.second):
        book.put_card("z.vcf", ZORA)
        book.put_card("list.vcf", LIST)
    found.configure()
    return found


def asked_first(twins: Twins) -> tuple[Running, Running]:
    """After a cycle: the book in which the question stands, and the other one."""
    twins.house.ok("sync")
    (url,) = twins.blocks()
    other, asked = sorted((twins.first, twins.second), key=lambda book: book.book_url == url)
    return asked, other


def type_never(book: Running) -> None:
    card = book.get_card("z.vcf").replace(b"\r\n ", b"")
    assert b" / never" in card
    book.put_card("z.vcf", card.replace(b" / never", b" / never\\nnever", 1))


@pytest.mark.parametrize("then", ["list", "card", "filter"])
def test_never_in_one_book_holds_in_the_other(twins: Twins, then: str) -> None:
    house = twins.house
    asked, other = asked_first(twins)
    type_never(asked)
    house.ok("sync")
    assert twins.blocks() == []
    if then == "list":
        asked.put_card("list.vcf", apple_group("VIP", [], uid="LIST"))
    elif then == "card":
        asked.delete_card("z.vcf")
    else:
        twins.configure(other)
    for _ in range(2):
        house.cardsync("sync")
        house.ok("release")
    assert b"VIPcheck" not in other.get_card("z.vcf")
    assert house.rows("SELECT count(*) FROM question") == [(1,)]


def test_a_question_in_a_book_that_is_hidden_for_a_moment_is_asked_nowhere_else(twins: Twins) -> None:
    house = twins.house
    asked, other = asked_first(twins)
    twins.configure(other)
    house.ok("sync")
    assert twins.blocks() == [asked.book_url]
    assert "elsewhere" in house.ok("explain", "Zora", "--json")
    twins.configure()
    house.ok("sync")
    type_never(asked)
    house.ok("sync")
    assert twins.blocks() == []


def test_never_takes_out_a_question_that_stands_in_the_other_book_too(twins: Twins) -> None:
    house = twins.house
    asked, other = asked_first(twins)
    other.put_card("z.vcf", asked.get_card("z.vcf"))  # copied over, question and all
    house.ok("sync")
    assert len(twins.blocks()) == 2
    type_never(asked)
    house.ok("sync")
    house.ok("sync")
    assert twins.blocks() == []


def test_a_book_that_comes_back_after_a_move_is_heard(twins: Twins) -> None:
    house = twins.house
    asked, other = asked_first(twins)
    twins.configure(other)
    house.ok("sync")
    house.ok("account", "move", "home")
    twins.configure()
    house.ok("sync")
    assert house.ok("vip", "--json").count('"name": "Zora Quillfeather"') == 2
    type_never(asked)
    house.ok("sync")
    house.ok("sync")
    assert twins.blocks() == []
    assert house.rows("SELECT count(*) FROM contact WHERE pause = 'never'") == [(1,)]


def test_a_new_name_in_the_config_is_no_new_budget(twins: Twins) -> None:
    house = twins.house
    house.configure("[reminders]", "max_new_per_week = 1", account={"address_books": [house.book]})
    house.server.put_card("b.vcf", person("Basil Thackwell", "Hooli", uid="UID-B"))
    house.server.put_card("list.vcf", apple_group("VIP", ["UID-Z", "UID-B"], uid="LIST"))
    house.ok("sync")
    assert len(house.asked_about()) == 1
    house.config.write_text(house.config.read_text().replace("[accounts.home]", "[accounts.cloud]"))
    house.ok("sync")
    assert len(house.asked_about()) == 1
