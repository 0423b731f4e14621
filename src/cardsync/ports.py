"""The seams: what the stages ask of the outside, whoever stands behind it."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from cardsync.resources import AddressBook, AddressObject, Fetched, Listing, PutAnswer


class Server(Protocol):
    """One account on a CardDAV server (RFC 6352).

    Every method raises ``LoginRefused``, ``Unreachable`` (with ``Throttled`` and
    ``CertificateRefused``) or ``ServerProblem``; none changes anything but ``put``.
    """

    async def discover(self) -> tuple[AddressBook, ...]:
        """All address books of the account, read-only ones too."""
        ...

    async def changes(self, book: AddressBook, marker: str | None) -> Listing:
        """What changed since ``marker`` in one request where the server can; without it, everything.

        Raises ``TokenRefused`` when the server does not know the marker: ask ``listing`` then.
        """
        ...

    async def listing(self, book: AddressBook) -> Listing:
        """Every member with its ETag, and a marker taken before or with it."""
        ...

    def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        """The objects by multiget, in batches, the next one under way while one is worked on."""
        ...

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        """The object as stored (see ``stored``), by a plain GET; None: 404 or 410."""
        ...

    async def stored(self, book: AddressBook, got: AddressObject) -> AddressObject | None:
        """``got`` if it is proved to be what the server stores, else the form that is, else None.

        Servers that convert versions serve other bytes under the same ETag; writing those back
        would downgrade the card for good.  Costs one GET, and three requests more where the ETag
        is no proof; all of it only where ``book.may_convert``.
        """
        ...

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        """PUT with ``If-Match: etag``, once: never retried, never without the condition."""
        ...
