"""How probable it is that an employment still stands, from time alone.

Each line of work has a hazard of leaving that falls with the time in the job.  A person's own history multiplies it:
who changed employers n times, where E changes were expected, has (k + n) / (k + E) of it, the mean of the Gamma
posterior that begins with k pseudo-changes of either.
"""

import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Any, Protocol

from cardsync.model import JobHistory, WorkField
from cardsync.policy import Stratum

TITLE_RATE = 0.089  # 8.9 % of people are promoted in a year
PLACE_RATE = 0.05  # changes of desk, number or page in a year with the same employer: an assumption
OWN_RATES = MappingProxyType(
    {
        WorkField.DEPARTMENT: TITLE_RATE,
        WorkField.TITLE: TITLE_RATE,
        WorkField.ROLE: TITLE_RATE,
        WorkField.PHONE: PLACE_RATE,
        WorkField.URL: PLACE_RATE,
        WorkField.ADDRESS: PLACE_RATE,
    }
)
"""How often a detail changes in a year while the employer stays; organisation and address of mail go with her."""
SHAPE = 0.7  # of Weibull: near both published tables, of all who are in a job and of new ones (docs/freshness.md)
MEDIAN_ELAPSED = 1.1645  # the median time in the job of all who are in one, in units of the Weibull's scale
STEADY = 10.0  # pseudo-changes: how many changes all VIPs together must show to be believed as much as the tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that ended: ``years`` that it was seen to last; not ``whole`` where it had begun before we looked."""

    years: float
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the history of one person says, in years.

    ``since_sure``: since the employment was last known to be right.  ``in_job``: time in the job by then; None where
    its start is unknown, and then ``watched`` is how long it had been seen to last.  ``jobs``: those before it.
    """

    since_sure: float
    in_job: float | None = None
    watched: float = 0.0
    jobs: tuple[Job, ...] = ()


class Survival(Protocol):
    """A model of employment: P(the employer is still right), in [0, 1], never rising with ``since_sure``."""

    def __call__(self, situation: Situation, stratum: Stratum, pace: float = 1.0) -> float:
        """The probability for one person of a line of work; ``pace`` is that of all VIPs."""
        ...


# ---------------------------------------------------------------- hazards


@dataclass(frozen=True, slots=True)
class Weibull:
    """Cumulative hazard (t / scale) ** shape, in years."""

    scale: float
    shape: float = SHAPE

    def __call__(self, years: float) -> float:
        """Expected changes by then."""
        return math.pow(years / self.scale, self.shape)

    def remaining(self, factor: float, start: float) -> float:
        """The integral of exp(-factor H(t)) from ``start`` on, in years; see ``Hazard``."""
        power = 1 / self.shape
        return self.scale * math.pow(factor, -power) * power * _upper_gamma(power, factor * self(start))


@dataclass(frozen=True, slots=True)
class Steps:
    """A hazard that is constant between ``knots`` (years, the first 0): ``rates`` are changes a year."""

    knots: tuple[float, ...]
    rates: tuple[float, ...]

    def __call__(self, years: float) -> float:
        """Expected changes by then."""
        at = bisect_right(self.knots, years) - 1
        return _summed(self)[at] + (years - self.knots[at]) * self.rates[at]

    def remaining(self, factor: float, start: float) -> float:
        """The integral of exp(-factor H(t)) from ``start`` on, in years; see ``Hazard``."""
        at = bisect_right(self.knots, start) - 1
        ends = *self.knots[at + 1 :], math.inf
        total, left = 0.0, math.exp(-factor * self(start))
        for (begin, end), rate in zip(pairwise((start, *ends)), self.rates[at:], strict=True):
            gone = -math.expm1(-factor * rate * (end - begin))
            total += left * gone / (factor * rate)
            left *= 1 - gone
        return total


@lru_cache(maxsize=8)
def _summed(steps: Steps) -> tuple[float, ...]:
    whole = (rate * (b - a) for rate, (a, b) in zip(steps.rates, pairwise(steps.knots), strict=False))
    return tuple(accumulate(whole, initial=0.0))


Hazard = Weibull | Steps
"""Called with years in the job: the changes expected by then.

In a steady population ``remaining`` is, but for a constant, the share of those in a job who have been for longer.
"""


@lru_cache(maxsize=4096)
def _upper_gamma(a: float, x: float) -> float:
    """The upper incomplete gamma function: by its series (DLMF 8.7.1) or its continued fraction (DLMF 8.9.2)."""
    scale = math.exp(-x) * math.pow(x, a)
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, _MOST):
            term *= x / (a + n)
            total += term
            if term <= _EXACT * total:
                break
        return math.gamma(a) - scale * total
    b = x + 1 - a  # Lentz's method, as modified by Thompson and Barnett
    c, d = math.inf, 1 / b
    result = d
    for n in range(1, _MOST):
        an, b = n * (a - n), b + 2
        c, d = b + an / c, 1 / (an * d + b)
        result *= c * d
        if abs(c * d - 1) <= _EXACT:
            break
    return scale * result


_EXACT, _MOST = 1e-13, 500  # relative; terms


@dataclass(frozen=True, slots=True)
class Table:
    """What was fitted: the hazard of "developers", and k of every line of work."""

    hazard: Steps
    pseudo_changes: float

    @classmethod
    def of(cls, read: Mapping[str, Any]) -> "Table":
        """From the JSON object that ``bench/fit_freshness.py`` makes."""
        hazard = Steps(tuple(read["knots_years"]), tuple(read["changes_per_year"]))
        return cls(hazard, float(read["pseudo_changes"]))


@cache
def fitted() -> Table:
    """The table that is shipped."""
    return Table.of(json.loads((resources.files("cardsync.assess") / "employment.json").read_text("utf-8")))


def hazard_of(stratum: Stratum, table: Table) -> Hazard:
    """The cumulative hazard of a line of work; a stratum of the owner's own is known by its median only."""
    return table.hazard if stratum.name == "developers" else Weibull(stratum.median_years / MEDIAN_ELAPSED)


