from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from cardsync.demo.addressbook import AddressBookFixture, Situation, people
from cardsync.demo.apple import Line, parse
from cardsync.demo.phone import Phone
from cardsync.demo.server import DemoServer, serving
from cardsync.errors import CardsyncError, ServerProblem
from cardsync.model import WorkField
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
QUESTION = "VIPcheck: still VP Sales at Acme? (last sure Mar 2024)\nType: ok / left / later / never"
OWN = "Likes tea; not coffee\n\nSecond paragraph"


@pytest.fixture(scope="module")
def book() -> AddressBookFixture:
    return people(3, 60, 20, now=NOW)


@pytest.fixture(scope="module")
def server(book: AddressBookFixture, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    with serving(book.cards, tmp_path_factory.mktemp("demo"), display_name="Contacts") as running:
        yield running


@pytest.fixture
def phone(server: DemoServer) -> Iterator[Phone]:
    with Phone(
        book_url=server.book_url, username=server.username, password=server.password, clock=lambda: NOW
    ) as opened:
        yield opened


@pytest.fixture
def asked(phone: Phone, book: AddressBookFixture) -> str:
    """The name of a contact with an open question above a note of the user's own."""
    name = book.vips(Situation.PLAIN)[0]
    phone.edit_note(name, lambda _: f"{QUESTION}\n\n{OWN}")
    return name


def test_the_server_has_the_book(phone: Phone, book: AddressBookFixture) -> None:
    assert set(phone.names()) == set(book.cards)


def test_the_server_wants_the_password(server: DemoServer) -> None:
    assert httpx.request("PROPFIND", server.book_url, trust_env=False).status_code == httpx.codes.UNAUTHORIZED
    assert server.password not in repr(server)


def test_the_server_counts_requests(server: DemoServer, phone: Phone, book: AddressBookFixture) -> None:
    before = server.requests()
    phone.set_birthday(book.vips(Situation.PLAIN)[1], date(1980, 2, 29))
    assert server.requests()[len(before) :] == ("GET", "PUT")


def test_nothing_listens_after_the_server_was_stopped(tmp_path: Path) -> None:
    with serving({}, tmp_path) as running:
        assert httpx.get(running.url, trust_env=False).status_code < httpx.codes.INTERNAL_SERVER_ERROR
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url, trust_env=False)


def test_without_radicale_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CardsyncError, match=r"pip install '\.\[demo\]'"), serving({}, tmp_path):
        pass


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (lambda phone, name: phone.type_below_block(name, "ok"), f"{QUESTION}\nok\n\n{OWN}"),
        (lambda phone, name: phone.type_inside(name, "ok"), QUESTION.replace("\n", "\nok\n") + f"\n\n{OWN}"),
        (lambda phone, name: phone.type_on_last_line(name, "ok"), f"{QUESTION} ok\n\n{OWN}"),
        (lambda phone, name: phone.type_at_end(name, "ok"), f"{QUESTION}\n\n{OWN}\nok"),
        (
            lambda phone, name: phone.write_free_text(name, "now CRO at Stripe, London"),
            QUESTION.replace("\n", " now CRO at Stripe, London\n") + f"\n\n{OWN}",
        ),
        (lambda phone, name: phone.delete_block(name), OWN),
    ],
)
def test_answers_end_where_a_person_types_them(
    phone: Phone, asked: str, answer: Callable[[Phone, str], None], note: str
) -> None:
    answer(phone, asked)
    assert phone.note(asked) == note


def test_a_block_that_is_the_whole_note_is_deleted_whole(phone: Phone, asked: str) -> None:
    phone.edit_note(asked, lambda _: QUESTION)
    phone.delete_block(asked)
    assert not [line for line in parse(phone.card(asked)) if line.name == "NOTE"]


def test_without_a_question_there_is_nothing_to_answer(phone: Phone, asked: str) -> None:
    phone.edit_note(asked, lambda _: OWN)
    with pytest.raises(ServerProblem):
        phone.type_below_block(asked, "ok")


