"""A TCP proxy that cuts a connection after so many bytes of the server's answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_SECONDS = 30.0


@dataclass(slots=True)
class Cutting:
    """``after``: bytes of the server's that a connection lets through, None for all; ``passed``: of the last one."""

    port: int
    after: int | None = None
    passed: int = 0


@contextmanager
def cutting(port: int) -> Iterator[Cutting]:
    """A proxy before ``port`` on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Cutting(int(listener.getsockname()[1]))
        thread = threading.Thread(target=_serve, args=(listener, port, proxy), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(_SECONDS)


def _serve(listener: socket.socket, port: int, proxy: Cutting) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as server:
            client.settimeout(_SECONDS)
            proxy.passed = 0
            upward = threading.Thread(target=_copy, args=(client, server), daemon=True)
            upward.start()
            _copy(server, client, proxy)
            upward.join(_SECONDS)


def _copy(source: socket.socket, target: socket.socket, proxy: Cutting | None = None) -> None:
    with suppress(OSError):
        while data := source.recv(4096):
            if proxy is not None:
                left = len(data) if proxy.after is None else max(0, proxy.after - proxy.passed)
                data = data[:left]
                proxy.passed += len(data)
            target.sendall(data)
            if proxy is not None and proxy.passed == proxy.after:
                break
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
