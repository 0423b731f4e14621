"""Many edits at any place of a note with a block in it; what people typed comes out of it whole, and in order."""

import random
import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from asking import BLOCK, asked, compose, reading
from builders import card
from cardsync.annotate.read import read
from cardsync.policy import Position
from cardsync.vcard.document import scan
from cardsync.vcard.note import cut, insert, note_text
from torture.gestures import Hand
from torture.whose import OURS, USER, Note, bare

FOREIGN = st.text(alphabet="žŵ日本🙂 \n", min_size=1, max_size=12)
OWN = st.lists(st.sampled_from(["", "ok", "met žw", "日本; tea", "later", "VIPcheck: call her", "é"]), max_size=5)
POSITIONS = st.sampled_from(Position)
LOOKS = {"'": "\u2019", '"': "\u201c", "-": "\u2013", " ": "\u00a0", "\n": "\r\n", "?": "?\u200b", "k": "K"}
quick = settings(derandomize=True, max_examples=150, deadline=None)


def asked_beside(own: str, position: Position) -> Note:
    """The note as we wrote it."""
    return Note.of(own).written(compose(BLOCK, own, position)).note


def glued(note: Note, at: int) -> bool:
    """Whether letters of ours and of people's became one word there, of which nobody can tell whose they are."""
    pair = slice(at - 1, at + 1)
    return 0 < at < len(note.text) and len(bare(note.text[pair])) == 2 and len({*note.owners[pair]}) == 2


def mixed(note: Note) -> bool:
    """Whether a line reads as ours to the letter and some of it is people's."""
    letters = [(c, whose) for c, whose in zip(note.text, note.owners, strict=True) if not c.isspace()]
    text, owners = ("".join(part) for part in zip(*letters, strict=True)) if letters else ("", "")
    return any(
        OURS in (whose := {*owners[match.start() : match.end()]}) and len(whose) > 1
        for line in BLOCK.split("\n")
        for match in re.finditer(re.escape(bare(line)), text)
    )


@st.composite
def edits(draw: st.DrawFn, note: Note) -> Note:
    """Typed, deleted, respelt or moved, a few times, at any offset: inside words and line ends, too."""
    for kind in draw(st.lists(st.sampled_from(("type", "delete", "respell", "gesture")), min_size=1, max_size=5)):
        start, stop = sorted(draw(st.tuples(*[st.integers(0, len(note.text))] * 2)))
        if kind == "type":
            note = note.typed(start, draw(FOREIGN))
        elif kind == "delete":
            less = note.deleted(start, min(stop, start + 20))
            note = note if glued(less, start) else less
        elif kind == "respell" and note.text[start : start + 1] in LOOKS and note.text[start : start + 1]:
            note = note.respelt(start, start + 1, LOOKS[note.text[start]])
        elif kind == "gesture":
            hand = Hand(random.Random(draw(st.integers(0, 2**16))), lambda: "ж日ю")
            note = hand.any(note).note
    return note


@quick
@given(st.data(), OWN.map("\n".join), POSITIONS)
def test_what_people_typed_and_left_there_is_there_after_our_removal(
    data: st.DataObject, own: str, position: Position
) -> None:
    note = data.draw(edits(asked_beside(own, position)))
    assume(not mixed(note))
    found = reading(note.text, asked(own, position))
    assert note.written(found.left).lost == ""


@quick
@given(st.data(), OWN.map("\n".join), POSITIONS)
def test_nothing_of_ours_is_left_where_nobody_touched_our_lines(
    data: st.DataObject, own: str, position: Position
) -> None:
    note = asked_beside(own, position)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(note.text)))
        if note.intact and not note.intact[0] < at < note.intact[1]:
            note = note.typed(at, f"\n{data.draw(FOREIGN)}\n")
        theirs = [i for i, whose in enumerate(note.owners) if whose == USER]
        if data.draw(st.booleans()) and theirs:
            gone = theirs[data.draw(st.integers(0, len(theirs) - 1))]
            note = note.deleted(gone, gone + 1)
    found = reading(note.text, asked(own, position))
    assert bare(found.left) == bare(
        "".join(c for c, whose in zip(note.text, note.owners, strict=True) if whose != OURS)
    )
    assert reading(found.left, asked(own, position)).left == found.left


@quick
@given(st.data(), OWN.map("\n".join), POSITIONS)
def test_the_bytes_around_the_note_stay_whatever_was_typed(data: st.DataObject, own: str, position: Position) -> None:
    before = card("NOTE:" + "".join(f"\\{c}" if c in "\\;," else c for c in own).replace("\n", "\\n"), "TITLE:VP")
    once = insert(before, BLOCK, position)
    assert insert(once, BLOCK, position) == once
    note = note_text(scan(once))
    taken_out = cut(once, read(asked(own, position), note, frozenset()).cut)
    assert taken_out == before
    assert cut(taken_out, read(asked(own, position), own, frozenset()).cut) == before
