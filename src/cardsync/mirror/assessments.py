"""What the last assessment of each VIP found, and what all of them showed together."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cardsync.mirror.database import Database, iso, maybe_moment, one_of, pack, unpack
from cardsync.model import JobHistory, QuestionKind
from cardsync.records import Wish


class Assessments:
    """Stored for ``status`` and for the next cycle, so that an unchanged contact is not assessed again."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, contact_id: int) -> tuple[datetime | None, dict[str, Any] | None]:
        """(when, what) of the stored assessment; (None, ...) when the card changed since."""
        row = self._db.row("SELECT assessed_at, assessment FROM contact WHERE id = ?", (contact_id,))
        if row is None or not row["assessment"]:
            return None, None
        return maybe_moment(row["assessed_at"]), unpack(row["assessment"])

    def to_assess(self, book_id: int, before: datetime) -> list[int]:
        """The VIPs that changed since they were assessed, or were assessed before that time."""
        rows = self._db.rows(
            "SELECT t.id FROM contact t JOIN vip v ON v.book_id = t.book_id AND v.uid_key = t.uid_key "
            "WHERE t.book_id = ? AND (t.assessed_at IS NULL OR t.assessed_at <= ?) ORDER BY t.id",
            (book_id, iso(before)),
        )
        return [row[0] for row in rows]

    def forget_all(self, account: str) -> None:
        """Assess all anew."""
        self._db.execute(
            "UPDATE contact SET assessed_at = NULL WHERE book_id IN (SELECT id FROM address_book WHERE account = ?)",
            (account,),
        )

    def store(self, contact_id: int, assessment: Mapping[str, Any], now: datetime) -> None:
        """Keep an assessment, for `status` and for the next cycle."""
        self._db.execute(
            "UPDATE contact SET assessed_at = ?, assessment = ? WHERE id = ?",
            (iso(now), pack(dict(assessment)), contact_id),
        )

    def job_history(self) -> JobHistory:
        """What all VIPs together showed, as far as they were assessed; one card that flips to and fro counts little."""
        row = self._db.row(
            "SELECT sum(min(json_extract(t.assessment, '$.history.changes'), "
            "json_extract(t.assessment, '$.history.expected') + 3)), "
            "sum(json_extract(t.assessment, '$.history.expected')) FROM contact t "
            "JOIN vip v ON v.book_id = t.book_id AND v.uid_key = t.uid_key WHERE t.assessment IS NOT NULL"
        )
        return JobHistory(changes=row[0] or 0, expected=row[1] or 0.0) if row else JobHistory(changes=0, expected=0.0)

    def wishes(self, book_id: int) -> dict[int, Wish]:
        """By contact, for the VIPs of a book: the question that its last assessment found worth asking."""
        rows = self._db.rows(
            "SELECT t.id, json_extract(t.assessment, '$.question.kind'), "
            "json_extract(t.assessment, '$.question.score') "
            "FROM contact t JOIN vip v ON v.book_id = t.book_id AND v.uid_key = t.uid_key "
            "WHERE t.book_id = ? AND t.assessment IS NOT NULL",
            (book_id,),
        )
        return {
            row[0]: Wish(kind=one_of(QuestionKind, row[1]) if row[1] else None, score=row[2] or 0.0) for row in rows
        }
