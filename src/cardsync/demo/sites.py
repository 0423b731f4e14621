"""The employers' sites: played in memory, below the product's own guarded client, which reaches nothing else."""

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Address

import httpcore

from cardsync.evidence.dial import Unresolved
from cardsync.evidence.http import GuardedClient
from cardsync.evidence.kept import Kept
from cardsync.evidence.vetting import Address

_NOWHERE = IPv4Address("192.0.2.0")  # documentation's (RFC 5737): a network that is not there


class Sites(httpcore.AsyncNetworkBackend):
    """Answers for ``hosts``: '' for a home page that stands, else the host to which the site leads for good."""

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self._at: dict[Address, str] = {_NOWHERE + number: to for number, to in enumerate(hosts.values(), start=1)}
        self._addresses = dict(zip(hosts, self._at, strict=True))

    def client(self, kept: Kept, clock: Callable[[], datetime]) -> GuardedClient:
        """The client of ``App.make_client``; the only addresses that it may connect to are those of the hosts."""
        return GuardedClient(
            vetter=self._at.__contains__,
            validators=kept,
            quota=kept,
            resolver=self.resolve,
            clock=clock,
            tls=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # nobody encrypts what stays in memory
            inner=self,
        )

    async def resolve(self, host: str) -> Sequence[Address]:
        """Raises ``Unresolved`` for all other hosts."""
        if host not in self._addresses:
            raise Unresolved
        return [self._addresses[host]]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base class names it so
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A visit to the site at the address ``host``."""
        return _Visit(self._at[IPv4Address(host)])


class _Visit(httpcore.AsyncMockStream):
    """One request and its answer."""

    def __init__(self, leads_to: str) -> None:
        self._answers: list[bytes] = []
        super().__init__(self._answers)
        self._leads_to = leads_to

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        if buffer.startswith(b"GET "):
            self._answers.append(_answer(buffer.split(b" ")[1], self._leads_to))


def _answer(path: bytes, leads_to: str) -> bytes:
    if path == b"/robots.txt":
        status, field, body = "404 Not Found", "Content-Type: text/plain", ""
    elif leads_to:
        status, field, body = "301 Moved Permanently", f"Location: https://{leads_to}/", ""
    else:
        status, field, body = "200 OK", "Content-Type: text/html", "<title>Welcome</title>"
    return f"HTTP/1.1 {status}\r\n{field}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
