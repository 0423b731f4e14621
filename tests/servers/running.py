"""What a started server offers a test; its client is requests, not ours."""

from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

_MKCOL = """<?xml version="1.0" encoding="utf-8"?>
<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:set><D:prop>
<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype><D:displayname>{}</D:displayname>
</D:prop></D:set></D:mkcol>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A CardDAV server on loopback with one address book that is empty at the start.

    ``name`` says which server it is.  Cards are named by their decoded last path segment (``a b.vcf``).
    """

    name: str
    url: str
    username: str
    password: str
    book_url: str
    digest: bool = False
    trusted_origins: tuple[str, ...] = ()
    log: Path | None = None

    def put_card(self, name: str, data: bytes) -> str | None:
        """Create or replace a card without any condition, as another device does; the ETag, if one is told."""
        headers = {"Content-Type": "text/vcard; charset=utf-8"}
        answer = self._ask("PUT", self._at(name), data=data, headers=headers)
        return answer.headers.get("ETag")

    def get_card(self, name: str, accept: str = "*/*") -> bytes:
        """The bytes as served."""
        return self._ask("GET", self._at(name), headers={"Accept-Encoding": "identity", "Accept": accept}).content

    def delete_card(self, name: str) -> None:
        """Delete a card."""
        self._ask("DELETE", self._at(name))

    def list_cards(self) -> list[str]:
        """The names of all cards, sorted."""
        body = b'<propfind xmlns="DAV:"><prop><getetag/><resourcetype/></prop></propfind>'
        headers = {"Depth": "1", "Content-Type": "application/xml"}
        answer = self._ask("PROPFIND", self.book_url, data=body, headers=headers)
        paths = [node.text or "" for node in ET.fromstring(answer.content).iter("{DAV:}href")]  # noqa: S314 - loopback
        names = {unquote(path.rpartition("/")[2]) for path in paths if not path.endswith("/")}
        return sorted(names - {""} - {self.book_url.rstrip("/").rpartition("/")[2]})

    def make_book(self, segment: str, display_name: str) -> "Running":
        """A further address book on the same server."""
        url = f"{self.book_url.rstrip('/').rpartition('/')[0]}/{segment}/"
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        self._ask("MKCOL", url, data=_MKCOL.format(display_name).encode(), headers=headers)
        found_from = url if self.url == self.book_url else self.url  # a book's own URL leads to no other on old servers
        return replace(self, url=found_from, book_url=url)

    def _at(self, name: str) -> str:
        return self.book_url + quote(name, safe="")

    def _ask(self, method: str, url: str, **rest: object) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            kind: type[AuthBase] = HTTPDigestAuth if self.digest else HTTPBasicAuth
            session.auth = kind(self.username, self.password)  # type: ignore[call-arg]
            answer = session.request(method, url, timeout=300, **rest)  # type: ignore[arg-type]
            answer.raise_for_status()
            return answer
