"""How well probabilities foretold what was: ranks, squares, bins."""

from collections import defaultdict
from collections.abc import Sequence


def auc(scores: Sequence[float], hits: Sequence[bool]) -> float:
    """P(a hit scores higher than a miss), ties counting half: the rank sum of Mann and Whitney."""
    ordered = sorted(zip(scores, hits, strict=True))
    rank_sum, place = 0.0, 0
    while place < len(ordered):
        end = place
        while end < len(ordered) and ordered[end][0] == ordered[place][0]:
            end += 1
        rank_sum += (place + end + 1) / 2 * sum(hit for _, hit in ordered[place:end])
        place = end
    positive = sum(hits)
    return (rank_sum - positive * (positive + 1) / 2) / (positive * (len(hits) - positive))


def brier(probabilities: Sequence[float], hits: Sequence[bool]) -> float:
    """Mean square of what was said less what was."""
    return sum((p - hit) ** 2 for p, hit in zip(probabilities, hits, strict=True)) / len(hits)


def calibration(
    probabilities: Sequence[float], hits: Sequence[bool], bins: int = 10
) -> list[tuple[float, float, float, int]]:
    """By bin of equal width: (its lower end, mean of what was said, share of what was, how many)."""
    content: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for p, hit in zip(probabilities, hits, strict=True):
        content[min(int(p * bins), bins - 1)].append((p, hit))
    return [
        (at / bins, sum(p for p, _ in pairs) / len(pairs), sum(hit for _, hit in pairs) / len(pairs), len(pairs))
        for at, pairs in sorted(content.items())
    ]


def calibration_error(probabilities: Sequence[float], hits: Sequence[bool], bins: int = 10) -> float:
    """Mean distance of what was said from what was, over the bins, weighted by their size."""
    table = calibration(probabilities, hits, bins)
    return sum(abs(said - was) * count for _, said, was, count in table) / len(hits)


def precision_at(share: float, scores: Sequence[float], hits: Sequence[bool]) -> float:
    """The share of hits among those that rank highest; where the cut falls among equals, they count by their share."""
    ranked = sorted(zip(scores, hits, strict=True), key=lambda pair: -pair[0])
    wanted = max(1, int(share * len(ranked)))
    edge = ranked[wanted - 1][0]
    above = [hit for score, hit in ranked if score > edge]
    at = [hit for score, hit in ranked if score == edge]
    return (sum(above) + (wanted - len(above)) * sum(at) / len(at)) / wanted
