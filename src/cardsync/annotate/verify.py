"""What stands on the server after a PUT, held against what we sent.  Pure."""

from dataclasses import dataclass
from enum import StrEnum

from cardsync.errors import CardRefused
from cardsync.model import AddressObject, PutAnswer, PutResult
from cardsync.records import Intent
from cardsync.vcard.compare import differences
from cardsync.vcard.document import Document, scan
from cardsync.vcard.note import note_text


class Verdict(StrEnum):
    """Which of four stories the fresh card tells."""

    VERIFIED = "verified"  # what we sent, but for legal rewriting
    NOT_WRITTEN = "not written"  # what stood there before
    EDITED = "edited"  # another client wrote after us, or instead of us
    DAMAGED = "damaged"  # the server made something else of what we sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``differences``: names of what is not as sent, never values."""

    verdict: Verdict
    differences: tuple[str, ...] = ()


def judge(intent: Intent, got: AddressObject, answer: PutAnswer) -> Finding:
    """Tell our write from none, from a user's edit and from damage.

    Damage is certain where the PUT's ETag is the GET's: nobody wrote in between.  Without that proof an
    edit is given the benefit of the doubt, unless all that happened is that something got lost.
    """
    try:
        now = scan(got.data)
    except CardRefused:
        return Finding(verdict=Verdict.DAMAGED, differences=("the whole card",))
    sent, before = scan(intent.after), scan(intent.before)
    changed = _changed(sent, now)
    if not changed:
        return Finding(verdict=Verdict.VERIFIED)
    if not _changed(before, now):
        return Finding(verdict=Verdict.NOT_WRITTEN)
    if answer.result is PutResult.CONFLICT:
        return Finding(verdict=Verdict.EDITED, differences=changed)
    if answer.result is PutResult.STORED and answer.etag and answer.etag == got.etag:
        return Finding(verdict=Verdict.DAMAGED, differences=changed)
    if _touched(sent, now) or not _only_less(sent, now):
        return Finding(verdict=Verdict.EDITED, differences=changed)
    return Finding(verdict=Verdict.DAMAGED, differences=changed)


def _changed(expected: Document, now: Document) -> tuple[str, ...]:
    """Names of all that differs; NOTE is compared to the letter."""
    others = differences(expected, now, ignore=frozenset({"REV", "PRODID", "NOTE"}))
    return others if _notes(expected) == _notes(now) else ("NOTE", *others)


def _notes(document: Document) -> list[str]:
    return [line.text() for line in document.all("NOTE")]


def _touched(sent: Document, now: Document) -> bool:
    """A client that edits sets PRODID anew; a server that stores does not."""
    return sent.text("PRODID") != now.text("PRODID")


def _only_less(sent: Document, now: Document) -> bool:
    """Whether the card is as sent but for a note cut short, or properties that are smaller or gone."""
    lost = differences(sent, now, ignore=frozenset({"REV", "PRODID", "NOTE"}))
    return note_text(sent).startswith(note_text(now)) and all(_size(now, name) < _size(sent, name) for name in lost)


def _size(document: Document, name: str) -> int:
    return sum(1 + len(line.characters()) + len(line.types) for line in document.all(name))
