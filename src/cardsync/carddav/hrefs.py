"""Origins and hrefs (RFC 3986; RFC 4918, section 8.3): kept as spelt, decoded only to compare."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

_URL = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(\d{0,5}))?")
_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What servers call their rooms; any other segment of a path may name a person.
_KNOWN_SEGMENTS = frozenset(
    {
        "addressbook",
        "addressbooks",
        "baikal",
        "card",
        "card.php",
        "carddav",
        "carddavhome",
        "cgi-bin",
        "contacts",
        "dav",
    }
    | {"dav.php", "default", "html", "index.php", "lists", "nextcloud", "owncloud", "principal", "principals"}
    | {"remote.php", "sogo", "user", "users", "v1", ".well-known"}
)

HrefKey = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port (RFC 6454); equal origins share credentials."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a request goes: an origin, and the path with its query exactly as spelt."""

    origin: Origin
    path: str

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"


def parse_url(url: str) -> Location:
    """An absolute http(s) URL; user name and fragment are dropped.  Raises ValueError."""
    match = _URL.match(url.strip())
    authority = _AUTHORITY.fullmatch(match[2].rpartition("@")[2]) if match else None
    if match is None or authority is None:
        raise ValueError("not an http(s) URL")
    scheme = match[1].lower()
    origin = Origin(scheme, authority[1].lower(), int(authority[2] or _PORTS[scheme]))
    path = match[3]
    return Location(origin, path if path.startswith("/") else f"/{path}")


def resolve(base: Location, href: str) -> Location:
    """``href`` against ``base``; a bare ``a:b.vcf`` is a name, not a scheme (Xandikos).  Raises ValueError."""
    if href.startswith("//"):
        return parse_url(f"{base.origin.scheme}:{href}")
    if href.startswith("/"):
        return Location(base.origin, href)
    if _ABSOLUTE.match(href):
        return parse_url(href)
    folder = base.path.partition("?")[0].rpartition("/")[0]
    return Location(base.origin, f"{folder}/{href.removeprefix('./')}")


@lru_cache(maxsize=512)  # a book's own path comes with each of its members
def href_key(path: str) -> HrefKey:
    """The form in which paths compare: segments percent-decoded once, a trailing slash ignored."""
    segments = path.rstrip("/").encode().split(b"/")
    return tuple(unquote_to_bytes(segment) for segment in segments) if "%" in path else tuple(segments)


def object_location(book: Location, href: str) -> Location | None:
    """Where the member ``href`` of a book is, or None when it is not a plain member of it.

    Refused are another origin, controls, dot segments (encoded ones too), sub-collections and the book
    itself.  An unescaped ``?`` belongs to the name (Cyrus): sent as it is, it would ask for another object.
    """
    try:
        at = resolve(book, href)
    except ValueError:
        return None
    key = href_key(at.path)
    if at.origin != book.origin or at.path.endswith("/") or _CONTROL.search(href):
        return None
    if key[:-1] != href_key(book.path) or not _is_name(key[-1]):
        return None
    return Location(at.origin, at.path.replace("?", "%3F").replace("#", "%23"))


def _is_name(segment: bytes) -> bool:
    if not segment or re.search(rb"[\x00-\x1f\x7f]", segment):
        return False
    return not {b".", b".."} & set(re.split(rb"[/\\]", segment))


def request_target(path: str) -> bytes:
    """The bytes on the wire: as spelt, but what cannot stand in a request line is percent-encoded."""
    return re.sub(rb"[^\x21-\x7e]|#", lambda found: b"%%%02X" % found[0][0], path.encode("utf-8", "surrogateescape"))


def collection(at: Location) -> Location:
    """The same place with the slash that a collection's members are resolved against."""
    return at if at.path.endswith("/") else Location(at.origin, f"{at.path}/")


def redacted(at: Location) -> str:
    """For the owner's eyes and the log: whatever in the path may name a person is an ellipsis."""
    segments = at.path.partition("?")[0].split("/")
    shown = [part if not part or part.lower() in _KNOWN_SEGMENTS else "..." for part in segments]
    return f"{at.origin}{'/'.join(shown)}"
