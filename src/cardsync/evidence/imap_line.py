"""The line to an IMAP server: what it may carry, and how it is cut from outside.

``imaplib`` reads literals of any length and lines without end, and its time-out is for each ``recv``.
"""

import imaplib
import socket
import ssl
import threading
from contextlib import suppress

from imapclient import IMAPClient, SocketTimeout

from cardsync.sources import SourceFailed

_LITERAL = 1 << 20  # bytes; the longest that we ask for has 65,536
_LOOK = 64 << 20  # bytes; 2000 headers of mail have 3 to 10 million
_EACH = 1000  # bytes as which a line counts besides its own: what it costs to keep and to read


class Line:
    """The connection of one look; ``cut`` ends it from any thread, also one that is not made yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._is_cut = False
        self._left = _LOOK

    def hold(self, connection: socket.socket) -> None:
        """Keep hold of a TCP connection, whatever is laid over it."""
        held = connection.dup()
        with self._lock:
            self._held.append(held)
        if self._is_cut:
            self.cut()

    def cut(self) -> None:
        """Whoever waits for the connection stops waiting, with an ``OSError`` or the end of the stream."""
        with self._lock:
            self._is_cut = True
            for held in self._held:
                with suppress(OSError):  # it is over already
                    held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        with self._lock:
            while self._held:
                self._held.pop().close()

    def carry(self, size: int, most: int = _LOOK) -> None:
        """Count ``size`` bytes of an answer; raises ``SourceFailed``, and cuts, if they are too many."""
        self._left -= size + _EACH
        if size > most or self._left < 0:
            self.cut()
            raise SourceFailed("The mail server sends more than was asked for; see its log for the reason.")


class _Imap(imaplib.IMAP4):
    """``IMAP4`` over a ``Line``, with TLS from the beginning if there is a context."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, seconds: float, line: Line) -> None:
        self._context, self._seconds, self._line = context, seconds, line
        super().__init__(host, port, seconds)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        connection = socket.create_connection((self.host, self.port), self._seconds)
        self._line.hold(connection)
        try:
            return self._context.wrap_socket(connection, server_hostname=self.host) if self._context else connection
        except BaseException:
            connection.close()
            raise

    def read(self, size: int) -> bytes:
        self._line.carry(size, _LITERAL)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._line.carry(len(line))
        return line


class Client(IMAPClient):  # type: ignore[misc]  # it has no types
    """``IMAPClient`` over a ``Line``; ``context`` None: no TLS, or not from the beginning."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None, timeout: SocketTimeout, line: Line
    ) -> None:
        self._line = line
        super().__init__(host, port=port, ssl=context is not None, ssl_context=context, timeout=timeout)

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - its name
        return _Imap(self.host, self.port, self.ssl_context, self._timeout.connect, self._line)
