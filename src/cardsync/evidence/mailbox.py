"""The source ``mailbox``: who wrote from which address, and which mail came back, in the owner's own mailbox."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from imapclient import IMAPClient

from cardsync.assess.domains import Domains
from cardsync.assess.organisations import Aliases
from cardsync.evidence.alone import alone
from cardsync.evidence.imap import MailboxOptions, connected, trust
from cardsync.evidence.imap_line import Line
from cardsync.evidence.mail_evidence import SOURCE, Found
from cardsync.evidence.mail_scan import Place, Reader
from cardsync.evidence.people import People
from cardsync.sources import About, Consulted, Need, Subject, Web

__all__ = ["Mailbox", "MailboxOptions"]

Connect = Callable[[MailboxOptions, ssl.SSLContext | None, Line], AbstractContextManager[IMAPClient]]

_A_LOOK = 2000
_SECONDS = 110.0  # of one look, with its password command: a little less than what is waited for any source
_NEEDS = frozenset({Need.NAME, Need.WORK_EMAIL, Need.PERSONAL_EMAIL, Need.WORK_DOMAIN, Need.ORGANISATION})


class Mailbox:
    """``Source`` over IMAP; the cursor holds the ``Place`` of each folder, ``{name: {uidvalidity, uid, known}}``.

    ``aliases`` and ``domains`` are what the owner says of organisations.  ``a_look``: messages of one look, at most;
    each has a connection of its own, which at 500 would take a third of the time, and ends after ``seconds``.
    ``connect`` makes it.
    """

    def __init__(
        self,
        options: MailboxOptions,
        aliases: Aliases = (),
        domains: Domains | None = None,
        *,
        a_look: int = _A_LOOK,
        seconds: float = _SECONDS,
        connect: Connect = connected,
    ) -> None:
        self._options = options
        self._aliases = aliases
        self._domains = domains
        self._a_look = a_look
        self._seconds = seconds
        self._connect = connect
        self._context: ssl.SSLContext | None = None

    @property
    def about(self) -> About:
        """See ``Source``."""
        return About(
            name=SOURCE,
            sends="Nothing but your login, to your own mail server, which is only read: headers and delivery reports.",
            hosts=(self._options.host,),
            needs=_NEEDS,
            private=True,
            scans=True,
            every=timedelta(hours=6),
            monthly=100_000,
            apart=timedelta(0),
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``: at mail that is new since ``cursor``."""
        line, whose = Line(), (SOURCE, self._options.host, self._options.port, self._options.username)
        return await alone(whose, lambda: self._look(subjects, cursor, now, line), line.cut, self._seconds)

    def _look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], now: datetime, line: Line) -> Consulted:
        people = People.of(subjects, self._aliases, self._domains)
        found = Found(people, now - self._options.since, now, (self._options.authserv_id or "").casefold())
        left, more, after = self._a_look, False, {}
        self._context = self._context or trust(self._options)
        with self._connect(self._options, self._context, line) as client:
            reader = Reader(client, found, first=not cursor)
            for name in dict.fromkeys(self._options.folders):
                scan = reader.scan(name, Place.of(cursor.get(name)), left)
                left -= scan.read
                more = more or scan.more
                after[name] = scan.place.told()
            if reader.first or not self._options.authserv_id:
                reader.check_server()
        return Consulted(evidence=found.evidence, cursor=after, more=more)
