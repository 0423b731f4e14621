"""A small CardDAV book in memory (RFC 6352, 6578), with the seams at which the shaped servers misbehave."""

import hashlib
import re
import threading
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from servers.loopback import Request, Response

NAMES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:CS="http://calendarserver.org/ns/"'
VALID_TOKEN = f"<D:error {NAMES}><D:valid-sync-token/></D:error>".encode()
_XML = [("Content-Type", "application/xml; charset=utf-8")]


def multistatus(*responses: str, token: str = "") -> Response:
    """A 207 of ``responses``."""
    tail = f"<D:sync-token>{token}</D:sync-token>" if token else ""
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus {NAMES}>{"".join(responses)}{tail}</D:multistatus>'
    return Response(207, body.encode(), _XML)


def found(href: str, properties: str) -> str:
    """A response with properties."""
    return (
        f"<D:response><D:href>{escape(href)}</D:href><D:propstat><D:prop>{properties}</D:prop>"
        "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
    )


def status(href: str, code: int) -> str:
    """A response that is only a status."""
    return f"<D:response><D:href>{escape(href)}</D:href><D:status>HTTP/1.1 {code} X</D:status></D:response>"


def basic(username: str, password: str) -> str:
    """The one Authorization field that is right."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


@dataclass
class Book:
    """Cards by path, and the order in which paths changed; ``path`` ends with a slash."""

    path: str
    cards: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    md5_etags: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def token(self) -> str:
        """The sync token of this moment."""
        return f"http://loopback.test/sync/{len(self.changes)}"

    def since(self, token: str) -> list[str] | None:
        """The paths that changed since ``token`` ("" for all there are), or None: unknown token."""
        if not token:
            return list(self.cards)
        match = re.fullmatch(r"http://loopback\.test/sync/(\d+)", token)
        if match is None or int(match[1]) > len(self.changes):
            return None
        return list(dict.fromkeys(self.changes[int(match[1]) :]))

    def write(self, path: str, data: bytes | None) -> None:
        """Store or (None) delete."""
        self.changes.append(path)
        if data is None:
            del self.cards[path], self.etags[path]
            return
        self.cards[path] = data
        self.etags[path] = f'"{self._opaque(data)}"'

    def _opaque(self, data: bytes) -> str:
        """As sabre does, or as Cyrus, whose SHA-1 is of more than the card."""
        if self.md5_etags:
            return hashlib.md5(data).hexdigest()  # noqa: S324 - sabre's choice
        return hashlib.sha1(f"{len(self.changes)}".encode() + data).hexdigest()  # noqa: S324 - Cyrus's

    def precondition_fails(self, request: Request) -> bool:
        """RFC 9110, section 13."""
        etag = self.etags.get(request.path)
        match, none = request.headers.get("if-match"), request.headers.get("if-none-match")
        return (match is not None and match != etag) or (none == "*" and etag is not None)

    def asked_for(self, request: Request) -> list[str]:
        """The hrefs of a multiget, as spelt."""
        return [node.text or "" for node in ET.fromstring(request.body).iter("{DAV:}href")]  # noqa: S314 - our client's

    def spelt(self, href: str) -> str | None:
        """The path of ours that ``href`` means."""
        return next((path for path in self.cards if path == href or unquote(path) == unquote(href)), None)

    def asked_token(self, request: Request) -> str:
        """The token of a sync-collection."""
        return ET.fromstring(request.body).findtext("{DAV:}sync-token") or ""  # noqa: S314 - our client's
