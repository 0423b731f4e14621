"""Blocks of ours that no question stands for: the database was lost, or somebody put a card back as it once was."""

from datetime import datetime

from cardsync.annotate import read
from cardsync.annotate.fits import fields_of
from cardsync.annotate.instead import typed_into
from cardsync.annotate.recognise import recognise
from cardsync.mirror import Mirror
from cardsync.policy import ReminderPolicy
from cardsync.records import VipCard
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from cardsync.vcard.note import note_texts


def adopt(
    mirror: Mirror, policy: ReminderPolicy, card: VipCard, data: bytes, now: datetime, *, since: datetime | None = None
) -> bool:
    """Take over the block on a card, if there is one and nobody knows it; nothing in it is an answer yet.

    What was edited after ``since`` (else from now on) answers it.
    """
    asked = mirror.questions.of(card.contact_id)
    if mirror.journal.unsettled(card.book_id, card.href) or any(each.standing for each in asked):
        return False
    notes = note_texts(scan(data))
    blocks = [recognise(note, policy.labels, policy.texts) for note in notes]
    nth, found = next(((nth, block) for nth, block in enumerate(blocks) if block), (0, None))
    if found is None:
        mirror.books.set_searched(card.book_id, card.href)
        return False
    sent = [note for data in mirror.journal.astray(card.contact_id) for note in note_texts(scan(data))]
    astray = [shape for note in sent if (shape := recognise(note, policy.labels, policy.texts))]
    written = [*(each.block for each in asked), *(shape.text for shape in astray)]
    edited = [block for block in written if typed_into(block, found, policy.labels, policy.texts)]
    found = read.known(found, notes[nth], written, edited)
    before = next((shape.user_text for shape in reversed(astray) if shape.text == found.text), found.user_text)
    contact = contact_of(scan(data))
    whole = recognise(found.text, policy.labels, policy.texts) or found
    mirror.contacts.become(card.contact_id, contact, card.href, work_keys(contact), now)
    mirror.books.store_data(card.book_id, card.href, data, seen=True)
    mirror.questions.adopt(
        card.contact_id,
        found.kind,
        fields_of(whole, contact),
        href=card.href,
        block=found.text,
        user_text=before,  # what was typed since then answers
        beside=[*notes[:nth], *notes[nth + 1 :]],
        position=found.position,
        now=since or now,
    )
    mirror.contacts.record(card.contact_id, now, "question found on the card", new=found.text)
    return True
