"""A proxy between a client and a real server that answers, cuts or changes any message, byte by byte if need be.

Raw sockets on the client's side, because no HTTP library breaks off inside a status line.
"""

import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import BinaryIO, Self
from urllib.parse import SplitResult, unquote, urlsplit

from servers.running import Running

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})
_NO_BODY = frozenset({204, 304})
_SECONDS = 30.0


class Kind(StrEnum):
    """What a CardDAV client may be asking for."""

    DISCOVERY = "discovery"  # any PROPFIND that is none of the next three
    MARKER = "marker"  # the sync token or ctag of a book
    LISTING = "listing"  # PROPFIND, Depth 1, for ETags
    ETAG = "etag"  # PROPFIND for the ETag of one card
    FIRST_SYNC = "first-sync"  # sync-collection without a token
    SYNC = "sync"  # sync-collection with one
    MULTIGET = "multiget"
    GET = "get"
    PUT = "put"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """As it came in: ``path`` as on the wire, header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def name(self) -> str:
        """The decoded last path segment."""
        return unquote(self.path).rpartition("/")[2]

    @property
    def kind(self) -> Kind:
        match self.method:
            case "GET":
                return Kind.GET
            case "PUT":
                return Kind.PUT
            case "REPORT":
                return self._report()
            case "PROPFIND":
                return self._propfind()
        return Kind.OTHER

    def _report(self) -> Kind:
        if b"addressbook-multiget" in self.body:
            return Kind.MULTIGET
        return Kind.SYNC if re.search(rb"sync-token>[^<\s]", self.body) else Kind.FIRST_SYNC

    def _propfind(self) -> Kind:
        deep = self.headers.get("depth") == "1"
        if b"getetag" in self.body:
            return Kind.LISTING if deep else Kind.ETAG
        if not deep and (b"sync-token" in self.body or b"getctag" in self.body):
            return Kind.MARKER
        return Kind.DISCOVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response; Content-Length is added as it is sent."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_header(self, name: str, value: str | None) -> Self:
        """With another value; None takes it out."""
        kept = tuple((key, old) for key, old in self.headers if key.lower() != name.lower())
        return replace(self, headers=kept if value is None else (*kept, (name, value)))

    def head(self) -> bytes:
        """Status line and header section."""
        fields = [f"HTTP/1.1 {self.status} X", *(f"{name}: {value}" for name, value in self.headers)]
        if self.status not in _NO_BODY:
            fields.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*fields, "", ""]).encode("latin-1")


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request under way.  A fault sends what it likes, or nothing."""

    request: Request
    proxy: "FaultProxy"
    upstream: SplitResult
    client: socket.socket
    open: bool = True
    answered: bool = False

    def forward(self, request: Request | None = None) -> Reply:
        """What the real server says to the request, or to another one."""
        request = request or self.request
        connection = self._upstream()
        try:
            connection.request(request.method, request.path, request.body or None, _passed_on(request))
            answer = connection.getresponse()
            headers = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in _HOP)
            return self.proxy.as_ours(Reply(status=answer.status, headers=headers, body=answer.read()))
        finally:
            connection.close()

    def forward_half(self) -> None:
        """The head and half of the body go on, and then that connection breaks."""
        connection = self._upstream()
        try:
            connection.putrequest(self.request.method, self.request.path, skip_accept_encoding=True)
            for name, value in _passed_on(self.request).items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(self.request.body)))
            connection.endheaders(self.request.body[: len(self.request.body) // 2])
        finally:
            connection.close()

    def _upstream(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self.upstream.scheme == "https" else http.client.HTTPConnection
        return kind(self.upstream.netloc, timeout=_SECONDS)

    def send(self, reply: Reply, *, cut: int | None = None) -> None:
        """The reply, or its first ``cut`` bytes and then a broken connection."""
        message = reply.head() + (b"" if reply.status in _NO_BODY else reply.body)
        self.answered = True
        self.client.sendall(message if cut is None else message[:cut])
        if cut is not None:
            self.cut()

    def cut(self, *, reset: bool = True) -> None:
        """Break the connection to the client, with a reset or as if all had been said."""
        if reset:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open = False


Strike = Callable[[Exchange], bool]
"""What a fault does with an exchange; False: nothing, as there was nothing to do it to.

What it leaves unanswered is answered by the server.
"""


@dataclass(slots=True)
class FaultProxy:
    """Stands before all origins of a server; ``director`` names the fault for a request, None lets it pass.

    ``struck``: the faults that really changed something, in order.  ``memory`` is for faults over several requests,
    ``foreign`` an origin that is none of the server's.
    """

    director: Callable[[Request], tuple[str, Strike] | None] = lambda request: None
    requests: list[Request] = field(default_factory=list)
    struck: list[tuple[str, Request]] = field(default_factory=list)
    memory: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    foreign: str = "http://127.0.0.1:9"
    under_way: int = 0
    change: threading.Condition = field(default_factory=threading.Condition)

    def settle(self) -> None:
        """Wait until nothing is under way: a client that was cut off is gone before its request is."""
        with self.change:
            self.change.wait_for(lambda: not self.under_way, timeout=_SECONDS)

    def heal(self) -> None:
        """From now on everything passes as it is."""
        self.settle()
        self.director = lambda request: None
        self.memory.clear()

    def as_ours(self, reply: Reply) -> Reply:
        """With this proxy where the server named itself."""
        body, headers = reply.body, reply.headers
        for theirs, ours in self.origins.items():
            body = body.replace(theirs.encode(), ours.encode())
            headers = tuple((name, value.replace(theirs, ours)) for name, value in headers)
        return replace(reply, body=body, headers=headers)

    def handle(self, exchange: Exchange) -> None:
        """One request."""
        with self.change:
            self.requests.append(exchange.request)
            chosen = self.director(exchange.request)
            self.under_way += 1
        try:
            if chosen is not None and chosen[1](exchange):
                self.struck.append((chosen[0], exchange.request))
            if exchange.open and not exchange.answered:
                exchange.send(exchange.forward())
        finally:
            with self.change:
                self.under_way -= 1
                self.change.notify_all()


@contextmanager
def faulty(server: Running) -> Iterator[tuple[Running, FaultProxy]]:
    """``server`` behind a proxy."""
    proxy = FaultProxy()
    with ExitStack() as stack:
        for url in (server.url, server.book_url):
            upstream = urlsplit(url)
            origin = f"{upstream.scheme}://{upstream.netloc}"
            if origin not in proxy.origins:
                port = stack.enter_context(_listening(proxy, upstream))
                proxy.origins[origin] = f"http://127.0.0.1:{port}"
        yield (
            replace(
                server,
                url=_through(server.url, proxy),
                book_url=_through(server.book_url, proxy),
                trusted_origins=tuple(_through(origin, proxy) for origin in server.trusted_origins),
            ),
            proxy,
        )


def _through(url: str, proxy: FaultProxy) -> str:
    for theirs, ours in proxy.origins.items():
        url = url.replace(theirs, ours)
    return url


@contextmanager
def _listening(proxy: FaultProxy, upstream: SplitResult) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):  # closed at the end
                while True:
                    client, _ = listener.accept()
                    clients.append(client)
                    threading.Thread(target=_serve, args=(proxy, upstream, client), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)


def _serve(proxy: FaultProxy, upstream: SplitResult, client: socket.socket) -> None:
    client.settimeout(_SECONDS)
    with suppress(OSError), client, client.makefile("rb") as stream:  # the client may go at any time
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while request := _read(stream):
            exchange = Exchange(request=request, proxy=proxy, upstream=upstream, client=client)
            proxy.handle(exchange)
            if not exchange.open:
                return


def _read(stream: BinaryIO) -> Request | None:
    """The next request, None at the end."""
    line = stream.readline(65537).decode("latin-1").split()
    if len(line) != 3:
        return None
    headers = {}
    while (field_line := stream.readline(65537).decode("latin-1").strip()) != "":
        name, _, value = field_line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Request(method=line[0], path=line[1], headers=headers, body=body)


def _passed_on(request: Request) -> dict[str, str]:
    """No encodings: the faults read and change bodies."""
    kept = {name: value for name, value in request.headers.items() if name not in _HOP | {"host", "accept-encoding"}}
    return {**kept, "Accept-Encoding": "identity"}
