"""One request at a time, as we decide it: its hops, its credentials, what went wrong (RFC 9110).

The only module that knows the HTTP library.
"""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol

import stamina

from cardsync import __version__
from cardsync.carddav.auth import Login, app_password_hint, parse_challenges
from cardsync.carddav.bodies import ACCEPTED, Unpacker
from cardsync.carddav.connection import Connection
from cardsync.carddav.hrefs import Location, Origin, request_target
from cardsync.carddav.origins import Trust
from cardsync.carddav.throttle import pause
from cardsync.errors import (
    Broken,
    CertificateRefused,
    ConfigError,
    LoginRefused,
    ServerProblem,
    Throttled,
    Unreachable,
)
from cardsync.hypertext import httpx
from cardsync.logs import get_logger

log = get_logger("cardsync.carddav")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_SMALL_BODY = 1 << 20
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})  # OpenSSL's words for bytes that are no TLS


class TimedOut(Broken):
    """The server took the request and gave no answer in time."""


class BodyTooLarge(ServerProblem):
    """The body exceeds the bound that was given."""


class Sink(Protocol):
    """Takes the body of a 207 as it comes."""

    def feed(self, chunk: bytes) -> None:
        """The next part."""
        ...

    def close(self) -> None:
        """The body is whole."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request.  ``limit`` bounds the reply's body, in bytes; ``on_sent`` is called once it is on the wire."""

    method: str
    at: Location
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    limit: int = _SMALL_BODY
    on_sent: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; ``at`` is where it came from after redirects; ``body`` is empty where a sink took it."""

    status: int
    headers: httpx.Headers
    at: Location
    received: datetime
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of a header field, or None; each character is one byte, so that an ETag goes back as it came."""
        value = self.headers.get(name)
        return value.encode(self.headers.encoding).decode("latin-1").strip() or None if value is not None else None


class Wire:
    """The connection of one account.  After one refused login it asks nothing any more."""

    def __init__(self, connection: Connection) -> None:
        self.trust = Trust(connection)
        self._connection = connection
        self._login = Login(connection)
        self._refused: str | None = None
        self._clients: dict[str, httpx.AsyncClient] = {}
        if connection.ca_file:
            self._client("https")  # what is wrong with the file is told at once

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    def _client(self, scheme: str) -> httpx.AsyncClient:
        """Made when it is first needed: to load all certificate authorities takes longer than most requests."""
        if scheme not in self._clients:
            self._clients[scheme] = httpx.AsyncClient(
                verify=_tls(self._connection) if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                trust_env=False,
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                timeout=httpx.Timeout(
                    self._connection.read_timeout, connect=self._connection.connect_timeout, pool=None
                ),
                limits=httpx.Limits(max_connections=4, keepalive_expiry=30.0),
                headers={"User-Agent": f"cardsync/{__version__}", "Accept-Encoding": ACCEPTED},
            )
        return self._clients[scheme]

    def may_overlap(self, origin: Origin) -> bool:
        """Whether two requests may be under way at once: Digest numbers them (RFC 7616, section 3.4)."""
        return not self._login.numbers(origin)

    async def read(self, ask: Ask, sink: Callable[[], Sink] | None = None, attempts: int = 3) -> Reply:
        """An idempotent request, tried again (``attempts``) while the connection breaks; ``sink`` takes a 207.

        Raises ``Throttled`` for 429 and 503, ``Broken`` for 502 and 504, else leaves the status to the caller.
        """
        at = ask.at
        for _ in range(_MAX_REDIRECTS + 1):
            reply = await self._patiently(ask, at, sink, attempts)
            target = reply.header("location")
            if reply.status not in _REDIRECTS or target is None:
                return reply
            at = self.trust.redirected(at, target)
        raise ServerProblem(f"{ask.at.origin} redirects in circles.")

    async def _patiently(self, ask: Ask, at: Location, sink: Callable[[], Sink] | None, attempts: int) -> Reply:
        """One hop: a server may have closed the connection on which it sent the redirect."""
        async for attempt in stamina.retry_context(
            on=_worth_another_try, attempts=attempts, timeout=None, wait_initial=0.2, wait_max=2.0, wait_jitter=0.2
        ):
            with attempt:
                reply = await self._authorised(ask, at, sink)
                self._raise_for_pause(reply)
                return reply
        raise AssertionError  # stamina returns or raises

    async def once(self, ask: Ask) -> Reply:
        """A request that is sent once, whatever comes; redirects are not followed."""
        return await self._authorised(ask, ask.at, None)

    def _raise_for_pause(self, reply: Reply) -> None:
        wait = pause(reply.status, reply.header("retry-after"), reply.received)
        if wait is not None:
            minutes = max(1, round(wait.total_seconds() / 60))
            raise Throttled(f"{reply.at.origin} asks for a pause of {minutes} min.", wait)
        if reply.status in {502, 504}:
            raise Broken(f"{reply.at.origin} answers {reply.status}: its back end is not there for now.")

    async def _authorised(self, ask: Ask, at: Location, sink: Callable[[], Sink] | None) -> Reply:
        if self._refused:
            raise LoginRefused(self._refused)
        self.trust.check(at.origin)
        sent = None
        for _ in range(3):  # unasked or without, the scheme that the 401 asks for, a fresh nonce
            sent = self._login.authorization(ask.method, at)
            reply = await self._one(ask, at, sent, sink)
            if reply.status != 401:
                if sent and reply.status < 400:
                    self._login.succeeded(at.origin)
                return reply
            if self._refused or not self._login.learn(at.origin, sent, _challenges(reply)):
                break
        self._refused = (
            f"{at.origin} does not accept the login of account {self._connection.account!r}. "
            f"{app_password_hint(at.origin.host, self.trust.configured.path)} "
            "The daemon does not try it again until the config changes."
        )
        raise LoginRefused(self._refused)

    async def _one(self, ask: Ask, at: Location, authorization: str | None, sink: Callable[[], Sink] | None) -> Reply:
        fields = {**ask.headers, **({"Authorization": authorization} if authorization else {})}
        headers = {name.encode("ascii"): _field(value) for name, value in fields.items()}
        extensions: dict[str, Any] = {"target": request_target(at.path)}
        if ask.on_sent:
            extensions["trace"] = _trace(ask.on_sent)
        client = self._client(at.origin.scheme)
        try:
            request = client.build_request(
                ask.method, str(at.origin), headers=headers, content=ask.content, extensions=extensions
            )
            async with asyncio.timeout(self._connection.request_timeout):
                response = await client.send(request, stream=True)
                try:
                    body = await _body(response, ask.limit, sink)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, TimeoutError, zlib.error) as error:
            raise _translated(error, at, self._connection) from error
        size, name = response.num_bytes_downloaded, self._connection.account
        log.debug("request", account=name, method=ask.method, status=response.status_code, bytes=size)
        return Reply(response.status_code, response.headers, at, datetime.now(UTC), body)


