"""Write down how a question ended: for the contact, for its fields, for its history."""

from datetime import datetime, timedelta

from cardsync.annotate.plan import after
from cardsync.mirror import Mirror
from cardsync.policy import ReminderPolicy
from cardsync.records import ANSWER, Asked, Ending, Standing


def conclude(
    mirror: Mirror,
    asked: Asked,
    ending: Ending,
    policy: ReminderPolicy,
    now: datetime,
    *,
    delay: timedelta | None = None,
    suggestion: str = "",
) -> None:
    """One transaction; the block itself is taken out by a write of its own."""
    with mirror.transaction():
        standing = mirror.standings.of(asked.contact_id)
        standing = after(asked, ending, standing, policy, now, delay=delay)
        mirror.standings.store(asked.contact_id, standing)
        if ending is Ending.CONFIRMED:
            mirror.contacts.validate(asked.contact_id, asked.fields, now, now, "confirmed")
        if suggestion:
            mirror.contacts.record(asked.contact_id, now, "suggestion", new=suggestion)
        record_answer(mirror, asked.contact_id, ending, standing, now, kind=asked.kind.value)
        mirror.questions.end(asked.id, ending, now)


def record_answer(
    mirror: Mirror, contact_id: int, ending: Ending, standing: Standing, now: datetime, *, kind: str = ""
) -> None:
    """The line of the history; of ``later`` it holds the day until which the contact is left alone."""
    until = standing.not_before if ending is Ending.SNOOZED else None
    new = f"{until:%Y-%m-%d}" if until else ""
    mirror.contacts.record(contact_id, now, f"{ANSWER}{ending.value}", old=kind, new=new)
