"""Where our block stands in a note, and what the owner typed into it.

A note is the decoded text of NOTE.  All positions are character offsets into it.  Nothing here ever
says that a character of the user's is ours: what does not match our own lines stays.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from cardsync.annotate.answers import plain
from cardsync.annotate.texts import SLOTS, TEMPLATES
from cardsync.model import Position, QuestionKind

SEPARATOR = "\n\n"
_NEWLINE = re.compile(r"\r\n|\n|\r")
_WINDOW = 12  # lines; the owner types less than that between two lines of ours
_ALIKE = 0.6  # share of a line that must be ours for the line to count as ours, edited


class Place(StrEnum):
    """Where a typed text stands."""

    LINE = "line"  # a whole line between ours or directly below
    SUFFIX = "suffix"  # behind our text, on a line of ours
    WITHIN = "within"  # amid the text of a line of ours
    BELOW = "below"  # the first line behind the block's empty line
    END = "end"  # the last line of the note


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A text of the owner's in or at the block: ``note[start:stop]``."""

    text: str
    start: int
    stop: int
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The block in a note: ``ours`` are the pieces that are ours, ``typed`` what may be an answer.

    ``whole`` tells that our first line (with the label) still stands.
    """

    ours: tuple[tuple[int, int], ...]
    typed: tuple[Typed, ...]
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    start: int
    stop: int  # without the line break
    end: int  # with it
    text: str


def lines_of(note: str) -> list[_Line]:
    """The lines of a note; CR LF, LF and CR end one, nothing else does."""
    found, start = [], 0
    for match in _NEWLINE.finditer(note):
        found.append(_Line(start=start, stop=match.start(), end=match.end(), text=note[start : match.start()]))
        start = match.end()
    found.append(_Line(start=start, stop=len(note), end=len(note), text=note[start:]))
    return found


def compose(block: str, user_text: str, position: Position) -> str:
    """The note that shows ``block`` beside the user's text."""
    if not user_text:
        return block
    return block + SEPARATOR + user_text if position is Position.TOP else user_text + SEPARATOR + block


# ---------------------------------------------------------------- finding a block that we know


def find(note: str, block: str, user_text: str, position: Position) -> Found | None:
    """The block that we wrote beside ``user_text``, wherever another client moved it; None: it is gone."""
    lines = lines_of(note)
    matched = _match(lines, block.split("\n"))
    if not matched:
        return None
    before = [plain(line.text) for line in lines_of(user_text)]
    own = {index for index, _ in matched}
    fresh = _fresh(lines, own, before, position)
    typed = [piece for index, pieces in matched for piece in pieces if piece.text.strip()]
    typed += _typed_lines(lines, sorted(own), fresh)
    return Found(ours=_spans(lines, matched), typed=tuple(typed), whole=_has_label(lines[matched[0][0]].text, block))


def new_answer_line(note: str, user_text: str, position: Position) -> Typed | None:
    """With the block gone: the first or last line of the note, if it is new since we wrote."""
    lines = lines_of(note)
    fresh = _fresh(lines, set(), [plain(line.text) for line in lines_of(user_text)], position)
    filled = [index for index, line in enumerate(lines) if line.text.strip()]
    for index in filled[:1] + filled[-1:]:
        if index in fresh:
            return _typed(lines[index], Place.END)
    return None


def _has_label(text: str, block: str) -> bool:
    return plain(block.partition(":")[0]) in plain(text)


def _match(lines: Sequence[_Line], ours: Sequence[str]) -> list[tuple[int, list[Typed]]]:
    """Our lines in order: (index of the line, the typed pieces on it)."""
    matched: list[tuple[int, list[Typed]]] = []
    start = 0
    for number, text in enumerate(ours):
        stop = len(lines) if not matched else min(len(lines), start + _WINDOW)
        hit = _best(lines, range(start, stop), text, labelled=number == 0)
        if hit is not None:
            matched.append(hit)
            start = hit[0] + 1
    return matched


def _best(lines: Sequence[_Line], where: range, text: str, *, labelled: bool) -> tuple[int, list[Typed]] | None:
    """The line that is ours: to the letter if there is one, else with typed text on it, else edited."""
    wanted = plain(text)
    for index in where:
        if plain(lines[index].text) == wanted:
            return index, []
    for index in where:
        pieces = _around(lines[index], wanted)
        if pieces is not None:
            return index, pieces
    label = wanted.split(":", 1)[0] + ":" if labelled else ""
    for index in where:
        pieces = _edited(lines[index], text, label)
        if pieces is not None:
            return index, pieces
    return None


