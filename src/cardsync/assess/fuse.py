"""From age and signals to one probability, in log-odds, so that every item is one factor with one sentence."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cardsync.assess.domains import Domains
from cardsync.assess.organisations import Aliases
from cardsync.assess.prior import SUREST, prior
from cardsync.assess.signals import signals
from cardsync.assess.survival import Survival, employment
from cardsync.model import Assessment, Contact, Memory, Reason, Signal, SignalKind, WorkField
from cardsync.policy import GroupPolicy

FAMILY_CAP = 150.0  # no family of evidence changes the odds by more than this factor
_CAP = math.log(FAMILY_CAP)
SURE_MATCH = 0.98  # a match less sure is worth a word
FAMILY_REST = 0.3  # what a second item of one family adds to the best: they are seldom independent


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
    survival: Survival = employment,
) -> Assessment:
    """How probable it is that the work details are no longer right, and why.

    ``evidence`` is what sources beside the card say, none where one failed.  ``assumed_age`` is how old details are
    taken to be that were there at first sight; ``survival`` is the model of employment.  Without any work detail
    nothing can be stale: probability 0.
    """
    found = (*signals(contact, memory, aliases=aliases, domains=domains), *evidence)
    if not contact.work:
        reasons = (Reason(sentence="The card has no work details that could be out of date."),)
        return Assessment(probability=0.0, prior=0.0, age=timedelta(), reasons=reasons, signals=found)
    before = prior(
        contact,
        memory,
        policy.stratum,
        survival,
        assumed_age=assumed_age,
        aliases=aliases,
        domains=domains or {},
        now=now,
    )
    start, said = _starting_from(before.probability, memory)
    weighed = _about(WorkField.ORGANISATION, found)
    beside = [signal for signal in found if signal.kind is not SignalKind.HALF_UPDATED]  # the claims know it by dates
    return Assessment(
        probability=posterior(start, weighed),
        prior=before.probability,
        start=start,
        age=before.age,
        reasons=(*before.reasons, *said, *_weighed(start, weighed)),
        signals=found,
        last_sure=before.last_sure,
        history=before.history,
        gain=before.gain,
        claims={
            which: 1 - posterior(_starting_from(_bounded(1 - right), memory)[0], _about(which, beside))
            for which, right in before.claims.items()
        },
    )


def _weighed(before: float, found: Sequence[Signal]) -> list[Reason]:
    """Each item with its factor and how far it brings P(stale), the strongest first."""
    ordered = sorted(found, key=_strength)
    by = factors(ordered)
    return [
        Reason(
            sentence=signal.reason + _in_part(signal, by[i]),
            factor=None if by[i] == 1 else by[i],
            probability=None if by[i] == 1 else posterior(before, ordered[: i + 1]),
        )
        for i, signal in enumerate(ordered)
    ]


def _in_part(signal: Signal, factor: float) -> str:
    """Why an item counts for less than it would alone and of a sure match."""
    if not math.isclose(math.log(factor), _weight(signal)):
        return " It counts in part: a stronger item of the same kind is counted already."
    return " It counts in part: perhaps it is about somebody else, or old." if signal.match < SURE_MATCH else ""


def _about(which: WorkField, found: Sequence[Signal]) -> list[Signal]:
    """What each item says of one detail; of the organisation, it is what it says of the employment."""
    return [
        signal
        if signal.others_ratio is None or which in signal.fields
        else replace(signal, likelihood_ratio=signal.others_ratio)
        for signal in found
    ]


def _bounded(stale: float) -> float:
    return min(max(stale, SUREST), 1 - SUREST)


def _starting_from(prior: float, memory: Memory) -> tuple[float, Sequence[Reason]]:
    """What the owner said outdoes what time says."""
    if memory.left_at is None:
        return prior, ()
    sentence = f"You said on {memory.left_at:%Y-%m-%d} that the contact left; the card names the old organisation."
    return 1 - SUREST, (Reason(sentence=sentence, probability=1 - SUREST),)


def posterior(before: float, found: Sequence[Signal]) -> float:
    """P(stale) after ``before``, in (0, 1), and all signals."""
    log_odds = math.log(before / (1 - before)) + sum(map(math.log, factors(found)))
    return 1 / (1 + math.exp(-log_odds))


def probability_without(assessment: Assessment, kinds: frozenset[SignalKind]) -> float:
    """P(stale) had the signals of these kinds not been seen."""
    if not 0 < assessment.start < 1:
        return assessment.probability
    found = [signal for signal in assessment.signals if signal.kind not in kinds]
    return posterior(assessment.start, _about(WorkField.ORGANISATION, found))


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
    return math.log(signal.match * signal.likelihood_ratio + 1 - signal.match)
