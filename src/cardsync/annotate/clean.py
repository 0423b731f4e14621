"""Every block of ours out of one card, known to the database or not.  Pure."""

from collections.abc import Mapping, Sequence

from cardsync.annotate.block import find
from cardsync.annotate.instead import stands_instead
from cardsync.annotate.recognise import recognise
from cardsync.annotate.removal import spans_without
from cardsync.records import Written
from cardsync.vcard.document import scan
from cardsync.vcard.note import cut, note_texts


def cleaned(data: bytes, written: Sequence[Written], labels: Sequence[str], texts: Mapping[str, str]) -> bytes:
    """The card without any block; ``written`` are those that we wrote on it, newest first.  Raises ``CardRefused``.

    There may be several: a server or another client may have put two versions of a note, or two cards, together.
    """
    ours = list(written)
    while (less := _without_one(data, ours, labels, texts)) != data:
        data, notes = less, note_texts(scan(less))
        ours = [each for each in ours if any(map(each.is_in, notes))]  # what is only like one of them is the owner's
    return data


def _without_one(data: bytes, written: Sequence[Written], labels: Sequence[str], texts: Mapping[str, str]) -> bytes:
    for nth, note in enumerate(note_texts(scan(data))):
        one = _one_in(note, written, labels, texts)
        stands = find(note, one.block, one.user_text, one.position) if one else None
        if one and stands and stands.whole:
            return cut(data, spans_without(note, stands.spans, (), one.user_text), nth=nth)
    return data


def _one_in(note: str, written: Sequence[Written], labels: Sequence[str], texts: Mapping[str, str]) -> Written | None:
    """A block that stands there: one of ours to the letter, else the open one as the owner edited it, else any.

    What is only like one that went long ago is the owner's.
    """
    for each in written:
        if each.is_in(note):
            return each
    known = [each.block for each in written]
    for each in written:
        if each.standing and not stands_instead(each, note, labels, texts, known):
            stands = find(note, each.block, each.user_text, each.position)
            if stands and stands.whole:
                return each
    shape = recognise(note, labels, texts)
    return Written(block=shape.text, user_text=shape.user_text, position=shape.position) if shape else None


def looks_like_ours(data: bytes, labels: Sequence[str]) -> bool:
    """Whether one of our labels is in the bytes of a card that cannot be read."""
    text = data.replace(b"\r\n", b"\n").replace(b"\n ", b"").decode("utf-8", "replace").casefold()
    return any(f"{label.casefold()}:" in text for label in labels)
