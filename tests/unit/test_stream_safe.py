"""Normalisation is Unicode's own for what people write, and takes time by the length for anything."""

import unicodedata
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.organisations import compare
from cardsync.stream_safe import normalized, same_name
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from growth import LINEAR, growth
from in_memory import person

MARKS = "\u0345\u0301\u0323\u0334\u0f73\uff9e"  # the last two have no class of their own
FORMS: list[Literal["NFC", "NFKC", "NFKD"]] = ["NFC", "NFKC", "NFKD"]


@given(st.text(max_size=300), st.sampled_from(FORMS))
def test_it_is_unicodes_own(text: str, form: Literal["NFC", "NFKC", "NFKD"]) -> None:
    assert normalized(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
def test_a_long_text_of_whole_letters_is_too(form: Literal["NFC", "NFKC", "NFKD"]) -> None:
    text = "Vi\u1ec7t Nam, e\u0301te\u0301 \u0928\u093f" * 50
    assert normalized(form, text) == unicodedata.normalize(form, text)


def test_marks_without_end_take_time_by_their_number() -> None:
    def read(size: int, turn: int) -> Callable[[], object]:
        text = f"a{turn}" + MARKS * size
        card = person("Jo", ORG=text, TITLE=text)
        return lambda: (work_keys(contact_of(scan(card))), same_name(text), compare(text, f"{text} b"))

    assert growth(read, 1_000, repeat=3) < LINEAR
