"""Invented mail, and the mailbox that it lies in: played in memory, below the product's own source ``mailbox``."""

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.utils import format_datetime, formataddr
from typing import Any

from cardsync.evidence.imap_line import Line
from cardsync.evidence.mailbox import MailboxOptions

OWNER, SERVER = "me@home.example", "mx.home.example"
_SECTION = re.compile(r"BODY\.PEEK\[([^]]+)\]")
_REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@{server}>
To: {owner}
Date: {date}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; {server}

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b--
"""
_LETTER = """\
Authentication-Results: {server}; dkim=pass header.d={domain}
From: {sender}
To: {owner}
Date: {date}
Subject: Thursday
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Shall we have lunch?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message (RFC 5322) as it lies in the mailbox, and its INTERNALDATE."""

    raw: bytes
    arrived: datetime


def returned(address: str, at: datetime) -> Mail:
    """A delivery report (RFC 3464): there is no such address."""
    return _mail(_REPORT.format(server=SERVER, owner=OWNER, date=format_datetime(at), address=address), at)


def letter(name: str, address: str, at: datetime) -> Mail:
    """A mail from that address; the owner's server noted that its domain signed it (RFC 8601)."""
    sender, domain = formataddr((name, address)), address.rpartition("@")[2]
    return _mail(_LETTER.format(server=SERVER, owner=OWNER, date=format_datetime(at), sender=sender, domain=domain), at)


def _mail(text: str, at: datetime) -> Mail:
    return Mail(raw=text.replace("\n", "\r\n").encode(), arrived=at)


TABLES = f"""
# played in the demo; nobody connects to them
[sources.mailbox]
host = "mail.home.example"
username = "{OWNER}"
password = "none"
authserv_id = "{SERVER}"

[sources.web]
"""


def options() -> MailboxOptions:
    """What the owner would write into ``[sources.mailbox]``; nobody connects to it."""
    return MailboxOptions(host="mail.home.example", username=OWNER, password="", tls="none", authserv_id=SERVER)


@dataclass(slots=True)
class Mailbox:
    """What the source asks of an ``IMAPClient``, answered from these messages; UIDs count from 1, as numbers do."""

    mails: Sequence[Mail]
    use_uid: bool = True

    @contextmanager
    def connected(self, options: MailboxOptions, context: ssl.SSLContext | None, line: Line) -> Iterator["Mailbox"]:
        """Stands in for ``imap.connected``."""
        yield self

    def select_folder(self, folder: str, *, readonly: bool) -> dict[bytes, int]:
        """EXAMINE."""
        return {b"UIDVALIDITY": 1, b"UIDNEXT": len(self.mails) + 1, b"EXISTS": len(self.mails)}

    def search(self, criteria: Sequence[Any], charset: str | None = None) -> list[int]:
        """UID SEARCH by UID alone: whoever asks looks at dates and senders again."""
        first, _, last = str(criteria[1]).partition(":")
        return [uid for uid in range(1, len(self.mails) + 1) if int(first) <= uid <= int(last)]

    def fetch(self, uids: Sequence[int], parts: Sequence[str]) -> dict[int, dict[bytes, Any]]:
        """UID FETCH of INTERNALDATE, header fields, and the second part with its own header."""
        return {uid: _told(self.mails[uid - 1], parts) for uid in uids}


def _told(mail: Mail, parts: Sequence[str]) -> dict[bytes, Any]:
    message = message_from_bytes(mail.raw)
    sections = [found[1] for part in parts if (found := _SECTION.match(part))]
    return {b"INTERNALDATE": mail.arrived} | {
        f"BODY[{section}]<0>".encode(): _section(message, section) for section in sections
    }


def _section(message: Message, section: str) -> bytes:
    """Of a BODY (RFC 3501, section 6.4.5): ``HEADER.FIELDS (...)``, ``2.MIME`` or ``2``."""
    if section.startswith("HEADER.FIELDS"):
        wanted = re.findall(r"[\w-]+", section.partition("(")[2])
        return _header({name: value for name, value in message.items() if name.upper() in wanted})
    payload = message.get_payload()
    second = payload[1] if isinstance(payload, list) and len(payload) > 1 else None
    if not isinstance(second, Message):
        return b""
    mime, _, body = second.as_bytes().partition(b"\n\n")
    return mime if section == "2.MIME" else body


def _header(fields: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"
