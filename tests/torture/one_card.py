"""What a cycle makes of one card between reading and writing it: assessed, asked about, and compared after the PUT."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from asking import BLOCK
from cardsync.annotate import verify
from cardsync.annotate.render import render
from cardsync.assess.judge import Judge
from cardsync.assess.stage import as_stored
from cardsync.errors import CardRefused
from cardsync.model import Contact, FieldMemory, Memory, WorkField
from cardsync.policy import STRATA, GroupPolicy, Position, ReminderPolicy
from cardsync.records import Intent
from cardsync.resources import AddressObject, PutAnswer, PutResult
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan
from cardsync.vcard.note import insert

if TYPE_CHECKING:
    from torture.fuzz import Cpu

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
_YEAR = timedelta(days=365)
_REMINDERS = ReminderPolicy(ask_missing=True)
_JUDGE = Judge(
    policies={"VIP": GroupPolicy(name="VIP", weight=1.0, stratum=STRATA["general"], ask_above=0.2)},
    reminders=_REMINDERS,
    assumed_age=2 * _YEAR,
    aliases=(("Meta", "Facebook"),),
    domains={"Acme": ("acme.example",)},
    now=NOW,
)


def assessed(data: bytes, cpu: "Cpu") -> int:
    """How many questions it is worth, as it was found and after its organisation changed; each is put into words."""
    contact = contact_of(scan(data))
    asked = 0
    for memory in _memories(contact):
        found, question = cpu.call(lambda memory=memory: _JUDGE(contact, memory, ("VIP",)))  # type: ignore[misc]
        assert 0 <= found.probability <= 1
        as_stored(found, question)
        if question:
            asked += 1
            block = cpu.call(lambda question=question: render(question, _REMINDERS, NOW.date()))  # type: ignore[misc]
            assert len(block) < 1000, "a question of the length of a card"
    return asked


def _memories(contact: Contact) -> Iterator[Memory]:
    """Seen lately; seen long ago; and as long ago, but with another organisation then."""
    yield _memory(contact, NOW)
    yield (before := _memory(contact, NOW - 9 * _YEAR))
    organisation = before.fields.get(WorkField.ORGANISATION)
    if organisation:
        former, at = organisation.values[0][::-1], NOW - _YEAR
        changed = replace(organisation, first_seen=at, changed_at=at, validated_at=at, previous=(former,))
        yield replace(before, changed_at=at, fields={**before.fields, WorkField.ORGANISATION: changed})


def _memory(contact: Contact, since: datetime) -> Memory:
    fields = {which: FieldMemory(values=values, first_seen=since) for which, values in contact.work.items()}
    return Memory(first_seen=since, fields=fields, unchanged_since=contact.revised if contact.bumps_rev else None)


def compared(data: bytes, cpu: "Cpu") -> None:
    """After a PUT: the server stored all, nothing, the first half, and all but properties that it does not know."""
    try:
        after = insert(data, BLOCK.replace("Acme", "Initech"), Position.TOP)
    except CardRefused:
        return
    intent = Intent(id=1, book_id=1, href="/b/c.vcf", contact_id=1, etag='"1"', before=data, after=after)
    lines = after.splitlines(keepends=True)
    known = b"".join(line for line in lines if not line.startswith((b"X-", b"TEL")))
    for served in (after, data, b"".join(lines[: len(lines) // 2]), known):
        got = AddressObject(href=intent.href, etag='"2"', data=served)
        finding = cpu.call(lambda got=got: verify.judge(intent, got, PutAnswer(result=PutResult.STORED)))  # type: ignore[misc]
        assert served != after or finding.verdict is verify.Verdict.VERIFIED, "what was sent is not taken for it"
