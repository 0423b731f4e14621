"""How well a ranking foretold what was."""

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


def precision_at(share: float, scores: Sequence[float], hits: Sequence[bool]) -> float:
    """The share of hits among those that rank highest; where the cut falls among equals, they count by their share."""
    ranked = sorted(zip(scores, hits, strict=True), key=lambda pair: -pair[0])
    wanted = max(1, int(share * len(ranked)))
    edge = ranked[wanted - 1][0]
    above = [hit for score, hit in ranked if score > edge]
    at = [hit for score, hit in ranked if score == edge]
    return (sum(above) + (wanted - len(above)) * sum(at) / len(at)) / wanted
