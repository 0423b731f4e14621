"""Address books and address objects."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from sqlite3 import Row

from cardsync.mirror.database import Database, iso, maybe_iso, maybe_moment, one_of, pack, unpack
from cardsync.records import Book, Known, Read, VipCard
from cardsync.resources import AddressBook, AddressObject, SyncMethod

# Of the objects with one UID the first is the one by which the contact t is known, as long as it is there.
_PLACE = "row_number() OVER (PARTITION BY o.uid_key ORDER BY o.href = ifnull(t.href, '') DESC, o.href) AS place"
_CARDS = (
    "SELECT n.*, c.data, v.groups FROM ("
    f"SELECT t.id AS contact_id, t.book_id, t.uid_key, t.name, o.id, o.href, o.etag, {_PLACE} "
    "FROM contact t CROSS JOIN address_object o ON o.book_id = t.book_id AND o.uid_key = t.uid_key "
    "AND o.is_group = 0 WHERE t.book_id = ? {narrowed}) n "
    "CROSS JOIN card c ON c.object_id = n.id "
    "LEFT JOIN vip v ON v.book_id = n.book_id AND v.uid_key = n.uid_key"
)


class Books:
    """What the servers hold, as far as we keep it."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ------------------------------------------------------------ books

    def of(self, account: str) -> list[Book]:
        """The account's books that discovery still shows."""
        rows = self._db.rows("SELECT * FROM address_book WHERE account = ? AND present = 1 ORDER BY id", (account,))
        return [_book(row) for row in rows]

    def book(self, book_id: int) -> Book:
        """One book."""
        row = self._db.row("SELECT * FROM address_book WHERE id = ?", (book_id,))
        if row is None:
            raise LookupError(book_id)
        return _book(row)

    def set_exported(self, book_id: int, now: datetime) -> None:
        """The whole book lies in a backup."""
        self._db.execute("UPDATE address_book SET exported_at = ? WHERE id = ?", (iso(now), book_id))

    def list_again(self, book_id: int) -> None:
        """Compare all ETags at the next cycle."""
        self._db.execute("UPDATE address_book SET listed_at = NULL WHERE id = ?", (book_id,))

    def saw_bytes(self, book_id: int, *, exact: bool) -> None:
        """Whether a verified write came back as sent; once it did not, the book never counts as exact again."""
        self._db.execute(
            "UPDATE address_book SET exact = CASE WHEN exact = 0 THEN 0 ELSE ? END WHERE id = ?", (exact, book_id)
        )

    # ------------------------------------------------------------ objects

    def known(self, book_id: int) -> dict[str, Known]:
        """All that is mirrored of a book, by href."""
        rows = self._db.rows("SELECT href, etag, uid_key FROM address_object WHERE book_id = ?", (book_id,))
        return {row["href"]: Known(href=row["href"], etag=row["etag"], uid_key=row["uid_key"]) for row in rows}

    def count(self, book_id: int) -> int:
        """How many objects are mirrored."""
        row = self._db.row("SELECT count(*) FROM address_object WHERE book_id = ?", (book_id,))
        return int(row[0]) if row else 0

    def store(self, book_id: int, objects: Sequence[Read]) -> None:
        """Objects as served; bytes only of those that we work with, unseen until the history has them."""
        self._db.many(
            "INSERT INTO address_object (book_id, href, etag, uid_key, is_group, categories) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (book_id, href) DO UPDATE SET etag = excluded.etag, uid_key = excluded.uid_key, "
            "is_group = excluded.is_group, categories = excluded.categories",
            [(book_id, one.href, one.etag, one.uid_key, one.is_group, pack(one.categories)) for one in objects],
        )
        held = self._hrefs_with_data(book_id)
        for one in objects:
            if one.data is not None:
                self.store_data(book_id, one.href, one.data, seen=False)
            elif one.href in held:
                self._drop_data(book_id, one.href)

    def _hrefs_with_data(self, book_id: int) -> frozenset[str]:
        rows = self._db.rows(
            "SELECT o.href FROM card c JOIN address_object o ON o.id = c.object_id WHERE o.book_id = ?", (book_id,)
        )
        return frozenset(row[0] for row in rows)

    def store_data(self, book_id: int, href: str, data: bytes, *, seen: bool) -> None:
        """Keep the bytes; ``seen``: the history knows what changed in them, or nothing did.

        Other bytes are still to be looked through for a block of ours.
        """
        self._db.execute(
            "INSERT INTO card (object_id, data, seen) "
            "SELECT id, ?, ? FROM address_object WHERE book_id = ? AND href = ? "
            "ON CONFLICT (object_id) DO UPDATE SET data = excluded.data, seen = excluded.seen, "
            "searched = searched AND data = excluded.data",
            (data, seen, book_id, href),
        )

    def set_searched(self, book_id: int, href: str) -> None:
        """No block of ours is in the bytes, as long as they stay the same."""
        self._db.execute(
            "UPDATE card SET searched = 1 "
            "WHERE object_id = (SELECT id FROM address_object WHERE book_id = ? AND href = ?)",
            (book_id, href),
        )

    def _drop_data(self, book_id: int, href: str) -> None:
        self._db.execute(
            "DELETE FROM card WHERE object_id = (SELECT id FROM address_object WHERE book_id = ? AND href = ?)",
            (book_id, href),
        )

    def set_etag(self, book_id: int, href: str, etag: str | None) -> None:
        """The same bytes under another ETag."""
        self._db.execute("UPDATE address_object SET etag = ? WHERE book_id = ? AND href = ?", (etag, book_id, href))

    def remove(self, book_id: int, hrefs: Iterable[str]) -> None:
        """Objects that the server no longer has; contacts and their history stay."""
        self._db.many("DELETE FROM address_object WHERE book_id = ? AND href = ?", [(book_id, href) for href in hrefs])

    def commit_marker(self, book_id: int, marker: str | None, *, listed_at: datetime | None) -> None:
        """What the book's state is now called; inside the transaction that stores the last of its data."""
        self._db.execute(
            "UPDATE address_book SET marker = ?, listed_at = ifnull(?, listed_at) WHERE id = ?",
            (marker, maybe_iso(listed_at), book_id),
        )

    # ------------------------------------------------------------ VIPs

    def group_data(self, book_id: int) -> list[bytes]:
        """The bytes of all group cards."""
        rows = self._db.rows(
            "SELECT c.data FROM address_object o JOIN card c ON c.object_id = o.id "
            "WHERE o.book_id = ? AND o.is_group = 1 ORDER BY o.href",
            (book_id,),
        )
        return [row[0] for row in rows]

    def categories(self, book_id: int) -> list[tuple[str, tuple[str, ...]]]:
        """(uid key, categories) of every card that has any."""
        rows = self._db.rows(
            "SELECT uid_key, categories FROM address_object WHERE book_id = ? AND categories <> '[]'", (book_id,)
        )
        return [(row[0], tuple(unpack(row[1]))) for row in rows]

    def uid_keys(self, book_id: int) -> list[str]:
        """Every card that is no group, and has a UID: without one nothing could be remembered of it."""
        rows = self._db.rows(
            "SELECT uid_key FROM address_object WHERE book_id = ? AND is_group = 0 AND uid_key <> ''", (book_id,)
        )
        return [row[0] for row in rows]

    def vips(self, book_id: int) -> dict[str, tuple[str, ...]]:
        """Uid key -> the groups that make it a VIP, as last resolved."""
        rows = self._db.rows("SELECT uid_key, groups FROM vip WHERE book_id = ?", (book_id,))
        return {row[0]: tuple(unpack(row[1])) for row in rows}

    def store_vips(self, book_id: int, vips: Mapping[str, Sequence[str]]) -> None:
        """Who is a VIP now."""
        with self._db.transaction():
            self._db.execute("DELETE FROM vip WHERE book_id = ?", (book_id,))
            self._db.many(
                "INSERT INTO vip (book_id, uid_key, groups) VALUES (?, ?, ?)",
                [(book_id, key, pack(list(groups))) for key, groups in vips.items()],
            )

    def vip_hrefs_without_data(self, book_id: int) -> list[str]:
        """VIPs whose bytes are still to be fetched."""
        rows = self._db.rows(
            "SELECT o.href FROM vip v JOIN address_object o ON o.book_id = v.book_id AND o.uid_key = v.uid_key "
            "AND o.is_group = 0 LEFT JOIN card c ON c.object_id = o.id "
            "WHERE v.book_id = ? AND c.object_id IS NULL ORDER BY o.href",
            (book_id,),
        )
        return [row[0] for row in rows]

    def kept(self, book_id: int) -> frozenset[str]:
        """The UIDs whose bytes we keep, groups apart: VIPs, and contacts whose card carries a block of ours."""
        rows = self._db.rows(
            "SELECT uid_key FROM vip WHERE book_id = ? UNION SELECT t.uid_key FROM contact t "
            "JOIN question q ON q.contact_id = t.id WHERE t.book_id = ? AND q.standing = 1",
            (book_id, book_id),
        )
        return frozenset(row[0] for row in rows)

    def drop_unneeded_data(self, book_id: int) -> None:
        """Drop the bytes of all others."""
        kept = self.kept(book_id)
        rows = self._db.rows(
            "SELECT o.id, o.uid_key FROM address_object o JOIN card c ON c.object_id = o.id "
            "WHERE o.book_id = ? AND o.is_group = 0",
            (book_id,),
        )
        self._db.many("DELETE FROM card WHERE object_id = ?", [(row[0],) for row in rows if row[1] not in kept])

    def cards(self, book_id: int, *, contact_id: int | None = None, twins: bool = False) -> list[VipCard]:
        """The mirrored cards of all contacts whose bytes we keep, VIPs or not any more.

        One per contact, its own; with ``twins`` also the others that have its UID, its own first.
        """
        narrowed = "" if contact_id is None else "AND t.id = ?"
        own = "" if twins else "WHERE n.place = 1"
        rows = self._db.rows(
            f"{_CARDS.format(narrowed=narrowed)} {own} ORDER BY n.contact_id, n.place",
            (book_id,) if contact_id is None else (book_id, contact_id),
        )
        return [_card(row) for row in rows]

    def cards_of(self, book_id: int, contact_ids: Sequence[int]) -> Iterator[VipCard]:
        """The own cards of these contacts, read one at a time: they may be large."""
        for contact_id in contact_ids:
            yield from self.cards(book_id, contact_id=contact_id)

    def unseen(self, book_id: int) -> list[tuple[str, AddressObject]]:
        """(uid key, object) of the VIPs whose bytes the history does not know; of two cards with one UID its own."""
        rows = self._db.rows(
            f"SELECT n.*, c.data FROM (SELECT o.id, o.uid_key, o.href, o.etag, {_PLACE} "
            "FROM vip v CROSS JOIN address_object o ON o.book_id = v.book_id AND o.uid_key = v.uid_key "
            "AND o.is_group = 0 LEFT JOIN contact t ON t.book_id = v.book_id AND t.uid_key = v.uid_key "
            "WHERE v.book_id = ?) n CROSS JOIN card c ON c.object_id = n.id "
            "WHERE n.place = 1 AND c.seen = 0 ORDER BY n.href",
            (book_id,),
        )
        return [(row["uid_key"], AddressObject(href=row["href"], etag=row["etag"], data=row["data"])) for row in rows]

    def unsearched(self, book_id: int) -> list[int]:
        """The contacts of the VIPs on whose card a block may be that no question stands for."""
        rows = self._db.rows(
            f"SELECT n.contact_id FROM (SELECT t.id AS contact_id, o.id, {_PLACE} "
            "FROM vip v CROSS JOIN address_object o ON o.book_id = v.book_id AND o.uid_key = v.uid_key "
            "AND o.is_group = 0 JOIN contact t ON t.book_id = v.book_id AND t.uid_key = v.uid_key "
            "WHERE v.book_id = ?) n CROSS JOIN card c ON c.object_id = n.id "
            "WHERE n.place = 1 AND c.searched = 0 ORDER BY n.contact_id",
            (book_id,),
        )
        return [row[0] for row in rows]

    def data(self, book_id: int, href: str) -> bytes | None:
        """The mirrored bytes of one object."""
        row = self._db.row(
            "SELECT c.data FROM address_object o JOIN card c ON c.object_id = o.id WHERE o.book_id = ? AND o.href = ?",
            (book_id, href),
        )
        return row[0] if row else None

    def name_at(self, book_id: int, href: str) -> str | None:
        """The name of the contact whose card is there."""
        row = self._db.row(
            "SELECT t.name FROM address_object o JOIN contact t ON t.book_id = o.book_id AND t.uid_key = o.uid_key "
            "WHERE o.book_id = ? AND o.href = ? AND o.is_group = 0",
            (book_id, href),
        )
        return row[0] if row else None

    def objects_named(self, book_id: int, uid_key: str) -> list[str]:
        """The hrefs under which a UID is known."""
        rows = self._db.rows(
            "SELECT href FROM address_object WHERE book_id = ? AND uid_key = ? ORDER BY href", (book_id, uid_key)
        )
        return [row[0] for row in rows]


def _book(row: Row) -> Book:
    return Book(
        id=row["id"],
        found=AddressBook(
            account=row["account"],
            href=row["href"],
            display_name=row["display_name"],
            method=one_of(SyncMethod, row["method"]),
            writable=bool(row["writable"]),
            read_only_reason=row["read_only_reason"],
            max_resource_size=row["max_resource_size"],
            may_convert=bool(row["may_convert"]),
        ),
        marker=row["marker"],
        listed_at=maybe_moment(row["listed_at"]),
        exported_at=maybe_moment(row["exported_at"]),
        exact=None if row["exact"] is None else bool(row["exact"]),
    )


def _card(row: Row) -> VipCard:
    return VipCard(
        contact_id=row["contact_id"],
        book_id=row["book_id"],
        uid_key=row["uid_key"],
        name=row["name"],
        href=row["href"],
        etag=row["etag"],
        data=row["data"],
        groups=tuple(unpack(row["groups"])) if row["groups"] else (),
    )
