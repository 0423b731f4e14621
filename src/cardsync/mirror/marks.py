"""The dates that cycles leave: all of them at once, where the clock had been ahead."""

from datetime import datetime, timedelta

from cardsync.mirror.database import Database, iso, moment
from cardsync.records import ANSWER

_MARKS = (
    ("contact", "first_seen"),
    ("contact", "changed_at"),
    ("contact", "left_at"),
    ("work_field", "first_seen"),
    ("work_field", "changed_at"),
    ("work_field", "validated_at"),
    ("history", "at"),
    ("question", "ended_at"),
    ("version", "at"),
    ("journal", "at"),
    ("problem", "since"),
    ("command", "at"),
    ("command", "done_at"),
    ("cycle", "started_at"),
    ("cycle", "finished_at"),
    ("evidence", "first_observed_at"),
    ("evidence", "observed_at"),
    ("source", "last_run"),
    ("validator", "at"),
    ("told", "at"),
    ("account", "synced_at"),
)


class Marks:
    """Where and when do not matter here, only that none is later than now."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def pull_back(self, now: datetime) -> None:
        """Whatever is later than ``now`` was just now; a wait that began later begins now."""
        with self._db.transaction():
            self._shift_waits(now)
            for table, column in _MARKS:
                self._pull(table, column, now, to=now)
            # an edit that answers a question is later than it
            self._pull("question", "asked_at", now, to=now - timedelta(microseconds=1))
            self._db.execute("UPDATE contact SET assessed_at = NULL WHERE assessed_at > ?", (iso(now),))

    def _pull(self, table: str, column: str, now: datetime, *, to: datetime) -> None:
        self._db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} > ?", (iso(to), iso(now)))

    def _shift_waits(self, now: datetime) -> None:
        """What follows from an answer that was read by the wrong clock keeps its length."""
        rows = self._db.rows(
            "SELECT t.id, t.not_before, max(h.at) AS said FROM contact t JOIN history h ON h.contact_id = t.id "
            "WHERE h.at > ?1 AND h.at < t.not_before AND substr(h.what, 1, ?2) = ?3 GROUP BY t.id",
            (iso(now), len(ANSWER), ANSWER),
        )
        for row in rows:
            wait = moment(row["not_before"]) - moment(row["said"])
            self._db.execute("UPDATE contact SET not_before = ? WHERE id = ?", (iso(now + wait), row["id"]))
