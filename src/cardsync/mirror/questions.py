"""Questions and their answers.  At most one block stands on a card, by a unique index."""

from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Row

from cardsync.mirror.database import Database, iso, maybe_moment, moment, one_of, pack, unpack
from cardsync.model import Question, QuestionKind, WorkField
from cardsync.policy import Position
from cardsync.records import ANSWER, UNSAID, Asked, Ending, Written


class Questions:
    """What was asked, and how it ended."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def intend(
        self,
        contact_id: int,
        question: Question,
        *,
        href: str,
        block: str,
        user_text: str,
        beside: Sequence[str] = (),
        position: Position,
        counted: bool,
        now: datetime,
    ) -> int:
        """A question that is about to be written; it counts only once the write is verified."""
        row = self._db.row(
            "INSERT INTO question (contact_id, href, kind, fields, slots, block, user_text, beside, position, reason, "
            "asked_at, counted, probability, state, standing) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intended', 0) RETURNING id",
            (
                contact_id,
                href,
                question.kind,
                pack(question.fields),
                pack(dict(question.slots)),
                block,
                user_text,
                pack(tuple(beside)),
                position,
                question.reason,
                iso(now),
                counted,
                question.probability,
            ),
        )
        return int(row[0]) if row else 0

    def adopt(
        self,
        contact_id: int,
        kind: QuestionKind,
        fields: Sequence[WorkField],
        *,
        href: str,
        block: str,
        user_text: str,
        beside: Sequence[str] = (),
        position: Position,
        now: datetime,
    ) -> None:
        """A block found on a card that the database knows nothing of; without ``fields`` an ok confirms nothing."""
        self._db.execute(
            "INSERT INTO question (contact_id, href, kind, fields, slots, block, user_text, beside, position, reason, "
            "asked_at, counted, adopted, state, standing) "
            "VALUES (?, ?, ?, ?, '{}', ?, ?, ?, ?, 'found on the card', ?, 0, 1, 'open', 1)",
            (contact_id, href, kind, pack(tuple(fields)), block, user_text, pack(tuple(beside)), position, iso(now)),
        )

    def moved(self, question_id: int, href: str, user_text: str, beside: Sequence[str]) -> None:
        """The contact is another card now, on which all but the block is ``user_text``, and the notes ``beside`` it."""
        self._db.execute(
            "UPDATE question SET href = ?, user_text = ?, beside = ? WHERE id = ?",
            (href, user_text, pack(tuple(beside)), question_id),
        )

    def opened(self, question_id: int) -> None:
        """The block was seen on the card, and so no other one is there any more."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE question SET standing = 0 "
                "WHERE standing = 1 AND contact_id = (SELECT contact_id FROM question WHERE id = ?)",
                (question_id,),
            )
            self._db.execute("UPDATE question SET state = 'open', standing = 1 WHERE id = ?", (question_id,))

    def forget(self, question_id: int) -> None:
        """An intended question that never came onto the card."""
        self._db.execute("DELETE FROM question WHERE id = ? AND state = 'intended'", (question_id,))

    def forget_unsent(self, account: str) -> None:
        """The account's intended questions of which no write is under way: the process ended between the two."""
        self._db.execute(
            "DELETE FROM question WHERE state = 'intended' "
            "AND id NOT IN (SELECT opens FROM journal WHERE state = 'intent' AND opens IS NOT NULL) "
            "AND contact_id IN (SELECT t.id FROM contact t JOIN address_book b ON b.id = t.book_id "
            "WHERE b.account = ?)",
            (account,),
        )

    def end(self, question_id: int, ending: Ending, now: datetime) -> None:
        """The question ended; its block stands until ``taken_out``.  An answer outdoes an ending that is ``UNSAID``."""
        outdone = () if ending in UNSAID else tuple(sorted(UNSAID))
        self._db.execute(
            "UPDATE question SET state = 'ended', ending = ?, ended_at = ? "
            f"WHERE id = ? AND (state = 'open' OR ending IN ({', '.join('?' * len(outdone))}))",
            (ending, iso(now), question_id, *outdone),
        )

    def taken_out(self, question_id: int) -> None:
        """The block is no longer on the card."""
        self._db.execute("UPDATE question SET standing = 0 WHERE id = ?", (question_id,))

    def standing(self, book_id: int) -> dict[int, Asked]:
        """By contact: the questions whose block is on a card, ended or not."""
        return {row["contact_id"]: _asked(row) for row in self._standing(book_id)}

    def standing_anywhere(self) -> frozenset[int]:
        """The contacts on whose card a block stands, in books that are not there any more, too."""
        return frozenset(row[0] for row in self._db.rows("SELECT contact_id FROM question WHERE standing = 1"))

    def standing_by_uid(self, book_id: int) -> dict[str, Asked]:
        """The same by uid key."""
        return {row["uid_key"]: _asked(row) for row in self._standing(book_id)}

    def _standing(self, book_id: int) -> list[Row]:
        return self._db.rows(
            "SELECT q.*, t.uid_key FROM question q JOIN contact t ON t.id = q.contact_id "
            "WHERE t.book_id = ? AND q.standing = 1 ORDER BY q.id",
            (book_id,),
        )

    def of(self, contact_id: int) -> list[Asked]:
        """All questions about one contact, oldest first."""
        rows = self._db.rows("SELECT * FROM question WHERE contact_id = ? ORDER BY id", (contact_id,))
        return [_asked(row) for row in rows]

    def answered_since(self, contact_id: int, since: datetime) -> bool:
        """Whether a question about the contact was answered after that, in any way, or had its time.

        What was answered at that very moment brought the question that was asked then: ``left`` the follow-up.
        """
        row = self._db.row(
            "SELECT 1 FROM history WHERE contact_id = ? AND at > ? "
            "AND (what = 'validated' OR (what LIKE ? || '%' AND what <> ? || ?))",
            (contact_id, iso(since), ANSWER, ANSWER, Ending.WITHDRAWN),
        )
        return row is not None

    def asked_since(self, account: str, since: datetime) -> Sequence[datetime]:
        """When the account's new questions were asked; it may have had another name then."""
        rows = self._db.rows(
            "SELECT q.asked_at FROM question q JOIN contact t ON t.id = q.contact_id "
            "JOIN address_book b ON b.id = t.book_id "
            "WHERE (b.account = ? OR b.present = 0) AND q.counted = 1 AND q.state <> 'intended' AND q.asked_at > ?",
            (account, iso(since)),
        )
        return [moment(row[0]) for row in rows]

    def foretold(self) -> list[tuple[float, Ending, datetime, datetime, int]]:
        """(what was said, how the question ended, when it was asked and ended, contact) of all that ended."""
        rows = self._db.rows(
            "SELECT probability, ending, asked_at, ended_at, contact_id FROM question "
            "WHERE state = 'ended' AND probability IS NOT NULL ORDER BY id"
        )
        return [(row[0], one_of(Ending, row[1]), moment(row[2]), moment(row[3]), row[4]) for row in rows]

    def open_count(self, account: str) -> int:
        """How many blocks stand in the account's books; one that is gone must not use up the budget for ever."""
        row = self._db.row(
            "SELECT count(*) FROM question q JOIN contact t ON t.id = q.contact_id "
            "JOIN address_book b ON b.id = t.book_id WHERE b.account = ? AND b.present = 1 AND q.standing = 1",
            (account,),
        )
        return int(row[0]) if row else 0

    def blocks(self, book_id: int) -> dict[str, list[Written]]:
        """Uid key -> every block that was ever written, newest first."""
        rows = self._db.rows(
            "SELECT t.uid_key, q.block, q.user_text, q.position, q.standing FROM question q "
            "JOIN contact t ON t.id = q.contact_id WHERE t.book_id = ? ORDER BY q.id DESC",
            (book_id,),
        )
        found: dict[str, list[Written]] = {}
        for row in rows:
            block = Written(
                block=row["block"],
                user_text=row["user_text"],
                position=one_of(Position, row["position"]),
                standing=bool(row["standing"]),
            )
            found.setdefault(row["uid_key"], []).append(block)
        return found


def _asked(row: Row) -> Asked:
    return Asked(
        id=row["id"],
        contact_id=row["contact_id"],
        href=row["href"],
        kind=one_of(QuestionKind, row["kind"]),
        fields=tuple(one_of(WorkField, name) for name in unpack(row["fields"])),
        slots=unpack(row["slots"]),
        block=row["block"],
        user_text=row["user_text"],
        beside=tuple(unpack(row["beside"])),
        position=one_of(Position, row["position"]),
        asked_at=moment(row["asked_at"]),
        ending=one_of(Ending, row["ending"]) if row["ending"] else None,
        ended_at=maybe_moment(row["ended_at"]),
        standing=bool(row["standing"]),
        adopted=bool(row["adopted"]),
    )
