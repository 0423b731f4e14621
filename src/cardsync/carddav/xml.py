"""Bodies of requests, and multistatus replies read as they stream in (RFC 4918, sections 13 and 14).

Line ends: an XML parser turns CRLF into LF, so text read here may differ from the stored bytes in that.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from lxml import etree

from cardsync.errors import ListingFailed

DAV = "{DAV:}"
CARDDAV = "{urn:ietf:params:xml:ns:carddav}"
CALENDARSERVER = "{http://calendarserver.org/ns/}"
OWNCLOUD = "{http://owncloud.org/ns}"
_PREFIXES = {DAV: "D", CARDDAV: "C", CALENDARSERVER: "CS", OWNCLOUD: "OC"}

GETETAG = f"{DAV}getetag"
GETCONTENTLENGTH = f"{DAV}getcontentlength"
RESOURCETYPE = f"{DAV}resourcetype"
SYNC_TOKEN = f"{DAV}sync-token"
GETCTAG = f"{CALENDARSERVER}getctag"
ADDRESS_DATA = f"{CARDDAV}address-data"
_HREF, _STATUS = f"{DAV}href", f"{DAV}status"
_PROPSTAT, _PROP = f"{DAV}propstat", f"{DAV}prop"

_SPACE = " \t\r\n"
_LONGEST_RESPONSE = 16 << 20  # bytes; no card is as large
_MOST_MARKS = 200_000  # "<" and quotes in a response: an element or attribute takes 40 times its bytes in memory
_MARKS = (b"<", b'"', b"'")
MOST_RESPONSES = 300_000  # three times what we are made for; each costs time, however short it is


_TOO_LARGE = "The server's reply is larger than any address book should be. Nothing was changed."


class Malformed(ListingFailed):
    """A multistatus that is not well-formed, holds a DOCTYPE, or exceeds its bound."""


@dataclass(frozen=True, slots=True)
class Value:
    """An element: its text as it stands, attributes, child elements."""

    tag: str
    text: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple["Value", ...] = ()

    def hrefs(self) -> list[str]:
        """The hrefs directly inside, without surrounding white space."""
        found = (child.text.strip(_SPACE) for child in self.children if child.tag == f"{DAV}href")
        return [href for href in found if href]

    def tags(self) -> set[str]:
        """The names of all elements below."""
        return {child.tag for child in self.children}.union(*(child.tags() for child in self.children))


@dataclass(frozen=True, slots=True)
class Answer:
    """One DAV:response: its href as spelt, its own status if it has one, the properties found (2xx)."""

    href: str
    status: int | None
    properties: Mapping[str, Value]

    def text(self, name: str) -> str | None:
        """The text of a property without surrounding white space; None: absent or empty."""
        value = self.properties.get(name)
        return (value.text.strip(_SPACE) or None) if value else None


class MultistatusReader:
    """Feeds on the chunks of a 207 body and hands each response on; memory stays that of one response.

    No entities, no network, no DTD; ``limit`` bounds the decoded body, in bytes.
    """

    def __init__(self, found: Callable[[Answer], None], limit: int) -> None:
        self._found = found
        self._left = limit
        self._unread = 0  # bytes since the last whole response
        self._marks = 0  # in these, after the first _MOST_MARKS bytes
        self._responses = 0
        self._rooted = False
        self.sync_token: str | None = None
        self._parser = etree.XMLPullParser(
            events=("start", "end"),
            tag=(f"{DAV}multistatus", f"{DAV}response", SYNC_TOKEN),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )

    def feed(self, chunk: bytes) -> None:
        """Take in a part of the body.  Raises ``Malformed``."""
        self._left -= len(chunk)
        self._unread += len(chunk)
        if self._unread > _MOST_MARKS:  # before that there cannot be as many
            self._marks += sum(map(chunk.count, _MARKS))
        if self._left < 0 or self._unread > _LONGEST_RESPONSE:
            raise Malformed(_TOO_LARGE)
        try:
            self._parser.feed(chunk)
            self._drain()
        except etree.XMLSyntaxError:
            raise Malformed("The server's reply is not well-formed XML.") from None
        if self._marks > _MOST_MARKS:
            raise Malformed(_TOO_LARGE)

    def close(self) -> None:
        """The body is over.  Raises ``Malformed`` when it is no whole multistatus."""
        try:
            root = self._parser.close()
            self._drain()
        except etree.XMLSyntaxError:
            raise Malformed("The server's reply is not well-formed XML, or was cut off.") from None
        if root is None or root.tag != f"{DAV}multistatus":
            raise Malformed("The server's reply is not a DAV multistatus.")

    def _drain(self) -> None:
        for event, element in self._parser.read_events():
            if not isinstance(element, etree._Element):  # only the stubs know other events here
                continue
            if event == "start":
                self._check_root(element)
            elif element.tag == f"{DAV}response":
                self._unread = self._marks = 0
                self._responses += 1
                if self._responses > MOST_RESPONSES:
                    raise Malformed(_TOO_LARGE)
                self._found(_answer(element))
                _forget(element)
            elif element.tag == SYNC_TOKEN and element.getparent() is element.getroottree().getroot():
                self.sync_token = (element.text or "").strip(_SPACE) or None

    def _check_root(self, element: etree._Element) -> None:
        if not self._rooted and element.getroottree().docinfo.internalDTD is not None:
            raise Malformed("The server's reply holds a DOCTYPE, which no CardDAV reply does.")
        self._rooted = True


def _forget(element: etree._Element) -> None:
    """Free a response and all before it; its own tail stays, for the parser may still be at it."""
    del element[:]
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def status_code(line: str | None) -> int | None:
    """The code of ``HTTP/1.1 200 OK``; None when there is none."""
    parts = (line or "").split(maxsplit=2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() and len(parts[1]) == 3 else None


def _answer(response: etree._Element) -> Answer:
    href, status, properties = "", None, dict[str, Value]()
    for child in response.iterchildren("*"):
        if child.tag == _PROPSTAT:
            properties |= _found(child)
        elif child.tag == _HREF:
            href = href or (child.text or "").strip(_SPACE)
        elif child.tag == _STATUS and status is None:
            status = status_code(child.text)
    return Answer(href, status, properties)


def _found(propstat: etree._Element) -> dict[str, Value]:
    """The properties of a propstat, where its status is 2xx or none."""
    status, properties = None, dict[str, Value]()
    for child in propstat.iterchildren("*"):
        if child.tag == _STATUS and status is None:
            status = status_code(child.text)
        elif child.tag == _PROP:
            properties |= {value.tag: value for value in map(_value, child.iterchildren("*"))}
    return properties if status is None or 200 <= status < 300 else {}


def _value(element: etree._Element, depth: int = 0) -> Value:
    children = tuple(_value(child, depth + 1) for child in element.iterchildren("*")) if depth < 8 else ()
    return Value(str(element.tag), element.text or "", {str(k): str(v) for k, v in element.items()}, children)


def error_conditions(body: bytes) -> set[str]:
    """The preconditions named in a DAV:error body (RFC 4918, section 16); empty when it is none."""
    if b"<!DOCTYPE" in body or not body.strip():
        return set()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return set()
    return {str(element.tag) for element in root.iter("*")} if root.tag == f"{DAV}error" else set()


# ---------------------------------------------------------------- requests


def propfind(names: Iterable[str]) -> bytes:
    """RFC 4918, section 14.20."""
    return _document("D:propfind", _prop(names))


def sync_collection(token: str) -> bytes:
    """RFC 6578, section 6.1; an empty token asks for everything.  Never with a limit: servers cut silently."""
    asked = f"<D:sync-token>{escape(token)}</D:sync-token><D:sync-level>1</D:sync-level>"
    return _document("D:sync-collection", asked + _prop([GETETAG]))


def multiget(paths: Iterable[str]) -> bytes:
    """RFC 6352, section 8.7."""
    hrefs = "".join(f"<D:href>{escape(path)}</D:href>" for path in paths)
    return _document("C:addressbook-multiget", _prop([GETETAG, ADDRESS_DATA]) + hrefs)


def addressbook_query(uid: str, version: str, shown: str) -> bytes:
    """RFC 6352, sections 8.6 and 10.5: cards of this UID and VERSION; of each its VERSION in the form ``shown``."""
    data = f'<C:address-data content-type="text/vcard" version="{shown}"><C:prop name="VERSION"/></C:address-data>'
    filters = "".join(
        f'<C:prop-filter name="{name}"><C:text-match match-type="equals">{escape(text)}</C:text-match></C:prop-filter>'
        for name, text in (("UID", uid), ("VERSION", version))
    )
    asked = f'<D:prop><D:getetag/>{data}</D:prop><C:filter test="allof">{filters}</C:filter>'
    return _document("C:addressbook-query", asked)


def _prop(names: Iterable[str]) -> str:
    return "<D:prop>" + "".join(f"<{_prefixed(name)}/>" for name in names) + "</D:prop>"


def _prefixed(name: str) -> str:
    namespace, _, local = name.partition("}")
    return f"{_PREFIXES[namespace + '}']}:{local}"


def _document(root: str, inside: str) -> bytes:
    names = " ".join(f'xmlns:{prefix}="{space[1:-1]}"' for space, prefix in _PREFIXES.items())
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<{root} {names}>{inside}</{root}>'
    return text.encode("utf-8", "surrogateescape")
