"""How well a domain is held against an organisation: ``python bench/organisations.py [--data FILE]``.

FILE has the columns of ``organisation_domains.csv``.  A contradiction is what may cost a needless question: found on
a false pair it is right, on a true pair it is wrong.  The strict one is what is sure enough to be said aloud.
"""

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path

from cardsync.assess.domains import domain_belongs, surely_another
from cardsync.assess.organisations import CERTAIN, Verdict

SHARED = Path(__file__).parents[2] / "shared" / "data" / "organisation_domains.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--wrong", action="store_true", help="show the true pairs that are contradicted")
    given = parser.parse_args()
    with given.data.open(encoding="utf-8", newline="") as lines:
        rows = [(row["organisation"], row["email_domain"], row["same"] == "1") for row in csv.DictReader(lines)]
    verdicts = [(domain_belongs(name, domain), surely_another(name, domain), same) for name, domain, same in rows]
    true = [(verdict, sure) for verdict, sure, same in verdicts if same]
    false = [(verdict, sure) for verdict, sure, same in verdicts if not same]
    show("true_pairs", len(true))
    show("false_pairs", len(false))
    show("false_contradiction", share(v is Verdict.DIFFERENT for v, _ in true))
    show("found_contradiction", share(v is Verdict.DIFFERENT for v, _ in false))
    show("unknown", share(v is Verdict.UNKNOWN for v, _ in true + false))
    show("strict_false_contradiction", share(sure for _, sure in true))
    show("strict_found_contradiction", share(sure for _, sure in false))
    show("belongs_on_true_pairs", share(v in CERTAIN for v, _ in true))
    show("belongs_on_false_pairs", share(v in CERTAIN for v, _ in false))
    if given.wrong:
        for (name, domain, same), (verdict, sure, _) in zip(rows, verdicts, strict=True):
            if same and verdict is Verdict.DIFFERENT:
                print(f"# {name} at {domain}{' (strict)' if sure else ''}")


def share(hits: Iterable[bool]) -> float:
    each = list(hits)
    return sum(each) / len(each)


def show(name: str, value: float) -> None:
    print(f"{name} = {value:.4f}" if isinstance(value, float) else f"{name} = {value}")


if __name__ == "__main__":
    main()
