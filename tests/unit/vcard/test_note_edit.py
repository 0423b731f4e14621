"""The one edit of a card: what goes in comes out again, and nothing else is touched."""

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import card_strategies as strategies
import cards as bench
import naive
from builders import card
from cards import remove
from cardsync.errors import CardRefused
from cardsync.policy import Position
from cardsync.vcard.document import refusal, scan
from cardsync.vcard.note import cut, insert, note_text, note_texts

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
POSITIONS = st.sampled_from(Position)
BLOCK = "VIPcheck: still VP, Sales?\nType: ok"


def first_note(data: bytes) -> bytes:
    """The first NOTE's physical lines."""
    found = re.search(rb"^NOTE.*?\n(?=[^ \t])", data, re.DOTALL | re.MULTILINE)
    assert found
    return found[0]


@given(strategies.cards(), strategies.BLOCKS, POSITIONS)
def test_every_promise_holds_on_every_card_that_is_accepted(data: bytes, block: str, position: Position) -> None:
    assert refusal(scan(data)) is None
    assume("VIPcheck" not in note_text(scan(data)))
    assert list(bench.broken_promises(data, block, position, bench.Slowest())) == []


@given(strategies.cards(), strategies.BLOCKS, POSITIONS)
def test_no_continuation_of_ours_is_empty_or_begins_with_a_colon_or_a_space(
    data: bytes, block: str, position: Position
) -> None:
    assume(not re.search(r"[ :]{9}", block))
    new = Counter(naive.physical_lines(insert(data, block, position))) - Counter(naive.physical_lines(data))
    assert not [line for line in new if line[:1] == b" " and line[1:2] in {b"", b" ", b"\t", b":"}]


@given(strategies.cards(), st.data())
def test_cutting_removes_the_characters_asked_for_and_no_other(data: bytes, draw: st.DataObject) -> None:
    note = note_text(scan(data))
    places = sorted(draw.draw(st.sets(st.integers(0, len(note)), max_size=6)))
    spans = list(zip(places[::2], places[1::2], strict=False))
    kept = "".join(c for i, c in enumerate(note) if not any(a <= i < b for a, b in spans))
    after = cut(data, spans)
    assert refusal(scan(after)) is None
    if note and not kept and not note.endswith("\n\n"):  # the whole line goes
        assert naive.content_lines(after) == naive.others(data)
    else:
        assert (naive.note(after) or "") == kept
        assert naive.others(after) == naive.others(data)
    assert bench.invalid_utf8(after) <= bench.invalid_utf8(data)


@given(st.lists(st.text(alphabet="ab \\,\n🙂", min_size=1, max_size=90), min_size=2, max_size=4), st.data())
def test_a_cut_in_one_of_several_notes_leaves_the_others(notes: list[str], draw: st.DataObject) -> None:
    data = naive.refoldings(card(*("NOTE:" + strategies.escape(note) for note in notes)))["characters"]
    nth = draw.draw(st.integers(0, len(notes) - 1))
    start = draw.draw(st.integers(0, len(notes[nth])))
    stop = draw.draw(st.integers(start, len(notes[nth])))
    left = notes[nth][:start] + notes[nth][stop:]
    gone = not left and not notes[nth].endswith("\n\n")
    after = cut(data, [(start, stop)], nth=nth)
    assert list(note_texts(scan(after))) == [*notes[:nth], *([] if gone else [left]), *notes[nth + 1 :]]
    assert cut(data, [(0, 1)], nth=len(notes)) == data


@given(st.text(alphabet="ab :\\,ü🙂", min_size=1, max_size=300), st.data())
def test_cutting_a_well_folded_note_leaves_it_well_folded(text: str, draw: st.DataObject) -> None:
    data = naive.refoldings(card("NOTE:" + strategies.escape(text)))["characters"]
    start = draw.draw(st.integers(0, len(text)))
    after = cut(data, [(start, draw.draw(st.integers(start, len(text))))])
    assert all(len(line) <= 75 for line in naive.physical_lines(after))
    assert b" " not in naive.physical_lines(after), "a continuation is empty"
    ours = set(naive.physical_lines(after)) - set(naive.physical_lines(data))
    if not re.search(r"[ :]{2}", text):
        assert not any(line[1:2] in {b" ", b":"} for line in ours if line.startswith(b" "))


