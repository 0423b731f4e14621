import re
import unicodedata
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.annotate.answers import OFFERED, Answer, AnswerKind, parse_answer
from cardsync.annotate.texts import HINTS, TEMPLATES
from cardsync.model import QuestionKind

OK, LEFT, LATER, NEVER, RETIRED = AnswerKind.OK, AnswerKind.LEFT, AnswerKind.LATER, AnswerKind.NEVER, AnswerKind.RETIRED
SAID = {
    OK: "ok OK Ok. okay still yes Yes! yep correct ✓ ✔️ ✅ ☑️ 👍 👍🏽 👍🏿 👌 "
    "ja noch stimmt oui toujours sí si sigue vale sim ainda",
    LEFT: "left Left. moved gone weg gewechselt parti partie salió saiu mudou no nein non não",
    LATER: "later Later! snooze später spaeter luego depois",
    NEVER: "never skip nie niemals jamais nunca",
    RETIRED: "retired pensioniert rente retraitée jubilada aposentado",
}
PHRASES = {
    "yes it is": OK,
    "Yes, it is": OK,
    "Yes, still there.": OK,
    "Yes, she is.": OK,
    "Yes she still is": OK,
    "ok ok": OK,
    "OK, OK!": OK,
    "O. K.": OK,
    "O.K.": OK,
    "Ja, stimmt noch.": OK,
    "Ja, ist sie.": OK,
    "ja immer noch": OK,
    "Oui, toujours.": OK,
    "Oui c\u2019est \u00e7a": OK,
    "Sí, sigue ahí.": OK,
    "Si, sigue ahí.": OK,
    "si sigue ahí": None,
    "Si vale": None,
    "Sim, continua lá.": OK,
    "Sim, ainda": OK,
    "yes and no": None,
    "yes, no": None,
    "yes, later": None,
    "yes, I think so": None,
    "yes, she was": None,
    "she is": None,
    "is still": None,
    "sí, se fue": None,
    "immer noch": OK,
    "c'est bon": OK,
    "C\u2019est bon !": OK,
    "d\u2019accord": OK,
    "sigue igual": OK,
    "“ok”": OK,
    "«\xa0ok\xa0»": OK,
    "yes\xa0it\u2009is": OK,
    "\u200eok\u200b": OK,
    "ok 👍": OK,
    "OK 🙂": OK,
    "- ok": OK,
    "(ok)": OK,
    "se fue": LEFT,
    "ya no": LEFT,
    "nicht mehr": LEFT,
    "plus là": LEFT,
    "left 😢": LEFT,
    "plus tard": LATER,
    "más tarde": LATER,
    "mas tarde": LATER,
    "mais tarde": LATER,
    "not now": LATER,
    "im Ruhestand": RETIRED,
    "à la retraite": RETIRED,
}


@pytest.mark.parametrize(("kind", "word"), [(kind, word) for kind, words in SAID.items() for word in words.split()])
def test_every_word_of_every_language_is_understood(kind: AnswerKind, word: str) -> None:
    for written in (word, word.upper(), unicodedata.normalize("NFD", word), f"  {word}\xa0", f"{word}."):
        assert parse_answer(written) == Answer(kind=kind), written


