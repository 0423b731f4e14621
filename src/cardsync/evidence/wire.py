"""Connections of one look that end together: when its time is over, when too much came, or when it is given up.

A time-out for each read is none for the look: a byte a second would hold it for ever, in its headers too.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import httpcore

from cardsync.hypertext import httpx

_EACH = 30.0  # seconds of one read or write
_CONNECT = 10.0


class Overdue(Exception):
    """The look's time, or its bytes, are used up, or nobody waits for it any more."""


class Wire(httpcore.NetworkBackend):
    """Of ``seconds`` from now on, and ``most`` bytes, headers among them."""

    def __init__(self, seconds: float, most: int) -> None:
        self._until = time.monotonic() + seconds
        self._left = most
        self._given_up = False
        self._open: set[httpcore.NetworkStream] = set()
        self._inner = httpcore.SyncBackend()

    def give_up(self) -> None:
        """End every connection, from whichever thread: a read that waits ends too."""
        self._given_up = True
        for stream in tuple(self._open):
            _shut(stream)

    def left(self, most: float = _EACH) -> float:
        """Seconds that may still be waited, ``most`` at most; raises ``Overdue``."""
        seconds = self._until - time.monotonic()
        if self._given_up or self._left < 0 or seconds <= 0:
            raise Overdue
        return min(seconds, most)

    def take(self, count: int) -> None:
        """Note that so many bytes came; raises ``Overdue``."""
        self._left -= count
        self.left()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """See the base class."""
        stream = self._inner.connect_tcp(host, port, self.left(_CONNECT), local_address, socket_options)
        return self.watched(stream)

    def watched(self, stream: httpcore.NetworkStream) -> "_Stream":
        """The stream, ended with the others."""
        self._open.add(stream)
        try:
            self.left()  # it may have been given up meanwhile
        except Overdue:
            self.drop(stream)
            raise
        return _Stream(self, stream)

    def drop(self, stream: httpcore.NetworkStream) -> None:
        """Close it."""
        self._open.discard(stream)
        stream.close()


class _Stream(httpcore.NetworkStream):
    def __init__(self, wire: Wire, stream: httpcore.NetworkStream) -> None:
        self._wire = wire
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._wire.left())
        self._wire.take(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._wire.left())

    def close(self) -> None:
        self._wire.drop(self._stream)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._wire.left(_CONNECT))
        return self._wire.watched(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _shut(stream: httpcore.NetworkStream) -> None:
    """A close would not wake who reads; the TLS layer is passed over, as another thread is within it."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)


class _Closable(Protocol):
    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: _Closable) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class WireTransport(httpx.BaseTransport):
    """The HTTP library's transport on a ``Wire``."""

    def __init__(self, wire: Wire, tls: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=wire, max_connections=4)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request; raises the errors of httpcore, and ``Overdue``."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        reply = self._pool.handle_request(
            httpcore.Request(request.method, url, headers=request.headers.raw, content=request.read())
        )
        if reply.status == 401:  # the client would read, and unpack, all of it before it sends the login
            reply.close()
            wanted = [(name, value) for name, value in reply.headers if name.lower() == b"www-authenticate"]
            return httpx.Response(401, headers=wanted, stream=httpx.ByteStream(b""))
        return httpx.Response(reply.status, headers=reply.headers, stream=_Body(reply.stream))  # type: ignore[arg-type]

    def close(self) -> None:
        """Close what is open."""
        self._pool.close()


ERRORS = (
    httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError,
)  # fmt: skip
"""What a request on it raises when the network or the server is at fault."""
