"""What the config decides, as the decisions take it.  All frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Prior for a line of work; ``median_years`` is the median elapsed tenure, in years."""

    name: str
    median_years: float


# Median tenure in years with the current employer (US Bureau of Labor Statistics).  "general" lies between the 4.1 of
# 2008 and the 3.9 of 2024 of all wage and salary workers: a VIP list mixes trades and ages, and of a person of whom
# nothing is known nothing narrower is founded.  "developers" is fitted: see ``employment.json``.
STRATA: Mapping[str, Stratum] = MappingProxyType(
    {
        name: Stratum(name=name, median_years=years)
        for name, years in {"general": 4.0, "technology": 4.8, "management": 6.1, "developers": 1.5}.items()
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPolicy:
    """How one group of the config is treated."""

    name: str
    weight: float
    stratum: Stratum
    ask_above: float


class Position(StrEnum):
    """Where in the note the block stands."""

    TOP = "top"
    BOTTOM = "bottom"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderPolicy:
    """``[reminders]``, resolved for one account."""

    label: str = "VIPcheck"
    past_labels: tuple[str, ...] = ()
    language: str = "en"
    position: Position = Position.TOP
    texts: Mapping[str, str] = field(default_factory=dict)  # template name -> override
    max_new_per_day: int = 1
    max_new_per_week: int = 3
    max_open: int = 5
    expire_after: timedelta = timedelta(days=45)
    ask_again_after: timedelta = timedelta(days=90)
    snooze: timedelta = timedelta(days=30)
    quiet_after_edit: timedelta = timedelta(hours=6)
    half_updated_after: timedelta = timedelta(days=7)
    hours: tuple[int, int] | None = None  # from, to (hour of the day, local); None: any time
    ask_missing: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that a question of ours may bear, the one of today first."""
        return (self.label, *self.past_labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """``[guards]``: what is too much to be anything but an accident."""

    mass_change_share: float = 0.20
    mass_change_min: int = 10
    vip_loss_share: float = 0.30
    vip_loss_min: int = 3


def within(hours: tuple[int, int], zone: tzinfo, now: datetime) -> bool:
    """Whether it is between two hours of the day there (from, to); they may run over midnight."""
    start, stop = hours
    hour = now.astimezone(zone).hour
    return start <= hour < stop if start < stop else hour >= start or hour < stop
