"""What of a kept version goes back onto the server: a question that is done with does not come again."""

from typing import Any

from cardsync.annotate.place import note_with
from cardsync.annotate.read import Reading, heard, read
from cardsync.errors import CardRefused
from cardsync.mirror import Mirror
from cardsync.mirror.database import moment
from cardsync.records import UNSAID, Asked
from cardsync.vcard.note import cut


def put_back(mirror: Mirror, contact_id: int, version: dict[str, Any], *, in_list: bool) -> bytes:
    """The version's bytes, in which the question that stood then is open again, or is cut out.

    It is cut where it was answered with a word, and the word with it: a pull would take both for the owner's own text
    or for a new question, and nobody would ever take the word out.  It is cut, too, where it was answered in any other
    way since, or had its time, and where the contact is in no list any more, for nobody would read an answer.  All
    that the question's own record does not tell to be ours, or an answer to it, goes back as it was.
    """
    data: bytes = version["data"]
    try:
        asked = _stood(mirror, contact_id, version)
    except CardRefused:
        return data
    if asked is None:
        return data
    note = note_with(asked, data)
    edited = mirror.contacts.edited_between(contact_id, asked.asked_at, moment(version["at"]))
    reading = read(note.asked, note.text, edited)
    if reading.standing and _answered(asked, reading):
        return cut(data, reading.cut, nth=note.nth)
    over = not in_list or mirror.questions.answered_since(contact_id, asked.asked_at)
    return cut(data, reading.block, nth=note.nth) if reading.standing and over else data


def _stood(mirror: Mirror, contact_id: int, version: dict[str, Any]) -> Asked | None:
    """The question on the card when the version was kept.

    The last one asked before, if it had not ended then; else one that is there to the letter: the owner had put back
    what once stood there.
    """
    at = moment(version["at"])
    asked = [each for each in mirror.questions.of(contact_id) if each.asked_at < at]
    if not asked or asked[-1].href not in {"", version["href"]}:
        return None
    last = asked[-1]
    if last.ended_at is None or last.ended_at >= at:
        return last
    return next((each for each in reversed(asked) if note_with(each, version["data"]).to_the_letter), None)


def _answered(asked: Asked, reading: Reading) -> bool:
    """Whether a word was typed that answered the question, or would have: the cycle cuts the same out."""
    told = asked.ending is None or asked.ending in UNSAID or heard(reading, asked.ending)
    return reading.cut != reading.block and told
