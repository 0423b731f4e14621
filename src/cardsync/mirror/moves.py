"""What is remembered of contacts whose address book is not there any more, and how it goes on in another one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Row

from cardsync.mirror.contacts import LAST_CONTACT
from cardsync.mirror.database import Database, iso
from cardsync.mirror.problems import of_book
from cardsync.mirror.standings import RESUMED
from cardsync.model import WorkField
from cardsync.records import ANSWER, Ending


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


_EVIDENCE_KEY = ("source", "kind", "claim", "says", "stored", "suggested")
_SAME = (
    "FROM address_book b JOIN contact t ON t.book_id = b.id CROSS JOIN address_book n "
    "JOIN contact k ON k.book_id = n.id AND k.uid_key = t.uid_key "
    "WHERE b.present = 1 AND (n.account = b.account OR n.present = 0)"
)


class Moves:
    """By UID (RFC 6350, 6.7.6): the one thing of a card that a move to another server keeps.

    A book is left behind when discovery does not show it any more, or its account is not in the config.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def remembered(self) -> dict[str, int]:
        """By account that has books which are left behind: how many contacts are remembered of them."""
        rows = self._db.rows(
            "SELECT b.account, count(t.id) AS contacts FROM address_book b LEFT JOIN contact t ON t.book_id = b.id "
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
            "WHERE b.present = 0 AND n.present = 1 "
            "AND b.account = ifnull(?, b.account) AND n.account = ifnull(?, n.account) "
            "ORDER BY t.id, v.uid_key IS NULL, k.id IS NULL, n.id, o.href",
            (old, new),
        )
        return list(_each_once(rows))

    def known_as(self, account: str | None = None) -> Mapping[int, tuple[int, ...]]:
        """Of each contact of a book that is there (of ``account``): all contacts that have its UID, itself too.

        In the books of its account, whether they are there or not, and in those that are left behind: one person, of
        whom what was said once is said.
        """
        rows = self._db.rows(f"SELECT t.id, k.id AS known {_SAME} AND b.account = ifnull(?, b.account)", (account,))
        found: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            found[row["id"]].append(row["known"])
        return {contact_id: tuple(ids) for contact_id, ids in found.items()}

    def is_wanted(self, contact_id: int) -> bool:
        """Whether it is there, and the owner paused it neither here nor where else it is known."""
        row = self._db.row(f"SELECT max(k.pause IS NOT NULL) AS paused {_SAME} AND t.id = ?", (contact_id,))
        return row is not None and row["paused"] == 0

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

    def forget(self, account: str, *, empty: bool = False) -> None:
        """Drop all that is remembered of the account's books that are left behind; or of those without a contact."""
        self._retire_ids()
        narrowed = "AND id NOT IN (SELECT book_id FROM contact) " if empty else ""
        with self._db.transaction():
            rows = self._db.rows(
                f"DELETE FROM address_book WHERE account = ? AND present = 0 {narrowed}RETURNING id", (account,)
            )
            facts = [(f"{of_book(row[0])}*",) for row in rows]
            self._db.many("DELETE FROM meta WHERE name GLOB ?", facts)  # another book may get the id
            if not self._db.row("SELECT 1 FROM address_book WHERE account = ?", (account,)):
                self._db.execute("DELETE FROM problem WHERE account = ?", (account,))

    def _over(self, left: Left) -> None:
        """Its cards in the old book are to be read anew, should that come back."""
        self._db.execute(
            "UPDATE card SET seen = 0, searched = 0 "
            "WHERE object_id IN (SELECT id FROM address_object WHERE book_id = ? AND uid_key = ?)",
            (left.old_book, left.uid_key),
        )
        self._db.execute(
            "UPDATE journal SET state = 'abandoned', outcome = 'moved', before = x'', after = x'', damaged = NULL "
            "WHERE book_id = ? AND contact_id = ? AND state = 'intent'",
            (left.old_book, left.contact_id),
        )
        self._db.execute("DELETE FROM question WHERE contact_id = ? AND state = 'intended'", (left.contact_id,))

    def _join(self, contact_id: int, other: int, now: datetime) -> None:
        """Two that are one: ``other`` was seen for the first time when its server was new to us."""
        self._one_question(contact_id, other, now)
        self._outdone(contact_id, other)
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
        self._db.execute(  # what was seen last counts, and since when it is seen
            "UPDATE evidence SET first_observed_at = min(evidence.first_observed_at, o.first_observed_at) "
            "FROM evidence o WHERE evidence.contact_id = ? AND o.contact_id = ? "
            f"AND {' AND '.join(f'o.{key} = evidence.{key}' for key in _EVIDENCE_KEY)}",
            (other, contact_id),
        )
        for table in ("question", "journal", "evidence", "look"):
            self._db.execute(f"UPDATE OR REPLACE {table} SET contact_id = ? WHERE contact_id = ?", (contact_id, other))
        self._db.execute(
            "UPDATE history SET contact_id = ? WHERE contact_id = ? AND what <> 'first seen'", (contact_id, other)
        )
        self._retire_ids()
        self._db.execute("DELETE FROM contact WHERE id = ?", (other,))

    def _outdone(self, contact_id: int, other: int) -> None:
        """What was said of it last counts: a new employer, an ok or a ``resume`` ends what was said before."""
        later = "SELECT 1 FROM history h WHERE h.contact_id = ?2 AND"
        employed = "(h.what = 'edited' AND h.field = ?3) OR h.what = ?4"
        self._db.execute(
            f"UPDATE contact SET left_at = NULL WHERE id = ?1 AND EXISTS ({later} h.at > left_at AND ({employed}))",
            (contact_id, other, WorkField.ORGANISATION, f"{ANSWER}{Ending.CONFIRMED}"),
        )
        self._db.execute(
            "UPDATE contact SET pause = NULL, not_before = NULL, dismissals = 0 "
            f"WHERE id = ?1 AND EXISTS ({later} h.what = ?3)",
            (contact_id, other, RESUMED),
        )

    def _retire_ids(self) -> None:
        """A source may be looking at a contact that goes: nobody gets its id."""
        self._db.execute(
            "INSERT OR REPLACE INTO meta (name, value) SELECT ?1, CAST(max(n) AS TEXT) FROM (SELECT max(id) AS n "
            "FROM contact UNION SELECT CAST(value AS INTEGER) FROM meta WHERE name = ?1) HAVING max(n) IS NOT NULL",
            (LAST_CONTACT,),
        )

    def _one_question(self, contact_id: int, other: int, now: datetime) -> None:
        """At most one block stands on a card: of two records of it the older, which knows what was asked.

        One that was found on the new card, and was answered on the old one, is answered.
        """
        self._db.execute(
            "UPDATE question SET state = 'ended', ended_at = ?1, ending = o.ending FROM question o "
            "WHERE question.contact_id = ?2 AND question.standing = 1 AND question.adopted = 1 "
            "AND question.state = 'open' AND o.contact_id = ?3 AND o.block = question.block AND o.state = 'ended'",
            (iso(now), other, contact_id),
        )
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
