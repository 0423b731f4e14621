"""Questions of ours on cards that are in no list: copies of a card that was asked about, of which nobody else tells."""

from collections.abc import Mapping
from dataclasses import dataclass

from cardsync.mirror import Mirror
from cardsync.records import Book, ProblemKind

DETAIL = "A question of ours stands on it, and it is in no list: a copy of another card? cardsync notes remove."


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A card as it was just read: whether a block of ours stands on it."""

    uid_key: str
    etag: str | None
    has_block: bool


def strays(mirror: Mirror, book: Book, looked: Mapping[str, Looked]) -> dict[str, str | None]:
    """By href, the ETags of those that nobody works with, now that the lists are known; others are forgotten."""
    kept = mirror.books.kept(book.id)
    found = {href: card.etag for href, card in looked.items() if card.has_block and card.uid_key not in kept}
    for href in mirror.problems.of_book(book.id, ProblemKind.STRAY).keys() & looked.keys() - found.keys():
        mirror.problems.solved(ProblemKind.STRAY, book.found.account, book_id=book.id, href=href)
    return found