@given(st.binary(max_size=300), POSITIONS)
@example(b"BEGIN:VCARD\nVERSION:3.0\nN:;\nFN:\nUID:1\nNOTE\n :abc\nEND:VCARD", Position.TOP)
def test_junk_is_refused_and_never_crashes(junk: bytes, position: Position) -> None:
    for data in (junk, card().replace(b"UID", junk + b"\r\nUID"), card("NOTE:x").replace(b"x", junk)):
        try:
            after = insert(data, BLOCK, position)
        except CardRefused as refused:
            assert str(refused).endswith(".")
        else:
            assert remove(after, BLOCK, position) == data


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real cards is not here")
def test_every_promise_holds_on_real_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.report(CORPUS) == 0
    figures = dict(line.split(" = ") for line in capsys.readouterr().out.splitlines())
    assert int(figures["accepted"]) >= 60
    assert int(figures["cards"]) == int(figures["accepted"]) + int(figures["refused"])


def test_a_card_without_note_gets_one_before_its_end() -> None:
    assert insert(card(newline="\n"), BLOCK, Position.TOP) == card(newline="\n").replace(
        b"END:", b"NOTE:VIPcheck: still VP\\, Sales?\\nType: ok\nEND:"
    )


def test_the_separator_begins_our_last_line_and_the_users_bytes_follow() -> None:
    after = insert(card("NOTE::starts odd\n  and folds"), BLOCK, Position.TOP)
    ours = b"NOTE:VIPcheck: still VP\\, Sales?\\nType: ok\r\n \\n\\n"
    assert first_note(after) == ours + b":starts odd\r\n  and folds\r\n"


def test_a_value_that_begins_on_a_continuation_gets_no_second_break() -> None:
    after = insert(card("NOTE:\n hello"), BLOCK, Position.TOP)
    assert first_note(after) == b"NOTE:VIPcheck: still VP\\, Sales?\\nType: ok\\n\\n\r\n hello\r\n"


def test_at_the_bottom_the_users_lines_stay_as_they_are() -> None:
    after = insert(card("NOTE:hello\n wor\n ld"), BLOCK, Position.BOTTOM)
    ours = b"\r\n \\n\\nVIPcheck: still VP\\, Sales?\\nType: ok\r\n"
    assert first_note(after) == b"NOTE:hello\r\n wor\r\n ld" + ours


def test_an_empty_note_is_told_from_none() -> None:
    for position in Position:
        for before in (card(), card("NOTE:"), card("NOTE:\n "), card("item1.NOTE;LANGUAGE=en:")):
            after = insert(before, BLOCK, position)
            expected = BLOCK + "\n\n" if b"NOTE" in before else BLOCK
            assert naive.note(after) == expected
            assert remove(after, BLOCK, position) == before


@pytest.mark.parametrize("length", range(60, 76))
def test_a_fold_moves_back_rather_than_leave_a_space_or_colon_first(length: int) -> None:
    after = insert(card(), "V" * length + " : : x", Position.TOP)
    assert all(len(line) <= 75 for line in naive.physical_lines(after))
    assert not re.search(rb"\n [ :\r]", after)


def test_no_run_of_spaces_makes_an_empty_line() -> None:
    block = "V" * 70 + "x" + " " * 200 + "x"
    after = insert(card(), block, Position.TOP)
    assert all(1 < len(line) <= 75 for line in naive.physical_lines(after))
    assert naive.note(after) == block


def test_a_users_line_that_was_too_long_stays_as_it_was() -> None:
    before = card("item1.NOTE:" + "x" * 66 + "\n y")
    assert remove(insert(before, BLOCK, Position.TOP), BLOCK, Position.TOP) == before
    assert cut(card("NOTE:ab\n cd" + "y" * 100), [(1, 3)]) == card("NOTE:ad" + "y" * 100)


