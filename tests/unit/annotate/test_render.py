"""What we write is harmless, short, and known again."""

import unicodedata
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asking import asked as asked_about
from asking import compose, reading
from builders import card
from cards import remove
from cardsync.annotate.block import find
from cardsync.annotate.recognise import recognise
from cardsync.annotate.render import one_line, render
from cardsync.annotate.texts import NAMES, TEMPLATES
from cardsync.model import Question, QuestionKind, WorkField
from cardsync.policy import Position, ReminderPolicy
from cardsync.vcard.document import scan
from cardsync.vcard.note import insert, note_text

TODAY = date(2026, 6, 1)
VALUES = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        [
            "",
            "Acme Inc.",
            "A;B",
            "{title}",
            "{",
            "}}",
            "\\n",
            "a\\",
            "now?",
            "x\ny",
            "\u202eevil",
            "\u2028",
            "a\u037eb",
            "\u0301x",
            "still VP at Acme?",
            "Where is Jo now?",
            "(last sure May)",
            "👨\u200d👩\u200d👧",
            ".",
            "…",
            "ok",
            "VIPcheck: still",
            ",",
        ]
    ),
)
FIELDS = st.lists(st.sampled_from(WorkField), min_size=1, unique=True).map(tuple)
DATES = st.one_of(st.just(""), st.dates(date(1990, 1, 1), TODAY).map(date.isoformat))


@st.composite
def questions(draw: st.DrawFn) -> Question:
    values = {name: draw(VALUES) for name in ("title", "organisation", "old_organisation", "domain", "given_name")}
    dates = {name: draw(DATES) for name in ("since", "last_sure", "unchanged_since")}
    slots = {name: value for name, value in {**values, **dates}.items() if draw(st.booleans())}
    kind = draw(st.sampled_from(QuestionKind))
    return Question(kind=kind, fields=draw(FIELDS), slots=slots, score=1.0, reason="")


def question(kind: QuestionKind = QuestionKind.STILL, *fields: WorkField, **slots: str) -> Question:
    return Question(kind=kind, fields=fields or (WorkField.TITLE,), slots=slots, score=1.0, reason="")


@given(questions(), st.sampled_from(list(TEMPLATES)), st.sampled_from(Position))
@example(
    Question(
        kind=QuestionKind.HALF_UPDATED,
        fields=(WorkField.ORGANISATION,),
        slots={"old_organisation": "."},
        score=1.0,
        reason="",
    ),
    "de",
    Position.TOP,
)
def test_every_block_is_harmless_and_recognised_beside_any_text(
    asked: Question, language: str, position: Position
) -> None:
    block = render(asked, ReminderPolicy(language=language), TODAY)
    assert block.count("\n") == 1
    assert ";" not in unicodedata.normalize("NFC", block)
    assert not [c for c in block.replace("\n", "") if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Cs"}]
    assert all(line == line.strip() for line in block.split("\n"))
    for user_text in ("", "Likes tea.", "\nok\n"):
        note = compose(block, user_text, position)
        found = recognise(note, ["VIPcheck"], {})
        assert found
        kind = QuestionKind.STILL if asked.kind is QuestionKind.SEEN else asked.kind  # one text has both
        assert (found.kind, found.text, found.user_text) == (kind, block, user_text)
        assert find(note, block, user_text, position)
    data = card("NOTE:Likes tea.")
    written = insert(data, block, position)
    assert note_text(scan(written)) == compose(block, "Likes tea.", position)
    assert remove(written, block, position) == data


@given(st.text(max_size=300))
def test_a_value_is_one_short_line(value: str) -> None:
    line = one_line(value)
    assert len(line) <= 80
    assert ";" not in unicodedata.normalize("NFC", line)
    assert one_line(line) == line


def test_what_a_config_may_not_say_cannot_reach_a_note() -> None:
    policy = ReminderPolicy(
        label="VIP;check\n", texts={"still_at": "at {organisation};\u202e\n{nonsense} {", "hint_still": " say;\tok "}
    )
    block = render(question(organisation="{title}"), policy, TODAY)
    assert block == "VIP,check: at {title}, {nonsense} {\nsay, ok"


EXAMPLES = {
    "en": "VIPcheck: still VP Sales at Acme? (last sure Mar 2024)\nType: ok / left / later / never",
    "de": "VIPcheck: noch VP Sales bei Acme? (zuletzt bestätigt im März 2024)\nSchreib: ok / weg / später / nie",
    "fr": "VIPcheck: toujours VP Sales chez Acme ? (confirmé en mars 2024)\nÉcrire : ok / parti / plus tard / jamais",
    "es": "VIPcheck: ¿sigue como VP Sales en Acme? (confirmado en mar. 2024)\nEscribe: ok / se fue / más tarde / nunca",
    "pt": "VIPcheck: ainda VP Sales na Acme? (confirmado em mar. 2024)\nEscreva: ok / saiu / mais tarde / nunca",
}


@pytest.mark.parametrize(("language", "block"), EXAMPLES.items())
def test_the_question_as_the_phone_shows_it(language: str, block: str) -> None:
    asked = question(title="VP Sales", organisation="Acme", last_sure="2024-03-09")
    assert render(asked, ReminderPolicy(language=language), TODAY) == block


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        (question(organisation="Acme"), "still at Acme?"),
        (question(title="CTO"), "still CTO?"),
        (question(title="CTO", organisation="Acme", last_sure="2026-03-09"), "still CTO at Acme? (last sure Mar)"),
        (question(organisation="Acme", unchanged_since="2023-05-01"), "still at Acme? (card unchanged since May 2023)"),
        (
            question(organisation="Acme", domain="initech.example", last_sure="2024-01-01"),
            "still at Acme? (a work e-mail is at initech.example)",
        ),
        (
            question(
                QuestionKind.HALF_UPDATED,
                WorkField.TITLE,
                WorkField.EMAIL,
                organisation="Stripe, Inc.",
                old_organisation="Square",
                since="2026-05-02",
            ),
            "company changed to Stripe, Inc. in May. Title and work e-mail are still Square's.",
        ),
        (
            question(
                QuestionKind.HALF_UPDATED,
                WorkField.URL,
                organisation="Stripe",
                old_organisation="Square",
                since="2025-05-02",
            ),
            "company changed to Stripe in May 2025. Work URL is still Square's.",
        ),
        (
            question(QuestionKind.MISSING, WorkField.ORGANISATION, given_name="Jo"),
            "Company not on the card. Where does Jo work?",
        ),
        (question(QuestionKind.FOLLOW_UP, given_name="Jo"), "where is Jo now?"),
        (
            question(QuestionKind.FOLLOW_UP, given_name="Jo", organisation="Acme Inc."),
            "no longer at Acme Inc. Where is Jo now?",
        ),
        (question(QuestionKind.FOLLOW_UP), "where is … now?"),
    ],
)
def test_each_question_reads_well(asked: Question, first: str) -> None:
    assert render(asked, ReminderPolicy(), TODAY).split("\n")[0] == f"VIPcheck: {first}"


