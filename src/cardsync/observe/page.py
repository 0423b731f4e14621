"""A small HTTP server for what watches the daemon: a thread of its own, a token, a few paths, GET only."""

import hmac
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, SHUT_RDWR
from socketserver import TCPServer
from urllib.parse import urlsplit

from cardsync.errors import StateProblem, where
from cardsync.logs import get_logger

log = get_logger("cardsync.http")
_TIMEOUT = 10.0  # seconds for a request to arrive and for its reply to leave
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a path answers."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """``free``: without the token, because it tells nothing but whether the daemon works."""

    answer: Callable[[], Reply]
    free: bool = False


class Page:
    """Serves until ``close``."""

    def __init__(
        self, host: str, port: int, token: str | None, routes: Mapping[str, Route], *, seconds: float = _TIMEOUT
    ) -> None:
        """Raises ``StateProblem`` where the address cannot be had."""
        try:
            self._server = _server(host)((host, port), _handler(host, token, routes, seconds))
        except OSError as error:
            raise StateProblem(f"http.listen: {host}:{port} cannot be had: {error.strerror or error}.") from None
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No request is answered any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _server(host: str) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        address_family = AF_INET6 if ":" in host else AF_INET
        daemon_threads = True
        block_on_close = False

        def server_bind(self) -> None:
            """Without a look for this machine's name, which may take its time."""
            TCPServer.server_bind(self)
            self.server_name, self.server_port = host, self.server_address[1]

        free = threading.BoundedSemaphore(_AT_ONCE)

        def process_request(self, request: object, client_address: object) -> None:
            """More at once than anybody needs are turned away, so that no flood takes the memory."""
            if not self.free.acquire(blocking=False):
                self.shutdown_request(request)  # type: ignore[arg-type]  # as it came
                return
            try:
                super().process_request(request, client_address)  # type: ignore[arg-type]
            except BaseException:  # there is no thread to be had
                self.free.release()
                raise

        def process_request_thread(self, request: object, client_address: object) -> None:
            try:
                super().process_request_thread(request, client_address)  # type: ignore[arg-type]
            finally:
                self.free.release()

        def handle_error(self, request: object, client_address: object) -> None:
            """Somebody who leaves early is no news."""

    return Server


class _Handler(BaseHTTPRequestHandler):
    """One request, in ``timeout`` seconds all in all: the base class counts them anew with each byte that comes."""

    server_version, sys_version = "cardsync", ""
    timeout = _TIMEOUT

    def handle(self) -> None:
        cut = threading.Timer(self.timeout, self._cut)
        cut.daemon = True
        cut.start()
        try:
            super().handle()
        finally:
            cut.cancel()

    def _cut(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(SHUT_RDWR)

    def say(self, reply: Reply) -> None:
        with suppress(OSError):
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            if reply.status == 401:
                self.send_header("WWW-Authenticate", "Bearer")
            self.end_headers()
            self.wfile.write(reply.body)

    def refuse(self, status: int, why: bytes) -> None:
        self.say(Reply(status=status, content_type="text/plain", body=why + b"\n"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """What others ask is not logged."""


def _handler(
    listening: str, token: str | None, routes: Mapping[str, Route], seconds: float
) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        timeout = seconds

        def do_GET(self) -> None:
            route = routes.get(self.path.partition("?")[0])
            if not token and not _is_meant(self.headers.get("Host", ""), listening):
                self.refuse(421, b"another host is meant")
            elif route is None:
                self.refuse(404, b"not found")
            elif token and not route.free and not self._knows(token):
                self.refuse(401, b"a bearer token is needed")
            else:
                self.say(_answered(route))

        def _knows(self, token: str) -> bool:
            given = self.headers.get("Authorization", "").encode("latin-1", "replace")
            return hmac.compare_digest(given, f"Bearer {token}".encode())

    return Handler


def _is_meant(host: str, listening: str) -> bool:
    """Not by a name of somebody's to which a browser on this machine was led (DNS rebinding)."""
    try:
        name = urlsplit(f"//{host}").hostname or "localhost"
        return name in {"localhost", listening} or bool(ip_address(name))
    except ValueError:
        return False


def _answered(route: Route) -> Reply:
    try:
        return route.answer()
    except Exception as error:  # noqa: BLE001 - the text of an error may hold anything
        log.error("request failed", error=f"{type(error).__name__} at {where(error)}")  # noqa: TRY400 - so may its traceback
        return Reply(status=500, content_type="text/plain", body=b"a mistake in cardsync itself\n")