def test_two_lines_that_would_be_too_long_as_one_get_a_fold() -> None:
    data = card("item1.NOTE;LANGUAGE=en:ab\n cd: " + "y" * 70)
    assert cut(data, [(1, 3)]) == card("item1.NOTE;LANGUAGE=en:a\n d: " + "y" * 70)
    assert cut(data, [(1, 4)]) == card("item1.NOTE;LANGUAGE=en:a: \n " + "y" * 70)


def test_only_the_first_of_several_notes_is_edited() -> None:
    after = insert(card("NOTE:one", "NOTE:two"), BLOCK, Position.TOP)
    assert after.count(b"VIPcheck") == 1
    assert after.index(b"one") < after.index(b"NOTE:two")


def test_a_note_that_a_phone_rewrote_is_given_back_whole() -> None:
    note = (
        "VIPcheck: still VP\\, Sales?\\nType: ok\\n\\nMet at the fair\\, likes tea. "
        + "Long text about many things. " * 5
    )
    phone = naive.refoldings(card("NOTE:" + note, "PRODID:-//Apple Inc.//iOS 17.4//EN", newline="\n"))["characters"]
    after = remove(phone, BLOCK, Position.TOP)
    assert naive.note(after) == naive.unescaped(note).removeprefix(BLOCK + "\n\n")
    assert all(len(line) <= 75 for line in naive.physical_lines(after))


def test_what_the_user_typed_into_the_block_survives_the_cut() -> None:
    data = card("NOTE:VIPcheck: still VP?\\nnow CRO at Stripe\\nType: ok\\n\\nold text")
    note = note_text(scan(data))
    typed = note.index("now CRO")
    after = cut(data, [(0, typed), (note.index("Type"), note.index("\n\n") + 2)])
    assert naive.note(after) == "now CRO at Stripe\nold text"


def test_a_line_of_ours_goes_whole_also_after_edits_of_it() -> None:
    data = insert(card(), BLOCK, Position.TOP)
    assert cut(data, [(0, 9), (9, 999)]) == card()


def test_the_servers_bound_holds_for_the_result() -> None:
    data = card("NOTE:hello")
    after = insert(data, BLOCK, Position.TOP)
    assert insert(data, BLOCK, Position.TOP, max_size=len(after)) == after
    for bound in (len(after) - 1, len(data) - 1):
        with pytest.raises(CardRefused) as refused:
            insert(data, BLOCK, Position.TOP, max_size=bound)
        assert refused.value.reason == "too-large"


def test_a_folded_head_that_leaves_no_room_is_refused_but_can_be_cleaned() -> None:
    data = card("NOTE\n :" + "x" * 73)
    with pytest.raises(CardRefused) as refused:
        insert(data, BLOCK, Position.TOP)
    assert refused.value.reason == "note-head-folded"
    assert naive.note(cut(data, [(0, 3)])) == "x" * 70


@pytest.mark.parametrize("block", ["", "a;b", "a\n\nb", "a\r\nb", " a", "a\n", "a\0", "a\tb"])
def test_a_text_that_iphones_would_cut_or_that_is_no_block_is_a_mistake_of_ours(block: str) -> None:
    with pytest.raises(ValueError, match="not a block"):
        insert(card(), block, Position.TOP)


@pytest.mark.parametrize(
    "value", ["x" * 2**20, "\\" * 2**20, "\\n" * 2**19, " :" * 2**19, "\n ".join("ab" * 175_000), "ü\n " * 2**18]
)
def test_a_note_of_a_megabyte_takes_linear_time(value: str) -> None:
    data = card("NOTE:" + value)
    start = time.process_time()
    for position in Position:
        after = insert(data, BLOCK, position)
        assert remove(after, BLOCK, position) == data
    assert time.process_time() - start < 8  # of CPU; a quadratic step takes minutes
