"""Durations: what is read, what is refused, what is shown."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.settings.refusal import wrong
from cardsync.settings.sample import schema
from cardsync.settings.values import parse_duration, show_duration

SCHEMA = {
    name: key["pattern"]
    for part in json.loads(schema())["$defs"].values()
    for name, key in part.get("properties", {}).items()
    if name in {"jitter", "hours"} and "pattern" in key
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15m", timedelta(minutes=15)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("45d", timedelta(days=45)),
        ("2w", timedelta(weeks=2)),
        ("3mo", timedelta(days=90)),
        ("1y", timedelta(days=365)),
        ("1y 2MO", timedelta(days=425)),
        (" 90 s ", timedelta(seconds=90)),
        ("0", timedelta()),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "15", "m", "-5m", "1.5h", "5 parsecs", "15m!", "1h, 30m", 15, True, None, []])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["101y", "36501d", "9999y", "999999y 999999y 999999y", "999999w" * 9999])
def test_what_is_longer_than_a_hundred_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is too long"):
        parse_duration(text)
    assert parse_duration("100y") == timedelta(days=36500)


def test_no_pattern_of_the_schema_means_something_else_to_an_editor() -> None:
    """ECMA 262 has no flags in a pattern, and other characters than Python's behind \\s and \\d."""
    assert SCHEMA.keys() == {"jitter", "hours"}
    assert not any(re.search(r"\\[sdwb]|\(\?", pattern) for pattern in SCHEMA.values())


DURATIONS = st.from_regex(re.compile(r"(\s?[0-9]{1,6}\s?(mo|[smhdwy])){1,4}\s?", re.IGNORECASE), fullmatch=True)


@given(DURATIONS | st.text("019٣²dDmMoOsy \t\n\ufeff\x85", max_size=9))
def test_the_schema_and_the_parser_take_the_same_durations(text: str) -> None:
    """As an editor reads the pattern (ECMA 262): ``$`` is the very end."""
    try:
        parse_duration(text)
    except ValueError as error:
        taken = str(error) != "is no duration"  # a bound, which no pattern can tell
    else:
        taken = True
    assert taken is bool(re.search(f"{SCHEMA['jitter'][:-1]}\\Z", text))


@given(st.from_regex(r"\s?[0-9]{1,2}\s?-\s?[0-9]{1,2}\s?", fullmatch=True) | st.text("019٣- x", max_size=6))
def test_the_schema_and_the_parser_take_the_same_hours(text: str) -> None:
    account = {"url": "https://dav.example", "auth": "none"}
    refused = dict(wrong({"accounts": {"home": account}, "reminders": {"hours": text}}))
    taken = not refused or "of one day" in refused["reminders", "hours"]  # a bound, which no pattern can tell
    assert taken is bool(re.search(f"{SCHEMA['hours'][:-1]}\\Z", text))


@given(DURATIONS, st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_duration_leads_to_a_date(text: str, now: datetime) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert now - duration <= now <= now + duration


@given(st.integers(0, 10**9))
def test_a_shown_duration_reads_back(seconds: int) -> None:
    assert parse_duration(show_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert parse_duration(text) >= timedelta()
    except ValueError as error:
        assert not text.strip() or len(text) < 2 or text not in str(error)