# ---------------------------------------------------------------- the model


def employment(situation: Situation, stratum: Stratum, pace: float = 1.0, table: Table | None = None) -> float:
    """P(still there).  ``pace``: the hazard of all VIPs against the tables, see ``pace_of``."""
    table = table or fitted()
    hazard = hazard_of(stratum, table)
    factor = pace * job_hopping(situation.jobs, hazard, table.pseudo_changes)
    since = max(0.0, situation.since_sure)
    if situation.in_job is None:
        seen = max(0.0, situation.watched)
        return hazard.remaining(factor, seen + since) / hazard.remaining(factor, seen)
    start = max(0.0, situation.in_job)
    return math.exp(-factor * (hazard(start + since) - hazard(start)))


def gain(since: float, right: Callable[[float], float]) -> float:
    """How long an answer is good for, in years: the mean time until a change that came since the last sure day.

    ``since`` are the years since that day, ``right(years)`` is P(still right) so long after it.
    weight x P(stale) x gain is what a question adds to the time in which cards are right: the index by which pages
    are crawled to keep a copy fresh (Azar et al. 2018, Tractable near-optimal policies for crawling), with our F:
    the integral of F from 0 to t, less t F(t), where F(s) is the probability to be still right after s.
    """
    end = right(since)
    if 1 - end < _LEAST:
        return since / 2
    parts = ((at, at / _PARTS * (4 if at % 2 else 2)) for at in range(1, _PARTS))
    whole = sum(times * right(since * (at / _PARTS) ** 2) for at, times in parts) + end
    return since * (2 * whole / (3 * _PARTS) - end) / (1 - end)


_LEAST = 1e-6
_PARTS = 8  # of Simpson's rule in the square root of the time, for F falls the fastest at its beginning


def looks_like(stale: float, since: float, right: Callable[[float], float]) -> float:
    """The years after a sure day by which time alone would leave that much doubt, to the fiftieth.

    A card that evidence makes as doubtful as an old one is worth as much as that: what was seen counts as time that
    passed.  ``since`` and ``right`` are as for ``gain``.
    """
    since = max(since, _A_DAY)
    if math.isclose(math.log(max(right(since), _LEAST)), math.log1p(-min(stale, 1 - _LEAST)), rel_tol=0.01):
        return since
    steps = range(math.ceil(math.log(_A_LIFE / _A_DAY, _STEP)))
    return min(_A_LIFE, _A_DAY * _STEP ** bisect_left(steps, stale, key=lambda at: 1 - right(_A_DAY * _STEP**at)))


_A_DAY, _A_LIFE, _STEP = 1 / 365, 80.0, 1.02  # years, years, ratio


def job_hopping(jobs: Sequence[Job], hazard: Hazard, k: float) -> float:
    """By what a person's own jobs multiply the hazard: (k + n) / (k + E)."""
    return (k + len(jobs)) / (k + sum(expected(job.years, hazard, whole=job.whole) for job in jobs))


def expected(years: float, hazard: Hazard, *, whole: bool) -> float:
    """Changes that the tables expect in that time, of a job seen from its start or (not ``whole``) from any day on."""
    return hazard(years) if whole else math.log(hazard.remaining(1.0, 0.0) / hazard.remaining(1.0, years))


def person_factor(situation: Situation, stratum: Stratum) -> tuple[float, float]:
    """By what a person's own jobs multiply the hazard, and how many changes the tables expected in them."""
    table = fitted()
    hazard = hazard_of(stratum, table)
    ended = sum(expected(job.years, hazard, whole=job.whole) for job in situation.jobs)
    return job_hopping(situation.jobs, hazard, table.pseudo_changes), ended


def half_left(stratum: Stratum) -> float:
    """Years after which half of those who begin a job are gone, by the tables."""
    hazard = hazard_of(stratum, fitted())
    return bisect_left(range(600), math.log(2), key=lambda months: hazard(months / 12)) / 12


def history_of(situation: Situation, stratum: Stratum) -> JobHistory:
    """What one person shows: her changes, and those expected until her employment was last sure."""
    hazard = hazard_of(stratum, fitted())
    ended = sum(expected(job.years, hazard, whole=job.whole) for job in situation.jobs)
    whole = situation.in_job is not None
    current = expected(
        max(0.0, situation.in_job if situation.in_job is not None else situation.watched), hazard, whole=whole
    )
    return JobHistory(changes=len(situation.jobs), expected=ended + current)


def pace_of(seen: JobHistory) -> float:
    """How fast all VIPs together change employers against the tables: the mean of a Gamma posterior.

    From what was seen of all of them, not from the answers: only those get asked who are thought to have left.
    """
    return (STEADY + seen.changes) / (STEADY + seen.expected)


def kept(which: WorkField, years: float) -> float:
    """P(a detail is still right, given the same employer) ``years`` after it was."""
    return math.exp(-OWN_RATES.get(which, 0.0) * max(0.0, years))