async def _body(response: httpx.Response, limit: int, sink: Callable[[], Sink] | None) -> bytes:
    taker = sink() if sink and response.status_code == 207 else None
    parts = bytearray()
    async for piece in _pieces(response):
        if taker:
            taker.feed(piece)
        elif response.is_success and len(parts) + len(piece) > limit:
            raise BodyTooLarge(f"A reply is larger than {limit} bytes.")
        else:
            parts += piece[: _SMALL_BODY if not response.is_success else None]
            if not response.is_success and len(parts) > _SMALL_BODY:
                break  # the rest of an error page tells nothing
    if taker:
        taker.close()
    return bytes(parts)


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body unpacked by ourselves: the HTTP library makes gigabytes of a small chunk at once."""
    unpacker = Unpacker(response.headers.get("content-encoding", ""))
    async for chunk in response.aiter_raw():
        for position, piece in enumerate(unpacker.pieces(chunk)):
            if position:
                await asyncio.sleep(0)  # a chunk may hold a thousand: the other accounts go on meanwhile
            yield piece
    unpacker.close()


def _field(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:  # an ETag out of a listing's XML
        return value.encode("utf-8")


def _challenges(reply: Reply) -> list[Any]:
    return parse_challenges(reply.headers.get_list("www-authenticate"))


def _trace(on_sent: Callable[[], None]) -> Callable[[str, Mapping[str, Any]], Any]:
    async def trace(event: str, _info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_body.complete":
            on_sent()

    return trace


def _worth_another_try(error: Exception) -> bool:
    return isinstance(error, Broken) and not isinstance(error, TimedOut)


def _tls(connection: Connection) -> ssl.SSLContext:
    context = ssl.create_default_context()  # the owner's own authority may be installed on the system
    if not context.cert_store_stats()["x509_ca"]:
        context = httpx.create_ssl_context(trust_env=False)  # a slim image has none: those of the HTTP library
    if connection.ca_file:
        try:
            context.load_verify_locations(connection.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"ca_file of account {connection.account!r} cannot be used; it must be a readable PEM file."
            ) from error
    return context


def _translated(error: Exception, at: Location, connection: Connection) -> Unreachable:
    origin = at.origin
    tls = _tls_error(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return CertificateRefused(
            f"The TLS certificate of {origin} is not trusted. "
            f"If it is your own server, name its certificate authority: ca_file in [accounts.{connection.account}]."
        )
    if tls and tls.reason in _NO_TLS:
        return Unreachable(
            f"{origin} does not speak TLS: what answers there is no https. Check the port; "
            f"for a server without TLS: http:// in url, and allow_http = true in [accounts.{connection.account}]."
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError | httpx.PoolTimeout | httpx.InvalidURL):
        return Unreachable(f"{origin} cannot be reached. Check the address, the network and that the server runs.")
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return TimedOut(f"{origin} did not answer in time.")
    return Broken(f"The connection to {origin} broke.")


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The first error of TLS that it came from."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error
