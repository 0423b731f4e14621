"""Reading is lenient and linear, refusing is strict and explained."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import card_strategies as strategies
import naive
from builders import apple_group, card, joined
from cardsync.errors import CardRefused
from cardsync.vcard.document import Summary, categories_of, fragile, peek, refusal, scan, torn_in_folding
from cardsync.vcard.lines import ESCAPE, unescape

CARD = card("NOTE:hello")
UTF16 = CARD.decode().encode("utf-16")


def reason(data: bytes, max_size: int | None = None) -> str:
    """The reason word, '' if the card is accepted."""
    try:
        found = refusal(scan(data), max_size=max_size)
    except CardRefused as refused:
        found = refused
    return found.reason if found else ""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (CARD, ""),
        (CARD + b"\r\n\r\n", ""),
        (CARD.replace(b"VCARD", b"vcard"), ""),
        (card("NOTE:a", version="4.0"), ""),
        (card("NOTE;CHARSET=utf-8;VALUE=TEXT:a\\\\"), ""),
        (card('X-A;P="a:b":c', "item1.X-B;P=:"), ""),
        (card("TEL;HOME;VOICE:1"), ""),
        (b"", "unreadable"),
        (UTF16, "unreadable"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "unreadable"),
        (CARD.replace(b"hello", b"a\0b"), "nul"),
        (CARD.replace(b"hello", b"a\rb"), "bare-cr"),
        (CARD.replace(b"hello\r\n", b"hello\r\r\n"), "bare-cr"),
        (CARD.replace(b"hello\r\n", b"hello\n"), "mixed-line-ends"),
        (CARD.replace(b"hello", b"h\xe9llo"), "not-utf8"),
        (CARD.replace(b"hello", b"\xed\xa0\x80"), "not-utf8"),
        (card("BEGIN:VCARD", "END:VCARD"), "nested"),
        (card("BEGIN:VALARM", "END:VALARM"), "nested"),
        (CARD + CARD, "several-cards"),
        (CARD.replace(b"END:VCARD\r\n", b""), "no-end"),
        (b"\xef\xbb\xbf" + CARD, "unscannable-line"),
        (b"X:1\r\n" + CARD, "unscannable-line"),
        (CARD + b"X:1\r\n", "unscannable-line"),
        (card("no colon"), "unscannable-line"),
        (card(""), "unscannable-line"),
        (card('TEL;X="a:b'), "unscannable-line"),
        (card("TEL;;X=a:b"), "unscannable-line"),
        (card("T EL:b"), "unscannable-line"),
        (card("VERSION:3.0"), "version"),
        (card(version="2.1"), "version"),
        (CARD.replace(b"VERSION:3.0\r\n", b""), "version"),
        (CARD.replace(b"\r\nN:", b"\r\nX-N:"), "no-name"),
        (CARD.replace(b"FN:", b"X-FN:"), "no-formatted-name"),
        (CARD.replace(b"UID:", b"X-UID:"), "no-uid"),
        (card(uid=""), "no-uid"),
        (apple_group("VIP", ["1"]), "group"),
        (card("KIND:Group", version="4.0"), "group"),
        (card("NOTE;ENCODING=QUOTED-PRINTABLE:a=20b"), "note-encoding"),
        (card("NOTE;QUOTED-PRINTABLE:a=20b"), "note-encoding"),
        (card("NOTE;ENCODING=b:QUJD"), "note-encoding"),
        (card("NOTE;CHARSET=ISO-8859-1:a"), "note-charset"),
        (card("NOTE;ALTID=1:a", version="4.0"), "note-altid"),
        (card("NOTE;VALUE=uri:http://a.example"), "note-value"),
        (card("NOTE:a\\"), "note-backslash"),
        (card("NOTE:a\\\n \\\n \\"), "note-backslash"),
        (card("NOTE:a", "NOTE:b\\"), "note-backslash"),
    ],
)
def test_what_is_accepted_and_why_the_rest_is_not(data: bytes, expected: str) -> None:
    assert reason(data) == expected


def test_a_card_above_the_servers_bound_is_refused() -> None:
    assert (reason(CARD, max_size=len(CARD)), reason(CARD, max_size=len(CARD) - 1)) == ("", "too-large")


def test_a_fold_inside_a_character_is_legal() -> None:
    assert reason(CARD.replace(b"hello", "ü".encode()[:1] + b"\r\n " + "ü".encode()[1:])) == ""


@given(strategies.cards())
def test_the_scan_sees_what_the_naive_reader_sees(data: bytes) -> None:
    lines = scan(data).lines
    expected = [line for line in naive.content_lines(data) if naive.name(line) not in {"BEGIN", "END", ""}]
    assert [line.name for line in lines] == [naive.name(line) for line in expected]
    assert [line.raw for line in lines] == [line[naive.colon(line) + 1 :] for line in expected]


def test_line_separators_of_unicode_end_no_line() -> None:
    text = "a\u2028b\x85c\x0bd\x0ce"
    assert scan(card(f"TITLE:{text}")).text("TITLE") == text


def test_parameters_of_every_dialect_are_read() -> None:
    lines = scan(
        card(
            "item1.tel;type=Work,VOICE;Type=pref:1",
            "TEL;WORK;FAX:2",
            'TEL;TYPE="work,cell":3',
            'X-P;LABEL="a;b:c";X-Q=it^\'s^na^^b:v',
            "X-F;LA\n BEL=x:v",
        )
    ).lines[3:-1]
    assert [line.types for line in lines[:3]] == [{"work", "voice", "pref"}, {"work", "fax"}, {"work", "cell"}]
    assert (lines[0].group, lines[0].name) == ("ITEM1", "TEL")
    assert lines[3].params == {"LABEL": ("a;b:c",), "X-Q": ('it"s\na^b',)}
    assert lines[4].params == {"LABEL": ("x",)}


def test_old_cards_are_read_though_never_written() -> None:
    document = scan(
        card(
            "NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:gr=C3=BC=\n=C3=9Fe",
            "TITLE;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:M=FCller",
            "ROLE;CHARSET=base64:x",
            version="2.1",
        )
    )
    assert (document.text("NOTE"), document.text("TITLE"), document.text("ROLE")) == ("grüße", "Müller", "x")


def test_broken_cards_are_read_as_far_as_they_go() -> None:
    document = scan(b"\xef\xbb\xbfBEGIN:VCARD\r\njunk\r\nTITLE:a\r\nBEGIN:VCARD\r\nTITLE:b\r\nEND:VCARD\r\nROLE:c")
    assert [line.name for line in document.lines] == ["TITLE", "ROLE"]


@given(strategies.cards())
def test_a_peek_sees_what_the_scan_sees(data: bytes) -> None:
    data = data.replace(
        b"FN:", b"item9.CATEGORIES:VIP,a\\,b\r\nCategories;X=1:c\r\nFN:" if b"\r\n" in data else b"CATEGORIES:d\nFN:"
    )
    document = scan(data)
    expected = Summary(uid=document.text("UID"), is_group=document.is_group, categories=categories_of(document))
    assert peek(data) == expected


def test_a_peek_sees_through_folds_and_tells_groups() -> None:
    folded = joined(["BEGIN:VCARD", "UI\n D:12\n 34", "CATE\n GORIES:a,\n b", "KIN\n D:gr\n oup", "END:VCARD"], "\n")
    assert peek(folded) == Summary(uid="1234", is_group=True, categories=("a", "b"))
    assert peek(apple_group("VIP", ["1"], uid="G")) == Summary(uid="G", is_group=True, categories=())
    with pytest.raises(CardRefused, match="no vCard"):
        peek(b"\xff\0 nothing\n UID:1")


@pytest.mark.parametrize(
    ("line", "breaks"),
    [
        ("NOTE:Call her, then Bob", True),
        ("NOTE:a; b", True),
        ("NOTE:a\\, b\\; c", False),
        ("NICKNAME:Jo,Jojo", True),
        ("TITLE:VP, Sales", True),
        ("PHOTO:data:image/png;base64,QUJD", True),
        ("TEL;HOME;VOICE:1", True),
        ("TEL;TYPE=HOME,VOICE:1", False),
        ("ADR;TYPE=HOME:;;a,b;c;;;", False),
        ("CATEGORIES:a,b", False),
        ("PHOTO;ENCODING=b;TYPE=JPEG:QUJD", False),
    ],
)
def test_cards_that_a_server_would_damage_are_known(line: str, *, breaks: bool) -> None:
    assert (fragile(scan(card(line, version="4.0"))) is not None) is breaks


HOSTILE = {
    "types": b"TEL;TYPE=" + b"a," * 500_000,
    "quotes": b"TEL;X=" + b'"' * 1_000_001,
    "open quotes": b"TEL;X=" + b'"a' * 500_000 + b'":1',
    "semicolons": b"TEL" + b";" * 1_000_000 + b":1",
    "dots": b"a." * 500_000 + b":1",
    "name": b"a" * 1_000_000,
    "folds": b"X:" + b"\r\n " * 333_000,
    "folded head": b"X" + b"\r\n X" * 250_000,
    "line ends": b"\r\n" * 500_000,
    "colons": b":" * 1_000_000,
    "backslashes": b"N:" + b"\\" * 1_000_001,
    "parts": b"N:" + b";\\" * 500_000,
    "soft breaks": b"X;ENCODING=QUOTED-PRINTABLE:" + b"=\r\n" * 300_000,
    "begins": b"BEGIN:VCARD\r\n" * 70_000,
    "carets": b"X;A=" + b"^n" * 500_000 + b":",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_megabyte_takes_linear_time(hostile: bytes) -> None:
    data = CARD.replace(b"UID:", hostile + b"\r\nUID:")
    start = time.process_time()
    document = scan(data)
    refusal(document)
    fragile(document)
    peek(data)
    for line in document.lines:
        line.parts()
        line.text()
    assert time.process_time() - start < 5  # 1 s on two slow cores; a quadratic step takes minutes


@given(st.text(alphabet='\\\\\\nN,;:"x\0\n'))
@example("\\\\\\n\\\\\\\\n")
def test_each_escape_is_read_once_from_the_left(text: str) -> None:
    assert unescape(text) == ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], text)


@pytest.mark.parametrize("units", [60, 74, 75, 147, 148, 222])
@pytest.mark.parametrize("before", ["a", "\U0001f642"])
def test_an_emoji_where_74_units_end_is_told_from_one_that_stands_elsewhere(units: int, before: str) -> None:
    size = units - len("NOTE:") - (2 if before != "a" else 0)
    note = ("" if before == "a" else before) + "a" * size + "\U0001f642 and more"
    assert torn_in_folding(scan(card(f"NOTE:{note}"))) is (units % 74 == 0)
