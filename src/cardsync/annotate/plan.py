"""What to do about one card: read the answer to an open question, or ask.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from cardsync.annotate.answers import OFFERED, Answer, AnswerKind, parse_answer
from cardsync.annotate.block import Found, find
from cardsync.annotate.normal import plain, words_of
from cardsync.annotate.recognise import Recognised
from cardsync.annotate.removal import spans_without, without
from cardsync.annotate.typed import Place, Typed, typed
from cardsync.model import Contact, Question, QuestionKind, WorkField
from cardsync.policy import ReminderPolicy
from cardsync.records import UNSAID, Asked, Ending, Pause, Standing

_ENDINGS = {
    AnswerKind.OK: Ending.CONFIRMED,
    AnswerKind.LEFT: Ending.LEFT,
    AnswerKind.LATER: Ending.SNOOZED,
    AnswerKind.NEVER: Ending.NEVER,
    AnswerKind.RETIRED: Ending.RETIRED,
}
_SAID_BY_AN_EDIT = frozenset({Ending.CONFIRMED, Ending.SNOOZED, Ending.LEFT})
_FREE_PLACES = frozenset({Place.LINE, Place.SUFFIX, Place.WITHIN, Place.BELOW})
_DOUBLINGS = 6  # of the wait after a dismissal: 90 days to 16 years
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
    """The answer in ``note`` to a question; ``edited``: work fields that the user changed since we asked."""
    found = find(note, asked.block, asked.user_text, asked.position)
    pieces = typed(note, found, asked.user_text, asked.position)
    said = _said(pieces)
    answer = said[0][1] if said and all(other == said[0][1] for _, other in said) else None
    if answer and answer.kind not in OFFERED[asked.kind]:
        answer = None
    free = _free_text(pieces)
    ours = found.spans if found else ()
    words = [(piece.start, piece.stop) for piece, _ in said] if answer else []
    block = spans_without(note, ours, (), asked.user_text)
    return Reading(
        ending=_ending(found, answer, free, edited),
        word=_ENDINGS[answer.kind] if answer else None,
        cut=spans_without(note, ours, words, asked.user_text) if words else block,
        block=block,
        standing=found is not None,
        delay=answer.delay if answer else None,
        suggestion=" / ".join(piece.text for piece in free),
    )


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
    return len(line) == 1 and _letters(note[line[0][0] : line[0][1]]) in map(_letters, texts)


def known(found: Recognised, note: str, blocks: Sequence[str]) -> Recognised:
    """What stands in the note by its shape, as the last of the ``blocks`` that we wrote if all of that is there.

    By its shape alone, what the owner typed into a value cannot be told from the value.
    """
    for block in reversed(blocks):
        stands = find(note, block, "", found.position)
        if stands and _is_all_of(block, stands, note):
            left = without(note, spans_without(note, stands.spans, (), ""))
            return replace(found, text=block, user_text=left)
    return found


def _is_all_of(block: str, found: Found, note: str) -> bool:
    """Whether all words are there."""
    words = "".join(note[start:stop] for start, stop in found.spans)
    return _is_unbroken(found, note) and _letters(words) == _letters(block)


def _is_unbroken(found: Found, note: str) -> bool:
    """Whether each line of ours is on one line: a label that stands above may be of the owner's own."""
    return not any("\n" in note[line[0][0] : line[-1][1]] for line in found.ours)


def _letters(text: str) -> str:
    return "".join(plain(text).split())


def still_answers(ended: Ending | None, said: Ending | None) -> bool:
    """Whether what a note says counts, where an ending was stored a moment ago: if nobody had said anything then.

    A block that is gone says nothing then: it may be we who took it out.
    """
    return ended is None or (ended in UNSAID and said not in {None, Ending.DISMISSED})


def heard(reading: Reading, ending: Ending) -> bool:
    """Whether the word in the note was an answer to the question that ended so; one that was none stays."""
    return ending is reading.word or (ending is Ending.EDITED and reading.word in _SAID_BY_AN_EDIT)


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


