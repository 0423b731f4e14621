"""Assess: the VIPs whose card changed, or whose assessment is a day old."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cardsync.assess.judge import Judge
from cardsync.mirror import Mirror
from cardsync.mirror.mistakes import alone, left_out
from cardsync.model import Assessment, Question
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan

HOLDS = timedelta(hours=24)
"""A probability moves little in a day."""
_TOGETHER = 100  # contacts whose history is read, and whose assessments are written, at once ...
_MUCH = 500_000  # ... as long as their cards are no larger than that, in bytes: nobody else writes meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Assess:
    """The stage, for one account."""

    mirror: Mirror
    account: str
    judge: Judge
    now: datetime

    def run(self) -> int:
        """How many were assessed; each card on its own."""
        self._forget_after_a_change_of_policy()
        count = 0
        for book in self.mirror.books.of(self.account):
            skipped = left_out(self.mirror, book.id)
            due = self.mirror.assessments.to_assess(book.id, self.now - HOLDS)
            while due:
                with self.mirror.transaction():  # what another process learns meanwhile waits, and is not forgotten
                    done, assessed = self._assess(book.id, due[:_TOGETHER], skipped)
                due, count = due[done:], count + assessed
        return count

    def _assess(self, book_id: int, contact_ids: Sequence[int], skipped: Collection[str]) -> tuple[int, int]:
        """How many of the first contacts were looked at, and how many of them assessed."""
        memory, size, count = self.mirror.contacts.memories(contact_ids), 0, 0
        for card in self.mirror.books.cards_of(book_id, contact_ids):
            if self.judge.knows(card.groups) and card.href not in skipped:
                with alone(self.mirror, self.account, card, self.now):
                    found, wish = self.judge(contact_of(scan(card.data)), memory(card.contact_id), card.groups)
                    self.mirror.assessments.store(card.contact_id, as_stored(found, wish), self.now)
                    count += 1
            size += len(card.data)
            if size > _MUCH:
                return contact_ids.index(card.contact_id) + 1, count
        return len(contact_ids), count

    def _forget_after_a_change_of_policy(self) -> None:
        about = round(self.judge.pace, 1)  # all are assessed by one pace
        policy = repr(replace(self.judge, now=datetime.min.replace(tzinfo=UTC), pace=about)).encode()
        key, name = hashlib.sha256(policy).hexdigest(), f"policy:{self.account}"
        if self.mirror.cycles.fact(name) != key:
            self.mirror.assessments.forget_all(self.account)
            self.mirror.cycles.set_fact(name, key)


def as_stored(found: Assessment, wish: Question | None) -> dict[str, Any]:
    """The JSON object of an assessment, as the mirror keeps it and ``--json`` shows it."""
    return {
        "probability": found.probability,
        "prior": found.prior,
        "employer_stale_by_time": found.employer,
        "title_stale_by_time": found.title,
        "age_days": found.age.days,
        "gain_years": found.gain,
        "right": {which.value: right for which, right in found.claims.items()},
        "last_sure": found.last_sure.isoformat() if found.last_sure else None,
        "reasons": [
            {
                "kind": reason.kind,
                "source": reason.source or None,
                "sentence": reason.sentence,
                "factor": reason.factor and round(reason.factor, 6),
                "probability": reason.probability,
            }
            for reason in found.reasons
        ],
        "history": {"changes": found.history.changes, "expected": found.history.expected} if found.history else None,
        "signals": [signal.kind.value for signal in found.signals],
        "question": {
            "kind": wish.kind.value,
            "fields": list(wish.fields),
            "slots": dict(wish.slots),
            "score": wish.score,
            "reason": wish.reason,
        }
        if wish
        else None,
    }
