"""What the owner is told, and when: the decisions, pure.  No sentence here holds anybody's name."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from cardsync.words import count

WEEK = timedelta(days=7)
"""What still stands is told once more after that; a digest is about it."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """``key``: the same for the same trouble.  ``details``: what was left out of ``sentence`` for its names."""

    key: str
    sentence: str
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """``title`` in one line; ``text`` in some."""

    title: str
    text: str


STUCK = Alarm(key="stuck", sentence="No cycle ends: nothing is read, asked or written. The log tells why.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Since when no cycle ends, and when that was told: the database, which remembers the rest, may be broken."""

    since: datetime | None = None
    told: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Once it has lasted: a disk may be full for a moment."""
        if self.since is None or now - self.since < _LASTS:
            return False
        return self.told is None or now - self.told >= (WEEK if self.told >= self.since else DAY)


_LASTS = timedelta(hours=1)


def due(alarms: Iterable[Alarm], told: Mapping[str, datetime], now: datetime) -> list[Alarm]:
    """Those that were not told lately; a time to come is of a clock that was ahead."""
    return [alarm for alarm in alarms if not timedelta() <= now - told.get(alarm.key, now - WEEK - DAY) < WEEK]


def over(alarms: Iterable[Alarm], told: Mapping[str, datetime], now: datetime) -> list[str]:
    """What is mended, and may be told of anew: a day later, so that what comes and goes is no flood."""
    standing = {alarm.key for alarm in alarms}
    return [key for key, at in told.items() if key not in standing and not timedelta() <= now - at < DAY]


def message(alarms: Sequence[Alarm], *, include_names: bool) -> Message:
    """All of them in one, of which alike ones are one line; short enough for every way."""
    told = Counter(f"{alarm.sentence} {alarm.details if include_names else ''}".rstrip() for alarm in alarms)
    lines = [line if n == 1 else f"{line} ({n} times)" for line, n in told.items()]
    shown = [line[:_LONGEST] for line in lines[:_MOST]]
    more = [f"And {len(lines) - _MOST} more."] if len(lines) > _MOST else []
    verb = "needs" if len(alarms) == 1 else "need"
    title = f"cardsync: {count(len(alarms), 'thing')} {verb} you"
    return Message(title=title, text="\n".join([*shown, *more, "More: cardsync status --problems"]))


_MOST, _LONGEST = 12, 240  # lines and their characters: ntfy takes 4,096 bytes


# ---------------------------------------------------------------- the week


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Counts of one account in the last seven days; ``fresh`` of ``vips`` are probably right."""

    account: str
    asked: int
    ended: Mapping[str, int]
    used: int
    vips: int
    fresh: int
    open: int


def week_of(zone: tzinfo, now: datetime) -> str:
    """As ``2026-W23``, from Monday at eight o'clock on."""
    year, week, _ = (now.astimezone(zone) - _EIGHT).isocalendar()
    return f"{year}-W{week:02}"


_EIGHT = timedelta(hours=8)


def digest(weeks: Sequence[Week], problems: int) -> Message:
    """Counts only."""
    lines = [line for week in weeks for line in _week(week)]
    lines.append(f"{count(problems, 'problem')} waiting: cardsync status --problems" if problems else "No problems.")
    return Message(title="cardsync: the week", text="\n".join(lines))


def _week(week: Week) -> list[str]:
    ended = ", ".join(f"{n} {how}" for how, n in sorted(week.ended.items())) or "none"
    seen, right = count(week.used, "address", "addresses"), f"{week.fresh} of {count(week.vips, 'VIP')} probably right"
    return [
        f"{week.account}: {count(week.asked, 'question')} asked, {week.open} open; ended: {ended}.",
        f"{week.account}: {seen} seen in use; {right}.",
    ]
