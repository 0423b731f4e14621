"""What a cycle of all accounts came to, and the exit code that several outcomes share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cardsync.cycle import AccountReport
from cardsync.mirror import Mirror
from cardsync.records import Preview

PARTIAL = 3
_DONE = ("fetched", "removed", "assessed", "asked", "taken_out", "adopted")
_LEFT_OUT = ("failed_books", "guarded_books", "quarantined", "parked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A finished cycle of all accounts; ``mirror`` is the one that it worked on (a dry run's is a copy)."""

    started: datetime
    reports: tuple[AccountReport, ...]
    mirror: Mirror
    previews: tuple[Preview, ...] = ()

    @property
    def exit_code(self) -> int:
        """See ``shared_exit_code``; a book or card that failed, or a guard, makes a cycle partial."""
        return shared_exit_code([report.exit_code or (PARTIAL if _left_out(report) else 0) for report in self.reports])

    def following(self, earlier: "Cycle") -> "Cycle":
        """Both as one, where the earlier one did a part of the work."""
        before = {report.account: report for report in earlier.reports}
        reports = (_with(report, before.get(report.account)) for report in self.reports)
        return replace(self, started=earlier.started, reports=tuple(reports))

    def as_json(self) -> dict[str, Any]:
        """Counts only."""
        return {
            "started_at": self.started.isoformat(),
            "exit_code": self.exit_code,
            "accounts": [report.as_json() for report in self.reports],
        }


def shared_exit_code(codes: Sequence[int]) -> int:
    """0, or the code of the failure that all share, or 3."""
    failed = {code for code in codes if code}
    if not failed:
        return 0
    return failed.pop() if len(failed) == 1 and all(codes) else PARTIAL


def _with(report: AccountReport, earlier: AccountReport | None) -> AccountReport:
    if earlier is None:
        return report
    done = {what: earlier.counts.get(what, 0) + report.counts[what] for what in _DONE if what in report.counts}
    endings = Counter(earlier.endings) + Counter(report.endings)
    return replace(report, counts={**report.counts, **done}, endings=dict(endings))


def _left_out(report: AccountReport) -> bool:
    return any(report.counts.get(what) for what in _LEFT_OUT)
