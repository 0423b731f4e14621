"""A plain HTTP server in a thread, for servers of our own shape and for faults no real one shows on demand."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase


@dataclass(frozen=True, slots=True)
class Request:
    """As it came in; ``path`` exactly as on the wire, header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int


@dataclass(frozen=True, slots=True)
class Response:
    """``headers`` is a list because a 401 may have several challenges; ``cut`` breaks off after that many bytes.

    ``raw`` writes all there is to send itself, until it returns or nobody listens any more.
    """

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    cut: int | None = None
    raw: Callable[[BufferedIOBase], None] | None = None


Answerer = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Loopback:
    """A server that runs, and all that it was asked."""

    port: int
    requests: list[Request]
    scheme: str = "http"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = "localhost" if self.scheme == "https" else "127.0.0.1"
        return f"{self.scheme}://{host}:{self.port}"

    def asked(self) -> list[str]:
        """``METHOD path`` of every request so far."""
        return [f"{request.method} {request.path}" for request in self.requests]


@contextmanager
def serve(answer: Answerer, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Answer requests until the block ends."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 30

        server: ThreadingHTTPServer

        def handle_one_request(self) -> None:
            try:
                self.raw_requestline = self.rfile.readline(65537)
            except OSError:
                self.raw_requestline = b""
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.raw_requestline.split(b" ")[1].decode("latin-1")
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, path, headers, body, self.server.server_port)
            requests.append(request)
            response = answer(request)
            with suppress(OSError):  # nobody listens any more
                self._send(response)

        def _send(self, response: Response) -> None:
            if response.raw is not None:
                self.close_connection = True
                response.raw(self.wfile)
                return
            self.send_response(response.status)
            for name, value in response.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body if response.cut is None else response.body[: response.cut])
            self.close_connection |= response.cut is not None

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Tests read ``requests`` instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Loopback(server.server_port, requests, "https" if tls else "http")
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
