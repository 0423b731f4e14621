"""How well and how fast assessing works: ``python bench/assess.py [--data DIR]``; one ``name = value`` line each.

``DIR`` holds ``freshness.csv`` and ``organisation_domains.csv`` (see its README); without it only speed is measured.
Figures of the closed form and of "older than 12 months" stand side by side, from one run over the same rows.
"""

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cardsync.assess.ask import question
from cardsync.assess.domains import domain_belongs
from cardsync.assess.fuse import assess
from cardsync.assess.organisations import Verdict
from cardsync.assess.survival import STRATA, Situation, closed_form
from cardsync.model import Contact, ContactKind, FieldMemory, Memory, WorkField
from cardsync.policy import GroupPolicy, ReminderPolicy

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LIMIT = 1.0  # s of CPU for 1,000 VIPs
SHARED = Path(__file__).parents[2] / "shared" / "data"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    data: Path = parser.parse_args().data
    show("assess_1000_vips_cpu_ratio_to_limit", cpu_of_assessing(1000) / LIMIT)
    if not data.is_dir():
        print(f"no data in {data}: only speed was measured", file=sys.stderr)
        return 0
    organisations(rows_of(data / "organisation_domains.csv"))
    freshness(rows_of(data / "freshness.csv"))
    return 0


def show(name: str, value: float) -> None:
    print(f"{name} = {value:.4f}")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


# ---------------------------------------------------------------- speed


def cpu_of_assessing(count: int) -> float:
    """Seconds of CPU for assessing, asking and ranking in a fresh process: imports and word lists included."""
    vips = [invented(n) for n in range(count)]
    policy = GroupPolicy(name="VIP", weight=1.0, stratum=STRATA["general"], ask_above=0.2)
    aliases = [[f"Globex {n}", f"Hooli {n}"] for n in range(10)]
    start = time.process_time()
    questions = []
    for contact, memory in vips:
        found = assess(contact, memory, policy, assumed_age=timedelta(days=365), aliases=aliases, now=NOW)
        if asked := question(contact, memory, found, policy, ReminderPolicy(), NOW):
            questions.append((contact.uid, asked))
    assert questions
    return time.process_time() - start


def invented(n: int) -> tuple[Contact, Memory]:
    """A VIP with an employer of its own; every third address is foreign, every fifth card is half-updated."""
    organisation = f"{chr(65 + n % 26)}{n:x} Dynamics & Sons GmbH"
    host = f"{organisation.split(maxsplit=1)[0].lower()}-dynamics" if n % 3 else f"initech{n}"
    work = {
        WorkField.ORGANISATION: (organisation,),
        WorkField.TITLE: (f"Head of Things {n}",),
        WorkField.EMAIL: (f"jo{n}@{host}.example",),
        WorkField.PHONE: ("+1 555 0100",),
        WorkField.URL: (f"https://www.{host}.example/team/{n}",),
    }
    seen = NOW - timedelta(days=400 + n % 300)
    fields = {which: FieldMemory(values=values, first_seen=seen) for which, values in work.items()}
    if n % 5 == 0:
        at = NOW - timedelta(days=20)
        fields[WorkField.ORGANISATION] = FieldMemory(
            values=(organisation,), first_seen=at, changed_at=at, previous=(f"Vandelay {n}",), validated_at=at
        )
    contact = Contact(uid=f"u{n}", name=f"Jo Ruiz {n}", given_name="Jo", kind=ContactKind.PERSON, work=work)
    return contact, Memory(first_seen=seen, fields=fields)


# ---------------------------------------------------------------- quality


def organisations(rows: list[dict[str, str]]) -> None:
    verdicts = [(row["same"] == "1", domain_belongs(row["organisation"], row["email_domain"])) for row in rows]
    true = [verdict for same, verdict in verdicts if same]
    false = [verdict for same, verdict in verdicts if not same]
    show("domain_contradiction_found_on_false_pairs", false.count(Verdict.DIFFERENT) / len(false))
    show("domain_contradiction_on_true_pairs", true.count(Verdict.DIFFERENT) / len(true))
    show("domain_belongs_on_true_pairs", (true.count(Verdict.SAME) + true.count(Verdict.RELATED)) / len(true))
    show("domain_belongs_on_false_pairs", (false.count(Verdict.SAME) + false.count(Verdict.RELATED)) / len(false))


def freshness(rows: list[dict[str, str]]) -> None:
    stale = [row["stale"] == "1" for row in rows]
    older = [float(int(row["months_since_verified"]) > 12) for row in rows]
    report("older_than_12_months", older, stale)
    for name in ("general", "technology"):
        report(f"closed_form_{name}", [closed_form_of(row, name) for row in rows], stale)


def closed_form_of(row: dict[str, str], stratum: str) -> float:
    """P(stale), with all jobs known at the time of validation as the history."""
    earlier = [int(months) for months in row["prior_tenures_months"].split("|") if months]
    situation = Situation(
        since_sure=int(row["months_since_verified"]) / 12,
        observed=(int(row["months_in_job_when_verified"]) + sum(earlier)) / 12,
        changes=len(earlier),
    )
    return 1 - closed_form(situation, STRATA[stratum])


def report(name: str, probabilities: Sequence[float], stale: Sequence[bool]) -> None:
    show(f"{name}_auc", auc(probabilities, stale))
    show(f"{name}_brier", sum((p - s) ** 2 for p, s in zip(probabilities, stale, strict=True)) / len(stale))
    show(f"{name}_calibration_error", calibration_error(probabilities, stale))


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


def calibration_error(probabilities: Sequence[float], hits: Sequence[bool], bins: int = 10) -> float:
    """Mean distance of what was said from what was, over bins of equal width, weighted by their size."""
    content: dict[int, list[tuple[float, bool]]] = {}
    for p, hit in zip(probabilities, hits, strict=True):
        content.setdefault(min(int(p * bins), bins - 1), []).append((p, hit))
    return sum(abs(sum(p - hit for p, hit in pairs)) for pairs in content.values()) / len(hits)


if __name__ == "__main__":
    sys.exit(main())
