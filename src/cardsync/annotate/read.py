"""What a note says about the question on its card: which answer, what of it is ours, and what stays.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from cardsync.annotate.align import common
from cardsync.annotate.answers import AROUND, OFFERED, Answer, AnswerKind, parse_answer
from cardsync.annotate.block import Found, find
from cardsync.annotate.normal import letters, plain, tokens_of, words_of
from cardsync.annotate.recognise import Recognised
from cardsync.annotate.removal import spans_without, without
from cardsync.annotate.typed import Place, Typed, typed
from cardsync.model import WorkField
from cardsync.records import UNSAID, Asked, Ending
from cardsync.vcard.note import merged

_ENDINGS = {
    AnswerKind.OK: Ending.CONFIRMED,
    AnswerKind.LEFT: Ending.LEFT,
    AnswerKind.LATER: Ending.SNOOZED,
    AnswerKind.NEVER: Ending.NEVER,
    AnswerKind.RETIRED: Ending.RETIRED,
}
_SAID_BY_AN_EDIT = frozenset({Ending.CONFIRMED, Ending.WITHDRAWN, Ending.SNOOZED, Ending.LEFT})
_FREE_PLACES = frozenset({Place.LINE, Place.SUFFIX, Place.WITHIN, Place.BELOW})
_COPIES = 3  # of a question that are read besides the first one
_LETTERS = 3  # fewer are a slip of the finger, not a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a note says about its open question.

    ``ending`` None: nothing yet; ``word`` is what the answer word alone says.  ``cut`` takes block and answer out and
    leaves the user's text, ``block`` takes out the block alone; ``suggestion`` is free text that the user wrote into
    the block, and that stays.
    """

    ending: Ending | None
    word: Ending | None
    cut: tuple[tuple[int, int], ...]
    block: tuple[tuple[int, int], ...]
    standing: bool
    delay: timedelta | None = None
    suggestion: str = ""


def read(asked: Asked, note: str, edited: frozenset[WorkField]) -> Reading:
    """The answer in ``note`` to a question; ``edited``: work fields that the user changed since we asked.

    Where cards were merged, the question may stand there more than once: an answer below any of them is one, and all
    go with it.
    """
    question, *below = asked.block.split("\n")
    if note.count(question) < 2 or any(line in asked.user_text for line in (question, *below)):  # or it may be theirs
        return _read(asked, note, edited)[0]
    reading, said = _read(asked, note, edited, near=True)
    if not _is_there(asked, without(note, reading.block)):
        return _read(asked, note, edited)[0]
    for _ in range(_COPIES):
        rest = without(note, reading.block)
        if not _is_there(asked, rest):
            break
        other, also = _read(asked, rest, edited, near=True)
        reading, said = _together(reading, other), said | also
    if len(said) > 1:
        return replace(reading, ending=Ending.EDITED if edited else None, word=None, delay=None, cut=reading.block)
    return reading


def _is_there(asked: Asked, note: str) -> bool:
    """Whether the question stands there, its first line to the letter and all others somehow."""
    question, *below = asked.block.split("\n")
    if question not in note:
        return False
    found = find(note, asked.block, asked.user_text, asked.position)
    return found is not None and len(found.ours) > len(below)


def _together(one: Reading, other: Reading) -> Reading:
    """Both copies as one; ``other`` was read without the block of the first."""
    block = merged([*one.block, *_put_among(other.block, one.block)])
    words = [*(one.cut if one.word else ()), *(_put_among(other.cut, one.block) if other.word else ())]
    said = one if one.word or not other.word else other
    return replace(one, block=block, cut=merged([*block, *words]), ending=said.ending, word=said.word, delay=said.delay)


