"""A server that converts (sabre/dav 4, Cyrus): it stores 4.0 and serves 3.0 under the same ETag."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.sax.saxutils import escape

from servers.dav import VALID_TOKEN, Book, basic, found, multistatus, status
from servers.loopback import Request, Response, serve
from servers.running import Running

_USER, _PASSWORD = "owner", "converted"
_HOME, _BOOK = "/dav/owner/", "/dav/owner/contacts/"
_VERSION = re.compile(rb"^VERSION:[0-9.]+", re.MULTILINE)
_KIND = re.compile(rb"^KIND:", re.MULTILINE)


def _converted(data: bytes, accept: str) -> bytes:
    """3.0 unless 4.0 is asked for, which upgrades 3.0 cards too; properties are renamed on the way."""
    if "version=4.0" in accept:
        return _VERSION.sub(b"VERSION:4.0", data).replace(b"X-ADDRESSBOOKSERVER-KIND:", b"KIND:")
    return _KIND.sub(b"X-ADDRESSBOOKSERVER-KIND:", _VERSION.sub(b"VERSION:3.0", data))


class _Shape:
    def __init__(self, md5_etags: bool) -> None:
        self.book = Book(_BOOK, md5_etags=md5_etags)

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
            return multistatus(self._etag(request.path))
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
        spelt = [path for href in self.book.asked_for(request) if (path := self.book.spelt(href))]
        return multistatus(*map(self._object, spelt))  # what is missing is left out, as sabre 4 does

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
def start_converting(*, md5_etags: bool = True) -> Iterator[Running]:
    """``get_card(name, "application/x-stored")`` shows what is stored; without MD5 ETags nothing can be proved."""
    with serve(_Shape(md5_etags).answer) as server:
        yield Running(
            name="converting" if md5_etags else "converting-opaque",
            url=server.origin,
            username=_USER,
            password=_PASSWORD,
            book_url=f"{server.origin}{_BOOK}",
        )
