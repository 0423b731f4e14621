"""Content lines (RFC 6350, section 3.3; RFC 2426, section 4): bytes first, read on demand.

A ``ContentLine`` is a window on the card's bytes; nothing is unfolded or copied until it is asked for.
Every pattern is possessive or anchored, so that hostile lines cost linear time.
"""

import quopri
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

FOLD = re.compile(rb"\r?\n[ \t]")
NEXT = re.compile(rb"\n(?![ \t])")
_HEAD_STOP = re.compile(rb'[^":]*+(?:"[^"]*+"[^":]*+)*+:')
_HEAD = re.compile(rb'(?:([A-Za-z0-9-]++)\.)?([A-Za-z0-9-]++)((?:;[^";:\r\n]*+(?:"[^"\r\n]*+"[^";:\r\n]*+)*+)*+):')
_PARAMETER = re.compile(r';++([^=;"]*+)(=)?((?:[^;"]++|"[^"]*+")*+)')
_LEGAL_PARAMETERS = re.compile(r'(?:;[A-Za-z0-9-]++(?:=(?:[^;"]++|"[^"]*+")*+)?+)*+')
_NAMED_PARAMETERS = re.compile(r'(?:;[^=;"]*+=(?:[^;"]++|"[^"]*+")*+)*+')
_PARAMETER_VALUE = re.compile(r'(?:[^,"]++|"[^"]*+")++')
_CARET = re.compile(r"\^([n^'])")
ESCAPE = re.compile(r'\\([nN,;\\:"])')
_UNESCAPED = (
    ("\\\\", "\0"),  # first, so that each backslash that is left begins an escape, or none
    *((f"\\{character}", "\n" if character in "nN" else character) for character in 'nN,;:"'),
    ("\0", "\\"),
)
_CHARSET = re.compile(
    r"(?:us-ascii|iso-8859-\d\d?|windows-125\d|shift_jis|euc-(?:jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5|koi8-r)",
    re.IGNORECASE,
)
_CODED = re.compile("charset|quoted-printable", re.IGNORECASE)
_BARE_ENCODINGS = frozenset({"QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT"})


class ContentLine(NamedTuple):
    """One property: ``data[start:head_stop]`` is the head with its ``:``, ``data[:stop]`` ends behind the line end.

    ``name`` and ``group`` are upper case; ``parameters`` is the unfolded head from the first ``;`` on.
    """

    data: bytes
    start: int
    head_stop: int
    stop: int
    group: str
    name: str
    parameters: str

    @property
    def value_stop(self) -> int:
        """Offset behind the last byte of the value, before the line end."""
        stop = self.stop
        if self.data.endswith(b"\n", self.head_stop, stop):
            stop -= 1
            if self.data.endswith(b"\r", self.head_stop, stop):
                stop -= 1
        return stop

    @property
    def raw(self) -> bytes:
        """The value, unfolded and otherwise as it stands."""
        return unfold(self.data[self.head_stop : self.value_stop])

    @property
    def params(self) -> Mapping[str, tuple[str, ...]]:
        """Parameters by upper-case name; bare ones (vCard 2.1) are TYPEs, or ENCODING where they name one."""
        return parse_parameters(self.parameters) if self.parameters else {}

    @property
    def types(self) -> frozenset[str]:
        """The TYPE values, lower case, lists split."""
        usual = len(self.parameters) < _USUAL
        return _usual_types(self.parameters) if usual else _types(self.parameters)

    def characters(self) -> str:
        """The value as text, its escapes still in place; quoted-printable and CHARSET (vCard 2.1) are undone."""
        raw = self.raw
        if not self.parameters or not _CODED.search(self.parameters):
            return raw.decode("utf-8", "replace")
        params = self.params
        if "QUOTED-PRINTABLE" in (value.upper() for value in params.get("ENCODING", ())):
            raw = quopri.decodestring(raw)
        charset = next(iter(params.get("CHARSET", ())), "utf-8")
        try:
            return raw.decode(charset if _CHARSET.fullmatch(charset) else "utf-8", "replace")
        except LookupError:  # as iso-8859-99
            return raw.decode("utf-8", "replace")

    def text(self) -> str:
        """The value as one text, unescaped leniently; a bare comma is a comma."""
        return unescape(self.characters())

    def parts(self) -> tuple[str, ...]:
        """The components of a structured value (N, ADR, ORG): split at bare ``;``, unescaped, stripped."""
        return tuple(unescape(part).strip() for part in split(self.characters(), ";"))


