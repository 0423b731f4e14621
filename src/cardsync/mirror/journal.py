"""Writes: intent -> PUT -> verified, and the versions that stood there before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cardsync.mirror.database import Database, iso
from cardsync.records import Intent


class Journal:
    """No write goes out that is not here first, with the bytes that it replaces."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(
        self,
        *,
        book_id: int,
        href: str,
        uid_key: str,
        contact_id: int | None,
        etag: str,
        before: bytes,
        after: bytes,
        opens: int | None,
        removes: int | None,
        why: str,
        now: datetime,
    ) -> Intent:
        """Store the intent and the card's version before it, durably."""
        with self._db.transaction():
            self.keep_version(book_id, href, uid_key, etag, before, why, now)
            row = self._db.row(
                "INSERT INTO journal (book_id, href, contact_id, etag, before, after, opens, removes, at, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'intent') RETURNING id",
                (book_id, href, contact_id, etag, before, after, opens, removes, iso(now)),
            )
        return Intent(
            id=int(row[0]) if row else 0,
            book_id=book_id,
            href=href,
            contact_id=contact_id,
            etag=etag,
            before=before,
            after=after,
            opens=opens,
            removes=removes,
        )

    def answered(self, intent_id: int, etag: str) -> None:
        """The PUT was answered: stored, under this ETag ('': it named none)."""
        self._db.execute("UPDATE journal SET put_etag = ? WHERE id = ?", (etag, intent_id))

    def found_damaged(self, intent_id: int, data: bytes) -> None:
        """The server made this of what was sent."""
        self._db.execute("UPDATE journal SET damaged = ? WHERE id = ?", (data, intent_id))

    def keep_version(
        self, book_id: int, href: str, uid_key: str, etag: str | None, data: bytes, why: str, now: datetime
    ) -> None:
        """Keep a card as it stood; once, where it was kept before an attempt that came to nothing."""
        self._db.execute(
            "DELETE FROM version WHERE data = ? AND id = (SELECT max(id) FROM version WHERE book_id = ? AND href = ?)",
            (data, book_id, href),
        )
        self._db.execute(
            "INSERT INTO version (book_id, href, uid_key, etag, data, at, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (book_id, href, uid_key, etag, data, iso(now), why),
        )

    def is_kept(self, book_id: int, href: str, last: Sequence[tuple[str, bytes]]) -> bool:
        """Whether these, (why, data), are the last versions of the card, oldest first."""
        rows = self._db.rows(
            "SELECT why, data FROM version WHERE book_id = ? AND href = ? ORDER BY id DESC LIMIT ?",
            (book_id, href, len(last)),
        )
        return [(row[0], row[1]) for row in reversed(rows)] == list(last)

    def close(self, intent_id: int, *, verified: bool, outcome: str, astray: bool = False) -> None:
        """The write is settled; its bytes live on as a version only, and what may have gone ``astray``."""
        sent = "after" if astray else "x''"
        self._db.execute(
            f"UPDATE journal SET state = ?, outcome = ?, before = x'', after = {sent}, damaged = NULL WHERE id = ?",
            ("verified" if verified else "abandoned", outcome, intent_id),
        )

    def astray(self, contact_id: int) -> list[bytes]:
        """What we sent to cards that were gone when we looked: it may stand on another card of the contact."""
        rows = self._db.rows(
            "SELECT after FROM journal WHERE contact_id = ? AND state = 'abandoned' AND after <> x'' ORDER BY id",
            (contact_id,),
        )
        return [row[0] for row in rows]

    def left_open(self, account: str) -> bool:
        """Whether it is not known what came of an intended write or question."""
        row = self._db.row(
            "SELECT EXISTS (SELECT 1 FROM journal j JOIN address_book b ON b.id = j.book_id "
            "WHERE b.account = ? AND j.state = 'intent') "
            "OR EXISTS (SELECT 1 FROM question q JOIN contact t ON t.id = q.contact_id "
            "JOIN address_book b ON b.id = t.book_id WHERE b.account = ? AND q.state = 'intended')",
            (account, account),
        )
        return bool(row and row[0])

    def pending(self, account: str) -> list[Intent]:
        """Writes of which it is not known whether they happened."""
        rows = self._db.rows(
            "SELECT j.* FROM journal j JOIN address_book b ON b.id = j.book_id "
            "WHERE b.account = ? AND j.state = 'intent' ORDER BY j.id",
            (account,),
        )
        return [
            Intent(
                id=row["id"],
                book_id=row["book_id"],
                href=row["href"],
                contact_id=row["contact_id"],
                etag=row["etag"],
                before=row["before"],
                after=row["after"],
                opens=row["opens"],
                removes=row["removes"],
                put_etag=row["put_etag"],
                damaged=row["damaged"],
            )
            for row in rows
        ]

    def unsettled(self, book_id: int, href: str) -> bool:
        """Whether it is not known what became of the last write of this card."""
        return bool(
            self._db.row("SELECT 1 FROM journal WHERE book_id = ? AND href = ? AND state = 'intent'", (book_id, href))
        )

    def forget(self, *, versions: datetime, settled: datetime) -> None:
        """Drop the versions from before a moment, but for the newest of each card, and the settled writes likewise."""
        self._db.execute(
            "DELETE FROM version WHERE at < ? AND id NOT IN (SELECT max(id) FROM version GROUP BY book_id, href)",
            (iso(versions),),
        )
        self._db.execute("DELETE FROM journal WHERE state <> 'intent' AND at < ?", (iso(settled),))

    def damages(self, book_id: int, href: str) -> int:
        """How often the server made something else of this card."""
        row = self._db.row(
            "SELECT count(*) FROM version WHERE book_id = ? AND href = ? AND why = 'damaged'", (book_id, href)
        )
        return int(row[0]) if row else 0

    def versions(self, book_id: int, uid_key: str) -> list[dict[str, Any]]:
        """The kept versions of a card, newest first: at, why, href, etag, data."""
        rows = self._db.rows(
            "SELECT at, why, href, etag, data FROM version WHERE book_id = ? AND uid_key = ? ORDER BY id DESC",
            (book_id, uid_key),
        )
        return [dict(row) for row in rows]
