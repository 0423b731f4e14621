"""Which NOTE of a card a question stands in: another client may have put its own before it.  Pure."""

from dataclasses import dataclass

from cardsync.annotate.block import find
from cardsync.records import Asked
from cardsync.vcard.document import scan
from cardsync.vcard.note import note_texts


@dataclass(frozen=True, slots=True)
class Note:
    """The ``nth`` NOTE of a card; '' where it has none."""

    text: str
    nth: int = 0


def note_with(asked: Asked, data: bytes) -> Note:
    """The NOTE that holds the question, the first one if none does.  Raises CardRefused for what is no card."""
    notes = [Note(text, nth) for nth, text in enumerate(note_texts(scan(data)))]
    if len(notes) > 1:
        whole = (note for note in notes if note.text.count(asked.block) > asked.user_text.count(asked.block))
        edited = (note for note in notes if _stands(asked, note.text))
        return next(whole, None) or next(edited, notes[0])
    return notes[0] if notes else Note("")


def _stands(asked: Asked, text: str) -> bool:
    found = find(text, asked.block, asked.user_text, asked.position)
    return found is not None and found.whole
