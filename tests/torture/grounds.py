"""Where races are run: an address book with our cycles on it, and other clients that act between two requests.

On a real server behind a wire, or in memory.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import httpx

from cardsync.demo.phone import Phone
from cardsync.mirror import Mirror
from cardsync.policy import GuardPolicy, Position, ReminderPolicy
from cardsync.resources import AddressBook, AddressObject, Fetched, Listing, PutAnswer, PutResult
from in_memory import HOME, Household, MemoryServer
from loop import DAY, HOUR, Home, home_on, phone_of
from servers import Running
from servers.loopback import Request

MANY = 10_000
Hook = Callable[[str, str], None]
"""Called with method and card name ("" for what is about the book) before each request goes on."""


class Shelf(Protocol):
    """The book as another client has it; cards by name."""

    def get(self, name: str) -> tuple[bytes, str] | None:
        """The bytes and their ETag; None: there is no such card."""

    def put(self, name: str, data: bytes, etag: str | None) -> bool:
        """Replace that version (None: create); False: it is another one by now."""

    def delete(self, name: str, etag: str) -> bool:
        """Delete that version; False: it is another one by now."""

    def names(self) -> frozenset[str]:
        """All there are."""


class Ground(Protocol):
    """``own_shelf`` makes a client for one thread; ``keeps_bytes``: cards come back as they were stored."""

    name: str
    keeps_bytes: bool

    @property
    def mirror(self) -> Mirror: ...

    @property
    def conflicts(self) -> int: ...

    @property
    def now(self) -> datetime: ...

    def own_shelf(self) -> Shelf: ...

    def call_before(self, hook: Hook) -> None: ...

    def cycle(self, after: timedelta) -> None: ...


# ---------------------------------------------------------------- on a server

_NOT_DONE = frozenset({404, 409, 412, 423})
"""Gone, a UID that is there already, another version, somebody else is writing."""


@dataclass(frozen=True, slots=True)
class WebShelf:
    """Over HTTP, with the phone's login."""

    phone: Phone

    def get(self, name: str) -> tuple[bytes, str] | None:
        reply = self._ask("GET", name)
        if reply.status_code == httpx.codes.NOT_FOUND:
            return None
        return reply.content, reply.headers.get("ETag") or self._etag(name)

    def put(self, name: str, data: bytes, etag: str | None) -> bool:
        condition = {"If-None-Match": "*"} if etag is None else {"If-Match": etag}
        reply = self._ask("PUT", name, content=data, headers={**condition, "Content-Type": "text/vcard; charset=utf-8"})
        return reply.status_code not in _NOT_DONE

    def delete(self, name: str, etag: str) -> bool:
        reply = self._ask("DELETE", name, headers={"If-Match": etag})
        return reply.status_code not in _NOT_DONE

    def names(self) -> frozenset[str]:
        return frozenset(self.phone.names()) - {""}

    def _etag(self, name: str) -> str:
        """Asked for by itself: some servers leave it out of a GET."""
        reply = self._ask("PROPFIND", name, headers={"Depth": "0"})
        return ET.fromstring(reply.content).findtext(".//{DAV:}getetag", "")  # noqa: S314 - a server of the tests

    def _ask(self, method: str, name: str, **rest: Any) -> httpx.Response:
        reply = self.phone.http.request(method, self.phone.book_url + name, **rest)
        if reply.status_code not in _NOT_DONE:
            reply.raise_for_status()
        return reply


@dataclass(slots=True)
class OnServer:
    """A household of the loop's on a real server."""

    home: Home
    name: str
    keeps_bytes: bool
    clients: ExitStack

    @property
    def mirror(self) -> Mirror:
        return self.home.loop.app.mirror

    @property
    def conflicts(self) -> int:
        return self.home.wire.conflicts

    @property
    def now(self) -> datetime:
        return self.home.loop.clock.now

    def own_shelf(self) -> Shelf:
        return WebShelf(self.clients.enter_context(phone_of(self.home.server, self.home.loop.clock)))

    def call_before(self, hook: Hook) -> None:
        def called(request: Request) -> None:
            name = unquote(request.path).rpartition("/")[2]
            hook(request.method, name if request.method in {"GET", "PUT"} else "")

        self.home.wire.before = called

    def cycle(self, after: timedelta) -> None:
        self.home.wire.requests.clear()
        self.home.loop.cycle(after=after)


