"""The body of an answer: unpacked in pieces that fit into memory, and read as text where it is some.

Pure.  The HTTP library unpacks a whole chunk at once, which makes 45 MB out of 194 KB before any cap sees it.
"""

import codecs
import re
import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
PIECE = 1 << 16  # bytes; gzip makes a thousand of one
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class Unreadable(Exception):
    """The body is packed in a way that nobody asked for, is cut off, or is no such thing."""


class Unpacker:
    """Undoes the Content-Encoding of one body (RFC 9110, section 8.4.1)."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower().removeprefix("x-")
        if self._encoding not in {"", "identity", "gzip", "deflate"}:
            raise Unreadable
        self._packed = self._encoding in {"gzip", "deflate"}
        self._engine: zlib._Decompress | None = None
        self._first = b""

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What a chunk off the wire holds, at most 64 KB at a time; raises ``Unreadable``."""
        if not self._packed:
            yield chunk
            return
        if self._engine is None:
            chunk = self._first + chunk
            if len(chunk) < 2:  # two bytes tell which deflate it is
                self._first = chunk
                return
            self._first = b""
            self._engine = zlib.decompressobj(_window(self._encoding, chunk))
        piece = b""
        while (chunk or len(piece) == PIECE) and not self._engine.eof:  # what follows the end is padding
            try:
                piece = self._engine.decompress(chunk, PIECE)
            except zlib.error as error:
                raise Unreadable from error
            chunk = self._engine.unconsumed_tail
            yield piece

    def close(self) -> None:
        """The body is over; raises ``Unreadable`` where it is cut off."""
        if self._first or (self._engine and not self._engine.eof):
            raise Unreadable


def _window(encoding: str, start: bytes) -> int:
    """``deflate`` is zlib's format, but some servers send it bare."""
    if encoding == "gzip":
        return _GZIP
    return _ZLIB if start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0 else _RAW


# ---------------------------------------------------------------- text

_TEXT = re.compile(r"text/[\w.+-]+|application/(?:[\w.-]+\+)?json")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_SAFE = re.compile(  # Python knows codecs that are no charsets, and slow ones: punycode, idna, unicode_escape ...
    r"(?:utf-8|utf-16(?:-[lb]e)?|ascii|iso8859-\d{1,2}|cp125[0-8]|cp932|koi8-[ru]|shift_jis|euc_(?:jp|kr)"
    r"|gb2312|gbk|gb18030|big5|mac-roman|tis-620)"
)


def is_text(content_type: str) -> bool:
    """Whether a Content-Type is one whose text we read: text, or JSON of any kind."""
    return bool(_TEXT.fullmatch(content_type.partition(";")[0].strip().lower()))


def text_of(body: bytes, content_type: str) -> str:
    """The body as text, never failing: the charset of the header, else of the page itself, else UTF-8."""
    for found in (_CHARSET.search(content_type), _META.search(body[:2048])):
        if found:
            name = found[1] if isinstance(found[1], str) else found[1].decode("ascii", "replace")
            return body.decode(_codec(name), "replace")
    return body.decode("utf-8-sig", "replace")


def _codec(name: str) -> str:
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return "utf-8-sig"
    if known == "iso8859-1":
        return "cp1252"  # as browsers do (WHATWG Encoding)
    return known if known != "utf-8" and _SAFE.fullmatch(known) else "utf-8-sig"
