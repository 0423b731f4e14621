"""What a CardDAV server holds, and what it answers: the values of the pull and of a write.  All frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class SyncMethod(StrEnum):
    """How a book tells what changed, best first."""

    COLLECTION = "sync-collection"  # RFC 6578
    CTAG = "getctag"  # calendarserver extension as a gate, then a listing
    LISTING = "getetag"  # PROPFIND Depth 1 each time


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBook:
    """An address book collection (RFC 6352, section 5.2) as discovery found it.

    ``href`` is an absolute URL on an origin that credentials may go to.
    """

    account: str
    href: str
    display_name: str
    method: SyncMethod
    writable: bool
    read_only_reason: str = ""
    max_resource_size: int | None = None  # bytes, RFC 6352 section 6.2.3
    may_convert: bool = False  # the server offers vCard 3.0 and 4.0: GET may not be what is stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a book holds, or what changed in it.

    ``etags`` maps each href, spelt as the server spelt it, to its ETag (None: the server named none).
    ``complete`` tells a whole listing from a delta since ``sync_token``; ``marker`` is what to hand
    in next time (sync token or ctag) and may only be stored together with the data.
    ``unchanged`` is the answer of a gate (equal ctag): nothing else was asked.  ``left_out`` counts the hrefs that
    are no plain members of the book, so that nothing is ever asked of them.
    """

    etags: Mapping[str, str | None] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    marker: str | None = None
    complete: bool = True
    unchanged: bool = False
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PullPlan:
    """What to fetch and what to forget; ``changed`` of the known ones are new versions or gone."""

    fetch: tuple[str, ...]
    remove: tuple[str, ...]
    changed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressObject:
    """One address object resource: its bytes exactly as served."""

    href: str
    etag: str | None
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The account of one batch: every href asked for is in exactly one of the three."""

    objects: tuple[AddressObject, ...] = ()
    gone: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)  # href -> reason, quarantined


class PutResult(StrEnum):
    """What the server said to a PUT; what it did is known only after the next GET."""

    STORED = "stored"
    CONFLICT = "conflict"  # 412: not the version that we saw
    GONE = "gone"  # 404, 410: never re-created
    REFUSED = "refused"  # 400, 403, 405, 409, 413, 415, 507: this card, not now and not later
    BUSY = "busy"  # 423, 429, 5xx: later
    UNKNOWN = "unknown"  # the connection broke: GET decides


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAnswer:
    """``etag`` is what the PUT's reply claimed; of an ``UNKNOWN`` one, what it claimed in an earlier attempt.

    That the PUT was done it does not prove; that nobody wrote since, it does where the next GET names the same.
    ``wait``: how long a 429 or 503 asked for, clamped; ask nothing of this server before.
    """

    result: PutResult
    etag: str | None = None
    status: int | None = None
    detail: str = ""
    wait: timedelta | None = None


def opaque(etag: str) -> str:
    """The ETag as such: proxies make it weak or mark it with the encoding (RFC 9110, section 8.8.3)."""
    return etag.strip().removeprefix("W/").strip('"').removesuffix("-gzip")
