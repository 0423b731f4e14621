"""How long a server wants to be left alone (RFC 9110, section 10.2.3)."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SHORTEST = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=2)
_UNSAID = timedelta(minutes=5)


def pause(status: int, retry_after: str | None, now: datetime) -> timedelta | None:
    """The pause that a 429 or 503 asks for, between 1 min and 2 h; None for any other status."""
    if status not in {429, 503}:
        return None
    return min(max(_asked(retry_after, now), _SHORTEST), LONGEST_PAUSE)


def _asked(retry_after: str | None, now: datetime) -> timedelta:
    value = (retry_after or "").strip()
    if value.isascii() and value.isdecimal():
        return timedelta(seconds=min(int(value[:9]), 10**8))
    try:
        until = parsedate_to_datetime(value)
        return (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, OverflowError):
        return _UNSAID
