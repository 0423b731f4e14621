"""The owner's own calendar: which addresses contacts answered invitations from (CalDAV, RFC 4791)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from cardsync.assess.domains import Domains
from cardsync.assess.organisations import Aliases
from cardsync.evidence.alone import alone
from cardsync.evidence.caldav_objects import CalendarOptions, Calendars
from cardsync.evidence.guarded_session import MOST, SECONDS
from cardsync.evidence.invitations import Event, events
from cardsync.evidence.meetings import People
from cardsync.evidence.wire import Wire
from cardsync.sources import About, Consulted, Need, Subject, Web

_SLICE = timedelta(days=30)  # of one report: bounds its answer
_AHEAD = timedelta(days=60)  # answers to what is still to come
_AGAIN = timedelta(days=14)  # looked at once more: answers come late


class Calendar:
    """Reads the events of the last months, or since the last look where nothing changed on the cards."""

    def __init__(self, options: CalendarOptions, *, aliases: Aliases = (), domains: Domains | None = None) -> None:
        self._options = options
        self._aliases = aliases
        self._domains = domains

    @property
    def about(self) -> About:
        """See ``Source``."""
        return About(
            name="calendar",
            sends="Nothing but your login, to your own calendar server, which is only read.",
            hosts=(self._options.host,),
            needs=frozenset({Need.NAME, Need.ORGANISATION, Need.WORK_EMAIL, Need.PERSONAL_EMAIL}),
            private=True,
            scans=True,
            every=timedelta(days=1),
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``; the cursor has the time of the last look, and a digest of whom it was for."""
        wire = Wire(SECONDS, MOST)
        return await alone("calendar", partial(self._look, subjects, cursor, now, wire), wire.give_up)

    def _look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], now: datetime, wire: Wire) -> Consulted:
        oldest, whom = now - self._options.since, _whom(subjects)
        last = _looked(cursor, now) if cursor.get("whom") == whom else None
        since = max(oldest, last - _AGAIN) if last else oldest
        people = People(subjects, self._aliases, self._domains)
        with closing(Calendars(self._options, wire)) as calendars:
            found = people.says(_events(calendars, since, now + _AHEAD), calendars.owner(), since, now)
        said = [(contact, evidence) for (contact, _), evidence in found.items()]
        return Consulted(evidence=said, cursor={"looked": now.isoformat(), "whom": whom})


def _events(calendars: Calendars, start: datetime, stop: datetime) -> Iterator[Event]:
    slices = []
    while start < stop:
        slices.append((start, min(start + _SLICE, stop)))
        start += _SLICE
    for data in calendars.objects(slices):
        yield from events(data)


def _looked(cursor: Mapping[str, Any], now: datetime) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(cursor.get("looked")))
    except ValueError:
        return None
    return at if at.tzinfo and at <= now else None


def _whom(subjects: Sequence[Subject]) -> str:
    """A digest of all that a reading depends on: who is new is looked for in the whole time."""
    seen = sorted((one.id, sorted((need.value, values) for need, values in one.values.items())) for one in subjects)
    return hashlib.sha256(repr(seen).encode("utf-8", "replace")).hexdigest()
