"""A connection to the owner's own IMAP server (RFC 3501) that only reads, and what can go wrong with it in words."""

import imaplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from cardsync.evidence.imap_line import Client, Line
from cardsync.evidence.tls import trusted
from cardsync.sources import SourceFailed

Tls = Literal["tls", "starttls", "none"]

_CONNECT_SECONDS, _READ_SECONDS = 15.0, 60.0
_LEAVE_ALONE = timedelta(hours=6)  # after a refused login: servers lock out whoever tries again and again
_NOT_NOW = ("[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[SERVERBUG]")  # RFC 5530, RFC 9051


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOptions:
    """Where the owner's mail is, and how much of it is looked at.

    ``port`` None: 993 with TLS, else 143.  ``tls`` "none" sends password and mail in the clear, and is for a server on
    the same machine.  ``ca_file``: an authority to trust besides the system's.  ``since``: how far back the first scan
    goes.  ``authserv_id``: the name by which the owner's server signs Authentication-Results (RFC 8601, section 2.5);
    None: nothing is read, since whoever sends mail could plant a name.
    """

    host: str
    username: str
    password: Callable[[], str] | str = field(repr=False)
    port: int | None = None
    tls: Tls = "tls"
    ca_file: Path | None = None
    folders: tuple[str, ...] = ("INBOX",)
    since: timedelta = timedelta(days=365)
    authserv_id: str | None = None


def trust(options: MailboxOptions) -> ssl.SSLContext | None:
    """Whom to trust, None where nothing is encrypted; raises ``SourceFailed``."""
    return None if options.tls == "none" else trusted(options.ca_file, table="mailbox")


@contextmanager
def connected(options: MailboxOptions, context: ssl.SSLContext | None, line: Line) -> Iterator[IMAPClient]:
    """A connection that is logged in; raises ``SourceFailed``, also for what goes wrong in the block."""
    try:
        with closing(line), _connect(options, context, line) as client:
            _login(client, options)
            yield client
    except LoginError as error:
        if isinstance(error.__context__, imaplib.IMAP4.abort):
            raise _broke() from None
        if any(code in str(error).upper() for code in _NOT_NOW):
            raise SourceFailed("The mail server lets nobody in just now; the next look tries again.") from None
        raise SourceFailed(
            "The mail server refuses user name or password. "
            "Set them right in [sources.mailbox], then: cardsync release.",
            _LEAVE_ALONE,
        ) from None
    except (imaplib.IMAP4.abort, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        raise _broke() from None
    except imaplib.IMAP4.error:
        raise SourceFailed(
            "The mail server gave an answer that is no IMAP as cardsync knows it; see its log for the reason."
        ) from None
    except ssl.SSLCertVerificationError:
        raise SourceFailed(
            "The certificate of the mail server is not trusted; if it is your own server, name its certificate"
            " authority: ca_file in [sources.mailbox]."
        ) from None
    except ssl.SSLError:
        raise SourceFailed(
            "The mail server speaks no TLS there; check host, port and tls in [sources.mailbox]."
        ) from None
    except OSError:
        raise SourceFailed(
            "The mail server cannot be reached, or does not answer; check host and port in [sources.mailbox]."
        ) from None


def _broke() -> SourceFailed:
    return SourceFailed("The connection to the mail server broke; the next look goes on from the same mail.")


def _connect(options: MailboxOptions, context: ssl.SSLContext | None, line: Line) -> IMAPClient:
    client = Client(
        options.host,
        options.port or (993 if options.tls == "tls" else 143),
        context if options.tls == "tls" else None,
        SocketTimeout(_CONNECT_SECONDS, _READ_SECONDS),
        line,
    )
    client.normalise_times = False  # aware ones
    if options.tls == "starttls":
        try:
            client.starttls(context)
        except BaseException:
            with suppress(OSError):  # it is closed already
                client.shutdown()
            raise
    return client


def _login(client: IMAPClient, options: MailboxOptions) -> None:
    password = options.password if isinstance(options.password, str) else options.password()
    if client.has_capability("AUTH=PLAIN"):  # RFC 4616; it takes letters beyond ASCII, which LOGIN does not
        client.plain_login(options.username, password)
        return
    if client.has_capability("LOGINDISABLED"):
        raise SourceFailed('The mail server takes no password on this connection; set tls = "starttls" or "tls".')
    if not (options.username + password).isascii():
        raise SourceFailed("The mail server takes no letters beyond ASCII in user name and password.")
    client.login(options.username, password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as EXAMINE tells it."""

    uidvalidity: int
    next_uid: int
    messages: int


def examine(client: IMAPClient, folder: str) -> Folder:
    """Open a folder read-only; raises ``SourceFailed`` if it is not there."""
    try:
        told = client.select_folder(folder, readonly=True)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        raise SourceFailed(
            f"There is no folder {folder!r} on the mail server, or it cannot be opened; check folders in"
            " [sources.mailbox]."
        ) from None
    next_uid = told.get(b"UIDNEXT") or max(client.search("UID 1:*"), default=0) + 1
    return Folder(uidvalidity=told.get(b"UIDVALIDITY", 0), next_uid=next_uid, messages=told.get(b"EXISTS", 0))


def fetch(client: IMAPClient, uids: Sequence[int], parts: Sequence[str]) -> dict[int, dict[bytes, Any]]:
    """What is there of these, by UID; messages that are gone meanwhile are left out."""
    if not uids:
        return {}
    try:
        found: dict[int, dict[bytes, Any]] = client.fetch(uids, parts)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        if "EXPUNGEISSUED" not in str(error).upper():  # RFC 5530: another program deleted some of them
            raise
        client.noop()
        found = client.fetch(uids, parts)
    return found


def newest(client: IMAPClient, folder: Folder, count: int, parts: Sequence[str]) -> list[dict[bytes, Any]]:
    """The newest messages of the folder that is open."""
    if not folder.messages:
        return []
    client.use_uid = False
    try:
        told = client.fetch(range(max(1, folder.messages - count + 1), folder.messages + 1), parts)
    finally:
        client.use_uid = True
    return list(told.values())


def bounds(client: IMAPClient, folder: Folder, most: int) -> list[int]:
    """UIDs that part the folder that is open into pieces of so many messages; servers leave out millions of UIDs."""
    last = folder.next_uid - 1
    inner = range(most, folder.messages, most)
    if not inner:
        return [last]
    client.use_uid = False
    try:
        told = client.fetch(inner, ["UID"])
    finally:
        client.use_uid = True
    return sorted({*(uid for each in told.values() if isinstance(uid := each.get(b"UID"), int)), last})


def part(told: dict[bytes, Any], name: bytes) -> bytes:
    """The bytes of a BODY section whose name begins so; b"" if there are none."""
    value = next((value for key, value in told.items() if key.upper().startswith(name)), None)
    if isinstance(value, bytes):
        return value
    return str(value).encode() if isinstance(value, int) else b""


def arrived(told: dict[bytes, Any]) -> datetime | None:
    """The INTERNALDATE, aware; None if it is none."""
    at = told.get(b"INTERNALDATE")
    return at if isinstance(at, datetime) and at.tzinfo is not None else None
