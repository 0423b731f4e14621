"""What time alone says about a card: since when nobody knows, and how many such cards are out of date by now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cardsync.assess.domains import Domains, domain_belongs
from cardsync.assess.organisations import CERTAIN, Aliases, compare
from cardsync.assess.survival import (
    TITLE_RATE,
    Job,
    Situation,
    half_left,
    history_of,
    kept,
    person_factor,
)
from cardsync.model import Contact, FieldMemory, JobHistory, Memory, Reason, Says, WorkField
from cardsync.policy import Stratum
from cardsync.words import count, percent

YEAR = timedelta(days=365.2425)
SUREST = 0.005  # even a card confirmed today is wrong once in 200 times: slips, hasty answers; keeps log-odds finite

_POSITION = (WorkField.ORGANISATION, WorkField.DEPARTMENT, WorkField.TITLE, WorkField.ROLE)
TITLES = (WorkField.TITLE, WorkField.ROLE)
"""What says what somebody does there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What time alone says; ``last_sure`` and ``age`` are as in ``Assessment``.

    ``employer`` is P(the employer is another one), ``title`` P(the title is another one though the employer is the
    same; 0 where the card names none), ``own`` P(right) of each detail given that the employer is right.
    """

    employer: float
    title: float
    age: timedelta
    last_sure: datetime | None
    reasons: tuple[Reason, ...]
    title_reason: Reason | None
    moved_reason: Reason | None
    history: JobHistory
    since: float  # years since employer and title were sure, of the two the longer time
    right: Callable[[float], float]  # P(both are) so many years after they were, see ``survival.gain``
    own: Mapping[WorkField, float]


def prior(
    contact: Contact,
    memory: Memory,
    stratum: Stratum,
    survival: Callable[[Situation, Stratum], float],
    *,
    assumed_age: timedelta,
    aliases: Aliases,
    domains: Domains,
    now: datetime,
    pace: float = 1.0,
) -> Prior:
    """Of a card with work details, by the employer's survival and, where it names one, the title's.

    ``pace`` is in ``survival`` already, and is named to the owner only.
    """
    sure = last_sure(contact, memory, aliases=aliases, domains=domains)
    unknown_for, sentence = unconfirmed_age(contact, memory, assumed_age=assumed_age, now=now)
    age = _since(sure.day if sure else None, unknown_for, now)
    if sure:
        sentence = f"The employer was last sure on {_day(sure.day)}{_ago(now - sure.day)}: {_how(sure.by, memory)}"
        sentence += f"{_as_if_unconfirmed(now - sure.day, unknown_for)}."
    situation = situation_of(memory, sure.day if sure else None, age, aliases, assumed_age)
    employed = survival(situation, stratum)
    moved = _moved_at(memory, aliases)
    left = [which for which in contact.work if moved and _is_left_behind(which, memory, moved)]
    titled, title_age, title_reason = 1.0, timedelta(), None
    has_title = any(which in contact.work for which in TITLES)
    if has_title:
        title_sure = _latest(memory, TITLES)
        title_age = _since(title_sure, unknown_for, now)
        titled = kept(WorkField.TITLE, title_age / YEAR)
        known = None if title_sure and now - title_sure > unknown_for else title_sure
        title_reason = Reason(kind="title", sentence=_title_sentence(1 - titled, title_age, sure=known))
        if moved and all(which in left for which in TITLES if which in contact.work):
            titled *= OUTLASTS[WorkField.TITLE]
            title_reason = Reason(kind="title", sentence=_left_title_sentence(1 - titled, moved))

    since = max(age, title_age) / YEAR

    def right(years: float) -> float:
        share, more = (1.0, years - since) if years > since else (years / since, 0.0)
        there = survival(replace(situation, since_sure=situation.since_sure * share + more), stratum)
        return there * (kept(WorkField.TITLE, title_age / YEAR * share + more) if has_title else 1.0)

    return Prior(
        employer=1 - employed,
        title=1 - titled,
        age=age,
        last_sure=sure.day if sure else None,
        reasons=(
            Reason(kind="age", sentence=sentence),
            Reason(
                kind="employer",
                sentence=_employer_sentence(1 - employed, situation, stratum, pace),
                probability=bounded(1 - employed),
            ),
        ),
        title_reason=title_reason,
        moved_reason=_moved_reason(moved, left) if moved and left else None,
        history=history_of(situation, stratum),
        since=since,
        right=right,
        own={
            which: _own(which, memory, unknown_for, now) * (OUTLASTS[which] if which in left else 1)
            for which in contact.work
        },
    )


def bounded(stale: float) -> float:
    """As sure as time can make one."""
    return min(max(stale, SUREST), 1 - SUREST)


def _own(which: WorkField, memory: Memory, unknown_for: timedelta, now: datetime) -> float:
    """P(a detail is still right, given the employer), by its own age."""
    return kept(which, _since(_latest(memory, (which,)), unknown_for, now) / YEAR)


def _since(sure: datetime | None, unknown_for: timedelta, now: datetime) -> timedelta:
    """How old it is; what was sure on some day is no older for it than what nobody ever confirmed."""
    return min(max(now - sure, timedelta()), unknown_for) if sure else unknown_for


def _as_if_unconfirmed(ago: timedelta, unknown_for: timedelta) -> str:
    return f"; taken to be no older than had nobody confirmed it, {_years(unknown_for)}" if ago > unknown_for else ""


def _is_left_behind(which: WorkField, memory: Memory, moved: datetime) -> bool:
    """Whether a detail stood there before the employer changed and was not set anew: little of that outlasts a move."""
    return which in OUTLASTS and not _renewed(memory.fields.get(which), moved)


def _moved_reason(moved: datetime, left: Sequence[WorkField]) -> Reason:
    names = ", ".join(f"{which.in_words} {OUTLASTS[which]:.0%}" for which in left)
    since = f"The employer changed on {_day(moved)}"
    return Reason(
        kind="moved", sentence=f"{since}; of what was right until then and not set anew, so much lasts: {names}."
    )


OUTLASTS = {  # assumed: P(a detail of the former employer's is right at the next one)
    WorkField.DEPARTMENT: 0.1,
    WorkField.TITLE: 0.1,
    WorkField.ROLE: 0.2,
    WorkField.EMAIL: 0.02,
    WorkField.URL: 0.05,
    WorkField.ADDRESS: 0.05,
    WorkField.PHONE: 0.4,
}


def _moved_at(memory: Memory, aliases: Aliases) -> datetime | None:
    """When we last saw the employer change."""
    moves = [move.at for move in memory.moves if compare(move.old, move.new, aliases) not in CERTAIN]
    held = memory.fields.get(WorkField.ORGANISATION)
    if held and held.changed_at and held.previous and held.values:
        renamed = compare(held.previous[0], held.values[0], aliases) in CERTAIN
        moves += [] if renamed else [held.changed_at]
    return max(moves, default=None)


def _renewed(field: FieldMemory | None, moved: datetime) -> bool:
    """Whether somebody set the detail along with the new employer, or confirmed it since."""
    changed, sure = (field.changed_at, field.validated_at) if field else (None, None)
    return bool((changed and changed >= moved - ONE_EDIT) or (sure and sure >= moved))


ONE_EDIT = timedelta(days=14)  # what changed this close before the organisation belongs to the same update


def situation_of(
    memory: Memory, sure: datetime | None, age: timedelta, aliases: Aliases, assumed_age: timedelta
) -> Situation:
    """The person's history as the model takes it.

    A change of the organisation that we saw is the start of a job; that of the first job nobody knows.  A card that
    is set right soon after we first saw it, within ``assumed_age``, tells of a change that may be years old: no
    change then, and no start of a job.
    """
    starts = [move.at for move in memory.moves if compare(move.old, move.new, aliases) not in CERTAIN]
    late = bool(starts) and starts[0] - memory.first_seen < assumed_age
    begins = starts if late else [memory.first_seen, *starts]
    starts = begins[1:]
    jobs = tuple(
        Job(years=max(stop - start, timedelta()) / YEAR, whole=start is not begins[0])
        for start, stop in zip(begins, starts, strict=False)
    )
    seen = max(sure - begins[-1], timedelta()) / YEAR if sure else 0.0
    return Situation(since_sure=age / YEAR, in_job=seen if starts else None, watched=seen, jobs=jobs)


@dataclass(frozen=True, slots=True)
class Sure:
    """A day on which the employment was known to be right, and the field ``by`` which it was."""

    day: datetime
    by: WorkField


def last_sure(contact: Contact, memory: Memory, *, aliases: Aliases, domains: Domains) -> Sure | None:
    """When the employment was last known to be right; None: never.

    Whoever edits or confirms organisation, department, title or role has the position before her eyes.  A
    work e-mail confirms the employer where its domain is the organisation's; of a card that names no position
    whatever work detail there is.
    """
    telling = [which for which in _POSITION if which in contact.work]
    organisation = contact.first(WorkField.ORGANISATION)
    emails = contact.work.get(WorkField.EMAIL, ())
    if not telling:
        telling = list(contact.work)
    elif organisation and any(
        domain_belongs(organisation, email.rpartition("@")[2], aliases=aliases, domains=domains) in CERTAIN
        for email in emails
    ):
        telling.append(WorkField.EMAIL)
    dated = [(date, which) for which in telling if (date := _latest(memory, (which,)))]
    day, by = max(dated, key=lambda each: each[0], default=(None, WorkField.ORGANISATION))
    return Sure(day, by) if day else None


def unconfirmed_age(
    contact: Contact, memory: Memory, *, assumed_age: timedelta, now: datetime
) -> tuple[timedelta, str]:
    """The age of details that nobody ever confirmed, with its reason.

    They were ``assumed_age`` old when we first saw them and have grown older since.  Where the last client to
    write the card bumped REV at every edit, they are at least as old as REV said then: an edit of anything else
    makes them no younger.
    """
    assumed = assumed_age + max(now - memory.first_seen, timedelta())
    known = [memory.unchanged_since, contact.revised if contact.bumps_rev else None]
    bound = max((now - date for date in known if date and date < now), default=timedelta())  # a clock may be ahead
    by_rev = "by the card's own date of change (REV)"
    if bound > assumed:
        return bound, f"Never confirmed; {by_rev} its work details are at least {_years(bound)} old."
    seen = f", {by_rev} at least {_years(bound)}" if bound else ""
    if contact.revised and not bound:
        seen = " (not every program that writes a card keeps up its date of change, REV)"
    taken = f"taken to be {_years(assumed)} (freshness.assumed_age when first seen)"
    return assumed, f"Never confirmed; how old its work details are is not known{seen}: {taken}."


def _latest(memory: Memory, fields: tuple[WorkField, ...]) -> datetime | None:
    held = [memory.fields[which].validated_at for which in fields if which in memory.fields]
    return max([date for date in held if date], default=None)


def _how(by: WorkField, memory: Memory) -> str:
    """What made it sure."""
    held = memory.fields[by]
    if held.changed_at == held.validated_at:
        return f"the {by.in_words} was edited"
    used = (each.happened_at for each in memory.evidence if each.says is Says.USED and each.claim is by)
    return f"the {by.in_words} was seen in use" if held.validated_at in used else f"the {by.in_words} was confirmed"


def _employer_sentence(stale: float, situation: Situation, stratum: Stratum, pace: float) -> str:
    """The share, and all that it was reckoned with: the line of work, all VIPs' pace, the time in the job, her jobs."""
    new = situation.in_job is not None
    years = half_left(stratum) if new else stratum.median_years
    who = "who begin" if new else "in"
    half = f"half of those {who} a job are gone after {_span(years)}, fewer leaving each year"
    known = [f"stratum {stratum.name}: {half}"]
    if situation.in_job is not None:
        known.append(f"{_span(situation.in_job)} in this job when last sure")
    elif situation.watched >= 1:
        known.append(f"at least {_span(situation.watched)} in this job when last sure")
    if abs(pace - 1) >= WORTH_SAYING:
        known.append(f"your VIPs change employers {pace:.1f} times as often")
    if situation.jobs:
        factor, expected = person_factor(situation, stratum)
        known.append(
            f"this one {factor:.1f} times, with {count(len(situation.jobs), 'change')} seen and {expected:.1f} expected"
        )
    return f"By now {percent(bounded(stale))} have another employer ({'; '.join(known)})."


WORTH_SAYING = 0.1  # of the pace


def _title_sentence(stale: float, age: timedelta, *, sure: datetime | None) -> str:
    known = f"was last sure on {_day(sure)}{_ago(age)}" if sure else f"is taken to be {_years(age)} old"
    share = percent(bounded(stale))
    return f"The title {known}: of those who stayed {share} have another, at {TITLE_RATE} changes a year."


def _left_title_sentence(stale: float, moved: datetime) -> str:
    share = percent(bounded(stale))
    return f"The employer changed on {_day(moved)} and the title was not set anew: {share} have another."


def _day(date: datetime) -> str:
    return date.date().isoformat()


def _ago(age: timedelta) -> str:
    """Of what was long ago; else the day tells it."""
    return f", {_years(age)} ago" if age >= timedelta(days=60) else ""


def _span(years: float) -> str:
    return f"{years * 12:.0f} months" if years < 2 else f"{years:.1f} years"


def _years(age: timedelta) -> str:
    if age < timedelta(days=60):
        return "1 day" if age.days == 1 else f"{age.days} days"
    return f"{age / YEAR * 12:.0f} months" if age < 2 * YEAR else f"{age / YEAR:.1f} years"
