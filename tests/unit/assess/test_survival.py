import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.survival import STRATA, Situation, closed_form, title_kept
from cardsync.policy import Stratum

YEARS = st.floats(0, 60)
SITUATIONS = st.builds(Situation, since_sure=YEARS, observed=YEARS, changes=st.integers(0, 20))
STILL_THERE = {1: 0.77, 2: 0.70, 3: 0.64, 5: 0.47, 10: 0.27}  # general working population, BLS 2008


@pytest.mark.parametrize("years", STILL_THERE)
def test_the_general_stratum_is_within_0_064_of_the_labour_statistics(years: int) -> None:
    right = closed_form(Situation(since_sure=years), STRATA["general"])
    assert right == pytest.approx(STILL_THERE[years], abs=0.064)


@pytest.mark.parametrize(
    ("situation", "median", "expected"),
    [
        (Situation(since_sure=2), 4.8, 0.7275),  # b = 11.852: (11.852 / 13.852) ** 2.04
        (Situation(since_sure=2, observed=5, changes=2), 4.8, 0.6357),  # (16.852 / 18.852) ** 4.04
        (Situation(since_sure=0, observed=3, changes=9), 6.1, 1.0),
    ],
)
def test_the_closed_form_is_that_of_the_data(situation: Situation, median: float, expected: float) -> None:
    assert closed_form(situation, Stratum(name="x", median_years=median)) == pytest.approx(expected, abs=0.0001)


@given(SITUATIONS, YEARS)
def test_survival_is_a_probability_and_never_rises_with_time(situation: Situation, more: float) -> None:
    for stratum in STRATA.values():
        right = closed_form(situation, stratum)
        later = Situation(
            since_sure=situation.since_sure + more, observed=situation.observed, changes=situation.changes
        )
        assert 0 <= closed_form(later, stratum) <= right <= 1


@given(SITUATIONS)
def test_who_changed_more_often_is_less_sure_to_be_still_there(situation: Situation) -> None:
    hopper = Situation(since_sure=situation.since_sure, observed=situation.observed, changes=situation.changes + 1)
    assert closed_form(hopper, STRATA["general"]) <= closed_form(situation, STRATA["general"])


def test_the_strata_differ_by_their_medians() -> None:
    after = Situation(since_sure=3)
    general, technology, management = (closed_form(after, STRATA[n]) for n in ("general", "technology", "management"))
    assert general < technology < management


def test_one_in_eleven_titles_changes_in_a_year() -> None:
    assert title_kept(0) == 1
    assert 1 - title_kept(1) == pytest.approx(0.085, abs=0.001)