def _put_among(spans: Sequence[tuple[int, int]], cut: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where spans of a text are in the one from which ``cut`` is not yet cut out; what is cut between goes along."""
    found = []
    for start, stop in spans:
        first, last = start, stop
        for low, high in cut:
            first += high - low if low <= first else 0
            last += high - low if low < last else 0
        found.append((first, last))
    return found


def _read(
    asked: Asked, note: str, edited: frozenset[WorkField], *, near: bool = False
) -> tuple[Reading, frozenset[Answer]]:
    """What one block says, and all answers that are there.

    ``near``: only a word in the block or right below it is an answer, for all else may be of another card.
    """
    found = find(note, asked.block, asked.user_text, asked.position)
    torn = _Torn.of(asked.block, found, note)
    pieces = [piece for piece in typed(note, found, asked.user_text, asked.position) if not torn.left(piece)]
    said = _said([piece for piece in pieces if piece.place in _FREE_PLACES or not near])
    answer = said[0][1] if said and all(other == said[0][1] for _, other in said) else None
    if answer and answer.kind not in OFFERED[asked.kind]:
        answer = None
    word = _word(asked, answer)
    free = [piece for piece in _free_text(pieces) if piece.text not in asked.block.split("\n")]  # once more
    ours = found.spans if found else ()
    words = [(piece.start, piece.stop) for piece, _ in said] if answer else []
    block = spans_without(note, ours, (), asked.user_text)
    reading = Reading(
        ending=_ending(found, answer, word, free, edited),
        word=word,
        cut=spans_without(note, ours, words, asked.user_text) if words else block,
        block=block,
        standing=found is not None,
        delay=answer.delay if answer else None,
        suggestion=" / ".join(piece.text for piece in free),
    )
    return reading, frozenset(other for _, other in said)


def moved(asked: Asked, href: str, note: str) -> Asked:
    """The question on another card of its contact.

    Beside the owner's text as it was it is read as on any card.  Else ours is there the question, whole, and the line
    below it, and nothing is an answer yet.
    """
    stands = find(note, asked.block, asked.user_text, asked.position)
    if stands and stands.whole and _is_unbroken(stands, note):
        left = iter(words_of(without(note, stands.spans)))
        if all(word in left for word in words_of(asked.user_text)):
            return replace(asked, href=href)
    question, *below = asked.block.split("\n")
    stands = find(note, asked.block, "", asked.position)
    whole = [line for line in stands.ours if _is(note, line, question, *below)] if stands else []
    ours = [piece for line in whole for piece in line] if whole and _is(note, whole[0], question) else []
    return replace(asked, href=href, user_text=without(note, spans_without(note, ours, (), "")))


def _is(note: str, line: Sequence[tuple[int, int]], *texts: str) -> bool:
    """Whether it is in one piece, and one of the texts to the letter."""
    return len(line) == 1 and letters(note[line[0][0] : line[0][1]]) in map(letters, texts)


def known(found: Recognised, note: str, blocks: Sequence[str], edited: Sequence[str] = ()) -> Recognised:
    """What stands in the note by its shape, as the last of the ``blocks`` that we wrote if all of that is there.

    By its shape alone, what the owner typed into a value cannot be told from the value; of the blocks ``edited`` it
    can: something was typed into their values.
    """
    for block in reversed(blocks):
        stands = find(note, block, "", found.position)
        if stands and _is_all_of(block, stands, note):
            left = without(note, spans_without(note, stands.spans, (), ""))
            return replace(found, text=block, user_text=left)
    for block in reversed(edited):
        stands = find(note, block, "", found.position)
        if stands and stands.whole and _is_unbroken(stands, note):
            left = without(note, spans_without(note, stands.spans, (), ""))
            return replace(found, text=block, user_text=left)
    return found


def _is_all_of(block: str, found: Found, note: str) -> bool:
    """Whether all words are there."""
    words = "".join(note[start:stop] for start, stop in found.spans)
    return _is_unbroken(found, note) and letters(words) == letters(block)


def _is_unbroken(found: Found, note: str) -> bool:
    """Whether each line of ours is on one line: a label that stands above may be of the owner's own."""
    return not any("\n" in note[line[0][0] : line[-1][1]] for line in found.ours)


def still_answers(ended: Ending | None, said: Ending | None) -> bool:
    """Whether what a note says counts, where an ending was stored a moment ago: if nobody had said anything then.

    A block that is gone says nothing then: it may be we who took it out.
    """
    return ended is None or (ended in UNSAID and said not in {None, Ending.DISMISSED, *UNSAID})


def heard(reading: Reading, ending: Ending) -> bool:
    """Whether the word in the note was an answer to the question that ended so; one that was none stays."""
    return ending is reading.word or (ending is Ending.EDITED and reading.word in _SAID_BY_AN_EDIT)


@dataclass(frozen=True, slots=True)
class _Torn:
    """What somebody's typing left of lines of ours: words that are not where ours were found, though some are.

    Such a word alone on a line is no answer: ``si`` of ``sin``, or the ``ok`` of our own last line.
    """

    note: str
    ours: Sequence[str] = ()
    first: int = 0  # how many of them are the first line's, where anything stands at all
    missing: frozenset[int] = frozenset()

    @classmethod
    def of(cls, block: str, found: Found | None, note: str) -> "_Torn":
        spans = found.spans if found else ()
        there = [token.text for start, stop in spans for token in tokens_of(note[start:stop])]
        ours = [token.text for token in tokens_of(block)]
        first = len(tokens_of(block.split("\n", maxsplit=1)[0])) if found else 0
        return cls(note, ours, first, frozenset(range(len(ours))) - {i for i, _ in common(ours, there)})

    def left(self, piece: Typed) -> bool:
        """Whether the text may be what is left of ours there."""
        part = plain(piece.text).strip(AROUND)
        words = [self.ours[i] for i in sorted(self.missing)]
        if not self.first:  # one deletion leaves the beginning or the end of it all
            words = [self.ours[0], self.ours[-1]]
        if any(part != word and len(word) > 1 and (word.startswith(part) or word.endswith(part)) for word in words):
            return True
        if part not in words and any(_is_seam(part, words, at) for at in range(1, len(part))):
            return True
        size = len(typed_words := [token.text for token in tokens_of(piece.text)])
        places = [i for i in self.missing if self.ours[i : i + size] == typed_words]
        signs = size > 1 and not all(word.isalnum() for word in typed_words)  # nobody types a slash of ours
        torn = piece.place in {Place.SUFFIX, Place.WITHIN} and any(i < self.first for i in self.missing)
        return any(signs or torn or self._goes_on(piece, i, i + size) for i in places)

    def _goes_on(self, piece: Typed, first: int, last: int) -> bool:
        """Whether our next two words follow soon, or those before stand before."""
        near = 100  # characters
        behind = [token.text for token in tokens_of(self.note[piece.stop : piece.stop + near])]
        before = [token.text for token in tokens_of(self.note[max(0, piece.start - near) : piece.start])]
        return _has(behind, self.ours[last : last + 2]) or _has(before, self.ours[max(0, first - 2) : first])


def _is_seam(text: str, words: Sequence[str], at: int) -> bool:
    """Whether the text is the beginning of one word, up to ``at``, and the end of it or of a later one."""
    first = next((i for i, word in enumerate(words) if word.startswith(text[:at])), None)
    return first is not None and any(word.endswith(text[at:]) for word in words[first:])


def _has(words: Sequence[str], pair: Sequence[str]) -> bool:
    return len(pair) == 2 and any(tuple(pair) == two for two in pairwise(words))


def _said(pieces: Sequence[Typed]) -> list[tuple[Typed, Answer]]:
    """What is nothing but an answer word, with its meaning; two that differ are no answer."""
    parsed = [(piece, parse_answer(piece.text)) for piece in pieces if piece.place is not Place.WITHIN]
    return [(piece, answer) for piece, answer in parsed if answer]


def _free_text(pieces: Sequence[Typed]) -> tuple[Typed, ...]:
    """Texts in the block that are no answer words; a word that was not offered is neither."""
    return tuple(
        piece
        for piece in pieces
        if piece.place in _FREE_PLACES
        and not parse_answer(piece.text)
        and sum(c.isalnum() for c in piece.text) >= _LETTERS
    )


def _word(asked: Asked, answer: Answer | None) -> Ending | None:
    """What the answer word alone says; an ok to a question that names nothing of the card confirms nothing."""
    if answer and answer.kind is AnswerKind.OK and not asked.fields:
        return Ending.WITHDRAWN
    return _ENDINGS[answer.kind] if answer else None


def _ending(
    found: Found | None,
    answer: Answer | None,
    word: Ending | None,
    free: Sequence[Typed],
    edited: frozenset[WorkField],
) -> Ending | None:
    """A word tells more than an edit, but for those that a new organisation answers and ``later``."""
    if answer and answer.kind is AnswerKind.LEFT and WorkField.ORGANISATION in edited:
        return Ending.EDITED
    if edited and (answer is None or answer.kind is AnswerKind.LATER):
        return Ending.EDITED
    if word:
        return word
    if free:
        return Ending.NOTED
    return None if found and found.whole else Ending.DISMISSED
