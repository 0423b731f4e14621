"""From the properties of a collection to an ``AddressBook`` (pure)."""

from collections.abc import Sequence
from urllib.parse import unquote

from cardsync.carddav import xml
from cardsync.carddav.connection import Connection
from cardsync.carddav.hrefs import Location, collection, href_key, parse_url
from cardsync.errors import ServerProblem
from cardsync.resources import AddressBook, SyncMethod

_DISPLAY_NAME = f"{xml.DAV}displayname"
_PRIVILEGES = f"{xml.DAV}current-user-privilege-set"
_REPORTS = f"{xml.DAV}supported-report-set"
_MAX_SIZE = f"{xml.CARDDAV}max-resource-size"
_DIGITS = 15
_VERSIONS = f"{xml.CARDDAV}supported-address-data"
_OWNER = f"{xml.DAV}owner"
_OWNER_PRINCIPAL = f"{xml.OWNCLOUD}owner-principal"
_SHARE_ACCESS = f"{xml.DAV}share-access"
_SHARED_KINDS = {f"{xml.CALENDARSERVER}shared", f"{xml.CALENDARSERVER}shared-owner"}
_WRITE = {f"{xml.DAV}write", f"{xml.DAV}write-content", f"{xml.DAV}all"}

BOOK_PROPERTIES = (
    xml.RESOURCETYPE,
    _DISPLAY_NAME,
    _PRIVILEGES,
    _REPORTS,
    _MAX_SIZE,
    _VERSIONS,
    _OWNER,
    _OWNER_PRINCIPAL,
    _SHARE_ACCESS,
)
MARKER_PROPERTIES = (xml.SYNC_TOKEN, xml.GETCTAG)  # a server may read every card for these: not asked in passing

_NO_PRIVILEGE = "the server gives this login no right to write"
_SHARED = "it is shared with others, who would read our notes"
_GOOGLE = "Google ignores If-Match, so an edit on the phone could be overwritten"


def is_address_book(answer: xml.Answer) -> bool:
    """Whether the resource is an address book collection (RFC 6352, section 5.2)."""
    kind = answer.properties.get(xml.RESOURCETYPE)
    return kind is not None and f"{xml.CARDDAV}addressbook" in kind.tags()


def reports_changes(answer: xml.Answer) -> bool:
    """Whether the book says that it takes a sync-collection (RFC 6578, section 3.2)."""
    reports = answer.properties.get(_REPORTS)
    return reports is not None and f"{xml.DAV}sync-collection" in reports.tags()


def address_book(connection: Connection, at: Location, answer: xml.Answer, principal: Location | None) -> AddressBook:
    """The book at ``at``; ``principal`` is who logged in, as far as the server said."""
    final, policy = _privilege_problem(answer), _policy_problem(at, answer, principal)
    reason = final or ("" if connection.write_anyway else policy)
    return AddressBook(
        account=connection.account,
        href=str(collection(at)),
        display_name=answer.text(_DISPLAY_NAME) or unquote(at.path.rstrip("/").rpartition("/")[2]),
        method=_method(answer),
        writable=not reason,
        read_only_reason=reason,
        max_resource_size=_max_size(answer),
        may_convert=_may_convert(answer),
    )


def _max_size(answer: xml.Answer) -> int | None:
    """RFC 6352, section 6.2.3; more digits than any card has bytes are no bound (and no number for the database)."""
    size = (answer.text(_MAX_SIZE) or "").lstrip("0")
    return int(size) if size.isdecimal() and len(size) <= _DIGITS else None


def _method(answer: xml.Answer) -> SyncMethod:
    if reports_changes(answer) or (_REPORTS not in answer.properties and answer.text(xml.SYNC_TOKEN)):
        return SyncMethod.COLLECTION
    return SyncMethod.CTAG if answer.text(xml.GETCTAG) else SyncMethod.LISTING


def _privilege_problem(answer: xml.Answer) -> str:
    """A server that names no privileges at all is believed to let its user write; PUT will tell."""
    privileges = answer.properties.get(_PRIVILEGES)
    return "" if privileges is None or _WRITE & privileges.tags() else _NO_PRIVILEGE


def _policy_problem(at: Location, answer: xml.Answer, principal: Location | None) -> str:
    host = at.origin.host
    if host.endswith((".google.com", ".googleapis.com")):
        return _GOOGLE
    kind, access = answer.properties.get(xml.RESOURCETYPE), answer.properties.get(_SHARE_ACCESS)
    shared = (kind is not None and bool(_SHARED_KINDS & kind.tags())) or (
        access is not None and bool(access.tags() - {f"{xml.DAV}not-shared", f"{xml.DAV}no-access"})
    )
    return _SHARED if shared or _owned_by_another(answer, principal) else ""


def _owned_by_another(answer: xml.Answer, principal: Location | None) -> bool:
    """Servers spell a principal in several ways; only another last segment is another person."""
    if principal is None:
        return False
    owners = [answer.properties[name] for name in (_OWNER, _OWNER_PRINCIPAL) if name in answer.properties]
    hrefs = [href for owner in owners for href in (owner.hrefs() or [owner.text.strip()]) if "/" in href]
    mine = href_key(principal.path)[-1].lower()
    return any(href_key(href)[-1].lower() not in {mine, b""} for href in hrefs)


def _may_convert(answer: xml.Answer) -> bool:
    """Only a server that offers both versions converts; without the property it has 3.0 alone (RFC 6352, 6.2.2)."""
    offered = answer.properties.get(_VERSIONS)
    if offered is None:
        return False
    versions = {child.attributes.get("version") for child in offered.children}
    return {"3.0", "4.0"} <= versions


def chosen(connection: Connection, books: Sequence[AddressBook]) -> tuple[AddressBook, ...]:
    """The books that the config names, or all.  Raises ``ServerProblem`` when one of them is not there."""
    wanted = connection.address_books
    missing = [name for name in wanted if not any(_is_named(book, name) for book in books)]
    if missing:
        there = ", ".join(repr(book.display_name) for book in books) or "none"
        raise ServerProblem(
            f"Account {connection.account!r} has no address book {', '.join(map(repr, missing))}. It has: {there}. "
            f"Correct address_books in [accounts.{connection.account}]."
        )
    return tuple(book for book in books if not wanted or any(_is_named(book, name) for name in wanted))


def _is_named(book: AddressBook, name: str) -> bool:
    if book.display_name.strip().casefold() == name.strip().casefold():
        return True
    path = parse_url(book.href).path
    try:
        wanted = parse_url(name).path if "://" in name else name
    except ValueError:
        return False
    key, wanted_key = href_key(path), href_key(wanted)
    return key == wanted_key or ("/" not in wanted.rstrip("/") and key[-1:] == wanted_key)
