"""From age and signals to one probability, in log-odds, so that every item is one factor with one sentence.

First the employer: what time says, and what the signals say of the employer.  Then the title: whoever has another
employer has another title, and others change it where they are.  Last what speaks of title or card as such.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from cardsync.assess.domains import Domains
from cardsync.assess.evidence import freshness
from cardsync.assess.organisations import Aliases
from cardsync.assess.prior import SUREST, TITLES, Prior, bounded, prior
from cardsync.assess.signals import signals
from cardsync.assess.survival import Survival, employment, gain, looks_like
from cardsync.model import Assessment, Contact, Memory, Reason, Signal, SignalKind, WorkField
from cardsync.policy import GroupPolicy

FAMILY_CAP = 150.0  # no family of evidence changes the odds by more than this factor
_CAP = math.log(FAMILY_CAP)
SURE = 0.98  # a match, or a freshness, below that is worth a word
FAMILY_REST = 0.3  # what a second item of one family adds to the best: they are seldom independent
_EDGE, _FAR = 1e-9, 700.0  # of a probability, of log-odds


def assess(
    contact: Contact,
    memory: Memory,
    policy: GroupPolicy,
    *,
    assumed_age: timedelta,
    aliases: Aliases = (),
    domains: Domains | None = None,
    evidence: Sequence[Signal] = (),
    now: datetime,
    pace: float = 1.0,
    survival: Survival = employment,
) -> Assessment:
    """How probable it is that the work details are no longer right, and why.

    ``evidence`` is what sources beside the card say, none where one failed.  ``assumed_age`` is how old details are
    taken to be that were there at first sight; ``survival`` is the model of employment, ``pace`` that of all VIPs.
    Without any work detail nothing can be stale: probability 0.
    """
    found = (*signals(contact, memory, aliases=aliases, domains=domains), *evidence)
    if not contact.work:
        reasons = (Reason(kind="age", sentence="The card has no work details that could be out of date."),)
        return Assessment(probability=0.0, prior=0.0, age=timedelta(), reasons=reasons, signals=found)
    before = prior(
        contact,
        memory,
        policy.stratum,
        partial(survival, pace=pace),
        assumed_age=assumed_age,
        aliases=aliases,
        domains=domains or {},
        now=now,
        pace=pace,
    )
    start, said = _starting_from(bounded(before.employer), memory)
    chances = Chances(start, before.title)
    stale = chances.card(found)
    return Assessment(
        probability=stale,
        prior=bounded(Chances(bounded(before.employer), before.title).either()),
        start=start,
        employer=bounded(before.employer),
        title=before.title,
        age=before.age,
        reasons=(*before.reasons, *said, *_steps(chances, before, found, now)),
        signals=found,
        last_sure=before.last_sure,
        history=before.history,
        gain=gain(looks_like(stale, before.since, before.right), before.right),
        claims=dict(chances.details(before.own, found)),
    )


@dataclass(frozen=True, slots=True)
class Chances:
    """P(the employer is another one) before all signals, and P(the title is, though the employer is the same)."""

    employer: float
    title: float

    def either(self) -> float:
        """P(employer or title is another one)."""
        return self.employer + (1 - self.employer) * self.title

    def card(self, found: Sequence[Signal]) -> float:
        """P(stale) after all signals, in (0, 1)."""
        ordered = [*_of_employer(found), *_of_card(found)]
        by = factors(ordered)
        many = len(_of_employer(found))
        employer = odds(self.employer, by[:many])
        return odds(Chances(employer, self.title).either(), by[many:])

    def details(self, right: Mapping[WorkField, float], found: Sequence[Signal]) -> Iterator[tuple[WorkField, float]]:
        """P(right) of each detail; ``right`` is that of each given that the employer is right, by time alone.

        What is about the detail itself counts in whole there, and all else by what it says of the employer.  A
        half-updated card is known by its dates already.
        """
        beside = [signal for signal in found if signal.kind is not SignalKind.HALF_UPDATED]
        employer = odds(self.employer, factors(list(map(_employer, beside))))
        for which, share in right.items():
            own = [signal for signal in beside if which in signal.fields and which is not WorkField.ORGANISATION]
            if own:
                yield which, 1 - self._detail(share, own, [signal for signal in beside if signal not in own])
            else:
                yield which, 1 - odds(Chances(employer, 1 - share).either(), ())

    def _detail(self, right: float, own: Sequence[Signal], rest: Sequence[Signal]) -> float:
        by = factors([*map(_employer, rest), *own])
        employer = odds(self.employer, by[: len(rest)])
        return odds(Chances(employer, 1 - right).either(), by[len(rest) :])


def _of_employer(found: Sequence[Signal]) -> list[Signal]:
    """What speaks of the employer, with what it says of it."""
    return [_employer(signal) for signal in found if not _is_of_card(signal)]


def _of_card(found: Sequence[Signal]) -> list[Signal]:
    return [signal for signal in found if _is_of_card(signal)]


def _is_of_card(signal: Signal) -> bool:
    """Whether it speaks of the title, or of a card that nobody has finished editing."""
    about = signal.evidence.claim if signal.evidence else None
    return signal.kind is SignalKind.HALF_UPDATED or (about in TITLES and signal.employer_ratio is not None)


def _employer(signal: Signal) -> Signal:
    return signal if signal.employer_ratio is None else replace(signal, likelihood_ratio=signal.employer_ratio)


def _steps(chances: Chances, before: Prior, found: Sequence[Signal], now: datetime) -> Iterator[Reason]:
    """Each item with its factor and how far it brings P(stale), the strongest first; the title after the employer."""
    of_employer, of_card = (sorted(part, key=_strength) for part in (_of_employer(found), _of_card(found)))
    by = dict(zip(map(id, (ordered := [*of_employer, *of_card])), factors(ordered), strict=True))
    stale = chances.employer
    for signal in of_employer:
        stale = odds(stale, [by[id(signal)]])
        yield _reason(signal, by[id(signal)], stale, now)
    if before.title_reason:
        stale = Chances(stale, chances.title).either()
        yield replace(before.title_reason, probability=stale)
    if before.moved_reason:
        yield before.moved_reason
    for signal in of_card:
        stale = odds(stale, [by[id(signal)]])
        yield _reason(signal, by[id(signal)], stale, now)


def _reason(signal: Signal, factor: float, stale: float, now: datetime) -> Reason:
    return Reason(
        kind=signal.kind.value,
        source=signal.evidence.source if signal.evidence else "",
        sentence=signal.reason + _in_part(signal, factor, now),
        factor=None if _says_nothing(factor) else factor,
        probability=None if _says_nothing(factor) else stale,
    )


def _says_nothing(factor: float) -> bool:
    return math.isclose(factor, 1.0, abs_tol=1e-9)


def _in_part(signal: Signal, factor: float, now: datetime) -> str:
    """Why an item counts for less than it would alone, new, and of a sure match."""
    if not math.isclose(math.log(factor), _weight(signal), abs_tol=1e-9):
        return " It counts in part: a stronger item of the same kind is counted already."
    if signal.evidence is None or _says_nothing(factor):
        return ""
    match, fresh = min(1.0, signal.evidence.match), freshness(signal.evidence, now)
    less = [
        f"{match:.0%} that it is about this contact" if match < SURE else "",
        f"{fresh:.0%} for its age" if fresh < SURE else "",
    ]
    return f" It counts in part: {' and '.join(filter(None, less))}." if any(less) else ""


def _starting_from(prior: float, memory: Memory) -> tuple[float, Sequence[Reason]]:
    """What the owner said outdoes what time says."""
    if memory.left_at is None:
        return prior, ()
    sentence = f"You said on {memory.left_at:%Y-%m-%d} that the contact left; the card names the old organisation."
    return 1 - SUREST, (Reason(kind="owner", sentence=sentence, probability=1 - SUREST),)


def odds(before: float, by: Sequence[float]) -> float:
    """P(stale) after ``before`` and these factors of the odds, in (0, 1)."""
    before = min(max(before, _EDGE), 1 - _EDGE)
    if all(map(_says_nothing, by)):
        return before
    log_odds = max(-_FAR, min(_FAR, math.log(before / (1 - before)) + sum(map(math.log, by))))
    return min(max(1 / (1 + math.exp(-log_odds)), _EDGE), 1 - _EDGE)


def probability_without(assessment: Assessment, kinds: frozenset[SignalKind]) -> float:
    """P(stale) had the signals of these kinds not been seen."""
    if not 0 < assessment.start < 1:
        return assessment.probability
    found = [signal for signal in assessment.signals if signal.kind not in kinds]
    if len(found) == len(assessment.signals):
        return assessment.probability
    return Chances(assessment.start, assessment.title).card(found)


def factors(found: Sequence[Signal]) -> list[float]:
    """By what each item multiplies the odds: of a family the best counts whole and the rest 0.3, all of it capped."""
    totals: dict[str, float] = {}
    result = [1.0] * len(found)
    for i in sorted(range(len(found)), key=lambda i: _strength(found[i])):
        family, before = found[i].family, totals.get(found[i].family)
        wanted = _weight(found[i]) if before is None else before + _weight(found[i]) * FAMILY_REST
        totals[family] = min(max(wanted, -_CAP), _CAP)
        result[i] = math.exp(totals[family] - (before or 0.0))
    return result


def _strength(signal: Signal) -> tuple[float, float]:
    """The strongest first; of equals that which doubts the card."""
    return -abs(_weight(signal)), -_weight(signal)


def _weight(signal: Signal) -> float:
    """The log of the likelihood ratio; a doubtful match fades to nothing."""
    return math.log(max(_EDGE, signal.match * signal.likelihood_ratio + 1 - signal.match))
