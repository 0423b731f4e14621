"""What a book holds and what changed in it: sync-collection (RFC 6578), getctag, getetag.

Also the two DAV requests that all of the client's reading is made of: ``multistatus`` and ``propfind``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from cardsync.carddav import xml
from cardsync.carddav.hrefs import Location, href_key, object_location, parse_url
from cardsync.carddav.wire import Ask, Reply, Wire
from cardsync.errors import Broken, ListingFailed, ServerProblem, TokenRefused
from cardsync.resources import AddressBook, Listing, SyncMethod

_MAX_PAGES = 1000
_LISTING_BYTES = 256 << 20  # 100,000 members at 2.5 KB each; a listing has no cards in it
_MARKERS = {SyncMethod.COLLECTION: xml.SYNC_TOKEN, SyncMethod.CTAG: xml.GETCTAG}


@dataclass(slots=True)
class Members:
    """Gathers the members of a book out of the responses of a listing."""

    book: Location
    etags: dict[str, str | None] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    truncated: bool = False
    responses: int = 0
    left_out: int = 0

    def add(self, answer: xml.Answer) -> None:
        """Take in one response; the book itself and its sub-collections are no members."""
        self.responses += 1
        itself = self._is_book(answer.href)
        self.truncated |= answer.status == 507
        if itself or answer.status == 507 or _is_collection(answer):
            return
        if object_location(self.book, answer.href) is None:
            self.left_out += 1
        elif answer.status in {404, 410}:
            self.removed.add(answer.href)
            self.etags.pop(answer.href, None)
        else:
            self.removed.discard(answer.href)
            self.etags[answer.href] = answer.text(xml.GETETAG)

    def _is_book(self, href: str) -> bool:
        path = href
        if "://" in href:
            try:
                path = parse_url(href).path
            except ValueError:
                return False
        return href_key(path) == href_key(self.book.path)


def _is_collection(answer: xml.Answer) -> bool:
    kind = answer.properties.get(xml.RESOURCETYPE)
    return answer.href.endswith("/") or (kind is not None and f"{xml.DAV}collection" in kind.tags())


async def multistatus(
    wire: Wire, ask: Ask, found: Callable[[], Callable[[xml.Answer], None]], attempts: int = 3
) -> tuple[Reply, xml.MultistatusReader | None]:
    """Send a PROPFIND or REPORT; each response of a 207 goes to what ``found()`` made for this attempt."""
    readers: list[xml.MultistatusReader] = []

    def sink() -> xml.MultistatusReader:
        readers.append(xml.MultistatusReader(found(), ask.limit))
        return readers[-1]

    reply = await wire.read(ask, sink, attempts)
    return reply, readers[-1] if reply.status == 207 else None


def dav_ask(method: str, at: Location, depth: str, content: bytes, limit: int = _LISTING_BYTES) -> Ask:
    """A request with an XML body; Cyrus and Xandikos insist on the Content-Type."""
    headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
    return Ask(method=method, at=at, headers=headers, content=content, limit=limit)


async def propfind(wire: Wire, at: Location, depth: str, names: Iterable[str]) -> tuple[Reply, list[xml.Answer]]:
    """All responses of a PROPFIND on something small; none when it is not a 207."""
    answers: list[xml.Answer] = []

    def fresh() -> Callable[[xml.Answer], None]:
        answers.clear()
        return answers.append

    reply, _ = await multistatus(wire, dav_ask("PROPFIND", at, depth, xml.propfind(names), 8 << 20), fresh)
    return reply, answers


# ---------------------------------------------------------------- the port's two methods


async def changes(wire: Wire, book: AddressBook, marker: str | None) -> Listing:
    """See ``ports.Server.changes``."""
    if book.method is SyncMethod.COLLECTION:
        return await _gated(wire, book, marker)
    if book.method is SyncMethod.LISTING:
        return await _members(wire, book, None)
    now = await _marker(wire, book)
    if marker is not None and now == marker:
        return Listing(marker=marker, complete=False, unchanged=True)
    return await _members(wire, book, now)


_HASHES = "http://radicale.org/ns/sync/"
"""Tokens of a server whose ctag is a hash of all members' ETags: an equal one proves that nothing changed, for less
work than sync-collection costs it.  Elsewhere a ctag is a counter or a clock (SOGo's has one second), and no proof."""
_SEAM = "\n"


async def _gated(wire: Wire, book: AddressBook, marker: str | None) -> Listing:
    """sync-collection, behind the ctag where that is a proof; the marker is then the ctag and the token."""
    ctag, _, token = (marker or "").rpartition(_SEAM)
    now = None
    if token.startswith(_HASHES):
        now, same = await _gate(wire, book, ctag, token)  # before the changes
        if same:
            return Listing(marker=_joined(now, token), complete=False, unchanged=True)
    try:
        found = await _sync(wire, book, token)
    except TokenRefused:
        if marker is not None:
            raise
        return await listing(wire, book)  # Google: an empty token is a 400
    return replace(found, marker=_joined(now, found.marker))


async def _gate(wire: Wire, book: AddressBook, ctag: str, token: str) -> tuple[str | None, bool]:
    """The ctag of now, and whether the book is as the marker says; by the token where no ctag is known yet."""
    names = [xml.GETCTAG] if ctag else [xml.GETCTAG, xml.SYNC_TOKEN]
    try:
        found = await _asked(wire, book, *names)
    except (ServerProblem, Broken):  # it only saves work
        return None, False
    now = found[xml.GETCTAG]
    return now, (now == ctag if ctag else found[xml.SYNC_TOKEN] == token)


def _joined(ctag: str | None, token: str | None) -> str | None:
    return f"{ctag}{_SEAM}{token}" if ctag and token and token.startswith(_HASHES) else token


async def listing(wire: Wire, book: AddressBook) -> Listing:
    """See ``ports.Server.listing``; the marker is taken before the members, so that nothing falls between."""
    return await _members(wire, book, await _marker(wire, book))


async def _marker(wire: Wire, book: AddressBook) -> str | None:
    name = _MARKERS.get(book.method)
    return (await _asked(wire, book, name))[name] if name else None


async def _asked(wire: Wire, book: AddressBook, *names: str) -> dict[str, str | None]:
    """Properties of the book itself."""
    reply, answers = await propfind(wire, parse_url(book.href), "0", names)
    _raise_for_listing(reply)
    return {name: next((text for answer in answers if (text := answer.text(name))), None) for name in names}


async def _members(wire: Wire, book: AddressBook, marker: str | None) -> Listing:
    at = parse_url(book.href)
    gathered: list[Members] = []

    def fresh() -> Callable[[xml.Answer], None]:
        gathered.append(Members(at))
        return gathered[-1].add

    ask = dav_ask("PROPFIND", at, "1", xml.propfind([xml.GETETAG, xml.RESOURCETYPE]))
    reply, _ = await multistatus(wire, ask, fresh)
    _raise_for_listing(reply)
    members = gathered[-1]
    if members.truncated:
        raise ListingFailed("The server cut the listing of an address book short (507). Nothing was changed.")
    if members.responses == 0:  # RFC 4918, section 9.1: the book itself is always in it
        raise ListingFailed("The server's listing of an address book is empty beyond belief. Nothing was changed.")
    return Listing(etags=members.etags, marker=marker, complete=True, left_out=members.left_out)


async def _sync(wire: Wire, book: AddressBook, token: str) -> Listing:
    at = parse_url(book.href)
    members = Members(at)
    asked = token
    for _ in range(_MAX_PAGES):
        page = Members(at)
        given = await _sync_page(wire, at, asked, page)
        _merge(members, page)
        if len(members.etags) + len(members.removed) > xml.MOST_RESPONSES:
            break
        if not page.truncated:
            removed = frozenset(members.removed) if token else frozenset()
            return Listing(
                etags=members.etags,
                removed=removed,
                marker=given,
                complete=not token,
                left_out=members.left_out,
            )
        if given == asked:
            break
        asked = given
    raise ListingFailed("The server tells changes of an address book without end. Nothing was changed.")


def _merge(members: Members, page: Members) -> None:
    for href in page.removed:
        members.etags.pop(href, None)
    members.removed -= page.etags.keys()
    members.removed |= page.removed
    members.etags |= page.etags
    members.left_out += page.left_out


async def _sync_page(wire: Wire, at: Location, token: str, page: Members) -> str:
    def fresh() -> Callable[[xml.Answer], None]:
        page.etags.clear()
        page.removed.clear()
        page.truncated, page.responses, page.left_out = False, 0, 0
        return page.add

    reply, reader = await multistatus(wire, dav_ask("REPORT", at, "1", xml.sync_collection(token)), fresh)
    if reader is None:
        raise await _refusal(wire, at, reply)
    if reader.sync_token is None:
        raise TokenRefused("The server answered without a sync token.")
    return reader.sync_token


async def _refusal(wire: Wire, at: Location, reply: Reply) -> ServerProblem:
    """What a REPORT that was not answered with 207 means; servers refuse a token in many ways."""
    if reply.status in {404, 410}:
        there, _ = await propfind(wire, at, "0", [xml.RESOURCETYPE])
        if there.status in {404, 410}:
            return _gone()
    elif reply.status == 403 and f"{xml.DAV}valid-sync-token" not in xml.error_conditions(reply.body):
        return ServerProblem("The server refuses to list the changes of an address book (403), and does not say why.")
    elif reply.status < 400:
        return ListingFailed(
            f"The server answered a sync report with {reply.status} instead of 207. Nothing was changed."
        )
    return TokenRefused(f"The server does not take the sync token ({reply.status}).")


def _raise_for_listing(reply: Reply) -> None:
    if reply.status in {404, 410}:
        raise _gone()
    if reply.status != 207:
        raise ListingFailed(f"The server answered a listing with {reply.status} instead of 207. Nothing was changed.")


def _gone() -> ServerProblem:
    return ServerProblem(
        "An address book is not there any more (404). Was it deleted or renamed? Its cards here are kept; "
        "run cardsync check to see what the server has."
    )
