"""Who is a VIP in one address book, as the mirror holds it; a sudden loss freezes the last known list."""

from collections.abc import Mapping
from dataclasses import dataclass

from cardsync.mirror import Mirror
from cardsync.model import Group
from cardsync.policy import GuardPolicy
from cardsync.pull import vip
from cardsync.records import Book
from cardsync.stream_safe import same_name
from cardsync.vcard.document import scan
from cardsync.vcard.groups import group_of
from cardsync.words import count

ACCEPTED = "accepted vips"
"""The fact of a book whose loss of VIPs the owner accepted."""
_LISTS, _WANTED = "lists", "wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The outcome: ``lost`` says why the new list was not taken over."""

    count: int
    lost: str | None = None


def resolve(mirror: Mirror, book: Book, wanted: tuple[str, ...], guards: GuardPolicy) -> Members:
    """Work out the VIPs anew and store them, unless too many went at once (``cardsync release`` accepts that)."""
    groups, cards = _groups(mirror, book), _cards(mirror, book)
    after = vip.vips(wanted, groups, cards, book.found.display_name)
    before = mirror.books.vips(book.id)
    loss = _loss(wanted, before, after, _vanished(mirror, book, wanted, groups), guards)
    if loss and not mirror.cycles.book_fact(book.id, ACCEPTED):
        return Members(count=len(before), lost=loss)
    with mirror.transaction():
        mirror.books.store_vips(book.id, after)
        mirror.cycles.set_book_fact(book.id, ACCEPTED, "")
        mirror.cycles.set_book_fact(book.id, _LISTS, "\n".join(sorted(_lists(book, groups))))
    return Members(count=len(after))


def existing_groups(mirror: Mirror, book: Book) -> tuple[str, ...]:
    """All names that a group of the config could have in this book."""
    return vip.existing(_groups(mirror, book), _cards(mirror, book), book.found.display_name)


def resolved(mirror: Mirror, book_id: int, wanted: tuple[str, ...]) -> bool:
    """Whether the VIPs that the mirror holds are those of the groups ``wanted``, as the last pull saw the book."""
    return mirror.cycles.book_fact(book_id, _WANTED) == "\n".join(wanted)


def set_resolved(mirror: Mirror, book_id: int, wanted: tuple[str, ...]) -> None:
    """They are, from now on; for no groups at all: they are to be worked out anew."""
    mirror.cycles.set_book_fact(book_id, _WANTED, "\n".join(wanted))


def _cards(mirror: Mirror, book: Book) -> list[vip.CardMembership]:
    """Each contact once: two cards with one UID say together what it is in."""
    categories: dict[str, tuple[str, ...]] = dict.fromkeys(mirror.books.uid_keys(book.id), ())
    for key, names in mirror.books.categories(book.id):
        if key in categories:  # else a group card's
            categories[key] += names
    return [vip.CardMembership(uid_key=key, categories=names) for key, names in categories.items()]


def _groups(mirror: Mirror, book: Book) -> list[Group]:
    found = (group_of(scan(data)) for data in mirror.books.group_data(book.id))
    return [group for group in found if group]


def _vanished(mirror: Mirror, book: Book, wanted: tuple[str, ...], groups: list[Group]) -> frozenset[str]:
    """The wanted lists that were a group card, or the book itself, at the last look and are neither now."""
    had = frozenset((mirror.cycles.book_fact(book.id, _LISTS) or "").split("\n"))
    return frozenset(name for name in wanted if same_name(name) in had - _lists(book, groups))


def _lists(book: Book, groups: list[Group]) -> set[str]:
    return {same_name(name) for name in (book.found.display_name, *(group.name for group in groups))}


def _loss(
    wanted: tuple[str, ...],
    before: Mapping[str, tuple[str, ...]],
    after: Mapping[str, tuple[str, ...]],
    vanished: frozenset[str],
    guards: GuardPolicy,
) -> str | None:
    renamed = any(name not in wanted for names in before.values() for name in names)
    if renamed and not after:  # the config names a list that nobody is in
        are = "is" if len(before) == 1 else "are"
        return f"{count(len(before), 'contact')} {are} in no list that the config names now."
    for name in wanted:
        had = frozenset(key for key, names in before.items() if name in names)
        have = frozenset(key for key, names in after.items() if name in names)
        if vip.lost(had, have, share=guards.vip_loss_share, minimum=guards.vip_loss_min, vanished=name in vanished):
            return f"{len(had - have)} of {count(len(had), 'contact')} left the group at once."
    return None