def _ending(
    found: Found | None, answer: Answer | None, free: Sequence[Typed], edited: frozenset[WorkField]
) -> Ending | None:
    """A word tells more than an edit, but for those that a new organisation answers and ``later``."""
    if answer and answer.kind is AnswerKind.LEFT and WorkField.ORGANISATION in edited:
        return Ending.EDITED
    if edited and (answer is None or answer.kind is AnswerKind.LATER):
        return Ending.EDITED
    if answer:
        return _ENDINGS[answer.kind]
    if free:
        return Ending.NOTED
    return None if found and found.whole else Ending.DISMISSED


# ---------------------------------------------------------------- when to ask


def may_ask(standing: Standing, kind: QuestionKind, policy: ReminderPolicy, now: datetime) -> bool:
    """Whether pauses, snoozes and ``ask_again_after`` let a question of this kind be asked today."""
    if standing.pause or (standing.not_before and now < standing.not_before):
        return False
    ended = standing.ended.get(kind)
    return ended is None or now >= ended + policy.ask_again_after


def quiet(contact: Contact, changed_at: datetime | None, policy: ReminderPolicy, now: datetime) -> bool:
    """Whether the card changed so lately that the phone may hold an edit which is not yet here."""
    moments = [moment for moment in (changed_at, contact.revised) if moment]
    return any(abs(now - moment) < policy.quiet_after_edit for moment in moments)  # a phone's clock may be ahead


def precedence(kind: QuestionKind, score: float, contact_id: int) -> tuple[int, float, int]:
    """Sort key of the contacts to ask about.

    Half-updated cards, then those known to be wrong, then by weight x P(stale) x gain, then as first seen.
    """
    known = (QuestionKind.HALF_UPDATED, QuestionKind.FOLLOW_UP)
    return known.index(kind) if kind in known else len(known), -score, contact_id


def within_hours(policy: ReminderPolicy, zone: tzinfo, now: datetime) -> bool:
    """Whether ``reminders.hours`` lets a question be written now; hours may run over midnight."""
    if policy.hours is None:
        return True
    start, stop = policy.hours
    hour = now.astimezone(zone).hour
    return start <= hour < stop if start < stop else hour >= start or hour < stop


def budget(asked: Sequence[datetime], standing: int, policy: ReminderPolicy, zone: tzinfo, now: datetime) -> int:
    """How many new questions may be written now; ``asked`` are those of the last seven days."""
    today = now.astimezone(zone).date()
    day = sum(moment.astimezone(zone).date() == today for moment in asked)
    week = sum(now - moment < timedelta(days=7) for moment in asked)
    return max(0, min(policy.max_new_per_day - day, policy.max_new_per_week - week, policy.max_open - standing))


def follow_up(contact: Contact, organisation: str, score: float) -> Question:
    """Where is Jo now: the question after the owner said that the person left ``organisation`` ('' if unknown)."""
    return Question(
        kind=QuestionKind.FOLLOW_UP,
        fields=(WorkField.ORGANISATION,),
        slots={"organisation": organisation, "given_name": contact.given_name or contact.name},
        score=score,
        reason="you said that the contact left; the card still names the old organisation",
    )


def after(
    asked: Asked,
    ending: Ending,
    standing: Standing,
    policy: ReminderPolicy,
    now: datetime,
    *,
    delay: timedelta | None = None,
) -> Standing:
    """How a contact stands once its question ended so (``Standing.ended`` follows from the questions kept)."""
    if standing.left_at and asked.kind is QuestionKind.FOLLOW_UP and ending in {Ending.EDITED, Ending.EXPIRED}:
        since = asked.asked_at if ending is Ending.EXPIRED else now
        return replace(standing, not_before=since + policy.ask_again_after)  # the card still names the old company
    match ending:
        case Ending.NEVER | Ending.RETIRED:
            return replace(standing, pause=Pause(ending.value))
        case Ending.SNOOZED:
            return replace(standing, not_before=now + (delay or policy.snooze))
        case Ending.DISMISSED:
            wait = policy.ask_again_after * 2 ** min(standing.dismissals, _DOUBLINGS)
            return replace(standing, not_before=now + wait, dismissals=standing.dismissals + 1)
        case Ending.NOTED:
            return replace(standing, not_before=now + policy.ask_again_after)
        case Ending.LEFT:
            return replace(standing, left_at=now)
        case Ending.CONFIRMED:
            return replace(standing, left_at=None, dismissals=0)
        case Ending.EDITED:
            return replace(standing, dismissals=0)
        case Ending.EXPIRED | Ending.WITHDRAWN:
            return standing
