"""The form in which texts compare: phones change quotes, dashes, spaces, case and Unicode forms, and words stay."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from cardsync.stream_safe import normalized

INVISIBLE = "\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
"""What shows nothing and some keyboards add, as the inside of a character class."""

_TYPOGRAPHY = {
    **dict.fromkeys((0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0xB4, 0x60), "'"),
    **dict.fromkeys((0x201C, 0x201D, 0x201E, 0x201F, 0x2033, 0xAB, 0xBB), '"'),
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212), "-"),
}
_NOTHING = re.compile(f"[{INVISIBLE}]+")
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff" + INVISIBLE
_TOKEN = re.compile(rf"(?:\w[{_MARKS}]*+)++|[^\w\s{INVISIBLE}][{_MARKS}]*+")
_NEWLINE = re.compile(r"\r\n|\n|\r")


def plain(text: str) -> str:
    """One space, straight quotes, no case, NFKC."""
    if text.isascii():
        text = text.replace("`", "'")
    else:
        text = _NOTHING.sub("", normalized("NFKC", text.translate(_TYPOGRAPHY)))
    return " ".join(text.split()).casefold()


def letters(text: str) -> str:
    """The same without spaces and line breaks."""
    return "".join(plain(text).split())


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a single sign: ``text`` is plain, ``start`` and ``stop`` are offsets into the note.

    ``exact``: but for case it stands in the note so, character by character.
    """

    text: str
    start: int
    stop: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a note: ``stop`` is its end without the line break, ``end`` with it."""

    start: int
    stop: int
    end: int


def lines_of(note: str) -> list[Line]:
    """The lines of a note; CR LF, LF and CR end one, nothing else does."""
    breaks = [match.span() for match in _NEWLINE.finditer(note)]
    starts = [0, *(end for _, end in breaks)]
    return [
        Line(start, stop, end) for start, (stop, end) in zip(starts, [*breaks, (len(note), len(note))], strict=True)
    ]


def tokens_of(text: str) -> list[Token]:
    """All words and signs of a text, in order; whitespace and line breaks are between them."""
    known: dict[str, str] = {}
    return [
        Token(
            word := _plain(match[0], known),
            *match.span(),
            exact=len(word) == len(match[0]) and match[0].casefold() == word,
        )
        for match in _TOKEN.finditer(text)
    ]


def words_of(text: str) -> list[str]:
    """The words and symbols of a text, plain, without its punctuation."""
    known: dict[str, str] = {}
    return [word for raw in _TOKEN.findall(text) if _says(word := _plain(raw, known))]


def joined(words: Iterable[str]) -> str:
    """Words as one string, in which a search finds whole words only."""
    return "".join(f"\n{word}\n" for word in words)


def _plain(raw: str, known: dict[str, str]) -> str:
    if raw not in known:
        known[raw] = plain(raw)
    return known[raw]


def _says(word: str) -> bool:
    return word[:1].isalnum() or unicodedata.category(word[:1] or ".")[0] == "S"
