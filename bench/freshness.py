"""How good the shipped model of employment is: ``python bench/freshness.py [--data FILE]``; ``name = value`` lines.

FILE has the columns of ``freshness.csv``.  The model is that of the program, with its stratum "developers" and its
fitted table; "older than 12 months" stands beside it.  ``--folds N`` fits anew on all people but a part, and
evaluates on that part: what the table is worth on people whom it has not seen.  ``--curve`` prints what was said
beside what was, in ten bins.
"""

import argparse
import csv
import random
from collections.abc import Sequence
from pathlib import Path

from cardsync.assess.reliability import brier, calibration_error, reliability
from cardsync.assess.survival import Job, Situation, Table, employment
from cardsync.policy import STRATA
from fit_freshness import SHARED, as_table, fit, rows_of
from judged import auc, precision_at

MONTHS = 12.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--curve", action="store_true")
    given = parser.parse_args()
    with given.data.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    stale = [row["stale"] == "1" for row in rows]
    said = [1 - employment(situation(row), STRATA["developers"]) for row in rows]
    print(f"rows = {len(rows)}", f"share_stale = {sum(stale) / len(rows):.4f}", sep="\n")
    show("", said, stale)
    show("older_than_12_months_", [float(int(row["months_since_verified"]) > MONTHS) for row in rows], stale)
    if given.folds:
        show("unseen_people_", unseen(given.data, rows, given.folds), stale)
    if given.curve:
        for each in reliability(said, stale):
            print(f"said_{each.low:.1f} = {each.said:.4f} was {each.was:.4f} of {each.count}")


def situation(row: dict[str, str]) -> Situation:
    """A row as the program sees a person; the year of the look is no feature."""
    earlier = [int(months) for months in row["prior_tenures_months"].split("|") if months]
    return Situation(
        since_sure=int(row["months_since_verified"]) / MONTHS,
        in_job=int(row["months_in_job_when_verified"]) / MONTHS,
        jobs=tuple(Job(years=months / MONTHS) for months in earlier),
    )


def unseen(path: Path, rows: Sequence[dict[str, str]], folds: int) -> list[float]:
    """P(stale) by tables that were fitted without the person."""
    people = sorted({row["person"] for row in rows})
    random.Random(1).shuffle(people)
    part_of = {person: i % folds for i, person in enumerate(people)}
    said = [0.0] * len(rows)
    for part in range(folds):
        others = frozenset(person for person in people if part_of[person] != part)
        table = Table.of(as_table(fit(rows_of(path, others))))
        for i, row in enumerate(rows):
            if part_of[row["person"]] == part:
                said[i] = 1 - employment(situation(row), STRATA["developers"], table=table)
    return said


def show(prefix: str, said: Sequence[float], stale: Sequence[bool]) -> None:
    print(f"{prefix}auc = {auc(said, stale):.4f}")
    print(f"{prefix}brier = {brier(said, stale):.4f}")
    print(f"{prefix}calibration_error = {calibration_error(said, stale):.4f}")
    print(f"{prefix}precision_at_5pct = {precision_at(0.05, said, stale):.4f}")


if __name__ == "__main__":
    main()
