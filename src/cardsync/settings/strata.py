"""Lines of work and how long their jobs last (median tenure in years, US Bureau of Labor Statistics)."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from cardsync.settings.values import Years

MEDIANS: Mapping[str, float] = {"general": 3.9, "technology": 4.8, "management": 6.1}


class Median(BaseModel):
    """A stratum: one of ``MEDIANS`` by name, or a median of the owner's own."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    median_years: Years

    @property
    def name(self) -> str:
        """The stratum's name, ``own`` for a median that has none."""
        return next((name for name, years in MEDIANS.items() if years == self.median_years), "own")


def parse_stratum(value: object) -> object:
    """A name as the median that it stands for; raises ValueError for one that is unknown."""
    if isinstance(value, str):
        if value not in MEDIANS:
            raise ValueError("is no stratum that is known")
        return Median(median_years=MEDIANS[value])
    return value


def show_stratum(stratum: Median) -> object:
    """What the owner would write: the name, or the table."""
    return stratum.name if stratum.name in MEDIANS else {"median_years": stratum.median_years}
