"""What the owner is told, and when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync import needs, telling
from cardsync.alarms import DAY, WEEK, Alarm, Stuck, Week, digest, due, message, over, week_of
from cardsync.policy import within

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
LOGIN = Alarm(key="login home", sentence="home: the login is refused.", details="Mia Ruiz")
BERLIN = ZoneInfo("Europe/Berlin")


def test_what_is_new_is_told_once_and_again_after_a_week() -> None:
    assert due([LOGIN], {}, NOW) == [LOGIN]
    told = {LOGIN.key: NOW}
    assert due([LOGIN], told, NOW + HOUR) == due([LOGIN], told, NOW + WEEK - HOUR) == []
    assert due([LOGIN], told, NOW + WEEK) == [LOGIN]


def test_what_comes_and_goes_is_told_once_a_day() -> None:
    told = {LOGIN.key: NOW}
    assert over([], told, NOW + HOUR) == []
    assert over([], told, NOW + DAY) == [LOGIN.key]
    assert over([LOGIN], told, NOW + 2 * DAY) == []


@given(st.lists(st.timedeltas(timedelta(), timedelta(days=30)), max_size=40), st.lists(st.booleans(), max_size=40))
def test_no_alarm_comes_twice_a_day_however_it_comes_and_goes(steps: list[timedelta], stands: list[bool]) -> None:
    told: dict[str, datetime] = {}
    sent: list[datetime] = []
    now = NOW
    for step, there in zip(steps, stands, strict=False):
        now += step
        alarms = [LOGIN] if there else []
        for alarm in due(alarms, told, now):
            sent.append(now)
            told[alarm.key] = now
        for key in over(alarms, told, now):
            del told[key]
    assert all(after - before >= DAY for before, after in pairwise(sent))


def test_a_clock_that_was_ahead_silences_nothing() -> None:
    assert due([LOGIN], {LOGIN.key: NOW + 1000 * DAY}, NOW) == [LOGIN]
    assert over([], {LOGIN.key: NOW + 1000 * DAY}, NOW) == [LOGIN.key]


@pytest.mark.parametrize(
    ("hours", "quiet"),
    [((22, 7), False), ((13, 15), True), ((14, 15), True), ((15, 16), False), ((12, 14), False)],
)
def test_quiet_hours_are_the_owners(hours: tuple[int, int], quiet: bool) -> None:
    assert within(hours, BERLIN, NOW) is quiet  # 14:00 there
    assert within((22, 7), BERLIN, NOW + 9 * HOUR)


def test_a_message_names_nobody_unless_told_to() -> None:
    told = message([LOGIN], include_names=False)
    assert told.title == "cardsync: 1 thing needs you"
    assert told.text == "home: the login is refused.\nMore: cardsync status --problems"
    assert "Mia Ruiz" in message([LOGIN], include_names=True).text
    assert message([LOGIN, LOGIN], include_names=False).title == "cardsync: 2 things need you"


def test_a_week_begins_on_monday_at_eight() -> None:
    sunday, early, morning = NOW - DAY, NOW.replace(hour=5), NOW.replace(hour=6)  # 7:00 and 8:00 in Berlin
    assert [week_of(BERLIN, at) for at in (sunday, early, morning)] == ["2026-W22", "2026-W22", "2026-W23"]
    assert week_of(BERLIN, NOW + 3 * DAY) == "2026-W23"


def test_two_hundred_cards_are_one_line_and_a_message_is_short_enough_for_every_way() -> None:
    parked = [
        Alarm(key=f"parked {n}", sentence="home: a card is not written.", details=f"N{n} " * 99) for n in range(200)
    ]
    assert message(parked, include_names=False).text.splitlines()[0] == "home: a card is not written. (200 times)"
    named = message(parked, include_names=True).text
    assert len(named.encode()) < 4096
    assert "And 188 more." in named


def test_the_digest_is_counts() -> None:
    week = Week(account="home", asked=3, ended={"confirmed": 2, "expired": 1}, used=1, vips=40, fresh=31, open=2)
    assert digest([week], 0).text.splitlines() == [
        "home: 3 questions asked, 2 open; ended: 2 confirmed, 1 expired.",
        "home: 1 address seen in use; 31 of 40 VIPs probably right.",
        "No problems.",
    ]


def test_that_no_cycle_ends_is_told_once_it_lasts_and_once_a_day_at_most() -> None:
    assert not Stuck().is_due(NOW)
    assert not Stuck(since=NOW).is_due(NOW + HOUR / 2)
    assert Stuck(since=NOW).is_due(NOW + HOUR)
    told = Stuck(since=NOW, told=NOW + HOUR)
    assert not told.is_due(NOW + DAY)
    assert told.is_due(NOW + HOUR + WEEK)
    comes_and_goes = Stuck(since=NOW + 2 * HOUR, told=NOW + HOUR)
    assert not comes_and_goes.is_due(NOW + 4 * HOUR)
    assert comes_and_goes.is_due(NOW + HOUR + DAY)


def test_each_kind_of_trouble_has_its_sentence() -> None:
    assert set(telling.SENTENCES) == set(needs.KINDS)
    assert all(sentence.format(account="home") for sentence in telling.SENTENCES.values())