def _around(line: _Line, wanted: str) -> list[Typed] | None:
    """Our text with something typed behind it, or None."""
    if not plain(line.text).startswith(wanted):
        return None
    for stop in range(len(wanted) // 2, min(len(line.text), 2 * len(wanted) + 64) + 1):
        if plain(line.text[:stop]) == wanted:
            rest = line.text[stop:]
            lead = len(rest) - len(rest.lstrip())
            return [
                Typed(text=rest.strip(), start=line.start + stop + lead, stop=line.stop, place=Place.SUFFIX),
            ]
    return None


def _edited(line: _Line, text: str, label: str) -> list[Typed] | None:
    """A line of ours that was typed into or cut: what is not of ours is the user's."""
    if len(line.text) > 4 * len(text) + 200 or not plain(line.text).startswith(label):
        return None
    matcher = SequenceMatcher(None, text, line.text, autojunk=False)
    ours = [block for block in matcher.get_matching_blocks() if block.size >= 3]
    kept = sum(block.size for block in ours)
    if kept < _ALIKE * len(text) and not (label and kept >= _ALIKE * len(line.text)):
        return None
    pieces, at = [], 0
    for block in [*ours, None]:
        stop = block.b if block else len(line.text)
        piece = line.text[at:stop]
        if piece.strip():
            pieces.append(Typed(text=piece, start=line.start + at, stop=line.start + stop, place=Place.WITHIN))
        at = block.b + block.size if block else at
    return pieces


def _fresh(lines: Sequence[_Line], own: set[int], before: Sequence[str], position: Position) -> set[int]:
    """Indices of lines that were not in the note when we wrote the block.

    Of a text that stood there once and now stands twice, the one nearer to the block is fresh.
    """
    counts: dict[str, int] = {}
    for text in before:
        counts[text] = counts.get(text, 0) + 1
    fresh = set()
    order = range(len(lines))
    for index in reversed(order) if position is Position.TOP else order:
        if index in own:
            continue
        key = plain(lines[index].text)
        if counts.get(key, 0) > 0:
            counts[key] -= 1
        elif key:
            fresh.add(index)
    return fresh


def _typed(line: _Line, place: Place) -> Typed:
    return Typed(text=line.text.strip(), start=line.start, stop=line.stop, place=place)


def _typed_lines(lines: Sequence[_Line], own: Sequence[int], fresh: set[int]) -> Iterator[Typed]:
    last = own[-1]
    seen = set(own)
    for index in range(own[0] + 1, last):
        if index in fresh:
            seen.add(index)
            yield _typed(lines[index], Place.LINE)
    index = last + 1
    while index < len(lines) and index in fresh:
        seen.add(index)
        yield _typed(lines[index], Place.LINE)
        index += 1
    filled = [i for i in range(last + 1, len(lines)) if lines[i].text.strip()]
    below = [i for i in filled[:1] if i in fresh and i not in seen]
    for i in below:
        seen.add(i)
        yield _typed(lines[i], Place.BELOW)
    everywhere = [i for i, line in enumerate(lines) if line.text.strip()]
    for i in everywhere[-1:]:
        if i in fresh and i not in seen:
            yield _typed(lines[i], Place.END)


def _spans(lines: Sequence[_Line], matched: Sequence[tuple[int, list[Typed]]]) -> tuple[tuple[int, int], ...]:
    """What is ours on the matched lines; a line without anything typed on it goes with its line break."""
    spans: list[tuple[int, int]] = []
    for index, pieces in matched:
        line, at = lines[index], lines[index].start
        for piece in pieces:
            if piece.text.strip():
                spans.append((at, piece.start))
                at = piece.stop
        spans.append((at, line.stop if at > line.start else line.end))
    return tuple((start, stop) for start, stop in spans if stop > start)


# ---------------------------------------------------------------- taking it out


def spans_without(
    note: str, gone: Sequence[tuple[int, int]], user_text: str, position: Position, *, kept_text: bool
) -> tuple[tuple[int, int], ...]:
    """What to cut of the note so that ``gone`` goes, with the lines that it leaves empty and our separator.

    Exactly ``user_text`` is left where the user changed nothing; ``kept_text``: the user wrote into the
    block and that text stays, so the line breaks about it stay too.
    """
    cut = bytearray(len(note))
    for start, stop in gone:
        cut[start:stop] = b"\1" * (stop - start)
    for line in lines_of(note):
        marks = cut[line.start : line.stop]
        if any(marks) and not any(c.strip() and not m for c, m in zip(line.text, marks, strict=True)):
            cut[line.start : line.end] = b"\1" * (line.end - line.start)
    kept = [index for index, mark in enumerate(cut) if not mark]
    if not kept_text:
        kept = _without_separator(note, kept, user_text, position)
    return _runs(len(note), kept)


def _without_separator(note: str, kept: list[int], user_text: str, position: Position) -> list[int]:
    """The line breaks that we wrote go too: those between the block and the user's text, and no others."""
    rest = "".join(note[index] for index in kept)
    if not user_text and not rest.strip("\r\n"):
        return []
    at = rest.find(user_text)
    if at >= 0 and not rest[:at].strip("\r\n") and not rest[at + len(user_text) :].strip("\r\n"):
        stop = at + len(user_text)
        typed_behind = (
            (stop < len(kept) and kept[-1] - kept[stop] + 1 != len(kept) - stop) or kept[-1:] != [len(note) - 1]
        )
        return kept[at : stop if position is Position.BOTTOM or typed_behind else None]
    if position is Position.TOP:
        first = _NEWLINE.match(rest)
        return kept[first.end() :] if first else kept
    return kept[: len(_without_break(rest[::-1]))]


def _runs(length: int, kept: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The gaps between the kept positions."""
    edges = [-1, *kept, length]
    return tuple((low + 1, high) for low, high in zip(edges, edges[1:], strict=False) if high > low + 1)


# ---------------------------------------------------------------- recognising a block without a memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A block known by its shape alone: ``text`` as it stands in the note, ``user_text`` the rest."""

    kind: QuestionKind
    text: str
    user_text: str
    position: Position


def recognise(note: str, labels: Sequence[str], overrides: Mapping[str, str]) -> Recognised | None:
    """A whole block of ours in any language: question line and its hint directly below."""
    lines = lines_of(note)
    shapes = None
    for above, below in zip(lines, lines[1:], strict=False):
        label, colon, text = above.text.partition(":")
        if not colon or len(above.text) > 600 or plain(label) not in {plain(known) for known in labels}:
            continue
        shapes = shapes or _shapes(overrides)
        for kind, (question, hint) in shapes:
            if question.fullmatch(plain(text)) and hint.fullmatch(plain(below.text)):
                return _recognised(note, kind, above, below)
    return None


def _recognised(note: str, kind: QuestionKind, above: _Line, below: _Line) -> Recognised:
    head, tail = note[: above.start], note[below.stop :]
    text = note[above.start : below.stop]
    if head.strip():
        kept, rest = _without_break(head[::-1])[::-1], tail
        return Recognised(kind=kind, text=text, user_text=kept + rest, position=Position.BOTTOM)
    return Recognised(kind=kind, text=text, user_text=head + _without_break(tail), position=Position.TOP)


def _without_break(text: str) -> str:
    """``text`` less the separator that it begins with (two line breaks at most)."""
    match = re.match(r"(?:\r\n|\n\r|\n|\r){0,2}", text)
    return text[match.end() :] if match else text


_QUESTIONS = {
    "still": QuestionKind.STILL,
    "still_at": QuestionKind.STILL,
    "still_as": QuestionKind.STILL,
    "half_updated_one": QuestionKind.HALF_UPDATED,
    "half_updated_many": QuestionKind.HALF_UPDATED,
    "missing": QuestionKind.MISSING,
    "follow_up": QuestionKind.FOLLOW_UP,
    "follow_up_from": QuestionKind.FOLLOW_UP,
}
_REMARKS = ("last_sure", "unchanged_since", "domain")
_HINT_OF = {
    QuestionKind.STILL: "hint_still",
    QuestionKind.HALF_UPDATED: "hint_half_updated",
    QuestionKind.MISSING: "hint_missing",
    QuestionKind.FOLLOW_UP: "hint_follow_up",
}


def _shapes(overrides: Mapping[str, str]) -> list[tuple[QuestionKind, tuple[re.Pattern[str], re.Pattern[str]]]]:
    """Patterns over ``plain`` text, of every language and of the config's own texts; bounded, no nesting."""
    languages = [*TEMPLATES.values()]
    if overrides:
        languages += [{**texts, **overrides} for texts in TEMPLATES.values()]
    shapes = []
    for texts in languages:
        remarks = "|".join(_pattern(texts[name]) for name in _REMARKS)
        for name, kind in _QUESTIONS.items():
            question = f"{_pattern(texts[name])}(?: (?:{remarks}))?"
            shapes.append((kind, (re.compile(question), re.compile(_pattern(texts[_HINT_OF[kind]])))))
    return shapes


def _pattern(template: str) -> str:
    parts = re.split(r"(\{[a-z_]+\})", template)
    return "".join(
        r".{1,120}" if part[1:-1] in SLOTS and part[:1] == "{" else re.escape(plain(f"_{part}_")[1:-1])
        for part in parts
    )
