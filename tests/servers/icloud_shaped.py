"""A server with iCloud's habits: two origins, a book that lists itself, ETags now and then, odd refusals."""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from xml.sax.saxutils import escape

from servers.dav import NAMES, VALID_TOKEN, Book, basic, found, multistatus, status
from servers.loopback import Loopback, Request, Response, serve
from servers.running import Running

_USER, _PASSWORD = "owner@example.org", "abcd-efgh-ijkl-mnop"
_PRINCIPAL, _HOME, _BOOK = "/123456/principal/", "/123456/carddavhome/", "/123456/carddavhome/card/"
_CHALLENGES = [
    ("WWW-Authenticate", 'X-MobileMe-AuthToken realm="Newcastle", Basic realm="Newcastle"'),
    ("WWW-Authenticate", 'WSSE realm="Newcastle", profile="UsernameToken"'),
]
_LARGEST = 256 << 10


class _Shape:
    def __init__(self) -> None:
        self.book = Book(_BOOK)
        self.second_origin = ""

    def front(self, request: Request) -> Response:
        """The first origin knows the principal and nothing else."""
        if refused := _refused(request):
            return refused
        if request.method != "PROPFIND":
            return Response(404)
        if request.path == _PRINCIPAL:
            if request.headers.get("depth") != "0":
                return Response(400)
            home = f"<C:addressbook-home-set><D:href>{self.second_origin}{_HOME}</D:href></C:addressbook-home-set>"
            return multistatus(found(_PRINCIPAL, home))
        if request.path in {"/", "/.well-known/carddav"}:
            principal = f"<D:current-user-principal><D:href>{_PRINCIPAL}</D:href></D:current-user-principal>"
            return multistatus(found(request.path, principal))
        return Response(404)

    def back(self, request: Request) -> Response:
        """The second origin holds the book."""
        if refused := _refused(request):
            return refused
        with self.book.lock:
            handler = getattr(self, f"_{request.method.lower()}", None)
            return handler(request) if handler else Response(405)

    def _options(self, request: Request) -> Response:
        return Response(404 if request.path.startswith(_BOOK) else 200)

    def _propfind(self, request: Request) -> Response:
        deep = request.headers.get("depth") == "1"
        if request.path == _HOME:
            home = found(_HOME, "<D:resourcetype><D:collection/></D:resourcetype>")
            return multistatus(home, *([self._book_properties()] if deep else []))
        if request.path == _BOOK:
            members = self.book.cards if deep else {}
            return multistatus(self._book_properties(), *(found(path, self._etag(path)) for path in members))
        if request.path in self.book.cards:
            return multistatus(found(request.path, self._etag(request.path)))
        return Response(404)

    def _book_properties(self) -> str:
        return found(
            _BOOK,
            "<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype><D:displayname>card</D:displayname>"
            "<D:current-user-privilege-set><D:privilege><D:all/></D:privilege></D:current-user-privilege-set>"
            "<D:supported-report-set><D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>"
            "</D:supported-report-set><C:max-resource-size>262144</C:max-resource-size>"
            f"<D:sync-token>{self.book.token}</D:sync-token><CS:getctag>{self.book.token}</CS:getctag>"
            "<D:getetag>&quot;book&quot;</D:getetag>",
        )

    def _etag(self, path: str) -> str:
        return f"<D:getetag>{escape(self.book.etags[path])}</D:getetag>"

    def _report(self, request: Request) -> Response:
        if b"sync-collection" in request.body:
            token = self.book.asked_token(request)
            changed = self.book.since(token)
            if changed is None:
                return Response(403, VALID_TOKEN)
            itself = [found(_BOOK, "<D:getetag>&quot;book&quot;</D:getetag>")] if changed else []
            told = [found(p, self._etag(p)) if p in self.book.cards else status(p, 404) for p in changed]
            return multistatus(*itself, *told, token=self.book.token)
        hrefs = self.book.asked_for(request)
        if any("://" in href for href in hrefs):
            return Response(400)
        return multistatus(*map(self._object, hrefs))

    def _object(self, href: str) -> str:
        path = self.book.spelt(href)
        if path is None:
            return status(href, 404)
        etag = "" if _chance(path) == 1 else self._etag(path)
        data = escape(self.book.cards[path].decode()).replace("\r", "&#13;")
        return found(path, f"{etag}<C:address-data>{data}</C:address-data>")

    def _get(self, request: Request) -> Response:
        data = self.book.cards.get(request.path)
        if data is None:
            return Response(404)
        etag = [] if _chance(request.path) == 2 else [("ETag", self.book.etags[request.path])]
        return Response(200, data, [("Content-Type", "text/vcard"), *etag])

    def _put(self, request: Request) -> Response:
        if request.headers.get("if-match") == "*" and request.path in self.book.cards:
            return Response(412)
        if request.headers.get("if-match") != "*" and self.book.precondition_fails(request):
            return Response(412)
        if re.search(rb"^VERSION:(?!3\.0)", request.body, re.MULTILINE):
            return Response(415)
        if not re.search(rb"^N[;:]", request.body, re.MULTILINE):
            return Response(403)
        if len(request.body) > _LARGEST:
            return Response(413)
        there = request.path in self.book.cards
        self.book.write(request.path, request.body)
        return Response(204 if there else 201, headers=[("ETag", self.book.etags[request.path])])

    def _delete(self, request: Request) -> Response:
        if request.path not in self.book.cards:
            return Response(404)
        self.book.write(request.path, None)
        return Response(204)


def _chance(path: str) -> int:
    return zlib.crc32(path.encode()) % 3


def _refused(request: Request) -> Response | None:
    if request.headers.get("authorization") == basic(_USER, _PASSWORD):
        return None
    return Response(401, f"<D:error {NAMES}/>".encode(), _CHALLENGES)


@contextmanager
def start_icloud_shaped() -> Iterator[Running]:
    """Two loopback origins; the second must be pinned (``trusted_origins``) to get credentials."""
    shape = _Shape()
    with serve(shape.front) as first, serve(shape.back) as second:
        shape.second_origin = second.origin
        yield _running(first, second)


def _running(first: Loopback, second: Loopback) -> Running:
    return Running(
        name="icloud-shaped",
        url=f"{first.origin}/",
        username=_USER,
        password=_PASSWORD,
        book_url=f"{second.origin}{_BOOK}",
        trusted_origins=(second.origin,),
    )
