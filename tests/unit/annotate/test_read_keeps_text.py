"""Whatever is typed wherever: what is not ours and no answer word stays, and nothing is an answer by accident."""

import re
import time
from collections import Counter

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from asking import BLOCK, BOTTOM, HINT, QUESTION, TOP, asked, compose, reading
from cardsync.annotate.block import find
from cardsync.annotate.normal import tokens_of
from cardsync.annotate.recognise import recognise
from cardsync.policy import Position
from cardsync.records import Ending

LINES = st.sampled_from(
    [
        "",
        "",
        "ok",
        "left",
        "Fine",
        "ok then",
        "all is ok",
        HINT,
        QUESTION,
        "VIPcheck: call her",
        "VIPcheck",
        "still",
        " ",
        "Type: ok",
    ]
)
WILD = st.text(
    alphabet=st.one_of(st.sampled_from(" \n\n.,:?/okVIPcheck"), st.characters(codec="utf-8", exclude_characters="\r"))
)
USERS = st.one_of(WILD, st.lists(LINES, max_size=6).map("\n".join), st.just(""))
POSITIONS = st.sampled_from(Position)
FOREIGN = st.text(alphabet="žŵ日本🙂 \n", min_size=1, max_size=30)
TYPED = st.one_of(
    WILD.filter(bool),
    st.sampled_from(["now CRO at Stripe", "at Acme?", "VP", "VIPcheck:", "Type: ok", "ok", "later 2w"]),
)


def letters(text: str) -> str:
    return "".join(text.split())


def opens_like_ours(user_text: str) -> bool:
    """Whether the first words of a line of ours stand in it."""
    words, *lines = ([token.text for token in tokens_of(text)] for text in (user_text, *BLOCK.split("\n")))
    return any(" ".join(line[:4]) in " ".join(words) for line in lines)


@given(USERS, POSITIONS)
@example("\n\nhi", TOP)
@example("hi\n\n", BOTTOM)
@example("\n\n", BOTTOM)
@example(BLOCK, TOP)
@example(BLOCK, BOTTOM)
def test_an_untouched_block_is_open_and_comes_out_to_the_letter(user_text: str, position: Position) -> None:
    found = reading(compose(BLOCK, user_text, position), asked(user_text, position))
    assert (found.ending, found.standing, found.left) == (None, True, user_text)


@pytest.mark.parametrize("position", Position)
def test_a_title_that_reads_like_our_second_line_is_not_taken_for_it(position: Position) -> None:
    block = f"VIPcheck: still {HINT} at Acme?\n{HINT}"
    found = reading(compose(block, "hi", position), asked("hi", position, block=block))
    assert (found.ending, found.standing, found.left) == (None, True, "hi")


@pytest.mark.parametrize("position", Position)
def test_an_empty_note_is_empty_again(position: Position) -> None:
    for note in (BLOCK, f"{BLOCK}\n\n", f"{BLOCK}\n\nok", f"{BLOCK}\nok\n\n"):
        assert reading(note, asked("", position)).left == ""


BLANKS = st.tuples(st.sampled_from(["\n", "\r\n"]), st.integers(0, 3000))


@settings(deadline=None, max_examples=60)
@given(BLANKS, st.sampled_from(["", "hi", "hi\nyou"]), BLANKS, POSITIONS)
@example(("\n", 300_000), "", ("\n", 0), TOP)
@example(("\n", 300_000), "hi", ("\r\n", 100_000), BOTTOM)
def test_blank_lines_of_the_owners_are_given_back_whole_however_many(
    above: tuple[str, int], text: str, below: tuple[str, int], position: Position
) -> None:
    own = above[0] * above[1] + text + below[0] * below[1]
    note = compose(BLOCK, own, position)
    same = reading(note, asked(own, position)).left == own  # nobody wants to see a million lines compared
    assert same
    if text and position is TOP:
        answered = reading(note.replace(HINT, f"{HINT}\nok", 1), asked(own, position))
        same = answered.left == own
        assert (answered.ending, same) == (Ending.CONFIRMED, True)


