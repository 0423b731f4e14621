"""What time alone says about a card: since when nobody knows, and how many such cards are out of date by now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cardsync.assess.domains import Domains, domain_belongs
from cardsync.assess.organisations import CERTAIN, Aliases, compare
from cardsync.assess.survival import Job, Situation, Survival, gain, history_of, kept
from cardsync.model import Contact, FieldMemory, JobHistory, Memory, Reason, WorkField
from cardsync.policy import Stratum
from cardsync.words import percent

YEAR = timedelta(days=365.2425)
SUREST = 0.005  # even a card confirmed today is wrong once in 200 times: slips, hasty answers; keeps log-odds finite

_POSITION = (WorkField.ORGANISATION, WorkField.DEPARTMENT, WorkField.TITLE, WorkField.ROLE)
_TITLES = (WorkField.TITLE, WorkField.ROLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """``probability`` is P(stale) from age alone; ``last_sure`` and ``age`` are as in ``Assessment``."""

    probability: float
    age: timedelta
    last_sure: datetime | None
    reasons: tuple[Reason, ...]
    history: JobHistory
    gain: float  # years, see ``survival.gain``
    claims: Mapping[WorkField, float]


def prior(
    contact: Contact,
    memory: Memory,
    stratum: Stratum,
    survival: Survival,
    *,
    assumed_age: timedelta,
    aliases: Aliases,
    domains: Domains,
    now: datetime,
) -> Prior:
    """P(stale) of a card with work details, by the employer's survival and, where it names one, the title's."""
    sure = last_sure(contact, memory, aliases=aliases, domains=domains)
    unknown_for, sentence = unconfirmed_age(contact, memory, assumed_age=assumed_age, now=now)
    age = max(now - sure, timedelta()) if sure else unknown_for
    if sure:
        sentence = f"The employer was last sure on {sure:%Y-%m-%d}, {_ago(age)}."
    situation = situation_of(memory, sure, age, aliases, assumed_age)
    right = survival(situation, stratum)
    claims = _claims(contact, memory, right, unknown_for, now, _moved_at(memory, aliases))
    reasons = [Reason(sentence=sentence), Reason(sentence=_employer_sentence(1 - right, situation, stratum))]
    if any(which in contact.work for which in _TITLES):
        title_sure = _latest(memory, _TITLES)
        title_age = max(now - title_sure, timedelta()) if title_sure else unknown_for
        right *= kept(WorkField.TITLE, title_age / YEAR)
        reasons.append(Reason(sentence=_title_sentence(1 - right, title_age, sure=title_sure is not None)))
    return Prior(
        probability=min(max(1 - right, SUREST), 1 - SUREST),
        age=age,
        last_sure=sure,
        reasons=tuple(reasons),
        history=history_of(situation, stratum),
        gain=gain(situation, partial(survival, stratum=stratum)),
        claims=claims,
    )


def _claims(
    contact: Contact, memory: Memory, employed: float, unknown_for: timedelta, now: datetime, moved: datetime | None
) -> dict[WorkField, float]:
    """P(still right) of each detail that the card has: little of the old employer's outlasts the employment."""
    found = {}
    for which in contact.work:
        sure = _latest(memory, (which,))
        age = max(now - sure, timedelta()) if sure else unknown_for
        found[which] = employed * kept(which, age / YEAR)
        if moved and which in OUTLASTS and not _renewed(memory.fields.get(which), moved):
            found[which] *= OUTLASTS[which]
    return found


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
    """Whether somebody set or confirmed the detail along with the new employer, or later."""
    dates = (field.changed_at, field.validated_at) if field else ()
    return any(date and date >= moved - ONE_EDIT for date in dates)


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


def last_sure(contact: Contact, memory: Memory, *, aliases: Aliases, domains: Domains) -> datetime | None:
    """When the employment was last known to be right; None: never.

    Whoever edits or confirms organisation, department, title or role has the position before her eyes.  A
    work e-mail confirms the employer where its domain is the organisation's; of a card that names no position
    whatever work detail there is.
    """
    dates = [_latest(memory, tuple(which for which in _POSITION if which in contact.work))]
    organisation = contact.first(WorkField.ORGANISATION)
    emails = contact.work.get(WorkField.EMAIL, ())
    if organisation and any(
        domain_belongs(organisation, email.rpartition("@")[2], aliases=aliases, domains=domains) in CERTAIN
        for email in emails
    ):
        dates.append(_latest(memory, (WorkField.EMAIL,)))
    if not any(which in contact.work for which in _POSITION):
        dates.append(_latest(memory, tuple(contact.work)))
    return max((date for date in dates if date), default=None)


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
    bound = max((now - date for date in known if date), default=timedelta())
    if bound > assumed:
        return bound, f"Never confirmed; unchanged for at least {_years(bound)}."
    seen = f"unchanged for at least {_years(bound)}; " if bound else ""
    return assumed, f"Never confirmed; {seen}its age is not known and taken to be {_years(assumed)}."


def _latest(memory: Memory, fields: tuple[WorkField, ...]) -> datetime | None:
    dates = (memory.fields[which].validated_at for which in fields if which in memory.fields)
    return max((date for date in dates if date), default=None)


def _employer_sentence(stale: float, situation: Situation, stratum: Stratum) -> str:
    line = (
        f"After that time {percent(stale)} have another employer "
        f"({stratum.name}: half are still there after {stratum.median_years:g} years)"
    )
    known = []
    if situation.in_job is not None:
        known.append(f"{_span(situation.in_job)} in this job when last sure")
    elif situation.watched >= 1:
        known.append(f"at least {_span(situation.watched)} in this job when last sure")
    if situation.jobs:
        known.append("1 change of employer seen" if len(situation.jobs) == 1 else f"{len(situation.jobs)} changes seen")
    return f"{line}{', reckoning with ' if known else ''}{' and '.join(known)}."


def _title_sentence(stale: float, age: timedelta, *, sure: bool) -> str:
    known = f"was last sure {_ago(age)}" if sure else f"is taken to be {_years(age)} old"
    return f"The title {known}, and 9% change in a year: {percent(stale)} have another employer or title."


def _ago(age: timedelta) -> str:
    return f"{_years(age)} ago" if age >= timedelta(days=1) else "today"


def _span(years: float) -> str:
    return f"{years * 12:.0f} months" if years < 2 else f"{years:.1f} years"


def _years(age: timedelta) -> str:
    if age < timedelta(days=60):
        return "1 day" if age.days == 1 else f"{age.days} days"
    return f"{age / YEAR * 12:.0f} months" if age < 2 * YEAR else f"{age / YEAR:.1f} years"
