"""Encoded words (RFC 2047) in display names: pure, never raises, linear."""

import binascii
import re

_WORD = re.compile(r"=\?([A-Za-z0-9_-]{1,40})(?:\*[A-Za-z0-9-]{1,20})?\?([bBqQ])\?([^?\s]*)\?=")
_CHARSET = re.compile(  # no codec of Python's that is none of mail's: some are slow, some are no text
    r"(?:us-ascii|utf-?8|iso-?8859-\d+|(?:windows-|cp)125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis"
    r"|iso-2022-(?:jp|kr)|euc-(?:jp|kr))",
    re.IGNORECASE,
)
_Q = re.compile(rb"=([0-9A-Fa-f]{2})")


def decoded(text: str) -> str:
    """``text`` with its encoded words decoded; one that cannot be decoded stays as it is."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    pending: list[bytes] = []
    charset, end = "", 0
    for match in _WORD.finditer(text):
        data = _bytes(match[2], match[3])
        if data is None or not _CHARSET.fullmatch(match[1]):
            continue
        between = text[end : match.start()]
        beside = bool(pending) and not between.strip()
        if not beside or match[1].lower() != charset:  # else one letter may be cut in two by the words
            pieces.append(_text(pending, charset))
            pieces.append("" if beside else between)
            pending, charset = [], match[1].lower()
        pending.append(data)
        end = match.end()
    return "".join((*pieces, _text(pending, charset), text[end:]))


def _bytes(encoding: str, word: str) -> bytes | None:
    raw = word.encode("utf-8", "replace")
    if encoding in "qQ":
        return _Q.sub(lambda match: bytes([int(match[1], 16)]), raw.replace(b"_", b" "))
    try:
        return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return None


def _text(data: list[bytes], charset: str) -> str:
    if not data:
        return ""
    try:
        return b"".join(data).decode(charset, "replace")
    except (LookupError, UnicodeError):  # a number that no charset of the family has
        return ""
