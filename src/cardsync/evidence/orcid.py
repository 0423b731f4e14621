"""ORCID: the employments that a researcher's public record lists (API 3.0, ``GET /{iD}/employments``)."""

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from cardsync.assess.organisations import CERTAIN, Aliases, Verdict, compare
from cardsync.evidence.foreign import Foreign, Text, parsed
from cardsync.evidence.profile import FAMILY, KEYED, past, path_at, says_of
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import About, Consulted, Need, Subject, Web

ENDED = 40.0

_API = "https://pub.orcid.org"
_ID = re.compile(r"(?:[0-9]{4}-){3}[0-9]{3}[0-9X]")


class _Number(Foreign):
    value: Annotated[str, Field(max_length=4, pattern=r"^[0-9]+$")]


class _Date(Foreign):
    year: _Number | None = None
    month: _Number | None = None
    day: _Number | None = None


class _Millis(Foreign):
    value: Annotated[int, Field(ge=0, le=4_102_444_800_000)]  # until 2100


class _Organisation(Foreign):
    name: Text


class _Summary(Foreign):
    organization: _Organisation
    start: Annotated[_Date | None, Field(alias="start-date")] = None
    end: Annotated[_Date | None, Field(alias="end-date")] = None
    edited: Annotated[_Millis | None, Field(alias="last-modified-date")] = None


class _Entry(Foreign):
    employment: Annotated[_Summary, Field(alias="employment-summary")]


class _Group(Foreign):
    summaries: Annotated[tuple[_Entry, ...], Field(max_length=100)] = ()


class _Employments(Foreign):
    path: Text = ""
    groups: Annotated[tuple[_Group, ...], Field(alias="affiliation-group", max_length=500)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Employment:
    """One entry: ``start`` at the earliest, ``end`` at the latest that a partial date may mean; None: none given."""

    name: str
    start: datetime | None = None
    end: datetime | None = None
    edited: datetime | None = None

    def current(self, now: datetime) -> bool:
        """Whether it has begun, and no end of it has passed."""
        return (self.start is None or self.start <= now) and (self.end is None or self.end > now)


class Orcid:
    """Looks at the record whose iD is on the card."""

    def __init__(self, *, aliases: Aliases = ()) -> None:
        self._aliases = aliases

    @property
    def about(self) -> About:
        """See ``Source``."""
        return About(
            name="orcid",
            sends="The iD in an orcid.org URL on the card, to ORCID.",
            hosts=("pub.orcid.org",),
            needs=frozenset({Need.URL, Need.ORGANISATION}),
            monthly=2000,
            apart=timedelta(seconds=1),  # they allow 12 a second
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``; unconditional, since an end date passes without any change of the record."""
        evidence = []
        for subject in subjects:
            own, stored = orcid_of(subject.values.get(Need.URL, ())), subject.first(Need.ORGANISATION)
            if not own or not stored:
                continue
            page = await web.get(f"{_API}/v3.0/{own}/employments", accept="application/json")
            record = parsed(page, _Employments, "ORCID") if page else None
            if record is None or not record.path.startswith(f"/{own}/"):
                continue
            said = concluded(stored, list(_employments(record)), now, self._aliases)
            if said:
                evidence.append((subject.id, replace(said, url=f"https://orcid.org/{own}")))
        return Consulted(evidence=evidence)


def concluded(stored: str, employments: Sequence[Employment], now: datetime, aliases: Aliases = ()) -> Evidence | None:
    """What a record says of ``stored``.

    Still there: agrees.  An end there has passed: ended.  Only elsewhere now: differs, unless one of those
    may be the same.
    """
    verdicts = [(one, compare(stored, one.name, aliases)) for one in employments]
    current = sorted((one for one in employments if one.current(now)), key=_newest, reverse=True)
    here = [one for one, verdict in verdicts if verdict in CERTAIN and one.current(now)]
    over = [one for one, verdict in verdicts if verdict is Verdict.SAME and one.end is not None and one.end <= now]
    if here:
        return _said(stored, here[0], now, aliases)
    if over:
        return _ended(stored, max(over, key=lambda one: one.end or now), current, now)
    if any(verdict is not Verdict.DIFFERENT for one, verdict in verdicts if one.current(now)):
        return None
    return _said(stored, current[0], now, aliases) if current else None


def _said(stored: str, one: Employment, now: datetime, aliases: Aliases) -> Evidence | None:
    return says_of(
        "orcid",
        stored,
        one.name,
        now=now,
        aliases=aliases,
        about="ORCID",
        asserted_at=one.edited,
        valid_from=one.start,
    )


def _ended(stored: str, one: Employment, current: Sequence[Employment], now: datetime) -> Evidence:
    return Evidence(
        source="orcid",
        kind=EvidenceKind.ENDED,
        family=FAMILY,
        claim=WorkField.ORGANISATION,
        says=Says.DIFFERS,
        stored=stored,
        observed_at=now,
        first_observed_at=now,
        likelihood_ratio=ENDED,
        match=KEYED,
        suggested=current[0].name if current else "",
        about="ORCID",
        asserted_at=past(one.edited, now),
        valid_from=one.start,
        valid_to=one.end,
    )


def _newest(one: Employment) -> datetime:
    return one.start or datetime.min.replace(tzinfo=UTC)


def _employments(record: _Employments) -> Iterator[Employment]:
    for group in record.groups:
        for entry in group.summaries:
            job = entry.employment
            edited = datetime.fromtimestamp(job.edited.value / 1000, UTC) if job.edited else None
            name, end = " ".join(job.organization.name.split()), _last(job.end)
            if name and (job.end is None or end):  # an end that is no date: neither there nor gone
                yield Employment(name=name, start=_first(job.start), end=end, edited=edited)


def _first(partial: _Date | None) -> datetime | None:
    """The first moment of a year, a month or a day."""
    if partial is None or partial.year is None:
        return None
    month, day = (int(one.value) if one else 1 for one in (partial.month, partial.day))
    try:
        return datetime(int(partial.year.value), month, day if partial.month else 1, tzinfo=UTC)
    except ValueError:
        return None


def _last(partial: _Date | None) -> datetime | None:
    """The moment after the last one of a year, a month or a day, so that an end counts once it has surely passed."""
    start = _first(partial)
    if partial is None or start is None:
        return None
    if partial.month is None:
        days = 366 if calendar.isleap(start.year) else 365
    else:
        days = 1 if partial.day else calendar.monthrange(start.year, start.month)[1]
    return min(start, datetime.max.replace(tzinfo=UTC) - timedelta(days=days)) + timedelta(days=days)


def orcid_of(urls: Sequence[str]) -> str | None:
    """The iD in the only ORCID URL among ``urls``, its check digit right; None: there is none, or several differ."""
    paths = [path for url in urls if (path := path_at(url, "orcid.org")) is not None]
    found = {path[0].upper() for path in paths if len(path) == 1 and _ID.fullmatch(path[0].upper())}
    return found.pop() if len(found) == 1 and all(map(_checked, found)) else None


def _checked(own: str) -> bool:
    """ISO 7064, MOD 11-2."""
    total = 0
    for digit in own[:-1].replace("-", ""):
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == own[-1]
