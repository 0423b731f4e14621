"""What a server made of a card: legal re-writing is nothing, a loss is named."""

import pytest
from hypothesis import given

import card_strategies as strategies
import naive
from builders import card
from cardsync.vcard.compare import differences
from cardsync.vcard.document import scan

LINES = (
    "ORG:Acme\\, Inc.;Sales;",
    "item1.EMAIL;type=INTERNET;type=WORK:a@b.example",
    "item1.X-ABLabel:_$!<Work>!$_",
    "TEL;TYPE=HOME,VOICE:+1 555 0100",
    "BDAY:1980-01-02",
    "PHOTO;ENCODING=b;TYPE=JPEG:QUJDREVG",
    "CATEGORIES:a,b",
    "NOTE:hello\\, you",
    "REV:2024-01-01T00:00:00Z",
)
SENT = card(*LINES)


def compared(*lines: str, note: bool = True, version: str = "3.0") -> tuple[str, ...]:
    return differences(scan(SENT), scan(card(*lines, version=version)), note=note)


def replaced(old: str, new: str) -> tuple[str, ...]:
    assert any(old in line for line in LINES)
    return compared(*(line.replace(old, new) for line in LINES if line.replace(old, new)))


@given(strategies.cards())
def test_no_folding_and_no_order_of_lines_is_a_difference(data: bytes) -> None:
    for other in naive.refoldings(data).values():
        assert differences(scan(data), scan(other)) == ()
    lines = naive.content_lines(data)
    turned = b"\n".join([lines[0], *reversed(lines[1:-1]), lines[-1]]) if b"" not in lines else data
    notes = [line for line in lines if naive.name(line) == "NOTE"]
    assert differences(scan(data), scan(turned), note=len(notes) < 2) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("item1", "ITEM4"),
        ("type=INTERNET;type=WORK", "TYPE=work,internet"),
        ("TYPE=HOME,VOICE", "HOME;VOICE"),
        ("TYPE=HOME,VOICE", 'TYPE="voice,home"'),
        ("Sales;", "Sales"),
        ("hello\\,", "hello,"),
        ("NOTE", "note"),
        ("ENCODING=b", "encoding=BASE64"),
        ("2024", "2025"),
        ("a@b", "a\\@b".replace("\\@", "@")),
    ],
)
def test_legal_rewriting_is_no_difference(old: str, new: str) -> None:
    assert replaced(old, new) == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("type=INTERNET;type=WORK", "type=INTERNET", "changed EMAIL"),
        ("TEL;TYPE=HOME,VOICE:+1 555 0100", "", "lost TEL"),
        ("+1 555 0100", "+15550100", "changed TEL"),
        ("1980-01-02", "19800102", "changed BDAY"),
        ("QUJDREVG", "QUJD", "changed PHOTO"),
        ("hello\\, you", "hello", "changed NOTE"),
        ("hello\\, you", "hello\\, you ", "changed NOTE"),
        ("a,b", "a\\,b", "changed CATEGORIES"),
        ("Acme\\, Inc.;Sales", "Acme;Inc.;Sales", "changed ORG"),
    ],
)
def test_a_change_of_content_is_named_without_its_value(old: str, new: str, expected: str) -> None:
    assert replaced(old, new) == (expected,)


def test_a_label_that_came_off_is_a_difference_of_what_it_labelled() -> None:
    assert replaced("item1.EMAIL", "EMAIL") == ("changed EMAIL",)
    assert replaced("_$!<Work>!$_", "_$!<Home>!$_") == ("changed EMAIL", "changed X-ABLABEL")


def test_versions_additions_and_doubles_are_differences() -> None:
    assert compared(*LINES, version="4.0") == ("changed VERSION",)
    assert compared(*LINES, "X-NEW:1", "PRODID:x") == ("added X-NEW",)
    assert compared(*LINES, LINES[3]) == ("added TEL",)


def test_the_note_can_be_left_to_the_caller() -> None:
    assert compared(*(line for line in LINES if "NOTE" not in line)) == ("lost NOTE",)
    assert compared(*(line for line in LINES if "NOTE" not in line), note=False) == ()


def test_a_card_that_came_back_cut_off_is_noticed() -> None:
    assert differences(scan(SENT), scan(SENT[: SENT.index(b"REV:")])) == ("no-end", "lost UID")
