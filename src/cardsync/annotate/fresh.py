"""What a card tells that was fetched a moment before a write."""

from datetime import datetime

from cardsync.mirror import Mirror
from cardsync.records import Book, VipCard
from cardsync.resources import AddressObject
from cardsync.vcard.compare import same_card
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan


def take_note(mirror: Mirror, book: Book, card: VipCard, fresh: AddressObject, now: datetime) -> None:
    """A fresh card that differs from the mirror's is a user's edit that the pull has not seen."""
    known = mirror.books.data(book.id, card.href) or b""
    contact = contact_of(scan(fresh.data))  # what is kept can be read
    converted = book.found.may_convert and fresh.etag == card.etag  # the pull saw it in another version
    with mirror.transaction():
        if not converted and not same_card(fresh.data, known):
            mirror.contacts.observe(book.id, contact, card.uid_key, card.href, work_keys(contact), now)
        mirror.books.set_etag(book.id, card.href, fresh.etag)
        mirror.books.store_data(book.id, card.href, fresh.data, seen=True)
