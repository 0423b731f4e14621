"""Which NOTE of a card a question stands in: another client may have put its own before it, or joined them.  Pure."""

from dataclasses import dataclass, replace

from cardsync.annotate.block import find
from cardsync.annotate.normal import letters
from cardsync.records import Asked
from cardsync.vcard.document import scan
from cardsync.vcard.note import note_texts


@dataclass(frozen=True, slots=True)
class Note:
    """The ``nth`` NOTE of a card; '' where it has none."""

    text: str
    nth: int = 0


def note_with(asked: Asked, data: bytes) -> Note:
    """The NOTE that holds the question, the first one if none does.  Raises CardRefused for what is no card.

    In one that stood there before we asked, or that has our label since then, nothing but the whole question is ours.
    """
    notes = [Note(text, nth) for nth, text in enumerate(note_texts(scan(data)))]
    if len(notes) > 1:
        before = (asked.user_text, *asked.beside)
        most = max(text.count(asked.block) for text in before)
        whole = (note for note in notes if note.text.count(asked.block) > most)
        edited = (note for note in notes if note.text not in asked.beside and _stands(asked, note.text))
        return next(whole, None) or next(edited, notes[0])
    return notes[0] if notes else Note("")


def _stands(asked: Asked, text: str) -> bool:
    label = asked.block.partition(":")[0]
    if any(label in old for old in asked.beside):  # it may be that text, edited
        return False
    found = find(text, asked.block, asked.user_text, asked.position)
    return found is not None and found.whole


def joined(asked: Asked, note: str) -> Asked:
    """The question beside all that was the owner's: other notes of the card may have been joined with its own."""
    users, rest = asked.user_text, note.replace(asked.block, "", 1)
    own = {letters(line) for line in users.splitlines()}
    there = {letters(line) for line in rest.splitlines()} - own
    for text in filter(str.strip, asked.beside):
        if text.strip() in rest or there & {letters(line) for line in text.splitlines()}:
            first = rest.rfind(text.strip()) < rest.find(asked.user_text.strip())
            users = "\n".join(filter(None, (text, users) if first else (users, text)))
    return asked if users == asked.user_text else replace(asked, user_text=users)
