"""Which fields of a card a block confirms that was found on it, and a question that stands in a note twice."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from asking import BLOCK, BOTTOM, HINT, TOP, asked, compose, reading
from cardsync.annotate.fits import fields_of
from cardsync.annotate.recognise import recognise
from cardsync.annotate.render import render
from cardsync.annotate.texts import SIGHTS, TEMPLATES
from cardsync.model import Contact, ContactKind, Question, QuestionKind, WorkField
from cardsync.policy import Position, ReminderPolicy
from cardsync.records import Ending

TODAY = date(2026, 6, 1)
ORG, TITLE, ROLE, EMAIL = WorkField.ORGANISATION, WorkField.TITLE, WorkField.ROLE, WorkField.EMAIL
VALUES = st.text(max_size=120).filter(lambda text: any(map(str.isalnum, text)))


def contact(**work: str) -> Contact:
    values = {WorkField(which): (value,) for which, value in work.items()}
    return Contact(uid="Jo", name="Jo Ruiz", given_name="Jo", kind=ContactKind.PERSON, work=values)


def confirmed(block: str, card: Contact) -> tuple[WorkField, ...]:
    found = recognise(block, ["VIPcheck"], {})
    assert found
    return fields_of(found, card)


@given(VALUES, VALUES, VALUES, st.sampled_from(sorted(TEMPLATES)), st.sampled_from(("title", "role")))
def test_a_block_that_names_the_cards_values_confirms_these_and_no_others(
    title: str, organisation: str, another: str, language: str, which: str
) -> None:
    question = Question(
        kind=QuestionKind.STILL,
        fields=(TITLE, ORG),
        slots={"title": title, "organisation": organisation, "last_sure": "2024-03-01"},
        score=1.0,
        reason="",
    )
    block = render(question, ReminderPolicy(language=language), TODAY)
    assert confirmed(block, contact(**{which: title, "organisation": organisation})) == (WorkField(which), ORG)
    strange = "zebra " + another
    assert confirmed(block, contact(title=strange, organisation=organisation)) == ()
    assert confirmed(block, contact(title=title, organisation=strange)) == ()
    assert confirmed(block, contact(title=title)) == ()


def test_a_domain_is_confirmed_where_the_card_has_such_an_address() -> None:
    block = f"VIPcheck: still at Acme? (a work e-mail is at globex.example)\n{HINT}"
    assert confirmed(block, contact(organisation="Acme", email="jo@mail.globex.example")) == (ORG, EMAIL)
    assert confirmed(block, contact(organisation="Acme", email="jo@acme.example")) == (ORG,)


@pytest.mark.parametrize("language", TEMPLATES)
@pytest.mark.parametrize("remark", SIGHTS)
def test_a_question_of_what_a_source_saw_is_known_as_one_and_an_ok_confirms_the_values_that_it_names(
    language: str, remark: str
) -> None:
    slots = {"title": "CTO", "organisation": "Acme", "remark": remark, "value": "Initech", "source": "GitHub"}
    question = Question(kind=QuestionKind.SEEN, fields=(TITLE, ORG), slots=slots, score=1.0, reason="")
    block = render(question, ReminderPolicy(language=language), TODAY)
    found = recognise(block, ["VIPcheck"], {})
    assert found
    assert found.kind is QuestionKind.SEEN
    assert confirmed(block, contact(organisation="Acme", title="CTO", email="jo@acme.example")) == (TITLE, ORG)
    assert confirmed(block, contact(organisation="Initech", title="CTO")) == ()  # pasted, or edited since


@pytest.mark.parametrize("remark", [{}, {"domain": "acme.example"}, {"last_sure": "2024-03-01"}])
def test_a_question_without_a_sight_is_known_as_one_of_age(remark: dict[str, str]) -> None:
    slots = {"organisation": "Acme", **remark}
    question = Question(kind=QuestionKind.STILL, fields=(ORG,), slots=slots, score=1.0, reason="")
    found = recognise(render(question, ReminderPolicy(), TODAY), ["VIPcheck"], {})
    assert found
    assert found.kind is QuestionKind.STILL


@pytest.mark.parametrize("language", TEMPLATES)
def test_of_a_half_updated_card_the_fields_that_are_listed_are_confirmed(language: str) -> None:
    fields = (TITLE, EMAIL, WorkField.PHONE)
    slots = {"organisation": "Stripe", "old_organisation": "Square Co.", "since": "2026-01-02"}
    question = Question(kind=QuestionKind.HALF_UPDATED, fields=fields, slots=slots, score=1.0, reason="")
    block = render(question, ReminderPolicy(language=language), TODAY)
    assert confirmed(block, contact(organisation="Stripe", title="CTO")) == fields
    assert confirmed(block, contact(organisation="Acme", title="CTO")) == ()


@pytest.mark.parametrize("position", Position)
def test_an_ok_to_a_question_that_names_nothing_of_the_card_confirms_nothing_and_goes(position: Position) -> None:
    stranger = replace(asked("hi", position), fields=())
    found = reading(compose(f"{BLOCK}\nok", "hi", position), stranger)
    assert (found.ending, found.left) == (Ending.WITHDRAWN, "hi")
    assert reading(compose(f"{BLOCK}\nnever", "hi", position), stranger).ending is Ending.NEVER


# ---------------------------------------------------------------- two copies, of two cards that were merged

OWN = st.sampled_from(["", "hi", "Met at the fair.\n\nLikes tea", "ok", "a\nok"])
WORDS = {"ok": Ending.CONFIRMED, "left": Ending.LEFT, "later 3m": Ending.SNOOZED, "never": Ending.NEVER}
SAID = st.sampled_from([None, *WORDS])


@given(OWN, OWN, SAID, SAID, st.sampled_from(["\n", "\n\n"]))
def test_an_answer_below_either_copy_counts_and_both_go_with_it(
    mine: str, theirs: str, first: str | None, second: str | None, gap: str
) -> None:
    assume(second not in mine.split("\n"))  # then nobody can tell which of the two was there

    def part(own: str, word: str | None) -> str:
        return compose(BLOCK + (f"\n{word}" if word else ""), own, TOP)

    found = reading(part(mine, first) + gap + part(theirs, second), asked(mine))
    words = {word for word in (first, second) if word}
    expected = WORDS[words.pop()] if len(words) == 1 else None
    assert found.ending is expected
    assert BLOCK not in found.left
    left = [word for word in (first, second) if word and not expected]
    assert sorted("".join(found.left.split())) == sorted(
        "".join([mine, theirs, *left]).replace(" ", "").replace("\n", "")
    )


@pytest.mark.parametrize("theirs", ["ok", "ok\nhi", "hi\nok"])
def test_the_other_cards_own_ok_is_no_answer(theirs: str) -> None:
    for note in (f"{BLOCK}\n\nmine\n{BLOCK}\n\n{theirs}", f"mine\n\n{BLOCK}\n\n{theirs}\n\n{BLOCK}"):
        position = TOP if note.startswith(BLOCK) else BOTTOM
        assert reading(note, asked("mine", position)).ending is None


def test_a_copy_that_was_in_the_owners_text_stays() -> None:
    own = f"mine\n{BLOCK}"
    assert reading(compose(f"{BLOCK}\nok", own, TOP), asked(own)).left == own
