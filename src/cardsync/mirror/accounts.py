"""Accounts: what discovery found, and when a server is left alone."""

from collections.abc import Collection, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from cardsync.mirror.database import Database, iso, maybe_iso, maybe_moment
from cardsync.records import ELSEWHERE
from cardsync.resources import AddressBook


class Accounts:
    """One row for each account of the config, and the address books that it was found to have."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def discovered_at(self, account: str) -> datetime | None:
        """When discovery last succeeded."""
        row = self._db.row("SELECT discovered_at FROM account WHERE name = ?", (account,))
        return maybe_moment(row[0]) if row else None

    def only(self, accounts: Collection[str]) -> None:
        """The books of all others are left behind; one that comes back is discovered anew."""
        marks = ", ".join("?" * len(accounts))
        with self._db.transaction():
            self._db.execute(f"UPDATE address_book SET present = 0 WHERE account NOT IN ({marks})", tuple(accounts))
            self._db.execute(f"UPDATE account SET discovered_at = NULL WHERE name NOT IN ({marks})", tuple(accounts))

    def forget_discovery(self, account: str) -> None:
        """Discover again at the next cycle."""
        self._db.execute("UPDATE account SET discovered_at = NULL WHERE name = ?", (account,))

    def store_discovery(self, account: str, books: Sequence[AddressBook], now: datetime) -> None:
        """The account's books as just found; one that is gone keeps its history and is left alone."""
        with self._db.transaction():
            self._touch(account)
            self._db.execute("UPDATE account SET discovered_at = ? WHERE name = ?", (iso(now), account))
            self._db.execute("UPDATE address_book SET present = 0 WHERE account = ?", (account,))
            self._follow(account, {book.href for book in books})
            for book in books:
                self._store_book(book)

    def _follow(self, account: str, found: set[str]) -> None:
        """A book at the same path of another origin is the same book (a host renamed, http made https, iCloud's pNN).

        What is remembered of its contacts stays; of the server itself nothing is taken for granted.
        """
        known = {row[0] for row in self._db.rows("SELECT href FROM address_book WHERE account = ?", (account,))}
        new = {urlsplit(href).path: href for href in found - known}
        for old in sorted(known - found):
            href = new.pop(urlsplit(old).path, None)
            if href is None:
                continue
            row = self._db.row(
                "UPDATE address_book SET href = ?, marker = NULL, listed_at = NULL, exported_at = NULL, exact = NULL "
                "WHERE account = ? AND href = ? RETURNING id",
                (href, account, old),
            )
            self._db.execute(
                "UPDATE address_object SET etag = ? || etag WHERE book_id = ? AND etag NOT LIKE ? || '%'",
                (ELSEWHERE, row[0] if row else 0, ELSEWHERE),
            )

    def _touch(self, account: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO account (name) VALUES (?)", (account,))

    def _store_book(self, book: AddressBook) -> None:
        self._db.execute(
            "INSERT INTO address_book (account, href, display_name, method, writable, read_only_reason, "
            "max_resource_size, may_convert) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (account, href) DO UPDATE SET display_name = excluded.display_name, "
            "marker = CASE WHEN method = excluded.method THEN marker END, method = excluded.method, "
            "writable = excluded.writable, read_only_reason = excluded.read_only_reason, "
            "max_resource_size = excluded.max_resource_size, may_convert = excluded.may_convert, present = 1",
            (
                book.account,
                book.href,
                book.display_name,
                book.method,
                book.writable,
                book.read_only_reason,
                book.max_resource_size,
                book.may_convert,
            ),
        )

    def refused_key(self, account: str) -> str | None:
        """What the login was refused for, or None."""
        row = self._db.row("SELECT refused_key FROM account WHERE name = ?", (account,))
        return row[0] if row else None

    def refuse(self, account: str, key: str | None) -> None:
        """Remember a refused login (None: forget it)."""
        self._touch(account)
        self._db.execute("UPDATE account SET refused_key = ? WHERE name = ?", (key, account))

    def pause(self, account: str) -> tuple[datetime | None, int]:
        """(not before, failures in a row)."""
        row = self._db.row("SELECT not_before, failures FROM account WHERE name = ?", (account,))
        return (maybe_moment(row[0]), row[1]) if row else (None, 0)

    def synced_at(self, account: str) -> datetime | None:
        """When a cycle last ended well."""
        row = self._db.row("SELECT synced_at FROM account WHERE name = ?", (account,))
        return maybe_moment(row[0]) if row else None

    def synced(self, account: str, now: datetime) -> None:
        """A cycle ended well: the server is there."""
        self.hold_off(account, None, 0)
        self._db.execute("UPDATE account SET synced_at = ? WHERE name = ?", (iso(now), account))

    def hold_off(self, account: str, until: datetime | None, failures: int) -> None:
        """Leave the account alone until then."""
        self._touch(account)
        self._db.execute(
            "UPDATE account SET not_before = ?, failures = ? WHERE name = ?", (maybe_iso(until), failures, account)
        )
