"""What was said held against what was: Brier score and calibration of probabilities.  Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Probabilities from ``low`` on: the mean of what was ``said``, the share that came true, how many."""

    low: float
    said: float
    was: float
    count: int


def brier(probabilities: Sequence[float], hits: Sequence[bool]) -> float:
    """Mean square of what was said less what was; 0 is perfect, 0.25 is what "perhaps" gets."""
    return sum((p - hit) ** 2 for p, hit in zip(probabilities, hits, strict=True)) / len(hits)


def reliability(probabilities: Sequence[float], hits: Sequence[bool]) -> list[Bin]:
    """The bins of equal width that are not empty, lowest first."""
    content: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for p, hit in zip(probabilities, hits, strict=True):
        content[min(int(p * BINS), BINS - 1)].append((p, hit))
    return [
        Bin(
            low=at / BINS,
            said=sum(p for p, _ in pairs) / len(pairs),
            was=sum(hit for _, hit in pairs) / len(pairs),
            count=len(pairs),
        )
        for at, pairs in sorted(content.items())
    ]


def calibration_error(probabilities: Sequence[float], hits: Sequence[bool]) -> float:
    """Mean distance of what was said from what was, over the bins, weighted by their size."""
    table = reliability(probabilities, hits)
    return sum(abs(each.said - each.was) * each.count for each in table) / len(hits)
