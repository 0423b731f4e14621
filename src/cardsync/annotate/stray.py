"""Whether a card that nobody works with holds a question of ours: a copy of another card does.  Pure."""

import re

from cardsync.annotate.normal import plain
from cardsync.annotate.recognise import recognise
from cardsync.errors import CardRefused
from cardsync.policy import ReminderPolicy
from cardsync.vcard.document import scan
from cardsync.vcard.lines import line_stop, unfold
from cardsync.vcard.note import note_texts

_NOTE = re.compile(rb"^(?:[A-Za-z0-9-]+\.)?NOTE[;:]", re.IGNORECASE | re.MULTILINE)


def holds_block(data: bytes, policy: ReminderPolicy) -> bool:
    """By the shape of a whole block; quick where no note has our label, for every card of a book is looked at."""
    labels = [plain(label) for label in policy.labels]
    lines = (unfold(data[at.start() : line_stop(data, at.start())]) for at in _NOTE.finditer(data))
    notes = (plain(line.decode("utf-8", "replace")) for line in lines)
    if not any(label in note for note in notes for label in labels):
        return False
    try:
        return any(recognise(text, policy.labels, policy.texts) for text in note_texts(scan(data)))
    except CardRefused:
        return False
