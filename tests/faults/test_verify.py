"""What a card that stands on the server after a PUT tells: our write, none, an edit, or damage."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.annotate.verify import Verdict, in_words, judge
from cardsync.policy import Position
from cardsync.records import Intent
from cardsync.resources import AddressObject, PutAnswer, PutResult
from cardsync.vcard.note import insert
from growth import LINEAR, growth
from in_memory import person

BLOCK = "VIPcheck: still VP Sales at Acme? (last sure Mar 2024)\nType: ok / left / later / never"
BEFORE = person("Jo", "Met, in Bonn.\n" + "long " * 40, NICKNAME="J").replace(
    b"REV:", b"PHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\nREV:"
)
SENT = insert(BEFORE, BLOCK, Position.TOP)
INTENT = Intent(id=1, book_id=1, href="/b/jo.vcf", contact_id=1, etag='"1"', before=BEFORE, after=SENT)
STORED = PutAnswer(result=PutResult.STORED, status=204)
Change = Callable[[bytes], bytes]


def verdict(data: bytes, answer: PutAnswer = STORED, etag: str | None = '"2"', intent: Intent = INTENT) -> Verdict:
    return judge(intent, AddressObject(href=intent.href, etag=etag, data=data), answer).verdict


def unfolded(data: bytes) -> bytes:
    return re.sub(rb"\r?\n[ \t]", b"", data)


def refolded(data: bytes) -> bytes:
    """At 30 octets, which cuts no character here: all are ASCII."""
    lines = unfolded(data).split(b"\r\n")
    return b"\r\n".join(b"\r\n ".join(line[at : at + 30] for at in range(0, len(line) or 1, 30)) for line in lines)


LEGAL: dict[str, Change] = {
    "as sent": lambda data: data,
    "LF": lambda data: data.replace(b"\r\n", b"\n"),
    "refolded": refolded,
    "not folded": unfolded,
    "REV re-formatted": lambda data: data.replace(b"2017-05-01T12:00:00Z", b"20170501T120000Z"),
    "REV and PRODID of the server": lambda data: re.sub(rb"(REV|PRODID):[^\r]*", rb"\1:server", data),
    "order": lambda data: b"\r\n".join(
        [*(lines := unfolded(data).split(b"\r\n"))[:2], *sorted(lines[2:-2]), *lines[-2:]]
    ),
    "names in lower case": lambda data: data.replace(b"TITLE:", b"title:").replace(b"TEL;TYPE=CELL", b"tel;type=cell"),
    "last empty component": lambda data: data.replace(b"N:Ruiz;Jo;;;\r", b"N:Ruiz;Jo\r"),
}
DAMAGES: dict[str, Change] = {
    "note cut at a comma, as Radicale does": lambda data: re.sub(
        rb"(NOTE:.*?Met).*?(\r\n[A-Z])", rb"\1\2", unfolded(data)
    ),
    "note cut within our block": lambda data: re.sub(rb"(NOTE:.{9}).*?(\r\n[A-Z])", rb"\1\2", unfolded(data)),
    "note cut at a comma, and REV": lambda data: re.sub(
        rb"(NOTE:.*?Met).*?(\r\n[A-Z])", rb"\1\2", unfolded(data).replace(b"REV:2017", b"REV:2026")
    ),
    "note gone and more": lambda data: re.sub(rb"(NOTE|NICKNAME):.*?(\r\n)(?=[A-Z])", b"", unfolded(data)),
    "photo gone": lambda data: re.sub(rb"PHOTO[^\r]*\r\n", b"", data),
    "TYPE gone": lambda data: data.replace(b"TEL;TYPE=CELL", b"TEL"),
    "one of two types gone": lambda data: data.replace(b"INTERNET,WORK", b"INTERNET"),
    "value cut short": lambda data: data.replace(b"TITLE:VP Sales", b"TITLE:VP"),
    "cut off in the middle": lambda data: data[: len(data) // 2],
    "(null), as SOGo does": lambda data: b"(null)",
    "nothing": lambda data: b"",
}
EDITS: dict[str, Change] = {
    "another title": lambda data: data.replace(b"TITLE:VP Sales", b"TITLE:CRO"),
    "a new number": lambda data: data.replace(b"REV:", b"TEL;TYPE=HOME:+1\r\nREV:"),
    "a number less, and REV": lambda data: re.sub(rb"TEL[^\r]*\r\n", b"", data).replace(b"REV:2017", b"REV:2026"),
    "a number less, and PRODID": lambda data: re.sub(rb"TEL[^\r]*\r\n", b"", data).replace(b"17.4", b"18.0"),
    "a word typed": lambda data: unfolded(data).replace(b"never", b"never\\nok"),
    "the block deleted, and PRODID": lambda data: (
        re.sub(rb"VIPcheck.*?never(\\n)+", b"", unfolded(data))
        .replace(b"17.4", b"18.0")
        .replace(b"TITLE:VP Sales", b"TITLE:CRO")
    ),
}
MAYBE = [
    STORED,
    PutAnswer(result=PutResult.STORED, etag='"2"', status=204),
    PutAnswer(result=PutResult.UNKNOWN),
    PutAnswer(result=PutResult.BUSY, status=500),
]
TURNED_DOWN = [PutAnswer(result=result) for result in (PutResult.CONFLICT, PutResult.GONE, PutResult.REFUSED)]


@pytest.mark.parametrize("name", LEGAL)
@pytest.mark.parametrize("answer", [*MAYBE, *TURNED_DOWN], ids=lambda answer: answer.result)
def test_what_a_server_may_re_write_is_our_write(name: str, answer: PutAnswer) -> None:
    assert verdict(LEGAL[name](SENT), answer) is Verdict.VERIFIED
    after_us = answer.result is PutResult.STORED and name == "REV and PRODID of the server"  # so it was a client's
    after_us |= answer.result is PutResult.UNKNOWN  # it has another ETag than before
    assert verdict(LEGAL[name](BEFORE), answer) is (Verdict.TAKEN_BACK if after_us else Verdict.NOT_WRITTEN)
    assert verdict(BEFORE, answer, INTENT.etag) is Verdict.NOT_WRITTEN


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("etags", [("told", '"2"', '"2"'), ("not told", None, '"2"'), ("none", None, None)], ids=str)
def test_damage_is_told_with_and_without_etags(name: str, etags: tuple[str, str | None, str | None]) -> None:
    _, put, got = etags
    data = DAMAGES[name](SENT)
    assert data != SENT
    assert verdict(data, PutAnswer(result=PutResult.STORED, etag=put, status=204), got) is Verdict.DAMAGED


UNPROVED = [PutAnswer(result=PutResult.UNKNOWN), PutAnswer(result=PutResult.BUSY, status=504)]


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("answer", UNPROVED, ids=lambda answer: answer.result)
def test_less_than_we_sent_is_in_doubt_where_nobody_saw_the_server_do_it(name: str, answer: PutAnswer) -> None:
    assert verdict(DAMAGES[name](SENT), answer) is Verdict.IN_DOUBT
    assert verdict(DAMAGES[name](SENT), answer, None) is Verdict.IN_DOUBT


@pytest.mark.parametrize("name", DAMAGES)
def test_the_etag_that_the_put_named_proves_damage_long_afterwards_and_an_edit_as_well(name: str) -> None:
    answer = PutAnswer(result=PutResult.UNKNOWN, etag='"2"')
    assert verdict(DAMAGES[name](SENT), answer, '"2"') is Verdict.DAMAGED
    assert verdict(DAMAGES[name](SENT), answer, '"3"') is Verdict.EDITED


@given(st.data(), st.sampled_from([None, '"1b"']))
def test_whatever_an_owner_deletes_after_a_write_that_nobody_verified_is_never_damage(
    data: st.DataObject, put: str | None
) -> None:
    """By a client that leaves REV and PRODID alone; ``put``: what the PUT named, before the owner's version came."""
    lines = unfolded(SENT).split(b"\r\n")
    kept = [
        line[: data.draw(st.integers(line.index(b":") + 1, len(line)))] if data.draw(st.booleans()) else line
        for line in lines[2:-3]
        if data.draw(st.booleans())
    ]
    now = b"\r\n".join([*lines[:2], *kept, *lines[-3:]])
    assert verdict(now, PutAnswer(result=PutResult.UNKNOWN, etag=put)) is not Verdict.DAMAGED


