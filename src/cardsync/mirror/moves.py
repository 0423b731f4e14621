"""What is remembered of contacts whose address book is not there any more, and how it goes on in another one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Row

from cardsync.mirror.database import Database, iso
from cardsync.records import Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A contact of ``account`` whose book is left behind, and the book of ``new`` in which its UID is.

    ``there``: the contact as which it is known there already, or None; ``href``: the card of that one.
    """

    contact_id: int
    account: str
    new: str
    uid_key: str
    old_book: int
    book_id: int
    there: int | None
    href: str


class Moves:
    """By UID (RFC 6350, 6.7.6): the one thing of a card that a move to another server keeps.

    A book is left behind when discovery does not show it any more, or its account is not in the config.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def remembered(self) -> dict[str, int]:
        """By account: how many contacts are remembered of books that are left behind."""
        rows = self._db.rows(
            "SELECT b.account, count(*) AS contacts FROM contact t JOIN address_book b ON b.id = t.book_id "
            "WHERE b.present = 0 GROUP BY b.account ORDER BY b.account"
        )
        return {row["account"]: row["contacts"] for row in rows}

    def left(self, old: str | None = None, new: str | None = None) -> list[Left]:
        """The contacts left behind (by ``old``) whose UID is in a book (of ``new``) that is there.

        Each once: where it is known as a VIP, else in the first book that has it.
        """
        rows = self._db.rows(
            "SELECT t.id AS contact_id, b.account, n.account AS new, t.uid_key, b.id AS old_book, n.id AS book_id, "
            "k.id AS there, ifnull(k.href, o.href) AS href FROM address_book b JOIN contact t ON t.book_id = b.id "
            "CROSS JOIN address_book n CROSS JOIN address_object o ON o.book_id = n.id AND o.uid_key = t.uid_key "
            "AND o.is_group = 0 LEFT JOIN contact k ON k.book_id = n.id AND k.uid_key = t.uid_key "
            "LEFT JOIN vip v ON v.book_id = n.id AND v.uid_key = t.uid_key "
            "WHERE b.present = 0 AND n.present = 1 AND t.uid_key <> '' "
            "AND b.account = ifnull(?, b.account) AND n.account = ifnull(?, n.account) "
            "ORDER BY t.id, v.uid_key IS NULL, k.id IS NULL, n.id, o.href",
            (old, new),
        )
        return list(_each_once(rows))

    def carry(self, left: Left, now: datetime) -> None:
        """It goes on there: its history, answers, waits and kept versions, and what was seen there meanwhile.

        A write that was under way when its server went is over, and nobody knows how it ended.
        """
        with self._db.transaction():
            self._over(left)
            if left.there is not None:
                self._join(left.contact_id, left.there, now)
            self._db.execute(
                "UPDATE contact SET book_id = ?, href = ?, assessed_at = NULL WHERE id = ?",
                (left.book_id, left.href, left.contact_id),
            )
            self._db.execute(
                "UPDATE version SET book_id = ? WHERE book_id = ? AND uid_key = ?",
                (left.book_id, left.old_book, left.uid_key),
            )

    def forget(self, account: str) -> int:
        """Drop all that is remembered of the account's books that are left behind; how many contacts that were."""
        found = self.remembered().get(account, 0)
        with self._db.transaction():
            rows = self._db.rows("DELETE FROM address_book WHERE account = ? AND present = 0 RETURNING id", (account,))
            self._db.many("DELETE FROM meta WHERE name LIKE '%:' || ?", [(row[0],) for row in rows])  # ids come again
        return found

    def _over(self, left: Left) -> None:
        self._db.execute(
            "UPDATE journal SET state = 'abandoned', outcome = 'moved', before = x'', after = x'', damaged = NULL "
            "WHERE book_id = ? AND contact_id = ? AND state = 'intent'",
            (left.old_book, left.contact_id),
        )
        self._db.execute("DELETE FROM question WHERE contact_id = ? AND state = 'intended'", (left.contact_id,))

    def _join(self, contact_id: int, other: int, now: datetime) -> None:
        """Two that are one: ``other`` was seen for the first time when its server was new to us."""
        self._one_question(contact_id, other, now)
        self._db.execute(
            "UPDATE contact SET pause = ifnull(o.pause, contact.pause), left_at = ifnull(o.left_at, contact.left_at), "
            "not_before = nullif(max(ifnull(o.not_before, ''), ifnull(contact.not_before, '')), ''), "
            "changed_at = nullif(max(ifnull(o.changed_at, ''), ifnull(contact.changed_at, '')), ''), "
            "dismissals = max(o.dismissals, contact.dismissals) "
            "FROM contact o WHERE contact.id = ? AND o.id = ?",
            (contact_id, other),
        )
        self._db.execute(  # what was edited there is known with its day
            "UPDATE OR REPLACE work_field SET contact_id = ? WHERE contact_id = ? AND changed_at IS NOT NULL",
            (contact_id, other),
        )
        self._db.execute(
            "UPDATE work_field SET validated_at = nullif(max(ifnull(work_field.validated_at, ''), o.validated_at), '') "
            "FROM work_field o WHERE work_field.contact_id = ? AND o.contact_id = ? AND o.field = work_field.field "
            "AND o.keys = work_field.keys AND o.validated_at IS NOT NULL",
            (contact_id, other),
        )
        for table in ("question", "journal", "evidence", "look"):
            self._db.execute(f"UPDATE OR IGNORE {table} SET contact_id = ? WHERE contact_id = ?", (contact_id, other))
        self._db.execute(
            "UPDATE history SET contact_id = ? WHERE contact_id = ? AND what <> 'first seen'", (contact_id, other)
        )
        self._db.execute("DELETE FROM contact WHERE id = ?", (other,))

    def _one_question(self, contact_id: int, other: int, now: datetime) -> None:
        """At most one block stands on a card: of two records of it the older, which knows what was asked."""
        standing = {
            row["contact_id"]: row
            for row in self._db.rows(
                "SELECT id, contact_id, block, adopted FROM question WHERE standing = 1 AND contact_id IN (?, ?)",
                (contact_id, other),
            )
        }
        if len(standing) < 2:
            return
        mine, found = standing[contact_id], standing[other]
        if found["adopted"] and found["block"] == mine["block"]:
            self._db.execute("DELETE FROM question WHERE id = ?", (found["id"],))
            return
        self._db.execute(
            "UPDATE question SET standing = 0, state = 'ended', ending = ifnull(ending, ?), "
            "ended_at = ifnull(ended_at, ?) WHERE id = ?",
            (Ending.WITHDRAWN, iso(now), mine["id"]),
        )


def _each_once(rows: list[Row]) -> Iterator[Left]:
    seen: set[int] = set()
    for row in rows:
        if row["contact_id"] not in seen:
            seen.add(row["contact_id"])
            yield Left(**dict(row))