@given(USERS, POSITIONS)
def test_a_deleted_block_leaves_nothing_to_find(user_text: str, position: Position) -> None:
    found = reading(user_text, asked(user_text, position))
    assert (found.ending, found.standing, found.left) == (Ending.DISMISSED, False, user_text)


@given(st.data(), USERS, POSITIONS, FOREIGN)
def test_what_is_typed_into_the_block_stays_in_its_place(
    data: st.DataObject, user_text: str, position: Position, typed: str
) -> None:
    at = data.draw(st.integers(0, len(BLOCK)))
    found = reading(compose(BLOCK[:at] + typed + BLOCK[at:], user_text, position), asked(user_text, position))
    assume(not opens_like_ours(user_text))  # a line of ours that was typed into may be the owner's own then, and stays
    head, tail = re.findall(r"\w*$", BLOCK[:at])[0], re.findall(r"^\w*", BLOCK[at:])[0]
    torn = (typed, typed + tail, head + typed, head + typed + tail)  # a word that was torn may stay, or a half of it
    either = [(one, user_text) if position is TOP else (user_text, one) for one in torn]
    assert letters(found.left) in [letters("".join(parts)) for parts in either]
    assert found.standing
    assert found.ending in {None, Ending.NOTED}


@given(st.data(), USERS, POSITIONS, TYPED)
def test_no_typed_character_is_lost(data: st.DataObject, user_text: str, position: Position, typed: str) -> None:
    note = compose(BLOCK, user_text, position)
    at = data.draw(st.integers(0, len(note)))
    found = reading(note[:at] + typed + note[at:], asked(user_text, position))
    kept = letters(user_text) + (letters(typed) if found.ending in {None, Ending.NOTED} else "")
    assert Counter(kept.casefold()) <= Counter(letters(found.left).casefold())


def test_of_two_questions_one_may_be_made_of_the_owners_own_lines() -> None:
    found = reading(f"{BLOCK}\n{BLOCK}", asked(f"{HINT}\n{QUESTION}", TOP))
    assert letters(found.left) == letters(BLOCK)


@given(st.data(), st.lists(LINES, min_size=1, max_size=6), POSITIONS, st.booleans())
def test_the_users_own_lines_are_never_an_answer_however_they_are_moved(
    data: st.DataObject, lines: list[str], position: Position, spaced: bool
) -> None:
    moved = data.draw(st.permutations(lines))
    cut = data.draw(st.integers(0, len(moved)))
    above, below = ("\n".join(part) for part in (moved[:cut], moved[cut:]))
    gap = "\n\n" if spaced else "\n"
    found = reading(f"{above}{gap}{BLOCK}{gap}{below}", asked("\n".join(lines), position))
    assert found.ending in {None, Ending.NOTED}
    assert Counter(letters("".join(lines))) <= Counter(letters(found.left))


@given(st.lists(LINES, max_size=6), st.lists(LINES, max_size=6), POSITIONS)
def test_an_edit_of_the_own_text_alone_is_no_answer(before: list[str], after: list[str], position: Position) -> None:
    assume(BLOCK not in "\n".join(before))  # nobody can tell which of two went
    words = Counter("\n".join(before).split())
    assume(all(count <= words[word] for word, count in Counter("\n".join(after).split()).items()))
    found = reading(compose(BLOCK, "\n".join(after), position), asked("\n".join(before), position))
    assert found.ending is None
    assert letters(found.left) == letters("".join(after))


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("a " * 500_000, id="words"),
        pytest.param("\n" * 1_000_000, id="line breaks"),
        pytest.param("x" * 1_000_000, id="one word"),
        pytest.param("é,;" * 330_000, id="signs"),
        pytest.param("ok\n" * 330_000, id="answers"),
        pytest.param((QUESTION[:40] + "\n") * 20_000, id="questions cut off"),
        pytest.param(("VIPcheck: " + "in " * 60 + "\n") * 5_000, id="labels"),
        pytest.param(("VIPcheck: " + "in " * 60 + f"\n{HINT}\n") * 4_000, id="labels and hints"),
        pytest.param(("VIPcheck: still " + "at " * 30_000 + f"\n{HINT}\n") * 10, id="long lines"),
        pytest.param("VIPcheck: " * 100_000, id="labels on one line"),
        pytest.param((BLOCK + "\n") * 10_000, id="blocks"),
        pytest.param("e" + "\u0301" * 500_000, id="marks"),
        pytest.param("\u200b" * 300_000, id="nothing to see"),
    ],
)
@pytest.mark.parametrize("position", Position)
def test_hostile_notes_are_read_in_linear_time(note: str, position: Position) -> None:
    for user_text, now in ((note, compose(BLOCK, note, position)), ("hi", note), (note[1:], f"{BLOCK}\nok {note}\nok")):
        begin = time.process_time()
        find(now, BLOCK, user_text, position)
        reading(now, asked(user_text, position))
        recognise(now, ["VIPcheck"], {})
        assert time.process_time() - begin < 1.5