def test_what_differs_is_told_in_words() -> None:
    assert in_words(("NOTE",)) == "changed NOTE"
    assert in_words(("NOTE", "added X", "changed ORG", "changed TITLE", "lost TEL")) == (
        "changed NOTE, ORG and TITLE, added X, lost TEL"
    )
    assert in_words(("the whole card",)) == "changed the whole card"


@pytest.mark.parametrize("name", [name for name in DAMAGES if "null" not in name and name != "nothing"])
@pytest.mark.parametrize("answer", TURNED_DOWN, ids=lambda answer: answer.result)
def test_a_put_that_was_turned_down_did_no_damage(name: str, answer: PutAnswer) -> None:
    assert verdict(DAMAGES[name](BEFORE), answer) is Verdict.EDITED
    assert verdict(b"(null)", answer) is Verdict.NOT_WRITTEN


def test_a_property_that_went_while_it_is_unknown_whether_we_wrote_is_no_damage() -> None:
    """The note is as it was before: nothing says that our write ever came."""
    without = re.sub(rb"TEL[^\r]*\r\n", b"", BEFORE)
    assert verdict(without, PutAnswer(result=PutResult.UNKNOWN)) is Verdict.EDITED
    bare = person("Jo")
    intent = Intent(
        id=1,
        book_id=1,
        href="/b/jo.vcf",
        contact_id=1,
        etag='"1"',
        before=bare,
        after=insert(bare, BLOCK, Position.TOP),
    )
    gone = re.sub(rb"TEL[^\r]*\r\n", b"", bare)
    assert verdict(gone, PutAnswer(result=PutResult.UNKNOWN), intent=intent) is Verdict.EDITED


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("put", [None, '"1b"'], ids=["no ETag", "another ETag"])
def test_an_edit_by_a_phone_is_not_damage(name: str, put: str | None) -> None:
    assert verdict(EDITS[name](SENT), PutAnswer(result=PutResult.STORED, etag=put, status=204)) is Verdict.EDITED


