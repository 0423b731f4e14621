"""Not a nuisance: pauses, hours, budgets, and how long a contact is left alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asking import NOW, asked
from cardsync.annotate.plan import after, budget, first_day, may_ask, precedence, quiet, within_hours
from cardsync.model import Contact, ContactKind, QuestionKind
from cardsync.policy import ReminderPolicy
from cardsync.records import Ending, Pause, Standing

POLICY = ReminderPolicy()
DAY = timedelta(days=1)
BERLIN, AUCKLAND = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Auckland")
FREE = Standing()


def contact(revised: datetime | None = None) -> Contact:
    return Contact(uid="1", name="Jo Ruiz", given_name="Jo", kind=ContactKind.PERSON, work={}, revised=revised)


def test_pauses_and_waits_bind_every_question_the_last_one_only_its_kind() -> None:
    still = QuestionKind.STILL
    assert may_ask(FREE, still, POLICY, NOW)
    assert not may_ask(Standing(pause=Pause.NEVER), still, POLICY, NOW)
    assert not may_ask(Standing(not_before=NOW + timedelta(seconds=1)), still, POLICY, NOW)
    assert may_ask(Standing(not_before=NOW), still, POLICY, NOW)
    ended = Standing(ended={still: NOW - 90 * DAY + timedelta(seconds=1)})
    assert not may_ask(ended, still, POLICY, NOW)
    assert may_ask(ended, still, POLICY, NOW + timedelta(seconds=1))
    assert may_ask(ended, QuestionKind.HALF_UPDATED, POLICY, NOW)


@pytest.mark.parametrize(("ago", "expected"), [(0, True), (5.9, True), (6, False), (-0.2, True), (-48, False)])
def test_a_card_that_changed_lately_is_left_alone(ago: float, expected: bool) -> None:
    moment = NOW - timedelta(hours=ago)
    assert quiet(contact(), moment, POLICY, NOW) is expected
    assert quiet(contact(moment), NOW - 30 * DAY, POLICY, NOW) is expected
    assert not quiet(contact(), None, POLICY, NOW)


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        (None, 3, True),
        ((8, 21), 8, True),
        ((8, 21), 20, True),
        ((8, 21), 21, False),
        ((8, 21), 7, False),
        ((0, 24), 23, True),
        ((22, 6), 22, True),
        ((22, 6), 0, True),
        ((22, 6), 5, True),
        ((22, 6), 6, False),
        ((22, 6), 12, False),
        ((22, 0), 23, True),
        ((22, 0), 0, False),
    ],
)
def test_hours_are_local_and_may_run_over_midnight(hours: tuple[int, int] | None, at: int, expected: bool) -> None:
    now = datetime(2026, 7, 1, at, 30, tzinfo=AUCKLAND).astimezone(UTC)
    assert within_hours(replace(POLICY, hours=hours), AUCKLAND, now) is expected


def test_a_day_of_the_budget_is_a_local_day() -> None:
    policy = replace(POLICY, max_new_per_week=100, max_open=100)
    evening = datetime(2026, 7, 1, 23, 50, tzinfo=BERLIN).astimezone(UTC)
    assert budget([evening], 0, policy, BERLIN, evening + timedelta(minutes=5)).left == 0
    assert budget([evening], 0, policy, BERLIN, evening + timedelta(minutes=15)).left == 1
    assert budget([evening], 0, policy, UTC, evening + timedelta(minutes=15)).left == 0


@pytest.mark.parametrize(("month", "day", "length"), [(3, 29, 23), (10, 25, 25)])
def test_days_are_whole_when_the_clocks_change(month: int, day: int, length: int) -> None:
    policy = replace(POLICY, max_new_per_week=100, max_open=100)
    first = datetime(2026, month, day, tzinfo=BERLIN).astimezone(UTC)
    last = first + timedelta(hours=length) - timedelta(minutes=1)
    assert budget([first], 0, policy, BERLIN, last).left == 0
    assert budget([first], 0, policy, BERLIN, last + timedelta(minutes=1)).left == 1


def test_the_week_and_the_open_ones_bound_too() -> None:
    policy = replace(POLICY, max_new_per_day=5)
    asked_at = [NOW - 2 * DAY, NOW - 3 * DAY, NOW - 7 * DAY]
    assert budget([], 0, policy, UTC, NOW).left == 3
    assert budget(asked_at, 0, policy, UTC, NOW).left == 1
    assert budget([], 4, policy, UTC, NOW).left == 1
    assert budget([], 9, policy, UTC, NOW).left == 0


@given(st.lists(st.integers(0, 31 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)), unique=True))
def test_whoever_asks_when_the_budget_allows_keeps_its_bounds(tries: list[datetime]) -> None:
    done: list[datetime] = []
    for now in sorted(tries):
        lately = [moment for moment in done if now - moment < 7 * DAY]
        if budget(lately, 0, POLICY, BERLIN, now).left:
            done.append(now)
    days = [moment.astimezone(BERLIN).date() for moment in done]
    assert len(days) == len(set(days))
    assert all(sum(timedelta(0) <= other - moment < 7 * DAY for other in done) <= 3 for moment in done)


@given(st.lists(st.integers(0, 8 * 24), max_size=4, unique=True), st.integers(1, 9), st.integers(1, 3))
def test_the_first_day_that_is_named_is_the_one_on_which_the_turn_comes(
    hours_ago: list[int], place: int, per_day: int
) -> None:
    policy = replace(POLICY, max_new_per_day=per_day, max_open=100)
    done = sorted(NOW - timedelta(hours=hours) for hours in hours_ago)
    named, now = first_day(place, [at for at in done if NOW - at < 7 * DAY], policy, BERLIN, NOW), NOW
    left = place
    while left:
        may = budget([at for at in done if now - at < 7 * DAY], 0, policy, BERLIN, now).left
        done, left = [*done, *[now] * min(may, left)], left - min(may, left)
        last, now = now, now + timedelta(minutes=30)
    assert named == last.astimezone(BERLIN).date()


def test_where_nothing_may_be_asked_no_day_is_named() -> None:
    nothing_allowed = (
        replace(POLICY, max_new_per_day=0),
        replace(POLICY, max_new_per_week=0),
        replace(POLICY, max_open=0),
    )
    assert [first_day(1, [], policy, BERLIN, NOW) for policy in nothing_allowed] == [None] * 3
    assert first_day(500_000, [], POLICY, BERLIN, NOW) is None


def test_a_day_whose_hours_are_over_is_not_named() -> None:
    evening = datetime(2026, 7, 1, 22, 30, tzinfo=BERLIN)
    assert first_day(1, [], replace(POLICY, hours=(8, 20)), BERLIN, evening) == evening.date() + DAY
    assert first_day(1, [], replace(POLICY, hours=(23, 6)), BERLIN, evening) == evening.date()


def test_dismissals_double_the_wait() -> None:
    standing, waits = FREE, []
    for _ in range(9):
        standing = after(asked(), Ending.DISMISSED, standing, POLICY, NOW)
        assert standing.not_before
        waits.append((standing.not_before - NOW) // DAY)
    assert waits[:4] == [90, 180, 360, 720]
    assert waits[-1] == waits[-2] < 20 * 365
    assert after(asked(), Ending.CONFIRMED, standing, POLICY, NOW).dismissals == 0


@given(st.timedeltas(timedelta(hours=1)), st.integers(0, 99))
def test_no_wait_is_too_long_to_be_told_in_a_date(wait: timedelta, dismissals: int) -> None:
    policy = replace(POLICY, ask_again_after=wait)
    then = after(asked(), Ending.DISMISSED, Standing(dismissals=dismissals), policy, NOW).not_before
    assert then
    assert then - NOW == min(min(wait, 36500 * DAY) * 2 ** min(dismissals, 6), 36500 * DAY)
    ended = Standing(ended={QuestionKind.STILL: NOW})
    assert may_ask(ended, QuestionKind.STILL, policy, NOW + 36500 * DAY) is (wait <= 36500 * DAY)


def test_what_each_ending_means() -> None:
    def then(ending: Ending) -> Standing:
        return after(asked(), ending, FREE, POLICY, NOW)

    assert then(Ending.NEVER).pause is Pause.NEVER
    assert then(Ending.RETIRED).pause is Pause.RETIRED
    assert then(Ending.SNOOZED).not_before == NOW + 30 * DAY
    assert after(asked(), Ending.SNOOZED, FREE, POLICY, NOW, delay=3 * DAY).not_before == NOW + 3 * DAY
    assert then(Ending.NOTED).not_before == NOW + 90 * DAY
    assert then(Ending.LEFT).left_at == NOW
    assert then(Ending.WITHDRAWN) == then(Ending.EXPIRED) == then(Ending.EDITED) == FREE


def test_a_follow_up_comes_again_after_ninety_days() -> None:
    left = Standing(left_at=NOW - DAY)
    for ending in (Ending.EXPIRED, Ending.EDITED, Ending.NOTED, Ending.DISMISSED):
        then = after(asked(kind=QuestionKind.FOLLOW_UP), ending, left, POLICY, NOW)
        assert not may_ask(then, QuestionKind.FOLLOW_UP, POLICY, NOW + 88 * DAY), ending
        assert may_ask(then, QuestionKind.FOLLOW_UP, POLICY, NOW + 90 * DAY), ending
        assert then.left_at


def test_half_updated_cards_come_first_then_those_known_to_be_wrong_then_by_score() -> None:
    still, half, follow = QuestionKind.STILL, QuestionKind.HALF_UPDATED, QuestionKind.FOLLOW_UP
    wishes = [(still, 0.5, 4), (still, 0.9, 2), (follow, 0.1, 5), (half, 0.3, 3), (still, 0.5, 1)]
    assert [wish[2] for wish in sorted(wishes, key=lambda wish: precedence(*wish))] == [3, 5, 2, 1, 4]


def test_outside_the_hours_nothing_may_be_asked_and_the_limit_is_named() -> None:
    policy = replace(POLICY, hours=((NOW.hour + 2) % 24, (NOW.hour + 3) % 24))
    found = budget([], 0, policy, UTC, NOW)
    assert (found.left, found.spent) == (0, ("hours",))
