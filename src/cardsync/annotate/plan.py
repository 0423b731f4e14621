"""When a question is asked, and what its end means for the next one.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from cardsync.model import Contact, QuestionKind
from cardsync.policy import ReminderPolicy, within
from cardsync.records import Asked, Ending, Pause, Standing

FIRST = (QuestionKind.HALF_UPDATED, QuestionKind.FOLLOW_UP)
"""Asked before all others, whatever their worth: the card is known to be wrong."""

_DOUBLINGS = 6  # of the wait after a dismissal: 90 days to 16 years
_LONGEST = timedelta(days=100 * 365)  # that a wait grows to; as long as the config's longest


def may_ask(standing: Standing, kind: QuestionKind, policy: ReminderPolicy, now: datetime) -> bool:
    """Whether pauses, snoozes and ``ask_again_after`` let a question of this kind be asked today."""
    if standing.pause or (standing.not_before and now < standing.not_before):
        return False
    ended = standing.ended.get(kind)
    return ended is None or now - ended >= policy.ask_again_after


def quiet(contact: Contact, changed_at: datetime | None, policy: ReminderPolicy, now: datetime) -> bool:
    """Whether the card changed so lately that the phone may hold an edit which is not yet here."""
    moments = [moment for moment in (changed_at, contact.revised) if moment]
    return any(abs(now - moment) < policy.quiet_after_edit for moment in moments)  # a phone's clock may be ahead


def precedence(kind: QuestionKind, score: float, contact_id: int) -> tuple[int, float, int]:
    """Sort key of the contacts to ask about.

    Half-updated cards, then those known to be wrong, then by weight x P(stale) x gain, then as first seen.
    """
    return FIRST.index(kind) if kind in FIRST else len(FIRST), -score, contact_id


def within_hours(policy: ReminderPolicy, zone: tzinfo, now: datetime) -> bool:
    """Whether ``reminders.hours`` lets a question be written now."""
    return policy.hours is None or within(policy.hours, zone, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many new questions each limit of ``[reminders]`` lets be written now."""

    day: int
    week: int
    open: int
    in_hours: bool = True

    @property
    def left(self) -> int:
        """What all of them allow."""
        return max(0, min(self.day, self.week, self.open)) if self.in_hours else 0

    @property
    def spent(self) -> tuple[str, ...]:
        """The keys of the limits that allow none."""
        left = {"max_new_per_day": self.day, "max_new_per_week": self.week, "max_open": self.open}
        return (*(() if self.in_hours else ("hours",)), *(key for key, number in left.items() if number <= 0))


def budget(asked: Sequence[datetime], standing: int, policy: ReminderPolicy, zone: tzinfo, now: datetime) -> Budget:
    """What may be asked now; ``asked`` are the questions of the last seven days."""
    today = now.astimezone(zone).date()
    day = sum(moment.astimezone(zone).date() == today for moment in asked)
    week = sum(now - moment < timedelta(days=7) for moment in asked)
    return Budget(
        day=policy.max_new_per_day - day,
        week=policy.max_new_per_week - week,
        open=policy.max_open - standing,
        in_hours=within_hours(policy, zone, now),
    )


def first_day(
    place: int, asked: Sequence[datetime], policy: ReminderPolicy, zone: tzinfo, now: datetime
) -> date | None:
    """The day on which the question in that place of the line (the first: 1) may come at the earliest; None: never.

    By the limits of day and week: whether those that stand are answered by then nobody knows.
    """
    if min(policy.max_new_per_day, policy.max_new_per_week, policy.max_open) <= 0:
        return None
    days = [moment.astimezone(zone).date() for moment in asked]
    today = day = now.astimezone(zone).date()
    left_of_today = (now + timedelta(hours=hours) for hours in range(25))
    if not any(within_hours(policy, zone, at) for at in left_of_today if at.astimezone(zone).date() == today):
        day += timedelta(days=1)
    while day < today + _FAR:
        days = [each for each in days if each > day - timedelta(days=7)]
        left = max(0, min(policy.max_new_per_day - days.count(day), policy.max_new_per_week - len(days)))
        if place <= left:
            return day
        place, days, day = place - left, [*days, *[day] * left], day + timedelta(days=1)
    return None


_FAR = timedelta(days=3650)


def after(
    asked: Asked,
    ending: Ending,
    standing: Standing,
    policy: ReminderPolicy,
    now: datetime,
    *,
    delay: timedelta | None = None,
) -> Standing:
    """How a contact stands once its question ended so (``Standing.ended`` follows from the questions kept)."""
    if standing.left_at and asked.kind is QuestionKind.FOLLOW_UP and ending in {Ending.EDITED, Ending.EXPIRED}:
        since = asked.asked_at if ending is Ending.EXPIRED else now
        return replace(standing, not_before=since + policy.ask_again_after)  # the card still names the old company
    match ending:
        case Ending.NEVER | Ending.RETIRED:
            return replace(standing, pause=Pause(ending.value))
        case Ending.SNOOZED:
            return replace(standing, not_before=now + (delay or policy.snooze))
        case Ending.DISMISSED:
            wait = min(policy.ask_again_after, _LONGEST) * 2 ** min(standing.dismissals, _DOUBLINGS)
            return replace(standing, not_before=now + min(wait, _LONGEST), dismissals=standing.dismissals + 1)
        case Ending.NOTED:
            return replace(standing, not_before=now + policy.ask_again_after)
        case Ending.LEFT:
            return replace(standing, left_at=now)
        case Ending.CONFIRMED:
            return replace(standing, left_at=None, dismissals=0)
        case Ending.EDITED:
            return replace(standing, dismissals=0)
        case Ending.EXPIRED | Ending.WITHDRAWN | Ending.SETTLED:
            return standing