@pytest.mark.parametrize("line", [QUESTION, HINT])
@pytest.mark.parametrize("deleted", [QUESTION, HINT, HINT[8:], HINT[-9:], QUESTION[9:30]])
def test_a_line_of_the_owners_that_is_like_ours_stays_when_ours_is_not_there(line: str, deleted: str) -> None:
    own = f"hi\n{line}\nmore of it"
    left = reading(f"{BLOCK.replace(deleted, '')}\n\n{own}\nand more", asked(own, TOP)).left
    assert letters(own) in letters(left)


def test_a_line_of_the_owners_that_is_like_ours_is_the_owners_when_edited_where_ours_was_deleted() -> None:
    found = reading(f"{QUESTION}\n\nType: ok / left / la\nw2q\nter / never\nmore", asked(f"{HINT}\nhi", TOP))
    assert letters(found.left) == letters("Type: ok / left / law2qter / nevermore")


@pytest.mark.parametrize("own", ["ok\nhi\nmore", "ok\n\nhi"])
def test_an_answer_at_the_end_is_cut_there_though_the_own_text_begins_with_that_word(own: str) -> None:
    found = reading(f"{BLOCK}\n\n{own}\nOK", asked(own, TOP))
    assert (found.ending, found.left) == (Ending.CONFIRMED, own)


def test_a_line_of_the_owners_that_is_like_ours_but_for_a_word_stays_where_ours_was_deleted() -> None:
    own = "\n\nType: ok w1q / left / later / never\nhi"
    found = reading(f"{QUESTION}\n\n{own}\nmore", asked(own, TOP))
    assert letters(found.left) == letters(f"{own}\nmore")


def test_a_line_of_the_owners_with_our_label_above_a_torn_label_stays() -> None:
    own = "VIPcheck: call her\nVIPcheck: call him"
    found = reading(f"VIPcheck: call her\nVI{BLOCK[1:]}", asked(own, BOTTOM))
    assert "VIPcheck: call her" in found.left


def test_a_line_of_the_owners_that_is_like_ours_stays_when_typed_into() -> None:
    own = "Type: ok / \nw1q\nleft / later / never\nhi"
    found = reading(f"{QUESTION} now w2q\n{HINT}\n\n{own}", asked(f"{HINT}\nhi", TOP))
    assert letters(found.left) == letters(f"now w2q {own}")


def test_a_line_of_ours_that_was_cut_is_not_made_whole_with_the_owners_lines_below() -> None:
    own = "Type: ok / left / later \nw1q\n/ never\ntea"
    found = reading(f"{QUESTION}\nType: ok / left / late\n{own}", asked(own))
    assert found.left == f"late\n{own}"


@pytest.mark.parametrize("own", ["nevVIPcheck: call her", "w1q\nwhenever", "ne\nsoon and whenever"])
def test_an_ending_of_the_owners_is_not_taken_for_our_cut_last_word(own: str) -> None:
    note = f"{QUESTION}\n{HINT.removesuffix('never')}{own}"
    assert reading(note, asked("")).left == own


def test_a_line_of_the_owners_like_ours_stays_where_ours_was_deleted() -> None:
    own = f"{HINT}\ntea"
    found = reading(f"{QUESTION}\n\n{own}", asked(own))
    assert (found.ending, found.left) == (None, own)


@pytest.mark.parametrize("own", ["w1qweg", f"{HINT[:-7]}/ never\ntea", "met her"])
def test_what_is_glued_to_our_last_word_stays(own: str) -> None:
    assert reading(f"{BLOCK}{own}\n\ntea", asked("tea")).left.startswith(own)


