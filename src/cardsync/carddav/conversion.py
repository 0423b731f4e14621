"""Which form of a card a converting server stores: proved by the ETag, or by two answers that agree, or not at all."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cardsync.carddav import xml
from cardsync.carddav.hrefs import Location, href_key, object_location
from cardsync.carddav.listing import dav_ask, multistatus, propfind
from cardsync.carddav.wire import Wire
from cardsync.errors import CardRefused
from cardsync.resources import AddressObject
from cardsync.vcard.document import scan

OTHER = {"3.0": "4.0", "4.0": "3.0"}
_VERSION = re.compile(rb"^VERSION(?:;[^:\r\n]*)?:[ \t]*([0-9.]+)", re.IGNORECASE | re.MULTILINE)
_SHA1 = re.compile(r'"[0-9a-f]{40}"')
_QUERY_BYTES = 1 << 20  # one href, ETag and VERSION; who sends more ignores the filter


def version_of(data: bytes) -> str:
    """The number in the first VERSION line, '' without one."""
    found = _VERSION.search(data)
    return found[1].decode("ascii") if found else ""


def hashed(forms: Sequence[AddressObject]) -> AddressObject | None:
    """The form whose MD5 is the ETag, as on sabre/dav."""
    return next((form for form in forms if _is_md5_of(form.etag or "", form.data)), None)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Asks a server like Cyrus which of a card's two forms it stores; both forms came under one ETag.

    Two answers have to agree, under that same ETag:

    - An addressbook-query by VERSION (RFC 6352, section 8.6), once for each, lists the card for one only - and shows
      it, as asked, in the other, so that the filter was not judged on what is served.
    - DAV:getcontentlength (RFC 4918, section 15.4) is the length of that form and not of the other.  Forms that differ
      in nothing but VERSION have one length: then it says that nothing else was lost in either.

    Both were measured to be of the stored bytes on Cyrus, whose ETag is a SHA-1 (of a message with its headers, so it
    cannot be computed here).  By the RFCs both might be of the form that a plain GET gives, and a server where both
    are would not be told apart: hence no question where the ETag has another look.
    """

    wire: Wire
    book: Location
    at: Location
    etag: str

    async def stored(self, forms: Sequence[AddressObject]) -> AddressObject | None:
        """The form that both answers name, or None."""
        by_version = {version_of(form.data): form for form in forms}
        uid = _uid(forms[0].data)
        if by_version.keys() != OTHER.keys() or not uid or not _SHA1.fullmatch(self.etag):
            return None
        try:
            version = await self._version(uid)
            length = await self._length() if version else None  # last: it says too that the card is still the same
        except xml.Malformed:
            return None
        if version is None or length != str(len(by_version[version].data)):
            return None
        form, other = by_version[version], by_version[OTHER[version]]
        return form if len(form.data) != len(other.data) or _alike(form.data, other.data) else None

    async def _version(self, uid: str) -> str | None:
        lists = {version: await self._listed(uid, version) for version in OTHER}
        match [(version, answers) for version, answers in lists.items() if answers != []]:
            case [(version, [answer])] if self._is_card(answer) and _shown(answer) == OTHER[version]:
                return version
        return None

    async def _listed(self, uid: str, version: str) -> list[xml.Answer] | None:
        """What is stored in ``version``, shown in the other; None where the server does not say."""
        answers: list[xml.Answer] = []

        def fresh() -> Callable[[xml.Answer], None]:
            answers.clear()
            return answers.append

        content = xml.addressbook_query(uid, version, OTHER[version])
        reply, _ = await multistatus(self.wire, dav_ask("REPORT", self.book, "1", content, _QUERY_BYTES), fresh)
        return answers if reply.status == 207 else None

    async def _length(self) -> str | None:
        _, answers = await propfind(self.wire, self.at, "0", [xml.GETETAG, xml.GETCONTENTLENGTH])
        one = len(answers) == 1 and self._is_card(answers[0])
        return answers[0].text(xml.GETCONTENTLENGTH) if one else None

    def _is_card(self, answer: xml.Answer) -> bool:
        there = object_location(self.book, answer.href)
        same = there is not None and href_key(there.path) == href_key(self.at.path)
        return same and answer.text(xml.GETETAG) == self.etag


def _shown(answer: xml.Answer) -> str:
    return version_of((answer.text(xml.ADDRESS_DATA) or "").encode("utf-8", "surrogateescape"))


def _uid(data: bytes) -> str:
    try:
        return scan(data).text("UID")
    except CardRefused:
        return ""


def _alike(one: bytes, other: bytes) -> bool:
    return _VERSION.sub(b"", one, count=1) == _VERSION.sub(b"", other, count=1)


def _is_md5_of(etag: str, data: bytes) -> bool:
    opaque = etag.removeprefix("W/").strip('"').lower()
    return opaque == hashlib.md5(data, usedforsecurity=False).hexdigest()
