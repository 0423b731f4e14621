"""Events of a calendar object (RFC 5545): who asked, who answered, when it was.

Only the lines of VEVENT itself are read, never those of its alarms; recurrence rules are not read at all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cardsync.vcard.lines import ContentLine, content_line, line_stop

LARGEST = 500_000  # bytes of one object; attachments are links nowadays
_MOST_ATTENDEES = 500
_MOST_EVENTS = 1000  # of one object: a series with its exceptions
_ANSWERS = frozenset({"ACCEPTED", "TENTATIVE", "DECLINED"})
_PEOPLE = frozenset({"INDIVIDUAL", "UNKNOWN"})
_ADDRESS = re.compile(r"[^\s@;,<>\x00-\x1f\x7f]{1,64}@[\w.-]{1,255}")
_FORMS = ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendee:
    """Someone who answered: ``address`` in lower case, ``name`` as CN has it."""

    address: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``start`` of the first time, in UTC; ``stamped``: the earlier of DTSTAMP and LAST-MODIFIED.

    ``organizer``: the address of who asked, in lower case; '' if nobody, or several, are named.
    """

    start: datetime | None
    stamped: datetime | None
    answered: tuple[Attendee, ...]
    organizer: str = ""

    def happened(self, now: datetime) -> datetime | None:
        """When the answer came at the earliest, and no later than the meeting; None: not known."""
        return min((at for at in (self.start, self.stamped) if at is not None and at <= now), default=None)


def events(data: bytes) -> Iterator[Event]:
    """The events of one object that were not called off and that somebody answered; never raises."""
    open_: list[str] = []
    lines: list[ContentLine] = []
    count = 0
    for line in _lines(data[:LARGEST] if len(data) <= LARGEST else b""):
        if line.name == "BEGIN":
            open_.append(line.text().strip().upper())
        elif line.name == "END":
            ended = open_.pop() if open_ else ""
            if ended == "VEVENT" and count < _MOST_EVENTS:
                count += 1
                if event := _event(lines):
                    yield event
                lines = []
        elif open_ and open_[-1] == "VEVENT":
            lines.append(line)


def _lines(data: bytes) -> Iterator[ContentLine]:
    start = 0
    while start < len(data):
        stop = line_stop(data, start)
        if line := content_line(data, start, stop):
            yield line
        start = stop


def _event(lines: list[ContentLine]) -> Event | None:
    first = {line.name: line for line in reversed(lines)}
    if "STATUS" in first and first["STATUS"].text().strip().upper() == "CANCELLED":
        return None
    asked = [line for line in lines if line.name == "ATTENDEE"][:_MOST_ATTENDEES]
    answered = tuple(one for line in asked if (one := _attendee(line)))
    if not answered:
        return None
    stamps = [at for name in ("DTSTAMP", "LAST-MODIFIED") if (at := _time(first.get(name)))]
    asking = {_address(line) for line in lines if line.name == "ORGANIZER"}
    return Event(
        start=_time(first.get("DTSTART")),
        stamped=min(stamps, default=None),
        answered=answered,
        organizer=asking.pop() if len(asking) == 1 else "",
    )


def _attendee(line: ContentLine) -> Attendee | None:
    params = line.params
    kind, answer, name = (_parameter(params.get(which, ()), "") for which in ("CUTYPE", "PARTSTAT", "CN"))
    if answer.upper() not in _ANSWERS or (kind or "INDIVIDUAL").upper() not in _PEOPLE:
        return None
    address = _address(line)
    return Attendee(address=address, name=" ".join(name.split())) if address else None


def _address(line: ContentLine) -> str:
    """In lower case; '' if it is none."""
    value = line.text().strip()
    address = value[7:] if value[:7].lower() == "mailto:" else _parameter(line.params.get("EMAIL", ()), "")
    address = address.strip().lower()
    return address if _ADDRESS.fullmatch(address) else ""


def _parameter(values: tuple[str, ...], default: str) -> str:
    return values[0].strip() if values else default


def _time(line: ContentLine | None) -> datetime | None:
    """In UTC; a floating time and an unknown zone are taken for UTC, hours do not matter here."""
    if line is None:
        return None
    value = line.text().strip()[:20]
    for form in _FORMS:
        try:
            at = datetime.strptime(value, form).replace(tzinfo=UTC if value.endswith("Z") else _zone(line))
            return at.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _zone(line: ContentLine) -> tzinfo:
    name = _parameter(line.params.get("TZID", ()), "")
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, KeyError, OSError):  # no such name; a path; a folder of the zone database
        return UTC
