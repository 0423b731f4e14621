"""Counts of what the mirror holds, for metrics and digests: no name, no address, no text."""

from collections.abc import Mapping
from datetime import datetime

from cardsync.mirror.database import Database, iso
from cardsync.records import SEEN_IN_USE


class Figures:
    """Read only."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def cycles(self) -> int:
        """How many there were ever."""
        row = self._db.row("SELECT max(id) FROM cycle")
        return int(row[0] or 0) if row else 0

    def questions(self, account: str) -> Mapping[str, int]:
        """By state, of all that were ever written: how they ended, or "open"."""
        rows = self._db.rows(
            f"SELECT coalesce(q.ending, 'open'), count(*) {_QUESTIONS} GROUP BY 1 ORDER BY 1", (account,)
        )
        return {row[0]: int(row[1]) for row in rows}

    def asked_since(self, account: str, since: datetime) -> int:
        """Questions that were written since then, also those that follow a ``left``."""
        row = self._db.row(f"SELECT count(*) {_QUESTIONS} AND q.adopted = 0 AND q.asked_at > ?", (account, iso(since)))
        return int(row[0]) if row else 0

    def ended_since(self, account: str, since: datetime) -> Mapping[str, int]:
        """By ending."""
        rows = self._db.rows(
            f"SELECT q.ending, count(*) {_QUESTIONS} AND q.ended_at > ? GROUP BY 1 ORDER BY 1", (account, iso(since))
        )
        return {row[0]: int(row[1]) for row in rows}

    def used_since(self, account: str, since: datetime) -> int:
        """Contacts whose address was seen in use since then, without a question."""
        row = self._db.row(
            "SELECT count(DISTINCT h.contact_id) FROM history h JOIN contact t ON t.id = h.contact_id "
            "JOIN address_book b ON b.id = t.book_id WHERE b.account = ? AND h.what = ? AND h.at > ?",
            (account, SEEN_IN_USE, iso(since)),
        )
        return int(row[0]) if row else 0

    def stale(self, account: str) -> list[float]:
        """P(stale) of each VIP with work details at its last assessment, the least first."""
        rows = self._db.rows(
            "SELECT json_extract(t.assessment, '$.probability') FROM contact t "
            "JOIN vip v ON v.book_id = t.book_id AND v.uid_key = t.uid_key JOIN address_book b ON b.id = t.book_id "
            "WHERE b.account = ? AND b.present = 1 AND json_extract(t.assessment, '$.right') <> '{}' ORDER BY 1",
            (account,),
        )
        return [float(row[0]) for row in rows if row[0] is not None]


_QUESTIONS = (
    "FROM question q JOIN contact t ON t.id = q.contact_id JOIN address_book b ON b.id = t.book_id "
    "WHERE b.account = ? AND q.state <> 'intended'"
)
