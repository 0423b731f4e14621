"""A server of raw sockets before a real one: polite until an attack answers in its place, byte by byte if need be."""

import asyncio
import http.client
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from servers import Running
from servers.loopback import Request, Response

_OURS = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "date", "server"})
PIECE = 1 << 16
_SWALLOWED = (OSError, asyncio.IncompleteReadError, ValueError)


@dataclass(frozen=True, slots=True)
class Stream:
    """What an attack writes to; it ends with an OSError when the client has had enough."""

    writer: asyncio.StreamWriter

    async def send(self, *parts: str | bytes) -> None:
        self.writer.write(b"".join(part.encode("latin-1") if isinstance(part, str) else part for part in parts))
        await self.writer.drain()

    async def pour(self, piece: bytes, total: int) -> None:
        """``piece`` again and again, ``total`` bytes or more."""
        block = piece * (PIECE // len(piece) + 1)
        for _ in range(total // len(block) + 1):
            await self.send(block)

    async def drip(self, data: bytes, pause: float = 0.02) -> None:
        """A byte at a time."""
        for at in range(len(data)):
            await self.send(data[at : at + 1])
            await asyncio.sleep(pause)  # being slow is what this server is for

    async def silence(self) -> None:
        """Until the client leaves; a minute at most."""
        await asyncio.sleep(60)


Polite = Callable[[], Awaitable[Response]]
Attack = Callable[[Request, Stream, Polite], Awaitable[None]]
Aim = Callable[[Request], bool]


@dataclass(slots=True)
class HostileServer:
    """Requests that ``aim`` picks get ``attack``, the others what ``upstream`` says."""

    upstream: Running
    requests: list[Request] = field(default_factory=list)
    attack: Attack | None = None
    aim: Aim = lambda request: True
    hits: int = 0
    port: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> Running:
        """As an account reaches it."""
        return replace(self.upstream, url=self.origin, book_url=self.origin + urlsplit(self.upstream.book_url).path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        with suppress(*_SWALLOWED):
            while await self._one(reader, Stream(writer)):
                pass
        with suppress(OSError):
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, stream: Stream) -> bool:
        request = await _read(reader, self.port)
        self.requests.append(request)

        async def polite() -> Response:
            return await asyncio.to_thread(_forwarded, self.upstream, request)

        if self.attack is None or not self.aim(request):
            await stream.send(plain(await polite()))
            return True
        self.hits += 1
        attack = asyncio.ensure_future(self.attack(request, stream, polite))
        left = asyncio.ensure_future(reader.read(1))  # the client says nothing more: this ends when it leaves
        await asyncio.wait({attack, left}, return_when=asyncio.FIRST_COMPLETED)
        for task in (attack, left):
            task.cancel()
        await asyncio.gather(attack, left, return_exceptions=True)
        return False


def plain(response: Response, *more: str) -> bytes:
    """A reply as it should be, with further header lines."""
    head = [f"HTTP/1.1 {response.status} X", *(f"{name}: {value}" for name, value in response.headers), *more]
    return "\r\n".join([*head, f"Content-Length: {len(response.body)}", "", ""]).encode("latin-1") + response.body


async def _read(reader: asyncio.StreamReader, port: int) -> Request:
    method, path, _ = (await reader.readuntil(b"\r\n")).decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while line := (await reader.readuntil(b"\r\n")).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length") or 0))
    return Request(method, path, headers, body, port)


def _forwarded(upstream: Running, request: Request) -> Response:
    with closing(http.client.HTTPConnection(urlsplit(upstream.url).netloc, timeout=30)) as connection:
        kept = {name: value for name, value in request.headers.items() if name not in _OURS | {"accept-encoding"}}
        connection.request(request.method, request.path, request.body or None, kept)
        answer = connection.getresponse()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OURS]
        return Response(answer.status, answer.read(), headers)


@contextmanager
def hostile_server(upstream: Running) -> Iterator[HostileServer]:
    """In a thread with a loop of its own, until the block ends."""
    made = HostileServer(upstream)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(made.serve, "127.0.0.1", 0, limit=1 << 20))
    made.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