def test_a_label_that_something_is_glued_to_is_found_in_a_line_that_was_torn_too() -> None:
    torn = QUESTION.replace("Acme", "Acw2qme")
    assert reading(f"w1q{torn}\n{HINT}\n\ntea", asked("tea")).left.split() == ["w1qw2q", "tea"]


def test_an_answer_is_told_from_the_owners_own_word_by_its_spelling() -> None:
    found = reading(f"{BLOCK}\n\nok\nmore tea\nOK", asked("ok\nmore tea"))
    assert found.left == "ok\nmore tea"


@pytest.mark.parametrize(
    ("hint", "left"),
    [
        ("Type: ok / left / lat see Peter / never", "see Peter"),
        ("Type: ok / left / lat Miller / never", "Miller"),
        ("Type: ok / left / later / ne whenever", "whenever"),
    ],
)
def test_an_ending_like_that_of_a_word_of_ours_is_the_owners(hint: str, left: str) -> None:
    assert left in reading(f"{QUESTION}\n{hint}\n\ntea", asked("tea")).left


def test_what_is_left_of_a_torn_word_of_ours_is_no_answer() -> None:
    question = "VIPcheck: \u00bfsigue como VP Sales en Acme? (ficha sin cambios desde may. 2017)"
    hint = "Escribe: ok / se fue / más tarde / nunca"
    torn = question.replace("sin cambios", "si\nw1q\nn camw2qbios")
    found = reading(f"{torn}\n{hint}", asked("", block=f"{question}\n{hint}"))
    assert found.ending in {None, Ending.NOTED}
    assert "w1q" in found.left


@pytest.mark.parametrize(
    "torn",
    [
        "Type:\nw1\nok\nw2\n/ left / never",
        "Type: w1\nok\nw2 / left / later / nev",
        "Type:\nok\n/ left / never",
        "Type: ok / left /\nlater\n/ nev",
        "Type: o / left / later /\nw1\nnever",
    ],
)
def test_a_word_of_our_own_last_line_is_no_answer_however_it_was_torn(torn: str) -> None:
    assert reading(f"{QUESTION}\n{torn}\n\ntea", asked("tea")).ending in {None, Ending.NOTED}


def test_a_line_of_the_owners_that_begins_like_ours_is_the_owners_to_cut() -> None:
    own = "Type: ok / left / lat er / never\ntea"
    cut = "Type: ok / left / lat\nw1q\ner / never\ntea"
    assert reading(f"{QUESTION}\n\n{cut}", asked(own)).left == cut


def test_a_copy_of_our_last_line_behind_the_users_text_leaves_the_torn_one_ours() -> None:
    own = "sailing, of old\n\nok\ncall her"
    torn = HINT.replace("later", "\nsince May\nlater")
    found = reading(f"{QUESTION}\n{torn}\n\n{own}\n{HINT}\nok\nnow", asked(own))
    assert found.left == f"since May\n\n{own}\n{HINT}\nok\nnow"
    assert found.ending is Ending.NOTED


@pytest.mark.parametrize("own", ["sailing\nok\ncall her", "ok\ncall her", "sailing\n\nok\n\ncall her"])
def test_of_two_lines_alike_the_one_among_the_users_own_stays(own: str) -> None:
    moved = f"{QUESTION}\n{own}\n{HINT}\nok\nnow"
    found = reading(moved, asked(own))
    assert found.ending is Ending.CONFIRMED
    assert found.left == f"{own}\nnow"


def test_a_line_of_the_users_that_is_like_our_torn_one_and_was_edited_since_is_theirs() -> None:
    own = HINT.replace("ok", "ok249") + "\ncall her"
    edited = own.replace(" / left", " t")
    found = reading(f"{QUESTION}\n{HINT[20:]}\n\n{edited}", asked(own))
    assert found.left.endswith(edited)


def test_a_line_of_the_users_that_begins_like_our_last_one_stays_before_it() -> None:
    own = "Type: ok / left\ncall her"
    found = reading(f"{QUESTION}\n{own}\n{HINT}", asked(own))
    assert found.left == own
