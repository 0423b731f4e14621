"""The page under clients that take their time, or that somebody led to it."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from cardsync.observe.page import Page, Reply, Route

SECONDS = 0.5
MANY = 12  # more than are let in at once


@pytest.fixture
def page() -> Iterator[Page]:
    well = Route(answer=lambda: Reply(status=200, content_type="text/plain", body=b"well"))
    made = Page("127.0.0.1", 0, None, {"/": well}, seconds=SECONDS)
    yield made
    made.close()


def asked(page: Page) -> bytes:
    with socket.create_connection(("127.0.0.1", page.port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        try:
            return b"".join(iter(lambda: client.recv(4096), b""))
        except ConnectionError:
            return b""


def test_clients_that_send_a_byte_now_and_then_hold_it_for_a_moment_only(page: Page) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", page.port))) for _ in range(MANY)]
        end = time.monotonic() + 40 * SECONDS
        while not asked(page).endswith(b"well"):
            assert time.monotonic() < end, "they hold it"
            for client in slow:
                with suppress(OSError):
                    client.sendall(b"G")
            time.sleep(SECONDS / 10)  # they are slow


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:9380", 200), ("[::1]", 200), ("", 200), ("evil.example", 421), ("[", 421)],
)
def test_a_name_that_is_not_ours_is_turned_away(page: Page, host: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=5) as client:
        client.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        assert client.recv(64).split()[1] == str(status).encode()
