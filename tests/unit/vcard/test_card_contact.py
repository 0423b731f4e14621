"""Who a card is about, where she works, and which groups there are."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import apple_group, card
from cardsync.model import ContactKind, WorkField
from cardsync.vcard.contact import comparable, contact_of, work_keys
from cardsync.vcard.document import scan
from cardsync.vcard.groups import group_of

IPHONE = card(
    "ORG:Acme\\, Inc.;Sales;",
    "TITLE:VP Sales",
    "ROLE:Decides",
    "EMAIL;type=INTERNET;type=HOME;type=pref:jo@home.example",
    "item1.EMAIL;type=INTERNET:j.ruiz@acme.example",
    "item1.X-ABLabel:_$!<Work>!$_",
    "EMAIL;type=INTERNET:untyped@else.example",
    "TEL;type=CELL;type=WORK;type=VOICE:+1 (555) 010-0100",
    "TEL;type=WORK;type=FAX:+1 555 0101",
    "TEL;type=HOME:+1 555 0102",
    "item2.TEL:+1 555 0103",
    "item2.X-ABLabel:Büro",
    "item3.URL:https://acme.example",
    "item3.X-ABLabel:Arbeit",
    "item4.URL:https://jo.example",
    "item4.X-ABLabel:_$!<HomePage>!$_",
    "item5.ADR;type=WORK:;;1 Main St\\nFloor 2;Springfield;;12345;USA",
    "item5.X-ABADR:us",
    "CATEGORIES:VIP,Chess\\, fast",
    "NOTE:Likes tea, green",
    "REV:2024-03-05T06:07:08Z",
    "PRODID:-//Apple Inc.//iOS 17.4//EN",
)


def test_an_iphone_card_is_understood_by_type_and_by_label() -> None:
    contact = contact_of(scan(IPHONE))
    assert contact.work == {
        WorkField.ORGANISATION: ("Acme, Inc.",),
        WorkField.DEPARTMENT: ("Sales",),
        WorkField.TITLE: ("VP Sales",),
        WorkField.ROLE: ("Decides",),
        WorkField.EMAIL: ("j.ruiz@acme.example",),
        WorkField.PHONE: ("+1 (555) 010-0100", "+1 555 0103"),
        WorkField.URL: ("https://acme.example",),
        WorkField.ADDRESS: ("1 Main St Floor 2, Springfield, 12345, USA",),
    }
    assert contact.personal_emails == ("jo@home.example", "untyped@else.example")
    assert (contact.name, contact.given_name, contact.kind) == ("Jo Ruiz", "Jo", ContactKind.PERSON)
    assert contact.uid == "3F2A-77"
    assert contact.note == "Likes tea, green"
    assert (contact.revised, contact.bumps_rev) == (datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC), True)


@pytest.mark.parametrize(
    "label", ["_$!<Work>!$_", "work", "Work 2", "Arbeit", "BÜRO", "Travail", "Trabajo", "Trabalho", "Office"]
)
def test_labels_that_say_work(label: str) -> None:
    contact = contact_of(scan(card("ITEM7.EMAIL:a@b.example", f"item7.X-ABLabel:{label}")))
    assert contact.work == {WorkField.EMAIL: ("a@b.example",)}


@pytest.mark.parametrize(
    "lines",
    [
        ("TEL;TYPE=HOME:1",),
        ("TEL:1",),
        ("TEL;TYPE=WORK,FAX:1",),
        ("TEL;WORK;PAGER:1",),
        ("item1.TEL;type=WORK:1", "item1.X-ABLabel:_$!<HomeFAX>!$_", "item1.X-ABLabel:x", "item1.TEL;type=FAX:2")[3:],
        ("item1.TEL:1", "item1.X-ABLabel:Work fax"),
        ("item1.EMAIL:1", "item2.X-ABLabel:Work"),
        ("item1.ADR;TYPE=WORK:;;x;;;;", "item1.X-ABLabel:Zuhause"),
        ("URL:https://a.example",),
        ("ORG:;;", "TITLE: ", "ROLE:"),
        ("X-ABLabel:Work", "EMAIL:a@b.example"),
    ],
)
def test_what_is_not_work(lines: tuple[str, ...]) -> None:
    assert contact_of(scan(card(*lines))).work == {}


def test_bare_types_and_uris_are_read() -> None:
    contact = contact_of(
        scan(card("TEL;WORK;VOICE:1", 'TEL;VALUE=uri;TYPE="work,cell":tel:+2', "EMAIL;WORK:mailto:a@b.example"))
    )
    assert contact.work == {WorkField.PHONE: ("1", "+2"), WorkField.EMAIL: ("a@b.example",)}


@pytest.mark.parametrize(
    ("rev", "expected"),
    [
        ("20240305T060708Z", datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC)),
        ("2024-03-05T06:07:08.500Z", datetime(2024, 3, 5, 6, 7, 8, 500000, tzinfo=UTC)),
        ("2024-03-05T06:07:08+02:00", datetime(2024, 3, 5, 4, 7, 8, tzinfo=UTC)),
        ("20240305T060708-0130", datetime(2024, 3, 5, 7, 37, 8, tzinfo=UTC)),
        ("2024-03-05t06:07:08z", datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC)),
        ("2024-03-05T06:07:08", datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC)),
        ("2024-03-05", datetime(2024, 3, 5, tzinfo=UTC)),
        ("20240305", datetime(2024, 3, 5, tzinfo=UTC)),
        ("2024-13-05", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01T00:00:00Z", None),  # .NET's "never"
        ("1970-01-01T00:00:00+01:00", None),
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_rev_in_all_its_forms(rev: str, expected: datetime | None) -> None:
    assert contact_of(scan(card(f"REV:{rev}"))).revised == expected


@given(st.datetimes(timezones=st.none() | st.just(UTC)) | st.from_regex(r"[0-9T:Z+.-]{0,24}", fullmatch=True))
def test_no_rev_is_before_1970(rev: datetime | str) -> None:
    text = rev if isinstance(rev, str) else rev.isoformat()
    revised = contact_of(scan(card(f"REV:{text}"))).revised
    assert revised is None or revised >= datetime(1970, 1, 1, tzinfo=UTC)


def test_companies_and_people_without_a_formatted_name() -> None:
    assert contact_of(scan(card("X-ABShowAs:COMPANY"))).kind is ContactKind.COMPANY
    assert contact_of(scan(card("KIND:org", version="4.0"))).kind is ContactKind.COMPANY
    nameless = card("ORG:Acme").replace(b"FN:Jo Ruiz", b"FN:").replace(b"N:Ruiz;Jo;;;", b"N:")
    assert contact_of(scan(nameless)).name == "Acme"
    assert contact_of(scan(card().replace(b"FN:Jo Ruiz", b"FN:"))).name == "Jo Ruiz"


@pytest.mark.parametrize(
    ("which", "one", "other"),
    [
        (WorkField.PHONE, "+1 (555) 010-0100", "+1 555 0100100"),
        (WorkField.PHONE, "tel:+1-555-0100", "+15550100"),
        (WorkField.PHONE, "555 0100 ext. 5", "5550100x5"),
        (WorkField.EMAIL, "J.Ruiz@Acme.Example", "j.ruiz@acme.example"),
        (WorkField.URL, "HTTP://Acme.example/", "http://acme.example"),
        (WorkField.URL, "acme.example", "http://acme.example/"),
        (WorkField.ADDRESS, "1 Main  St, , Springfield", "1 Main St, Springfield"),
        (WorkField.ORGANISATION, "Acme;", " Acme "),
        (WorkField.TITLE, "Ge\u0301rant", "G\u00e9rant"),
    ],
)
def test_a_reformatted_value_is_no_edit(which: WorkField, one: str, other: str) -> None:
    assert comparable(which, one) == comparable(which, other)


@pytest.mark.parametrize(
    ("which", "one", "other"),
    [
        (WorkField.PHONE, "+1 555 0100", "+1 555 0101"),
        (WorkField.PHONE, "1-800-FLOWERS", "1-800-FLORIST"),
        (WorkField.EMAIL, "jo@acme.example", "jo@acme.test"),
        (WorkField.URL, "https://acme.example/Jo", "https://acme.example/jo"),
        (WorkField.ADDRESS, "1 Main St, Springfield", "2 Main St, Springfield"),
        (WorkField.ORGANISATION, "Acme", "Acme Inc."),
        (WorkField.TITLE, "VP Sales", "SVP Sales"),
    ],
)
def test_a_real_edit_is_one(which: WorkField, one: str, other: str) -> None:
    assert comparable(which, one) != comparable(which, other)


def test_what_an_iphone_makes_of_a_card_is_no_edit() -> None:
    rewritten = card(
        "PRODID:-//Apple Inc.//iOS 18.0//EN",
        "item9.ADR;type=WORK;type=pref:;;1 Main St\\nFloor 2;Springfield;;12345;USA",
        "item9.X-ABADR:us",
        "item2.TEL;type=pref:+15550103",
        "item2.X-ABLabel:Büro",
        "TEL;type=WORK;type=CELL;type=VOICE:+1 555-010-0100",
        "item3.URL;type=pref:https\\://acme.example",
        "item3.X-ABLabel:Arbeit",
        "EMAIL;type=INTERNET;type=WORK;type=pref:j.ruiz@acme.example",
        "ORG:Acme\\, Inc.;Sales",
        "TITLE:VP Sales",
        "ROLE:Decides",
    )
    assert work_keys(contact_of(scan(rewritten))) == work_keys(contact_of(scan(IPHONE)))


def test_an_apple_group_lists_its_members_whatever_their_spelling() -> None:
    members = ["ABC-1", "abc-1", "unknown", "g-1"]
    group = group_of(scan(apple_group("VIP", members).replace(b"urn:uuid:unknown", b"OLD:ABPerson")))
    assert group
    assert (group.uid_key, group.name, group.members) == ("g-1", "VIP", frozenset({"abc-1", "old"}))


def test_a_vcard_4_group_is_one_and_a_person_is_none() -> None:
    group = group_of(scan(card("KIND:group", "MEMBER:urn:uuid:A", "MEMBER:b", version="4.0", name="VIPs;;;;")))
    assert group
    assert (group.name, group.members) == ("VIPs", frozenset({"a", "b"}))
    assert group_of(scan(card("MEMBER:urn:uuid:A"))) is None
