import base64
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import vobject

from cardsync.demo.addressbook import LARGE_PHOTOS, AddressBookFixture, Situation, people
from cardsync.demo.invented import NOTES
from cardsync.model import ContactKind, WorkField, uid_key
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import refusal, scan
from cardsync.vcard.groups import group_of

NOW = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def book() -> AddressBookFixture:
    return people(7, now=NOW)


def test_the_same_seed_gives_the_same_book() -> None:
    assert people(7, 30, 10, now=NOW) == people(7, 30, 10, now=NOW)
    assert people(7, 30, 10, now=NOW).cards.keys() != people(8, 30, 10, now=NOW).cards.keys()


def test_it_has_the_promised_size(book: AddressBookFixture) -> None:
    assert (len(book.cards), len(book.vip_uids), set(book.groups)) == (303, 40, {"VIP", "Family", "Board"})
    assert len(set(book.names.values())) == 300


def test_every_contact_may_be_written_to_and_is_read_as_meant(book: AddressBookFixture) -> None:
    for uid, situation in book.situations.items():
        document = scan(book.cards[f"{uid}.vcf"])
        assert refusal(document) is None
        contact = contact_of(document)
        assert (contact.uid, contact.name) == (uid, book.names[uid])
        assert (contact.kind is ContactKind.COMPANY) == (situation is Situation.COMPANY)
        assert (WorkField.ORGANISATION in contact.work) == (
            situation not in (Situation.NO_WORK, Situation.NO_ORGANISATION)
        )
        assert len(contact.work.get(WorkField.EMAIL, ())) == (
            {Situation.NO_WORK: 0, Situation.TWO_ORGANISATIONS: 2}.get(situation, 1)
        )
        assert contact.bumps_rev
        assert contact.revised
        assert timedelta(days=30) <= NOW - contact.revised <= timedelta(days=9 * 365 + 1)


def test_the_vips_hold_every_situation_and_every_shape_of_note(book: AddressBookFixture) -> None:
    assert {book.situations[uid] for uid in book.vip_uids} == set(Situation)
    assert {contact_of(scan(book.cards[f"{uid}.vcf"])).note for uid in book.vip_uids} == set(NOTES)


def test_the_vip_card_has_an_unknown_member_one_twice_and_itself(book: AddressBookFixture) -> None:
    card = book.cards[book.group_cards["VIP"]]
    group = group_of(scan(card))
    assert group
    assert {uid_key(uid) for uid in book.vip_uids} < group.members
    listed = Counter(re.findall(rb"MEMBER:urn:uuid:(\S+)", card))
    assert max(listed.values()) == 2
    assert group.uid_key.upper().encode() in listed
    known = {uid.encode() for uid in book.situations}
    assert len(listed.keys() - known) == 2  # itself and the unknown one


def test_another_parser_agrees(book: AddressBookFixture) -> None:
    for uid, name in book.names.items():
        card = vobject.readOne(book.cards[f"{uid}.vcf"].decode())
        assert (card.fn.value, card.uid.value) == (name, uid)


def test_lines_are_as_apple_writes_them(book: AddressBookFixture) -> None:
    cards = b"".join(book.cards.values())
    assert max(map(len, cards.split(b"\r\n"))) == 75
    assert cards.count(b"\n") == cards.count(b"\r\n")
    for form in (rb"^ORG:[^;\r]+;\r$", rb"^EMAIL;type=INTERNET;type=WORK;type=pref:", rb"^item3\.X-ABADR:us\r$"):
        assert re.search(form, cards, re.MULTILINE)


def test_everybody_is_invented(book: AddressBookFixture) -> None:
    cards = b"".join(book.cards.values()).replace(b"\r\n ", b"").decode()
    domains = re.findall(r"@([\w.-]+)|https?://([\w.-]+)", cards)
    assert len(domains) > 300
    assert all((mail or web).endswith(".example") for mail, web in domains)


def test_photos_are_jpegs_of_the_wanted_size() -> None:
    cards = people(1, 200, 10, now=NOW, photos=LARGE_PHOTOS).cards.values()
    photos = [photo for card in cards if (photo := photo_of(card))]
    assert 0.4 < len(photos) / len(cards) < 0.6
    assert 25_000 < sum(map(len, photos)) / len(photos) < 31_000
    assert all(photo.startswith(b"\xff\xd8\xff") and photo.endswith(b"\xff\xd9") for photo in photos)


def photo_of(card: bytes) -> bytes:
    found = re.search(rb"^PHOTO[^:]*:((?:[^\r]|\r\n )*)", card, re.MULTILINE)
    return base64.b64decode(found[1].replace(b"\r\n ", b"")) if found else b""
