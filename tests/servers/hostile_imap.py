"""IMAP servers on loopback that send too much, or never come to an end."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Talk = Callable[[socket.socket, threading.Event], None]
"""Speaks with one client until the event is set, or the client is gone (``OSError``)."""


@contextmanager
def hostile(talk: Talk) -> Iterator[int]:
    """A server that speaks so; gives its port on loopback."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, talk, over), daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, talk: Talk, over: threading.Event) -> None:
    while not over.is_set():
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_talk, args=(client, talk, over), daemon=True).start()


def _talk(client: socket.socket, talk: Talk, over: threading.Event) -> None:
    with client, suppress(OSError):
        talk(client, over)


def drip(client: socket.socket, over: threading.Event) -> None:
    """A byte of a greeting that has no end, now and then."""
    while not over.wait(0.05):
        client.sendall(b"*")


def examining(flood: bytes, begin: bytes = b"") -> Talk:
    """Answers as a server does, until EXAMINE: then ``begin``, and ``flood`` without end."""

    def talk(client: socket.socket, over: threading.Event) -> None:
        client.sendall(b"* OK hello\r\n")
        for line in client.makefile("rb"):
            tag, command = line.split()[:2]
            if command.upper() == b"EXAMINE":
                client.sendall(begin)
                while not over.is_set():
                    client.sendall(flood)
            if command.upper() == b"CAPABILITY":
                client.sendall(b"* CAPABILITY IMAP4rev1\r\n")
            client.sendall(tag + b" OK done\r\n")

    return talk
