"""One card as its bytes: a lenient, linear-time scan that keeps the offset of every content line.

Reading is lenient, writing is strict: ``scan`` makes the best of what is there, ``refusal`` says whether a
card may be edited at all, ``fragile`` whether only a server that stores bytes exactly may be given it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cardsync.errors import CardRefused
from cardsync.vcard.lines import (
    NEXT,
    ContentLine,
    bare_parameters,
    content_line,
    legal_parameters,
    line_stop,
    split,
    unescape,
    unfold,
)

_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?BEGIN[ \t]*:[ \t]*VCARD\b", re.IGNORECASE)
_ANOTHER = re.compile(rb"^BEGIN[ \t]*:[ \t]*VCARD\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A card: ``lines`` are its properties in order, without BEGIN and END and what is nested between them.

    ``end`` is the offset of the END line (or of the end of the data, if it is missing), where a new line
    would go.  ``fault`` is the first structural fault: "", or a reason word of ``refusal``.
    """

    data: bytes
    lines: tuple[ContentLine, ...]
    end: int
    fault: str = ""

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[ContentLine]]:
        found: dict[str, list[ContentLine]] = {}
        for line in self.lines:
            found.setdefault(line.name, []).append(line)
        return found

    def all(self, name: str) -> Sequence[ContentLine]:
        """The properties named so (upper case), in order."""
        return self._by_name.get(name, ())

    def first(self, name: str) -> ContentLine | None:
        """The first property named so (upper case)."""
        return next(iter(self.all(name)), None)

    def text(self, name: str) -> str:
        """The text of the first property named so, stripped; '' without one."""
        line = self.first(name)
        return line.text().strip() if line else ""

    @property
    def version(self) -> str:
        """VERSION as it stands, '' without one."""
        return self.text("VERSION")

    @property
    def is_group(self) -> bool:
        """Whether this is an Apple or vCard 4 group card (RFC 6350, section 6.1.4)."""
        kinds = (*self.all("KIND"), *self.all("X-ADDRESSBOOKSERVER-KIND"))
        return any(line.text().strip().lower() == "group" for line in kinds)

    @property
    def newline(self) -> bytes:
        """The card's own line ending."""
        return b"\r\n" if b"\r\n" in self.data else b"\n"


def scan(data: bytes) -> Document:
    """Read the first card in ``data``, leniently; CardRefused("unreadable") if there is none."""
    fault, position, begun = "", 0, False
    while position < len(data) and not begun:
        start, position = position, line_stop(data, position)
        begun = _BEGIN.match(unfold(data[start : min(position, start + 99)])) is not None
        if not begun or content_line(data, start, position) is None:  # something before BEGIN, or a byte order mark
            fault = "unscannable-line"
    if not begun:
        raise CardRefused("unreadable", "This is no vCard: it has no line BEGIN:VCARD.")
    return _scan_properties(data, position, fault)


def _scan_properties(data: bytes, position: int, fault: str) -> Document:
    lines: list[ContentLine] = []
    depth = 1
    while position < len(data):
        start, position = position, line_stop(data, position)
        line = content_line(data, start, position)
        if line is None:
            fault = fault or "unscannable-line"
        elif line.name == "BEGIN":
            depth, fault = depth + 1, fault or "nested"
        elif line.name == "END":
            depth -= 1
            if depth == 0:
                return Document(data=data, lines=tuple(lines), end=start, fault=fault or _after(data, position))
        elif depth == 1:
            if "QUOTED-PRINTABLE" in line.parameters.upper():
                position = _soft_stop(data, start, position)
                line = content_line(data, start, position) or line
            lines.append(line)
    return Document(data=data, lines=tuple(lines), end=len(data), fault=fault or "no-end")


def _after(data: bytes, stop: int) -> str:
    """The fault behind END: only empty lines may stand there."""
    if not data[stop:].strip(b"\r\n"):
        return ""
    return "several-cards" if _ANOTHER.search(data, stop) else "unscannable-line"


