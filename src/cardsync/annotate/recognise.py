"""A block known by its shape alone, when the database that knew it is gone."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from cardsync.annotate.normal import Token, lines_of, plain
from cardsync.annotate.removal import spans_without, without
from cardsync.annotate.texts import HINTS, QUESTIONS, REMARKS, SIGHTS, SLOTS, TEMPLATES
from cardsync.model import QuestionKind
from cardsync.policy import Position

_LONG = 2000  # characters; no block of ours is longer
_TYPED = 4  # lines that the owner may have typed between ours
_TRIES = 20  # lines with our label that are looked at closely
_LETTERS = 4  # that a hint must have besides its slots, to be told from any other text
_LABEL = re.compile(r"^([^:\r\n]{1,80}):", re.MULTILINE)
_SLOT = re.compile("{(?:" + "|".join(sorted(SLOTS)) + ")}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A question in one language: the plain texts between its slots, their names, and which remark it ends in, if any.

    ``hint`` is the second line's: it tells the kinds of question, and the languages, apart.
    """

    kind: QuestionKind
    language: str
    parts: tuple[str, ...]
    slots: tuple[str, ...]
    remark: str
    hint: tuple[str, ...]

    def values(self, question: str) -> dict[str, str]:
        """By slot: what fills it in a question that has this template, plain."""
        text, at, values = plain(question), len(self.parts[0]), []
        last = text.rfind(self.parts[-1])
        for part in self.parts[1:-1]:
            stop = text.find(part, at + 1)
            values.append(text[at:stop])
            at = stop + len(part)
        return dict(zip(self.slots, [*values, text[at:last]], strict=True)) if self.slots else {}

    def says(self, question: str, known: Mapping[str, str]) -> bool:
        """Whether the question is this one with the ``known`` values in those slots, whatever fills the others."""
        parts = [self.parts[0]]
        for name, part in zip(self.slots, self.parts[1:], strict=True):
            if name in known:
                parts[-1] += plain(known[name]) + part
            else:
                parts.append(part)
        return _length(question, parts, exact=True) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """``text`` is the block as it stands in the note, ``user_text`` the note without it."""

    kind: QuestionKind
    text: str
    user_text: str
    position: Position
    template: Template

    @property
    def question(self) -> str:
        """Its first line behind the label."""
        return self.text.split("\n")[0].partition(":")[2]


def recognise(note: str, labels: Sequence[str], overrides: Mapping[str, str]) -> Recognised | None:
    """The first block of ours in any language: a question with our label, and its hint below it.

    The owner may have typed between the two, and behind them; that is part of ``user_text``, and so no answer
    until the note changes.
    """
    return next(all_of(note, labels, overrides), None)


def all_of(note: str, labels: Sequence[str], overrides: Mapping[str, str]) -> Iterator[Recognised]:
    """All blocks of ours, from the top."""
    shapes = _shapes(tuple(sorted(overrides.items())))
    for label, question, below in islice(_labelled(note, {plain(label) for label in labels}), _TRIES):
        for hint in below:
            found = next((found for shape in shapes if (found := shape.match(question.text, hint.text))), None)
            if found:
                template, first, second = found
                pieces = [(label.start, question.start + first), (hint.start, hint.start + second)]
                yield _recognised(note, template, pieces)
                break


def questions_in(text: str, labels: Sequence[str], overrides: Mapping[str, str]) -> int:
    """How many lines read as a question of ours, with or without a hint below."""
    templates = [each for shape in _shapes(tuple(sorted(overrides.items()))) for each in shape.questions]
    lines = islice(_labelled(text, {plain(label) for label in labels}), _TRIES)
    return sum(any(_length(line.text, each.parts) is not None for each in templates) for _, line, _ in lines)


def _recognised(note: str, template: Template, pieces: list[tuple[int, int]]) -> Recognised:
    text = "\n".join(note[start:stop] for start, stop in pieces)
    last = not note[pieces[-1][1] :].strip() and note[: pieces[0][0]].strip()
    left = without(note, spans_without(note, pieces, (), ""))
    position = Position.BOTTOM if last else Position.TOP
    return Recognised(kind=template.kind, text=text, user_text=left, position=position, template=template)


def _labelled(note: str, labels: set[str]) -> Iterator[tuple[Token, Token, list[Token]]]:
    """A label, what follows it on its line, and the few lines below."""
    for match in _LABEL.finditer(note):
        if plain(match[1]) in labels:
            near = note[match.end() : match.end() + _LONG]
            rest, *below = (
                Token(near[line.start : line.stop], match.end() + line.start, match.end() + line.stop)
                for line in lines_of(near)
            )
            yield Token(match[1], match.start(), match.end()), rest, below[: 1 + _TYPED]


# ---------------------------------------------------------------- shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """A kind of question in one language: its questions, and the plain texts between the slots of its hint."""

    questions: tuple[Template, ...]
    hint: tuple[str, ...]

    def match(self, question: str, hint: str) -> tuple[Template, int, int] | None:
        """How many characters of the two lines are ours, or None; what follows them was typed."""
        second = _length(hint, self.hint)
        if second is None:
            return None
        for exact in (True, False):
            for template in self.questions:
                first = _length(question, template.parts, exact=exact)
                if first is not None:
                    return template, first, second
        return None


@lru_cache(maxsize=8)
def _shapes(overrides: tuple[tuple[str, str], ...]) -> tuple[_Shape, ...]:
    """Of every language, and of the config's own texts in each of them."""
    languages = [*TEMPLATES.items()]
    languages += [(language, {**texts, **dict(overrides)}) for language, texts in TEMPLATES.items() if overrides]
    shapes = []
    for language, texts in languages:
        for kind, names in QUESTIONS.items():
            hint = _parts(texts[HINTS[kind]])
            questions = tuple(
                Template(
                    kind=QuestionKind.SEEN if kind is QuestionKind.STILL and remark in SIGHTS else kind,
                    language=language,
                    parts=_parts(text := f" {texts[name]}" + (f" {texts[remark]}" if remark else "")),
                    slots=tuple(slot[1:-1] for slot in _SLOT.findall(text)),
                    remark=remark,
                    hint=hint,
                )
                for name in names
                for remark in (*reversed(REMARKS), "")
            )
            if sum(map(str.isalnum, "".join(hint))) >= _LETTERS:
                shapes.append(_Shape(questions=questions, hint=hint))
    return tuple(shapes)


def _parts(template: str) -> tuple[str, ...]:
    parts = [plain(f"_{part}_")[1:-1] for part in _SLOT.split(template)]
    return (parts[0].lstrip(), *parts[1:-1], parts[-1].rstrip()) if len(parts) > 1 else (parts[0].strip(),)


def _length(line: str, parts: Sequence[str], *, exact: bool = False) -> int | None:
    """How much of the line's beginning fills the template; the first place of each part will do."""
    text = plain(line)
    if len(parts) == 1:
        stop = len(parts[0]) if text.startswith(parts[0]) else -1
    else:
        at = len(parts[0]) if text.startswith(parts[0]) else -1
        for part in parts[1:-1]:
            at = text.find(part, at + 1) + len(part) if at >= 0 and text.find(part, at + 1) >= 0 else -1
        last = text.rfind(parts[-1], at + 1) if at >= 0 else -1
        stop = last + len(parts[-1]) if last >= 0 else -1
    if stop < 0 or (exact and stop != len(text)):
        return None
    wanted = text[:stop]
    near = bisect_left(range(len(line) + 1), stop, key=lambda n: len(plain(line[:n])))
    return next((n for n in range(near, len(line) + 1) if plain(line[:n]) == wanted), None)
