"""Bodies come plain or gzipped once, and are unpacked in pieces that fit into memory (RFC 9110, section 8.4)."""

import zlib
from collections.abc import Iterator

from cardsync.errors import ServerProblem

ACCEPTED = "gzip"
_PIECE = 1 << 16  # bytes; gzip makes a thousand of one
_GZIP = zlib.MAX_WBITS | 16


class UnknownEncoding(ServerProblem):
    """The body is packed in a way that nobody asked for."""


class Unpacker:
    """Undoes the Content-Encoding of one body; what is no whole gzip raises ``zlib.error``."""

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower()
        if name not in {"", "identity", "gzip", "x-gzip"}:
            raise UnknownEncoding("The server packs its reply in a way that nobody asked for. Nothing was changed.")
        self._gzip = zlib.decompressobj(_GZIP) if name.endswith("gzip") else None
        self._begun = False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What a chunk off the wire holds, at most 64 KB at a time."""
        if self._gzip is None:
            yield chunk
            return
        self._begun |= bool(chunk)
        while chunk:
            piece = self._gzip.decompress(chunk, _PIECE)
            chunk = self._gzip.unconsumed_tail
            if self._gzip.unused_data:
                raise zlib.error("something follows the end")
            yield piece

    def close(self) -> None:
        """The body is over."""
        if self._gzip and self._begun and not self._gzip.eof:
            raise zlib.error("cut off")
