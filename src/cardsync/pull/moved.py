"""Contacts whose account moved to another server go on there, by UID."""

from datetime import datetime

from cardsync.errors import CardRefused
from cardsync.mirror import Mirror
from cardsync.mirror.moves import Left
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan


def carry(mirror: Mirror, old: str, new: str, now: datetime) -> int:
    """All that are left behind by ``old`` and known to ``new``; returns how many.

    A work field that differs between the two servers' cards is an edit, of today, unless it was so before.
    """
    moved: set[tuple[int, str]] = set()
    with mirror.transaction():
        while left := mirror.moves.left(old, new):
            one_each = {(each.book_id, each.uid_key): each for each in left}  # two books may have known the same UID
            for each in one_each.values():
                mirror.moves.carry(each, now)
                _compare(mirror, each, now)
            moved |= one_each.keys()
    return len(moved)


def _compare(mirror: Mirror, left: Left, now: datetime) -> None:
    """As the pull does with a card whose bytes were not held; bad ones are left to that.

    Where none are held the next cycle reads the card: a question may stand on it.
    """
    data = mirror.books.data(left.book_id, left.href)
    if data is None:
        mirror.books.set_etag(left.book_id, left.href, None)
        mirror.books.list_again(left.book_id)
        return
    try:
        contact = contact_of(scan(data))
        keys = work_keys(contact)
    except CardRefused:
        return
    fields = mirror.contacts.memory(left.contact_id).fields
    if any(values and values == fields[which].previous for which, values in contact.work.items() if which in fields):
        mirror.contacts.restored(left.contact_id, contact, left.href, keys, now)  # the import was older than the edit
    else:
        mirror.contacts.observe(left.book_id, contact, left.uid_key, left.href, keys, now, read_anew=True)
