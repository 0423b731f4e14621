"""A server that converts (sabre/dav 4, Cyrus): it stores 4.0 and serves 3.0 under the same ETag."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from servers.dav import VALID_TOKEN, Book, basic, found, multistatus, status
from servers.loopback import Request, Response, serve
from servers.running import Running

_USER, _PASSWORD = "owner", "converted"
_HOME, _BOOK = "/dav/owner/", "/dav/owner/contacts/"
_VERSION = re.compile(rb"^VERSION:[0-9.]+", re.MULTILINE)
_KIND = re.compile(rb"^KIND:", re.MULTILINE)
_PHOTO_3 = re.compile(rb"^PHOTO;ENCODING=b;TYPE=JPEG:", re.MULTILINE)
_PHOTO_4 = re.compile(rb"^PHOTO:data:image/jpeg;[^\r\n]*", re.MULTILINE)
_C = "{urn:ietf:params:xml:ns:carddav}"
_OTHER_CARD = _BOOK + "another.vcf"


class Told(StrEnum):
    """What the server tells of the card that it stores: as Cyrus 3.6 was measured to, or a lie."""

    NOTHING = "no query, no length"
    TRUTH = "as Cyrus"
    OF_SERVED = "judged on the form that the query asks for"
    OF_DEFAULT = "judged on the form that a plain GET gives"
    DEFAULT_SHOWN = "judged on the form that a plain GET gives, and shown in it"
    BOTH = "in both lists"
    NEITHER = "in neither list"
    ANOTHER = "another card instead"
    MORE = "another card as well"
    OTHER_ETAG = "another ETag in the list"
    CHANGED = "another ETag after the lists"
    ONE_REFUSED = "an error instead of the empty list"
    NO_LENGTH = "no length"
    LENGTH_OF_SERVED = "the length of the form that a plain GET gives"
    GARBAGE = "no XML"


@dataclass(frozen=True, slots=True)
class _Query:
    """An addressbook-query (RFC 6352, section 8.6) as our client sends it."""

    uid: str
    version: str
    shown: str

    @classmethod
    def of(cls, request: Request) -> Self:
        root = ET.fromstring(request.body)  # noqa: S314 - our client's
        texts = {node.get("name"): node.findtext(f"{_C}text-match") or "" for node in root.iter(f"{_C}prop-filter")}
        data = next(root.iter(f"{_C}address-data"))
        return cls(texts["UID"], texts["VERSION"], data.get("version", ""))

    def matches(self, data: bytes) -> bool:
        return all(f"\r\n{line}\r\n".encode() in data for line in (f"UID:{self.uid}", f"VERSION:{self.version}"))


def _converted(data: bytes, accept: str) -> bytes:
    """3.0 unless 4.0 is asked for, which upgrades 3.0 cards too; a picture of 4.0 is cut, as Cyrus does."""
    if "version=4.0" in accept:
        data = _PHOTO_3.sub(b"PHOTO:data:image/jpeg;base64,", data)
        return _VERSION.sub(b"VERSION:4.0", data).replace(b"X-ADDRESSBOOKSERVER-KIND:", b"KIND:")
    data = _PHOTO_4.sub(b"PHOTO:data:image/jpeg", data)
    return _KIND.sub(b"X-ADDRESSBOOKSERVER-KIND:", _VERSION.sub(b"VERSION:3.0", data))


class _Shape:
    def __init__(self, md5_etags: bool, told: Told) -> None:
        self.book = Book(_BOOK, md5_etags=md5_etags)
        self.told = told

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != basic(_USER, _PASSWORD):
            return Response(401, headers=[("WWW-Authenticate", 'basic realm="dav"')])
        with self.book.lock:
            handler = getattr(self, f"_{request.method.lower()}", None)
            return handler(request) if handler else Response(405)

    def _head(self, _request: Request) -> Response:
        return Response(500)

    def _propfind(self, request: Request) -> Response:
        deep = request.headers.get("depth") == "1"
        principal = f"<D:current-user-principal><D:href>{_HOME}</D:href></D:current-user-principal>"
        home = f"<C:addressbook-home-set><D:href>{_HOME}</D:href></C:addressbook-home-set>"
        if request.path == "/dav/" or (request.path == _HOME and not deep):
            return multistatus(found(request.path, principal + home))
        if request.path == _HOME:
            return multistatus(found(_HOME, principal), self._book_properties())
        if request.path == _BOOK:
            return multistatus(self._book_properties(), *map(self._etag, self.book.cards if deep else ()))
        if request.path in self.book.cards:
            return multistatus(self._etag_and_length(request))
        if request.path == "/.well-known/carddav":
            return Response(301, headers=[("Location", "/dav/")])
        return Response(404)

    def _book_properties(self) -> str:
        return found(
            _BOOK,
            "<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype>"
            "<D:current-user-privilege-set><D:privilege><D:write/></D:privilege></D:current-user-privilege-set>"
            "<D:supported-report-set><D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>"
            "</D:supported-report-set><C:supported-address-data>"
            '<C:address-data-type content-type="text/vcard" version="3.0"/>'
            '<C:address-data-type content-type="text/vcard" version="4.0"/></C:supported-address-data>'
            f"<D:sync-token>{self.book.token}</D:sync-token>",
        )

    def _etag(self, path: str) -> str:
        return found(path, f"<D:getetag>{escape(self.book.etags[path])}</D:getetag>")

    def _report(self, request: Request) -> Response:
        if b"sync-collection" in request.body:
            changed = self.book.since(self.book.asked_token(request))
            if changed is None:
                return Response(403, VALID_TOKEN)
            told = [self._etag(path) if path in self.book.cards else status(path, 404) for path in changed]
            return multistatus(*told, token=self.book.token)
        if b"addressbook-query" in request.body:
            return self._query(_Query.of(request))
        spelt = [path for href in self.book.asked_for(request) if (path := self.book.spelt(href))]
        return multistatus(*map(self._object, spelt))  # what is missing is left out, as sabre 4 does

    def _query(self, query: _Query) -> Response:
        if self.told is Told.NOTHING:
            return Response(501)
        if self.told is Told.GARBAGE:
            return Response(207, b"<D:multistatus>")
        paths = [path for path, data in self.book.cards.items() if self._lists(query, data)]
        if self.told is Told.ONE_REFUSED and not paths:
            return Response(500)
        listed = [(path, self.book.etags[path]) for path in paths]
        if self.told is Told.OTHER_ETAG:
            listed = [(path, '"0"') for path, _ in listed]
        if self.told is Told.ANOTHER:
            listed = [(_OTHER_CARD, etag) for _, etag in listed]
        if self.told is Told.MORE:
            listed += [(_OTHER_CARD, etag) for _, etag in listed]
        version = "3.0" if self.told is Told.DEFAULT_SHOWN else query.shown
        shown = f"<C:address-data>BEGIN:VCARD\nVERSION:{version}\nEND:VCARD\n</C:address-data>"
        return multistatus(*(found(path, f"<D:getetag>{escape(etag)}</D:getetag>{shown}") for path, etag in listed))

    def _lists(self, query: _Query, data: bytes) -> bool:
        match self.told:
            case Told.OF_SERVED:
                data = _converted(data, f"version={query.shown}")
            case Told.OF_DEFAULT | Told.DEFAULT_SHOWN:
                data = _converted(data, "")
            case Told.BOTH:
                data = _converted(data, f"version={query.version}")
            case Told.NEITHER:
                return False
        return query.matches(data)

    def _etag_and_length(self, request: Request) -> str:
        path, told = request.path, self.told
        if b"getcontentlength" not in request.body or told in {Told.NOTHING, Told.NO_LENGTH}:
            return self._etag(path)
        if told is Told.CHANGED:
            self.book.write(path, self.book.cards[path])
        data = self.book.cards[path]
        length = len(_converted(data, "") if told is Told.LENGTH_OF_SERVED else data)
        etag = f"<D:getetag>{escape(self.book.etags[path])}</D:getetag>"
        return found(path, f"{etag}<D:getcontentlength>{length}</D:getcontentlength>")

    def _object(self, path: str) -> str:
        data = escape(_converted(self.book.cards[path], "").decode())
        etag = f"<D:getetag>{escape(self.book.etags[path])}</D:getetag>"
        return found(path, f"{etag}<C:address-data>{data}</C:address-data>")

    def _get(self, request: Request) -> Response:
        data = self.book.cards.get(request.path)
        if data is None:
            return Response(404)
        accept = request.headers.get("accept", "")
        raw = accept == "application/x-stored"  # for the test's own eyes
        return Response(200, data if raw else _converted(data, accept), [("ETag", self.book.etags[request.path])])

    def _put(self, request: Request) -> Response:
        if self.book.precondition_fails(request):
            return Response(412)
        there = request.path in self.book.cards
        self.book.write(request.path, request.body)
        return Response(204 if there else 201, headers=[("ETag", self.book.etags[request.path])])

    def _delete(self, request: Request) -> Response:
        if request.path not in self.book.cards:
            return Response(404)
        self.book.write(request.path, None)
        return Response(204)


@contextmanager
def start_converting(*, md5_etags: bool = True, told: Told = Told.NOTHING) -> Iterator[Running]:
    """``get_card(name, "application/x-stored")`` shows what is stored; without MD5 ETags only ``told`` can prove it."""
    with serve(_Shape(md5_etags, told).answer) as server:
        yield Running(
            name="converting" if md5_etags else "converting-opaque",
            url=server.origin,
            username=_USER,
            password=_PASSWORD,
            book_url=f"{server.origin}{_BOOK}",
        )