def content_line(data: bytes, start: int, stop: int) -> ContentLine | None:
    """The line at ``data[start:stop]``; None if it is not ``[group.]name *(;param) : value``."""
    head = _HEAD.match(data, start, stop)
    head_stop = head.end() if head else 0
    if head is None:
        until = _HEAD_STOP.match(data, start, stop)
        if until is None or data.startswith((b"\n", b"\r"), start):
            return None
        head, head_stop = _HEAD.fullmatch(unfold(until[0])), until.end()
        if head is None:
            return None
    group, name, parameters = head[1], head[2].decode().upper(), head[3].decode("utf-8", "replace")
    return ContentLine(data, start, head_stop, stop, group.decode().upper() if group else "", name, parameters)


def line_stop(data: bytes, start: int) -> int:
    """Where the content line that begins at ``start`` ends, its line end and continuations included."""
    end = NEXT.search(data, start)
    return end.end() if end else len(data)


def unfold(data: bytes) -> bytes:
    """Without line end + one white space (RFC 6350, section 3.2); before decoding, since folds split characters."""
    return FOLD.sub(b"", data) if b"\n" in data else data


def parse_parameters(parameters: str) -> dict[str, tuple[str, ...]]:
    """``;NAME=value,"value"`` by upper-case name, RFC 6868 decoded."""
    found: dict[str, list[str]] = {}
    for name, equals, values in _PARAMETER.findall(parameters):
        key = name.strip().upper()
        if equals:
            texts = (_uncaret(text.replace('"', "").strip()) for text in _PARAMETER_VALUE.findall(values))
            found.setdefault(key, []).extend(texts)
        elif key:
            found.setdefault("ENCODING" if key in _BARE_ENCODINGS else "TYPE", []).append(name.strip())
    return {key: tuple(texts) for key, texts in found.items()}


def _types(parameters: str) -> frozenset[str]:
    values = parse_parameters(parameters).get("TYPE", ())
    return frozenset(part.strip().lower() for value in values for part in value.split(","))


_USUAL = 200  # characters of parameters: a whole book has a handful of them
_usual_types = lru_cache(maxsize=512)(_types)


def legal_parameters(parameters: str) -> bool:
    """Whether the text is a sequence of ``;NAME``, ``;NAME=values``."""
    return _LEGAL_PARAMETERS.fullmatch(parameters) is not None


def bare_parameters(parameters: str) -> bool:
    """Whether a parameter has no ``=`` (vCard 2.1's ``TEL;HOME``)."""
    return _NAMED_PARAMETERS.fullmatch(parameters) is None


def unescape(text: str) -> str:
    r"""Lenient: ``\n \N \, \; \\`` and the ``\:`` and ``\"`` of old clients; any other backslash stays."""
    if "\\" not in text:
        return text
    if "\0" in text:
        return ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], text)
    for escape, character in _UNESCAPED:  # a note may hold a million of them
        text = text.replace(escape, character)
    return text


def split(text: str, separator: str) -> list[str]:
    """``text`` at each ``separator`` that no backslash escapes; the escapes stay in the parts."""
    if "\\" not in text:
        return text.split(separator)
    part = re.compile(rf"((?:[^\\{separator}]++|\\.?)*+)({separator}?)", re.DOTALL)
    found: list[str] = []
    for match in part.finditer(text):
        found.append(match[1])
        if not match[2]:
            break
    return found


def _uncaret(value: str) -> str:
    return _CARET.sub(lambda m: {"n": "\n", "'": '"', "^": "^"}[m[1]], value) if "^" in value else value
