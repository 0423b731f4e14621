"""A stratum in the config: one of ``assess``'s by name, or a median tenure of the owner's own."""

from cardsync.policy import STRATA
from cardsync.settings.table import Table, key
from cardsync.settings.values import Years


class Median(Table):
    """How long jobs last; a stratum without a name."""

    median_years: Years = key()

    @property
    def name(self) -> str:
        """The stratum's name, ``own`` for a median that has none."""
        return next((name for name, known in STRATA.items() if known.median_years == self.median_years), "own")


def parse_stratum(value: object) -> object:
    """A name as the table that it stands for; raises ValueError for one that is unknown."""
    if isinstance(value, str):
        if value not in STRATA:
            raise ValueError("is no stratum that is known")
        return {"median_years": STRATA[value].median_years}
    return value


def show_stratum(stratum: Median) -> object:
    """What the owner would write: the name, or the table."""
    return stratum.name if stratum.name in STRATA else {"median_years": stratum.median_years}


def named(name: str) -> Median:
    """The median of a stratum of ``assess``; raises KeyError for one that is unknown."""
    return Median(median_years=STRATA[name].median_years)