@pytest.mark.parametrize("name", EDITS)
def test_what_the_etag_proves_to_be_of_our_put_is_damage_whatever_it_looks_like(name: str) -> None:
    for put, got in (('"2"', '"2"'), ('W/"2"', '"2"'), ('"2"', '"2-gzip"')):
        answer = PutAnswer(result=PutResult.STORED, etag=put, status=204)
        assert verdict(EDITS[name](SENT), answer, got) is Verdict.DAMAGED


def test_an_etag_that_never_changes_proves_nothing() -> None:
    answer = PutAnswer(result=PutResult.STORED, etag='"1"', status=204)
    assert verdict(EDITS["another title"](SENT), answer, '"1"') is Verdict.EDITED


@pytest.mark.parametrize(("name", "left"), [("X-{}", ""), ("X-A", ""), ("TEL;TYPE=A{}", "TEL:1")])
def test_properties_that_got_lost_take_no_more_time_than_there_are_more_of_them(name: str, left: str) -> None:
    def judged(size: int, turn: int) -> Callable[[], object]:
        many = "".join(f"{name.format(at)}:{turn}-{at}\r\n" for at in range(size)).encode()
        head, end = person("Jo")[: -len(b"END:VCARD\r\n")], b"END:VCARD\r\n"
        before = head + many + end
        intent = replace(INTENT, before=before, after=insert(before, BLOCK, Position.TOP))
        kept = many[: many.index(b"\r\n", len(many) // 2) + 2] if left else b""
        got = insert(head + kept + end, BLOCK, Position.TOP)
        assert verdict(got, intent=intent) is Verdict.DAMAGED
        return lambda: verdict(got, intent=intent)

    assert growth(judged, 1000) < LINEAR


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40))
def test_a_note_that_differs_by_anything_is_not_our_write(more: str) -> None:
    note = person("Jo", "Met, in Bonn." + more)
    sent = insert(note, BLOCK, Position.TOP)
    other = insert(person("Jo", "Met, in Bonn." + more + "x"), BLOCK, Position.TOP)
    intent = Intent(id=1, book_id=1, href="/b/jo.vcf", contact_id=1, etag='"1"', before=note, after=sent)
    assert verdict(sent, intent=intent) is Verdict.VERIFIED
    assert verdict(other, intent=intent) is Verdict.EDITED
