"""What stands on the server after a PUT, held against what we sent.  Pure."""

import re
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from operator import itemgetter

from cardsync.errors import CardRefused
from cardsync.records import Intent
from cardsync.resources import AddressObject, PutAnswer, PutResult
from cardsync.vcard.compare import differences
from cardsync.vcard.document import Document, scan
from cardsync.vcard.note import note_text

_Line = tuple[str, frozenset[str]]


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

    A PUT that was turned down did no damage.  Damage is certain where the PUT's ETag is the GET's: nobody wrote in
    between.  Without that proof an edit is given the benefit of the doubt, unless all that happened is that
    something got lost.
    """
    turned_down = answer.result in TURNED_DOWN
    untouched = got.data == intent.before != intent.after
    try:
        sent, now = scan(intent.after), scan(got.data)
    except CardRefused:
        verdict = Verdict.NOT_WRITTEN if turned_down or untouched else Verdict.DAMAGED
        return Finding(verdict=verdict, differences=("the whole card",))
    changed = _changed(sent, now)
    if not changed and not (untouched and turned_down):  # a server may spell what was sent as what stood there
        return Finding(verdict=Verdict.VERIFIED)
    before = scan(intent.before)
    if not _changed(before, now):
        deleted = answer.result is PutResult.STORED and _touched(before, now)  # by another client, after us
        return Finding(verdict=Verdict.EDITED if deleted else Verdict.NOT_WRITTEN)
    damaged = not turned_down and _is_damage(before, sent, now, _same_write(intent, got, answer), answer)
    return Finding(verdict=Verdict.DAMAGED if damaged else Verdict.EDITED, differences=changed)


def _is_damage(before: Document, sent: Document, now: Document, proof: bool | None, answer: PutAnswer) -> bool:
    if proof is not None:
        return proof
    ours_came = answer.result is PutResult.STORED or _notes(before) != _notes(now)
    return ours_came and (not _touched(sent, now) or _note_cut(sent, now)) and _only_less(sent, now)


TURNED_DOWN = frozenset({PutResult.CONFLICT, PutResult.GONE, PutResult.REFUSED})


def _same_write(intent: Intent, got: AddressObject, answer: PutAnswer) -> bool | None:
    """Whether what we got is what the PUT stored, by its ETag; None: the ETags do not tell."""
    if answer.result is not PutResult.STORED or not answer.etag or not got.etag:
        return None
    if _opaque(answer.etag) != _opaque(got.etag):
        return False
    return None if _opaque(got.etag) == _opaque(intent.etag) else True


def _opaque(etag: str) -> str:
    """The ETag as such: proxies make it weak or mark it with the encoding (RFC 9110, section 8.8.3)."""
    return etag.strip().removeprefix("W/").strip('"').removesuffix("-gzip")


def _changed(expected: Document, now: Document) -> tuple[str, ...]:
    """Names of all that differs; NOTE is compared to the letter."""
    others = differences(expected, now, ignore=frozenset({"REV", "PRODID", "NOTE"}))
    return others if _notes(expected) == _notes(now) else ("NOTE", *others)


def _notes(document: Document) -> list[str]:
    return [line.text() for line in document.all("NOTE")]


def _touched(sent: Document, now: Document) -> bool:
    """A client that edits sets PRODID or REV anew; a server that stores may add REV or spell it in another way."""
    if sent.text("PRODID") != now.text("PRODID"):
        return True
    before, after = (_DIGITS.sub("", document.text("REV"))[:14] for document in (sent, now))
    return bool(before and after and before != after)


_DIGITS = re.compile(r"\D")


def _note_cut(sent: Document, now: Document) -> bool:
    """Whether the note ends early on a card that no other program took in hand: a server may set REV anew as well."""
    whole, rest = note_text(sent), note_text(now)
    return sent.text("PRODID") == now.text("PRODID") and rest not in {"", whole} and whole.startswith(rest)


def _only_less(sent: Document, now: Document) -> bool:
    """Whether the card is as sent but for a note cut short, properties that are smaller or gone, or its end."""
    if now.fault and not sent.fault:
        return True
    others = differences(sent, now, ignore=frozenset({"REV", "PRODID", "NOTE"}))
    names = {other.rpartition(" ")[2] for other in others}
    before, after = _by_name(sent, names), _by_name(now, names)
    return note_text(sent).startswith(note_text(now)) and all(_is_less(before[name], after[name]) for name in names)


def _by_name(document: Document, names: Collection[str]) -> dict[str, list[_Line]]:
    """The text and the types of all lines of these names."""
    found: dict[str, list[_Line]] = {name: [] for name in names}
    for line in document.lines:
        if line.name in names:
            found[line.name].append((line.text(), line.types))
    return found


def _is_less(before: list[_Line], after: list[_Line]) -> bool:
    """Whether nothing of a property is new: what there is of it is the beginning of what was sent."""
    kept = frozenset(before)
    whole = sorted(before, key=itemgetter(0))
    texts = [text for text, _ in whole]
    return len(after) <= len(before) and all(line in kept or _begins_one(line, whole, texts) for line in after)


def _begins_one(line: _Line, whole: list[_Line], texts: list[str]) -> bool:
    """Whether one of the lines, which are in the order of their texts, begins with this one."""
    text, types = line
    for other, others in islice(whole, bisect_left(texts, text), None):
        if not other.startswith(text):
            return False
        if types <= others:
            return True
    return False
