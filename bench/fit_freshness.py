"""Fit the hazard of changing employers: ``python bench/fit_freshness.py [--data FILE] [--write]``.

Each row of the data is one look: in the job for T months when validated, was the employer still right D months
later?  With a hazard that is constant between knots, P(stale) = 1 - exp(-r h.x), where x are the months spent
between the knots from T to T + D, and r = (k + n) / (k + h.e) is what n earlier jobs of total exposure e say.
Maximum likelihood by Fisher scoring on the logarithms of h and k; a look at one moment needs no treatment of
censoring, and conditioning on T none of left truncation.  Nothing but the standard library.

Prints the log loss of each step and the table; ``--write`` puts it where the program reads it.
"""

import argparse
import csv
import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

KNOTS = (0, 3, 12, 24, 48)  # months
SHARED = Path(__file__).parents[2] / "shared" / "data" / "freshness.csv"
TABLE = Path(__file__).parents[1] / "src" / "cardsync" / "assess" / "employment.json"
Row = tuple[tuple[float, ...], tuple[float, ...], int, bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    logs = fit(rows_of(given.data), show=True)
    table = as_table(logs)
    print(json.dumps(table, indent=2))
    if given.write:
        TABLE.write_text(json.dumps(table, indent=2) + "\n", "utf-8")


def as_table(logs: Sequence[float]) -> dict[str, object]:
    """What the program reads: years, changes a year, pseudo-changes."""
    *rates, pseudo = map(math.exp, logs)
    return {
        "knots_years": [knot / 12 for knot in KNOTS],
        "changes_per_year": [round(12 * rate, 4) for rate in rates],
        "pseudo_changes": round(pseudo, 3),
    }


def rows_of(path: Path, people: frozenset[str] | None = None) -> list[Row]:
    """(exposure of the look, exposure of earlier jobs, number of those, stale)."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [_row(row) for row in csv.DictReader(lines) if people is None or row["person"] in people]


def _row(row: dict[str, str]) -> Row:
    start, since = int(row["months_in_job_when_verified"]), int(row["months_since_verified"])
    earlier = [int(months) for months in row["prior_tenures_months"].split("|") if months]
    past = [sum(parts) for parts in zip(*(exposure(0, months) for months in earlier), strict=True)] or [0.0] * len(
        KNOTS
    )
    return exposure(start, start + since), tuple(past), len(earlier), row["stale"] == "1"


def exposure(start: float, stop: float) -> tuple[float, ...]:
    """The months between each two knots from ``start`` to ``stop``."""
    edges = pairwise([*KNOTS, math.inf])
    return tuple(max(0.0, min(stop, high) - max(start, low)) for low, high in edges)


def fit(rows: Sequence[Row], *, steps: int = 25, show: bool = False) -> list[float]:
    """Logarithms of the hazards (changes a month) and of k."""
    logs = [math.log(0.03)] * len(KNOTS) + [0.0]
    for _ in range(steps):
        loss, score, information = _moments(rows, logs)
        change = _solved(information, score)
        scale = min(1.0, 1.0 / max(map(abs, change)))
        logs = [value + scale * by for value, by in zip(logs, change, strict=True)]
        if show:
            print(f"log_loss = {loss:.6f}")
        if max(map(abs, change)) < 1e-7:
            break
    return logs


def _moments(rows: Sequence[Row], logs: Sequence[float]) -> tuple[float, list[float], list[list[float]]]:
    """Mean log loss, score and Fisher information."""
    *rates, k = map(math.exp, logs)
    size = len(logs)
    loss, score, information = 0.0, [0.0] * size, [[0.0] * size for _ in range(size)]
    for look, past, changes, stale in rows:
        ahead = sum(map(float.__mul__, rates, look))
        behind = sum(map(float.__mul__, rates, past))
        factor = (k + changes) / (k + behind)
        right = math.exp(-factor * ahead)
        stays = min(max(right, 1e-9), 1 - 1e-9)
        loss -= math.log(1 - stays if stale else stays)
        by_factor = right * ahead
        gradient = [
            right * factor * rate * x - by_factor * factor / (k + behind) * rate * e
            for rate, x, e in zip(rates, look, past, strict=True)
        ]
        gradient.append(by_factor * k * (behind - changes) / (k + behind) ** 2)
        weight = 1 / (stays * (1 - stays))
        residual = (stale - (1 - stays)) * weight
        for i, one in enumerate(gradient):
            score[i] += residual * one
            line = information[i]
            for j in range(i, size):
                line[j] += weight * one * gradient[j]
    for i in range(size):
        for j in range(i):
            information[i][j] = information[j][i]
    return loss / len(rows), score, information


def _solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Gauss's elimination with pivots."""
    lines = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for i in range(len(lines)):
        pivot = max(range(i, len(lines)), key=lambda row: abs(lines[row][i]))
        lines[i], lines[pivot] = lines[pivot], lines[i]
        for j in range(len(lines)):
            if j != i:
                times = lines[j][i] / lines[i][i]
                lines[j] = [a - times * b for a, b in zip(lines[j], lines[i], strict=True)]
    return [line[-1] / line[i] for i, line in enumerate(lines)]


if __name__ == "__main__":
    main()
