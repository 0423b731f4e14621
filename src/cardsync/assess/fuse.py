"""From age and signals to one probability, in log-odds, so that every item is one factor with one sentence."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from cardsync.assess.domains import Domains
from cardsync.assess.organisations import Aliases
from cardsync.assess.prior import SUREST, prior
from cardsync.assess.signals import signals
from cardsync.assess.survival import Survival, employment
from cardsync.model import Assessment, Contact, Memory, Reason, Signal, SignalKind, WorkField
from cardsync.policy import GroupPolicy

FAMILY_CAP = 150.0  # no family of evidence changes the odds by more than this factor
FAMILY_REST = 0.3  # what a second item of one family adds to the best: they are seldom independent


def assess(
    contact: Contact,
    memory: Memory,
    policy: GroupPolicy,
    *,
    assumed_age: timedelta,
    aliases: Aliases = (),
    domains: Domains | None = None,
    now: datetime,
    survival: Survival = employment,
) -> Assessment:
    """How probable it is that the work details are no longer right, and why.

    ``assumed_age`` is how old details are taken to be that were there at first sight; ``survival`` is the model of
    employment.  Without any work detail nothing can be stale: probability 0.
    """
    found = signals(contact, memory, aliases=aliases, domains=domains)
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
    ordered = sorted(found, key=lambda signal: -abs(math.log(signal.likelihood_ratio)))
    weighed = [
        Reason(sentence=signal.reason, factor=None if factor == 1 else factor)
        for signal, factor in zip(ordered, factors([s.likelihood_ratio for s in ordered]), strict=True)
    ]
    start, said = _starting_from(before.probability, memory)
    after = posterior(start, found)
    return Assessment(
        probability=after,
        prior=start,
        age=before.age,
        reasons=(*before.reasons, *said, *weighed),
        signals=found,
        last_sure=before.last_sure,
        history=before.history,
        gain=before.gain,
        claims={
            which: min(right * (1 - posterior(start, _about(which, found))) / (1 - before.probability), 1.0)
            for which, right in before.claims.items()
        },
    )


def _starting_from(prior: float, memory: Memory) -> tuple[float, Sequence[Reason]]:
    """What the owner said outdoes what time says."""
    if memory.left_at is None:
        return prior, ()
    sentence = f"You said on {memory.left_at:%Y-%m-%d} that the contact left; the card names the old organisation."
    return 1 - SUREST, (Reason(sentence=sentence),)


def _about(which: WorkField, found: Sequence[Signal]) -> list[Signal]:
    """What is said of the employment holds for all details; what was left behind at an edit, for nothing else."""
    return [signal for signal in found if signal.kind is not SignalKind.HALF_UPDATED or which in signal.fields]


def posterior(before: float, found: Sequence[Signal]) -> float:
    """P(stale) after ``before``, in (0, 1), and one family of signals."""
    log_odds = math.log(before / (1 - before)) + sum(map(math.log, factors([s.likelihood_ratio for s in found])))
    return 1 / (1 + math.exp(-log_odds))


def probability_without(assessment: Assessment, kinds: frozenset[SignalKind]) -> float:
    """P(stale) had the signals of these kinds not been seen."""
    if not 0 < assessment.prior < 1:
        return assessment.probability
    return posterior(assessment.prior, [signal for signal in assessment.signals if signal.kind not in kinds])


def factors(ratios: Sequence[float]) -> list[float]:
    """By what each item of one family multiplies the odds: the best counts whole, the rest 0.3, all of them capped."""
    order = sorted(range(len(ratios)), key=lambda i: -abs(math.log(ratios[i])))
    cap, total = math.log(FAMILY_CAP), 0.0
    result = [1.0] * len(ratios)
    for place, i in enumerate(order):
        wanted = total + math.log(ratios[i]) * (1 if place == 0 else FAMILY_REST)
        reached = min(max(wanted, -cap), cap)
        result[i] = math.exp(reached - total)
        total = reached
    return result
