from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.demo.apple import Line, components, escape, parse, structured, unescape, write
from cardsync.demo.ios import IOS_6, as_iphone_shows, rewritten
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import refusal, scan

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n"))
CARD = b"""\
BEGIN:VCARD\r
VERSION:3.0\r
PRODID:-//Some server//EN\r
UID:A-1\r
REV:20200101T000000Z\r
TITLE:VP Sales\r
ADR;TYPE=WORK:;;Ring 5;Ulm;;89073;Germany\r
item9.EMAIL;TYPE=internet:jo@acme.example\r
item9.X-ABLABEL:_$!<Work>!$_\r
item3.X-ABLABEL:orphan\r
TEL;TYPE=WORK,FAX:0731.555\r
TEL;TYPE=CELL:4155550134\r
N:Ruiz;Jo;;;\r
FN:Jo Ruiz\r
ORG:Acme\\, Inc.;Sales\r
NOTE:Likes tea\\; not coffee\\nsecond\r
END:VCARD\r
"""


@given(TEXT)
def test_escaping_is_undone(text: str) -> None:
    assert unescape(escape(text)) == text


@given(st.lists(TEXT, min_size=1))
def test_structured_values_are_taken_apart_again(parts: list[str]) -> None:
    assert components(structured(parts)) == parts


@given(TEXT)
def test_any_text_survives_folding_and_cardsync_may_read_it(text: str) -> None:
    lines = [Line(name=name, value=value) for name, value in (("VERSION", "3.0"), ("N", ";;;;"), ("UID", "1"))]
    card = write([*lines, Line(name="FN", value="Jo"), Line(name="NOTE", value=escape(text))])
    assert max(map(len, card.split(b"\r\n"))) <= 75
    assert parse(card)[-1].text() == text
    assert refusal(scan(card)) is None
    assert contact_of(scan(card)).note == text


@pytest.mark.parametrize("card", [b"", b"(null)", b"BEGIN:VCARD\r\nVERSION:3.0\r\n", b"END:VCARD\r\nBEGIN:VCARD\r\n"])
def test_what_is_no_card_is_not_read_as_one(card: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a vCard|without a value"):
        parse(card)


def test_an_edit_on_the_phone_rewrites_the_card() -> None:
    assert (
        rewritten(parse(CARD), now=NOW).decode().replace("\r\n", "\n")
        == """\
BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//iOS 18.1//EN
N:Ruiz;Jo;;;
FN:Jo Ruiz
ORG:Acme\\, Inc.;Sales
TITLE:VP Sales
item1.EMAIL;type=INTERNET;type=pref:jo@acme.example
item1.X-ABLabel:_$!<Work>!$_
TEL;type=WORK;type=FAX;type=pref:0731 555
TEL;type=CELL;type=VOICE:(415) 555-0134
item2.ADR;type=WORK;type=pref:;;Ring 5;Ulm;;89073;Germany
item2.X-ABADR:de
NOTE:Likes tea\\; not coffee\\nsecond
REV:2025-06-01T12:00:00Z
UID:A-1
END:VCARD
"""
    )


def test_rewriting_again_changes_nothing() -> None:
    once = rewritten(parse(CARD), now=NOW)
    assert rewritten(parse(once), now=NOW) == once


def test_old_ios_escapes_colons_and_reads_them_back() -> None:
    lines = [*parse(CARD), Line(name="NOTE", value="VIPcheck: still?")]
    card = rewritten(lines, now=NOW, ios=IOS_6)
    assert b"NOTE:VIPcheck\\: still?" in card
    assert parse(card)[-3].text() == "VIPcheck: still?"


def test_the_screen_shows_the_contact_as_a_person_reads_it() -> None:
    assert (
        as_iphone_shows(CARD)
        == """\
Jo Ruiz
VP Sales
Sales - Acme, Inc.
work fax  0731.555
mobile  4155550134
work  jo@acme.example
work  Ring 5, Ulm, 89073, Germany
notes
  Likes tea; not coffee
  second
"""
    )


def test_the_screen_ends_a_note_at_a_bare_semicolon() -> None:
    assert as_iphone_shows(CARD.replace(b"tea\\;", b"tea;")).endswith("notes\n  Likes tea\n")
