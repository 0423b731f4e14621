"""How each contact stands: pauses and waits, by what the owner answered."""

from cardsync.mirror.database import Database, maybe_iso, maybe_moment, moment, one_of
from cardsync.model import QuestionKind
from cardsync.records import Ending, Pause, Standing

_NOT_COUNTED = (Ending.SNOOZED.value,)  # its time is in not_before
RESUMED = "resumed"
"""The line of the history from which on all waits begin anew."""


class Standings:
    """Pauses and waits by contact."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, contact_id: int) -> Standing:
        """Pauses and waits; no question that ended before the last ``resume`` makes one wait."""
        row = self._db.row("SELECT * FROM contact WHERE id = ?", (contact_id,))
        if row is None:
            raise LookupError(contact_id)
        ended = self._db.rows(
            "SELECT kind, max(ended_at) FROM question WHERE contact_id = ? AND state = 'ended' "
            f"AND ending NOT IN ({', '.join('?' * len(_NOT_COUNTED))}) AND kind <> ? "
            "AND ended_at > ifnull((SELECT max(at) FROM history WHERE contact_id = ? AND what = ?), '') GROUP BY kind",
            (contact_id, *_NOT_COUNTED, QuestionKind.FOLLOW_UP, contact_id, RESUMED),
        )
        return Standing(
            pause=one_of(Pause, row["pause"]) if row["pause"] else None,
            not_before=maybe_moment(row["not_before"]),
            dismissals=row["dismissals"],
            left_at=maybe_moment(row["left_at"]),
            ended={one_of(QuestionKind, kind): moment(at) for kind, at in ended},
        )

    def store(self, contact_id: int, standing: Standing) -> None:
        """Store pauses and waits (``ended`` follows from the questions); who left is assessed anew."""
        self._db.execute(
            "UPDATE contact SET pause = ?, not_before = ?, dismissals = ?, left_at = ?, assessed_at = NULL "
            "WHERE id = ?",
            (
                standing.pause,
                maybe_iso(standing.not_before),
                standing.dismissals,
                maybe_iso(standing.left_at),
                contact_id,
            ),
        )
