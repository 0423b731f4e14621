"""The web on loopback: sites by their names, over TLS with an authority of their own, and names that lead there."""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpcore
import trustme

from cardsync.evidence.dial import Unresolved
from cardsync.evidence.http import GuardedClient
from cardsync.evidence.vetting import Address, public
from cardsync.sources import ANY_HOST, About, Need
from servers.loopback import Loopback, Request, Response, serve

SAMPLES = Path(__file__).parents[1] / "samples"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PUBLIC = ip_address("93.184.216.34")  # never connected to: ``Web.inner`` leads every address to loopback

Site = Callable[[Request], Response]


def page(html: str | bytes = "<p>Welcome</p>", status: int = 200, **headers: str) -> Response:
    """A page of HTML; names of ``headers`` with underscores."""
    body = html if isinstance(html, bytes) else html.encode()
    fields = {"content-type": "text/html; charset=utf-8", **{name.replace("_", "-"): v for name, v in headers.items()}}
    return Response(status, body, list(fields.items()))


def redirect(to: str, status: int = 301) -> Response:
    """A redirect."""
    return Response(status, b"", [("location", to)])


def sample(file: str) -> tuple[str, Response]:
    """A recorded reply: the URL that it was the answer to, and the answer, as MANIFEST.json tells."""
    manifest = json.loads((SAMPLES / "MANIFEST.json").read_text("utf-8"))
    told = next(one for one in manifest["samples"] if one["file"] == file)
    headers = [("content-type", told["content_type"]), *told.get("headers", {}).items()]
    return told["route"].removeprefix("GET "), Response(told["status"], (SAMPLES / file).read_bytes(), headers)


@dataclass
class Pages:
    """A site by its paths; what it does not have is 404, robots.txt among it."""

    pages: Mapping[str, Response | Site]

    def __call__(self, request: Request) -> Response:
        found = self.pages.get(request.path, page("<h1>Not found</h1>", 404))
        return found if isinstance(found, Response) else found(request)


@dataclass(frozen=True)
class Inner(httpcore.AsyncNetworkBackend):
    """Notes who was to be connected to, and connects to the loopback servers instead."""

    ports: Mapping[int, int]
    dialled: list[tuple[str, int]] = field(default_factory=list)
    deaf: set[str] = field(default_factory=set)
    real: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base class names it so
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append((host, port))
        if host in self.deaf:
            raise httpcore.ConnectTimeout
        return await self.real.connect_tcp("127.0.0.1", self.ports[port], timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self.real.sleep(seconds)


@dataclass
class Names:
    """A resolver: each name's answers, one after the other, the last for ever; unknown names are public."""

    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str) -> Sequence[Address]:
        self.asked.append(host)
        answers = self.answers.get(host)
        if answers is None:
            return [PUBLIC]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        if not addresses:
            raise Unresolved
        return [ip_address(address) for address in addresses]


@dataclass
class Kept:
    """Validators in memory."""

    fields: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def get(self, source: str, key_hash: str) -> tuple[str, str] | None:
        return self.fields.get((source, key_hash))

    def set(self, source: str, key_hash: str, etag: str, last_modified: str) -> None:
        self.fields[source, key_hash] = (etag, last_modified)


@dataclass
class Counted:
    """A quota in memory."""

    left: int = 10_000

    def take(self, source: str, now: datetime) -> bool:
        self.left -= 1
        return self.left >= 0


@dataclass
class Clock:
    """A clock that is put forward by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(kw_only=True)
class Internet:
    """All that a guarded client is made of, to look at and to change; ``requests`` are those of all sites."""

    secure: Loopback
    plain: Loopback
    inner: Inner
    real: httpcore.AsyncNetworkBackend | None = None  # instead of ``inner``
    tls: ssl.SSLContext
    names: Names = field(default_factory=Names)
    kept: Kept = field(default_factory=Kept)
    quota: Counted = field(default_factory=Counted)
    clock: Clock = field(default_factory=Clock)

    def asked(self) -> list[str]:
        """``https://host/path`` of every request, those over TLS first."""
        return [
            f"{scheme}://{request.headers['host']}{request.path}"
            for scheme, server in (("https", self.secure), ("http", self.plain))
            for request in server.requests
        ]

    @asynccontextmanager
    async def client(
        self, vetter: Callable[[Address], bool] = public, patience: float = 15.0
    ) -> AsyncIterator[GuardedClient]:
        """A client on this internet."""
        made = GuardedClient(
            vetter=vetter,
            validators=self.kept,
            quota=self.quota,
            resolver=self.names,
            clock=self.clock,
            tls=lambda: self.tls,
            inner=self.real or self.inner,
            patience=patience,
        )
        try:
            yield made
        finally:
            await made.aclose()


@contextmanager
def internet(sites: Mapping[str, Site], certified: Sequence[str] | None = None) -> Iterator[Internet]:
    """Sites by host name (``*``: all others); ``certified``: the names in the certificate, if not those."""

    def answer(request: Request) -> Response:
        host = request.headers.get("host", "").partition(":")[0]
        site = sites.get(host) or sites.get("*")
        return site(request) if site else page("<h1>No such site</h1>", 421)

    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names = certified if certified is not None else [name for name in sites if name != "*"]
    authority.issue_cert(*names).configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    with serve(answer, server_side) as secure, serve(answer) as plain:
        inner = Inner({443: secure.port, 80: plain.port})
        yield Internet(secure=secure, plain=plain, inner=inner, tls=client_side)


def any_site(**changes: object) -> About:
    """A source that visits whatever stands on the card, without a pause."""
    about = About(name="any", sends="", hosts=(ANY_HOST,), needs=frozenset[Need](), apart=timedelta())
    return replace(about, **changes)  # type: ignore[arg-type]
