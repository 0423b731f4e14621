"""One account on a CardDAV server: the adapter behind ``ports.Server``."""

from collections.abc import AsyncGenerator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cardsync.carddav import listing
from cardsync.carddav.connection import Connection
from cardsync.carddav.discovery import Discovery, Step
from cardsync.carddav.multiget import Multiget
from cardsync.carddav.objects import Objects
from cardsync.carddav.wire import Wire
from cardsync.resources import AddressBook, AddressObject, Fetched, Listing, PutAnswer

if TYPE_CHECKING:
    import dns.asyncresolver

__all__ = ["CardDAVClient", "Connection", "Step"]


class CardDAVClient:
    """Implements ``ports.Server`` over HTTP.

    After a refused login the object asks the server nothing any more.  Address books may be kept (in the
    mirror) and handed in without a new ``discover``.
    """

    def __init__(self, connection: Connection, *, resolver: "dns.asyncresolver.Resolver | None" = None) -> None:
        self._connection = connection
        self._resolver = resolver
        self._wire = Wire(connection)
        self._objects = Objects(self._wire)
        self._discovery: Discovery | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    @property
    def steps(self) -> tuple[Step, ...]:
        """What the last ``discover`` tried, in order, redacted; also when it failed."""
        return tuple(self._discovery.steps) if self._discovery else ()

    async def discover(self) -> tuple[AddressBook, ...]:
        """See ``ports.Server.discover``; narrowed to ``Connection.address_books``."""
        self._discovery = Discovery(self._wire, self._connection, self._resolver)
        return await self._discovery.run()

    async def changes(self, book: AddressBook, marker: str | None) -> Listing:
        """See ``ports.Server.changes``."""
        return await listing.changes(self._wire, book, marker)

    async def listing(self, book: AddressBook) -> Listing:
        """See ``ports.Server.listing``."""
        return await listing.listing(self._wire, book)

    def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        """See ``ports.Server.fetch``.

        Bytes come through XML, so line ends may be LF where GET gives CRLF: normalise both to compare, and write
        only what ``get`` gave.  Close the iterator early with ``contextlib.aclosing``.
        """
        return Multiget(self._wire, self._objects, book).run(hrefs)

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        """See ``ports.Server.get``."""
        return await self._objects.get(book, href)

    async def stored(self, book: AddressBook, got: AddressObject) -> AddressObject | None:
        """See ``ports.Server.stored``."""
        return await self._objects.stored(book, got)

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        """See ``ports.Server.put``."""
        return await self._objects.put(book, href, data, etag)
