"""The model of employment: near the published tables, monotone, and always a probability."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cardsync.assess.survival import (
    TITLE_RATE,
    Job,
    Situation,
    Weibull,
    _upper_gamma,
    employment,
    expected,
    fitted,
    gain,
    hazard_of,
    history_of,
    kept,
    looks_like,
    pace_of,
)
from cardsync.model import JobHistory, WorkField
from cardsync.policy import STRATA, Stratum

YEARS = st.floats(0, 60)
JOBS = st.lists(st.builds(Job, years=st.floats(0, 40), whole=st.booleans()), max_size=6).map(tuple)
SITUATIONS = st.builds(Situation, since_sure=YEARS, in_job=st.one_of(st.none(), YEARS), watched=YEARS, jobs=JOBS)
STRATUM = st.sampled_from(sorted(STRATA)).map(STRATA.__getitem__)
STILL_THERE = {1: 0.77, 2: 0.70, 3: 0.64, 5: 0.47, 10: 0.27}  # general working population, BLS 2008, median 4.1 years
NEW_JOBS = {1: 0.72, 2: 0.55, 3: 0.45, 5: 0.36}  # Kaplan-Meier of dated spells in a mobile trade


@pytest.mark.parametrize("years", STILL_THERE)
def test_of_a_job_that_began_nobody_knows_when_as_many_last_as_the_labour_statistics_say(years: int) -> None:
    right = employment(Situation(since_sure=years), Stratum(name="own", median_years=4.1))
    assert right == pytest.approx(STILL_THERE[years], abs=0.055)


@pytest.mark.parametrize("years", NEW_JOBS)
def test_of_new_jobs_in_technology_as_many_last_as_were_counted(years: int) -> None:
    right = employment(Situation(since_sure=years, in_job=0), STRATA["technology"])
    assert right == pytest.approx(NEW_JOBS[years], abs=0.045)


@pytest.mark.parametrize("median", [0.5, 4.0, 12.0])
def test_half_of_those_in_a_job_are_in_it_for_the_median_or_longer(median: float) -> None:
    """In a steady population the time already in the job is distributed as the time that is left."""
    stratum = Stratum(name="own", median_years=median)
    assert employment(Situation(since_sure=median), stratum) == pytest.approx(0.5, abs=0.002)


@given(SITUATIONS, STRATUM, YEARS)
def test_it_is_a_probability_and_never_rises_with_time(situation: Situation, stratum: Stratum, more: float) -> None:
    right = employment(situation, stratum)
    later = employment(replace(situation, since_sure=situation.since_sure + more), stratum)
    assert 0 <= later <= right * (1 + 1e-9) <= 1 + 1e-9


@given(SITUATIONS, STRATUM, YEARS)
def test_whoever_is_in_a_job_for_longer_stays_longer(situation: Situation, stratum: Stratum, more: float) -> None:
    longer = replace(situation, watched=situation.watched + more)
    if situation.in_job is not None:
        longer = replace(longer, in_job=situation.in_job + more)
    assert employment(longer, stratum) >= employment(situation, stratum) * (1 - 1e-3)


@given(SITUATIONS, STRATUM)
def test_who_changed_more_often_in_the_same_time_is_less_sure_to_be_still_there(
    situation: Situation, stratum: Stratum
) -> None:
    assume(situation.jobs)
    *others, last = situation.jobs
    halves = (replace(last, years=last.years / 2), Job(years=last.years / 2, whole=last.whole))
    hopper = replace(situation, jobs=(*others, *halves))
    k, before, more = fitted().pseudo_changes, expected_by(situation, stratum), expected_by(hopper, stratum)
    assume((more - before) * (k + len(situation.jobs)) <= 0.999 * (k + before))  # the tables expect some of it
    assert employment(hopper, stratum) <= employment(situation, stratum) * (1 + 1e-9)


def expected_by(situation: Situation, stratum: Stratum) -> float:
    hazard = hazard_of(stratum, fitted())
    return sum(expected(job.years, hazard, whole=job.whole) for job in situation.jobs)


def test_no_history_says_neither_more_nor_less_than_the_tables() -> None:
    stratum = STRATA["general"]
    after = Situation(since_sure=3, in_job=1)
    hazard = hazard_of(stratum, fitted())
    assert employment(after, stratum) == pytest.approx(math.exp(-(hazard(4) - hazard(1))))


def test_the_strata_differ_by_their_medians() -> None:
    after = Situation(since_sure=3)
    found = [employment(after, STRATA[name]) for name in ("developers", "general", "technology", "management")]
    assert all(one < other for one, other in pairwise(found))


def test_the_fitted_hazard_falls_with_the_time_in_the_job() -> None:
    rates = fitted().hazard.rates
    assert list(rates) == sorted(rates, reverse=True)
    assert fitted().hazard.knots[0] == 0


@given(st.floats(0.2, 5), st.one_of(st.floats(1e-3, 60), st.floats(-1e-6, 1e-6)))
def test_the_upper_incomplete_gamma_function_obeys_its_recurrence(a: float, x: float) -> None:
    x = x if x >= 1e-3 else a + 1 + x  # where the series hands over to the fraction
    assert _upper_gamma(a + 1, x) == pytest.approx(a * _upper_gamma(a, x) + x**a * math.exp(-x), rel=1e-10)
    assert _upper_gamma(1, x) == pytest.approx(math.exp(-x), rel=1e-10)


@given(st.floats(0.1, 8), st.floats(0, 30), st.floats(0, 30))
def test_what_remains_is_the_integral_of_those_who_are_still_there(factor: float, start: float, more: float) -> None:
    for hazard in (fitted().hazard, Weibull(4.0)):
        knots = sorted({start, start + more, *(at for at in fitted().hazard.knots if start < at < start + more)})
        counted = sum(simpson(lambda t, h=hazard: math.exp(-factor * h(t)), a, b) for a, b in pairwise(knots))  # type: ignore[misc]
        gone = hazard.remaining(factor, start) - hazard.remaining(factor, start + more)
        assert gone == pytest.approx(counted, rel=1e-3, abs=1e-6)


def simpson(f: Callable[[float], float], a: float, b: float, panels: int = 400) -> float:
    """The integral from a to b, on a grid that is finest at a, where a hazard may be infinite."""
    ends = [a + (b - a) * (at / panels) ** 3 for at in range(panels + 1)]
    return sum((y - x) / 6 * (f(x) + 4 * f((x + y) / 2) + f(y)) for x, y in pairwise(ends))


@given(YEARS, YEARS)
def test_a_cumulative_hazard_never_falls(one: float, more: float) -> None:
    for hazard in (fitted().hazard, Weibull(4.0)):
        assert hazard(one + more) >= hazard(one) >= 0


def test_all_vips_together_move_the_hazard_by_what_they_showed() -> None:
    assert pace_of(JobHistory(changes=0, expected=0.0)) == 1
    assert pace_of(JobHistory(changes=10, expected=10.0)) == 1
    assert pace_of(JobHistory(changes=0, expected=10.0)) == 0.5
    assert employment(Situation(since_sure=2), STRATA["general"], pace=2.0) < employment(
        Situation(since_sure=2), STRATA["general"]
    )


@given(SITUATIONS, STRATUM)
def test_what_a_person_shows_is_her_changes_and_what_was_expected_meanwhile(
    situation: Situation, stratum: Stratum
) -> None:
    shown = history_of(situation, stratum)
    assert shown.changes == len(situation.jobs)
    assert shown.expected >= expected_by(situation, stratum) - 1e-9


def curve(situation: Situation, stratum: Stratum) -> Callable[[float], float]:
    """P(still right) by the years after the sure day."""
    return lambda years: employment(replace(situation, since_sure=years), stratum)


def good_for(situation: Situation, stratum: Stratum) -> float:
    return gain(situation.since_sure, curve(situation, stratum))


@given(SITUATIONS, STRATUM)
def test_an_answer_is_good_for_no_longer_than_the_time_since_the_card_was_sure(
    situation: Situation, stratum: Stratum
) -> None:
    good = good_for(situation, stratum)
    assert -1e-6 <= good <= situation.since_sure * (1 + 1e-6)


@given(SITUATIONS, STRATUM, st.floats(0.01, 80))
def test_how_long_an_answer_is_good_for_is_the_integral_of_the_curve(
    situation: Situation, stratum: Stratum, since: float
) -> None:
    right = curve(situation, stratum)
    parts = 4000
    grid = [since * (at / parts) ** 3 for at in range(parts + 1)]
    area = sum((b - a) * (right(a) + right(b)) / 2 for a, b in pairwise(grid))
    exact = (area - since * right(since)) / (1 - right(since))
    assert gain(since, right) == pytest.approx(exact, rel=0.04)


def test_of_a_title_as_old_as_a_new_job_is_sure_the_years_are_right() -> None:
    """Sure of the employer yesterday, of the title long ago: the curve has a bend there."""
    age = 2.8

    def right(years: float) -> float:
        share, more = (1.0, years - age) if years > age else (years / age, 0.0)
        there = employment(Situation(since_sure=share / 365 + more), STRATA["developers"])
        return there * math.exp(-TITLE_RATE * (age * share + more))

    years = looks_like(0.5, age, right)
    assert right(years) <= 0.5 <= right(years / 1.02)


@given(SITUATIONS, STRATUM, st.floats(0.005, 0.995))
def test_what_evidence_makes_as_doubtful_as_an_old_card_is_taken_for_one(
    situation: Situation, stratum: Stratum, stale: float
) -> None:
    right = curve(situation, stratum)
    years = looks_like(stale, situation.since_sure, right)
    assert 0 < years <= 80
    if 0.01 < years < 79:
        doubt, before = (-math.log(right(each)) for each in (years, years / 1.02))
        assert before * 0.99 <= -math.log(1 - stale) <= doubt * 1.01
    by_time = 1 - right(situation.since_sure)
    if 0.005 < by_time < 0.999:
        assert looks_like(by_time, situation.since_sure, right) == situation.since_sure


def test_an_answer_about_somebody_who_leaves_at_once_is_good_for_less() -> None:
    after = Situation(since_sure=4, in_job=0)
    hopper, stayer = (good_for(after, STRATA[n]) for n in ("developers", "management"))
    assert hopper < stayer


def test_one_in_eleven_titles_changes_in_a_year_and_what_goes_with_the_employer_does_not() -> None:
    assert kept(WorkField.TITLE, 0) == 1
    assert 1 - kept(WorkField.TITLE, 1) == pytest.approx(0.085, abs=0.001)
    assert kept(WorkField.EMAIL, 9) == kept(WorkField.ORGANISATION, 9) == 1
    assert kept(WorkField.TITLE, 2) < kept(WorkField.PHONE, 2) < 1
