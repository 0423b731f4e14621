"""What questions buy: ``python bench/simulate.py [--people N --seeds S --years Y] [--plot FILE.svg]``.

People change employers by the shipped hazard, each at a pace of her own (Gamma), and tell the card's owner nothing.
The owner corrects a card unasked now and then, and answers most questions.  Policies stand side by side at the same
number of questions: never asking, "older than 12 months" in order of first sight, oldest first, ours from time
alone, ours with private evidence, family by family, and an oracle that asks only about cards that are wrong.

Printed for each policy and budget: the share of time that a card is right, weighted by how much the contact matters;
the share of questions that find a change; both with a 95 % interval over seeds (all policies meet the same people).
What the figures rest on is in ``World``: assumptions, not measurements.
"""

import argparse
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, stdev

from cardsync.assess.survival import Job, Situation, employment, fitted, gain, hazard_of, looks_like
from cardsync.policy import STRATA

STRATUM = STRATA["technology"]
BUDGETS = (0.1, 0.25, 0.5, 1.0, 2.0)  # questions per contact and year
MONTH = 1 / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Assumptions.

    Per month: the owner notices a change unasked; mail from the work address validates a card that is right; of
    one that is wrong mail bounces, or comes from a new corporate domain.  Of a question: it is answered, dismissed
    (not asked again for 90 days), else expires.  False alarms follow from the likelihood ratios of the program.
    """

    noticed: float = 0.02
    answered: float = 0.7
    dismissed: float = 0.1
    mail: float = 0.2
    bounce: float = 0.05
    new_domain: float = 0.05
    bounce_ratio: float = 50.0
    domain_ratio: float = 20.0


@dataclass(slots=True)
class Person:
    """Truth: ``moves`` are the months of her changes.  What we know: the rest."""

    weight: float
    moves: list[int]
    sure: int | None = None
    start: int | None = None
    jobs: list[Job] = field(default_factory=list)
    begins: int = 0
    not_before: int = 0
    odds: float = 1.0  # of evidence since the card was last sure

    def wrong(self, month: int) -> bool:
        """Whether she left since the card was last put right."""
        return any(self.begins_known < move <= month for move in self.moves)

    begins_known: int = -1  # the last month in which the card was right

    def confirm(self, month: int) -> None:
        """The card is right: as it was, or because it was put right."""
        if self.wrong(month):
            self.jobs.append(Job(years=(month - self.begins) * MONTH, whole=self.start is not None))
            self.begins = self.start = month
        self.sure, self.odds, self.begins_known = month, 1.0, month

    def situation(self, month: int, assumed: float) -> Situation:
        """As the program sees it; a card that was never confirmed is as old as ``assumed`` says, in years."""
        if self.sure is None:
            return Situation(since_sure=assumed + month * MONTH)
        seen = (self.sure - self.begins) * MONTH
        known = seen if self.start is not None else None
        return Situation(since_sure=(month - self.sure) * MONTH, in_job=known, watched=seen, jobs=tuple(self.jobs))


def people(count: int, months: int, rng: random.Random) -> list[Person]:
    """Each with a pace of her own, in a job since a while, and a card that was right two years ago or was not."""
    hazard = hazard_of(STRATUM, fitted())
    k = fitted().pseudo_changes
    found = []
    for _ in range(count):
        weight, pace = rng.choice((1.0, 1.0, 2.0, 3.0)), rng.gammavariate(k, 1 / k)
        found.append(Person(weight=weight, moves=_moves(months, pace, hazard, rng)))
    return found


def _moves(months: int, pace: float, hazard: Callable[[float], float], rng: random.Random) -> list[int]:
    """The months of changes from 24 months before the start on; by then she has been in jobs for 30 years."""
    at, moves = -30 * 12, []
    while at < months:
        leaves, age = rng.expovariate(pace), 0
        while hazard(age * MONTH) < leaves and at + age < months:
            age += 1
        at += max(1, age)
        moves.append(at)
    return [move for move in moves if -24 < move < months]


# ---------------------------------------------------------------- policies

Score = Callable[[Person, int], float]
"""Whom to ask first; 0 is nobody.  Questions go to the highest scores, as far as the budget lasts."""


def older_than_a_year(person: Person, month: int) -> float:
    return 1.0 if person.sure is None or month - person.sure > 12 else 0.0


def oldest_first(person: Person, month: int) -> float:
    return (month - person.sure) * MONTH if person.sure is not None else 2.0 + month * MONTH


def ours(person: Person, month: int) -> float:
    situation = person.situation(month, 2.0)
    right = employment(situation, STRATUM)
    stale = (1 - right) * person.odds

    def after(years: float) -> float:
        return employment(replace(situation, since_sure=years), STRATUM)

    doubt = stale / (stale + right)
    return person.weight * doubt * gain(looks_like(doubt, situation.since_sure, after), after)


def oracle(person: Person, month: int) -> float:
    return person.weight if person.wrong(month) else 0.0


@dataclass(frozen=True, slots=True)
class Policy:
    """``evidence``: the families that it sees."""

    score: Score
    evidence: frozenset[str] = frozenset()


NOTHING: frozenset[str] = frozenset()
ALL = frozenset({"mail", "bounce", "new domain"})
POLICIES: Mapping[str, Policy] = {
    "older than 12 months": Policy(older_than_a_year),
    "oldest first": Policy(oldest_first),
    "ours, time alone": Policy(ours),
    "ours, mail from the work address": Policy(ours, frozenset({"mail"})),
    "ours, bounces": Policy(ours, frozenset({"bounce"})),
    "ours, new domains": Policy(ours, frozenset({"new domain"})),
    "ours, all private evidence": Policy(ours, ALL),
    "oracle": Policy(oracle),
}


# ---------------------------------------------------------------- a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one seed: ``fresh`` and ``found`` are shares, ``asked`` questions per contact and year."""

    fresh: float
    found: float
    asked: float


