"""Many address objects at once: addressbook-multiget (RFC 6352, section 8.7), accounted for href by href."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cardsync.carddav import xml
from cardsync.carddav.hrefs import href_key, object_location, parse_url, resolve
from cardsync.carddav.listing import dav_ask, multistatus
from cardsync.carddav.objects import Objects
from cardsync.carddav.wire import TimedOut, Wire
from cardsync.errors import Broken, ServerProblem
from cardsync.resources import AddressBook, AddressObject, Fetched

_LARGEST = 100  # hrefs in a batch
_REPLY_GOAL = 5 << 20  # bytes; PHP servers break near 10 MB
_REPLY_BYTES = 64 << 20
_IN_FLIGHT = 2  # requests: the server works on one while we work on the other's reply
_NO_MULTIGET = frozenset({405, 501})


@dataclass(slots=True)
class Fates:
    """What became of each href; ``fetched`` is what the port hands out."""

    objects: list[AddressObject] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)

    def fetched(self) -> Fetched:
        """As frozen data."""
        return Fetched(objects=tuple(self.objects), gone=frozenset(self.gone), failed=dict(self.failed))


class Multiget:
    """One run over many hrefs of one book; the size of a batch follows how well it goes.

    One request at a time until the first came back well, and again where one fails; else ``_IN_FLIGHT``.
    """

    def __init__(self, wire: Wire, objects: Objects, book: AddressBook) -> None:
        self._wire = wire
        self._objects = objects
        self._book = book
        self._at = parse_url(book.href)
        self._size = _LARGEST
        self._in_flight = 1
        self._unsupported = False

    async def run(self, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        """Batch by batch, as the replies come; the next request is on the wire before a batch is handed out."""
        todo = list(dict.fromkeys(hrefs))
        running: set[asyncio.Task[Fetched]] = set()
        try:
            while todo or running:
                finished = await _first_of(running) if running else set()
                done = [task.result() for task in finished]
                running -= finished
                while todo and len(running) < self._in_flight:
                    batch, todo = todo[: self._size], todo[self._size :]
                    sent = asyncio.Event()
                    task = asyncio.create_task(self._batch(batch, sent.set))
                    running.add(task)
                    await _first(task, sent)
                for fetched in done:
                    yield fetched
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _batch(self, hrefs: list[str], on_sent: Callable[[], None]) -> Fetched:
        fates = Fates()
        paths: dict[str, str] = {}
        for href in hrefs:
            if object_location(self._at, href) is None:
                fates.failed[href] = "the href is not a plain member of the book"
            else:
                paths[href] = self._path(href)
        if paths:
            await self._ask(paths, fates, on_sent)
        return fates.fetched()

    async def _ask(self, paths: Mapping[str, str], fates: Fates, on_sent: Callable[[], None] | None = None) -> None:
        """One multiget (href -> path); what it does not settle is asked again in halves, at last singly."""
        if self._unsupported:
            await self._singly(paths, fates)
            return
        try:
            answers = await self._multiget(paths, on_sent)
            self._objects.answered()
        except TimedOut as error:  # too much for the server, unless smaller batches are too
            self._objects.silent(self._at, error)
            answers = None
        except (Broken, xml.Malformed):  # too large for the server, or one bad card that poisons the batch
            answers = None
        if answers is not None:
            await self._singly(self._settle(paths, answers, fates), fates)
            return
        self._in_flight = 1
        if len(paths) == 1:
            await self._singly(paths, fates)
            return
        middle = len(paths) // 2
        self._size = max(1, min(self._size, middle))
        pairs = list(paths.items())
        await self._ask(dict(pairs[:middle]), fates)
        await self._ask(dict(pairs[middle:]), fates)

    async def _multiget(self, paths: Mapping[str, str], on_sent: Callable[[], None] | None) -> list[xml.Answer] | None:
        """The responses, or None when the server would not take the batch as a whole."""
        answers: list[xml.Answer] = []

        def fresh() -> Callable[[xml.Answer], None]:
            answers.clear()
            return answers.append

        ask = dav_ask("REPORT", self._at, "0", xml.multiget(paths.values()), _REPLY_BYTES)
        # Compressing photos takes servers longer than sending them.
        ask = replace(ask, headers={**ask.headers, "Accept-Encoding": "identity"}, on_sent=on_sent)
        reply, _ = await multistatus(self._wire, ask, fresh, attempts=1)  # halves are the second attempt
        self._unsupported |= reply.status in _NO_MULTIGET
        return answers if reply.status == 207 else None

    def _path(self, href: str) -> str:
        """As spelt; of an absolute URI only the path, which is what iCloud takes."""
        return resolve(self._at, href).path

    def _settle(self, paths: Mapping[str, str], answers: list[xml.Answer], fates: Fates) -> list[str]:
        """Sort the responses into the fates; returns the hrefs that they say nothing certain of."""
        remaining = dict.fromkeys(paths)
        href_of = self._matcher(paths)
        size = 0
        for answer in answers:
            href = href_of(answer.href)
            if href not in remaining:
                continue
            data = answer.properties.get(xml.ADDRESS_DATA)
            if data is not None and data.text and not data.text.isspace():
                content = data.text.encode("utf-8", "surrogateescape")
                size += len(content)
                fates.objects.append(AddressObject(href=href, etag=answer.text(xml.GETETAG), data=content))
            elif answer.status in {404, 410} and "?" not in href and "#" not in href:
                fates.gone.add(href)
            else:
                continue
            del remaining[href]
        self._adapt(len(paths), size)
        return list(remaining)

    def _matcher(self, paths: Mapping[str, str]) -> Callable[[str], str | None]:
        """Finds the href that was asked for, however the answer spells it."""
        by_path = {path: href for href, path in paths.items()}
        by_key = {href_key(path): href for path, href in by_path.items()}

        def href_of(spelt: str) -> str | None:
            try:
                path = self._path(spelt)
            except ValueError:
                return None
            return by_path.get(path) or by_key.get(href_key(path))

        return href_of

    def _adapt(self, asked: int, size: int) -> None:
        """Grow while it goes well, and keep a reply below the goal."""
        grown = min(_LARGEST, self._size * 2)
        fitting = asked * _REPLY_GOAL // size if size else _LARGEST
        self._size = max(1, min(grown, fitting))
        self._in_flight = _IN_FLIGHT if self._wire.may_overlap(self._at.origin) else 1

    async def _singly(self, hrefs: Iterable[str], fates: Fates) -> None:
        for href in hrefs:
            try:
                got = await self._objects.get(self._book, href)
            except Broken:
                fates.failed[href] = "the server gave no whole answer"
            except ServerProblem as problem:
                fates.failed[href] = str(problem)
            else:
                _take(href, got, fates)


def _take(href: str, got: AddressObject | None, fates: Fates) -> None:
    if got is None:
        fates.gone.add(href)
    elif got.data.strip():
        fates.objects.append(got)
    else:
        fates.failed[href] = "the server sent an empty body"


async def _first(task: asyncio.Task[Fetched], sent: asyncio.Event) -> None:
    """Wait until the request is on the wire, or the task ended without sending it."""
    waiter = asyncio.create_task(sent.wait())
    try:
        await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()


async def _first_of(running: set[asyncio.Task[Fetched]]) -> set[asyncio.Task[Fetched]]:
    """Those that ended, at least one."""
    finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    return finished
