"""Each row of the table of answers, and everything that only looks like an answer."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asking import BLOCK, BOTTOM, HINT, QUESTION, TOP, asked, reading
from cardsync.annotate.read import heard, read
from cardsync.annotate.texts import HINTS, QUESTIONS, TEMPLATES
from cardsync.model import QuestionKind, WorkField
from cardsync.policy import Position
from cardsync.records import Ending

USER = "Met at the fair.\nLikes tea; two sugars."
PLACES = [
    pytest.param(f"{QUESTION}\n{{}}\n{HINT}\n\n{USER}", TOP, id="between"),
    pytest.param(f"{QUESTION} {{}}\n{HINT}\n\n{USER}", TOP, id="behind the question"),
    pytest.param(f"{BLOCK} {{}}\n\n{USER}", TOP, id="on the last line"),
    pytest.param(f"{BLOCK}{{}}\n\n{USER}", TOP, id="on the last line, without a space"),
    pytest.param(f"{BLOCK} / {{}}\n\n{USER}", TOP, id="as one more of the words"),
    pytest.param(f"{BLOCK}\n{{}}\n\n{USER}", TOP, id="below"),
    pytest.param(f"{BLOCK}\n{{}}\n{USER}", TOP, id="below, in the empty line"),
    pytest.param(f"{BLOCK}\n\n{{}}\n{USER}", TOP, id="before the user's text"),
    pytest.param(f"{BLOCK}\n\n{{}}\n\n{USER}", TOP, id="before the user's text, with an empty line"),
    pytest.param(f"{BLOCK}\n\n{USER}\n{{}}", TOP, id="at the end"),
    pytest.param(f"{BLOCK}\n\n{USER}\n\n{{}}\n", TOP, id="at the end, with empty lines"),
    pytest.param(f"{{}}\n\n{USER}", TOP, id="instead of the block"),
    pytest.param(f"{{}}\n{USER}", TOP, id="instead of the block and the empty line"),
    pytest.param(f"{{}}\n{HINT}\n\n{USER}", TOP, id="instead of the question"),
    pytest.param(f"{QUESTION}\n{{}}\n\n{USER}", TOP, id="instead of the hint"),
    pytest.param(f"VIPcheck: {{}}\n{HINT}\n\n{USER}", TOP, id="behind the label"),
    pytest.param(f"{USER}\n\n{BLOCK}\n{{}}", BOTTOM, id="bottom, below"),
    pytest.param(f"{USER}\n\n{BLOCK}\n\n{{}}\n", BOTTOM, id="bottom, at the end"),
    pytest.param(f"{USER}\n\n{BLOCK} {{}}", BOTTOM, id="bottom, on the last line"),
    pytest.param(f"{USER}\n\n{QUESTION}\n{{}}\n{HINT}", BOTTOM, id="bottom, between"),
    pytest.param(f"{USER}\n\n{{}}", BOTTOM, id="bottom, instead"),
]
WORDS = {
    "ok": Ending.CONFIRMED,
    "Yes, ": Ending.CONFIRMED,
    "✔️": Ending.CONFIRMED,
    "yes it is": Ending.CONFIRMED,
    "left": Ending.LEFT,
    "Moved.": Ending.LEFT,
    "Later": Ending.SNOOZED,
    "später 10 Tage": Ending.SNOOZED,
    "never": Ending.NEVER,
    "skip": Ending.NEVER,
    "retired": Ending.RETIRED,
}


@pytest.mark.parametrize(("note", "position"), PLACES)
@pytest.mark.parametrize(("word", "ending"), WORDS.items())
def test_an_answer_word_counts_and_goes_with_the_block(
    note: str, position: Position, word: str, ending: Ending
) -> None:
    for newline in ("\n", "\r\n"):
        found = reading(note.format(word).replace("\n", newline), asked(USER, position))
        assert (found.ending, found.left) == (ending, USER.replace("\n", newline))
        assert not found.suggestion


def test_later_names_its_time() -> None:
    assert reading(f"{BLOCK}\nlater 3m\n\n{USER}", asked(USER)).delay == timedelta(days=90)
    assert reading(f"{BLOCK}\nlater\n\n{USER}", asked(USER)).delay is None


@pytest.mark.parametrize(
    ("user_text", "note", "position"),
    [
        pytest.param("ok", f"{BLOCK}\n\nok", TOP, id="the note is ok"),
        pytest.param("ok\nsee you", f"{BLOCK}\n\nok\nsee you", TOP, id="it begins with ok"),
        pytest.param("ok\nsee you", f"{BLOCK}\nok\nsee you", TOP, id="and the empty line is lost"),
        pytest.param("ok\nsee you", f"{BLOCK} ok see you", TOP, id="and all line breaks are lost"),
        pytest.param("ok", f"{BLOCK} ok", TOP, id="joined to our last line"),
        pytest.param("ok", f"{BLOCK}ok", TOP, id="joined without a space"),
        pytest.param("a\nok\nb", f"{BLOCK}\n\na\nok\nb", TOP, id="it contains ok"),
        pytest.param("a\nok", f"{BLOCK}\n\na\nok", TOP, id="it ends with ok"),
        pytest.param("a\nok", f"{BLOCK}\na\nok\n", TOP, id="it ends with ok, lines lost and added"),
        pytest.param("a\nok", f"a\nok\n\n{BLOCK}", TOP, id="the block was moved below it"),
        pytest.param("ok\na", f"ok\n{BLOCK}\n\na", TOP, id="its ok was moved above the block"),
        pytest.param("a\nok\nb", f"{BLOCK}\nok\n\na\nb", TOP, id="its ok was moved below the block"),
        pytest.param("a\nok\nb", f"{QUESTION}\nok\n{HINT}\n\na\nb", TOP, id="its ok was moved into the block"),
        pytest.param("this is ok", f"{BLOCK}\n\nthis is\nok", TOP, id="wrapped anew"),
        pytest.param("ok then", f"{BLOCK}\nok\nthen", TOP, id="wrapped anew, at its beginning"),
        pytest.param("not ok", f"{BLOCK}\n\nok", TOP, id="shortened to ok"),
        pytest.param("ok?", f"{BLOCK}\n\nok", TOP, id="a question mark less"),
        pytest.param("Fine", f"{BLOCK}\n\nyes", TOP, id="replaced by yes"),
        pytest.param("Fine\nb", f"{BLOCK}\nyes\nb", TOP, id="first line replaced by yes, empty line lost"),
        pytest.param("Fine\n\nb", f"{BLOCK}\nyes\n\nb", TOP, id="so with an empty line of the user's"),
        pytest.param("a\nVegetarian", f"{BLOCK}\n\na\nno", TOP, id="last line replaced by no"),
        pytest.param("ok\na", f"{BLOCK}\n\nok\na, all is ok", TOP, id="ok, and another one elsewhere"),
        pytest.param("a", f"ok\n{BLOCK}\n\na", TOP, id="typed above the question"),
        pytest.param("a", f"ok\n\n{BLOCK}\n\na", TOP, id="typed above the question, apart"),
        pytest.param("a", f"ok {BLOCK}\n\na", TOP, id="typed before the label"),
        pytest.param("a", f"a\nok\n\n{BLOCK}", BOTTOM, id="typed above the question at the bottom"),
        pytest.param("a\nok", f"a\nok\n\n{BLOCK}", BOTTOM, id="bottom, it ends with ok"),
        pytest.param("a\nok", f"a\nok\n{BLOCK}", BOTTOM, id="bottom, empty line lost"),
        pytest.param("ok\na", f"ok\n{BLOCK}\na", BOTTOM, id="bottom, text moved below"),
        pytest.param("a", f"{BLOCK}\nok\nleft\n\na", TOP, id="two answers"),
        pytest.param("a", f"{BLOCK} ok\n\na\nnever", TOP, id="two answers, far apart"),
        pytest.param("a", f"{BLOCK}\nlater 2d\nlater\n\na", TOP, id="two times"),
        pytest.param("a", f"VIPcheck: still ok VP Sales at Acme? (last sure Mar 2024)\n{HINT}\n\na", TOP, id="amid"),
        pytest.param("a", f"{QUESTION}\nType: ok\n\na", TOP, id="our hint, shortened to ok"),
        pytest.param("a", f"VIPcheck: still\n{HINT}\n\na", TOP, id="our question, shortened to still"),
        pytest.param("a", f"{BLOCK}\n\na\nb\nok\nc", TOP, id="amid own new text"),
        pytest.param("a", f"{BLOCK}\nok?\n\na", TOP, id="a doubt"),
    ],
)
def test_what_only_looks_like_an_answer_is_none(user_text: str, note: str, position: Position) -> None:
    for newline in ("\n", "\r\n"):
        found = reading(note.replace("\n", newline), asked(user_text, position))
        assert found.ending in {None, Ending.NOTED}
        assert found.standing


@pytest.mark.parametrize("user_text", ["ok", "ok\nbye", "bye\nok", "a\nok\nb", "bye"])
@pytest.mark.parametrize("position", Position)
def test_a_deleted_block_is_dismissed_whatever_the_note_says(user_text: str, position: Position) -> None:
    for note in (user_text, f"\n\n{user_text}", f"{user_text}\n\n", user_text.replace("\n", "\r\n")):
        found = reading(note, asked(user_text, position))
        assert found.ending is Ending.DISMISSED
        assert not found.standing
        assert found.left == note


def test_without_its_first_line_it_is_dismissed_and_the_hint_goes() -> None:
    found = reading(f"{HINT}\n\n{USER}", asked(USER))
    assert (found.ending, found.left, found.standing) == (Ending.DISMISSED, USER, True)


def test_without_its_hint_it_is_still_open() -> None:
    found = reading(f"{QUESTION}\n\n{USER}", asked(USER))
    assert (found.ending, found.left) == (None, USER)


@pytest.mark.parametrize("kept", [40, 30, 20, 12])
def test_a_question_that_lost_its_end_is_still_open_and_goes_as_a_whole(kept: int) -> None:
    found = reading(f"{QUESTION[:kept]}\n{HINT}\n\n{USER}", asked(USER))
    assert found.ending is None
    assert found.left.endswith(USER)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (QuestionKind.FOLLOW_UP, "ok"),
        (QuestionKind.FOLLOW_UP, "left"),
        (QuestionKind.MISSING, "ok"),
        (QuestionKind.MISSING, "✓"),
        (QuestionKind.HALF_UPDATED, "left"),
        (QuestionKind.HALF_UPDATED, "moved"),
    ],
)
def test_a_word_that_the_question_did_not_offer_is_no_answer(kind: QuestionKind, word: str) -> None:
    for note in (f"{BLOCK}\n{word}\n\n{USER}", f"{BLOCK} {word}\n\n{USER}", f"{BLOCK}\n\n{USER}\n{word}"):
        found = reading(note, asked(USER, kind=kind))
        assert (found.ending, found.suggestion) == (None, "")
        assert word in found.left
    assert reading(f"{BLOCK}\nok\n{word}\n\n{USER}", asked(USER, kind=kind)).ending in {None, Ending.CONFIRMED}


@pytest.mark.parametrize(
    ("note", "left"),
    [
        (f"{QUESTION} now CRO at Stripe\n{HINT}\n\n{USER}", f"now CRO at Stripe\n\n{USER}"),
        (f"{QUESTION}\nnow CRO at Stripe\n{HINT}\n\n{USER}", f"now CRO at Stripe\n\n{USER}"),
        (f"{BLOCK} now CRO at Stripe\n\n{USER}", f"now CRO at Stripe\n\n{USER}"),
        (f"{BLOCK}\nnow CRO at Stripe\n\n{USER}", f"now CRO at Stripe\n\n{USER}"),
        (f"{BLOCK}\nnow CRO at Stripe\n{USER}", f"now CRO at Stripe\n{USER}"),
        (f"VIPcheck: now CRO at Stripe\n{HINT}\n\n{USER}", f"now CRO at Stripe\n\n{USER}"),
        (f"VIPcheck: now CRO at Stripe\n\n{USER}", f"now CRO at Stripe\n\n{USER}"),
        (
            f"VIPcheck: still VP Sa now CRO at Stripe les at Acme? (last sure Mar 2024)\n{HINT}\n\n{USER}",
            f"now CRO at Stripe\n\n{USER}",
        ),
        (f"{QUESTION} now CRO at Stripe\n{HINT}", "now CRO at Stripe"),
    ],
)
def test_free_text_in_the_block_stays_and_is_a_suggestion(note: str, left: str) -> None:
    found = reading(note, asked(USER if USER in note else ""))
    assert (found.ending, found.left) == (Ending.NOTED, left)
    assert found.suggestion.rstrip("?").strip() == "now CRO at Stripe"


@pytest.mark.parametrize(
    "note",
    [
        f"{BLOCK}\n\n{USER} More.",
        f"{BLOCK}\n\nNew.\n{USER}",
        f"{BLOCK}\n\nQuite new",
        f"{BLOCK}\n{USER} More.",
        f"New.\n{BLOCK}\n\n{USER}",
    ],
)
def test_what_the_user_changes_in_the_own_text_is_neither_answer_nor_suggestion(note: str) -> None:
    found = reading(note, asked(USER))
    assert (found.ending, found.suggestion) == (None, "")
    assert found.left == note.replace(f"{BLOCK}\n\n", "").replace(f"{BLOCK}\n", "")


def test_an_answer_counts_beside_edits_of_the_own_text() -> None:
    found = reading(f"{BLOCK}\nok\n\n{USER} More.", asked(USER))
    assert (found.ending, found.left) == (Ending.CONFIRMED, f"{USER} More.")
    found = reading(f"{BLOCK}\nok\n\nMet at the fair.", asked(USER))
    assert (found.ending, found.left) == (Ending.CONFIRMED, "Met at the fair.")


@pytest.mark.parametrize(
    ("typed", "edited", "ending"),
    [
        ("", {WorkField.TITLE}, Ending.EDITED),
        ("ok", {WorkField.PHONE}, Ending.CONFIRMED),
        ("later", {WorkField.PHONE}, Ending.EDITED),
        ("left", {WorkField.PHONE}, Ending.LEFT),
        ("left", {WorkField.ORGANISATION}, Ending.EDITED),
        ("never", {WorkField.ORGANISATION}, Ending.NEVER),
        ("now CRO at Stripe", {WorkField.TITLE}, Ending.EDITED),
    ],
)
def test_an_edit_of_the_card_answers(typed: str, edited: set[WorkField], ending: Ending) -> None:
    assert reading(f"{BLOCK}\n{typed}\n\n{USER}", asked(USER), frozenset(edited)).ending is ending
    assert reading(USER, asked(USER), frozenset({WorkField.TITLE})).ending is Ending.EDITED


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace("\n", "\r\n"),
        lambda note: "\n".join(line.rstrip() for line in note.split("\n")),
        lambda note: note.replace("'", "\u2019").replace('"', "\u201d").replace("-", "\u2011"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace(" ", "\xa0"),
        lambda note: note.replace("é", "e\u0301"),
        lambda note: note.replace("\n", " "),
        lambda note: note.replace(" ", "\n", 6),
        lambda note: note.upper(),
        lambda note: note + "\n\n",
        lambda note: "\n" + note,
    ],
)
def test_what_phones_do_to_a_note_is_no_answer_and_hides_no_block(change) -> None:  # type: ignore[no-untyped-def] # lambdas
    block = 'VIPcheck: still "R-D" at L\'Oréal?  (last sure Mar 2024)\n' + HINT
    for position, note in ((TOP, f"{block}\n\nMet twice."), (BOTTOM, f"Met twice.\n\n{block}")):
        found = reading(change(note), asked("Met twice.", position, block=block))
        assert found.ending is None
        assert found.standing
        assert found.left.split() == change("Met twice.").split()


@pytest.mark.parametrize(
    ("typed", "ended", "goes"),
    [
        ("ok", Ending.CONFIRMED, True),
        ("ok", Ending.EDITED, True),  # the edit was read a moment before
        ("left", Ending.EDITED, True),
        ("never", Ending.EDITED, False),  # nobody heeded it: it stays to be seen
        ("ok", Ending.NOTED, False),
        ("ok", Ending.DISMISSED, False),
    ],
)
def test_a_word_goes_with_the_block_only_if_it_was_heard(typed: str, ended: Ending, goes: bool) -> None:
    assert heard(read(asked(), f"{BLOCK}\n{typed}", frozenset()), ended) is goes


VALUES = {
    "title": "VP Sales",
    "organisation": "Acme Robotics",
    "old_organisation": "Initrode",
    "month": "May 2017",
    "domain": "acme.example",
    "fields": "title",
    "name": "Jo",
    "address": "jo@acme.example",
    "day": "3 May",
}
BLOCKS = [
    (f"VIPcheck: {texts[name]} {texts['unchanged_since']}\n{texts[HINTS[kind]]}".format(**VALUES), kind)
    for texts in TEMPLATES.values()
    for kind, names in QUESTIONS.items()
    for name in names
]


@given(st.data(), st.sampled_from(BLOCKS), st.sampled_from(["", USER]))
def test_what_a_deletion_leaves_of_our_words_is_no_answer(
    data: st.DataObject, asks: tuple[str, QuestionKind], own: str
) -> None:
    """But for one word alone on its line: who left that may have meant it."""
    block, kind = asks
    start = data.draw(st.integers(0, len(block) - 1))
    stop = data.draw(st.one_of(st.integers(start + 1, len(block)), st.integers(len(block) - 12, len(block) - 1)))
    left = block[:start] + block[max(stop, start + 1) :]
    alone = left.removeprefix(block.split("\n")[0]).strip()
    said = read(asked(own, TOP, block=block, kind=kind), f"{left}\n\n{own}", frozenset()).word
    assert said is None or alone.replace(" ", "").isalpha()


@pytest.mark.parametrize("own", ["Retired\nplays golf", "ok\nlikes tea", "never\ncall before 9", "likes tea\n\nok"])
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_an_older_copy_of_the_owners_text_that_a_client_joined_to_the_note_is_no_answer(own: str, gap: str) -> None:
    notes = (
        (f"{BLOCK}\n\n{own}{gap}{own}", TOP),
        (f"{own}{gap}{BLOCK}\n\n{own}", TOP),
        (f"{own}\n\n{BLOCK}{gap}{own}", BOTTOM),
    )
    for note, position in notes:
        found = read(asked(own, position), note, frozenset())
        assert (found.ending, found.word) == (None, None)


@pytest.mark.parametrize(("first", "second", "ending"), [("ok", "left", None), ("ok", "ok", Ending.CONFIRMED)])
def test_two_versions_of_a_note_that_were_put_together_are_read_both(
    first: str, second: str, ending: Ending | None
) -> None:
    """Each with its answer amid its own block."""
    note = "\n\n".join(f"{QUESTION}\n{word}\n{HINT}\n\n{USER}" for word in (first, second))
    found = reading(note, asked(USER))
    assert found.ending is ending
    assert QUESTION not in found.left
    assert found.left.count(USER) == 2


OFFERED_WORDS = {"en": ["ok", "left", "later", "never", "retired"], "es": ["ok", "se fue", "más tarde", "nunca"]}


@pytest.mark.parametrize("language", OFFERED_WORDS)
@pytest.mark.parametrize(
    "note",
    [
        pytest.param("{question}\n{word}\n\n{own}", id="for the hint, the remark cut away"),
        pytest.param("{word}\n\n{own}", id="for the block"),
        pytest.param("{question}\n\n{word}\n{own}", id="behind the empty line"),
        pytest.param("{question}\n\n{own}\n{word}", id="at the end"),
    ],
)
def test_an_offered_word_is_heard_also_where_words_of_ours_are_missing(language: str, note: str) -> None:
    """The company is one whose name begins or ends as an answer does."""
    for company in ("Facebook", "Okta", "Siemens", "Nokia"):
        texts = TEMPLATES[language]
        question = f"VIPcheck: {texts['still_at'].format(organisation=company)}"
        block = f"{question} {texts['unchanged_since'].format(month='May 2017')}\n{texts['hint_still']}"
        for word in OFFERED_WORDS[language]:
            found = reading(note.format(question=question, word=word, own=USER), asked(USER, TOP, block=block))
            expected = {
                "se fue": Ending.LEFT,
                "más tarde": Ending.SNOOZED,
                "nunca": Ending.NEVER,
            }
            assert found.ending is (WORDS | expected | {"later": Ending.SNOOZED})[word]
            assert found.left == USER