@pytest.mark.parametrize("situation", [Situation.PLAIN, Situation.LABELLED, Situation.NO_TITLE])
def test_work_fields_are_edited(phone: Phone, book: AddressBookFixture, situation: Situation) -> None:
    name = book.vips(situation)[0]
    before = contact_of(scan(phone.card(name)))
    phone.edit_field(name, "ORG", ("Stripe, Inc.", "Sales"))
    phone.edit_field(name, "TITLE", "CRO")
    phone.edit_field(name, "EMAIL", "jo@stripe.example")
    after = contact_of(scan(phone.card(name)))
    assert after.first(WorkField.ORGANISATION) == "Stripe, Inc."
    assert after.first(WorkField.DEPARTMENT) == "Sales"
    assert after.first(WorkField.TITLE) == "CRO"
    assert after.work[WorkField.EMAIL] == ("jo@stripe.example",)
    assert (after.personal_emails, after.note, after.revised) == (before.personal_emails, before.note, NOW)


def test_private_edits_leave_work_alone(phone: Phone, book: AddressBookFixture) -> None:
    name = book.vips(Situation.PLAIN)[2]
    phone.set_birthday(name, date(1990, 1, 2))
    before = contact_of(scan(phone.card(name)))
    phone.set_photo(name, b"\xff\xd8\xff\xd9")
    phone.edit_field(name, "TEL", "+1 (415) 555-0199", kind="CELL")
    lines = parse(phone.card(name))
    assert contact_of(scan(phone.card(name))).work[WorkField.EMAIL] == before.work[WorkField.EMAIL]
    assert [line.value for line in lines if line.name in ("PHOTO", "BDAY")] == ["1990-01-02", "/9j/2Q=="]
    assert "+1 (415) 555-0199" in [line.value for line in lines if "CELL" in line.types]


def test_an_emptied_field_goes_with_its_label(phone: Phone, book: AddressBookFixture) -> None:
    name = book.vips(Situation.LABELLED)[1]
    phone.edit_field(name, "EMAIL", "")
    lines = parse(phone.card(name))
    assert WorkField.EMAIL not in contact_of(scan(phone.card(name))).work
    labelled = {line.group for line in lines if line.name == "X-ABLABEL"}
    assert labelled <= {line.group for line in lines if not line.name.startswith("X-AB") or "RELATED" in line.name}


def test_members_leave_and_join_a_group(phone: Phone, book: AddressBookFixture) -> None:
    card, uid = book.group_cards["Board"], book.groups["Board"][0]
    phone.remove_from_group(card, uid)
    assert uid.encode() not in phone.card(card)
    phone.add_to_group(card, uid)
    phone.add_to_group(card, uid)
    assert phone.card(card).count(uid.encode()) == 1


def test_contacts_are_deleted_and_created(phone: Phone, book: AddressBookFixture) -> None:
    name = f"{book.groups['Family'][0]}.vcf"
    phone.delete_contact(name)
    assert name not in phone.names()
    phone.add_contact(name, book.cards[name])
    assert name in phone.names()
    with pytest.raises(ServerProblem, match="412"):
        phone.add_contact(name, book.cards[name])


def test_an_edit_meets_another_one(phone: Phone, book: AddressBookFixture) -> None:
    """The phone saves while somebody else writes: it reads again, and neither edit is lost."""
    name = book.vips(Situation.PLAIN)[3]
    others = iter([lambda: phone.edit_field(name, "TITLE", "CRO")])

    def slowly(lines: list[Line]) -> list[Line]:
        next(others, lambda: None)()
        return [*(line for line in lines if line.name != "NICKNAME"), Line(name="NICKNAME", value="Jo")]

    phone.edit(name, slowly)
    values = {line.name: line.value for line in parse(phone.card(name))}
    assert (values["TITLE"], values["NICKNAME"]) == ("CRO", "Jo")


def test_an_edit_that_always_meets_another_one_is_given_up(phone: Phone, book: AddressBookFixture) -> None:
    name = book.vips(Situation.PLAIN)[4]
    titles = iter("ABCDEFGH")

    def too_slowly(lines: list[Line]) -> list[Line]:
        phone.edit_field(name, "TITLE", next(titles))
        return lines

    with pytest.raises(ServerProblem):
        phone.edit(name, too_slowly)
    assert next(titles) == "E"
