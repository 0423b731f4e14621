"""Write down how a question ended: for the contact, for its fields, for its history."""

from datetime import datetime, timedelta

from cardsync.annotate.plan import after
from cardsync.mirror import Mirror
from cardsync.policy import ReminderPolicy
from cardsync.records import Asked, Ending


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
        standing = mirror.contacts.standing(asked.contact_id)
        mirror.contacts.set_standing(asked.contact_id, after(asked, ending, standing, policy, now, delay=delay))
        if ending is Ending.CONFIRMED:
            mirror.contacts.validate(asked.contact_id, asked.fields, now, now, "confirmed")
        if suggestion:
            mirror.contacts.record(asked.contact_id, now, "suggestion", new=suggestion)
        mirror.contacts.record(asked.contact_id, now, f"answer: {ending.value}", old=asked.kind.value)
        mirror.questions.end(asked.id, ending, now)
