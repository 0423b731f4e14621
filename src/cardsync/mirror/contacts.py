"""What is remembered of each contact: its work fields with their dates, and its history."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from sqlite3 import Row
from typing import Any

from cardsync.mirror.database import Database, iso, maybe_iso, maybe_moment, moment, one_of, pack, unpack
from cardsync.mirror.evidence import evidence_in
from cardsync.model import Contact, FieldMemory, Memory, Move, WorkField

LAST_CONTACT = "last contact"
"""The fact that names the highest id that a contact ever had, where one was dropped."""


class Contacts:
    """History by contact.  Our own writes change NOTE only, so that no field here ever changes by them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def observe(
        self,
        book_id: int,
        contact: Contact,
        uid_key: str,
        href: str,
        keys: Mapping[WorkField, frozenset[str]],
        now: datetime,
        *,
        read_anew: bool = False,
    ) -> tuple[int, frozenset[WorkField]]:
        """Take note of a card that the user (or another client) changed, or that is seen for the first time.

        From then on the contact is the object at ``href``.  ``keys`` are the normal forms of each work field.
        ``read_anew``: its bytes were not held, and whether anything else of them changed is not known.
        Returns the contact's id and the edited fields, none at first sight.
        """
        with self._db.transaction():
            row = self._db.row("SELECT id FROM contact WHERE book_id = ? AND uid_key = ?", (book_id, uid_key))
            if row is None:
                return self._first_sight(book_id, contact, uid_key, href, keys, now), frozenset()
            contact_id: int = row[0]
            edited = self._compare(contact_id, contact, keys, now)
            changed_at = None if read_anew and not edited else iso(now)
            self._db.execute(
                "UPDATE contact SET name = ?, href = ?, changed_at = ifnull(?, changed_at), assessed_at = NULL "
                "WHERE id = ?",
                (contact.name, href, changed_at, contact_id),
            )
            return contact_id, edited

    def _first_sight(
        self,
        book_id: int,
        contact: Contact,
        uid_key: str,
        href: str,
        keys: Mapping[WorkField, frozenset[str]],
        now: datetime,
    ) -> int:
        row = self._db.row(
            "INSERT INTO contact (id, book_id, uid_key, name, first_seen) "
            "SELECT 1 + max(ifnull(max(id), 0), ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE name = ?), 0)), "
            "?, ?, ?, ? FROM contact RETURNING id",
            (LAST_CONTACT, book_id, uid_key, contact.name, iso(now)),
        )
        contact_id = int(row[0]) if row else 0
        self._begin(contact_id, contact, href, keys, now)
        self.record(contact_id, now, "first seen")
        return contact_id

    def _begin(
        self,
        contact_id: int,
        contact: Contact,
        href: str,
        keys: Mapping[WorkField, frozenset[str]],
        now: datetime,
    ) -> None:
        """What is remembered of the fields begins with this card."""
        self._db.execute(
            "UPDATE contact SET href = ?, name = ?, unchanged_since = ?, assessed_at = NULL WHERE id = ?",
            (href, contact.name, maybe_iso(contact.revised if contact.bumps_rev else None), contact_id),
        )
        self._db.execute("DELETE FROM work_field WHERE contact_id = ?", (contact_id,))
        for which, values in contact.work.items():
            self._store_field(contact_id, which, values, keys[which], now, changed=False)

    def restored(
        self, contact_id: int, contact: Contact, href: str, keys: Mapping[WorkField, frozenset[str]], now: datetime
    ) -> None:
        """An earlier version is on the card again: no edit of today, and none ever confirmed what came back."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE contact SET name = ?, href = ?, assessed_at = NULL WHERE id = ?",
                (contact.name, href, contact_id),
            )
            self.record(contact_id, now, "restored")
            self._compare(contact_id, contact, keys, now, edited=False)

    def differs(self, contact_id: int, keys: Mapping[WorkField, frozenset[str]]) -> bool:
        """Whether the work fields are other ones than those that are remembered."""
        rows = self._db.rows("SELECT field, keys FROM work_field WHERE contact_id = ?", (contact_id,))
        known = {one_of(WorkField, row["field"]): frozenset(unpack(row["keys"])) for row in rows}
        return any(known.get(which, frozenset()) != keys.get(which, frozenset()) for which in WorkField)

    def _compare(
        self,
        contact_id: int,
        contact: Contact,
        keys: Mapping[WorkField, frozenset[str]],
        now: datetime,
        *,
        edited: bool = True,
    ) -> frozenset[WorkField]:
        known = {
            one_of(WorkField, row["field"]): row
            for row in self._db.rows("SELECT * FROM work_field WHERE contact_id = ?", (contact_id,))
        }
        since = now if edited else self.memory(contact_id).first_seen
        found = set()
        for which in WorkField:
            row = known.get(which)
            before = frozenset(unpack(row["keys"])) if row else frozenset()
            after = keys.get(which, frozenset())
            if before == after:
                continue
            found.add(which)
            old = tuple(unpack(row["shown"])) if row else ()
            new = contact.work.get(which, ())
            previous = old if edited else ()
            self._store_field(contact_id, which, new, after, since, changed=edited, previous=previous)
            self.record(contact_id, now, "edited" if edited else "restored", which, ", ".join(old), ", ".join(new))
        if edited and WorkField.ORGANISATION in found:
            self._db.execute("UPDATE contact SET left_at = NULL WHERE id = ?", (contact_id,))
        return frozenset(found)

    def _store_field(
        self,
        contact_id: int,
        which: WorkField,
        values: tuple[str, ...],
        keys: frozenset[str],
        now: datetime,
        *,
        changed: bool,
        previous: tuple[str, ...] = (),
    ) -> None:
        """An emptied field keeps its row: what it was, and since when it is no more."""
        edited_at = iso(self._after_question(contact_id, now)) if changed else None
        self._db.execute(
            "INSERT OR REPLACE INTO work_field (contact_id, field, keys, shown, first_seen, changed_at, previous, "
            "validated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                contact_id,
                which,
                pack(sorted(keys)),
                pack(values),
                iso(now),
                edited_at,
                pack(previous),
                iso(now) if changed else None,
            ),
        )

    def _after_question(self, contact_id: int, now: datetime) -> datetime:
        """Now, but later than any question on the card: an edit is its answer, also where the clock was set back."""
        row = self._db.row("SELECT max(asked_at) FROM question WHERE contact_id = ? AND state = 'open'", (contact_id,))
        asked = maybe_moment(row[0]) if row else None
        return max(now, asked + timedelta(microseconds=1)) if asked else now

    def become(
        self,
        contact_id: int,
        contact: Contact,
        href: str,
        keys: Mapping[WorkField, frozenset[str]],
        now: datetime,
    ) -> None:
        """Of several objects with its UID the contact is this one: if it was another, what differs is no edit."""
        row = self._db.row("SELECT href FROM contact WHERE id = ?", (contact_id,))
        if row is None or row[0] == href:
            return
        with self._db.transaction():
            self._begin(contact_id, contact, href, keys, now)

    def href(self, contact_id: int) -> str:
        """The card by which it is known; '' if that is not known."""
        row = self._db.row("SELECT href FROM contact WHERE id = ?", (contact_id,))
        return row[0] if row else ""

    def edited_between(self, contact_id: int, since: datetime, until: datetime) -> frozenset[WorkField]:
        """The work fields that the user edited in that time."""
        rows = self._db.rows(
            "SELECT field FROM history WHERE contact_id = ? AND what = 'edited' AND at >= ? AND at <= ?",
            (contact_id, iso(since), iso(until)),
        )
        return frozenset(one_of(WorkField, row[0]) for row in rows)

    def validate(self, contact_id: int, fields: Iterable[WorkField], on: datetime, now: datetime, how: str) -> None:
        """Those of the fields that the card has are right on that day: age starts anew, and never goes back.

        The history names the day, unless it is today.
        """
        day, today = (f"{moment:%Y-%m-%d}" for moment in (on, now.astimezone(on.tzinfo)))
        with self._db.transaction():
            for which in fields:
                done = self._db.execute(
                    "UPDATE work_field SET validated_at = max(ifnull(validated_at, ''), ?) "
                    "WHERE contact_id = ? AND field = ? AND shown <> '[]'",
                    (iso(on), contact_id, which),
                )
                if done.rowcount:
                    self.record(contact_id, now, how, which, new="" if day == today else day)
            self._db.execute("UPDATE contact SET assessed_at = NULL WHERE id = ?", (contact_id,))

    def record(
        self, contact_id: int, now: datetime, what: str, field: str | None = None, old: str = "", new: str = ""
    ) -> None:
        """One line of the contact's history."""
        self._db.execute(
            "INSERT INTO history (contact_id, at, what, field, old, new) VALUES (?, ?, ?, ?, ?, ?)",
            (contact_id, iso(now), what, field, old, new),
        )

    def history(self, contact_id: int) -> list[dict[str, Any]]:
        """All of it, oldest first."""
        rows = self._db.rows(
            "SELECT at, what, field, old, new FROM history WHERE contact_id = ? ORDER BY id", (contact_id,)
        )
        return [dict(row) for row in rows]

    def memory(self, contact_id: int) -> Memory:
        """What the assessment needs; raises ``LookupError`` for a contact that is not there."""
        return self.memories([contact_id])(contact_id)

    def memories(self, contact_ids: Sequence[int]) -> Callable[[int], Memory]:
        """``memory`` of each of these: their rows are read at once, and each is made when it is asked for."""
        among = f"IN ({', '.join('?' * len(contact_ids))})"
        people = self._db.rows(
            f"SELECT id, first_seen, changed_at, unchanged_since, left_at FROM contact WHERE id {among}", contact_ids
        )
        fields = self._db.rows(
            f"SELECT * FROM work_field WHERE contact_id {among} ORDER BY contact_id, field", contact_ids
        )
        edits = self._db.rows(
            "SELECT contact_id, at, old, new, what FROM history "
            f"WHERE contact_id {among} AND what IN ('edited', 'restored') AND field = ? ORDER BY id",
            (*contact_ids, WorkField.ORGANISATION),
        )
        evidence = self._db.rows(f"SELECT * FROM evidence WHERE contact_id {among} ORDER BY id", contact_ids)
        rows = {person["id"]: person for person in people}
        by_contact = [_by_contact(found) for found in (fields, edits, evidence)]

        def memory(contact_id: int) -> Memory:
            row = rows.get(contact_id)
            if row is None:
                raise LookupError(contact_id)
            held, edited, seen = (found.get(contact_id, ()) for found in by_contact)
            return Memory(
                first_seen=moment(row["first_seen"]),
                changed_at=maybe_moment(row["changed_at"]),
                unchanged_since=maybe_moment(row["unchanged_since"]),
                left_at=maybe_moment(row["left_at"]),
                fields={one_of(WorkField, field["field"]): _field(field) for field in held},
                moves=_moves(edited),
                evidence=tuple(map(evidence_in, seen)),
            )

        return memory

    def edited_since(self, contact_id: int, since: datetime) -> frozenset[WorkField]:
        """The work fields that the user edited after ``since``."""
        rows = self._db.rows(
            "SELECT field FROM work_field WHERE contact_id = ? AND changed_at > ?", (contact_id, iso(since))
        )
        return frozenset(one_of(WorkField, row[0]) for row in rows)

    def ids(self, book_id: int) -> list[int]:
        """The contacts of a book that are or were VIPs."""
        return [row[0] for row in self._db.rows("SELECT id FROM contact WHERE book_id = ? ORDER BY id", (book_id,))]

    def named(self) -> list[Row]:
        """Every contact of the books that are there that is or was a VIP: id, name, account, book, groups, pause ..."""
        return self._db.rows(
            "SELECT t.*, b.account, b.display_name AS book, v.groups FROM contact t "
            "JOIN address_book b ON b.id = t.book_id AND b.present = 1 "
            "LEFT JOIN vip v ON v.book_id = t.book_id AND v.uid_key = t.uid_key "
            "ORDER BY t.name COLLATE NOCASE, b.account, t.id"
        )


def _by_contact(rows: Iterable[Row]) -> Mapping[int, Sequence[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["contact_id"], []).append(row)
    return found


def _moves(edits: Iterable[Row]) -> tuple[Move, ...]:
    """An organisation that was taken off the card and came back later is compared to the one before.

    A restore that brings back the one before takes the move back.
    """
    moves: list[Move] = []
    last = ""
    for _, at, old, new, what in edits:
        last = old or last
        if what == "restored":
            moves = moves[:-1] if moves and moves[-1].old == new else moves
        elif last and new and new != last:
            moves.append(Move(at=moment(at), old=last, new=new))
        last = new or last
    return tuple(moves)


def _field(row: Row) -> FieldMemory:
    return FieldMemory(
        values=tuple(unpack(row["shown"])),
        first_seen=moment(row["first_seen"]),
        changed_at=maybe_moment(row["changed_at"]),
        previous=tuple(unpack(row["previous"])) if row["previous"] != "[]" else (),
        validated_at=maybe_moment(row["validated_at"]),
    )
