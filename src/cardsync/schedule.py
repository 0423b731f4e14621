"""When cycles are due, on a clock that may be set to and fro."""

import random
from datetime import datetime, timedelta, tzinfo
from typing import Any

from cardsync.settings.model import Schedule


class Due:
    """An interval or a cron expression, each cycle up to ``jitter`` later at random; APScheduler's ``BaseTrigger``.

    Always counted from now, so that a clock that leaps ahead leaves one cycle to catch up with, not one for each
    interval that was leapt over.
    """

    def __init__(self, schedule: Schedule, zone: tzinfo) -> None:
        self._every = schedule.sync if isinstance(schedule.sync, timedelta) else None
        self._cron = _cron(schedule.sync, zone) if self._every is None else None
        self._jitter = schedule.jitter

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """As APScheduler asks for it; None: never again."""
        plain = self._after(now)
        return plain and plain + self._jitter * random.random()  # noqa: S311 - no secret

    def latest(self, now: datetime) -> datetime | None:
        """A next cycle that is later than this was planned before the clock was set back."""
        plain = self._after(now)
        return plain and plain + self._jitter

    def _after(self, now: datetime) -> datetime | None:
        if self._cron is None:
            return now + (self._every or timedelta())
        found: datetime | None = self._cron.get_next_fire_time(now, now)  # as if there had been one now: after it
        return found


def _cron(expression: object, zone: tzinfo) -> Any:
    from apscheduler.triggers.cron import CronTrigger  # not for who only looks, as most schedules are intervals

    return CronTrigger.from_crontab(expression, timezone=zone)