def run(policy: Policy, budget: float, seed: int, count: int, months: int, world: World) -> Outcome:
    """All policies and budgets meet the same people and the same luck of the post."""
    them = people(count, months, random.Random(seed))
    for person in them:
        person.begins_known = -24
    post, owner = random.Random(seed + 1), random.Random(seed + 2)
    right = total = 0.0
    asked = found = 0
    purse = 0.0
    for month in range(months):
        for person in them:
            _month(person, month, policy.evidence, post, world)
        purse += budget * count * MONTH
        free = ((at, person) for at, person in enumerate(them) if month >= person.not_before)
        ranked = sorted(((policy.score(person, month), -at) for at, person in free), reverse=True)
        for score, at in ranked[: int(purse)]:
            if score <= 0:
                break
            purse -= 1
            asked += 1
            found += _ask(them[-at], month, owner, world)
        for person in them:
            total += person.weight
            right += person.weight * (not person.wrong(month))
    return Outcome(fresh=right / total, found=found / asked if asked else 0.0, asked=asked / count / (months * MONTH))


def _month(person: Person, month: int, seen: frozenset[str], post: random.Random, world: World) -> None:
    luck = [post.random() for _ in range(4)]
    wrong = person.wrong(month)
    if wrong and luck[0] < world.noticed:
        person.confirm(month)
        return
    if not wrong and luck[1] < world.mail and "mail" in seen:
        person.confirm(month)
    for name, draw, chance, ratio in (
        ("bounce", luck[2], world.bounce, world.bounce_ratio),
        ("new domain", luck[3], world.new_domain, world.domain_ratio),
    ):
        if name in seen and draw < (chance if wrong else chance / ratio):
            person.odds = max(person.odds, ratio)


def _ask(person: Person, month: int, owner: random.Random, world: World) -> bool:
    """Whether the question found a change."""
    person.not_before = month + 3
    draw = owner.random()
    if draw < world.answered:
        wrong = person.wrong(month)
        person.confirm(month)
        return wrong
    if draw < world.answered + world.dismissed:
        person.not_before = month + 6
    return False


# ---------------------------------------------------------------- what comes out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--years", type=int, default=5)
    parser.add_argument("--plot", type=Path, help="an SVG or PNG; needs matplotlib")
    given = parser.parse_args()
    if given.plot and not find_spec("matplotlib"):  # said before the long run, not after it
        parser.error("--plot needs matplotlib, which is no dependency: pip install matplotlib")
    world, months = World(), given.years * 12
    print(f"people = {given.people}", f"seeds = {given.seeds}", f"years = {given.years}", f"{world}", sep="\n")
    table: dict[str, list[list[Outcome]]] = {}
    never = [run(POLICIES["oracle"], 0.0, s, given.people, months, world) for s in range(given.seeds)]
    print(f"never asking: fresh = {_interval([each.fresh for each in never])}")
    print("| policy | questions per contact and year | fresh | questions that find a change |\n|---|---|---|---|")
    for name, policy in POLICIES.items():
        table[name] = [
            [run(policy, budget, seed, given.people, months, world) for seed in range(given.seeds)]
            for budget in BUDGETS
        ]
        for each in table[name]:
            print(
                f"| {name} | {mean(o.asked for o in each):.2f} | {_interval([o.fresh for o in each])} "
                f"| {_interval([o.found for o in each])} |",
                flush=True,
            )
    for name in list(POLICIES)[2:-1]:
        for budget, mine, theirs in zip(BUDGETS, table[name], table["oldest first"], strict=True):
            gain = [a.fresh - b.fresh for a, b in zip(mine, theirs, strict=True)]
            print(f"fresh, {name} less oldest first, at {budget} = {_interval(gain)}")
    if given.plot:
        plot(table, mean(each.fresh for each in never), given.plot)


def _interval(values: Sequence[float]) -> str:
    """Mean and half the width of its 95 % interval."""
    half = 1.96 * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{mean(values):.4f} +- {half:.4f}"


def plot(table: Mapping[str, list[list[Outcome]]], never: float, path: Path) -> None:
    """Freshness and hits against questions."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "cardsync"  # the same figures make the same file
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5))
    for name, each in table.items():
        asked = [mean(o.asked for o in outcomes) for outcomes in each]
        fresh = [never, *(mean(o.fresh for o in outcomes) for outcomes in each)]
        left.plot([0, *asked], fresh, marker="o", ms=3, label=name)
        right.plot(asked, [mean(o.found for o in outcomes) for outcomes in each], marker="o", ms=3, label=name)
    left.set(xlabel="questions per contact and year", ylabel="share of time that a card is right, weighted")
    right.set(xlabel="questions per contact and year", ylabel="share of questions that find a change")
    right.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
