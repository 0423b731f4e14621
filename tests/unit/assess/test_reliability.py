"""What was said held against what was, and the fit of the table of hazards."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.reliability import brier, calibration_error, reliability
from fit_freshness import KNOTS, exposure, fit
from judged import auc, precision_at

SAID = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(SAID)
def test_the_bins_hold_everything_once_and_the_figures_stay_within_bounds(told: list[tuple[float, bool]]) -> None:
    said, was = [p for p, _ in told], [hit for _, hit in told]
    table = reliability(said, was)
    assert sum(each.count for each in table) == len(told)
    assert sum(each.was * each.count for each in table) == pytest.approx(sum(was))
    assert all(each.low - 1e-9 <= each.said <= each.low + 0.1 + 1e-9 for each in table)
    assert 0 <= calibration_error(said, was) <= 1
    assert 0 <= brier(said, was) <= 1


def test_who_says_what_is_gets_nothing_wrong_and_who_says_the_contrary_everything() -> None:
    was = [True, False, True]
    assert (brier([1, 0, 1], was), calibration_error([1, 0, 1], was)) == (0, 0)
    assert (brier([0, 1, 0], was), calibration_error([0, 1, 0], was)) == (1, 1)
    assert brier([0.5] * 3, was) == 0.25


def test_ranks_count_ties_by_half() -> None:
    assert auc([0.9, 0.1], [True, False]) == 1
    assert auc([0.1, 0.9], [True, False]) == 0
    assert auc([0.5, 0.5], [True, False]) == 0.5
    assert precision_at(0.5, [0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == 0.75


def test_a_fit_finds_the_hazards_that_made_the_data() -> None:
    """Rates a month, and a pace of each person's own that shows in earlier jobs."""
    rng = random.Random(7)
    rates = [0.3, 0.15, 0.1, 0.02, 0.01]

    def expected(months: tuple[float, ...]) -> float:
        return sum(map(float.__mul__, rates, months))

    def tenure(pace: float) -> int:
        leaves = rng.expovariate(pace)
        return next((t for t in range(1, 400) if expected(exposure(0, t)) > leaves), 400)

    rows = []
    for _ in range(2000):
        pace = rng.gammavariate(2.0, 1 / 2.0)
        jobs = [exposure(0, tenure(pace)) for _ in range(rng.randrange(4))]
        start, since = rng.choice([0, 2, 10, 20, 40]), rng.choice([1, 6, 12, 24])
        look = exposure(start, start + since)
        past = tuple(map(sum, zip(*jobs, strict=True))) if jobs else (0.0,) * len(KNOTS)
        rows.append((look, past, len(jobs), rng.random() < 1 - math.exp(-pace * expected(look))))
    *found, k = map(math.exp, fit(rows, steps=10))
    assert found[:3] == pytest.approx(rates[:3], rel=0.4)  # the fit begins at 0.03
    assert 0.8 < k < 5
