"""Unicode normalisation of text from anywhere (UAX #15), in time by its length."""

import unicodedata
from collections.abc import Iterator
from typing import Literal

_MOST = 30  # combining marks in a row (UAX #15, section 13); a longer run is a joke or an attack
_SHORT = 128  # characters that cannot take long, whatever they are
_BREAK = "\u034f"  # COMBINING GRAPHEME JOINER, which is no mark to sort among the others


def normalized(form: Literal["NFC", "NFKC", "NFKD"], text: str) -> str:
    """As ``unicodedata.normalize``, whose time grows with the square of a run of marks: runs are broken at 30 here."""
    if text.isascii():
        return text
    return unicodedata.normalize(form, text if len(text) <= _SHORT else "".join(_broken(text)))


def same_name(name: str) -> str:
    """The form in which names of lists compare."""
    return normalized("NFC", normalized("NFC", name).casefold()).strip()


def _broken(text: str) -> Iterator[str]:
    run = 0
    for character in text:
        parts = character if character.isascii() else unicodedata.normalize("NFKD", character)
        run = run + len(parts) if all(map(unicodedata.combining, parts)) else 0  # some are nothing but marks
        if run > _MOST:
            yield _BREAK
            run = len(parts)
        yield character