def test_german_has_no_doubled_stops_and_names_fields() -> None:
    asked = question(
        QuestionKind.HALF_UPDATED,
        WorkField.TITLE,
        WorkField.EMAIL,
        organisation="Stripe",
        old_organisation="Square Co.",
        since="2026-01-02",
    )
    assert render(asked, ReminderPolicy(language="de"), TODAY).split("\n")[0] == (
        "VIPcheck: Firma im Jan. zu Stripe geändert. Position und Arbeits-E-Mail sind noch von Square Co."
    )


# ---------------------------------------------------------------- recognising

BLOCK = EXAMPLES["en"]


def test_past_labels_and_own_texts_are_known() -> None:
    texts = {"still": "{organisation}: {title}, noch?", "hint_still": "Antwort: ok / weg"}
    own = render(question(title="CTO", organisation="Acme"), ReminderPolicy(label="Frage", texts=texts), TODAY)
    assert own == "Frage: Acme: CTO, noch?\nAntwort: ok / weg"
    assert recognise(own, ["VIPcheck", "Frage"], texts)
    assert not recognise(own, ["VIPcheck"], texts)
    assert not recognise(own, ["Frage"], {})
    assert recognise(BLOCK.replace("VIPcheck", "Old"), ["New", "Old"], texts)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("hint")])
def test_a_text_that_says_nothing_matches_nothing(name: str) -> None:
    assert not recognise("VIPcheck: call her?\nNext week", ["VIPcheck"], {name: "{fields}", "still_as": "{title}?"})


@pytest.mark.parametrize(
    "note",
    [
        "VIPcheck: call her",
        "VIPcheck",
        "VIPcheck:\nType: ok / left / later / never",
        BLOCK.split("\n")[0],
        BLOCK.split("\n")[1],
        "VIPcheck: still friends\nType: ok / left / later / never",
        "VIPcheck: still at it?\nType: ok or left",
        BLOCK[8:],
        BLOCK.replace("VIPcheck", "VIPcheckers"),
        "So: " + BLOCK,
        BLOCK.replace("\n", "\n\na\nb\nc\nd\ne\nf\n"),
    ],
)
def test_the_users_own_text_is_not_taken_for_a_block(note: str) -> None:
    assert not recognise(note, ["VIPcheck"], {})


@pytest.mark.parametrize(
    ("note", "left"),
    [
        (BLOCK.replace("\n", "\r\n") + "\r\n\r\nhi", "hi"),
        (BLOCK.upper() + "\n\nhi", "hi"),
        (BLOCK + "\nok\n\nhi", "ok\n\nhi"),
        (BLOCK + " ok\n\nhi", "ok\n\nhi"),
        (BLOCK.replace("\n", " ok\n") + "\n\nhi", "ok\n\nhi"),
        (BLOCK.replace("\n", "\nnow CRO\n") + "\n\nhi", "now CRO\n\nhi"),
        ("hi\n\n" + BLOCK, "hi"),
        ("above\n" + BLOCK + "\n\nhi", "above\nhi"),
    ],
)
def test_a_block_is_known_with_what_was_typed_into_it(note: str, left: str) -> None:
    found = recognise(note, ["VIPcheck"], {})
    assert found
    assert found.user_text == left


@pytest.mark.parametrize("typed", ["ok", "left", "never", "later 3m", "now CRO at Stripe"])
@pytest.mark.parametrize(
    "shape",
    [
        BLOCK + "\n{}\n\nhi",
        BLOCK + " {}\n\nhi",
        BLOCK.replace("\n", "\n{}\n") + "\n\nhi",
        BLOCK + "\n\nhi\n{}",
        "hi\n\n" + BLOCK + "\n{}",
    ],
)
def test_after_an_adoption_nothing_is_an_answer_until_the_note_changes(shape: str, typed: str) -> None:
    note = shape.format(typed)
    found = recognise(note, ["VIPcheck"], {})
    assert found
    adopted = asked_about(found.user_text, found.position, block=found.text, kind=found.kind)
    assert reading(note, adopted).ending is None
    assert reading(note, adopted).left == found.user_text
    answered = reading(note.replace(found.text.split("\n")[0], found.text.split("\n")[0] + "\nskip", 1), adopted)
    assert answered.ending is not None
