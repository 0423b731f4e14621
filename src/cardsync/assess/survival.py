"""How probable it is that an employment still stands, from time alone.

``Survival`` is the seat of the model: ``closed_form`` sits there now; a calibrated table with the same signature
takes its place by being handed to ``fuse.assess``, and nothing else changes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from cardsync.policy import Stratum

SHAPE = 2.04  # a: how much people differ in their hazard of changing jobs
SCALE_OF_MEDIAN = 0.405  # b = median tenure / 0.405, so that half of the tenures are shorter than the median
TITLE_RATE = 0.089  # 8.9 % of people are promoted in a year

# Median tenure in years with the current employer (US Bureau of Labor Statistics).  "general" lies between the 4.1 of
# 2008 and the 3.9 of 2024 of all wage and salary workers: a VIP list mixes trades and ages, and of a person of whom
# nothing is known nothing narrower is founded.
STRATA: Mapping[str, Stratum] = MappingProxyType(
    {
        name: Stratum(name=name, median_years=years)
        for name, years in {"general": 4.0, "technology": 4.8, "management": 6.1}.items()
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the history of one person says, in years.

    ``since_sure``: since the employment was last known to be right; ``observed``: how long we had watched
    by then; ``changes``: how many changes of employer we saw in that time.
    """

    since_sure: float
    observed: float = 0.0
    changes: int = 0


class Survival(Protocol):
    """A model of employment: P(the employer is still right), in [0, 1], never rising with ``since_sure``."""

    def __call__(self, situation: Situation, stratum: Stratum) -> float:
        """The probability for one person of a line of work."""
        ...


def closed_form(situation: Situation, stratum: Stratum) -> float:
    """Gamma-mixed exponential: ((b + E) / (b + E + D)) ** (a + n).

    Each person has a hazard of their own, spread over people as Gamma(a, b); E years with n changes of
    employer turn that into Gamma(a + n, b + E).
    """
    scale = stratum.median_years / SCALE_OF_MEDIAN + max(0.0, situation.observed)
    return math.pow(scale / (scale + max(0.0, situation.since_sure)), SHAPE + situation.changes)


def title_kept(years: float) -> float:
    """P(the title is still right, given the same employer) ``years`` after it was."""
    return math.exp(-TITLE_RATE * max(0.0, years))
