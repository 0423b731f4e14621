"""From a host's name to a connection, with no way around the vetter.

The name is resolved here and nowhere else, once for each connection, and the connection goes to an address that was
vetted; what lies above sees the name only, so that Host, SNI and the certificate's check stay the name's.
"""

import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpcore

from cardsync.evidence.vetting import Address, Vetter, beside
from cardsync.hypertext import httpx

if TYPE_CHECKING:
    import dns.asyncresolver

Resolver = Callable[[str], Awaitable[Sequence[Address]]]
"""All addresses of a host; raises ``Unresolved``."""

WIRE_LIMIT = 2 << 20  # bytes that a connection may bring, headers and packing included
_MOST_ADDRESSES = 4
_EACH = 5.0  # seconds for one address to answer


class Unresolved(Exception):
    """The name has no address, or nobody could say."""


class NotPublic(Exception):
    """A name leads to an address that the vetter refuses."""


class TooMuch(Exception):
    """More bytes came than any answer needs."""


async def resolve(host: str, using: "dns.asyncresolver.Resolver | None" = None) -> Sequence[Address]:
    """By the system's name servers, IPv4 first; its list of search domains is not used."""
    import dns.asyncresolver
    import dns.exception

    try:
        resolver = using or dns.asyncresolver.Resolver()
        answers = await resolver.resolve_name(host, lifetime=10.0, search=False)
    except dns.exception.DNSException as error:
        raise Unresolved from error
    return sorted((ip_address(found) for found in answers.addresses()), key=lambda address: address.version)


def own_addresses(to: Sequence[Address], tables: Path = Path("/proc/net")) -> frozenset[Address]:
    """This machine's addresses: those of ``tables`` where Linux has them, and the IPv6 ones by which it reaches ``to``.

    Nothing is sent.  What a router translates to, nobody here knows.
    """
    found = {one for address in to if address.version == 6 and (one := _source(address))}
    with contextlib.suppress(OSError, ValueError):
        lines = (tables / "if_inet6").read_text("ascii").splitlines()
        found |= {ip_address(bytes.fromhex(line.split()[0])) for line in lines if line.strip()}
    with contextlib.suppress(OSError, ValueError):
        found |= {ip_address(one) for one in _LOCAL.findall((tables / "fib_trie").read_text("ascii"))}
    return frozenset(found)


_LOCAL = re.compile(r"\|-- ([0-9.]+)\n\s*/32 host LOCAL")


def _source(to: Address) -> Address | None:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
            asking.connect((str(to), 443))
            return ip_address(asking.getsockname()[0])
    except (OSError, ValueError):
        return None


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to vetted addresses only; ``inner`` makes the connections, ``own`` tells this machine's addresses."""

    def __init__(
        self,
        vetter: Vetter,
        resolver: Resolver,
        inner: httpcore.AsyncNetworkBackend,
        own: Callable[[Sequence[Address]], Iterable[Address]] = own_addresses,
    ) -> None:
        self._vetter = vetter
        self._resolver = resolver
        self._inner = inner
        self._own = own

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base class names it so
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The first of the host's addresses that answers; raises ``NotPublic`` if any of them is not public."""
        addresses = await self._resolver(host)
        if not addresses:
            raise Unresolved
        own = self._own(addresses)  # each time: a provider gives another network now and then
        if not all(self._vetter(address) and not beside(address, own) for address in addresses):
            raise NotPublic
        for position, address in enumerate(tried := addresses[:_MOST_ADDRESSES], start=1):
            try:
                stream = await self._inner.connect_tcp(str(address), port, _EACH, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if position == len(tried):
                    raise
            else:
                return _Metered(stream)
        raise AssertionError  # the loop returns or raises

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the base class names it so
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: no site is a file."""
        raise NotPublic

    async def sleep(self, seconds: float) -> None:
        """Between attempts; we make none."""
        await self._inner.sleep(seconds)


class _Metered(httpcore.AsyncNetworkStream):
    """A connection that ends at ``WIRE_LIMIT``: endless interim answers and chunk extensions are no body."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = WIRE_LIMIT

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        data = await self._stream.read(max_bytes, timeout)
        self._left -= len(data)
        if self._left < 0:
            raise TooMuch
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return _Metered(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Closable(Protocol):
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def aclose(self) -> None: ...


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: _Closable) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """The HTTP library's transport on a ``GuardedNetwork``; a connection serves one request."""

    def __init__(self, network: GuardedNetwork, tls: Callable[[], ssl.SSLContext]) -> None:
        self._network = network
        self._tls = tls
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request; raises the errors of httpcore and those of this module."""
        if self._pool is None:  # the certificate authorities are loaded when they are needed
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self._tls(), network_backend=self._network, max_connections=64, max_keepalive_connections=0
            )
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        reply = await self._pool.handle_async_request(
            httpcore.Request(request.method, url, headers=request.headers.raw, extensions=request.extensions)
        )
        return httpx.Response(reply.status, headers=reply.headers, stream=_Body(reply.stream))  # type: ignore[arg-type]

    async def aclose(self) -> None:
        """Close what is open."""
        if self._pool is not None:
            await self._pool.aclose()