def _soft_stop(data: bytes, start: int, stop: int) -> int:
    """Where a quoted-printable line ends: each physical line that ends in ``=`` goes on in the next (vCard 2.1)."""
    while stop < len(data) and data.endswith((b"=\n", b"=\r\n"), start, stop):
        stop = line_stop(data, stop)
    return stop


_SENTENCES = {
    "too-large": "The card is larger than the server accepts.",
    "nul": "The card holds a NUL byte.",
    "bare-cr": "The card holds a carriage return without a line feed.",
    "mixed-line-ends": "Some lines of the card end in CRLF and some in LF.",
    "not-utf8": "The card is not valid UTF-8.",
    "nested": "The card holds another card or component.",
    "several-cards": "There is more than one card in it.",
    "no-end": "The card is cut off: it has no line END:VCARD.",
    "unscannable-line": "The card holds a line that is no vCard property.",
    "version": "The card does not say exactly once that it is version 3.0 or 4.0.",
    "group": "This is a group and no contact.",
    "no-name": "The card has no N property.",
    "no-formatted-name": "The card has no FN property.",
    "no-uid": "The card has no UID.",
    "note-encoding": "The note is encoded (ENCODING).",
    "note-charset": "The note is in a character set other than UTF-8.",
    "note-altid": "The note has alternative representations (ALTID).",
    "note-value": "The note is not of type text.",
    "note-backslash": "The note ends in a lone backslash.",
    "note-head-folded": "The line of the note is folded before its value begins.",
}
_COMMA_LISTS = frozenset({"N", "ADR", "CATEGORIES", "GEO"})
_PAIR = re.compile(rb"\\.", re.DOTALL)
_BARE_CR = re.compile(rb"\r(?!\n)")


def refused(reason: str) -> CardRefused:
    """The error for a reason word, with its sentence."""
    return CardRefused(reason, _SENTENCES[reason])


def refusal(document: Document, *, max_size: int | None = None) -> CardRefused | None:
    """Why this card must not be edited, or None; ``max_size`` is the server's bound in bytes.

    The list is strict on purpose: a card that some program could read otherwise than we do is not repaired,
    and not touched.
    """
    if max_size is not None and len(document.data) > max_size:
        return refused("too-large")
    reason = _byte_fault(document.data) or document.fault or next(_property_faults(document), "")
    return refused(reason) if reason else None


def _byte_fault(data: bytes) -> str:
    if b"\0" in data:
        return "nul"
    if _BARE_CR.search(data):
        return "bare-cr"
    crlf = data.count(b"\r\n")
    if crlf and crlf != data.count(b"\n"):
        return "mixed-line-ends"
    try:
        data.decode()
    except UnicodeDecodeError:
        try:
            unfold(data).decode()  # a fold may stand inside a character
        except UnicodeDecodeError:
            return "not-utf8"
    return ""


def _property_faults(document: Document) -> Iterator[str]:
    if any(not legal_parameters(line.parameters) for line in document.lines if line.parameters):
        yield "unscannable-line"
    if [line.text().strip() for line in document.all("VERSION")] not in (["3.0"], ["4.0"]):
        yield "version"
    if document.is_group:
        yield "group"
    if document.first("N") is None:
        yield "no-name"
    if document.first("FN") is None:
        yield "no-formatted-name"
    if not document.text("UID"):
        yield "no-uid"
    for line in document.all("NOTE"):
        yield from _note_faults(line)


def _note_faults(line: ContentLine) -> Iterator[str]:
    params = {name: {value.lower() for value in values} for name, values in line.params.items()}
    if "ENCODING" in params:
        yield "note-encoding"
    if params.get("CHARSET", {"utf-8"}) - {"utf-8", "utf8"}:
        yield "note-charset"
    if "ALTID" in params:
        yield "note-altid"
    if params.get("VALUE", {"text"}) - {"text"}:
        yield "note-value"
    if _ends_in_lone_backslash(line.raw):
        yield "note-backslash"


