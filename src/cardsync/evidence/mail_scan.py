"""One folder of a mailbox, read from where the last look ended.

Read-only, in pieces that fit into memory.  Only header fields are fetched, and of a delivery report its second part.

All headers in the order of UIDs, not a search for each contact: see docs/decisions/0012.
"""

import hashlib
import imaplib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from imapclient import IMAPClient

from cardsync.evidence import dsn
from cardsync.evidence.imap import Folder, arrived, bounds, examine, fetch, newest, part
from cardsync.evidence.mail_evidence import Found
from cardsync.evidence.mail_headers import (
    NOT_BY_HAND,
    Fields,
    fields,
    is_delivery_report,
    top_authserv_id,
    usual_server,
)
from cardsync.sources import SourceFailed

_AT_ONCE = 500  # messages of one FETCH
_WINDOW = 50_000  # messages of one SEARCH: its answer is one line, of which imaplib takes a million characters
_NEWCOMERS = 12  # so many searches cost as much as reading 20,000 headers once more
_LONGEST_TERM = 200
_LONGEST_HEADER, _LONGEST_STATUS, _LONGEST_MIME = 32_768, 65_536, 4_096  # bytes
_SAMPLE = 200
_FEW = 5  # messages that say nothing of a server yet
HEADER = (
    "BODY.PEEK[HEADER.FIELDS (FROM DATE AUTHENTICATION-RESULTS CONTENT-TYPE RETURN-PATH PRECEDENCE"
    f" {' '.join(NOT_BY_HAND).upper()} AUTO-SUBMITTED)]<0.{_LONGEST_HEADER}>"
)
_TOP = f"BODY.PEEK[HEADER.FIELDS (FROM AUTHENTICATION-RESULTS)]<0.{_LONGEST_HEADER}>"
_HOST = re.compile(r"[a-z0-9.-]{1,253}")
_UNSET = "Set authserv_id in [sources.mailbox], the name by which your mail server notes what it checked."
_ANOTHER = "The authserv_id in [sources.mailbox] stands on none of the newest mail."
_PROPOSED = " Most of it has {}: set that if it is your mail server, or your provider's."
_NOT_SEEN = " It is the first word of Authentication-Results in mail that came to you."
_NOTES_NOTHING = " If your server notes nothing, nobody can tell who wrote: then leave this source off."
_MIME = f"BODY.PEEK[2.MIME]<0.{_LONGEST_MIME}>"  # a report's second part is for machines (RFC 6522, section 3)
_RECEIVED = f"BODY.PEEK[HEADER.FIELDS (RECEIVED)]<0.{_LONGEST_HEADER}>"
_STATUS = f"BODY.PEEK[2]<0.{_LONGEST_STATUS}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Up to where a folder was read, and for whom: digests of what a sender can be found by."""

    uidvalidity: int
    uid: int
    known: frozenset[str]

    @classmethod
    def of(cls, told: object) -> Self | None:
        """From the cursor; None for what is no place."""
        match told:
            case {"uidvalidity": int(uidvalidity), "uid": int(uid), "known": [*known]}:
                return cls(uidvalidity=uidvalidity, uid=uid, known=frozenset(map(str, known)))
        return None

    def told(self) -> dict[str, Any]:
        """For the cursor."""
        return {"uidvalidity": self.uidvalidity, "uid": self.uid, "known": sorted(self.known)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one look at a folder came to: ``read`` messages were; ``more`` are there."""

    place: Place
    read: int
    more: bool


@dataclass(slots=True)
class Reader:
    """Reads folders over one connection into ``found``."""

    client: IMAPClient
    found: Found
    first: bool = True  # no folder was read before
    _sample: list[Fields] = field(default_factory=list)  # of the newest messages of all folders, at the first look

    def scan(self, name: str, before: Place | None, most: int) -> Scan:
        """Read on in a folder, ``most`` messages; raises ``SourceFailed`` and imaplib's errors."""
        folder = examine(self.client, name)
        terms = {_digest(term): term for term in self.found.people.spelt}
        place, newcomers = _start(folder, before, terms)
        if self.first or not self.found.authserv_id:
            told = newest(self.client, folder, _SAMPLE, [_TOP])
            self._sample += [fields(part(each, b"BODY[HEADER.FIELDS")) for each in told]
        uids, reached = self._next(folder, place.uid, most, first=place.uid == 0)
        earlier = self._earlier(place.uid, newcomers)
        self._read(earlier)
        self._read(uids)
        return Scan(
            place=Place(uidvalidity=folder.uidvalidity, uid=reached, known=frozenset(terms)),
            read=len(uids),
            more=reached < folder.next_uid - 1,
        )

    def _next(self, folder: Folder, after: int, most: int, *, first: bool) -> tuple[list[int], int]:
        """The next messages, and up to which UID all is read then.

        Only the first search is by date too: it costs the server a look at each message, and ours drops old ones.
        """
        uids: list[int] = []
        for end in bounds(self.client, folder, _WINDOW):
            if end > after and len(uids) < most:
                uids += self._search(["UID", f"{after + 1}:{end}", *(self._since() if first else ())])
                after = end
        return (uids, after) if len(uids) <= most else (uids[:most], uids[most - 1])

    def _earlier(self, until: int, terms: Collection[str]) -> list[int]:
        """What newcomers wrote up to that UID, the newest of each."""
        uids: set[int] = set()
        for term in terms if until else ():
            criteria = ["UID", f"1:{until}", *self._since(), "FROM", term]
            try:
                uids.update(self._search(criteria, None if term.isascii() else "UTF-8")[-_AT_ONCE:])
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error:  # the server knows no UTF-8 in searches: this one will be seen from now on
                continue
        return sorted(uids)

    def _search(self, criteria: list[Any], charset: str | None = None) -> list[int]:
        return sorted(self.client.search(criteria, charset))

    def _since(self) -> list[Any]:
        return ["SINCE", (self.found.since - timedelta(days=1)).date()]  # SINCE knows no time zones

    def check_server(self) -> None:
        """Raise ``SourceFailed`` if the name of the owner's server is not set, or stands on none of the newest mail.

        Once, of all folders together: one of mail that was sent, or came to another server, has none.  What the mail
        says is only proposed: ten forged ones say it, too, where the server notes nothing.
        """
        seen = usual_server(self._sample)
        proposed = _PROPOSED.format(seen) if _HOST.fullmatch(seen) else ""
        if not self.found.authserv_id:
            raise SourceFailed(_UNSET + (proposed or _NOT_SEEN))
        noted = self.found.authserv_id in map(top_authserv_id, self._sample)
        if not noted and (proposed or len(self._sample) >= _FEW):
            raise SourceFailed(_ANOTHER + (proposed or _NOTES_NOTHING))

    def _read(self, uids: Sequence[int]) -> None:
        for start in range(0, len(uids), _AT_ONCE):
            reports: dict[int, tuple[Fields, datetime | None]] = {}
            for uid, told in fetch(self.client, uids[start : start + _AT_ONCE], ["INTERNALDATE", HEADER]).items():
                block = part(told, b"BODY[HEADER.FIELDS")
                if len(block) >= _LONGEST_HEADER:
                    continue  # cut off, so that what is missing is not known
                said = fields(block)
                if is_delivery_report(said):
                    reports[uid] = said, arrived(told)
                else:
                    self.found.mail(said, arrived(told))
            self._read_reports(reports)

    def _read_reports(self, reports: Mapping[int, tuple[Fields, datetime | None]]) -> None:
        kinds = {
            uid: encoding
            for uid, told in fetch(self.client, list(reports), [_MIME]).items()
            if (encoding := dsn.status_encoding(part(told, b"BODY[2.MIME]"))) is not None
        }
        for uid, told in fetch(self.client, list(kinds), [_STATUS, _RECEIVED]).items():
            said, at = reports[uid]
            way = fields(part(told, b"BODY[HEADER.FIELDS"))
            self.found.report({**said, **way}, at, dsn.gone(part(told, b"BODY[2]"), kinds[uid]))


def _start(folder: Folder, before: Place | None, terms: Mapping[str, str]) -> tuple[Place, list[str]]:
    """Where to read on, and whom to search for before that.

    From the beginning after a change of UIDVALIDITY, and where many are new.
    """
    if before is not None and before.uidvalidity == folder.uidvalidity:
        newcomers = [term for digest, term in terms.items() if digest not in before.known]
        if len(newcomers) <= _NEWCOMERS:
            return before, [term for term in newcomers if len(term) <= _LONGEST_TERM]
    return Place(uidvalidity=folder.uidvalidity, uid=0, known=frozenset()), []


def _digest(term: str) -> str:
    return hashlib.blake2s(term.encode("utf-8", "replace"), digest_size=6).hexdigest()