@pytest.mark.parametrize(("phrase", "kind"), PHRASES.items())
def test_phrases_and_what_keyboards_make_of_them(phrase: str, kind: AnswerKind | None) -> None:
    assert parse_answer(phrase) == (Answer(kind=kind) if kind else None)


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        ".",
        "ok?",
        "ok 🤔",
        "ok 👎",
        "👎",
        "❌",
        "🙂",
        "👍👎",
        "ok ok ok so",
        "okay then",
        "ok, later",
        "not ok",
        "ok so",
        "ok / left / later / never",
        "still VP",
        "left for Stripe",
        "everything is ok",
        "o k",
        "0k",
        "later maybe",
        "later 3",
        "later 3 lightyears",
        "later three",
        "later threemonths",
        "later three lightyears",
        "later two or three months",
        "three months",
        "later months",
        "ok three months",
        "later or three months",
        "3m",
        "2 weeks",
        "ok 3m",
        "never 2 weeks",
        "k" * 70,
        "ok" + " " * 70 + "x",
    ],
)
def test_anything_but_an_answer_word_is_no_answer(line: str) -> None:
    assert parse_answer(line) is None


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("later 3m", 90),
        ("later 3 m", 90),
        ("Later 3M.", 90),
        ("later3m", 90),
        ("later in 3 months", 90),
        ("snooze 2 weeks", 14),
        ("snooze for 2 weeks", 14),
        ("später 10 Tage", 10),
        ("spa\u0308ter 10\xa0Tage", 10),
        ("später 1 Monat", 30),
        ("plus tard 2 mois", 60),
        ("más tarde 3 días", 3),
        ("mais tarde 1 mês", 30),
        ("later 1y", 365),
        ("later 2d", 2),
        ("later 1000 years", 5 * 365),
        ("later 99999999999999999999d", 5 * 365),
        ("later ٣ days", 3),
        ("later 0d", None),
        ("later 000 weeks", None),
        ("later", None),
        ("Later three months.", 90),
        ("Later, 3 months.", 90),
        ("Later, three months", 90),
        ("Later for two weeks.", 14),
        ("Later. In two weeks.", 14),
        ("Snooze for a year", 365),
        ("Später, in drei Monaten.", 90),
        ("später zwei Wochen", 14),
        ("Später, in einem Jahr", 365),
        ("Plus tard, dans deux mois.", 60),
        ("plus tard dans une semaine", 7),
        ("Más tarde, en tres meses.", 90),
        ("luego dentro de dos semanas", 14),
        ("Mais tarde, em dois meses.", 60),
        ("mais tarde um mês", 30),
        ("depois, daqui a uma semana", 7),
    ],
)
def test_later_may_name_a_time(line: str, days: int | None) -> None:
    assert parse_answer(line) == Answer(kind=LATER, delay=timedelta(days=days) if days else None)


LATER_ALOUD = {
    "en": ("later", "in", "one two three four five six seven eight nine ten eleven twelve", "months"),
    "de": ("später", "in", "einem zwei drei vier fünf sechs sieben acht neun zehn elf zwölf", "Monaten"),
    "fr": ("plus tard", "dans", "un deux trois quatre cinq six sept huit neuf dix onze douze", "mois"),
    "es": ("más tarde", "en", "un dos tres cuatro cinco seis siete ocho nueve diez once doce", "meses"),
    "pt": ("mais tarde", "em", "um dois três quatro cinco seis sete oito nove dez onze doze", "meses"),
}


@pytest.mark.parametrize("language", TEMPLATES)
def test_a_number_that_is_said_aloud_is_that_number(language: str) -> None:
    later, within, numbers, months = LATER_ALOUD[language]
    for count, number in enumerate(numbers.split(), 1):
        for line in (f"{later} {number} {months}", f"{later}, {within} {number} {months}.".capitalize()):
            assert parse_answer(line) == parse_answer(f"{later} {count}m") is not None, line


@pytest.mark.parametrize("language", TEMPLATES)
@pytest.mark.parametrize("kind", QuestionKind)
def test_every_word_that_a_hint_names_is_offered_and_understood(language: str, kind: QuestionKind) -> None:
    words = TEMPLATES[language][HINTS[kind]].rpartition(":")[2].split("/")
    understood = [parse_answer(word) for word in words]
    kinds = [answer.kind for answer in understood if answer]
    assert len(kinds) == len(words) >= 2
    assert set(kinds) <= OFFERED[kind]


@given(st.text(max_size=80))
def test_no_line_breaks_the_reading_and_no_line_with_other_words_is_an_answer(text: str) -> None:
    parse_answer(text)
    assert parse_answer(f"{text} zebra") is None
    assert parse_answer(f"zebra {text}") is None


def test_the_page_on_answer_words_says_what_they_mean() -> None:
    kinds = {
        "right today": OK,
        "works elsewhere": LEFT,
        "ask later": LATER,
        "with a time": LATER,
        "no more questions": NEVER,
        "no work any more": RETIRED,
    }
    page = (Path(__file__).parents[3] / "docs" / "answers.md").read_text("utf-8")
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("|")][2:]
    assert [row[0].strip() for row in rows] == list(kinds)
    for meaning, *languages in rows:
        for word in re.findall("`([^`]+)`", "".join(languages)):
            said = parse_answer(word)
            assert said is not None, word
            assert said.kind is kinds[meaning.strip()], word
            assert (said.delay is not None) is (meaning.strip() == "with a time"), word