def _ends_in_lone_backslash(value: bytes) -> bool:
    return (len(value) - len(value.rstrip(b"\\"))) % 2 == 1


def fragile(document: Document) -> str | None:
    """Why a server that re-serialises would damage this card, as a sentence; None: it would not.

    Measured: Radicale (through vobject) cuts every value but those of lists at a bare comma, a 4.0
    ``PHOTO:data:`` too, and loses the types of ``TEL;HOME``; iOS shows a note up to a bare semicolon only.
    """
    for line in document.lines:
        if line.parameters and bare_parameters(line.parameters):
            return "A type stands without TYPE= (as in TEL;HOME)."
        if document.data.startswith((b"data:", b"DATA:"), line.head_stop):
            return "A picture or the like stands in it as a data: address."
        if line.name not in _COMMA_LISTS and _has_bare(line, b","):
            return "A text holds a comma or semicolon without a backslash."
        if line.name in {"NOTE", "NICKNAME"} and _has_bare(line, b";"):
            return "A text holds a comma or semicolon without a backslash."
    return None


def torn_in_folding(document: Document) -> bool:
    """Whether a server that folds lines every 74 UTF-16 units would fold a note within a character beyond the BMP.

    Measured: SOGo 5.8 then stores ``(null)`` instead of the card.
    """
    for line in document.all("NOTE"):
        at = 0
        for character in unfold(document.data[line.start : line.value_stop]).decode("utf-8", "replace"):
            wide = ord(character) > _BMP
            if wide and at and at % _SOGO_FOLDS == 0:
                return True
            at += 1 + wide
    return False


_BMP, _SOGO_FOLDS = 0xFFFF, 74


def _has_bare(line: ContentLine, separator: bytes) -> bool:
    if line.data.find(separator, line.head_stop, line.stop) < 0:
        return False
    return separator in _PAIR.sub(b"", line.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the bulk pull keeps of a card that nobody asks about."""

    uid: str
    is_group: bool
    categories: tuple[str, ...]


_PEEK = re.compile(
    rb"(?:[A-Za-z0-9-]++\.)?(?:UID|CATEGORIES|KIND|X-ADDRESSBOOKSERVER-KIND)[;:]|([^:;\n]++\n[ \t])", re.IGNORECASE
)


def peek(data: bytes) -> Summary:
    """UID, kind and categories without a scan, for ten thousand cards a second.

    Raises CardRefused("unreadable") where there is no card at all: an error page is not an empty card.
    """
    uid, is_group, categories = "", False, []
    for end in NEXT.finditer(data):
        start = end.end()
        match = _PEEK.match(data, start)
        if match is None:
            continue
        if match[1]:  # a name or group that is folded itself: rare, and legal
            return _peek_by_scan(data)
        line = content_line(data, start, line_stop(data, start))
        if line is None:
            continue
        if line.name == "UID":
            uid = uid or line.text().strip()
        elif line.name == "CATEGORIES":
            categories += _categories(line)
        else:
            is_group = is_group or line.text().strip().lower() == "group"
    if not uid:
        return _peek_by_scan(data)
    return Summary(uid=uid, is_group=is_group, categories=tuple(categories))


def _peek_by_scan(data: bytes) -> Summary:
    document = scan(data)
    return Summary(uid=document.text("UID"), is_group=document.is_group, categories=categories_of(document))


def categories_of(document: Document) -> tuple[str, ...]:
    """All CATEGORIES in order (RFC 6350, section 6.7.1)."""
    return tuple(name for line in document.all("CATEGORIES") for name in _categories(line))


def _categories(line: ContentLine) -> list[str]:
    names = (unescape(part).strip() for part in split(line.characters(), ","))
    return [name for name in names if name]
