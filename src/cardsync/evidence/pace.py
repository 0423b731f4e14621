"""How hard sites are asked: one request at a time, some time between two, and none where a pause was asked for."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from weakref import WeakValueDictionary

from aiolimiter import AsyncLimiter

from cardsync.sources import About

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)  # of a pause that is asked for; what is longer is a mistake
_FIRST, _LAST = timedelta(minutes=1), timedelta(days=1)


def asked_pause(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long an answer asks us to stay away, between 1 min and 7 days; None: it does not say.

    ``Retry-After`` (RFC 9110, section 10.2.3), or the ``X-RateLimit-Reset`` of a used-up allowance, in Unix time.
    """
    wait = _seconds(headers.get("retry-after", ""))
    if wait is None:
        wait = _until(headers.get("retry-after", ""), now)
    if wait is None and headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = _seconds(headers.get("x-ratelimit-reset", ""))
        wait = reset - (now - datetime.fromtimestamp(0, UTC)) if reset is not None else None
    return None if wait is None else min(max(wait, SHORTEST), LONGEST)


def _seconds(value: str) -> timedelta | None:
    value = value.strip()
    return timedelta(seconds=int(value[:11])) if value.isascii() and value.isdecimal() else None


def _until(value: str, now: datetime) -> timedelta | None:
    try:
        until = parsedate_to_datetime(value)
        return (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class _Trouble:
    times: int
    until: datetime


class Pace:
    """Turns at hosts.  Of one event loop; kept in memory."""

    def __init__(self) -> None:
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._limits: dict[str, AsyncLimiter] = {}
        self._troubles: dict[str, _Trouble] = {}

    @asynccontextmanager
    async def turn(self, about: About, host: str) -> AsyncIterator[None]:
        """The only request to the host at this moment, and ``apart`` from the source's last one."""
        lock = self._busy.get(host) or asyncio.Lock()
        self._busy[host] = lock
        async with lock:
            if about.apart:
                limit = self._limits.get(about.name) or AsyncLimiter(1, about.apart.total_seconds())
                self._limits[about.name] = limit
                await limit.acquire()
            yield

    def left_alone(self, host: str, now: datetime) -> timedelta | None:
        """How long the host is still to be left alone; None: it may be asked."""
        trouble = self._troubles.get(host)
        if trouble is None or not now < trouble.until <= now + LONGEST:  # noted by a clock that was ahead
            return None
        return trouble.until - now

    def failed(self, host: str, now: datetime, asked: timedelta | None = None) -> None:
        """The host did not answer as it should: 1 min the first time, twice as long each time, or as it asked."""
        times = self._troubles[host].times + 1 if host in self._troubles else 1
        wait = asked or min(_FIRST * 2 ** min(times - 1, 20), _LAST)
        self._troubles[host] = _Trouble(times, now + wait)

    def answered(self, host: str) -> None:
        """All is well with the host."""
        self._troubles.pop(host, None)
