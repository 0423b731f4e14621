"""Another whole block of ours where a question is open is told from an edit of that question."""

import random
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asking import BLOCK, BOTTOM, HINT, QUESTION, TOP, asked, compose
from cardsync.annotate.instead import stands_instead
from cardsync.annotate.render import render
from cardsync.annotate.texts import SIGHTS, TEMPLATES
from cardsync.model import Question, QuestionKind, WorkField
from cardsync.policy import Position, ReminderPolicy
from torture.gestures import Hand
from torture.whose import Note

OWN = "Met at the fair.\nLikes tea"
TODAY = date(2026, 6, 1)
FOLLOW_UP = "VIPcheck: no longer at Acme. Where is Jo now?\nEdit the company above, or type: later / never"
UNCHANGED = f"VIPcheck: still VP Sales at Acme? (card unchanged since May 2017)\n{HINT}"
OTHERS = [
    FOLLOW_UP,
    UNCHANGED,
    f"VIPcheck: still VP Sales at Acme? (a work e-mail is at globex.example)\n{HINT}",
    f"VIPcheck: still CTO at Globex? (last sure Nov 2025)\n{HINT}",
    "VIPcheck: noch VP Sales bei Acme? (zuletzt bestätigt im März 2024)\nSchreib: ok / weg / später / nie",
    "VIPcheck: company changed to Stripe in May. Title is still Acme's.\nEdit them, or type: ok / later / never",
    "VIPcheck: company not on the card. Where does Jo work?\nAdd it above, or type: later / never",
]
EDITS = [
    QUESTION.replace("VP Sales", "CRO"),
    QUESTION.replace("Acme", "Stripe"),
    QUESTION.replace("VP Sales at Acme", "CRO at Stripe"),
    QUESTION.replace("2024", "2026"),
    QUESTION.replace(" (last sure Mar 2024)", ""),
    QUESTION.replace(" at Acme", ""),
    QUESTION.replace("VP Sales at ", "at "),
    QUESTION + " now CRO at Stripe",
    QUESTION.replace("Acme", "Ac w1q me"),
    "VIPcheck: now CRO at Stripe",
    "",
]


def other(note: str, user_text: str = OWN, position: Position = TOP, *written: str) -> bool:
    return stands_instead(asked(user_text, position), note, ["VIPcheck"], {}, written)


@pytest.mark.parametrize("position", Position)
@pytest.mark.parametrize("block", OTHERS)
@pytest.mark.parametrize("typed", ["", "\nok", " ok", "\nnow CRO"])
def test_a_whole_block_of_another_kind_language_or_remark_is_another(
    block: str, typed: str, position: Position
) -> None:
    assert other(compose(block + typed, OWN, position), OWN, position)
    assert not other(compose(block + typed, OWN, position), f"{OWN}\n{block}", position)  # it was there before


@pytest.mark.parametrize("question", EDITS)
@pytest.mark.parametrize("typed", ["", "\nok", "\nnow CRO at Stripe"])
def test_an_edit_of_the_open_question_is_one(question: str, typed: str) -> None:
    for note in (f"{question}\n{HINT}{typed}\n\n{OWN}", f"{question}{typed}\n{HINT}\n\n{OWN}", f"{question}\n\n{OWN}"):
        assert not other(note)


def test_beside_the_open_question_another_block_is_left_alone() -> None:
    assert not other(f"{BLOCK}\n\n{OWN}\n{FOLLOW_UP}")
    assert not other(f"{FOLLOW_UP}\n\n{BLOCK}\n\n{OWN}")
    assert not other(f"{FOLLOW_UP}\n\n{QUESTION.replace('VP', 'SVP')}\n{HINT}\n\n{OWN}")


def test_a_block_that_we_wrote_elsewhere_is_another_where_two_values_differ() -> None:
    pasted = BLOCK.replace("VP Sales at Acme", "CTO at Globex")
    assert other(f"{pasted}\n\n{OWN}", OWN, TOP, pasted)
    retitled = BLOCK.replace("VP Sales", "CTO")
    assert not other(f"{retitled}\n\n{OWN}", OWN, TOP, retitled)  # it may be the owner who wrote that


def test_an_earlier_question_of_ours_is_another() -> None:
    earlier = BLOCK.replace("Mar 2024", "Nov 2021")
    assert other(f"{earlier}\nok\n\n{OWN}", OWN, TOP, earlier, BLOCK)
    assert not other(f"{earlier}\nok\n\n{OWN}")


WORDS = st.text(alphabet="abcdefghijklmnop ", min_size=3, max_size=20).filter(lambda text: len(text.strip()) > 2)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    slots = {name: draw(WORDS) for name in ("title", "organisation", "old_organisation", "given_name")}
    dates = dict.fromkeys(("since", draw(st.sampled_from(("last_sure", "unchanged_since")))), "2024-03-01")
    fields = tuple(draw(st.lists(st.sampled_from(WorkField), min_size=1, unique=True)))
    kind = draw(st.sampled_from(QuestionKind))
    if kind is QuestionKind.SEEN:  # it never comes without what was seen
        slots |= {"remark": draw(st.sampled_from(SIGHTS)), "value": draw(WORDS), "source": draw(WORDS)}
    return Question(kind=kind, fields=fields, slots={**slots, **dates}, score=1.0, reason="")


@given(questions(), questions(), *[st.sampled_from(sorted(TEMPLATES))] * 2, st.sampled_from(Position))
def test_every_question_of_another_kind_or_language_is_another_and_none_is_itself(
    open_: Question, there: Question, language: str, spoken: str, position: Position
) -> None:
    ours = render(open_, ReminderPolicy(language=language), TODAY)
    theirs = render(there, ReminderPolicy(language=spoken), TODAY)
    question = asked(OWN, position, block=ours)
    note = compose(theirs, OWN, position)
    if (open_.kind, language) != (there.kind, spoken):
        assert stands_instead(question, note, ["VIPcheck"], {}, [])
    assert not stands_instead(question, compose(ours, OWN, position), ["VIPcheck"], {}, [ours, theirs])
    assert not stands_instead(question, compose(ours + " žluť", OWN, position), ["VIPcheck"], {}, [ours, theirs])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 2**32), min_size=1, max_size=6),
    st.lists(st.sampled_from(["", "ok", "met her", HINT, QUESTION, "VIPcheck: call her"]), max_size=4),
    st.sampled_from(Position),
    st.sampled_from([BLOCK, *OTHERS]),
)
@example([1, 2, 3], ["ok"], BOTTOM, BLOCK)
def test_no_edit_of_the_note_makes_another_question_of_it(
    seeds: list[int], lines: list[str], position: Position, block: str
) -> None:
    own = "\n".join(lines)
    note = Note.of(own).written(compose(block, own, position)).note
    for seed in seeds:
        note = Hand(random.Random(seed), lambda: "w1q").any(note).note
    question = asked(own, position, block=block)
    assert not stands_instead(question, note.text, ["VIPcheck"], {}, [block, *OTHERS, BLOCK])
