"""What stands on the server after a PUT, held against what we sent.  Pure."""

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from operator import itemgetter

from cardsync.errors import CardRefused
from cardsync.model import uid_key
from cardsync.records import Intent
from cardsync.resources import AddressObject, PutAnswer, PutResult, opaque
from cardsync.vcard.compare import differences
from cardsync.vcard.document import Document, scan
from cardsync.vcard.note import note_text

_Line = tuple[str, frozenset[str]]


class Verdict(StrEnum):
    """Which story the fresh card tells."""

    VERIFIED = "verified"  # what we sent, but for legal rewriting
    NOT_WRITTEN = "not written"  # what stood there before
    EDITED = "edited"  # another client wrote after us, or instead of us
    TAKEN_BACK = "taken back"  # another client wrote after us, and it is as it was before
    DAMAGED = "damaged"  # the server made something else of what we sent
    IN_DOUBT = "in doubt"  # less than we sent: damage, or another client's deletion


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``differences``: names of what is not as sent, never values."""

    verdict: Verdict
    differences: tuple[str, ...] = ()


def judge(intent: Intent, got: AddressObject, answer: PutAnswer) -> Finding:
    """Tell our write from none, from a user's edit and from damage.

    A PUT that was turned down did no damage.  Damage is certain where the PUT's ETag is the GET's: nobody wrote in
    between.  Without that proof an edit is given the benefit of the doubt, unless all that happened is that
    something got lost: that is damage where the GET followed at once on a PUT that was stored, and else in doubt.
    """
    untouched = got.data == intent.before != intent.after
    as_before = Verdict.TAKEN_BACK if _wrote_again(intent, got, answer) else Verdict.NOT_WRITTEN
    try:
        sent, now = scan(intent.after), scan(got.data)
    except CardRefused:
        other = Verdict.NOT_WRITTEN if answer.result in TURNED_DOWN else _less(intent, got, answer)
        verdict = as_before if untouched else other
        return Finding(verdict=verdict, differences=("the whole card",))
    changed = _changed(sent, now)
    if not changed and not (untouched and answer.result in TURNED_DOWN):  # a server may spell it as what stood there
        return Finding(verdict=Verdict.VERIFIED)
    if untouched:
        return Finding(verdict=as_before)
    uids = [uid_key(card.text("UID")) for card in (sent, now) if card.text("UID")]
    if len(set(uids)) == 2:  # no edit makes another contact
        return Finding(verdict=_another(intent, got, answer), differences=changed)
    before = scan(intent.before)
    if not _changed(before, now):
        deleted = answer.result is PutResult.STORED and _touched(before, now)  # by another client, after us
        return Finding(verdict=Verdict.TAKEN_BACK if deleted else as_before)
    return Finding(verdict=_other(intent, got, answer, sent, now), differences=changed)


def _other(intent: Intent, got: AddressObject, answer: PutAnswer, sent: Document, now: Document) -> Verdict:
    """Of a card that is neither what we sent nor what stood there before."""
    if answer.result in TURNED_DOWN:
        return Verdict.EDITED
    if _same_write(intent, got, answer) is None:
        ours_came = answer.result is PutResult.STORED or _notes(scan(intent.before)) != _notes(now)
        if not (ours_came and (not _touched(sent, now) or _note_cut(sent, now)) and _only_less(sent, now)):
            return Verdict.EDITED
    return _less(intent, got, answer)


def _another(intent: Intent, got: AddressObject, answer: PutAnswer) -> Verdict:
    """Of another contact under the card's address: the server's doing, or a client's that deleted and made one."""
    if answer.result in TURNED_DOWN:
        return Verdict.EDITED
    proof = _same_write(intent, got, answer)
    return Verdict.IN_DOUBT if proof is None else Verdict.DAMAGED if proof else Verdict.EDITED


def _less(intent: Intent, got: AddressObject, answer: PutAnswer) -> Verdict:
    """Of less than we sent: whose doing it is."""
    match _same_write(intent, got, answer):
        case True:
            return Verdict.DAMAGED
        case False:
            return Verdict.EDITED
        case None:
            return Verdict.DAMAGED if answer.result is PutResult.STORED else Verdict.IN_DOUBT


def _wrote_again(intent: Intent, got: AddressObject, answer: PutAnswer) -> bool:
    """Whether what stands there as before is another version: ours was there in between, if the PUT arrived at all."""
    if not intent.etag or not got.etag or opaque(got.etag) == opaque(intent.etag):
        return False
    if answer.result is PutResult.STORED:  # without an ETag of its own the server is likelier than a client so quick
        return _same_write(intent, got, answer) is False
    return answer.result is PutResult.UNKNOWN and _same_write(intent, got, answer) is not True


def in_words(differences: Sequence[str]) -> str:
    """``changed NOTE and ORG, lost TEL``, of what ``judge`` found."""
    named: dict[str, list[str]] = {}
    for difference in differences:
        verb, _, name = difference.partition(" ")
        if verb not in _VERBS:  # NOTE, the whole card, or a fault of its form
            verb, name = _VERBS[0], difference
        named.setdefault(verb, []).append(name)
    return ", ".join(f"{verb} {_all_of(names)}" for verb, names in named.items())


def _all_of(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


_VERBS = ("changed", "lost", "added")
TURNED_DOWN = frozenset({PutResult.CONFLICT, PutResult.GONE, PutResult.REFUSED})


def _same_write(intent: Intent, got: AddressObject, answer: PutAnswer) -> bool | None:
    """Whether what we got is what the PUT stored, by its ETag; None: the ETags do not tell."""
    if answer.result not in {PutResult.STORED, PutResult.UNKNOWN} or not answer.etag or not got.etag:
        return None
    if opaque(answer.etag) != opaque(got.etag):
        return False
    if COUNTER.fullmatch(opaque(got.etag)):
        return None
    return None if opaque(got.etag) == opaque(intent.etag) else True


COUNTER = re.compile(r"gcs\d{8}")
"""SOGo's ETags: they begin anew where a card is made again under its name, so that equal ones prove nothing."""


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
