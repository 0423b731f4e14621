"""The app of the demo: the product's own, with every PUT noted, and a phone that can cut in before one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from cardsync.app import App
from cardsync.carddav.client import CardDAVClient
from cardsync.carddav.connection import Connection
from cardsync.resources import AddressBook, PutAnswer, PutResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """One PUT of cardsync's: the card's resource name, the bytes sent, and what the server said."""

    name: str
    data: bytes
    result: PutResult


@dataclass(slots=True, kw_only=True)
class Witness:
    """``cut_in`` is done once, between cardsync's reading and its next PUT."""

    puts: list[Put] = field(default_factory=list)
    cut_in: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedApp(App):
    """The app under a witness's eyes."""

    witness: Witness

    def client(self, connection: Connection) -> CardDAVClient:
        """See ``App.client``."""
        return _WitnessedClient(connection, self.witness)


class _WitnessedClient(CardDAVClient):
    def __init__(self, connection: Connection, witness: Witness) -> None:
        super().__init__(connection)
        self._witness = witness

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        cut_in, self._witness.cut_in = self._witness.cut_in, None
        if cut_in:
            await asyncio.to_thread(cut_in)
        answer = await super().put(book, href, data, etag)
        self._witness.puts.append(Put(name=href.rpartition("/")[2], data=data, result=answer.result))
        return answer
