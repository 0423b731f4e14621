"""Another whole block of ours where a question is open: from an older card, another state, another cardsync.  Pure."""

from collections.abc import Collection, Mapping, Sequence

from cardsync.annotate.block import find
from cardsync.annotate.normal import letters
from cardsync.annotate.recognise import Recognised, all_of, questions_in, recognise
from cardsync.records import Asked, Written

_TELLING = frozenset({"domain", "month", "day", "value", "address"})
"""Slots that the owner has no reason to edit."""


def stands_instead(
    asked: Asked | Written, note: str, labels: Sequence[str], texts: Mapping[str, str], written: Collection[str]
) -> bool:
    """Whether all that stands of ours in the note are other questions, whole, and not this one, edited.

    ``written`` are the blocks that we wrote into the book.  What was in the owner's text when we asked is the owner's.
    """
    if _is_there(asked, note):
        return False
    own = recognise(asked.block, labels, texts)
    if own is None:
        return False
    found = list(all_of(note, labels, texts))
    if len(found) <= questions_in(asked.user_text, labels, texts):  # perhaps one of these, edited
        return False
    now, before = letters(note), letters(asked.user_text)
    found = [each for each in found if not _is_the_owners(each, now, before)]
    known = {letters(block) for block in written}
    return bool(found) and all(_is_another(own, each, is_known=letters(each.text) in known) for each in found)


def typed_into(block: str, found: Recognised, labels: Sequence[str], texts: Mapping[str, str]) -> bool:
    """Whether what was recognised is the question of ``block`` with something typed into its values."""
    own = recognise(block, labels, texts)
    if own is None or own.template.hint != found.template.hint or own.kind is not found.kind:
        return False
    before, now = own.template.values(own.question), found.template.values(found.question)
    both = before.keys() & now.keys()
    return all(_is_within(before[slot], now[slot]) for slot in both) and any(before[slot] != now[slot] for slot in both)


def _is_there(asked: Asked | Written, note: str) -> bool:
    """Whether the question stands there to the letter, with whatever typed behind it."""
    question = asked.block.split("\n")[0]
    stands = find(note, asked.block, asked.user_text, asked.position)
    first = stands.ours[0] if stands and stands.whole else ()
    return len(first) == 1 and letters(note[slice(*first[0])]) == letters(question)


def _is_the_owners(found: Recognised, now: str, before: str) -> bool:
    """Whether its first line stands in the note no more often than in the owner's text."""
    question = letters(found.text.split("\n")[0])
    return 0 < now.count(question) <= before.count(question)


def _is_another(own: Recognised, found: Recognised, *, is_known: bool) -> bool:
    """Whether no edit makes the one of the other: another kind, language or remark, or other values throughout."""
    if own.template.hint != found.template.hint:
        return True
    if found.template.remark and own.template.remark != found.template.remark:
        return True
    before, now = own.template.values(own.question), found.template.values(found.question)
    replaced = {slot for slot in before.keys() & now.keys() if _is_replaced(before[slot], now[slot])}
    if len(replaced) < 2:
        return is_known and bool(replaced & _TELLING)
    return is_known or (replaced == before.keys() & now.keys() and bool(replaced & _TELLING))


def _is_replaced(before: str, now: str) -> bool:
    """Whether nothing was only typed into the value, or only cut out of it."""
    return not _is_within(before, now) and not _is_within(now, before)


def _is_within(part: str, whole: str) -> bool:
    """Whether the characters of the one stand in the other, in that order."""
    rest = iter(whole)
    return all(character in rest for character in part)