@contextmanager
def on_server(server: Running, folder: Path, position: str, language: str) -> Iterator[OnServer]:
    """The server's book emptied, and nothing known of it."""
    reminders = {
        "max_new_per_day": MANY,
        "max_new_per_week": MANY,
        "max_open": MANY,
        "ask_again_after": DAY,
        "snooze": DAY,
        "expire_after": 9 * DAY,
        "quiet_after_edit": timedelta(),
        "half_updated_after": DAY,
        "position": position,
        "language": language,
    }
    guards = {"mass_change_min": MANY, "vip_loss_min": MANY}
    config: dict[str, Any] = {"reminders": reminders, "guards": guards, "log": {"level": "error"}}
    with home_on(server, folder, {}, **config) as home, ExitStack() as clients:
        yield OnServer(home, server.name, _keeps_bytes(server), clients)


_ODD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A B\r\nN:B;A;;;\r\nx-odd;TYPE=a:1\r\n \r\nUID:probe\r\nEND:VCARD\r\n"


def _keeps_bytes(server: Running) -> bool:
    server.put_card("probe.vcf", _ODD)
    kept = server.get_card("probe.vcf")
    server.delete_card("probe.vcf")
    return kept == _ODD


# ---------------------------------------------------------------- in memory


@dataclass(slots=True)
class HookedServer(MemoryServer):
    """Lets others act before each request; ``careless``: it stores whatever the ETag."""

    hook: Hook = lambda method, name: None
    careless: bool = False
    conflicts: int = 0

    async def changes(self, book: AddressBook, marker: str | None) -> Listing:
        self.hook("REPORT", "")
        return await MemoryServer.changes(self, book, marker)

    async def listing(self, book: AddressBook) -> Listing:
        self.hook("PROPFIND", "")
        return await MemoryServer.listing(self, book)

    async def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        async with aclosing(MemoryServer.fetch(self, book, hrefs)) as batches:
            async for batch in batches:
                yield batch
                self.hook("REPORT", "")

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        self.hook("GET", href.removeprefix(HOME))
        return await MemoryServer.get(self, book, href)

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        self.hook("PUT", href.removeprefix(HOME))
        if self.careless and href in self.etags:
            etag = self.etags[href]
        answer = await MemoryServer.put(self, book, href, data, etag)
        self.conflicts += answer.result is PutResult.CONFLICT
        return answer


@dataclass(frozen=True, slots=True)
class MemoryShelf:
    """The same cards."""

    server: MemoryServer

    def get(self, name: str) -> tuple[bytes, str] | None:
        href = HOME + name
        return (self.server.cards[href], self.server.etags[href]) if href in self.server.cards else None

    def put(self, name: str, data: bytes, etag: str | None) -> bool:
        if self.server.etags.get(HOME + name) != etag:
            return False
        self.server.write(HOME + name, data)
        return True

    def delete(self, name: str, etag: str) -> bool:
        if self.server.etags.get(HOME + name) != etag:
            return False
        self.server.delete(HOME + name)
        return True

    def names(self) -> frozenset[str]:
        return frozenset(href.removeprefix(HOME) for href in self.server.cards)


@dataclass(slots=True)
class InMemory:
    """A household on a server in memory."""

    home: Household
    server: HookedServer
    name: str = "memory"
    keeps_bytes: bool = field(default=True)

    @property
    def mirror(self) -> Mirror:
        return self.home.mirror

    @property
    def conflicts(self) -> int:
        return self.server.conflicts

    @property
    def now(self) -> datetime:
        return self.home.now

    def own_shelf(self) -> Shelf:
        return MemoryShelf(self.server)

    def call_before(self, hook: Hook) -> None:
        self.server.hook = hook

    def cycle(self, after: timedelta) -> None:
        asyncio.run(self.home.cycle(after=after))


@contextmanager
def in_memory(folder: Path, position: str, language: str, *, careless: bool = False) -> Iterator[InMemory]:
    """An empty book."""
    server = HookedServer(careless=careless, batch=5)
    reminders = ReminderPolicy(
        max_new_per_day=MANY,
        max_new_per_week=MANY,
        max_open=MANY,
        ask_again_after=DAY,
        snooze=DAY,
        expire_after=9 * DAY,
        quiet_after_edit=0 * HOUR,
        half_updated_after=DAY,
        position=Position(position),
        language=language,
    )
    guards = GuardPolicy(mass_change_min=MANY, vip_loss_min=MANY)
    home = Household(folder=folder, server=server, reminders=reminders, guards=guards)
    try:
        yield InMemory(home, server)
    finally:
        home.mirror.close()
