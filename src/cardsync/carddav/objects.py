"""Single address objects: GET, the proof of what is stored, PUT (RFC 6352, section 6.3)."""

import re

from cardsync.carddav import conversion, xml
from cardsync.carddav.bodies import UnknownEncoding
from cardsync.carddav.hrefs import Location, object_location, parse_url
from cardsync.carddav.listing import propfind
from cardsync.carddav.throttle import pause
from cardsync.carddav.wire import Ask, BodyTooLarge, Reply, Wire
from cardsync.errors import Broken, ServerProblem, Unreachable
from cardsync.resources import AddressBook, AddressObject, PutAnswer, PutResult

MAX_OBJECT = 10 << 20  # bytes
_ETAG = re.compile(r"[^\x00-\x1f\x7f]+")
_SILENCES = 3


class Objects:
    """Reads and writes single objects.

    ``stored`` finds out in which version a converting server keeps a card; from then on ``get`` asks for that
    version, so that the GET after a PUT sees what was stored.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._versions: dict[tuple[str, str], str] = {}
        self._silences = 0

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        """See ``ports.Server.get``.  ``etag`` is None where no ETag certainly belongs to these bytes."""
        version = self._versions.get((book.href, href))
        try:
            got = await self._get(book, href, version)
            if got is not None and got.etag is None:
                got = await self._with_etag(book, href, version, got)
        except Broken as error:
            self.silent(parse_url(book.href), error)
            raise
        self.answered()
        return got

    def silent(self, at: Location, error: Broken) -> None:
        """One card may hang a server; three in a row are the server."""
        self._silences += 1
        if self._silences >= _SILENCES:
            raise Unreachable(f"{at.origin} gave no whole answer, three times in a row.") from error

    def answered(self) -> None:
        """The server is there."""
        self._silences = 0

    async def stored(self, book: AddressBook, got: AddressObject) -> AddressObject | None:
        """See ``ports.Server.stored``."""
        if not book.may_convert:
            return got
        wanted = conversion.OTHER.get(conversion.version_of(got.data), "4.0")
        other = await self._get(book, got.href, wanted)
        if other is None or other.etag != got.etag or got.etag is None:
            return None  # it changed in between, or cannot be told apart
        if other.data == got.data:
            return got
        at, forms = _located(book, got.href), (got, other)
        inquiry = conversion.Inquiry(self._wire, parse_url(book.href), at, got.etag)
        proved = conversion.hashed(forms) or await inquiry.stored(forms)
        if proved is other:
            self._versions[book.href, got.href] = wanted
        return proved

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        """See ``ports.Server.put``."""
        at = object_location(parse_url(book.href), href)
        etag = etag.strip(" ")
        if not book.writable or at is None or not _is_condition(etag):
            return PutAnswer(result=PutResult.REFUSED, detail="not sent: read-only book, foreign href or unusable ETag")
        headers = {"If-Match": etag, "Content-Type": "text/vcard; charset=utf-8"}
        try:
            reply = await self._wire.once(Ask(method="PUT", at=at, headers=headers, content=data))
        except (Broken, BodyTooLarge, UnknownEncoding):  # whatever it says, it may have stored the card
            return PutAnswer(result=PutResult.UNKNOWN, detail="no whole answer")
        return _put_answer(reply)

    async def _get(self, book: AddressBook, href: str, version: str | None) -> AddressObject | None:
        at = _located(book, href)
        accept = f"text/vcard; version={version}" if version else "*/*"
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        limit = max(MAX_OBJECT, book.max_resource_size or 0) if (book.max_resource_size or 0) < 64 << 20 else MAX_OBJECT
        reply = await self._wire.read(Ask(method="GET", at=at, headers=headers, limit=limit))
        if reply.status in {404, 410}:
            return None
        if reply.status != 200:
            raise ServerProblem(f"The server answered {reply.status} to the GET of a card.")
        return AddressObject(href=href, etag=reply.header("etag"), data=reply.body)

    async def _with_etag(
        self, book: AddressBook, href: str, version: str | None, got: AddressObject
    ) -> AddressObject | None:
        """An ETag asked for by itself counts only if it is the same before and after the bytes were read."""
        before = await self._etag(book, href)
        if before is None:
            return got
        again = await self._get(book, href, version)
        if again is None or again.etag is not None:
            return again
        after = await self._etag(book, href)
        return AddressObject(href=href, etag=before if before == after else None, data=again.data)

    async def _etag(self, book: AddressBook, href: str) -> str | None:
        _, answers = await propfind(self._wire, _located(book, href), "0", [xml.GETETAG])
        return answers[0].text(xml.GETETAG) if len(answers) == 1 else None


def _located(book: AddressBook, href: str) -> Location:
    at = object_location(parse_url(book.href), href)
    if at is None:
        raise ServerProblem("An href is not a plain member of its address book; it is not asked for.")
    return at


def _is_condition(etag: str) -> bool:
    """Whether it can stand in If-Match and means one version: ``*`` would overwrite whatever is there."""
    return bool(_ETAG.fullmatch(etag)) and "*" not in (part.strip() for part in etag.split(","))


def _put_answer(reply: Reply) -> PutAnswer:
    status = reply.status
    if status in {200, 201, 204}:
        result = PutResult.STORED
    elif status == 412:
        result = PutResult.CONFLICT
    elif status in {404, 410}:
        result = PutResult.GONE
    elif status in {423, 429} or (status >= 500 and status not in {501, 507}):
        result = PutResult.BUSY
    else:
        result = PutResult.UNKNOWN if status < 300 else PutResult.REFUSED
    conditions = sorted(tag.rpartition("}")[2] for tag in xml.error_conditions(reply.body) if tag != f"{xml.DAV}error")
    detail = f"redirected ({status})" if 300 <= status < 400 else ", ".join(conditions[:4])
    wait = None if result is not PutResult.BUSY else pause(status, reply.header("retry-after"), reply.received)
    return PutAnswer(result=result, etag=reply.header("etag"), status=status, detail=detail, wait=wait)
