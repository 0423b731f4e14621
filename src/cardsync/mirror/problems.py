"""What keeps a card, a book or an account from going on, and the queue of the owner's commands."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from sqlite3 import Row
from typing import Any

from cardsync.logs import get_logger
from cardsync.mirror.database import Database, iso, moment, one_of, pack, unpack
from cardsync.records import Book, Problem, ProblemKind

log = get_logger("cardsync.problems")
VANISHED = "vanished"
"""The reason of a card that went during a write of ours: told until a release, though the server has it no more."""
DAMAGED_AGAIN = "damaged-again"
"""The reason of a card that a release does not release."""
RESTLESS = "restless-etag"
"""The reason of a card that stays parked until a release: its ETag tells no versions apart."""
CONVERTED = "converted"
"""The reason of a card of which the server did not prove the form that it stores: asked again after a day."""


class Problems:
    """Each problem once, since when it lasts."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def report(self, problem: Problem) -> bool:
        """Remember; True when it is new (the date of an old one stays)."""
        place = (problem.kind, problem.account, problem.book_id or 0, problem.href)
        row = self._db.row(
            "SELECT id FROM problem WHERE kind = ? AND account = ? AND ifnull(book_id, 0) = ? AND href = ?", place
        )
        if row is not None:
            self._db.execute(
                "UPDATE problem SET reason = ?, detail = ?, etag = ? WHERE id = ?",
                (problem.reason, problem.detail, problem.etag, row[0]),
            )
            return False
        self._db.execute(
            "INSERT INTO problem (kind, account, book_id, href, etag, reason, detail, since) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                problem.kind,
                problem.account,
                problem.book_id,
                problem.href,
                problem.etag,
                problem.reason,
                problem.detail,
                iso(problem.since),
            ),
        )
        return True

    def tell(
        self,
        kind: ProblemKind,
        book: Book,
        reason: str,
        detail: str,
        now: datetime,
        *,
        href: str = "",
        etag: str | None = None,
    ) -> None:
        """Remember what is wrong with a book or a card of it; what is new is logged."""
        account = book.found.account
        problem = Problem(
            kind=kind, account=account, reason=reason, detail=detail, since=now, book_id=book.id, href=href, etag=etag
        )
        if self.report(problem):
            log.warning("problem", kind=kind.value, account=account, book=book.id, reason=reason)

    def solved(self, kind: ProblemKind, account: str, *, book_id: int | None = None, href: str = "") -> None:
        """It is over."""
        self._db.execute(
            "DELETE FROM problem WHERE kind = ? AND account = ? AND ifnull(book_id, 0) = ? AND href = ?",
            (kind, account, book_id or 0, href),
        )

    def gone(self, book_id: int, hrefs: Iterable[str]) -> None:
        """Whatever was wrong with these cards, but for those that went in a write: the server no longer has them."""
        self._db.many(
            "DELETE FROM problem WHERE book_id = ? AND href = ? AND href <> '' AND reason <> ?",
            [(book_id, href, VANISHED) for href in hrefs],
        )

    def forget(self, account: str, reason: str) -> None:
        """Those of the account that have this reason: they are found anew, if they last."""
        self._db.execute("DELETE FROM problem WHERE account = ? AND reason = ?", (account, reason))

    def all(self, account: str | None = None) -> list[Problem]:
        """Oldest first."""
        rows = self._db.rows("SELECT * FROM problem WHERE account = ifnull(?, account) ORDER BY id", (account,))
        return [_problem(row) for row in rows]

    def of_book(self, book_id: int, kind: ProblemKind) -> dict[str, Problem]:
        """By href ('' is the book itself)."""
        rows = self._db.rows("SELECT * FROM problem WHERE book_id = ? AND kind = ?", (book_id, kind))
        return {row["href"]: _problem(row) for row in rows}

    def shown(self) -> list[tuple[str, ...]]:
        """What the owner sees of each when a release is asked for; another as soon as anything of it is."""
        return [_shown(row) for row in self._db.rows("SELECT * FROM problem ORDER BY id")]

    def release(self, shown: Collection[tuple[str, ...]] | None = None) -> list[Problem]:
        """Forget those that were ``shown`` (None: all), guards too; what still holds comes back at the next cycle.

        Returns what was there.  What came since was not seen by anybody, and stays.
        A card that the server damaged more than once stays parked until it changes: each try exposes it again.  A
        stray question is no guard: it is told of until it is gone.
        """
        with self._db.transaction():
            rows = self._db.rows("SELECT * FROM problem WHERE kind <> ? ORDER BY id", (ProblemKind.STRAY,))
            rows = [row for row in rows if shown is None or _shown(row) in shown]
            gone = [(row["id"],) for row in rows if row["reason"] != DAMAGED_AGAIN]
            self._db.many("DELETE FROM problem WHERE id = ?", gone)
        return [_problem(row) for row in rows]


def _shown(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("id", "since", "reason", "detail"))


class Commands:
    """What the command line asks of the process that holds the database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def queue(self, verb: str, arguments: Mapping[str, Any], now: datetime) -> int:
        """Add one; returns its id."""
        row = self._db.row(
            "INSERT INTO command (verb, arguments, at) VALUES (?, ?, ?) RETURNING id",
            (verb, pack(dict(arguments)), iso(now)),
        )
        return int(row[0]) if row else 0

    def waiting(self) -> list[tuple[int, str, dict[str, Any]]]:
        """(id, verb, arguments), in order."""
        rows = self._db.rows("SELECT id, verb, arguments FROM command WHERE done_at IS NULL ORDER BY id")
        return [(row[0], row[1], unpack(row[2])) for row in rows]

    def done(self, command_id: int, now: datetime) -> None:
        """Carried out."""
        self._db.execute("UPDATE command SET done_at = ? WHERE id = ?", (iso(now), command_id))

    def failed(self, command_id: int, error: str, now: datetime) -> None:
        """It cannot be carried out, and is not tried again; ``error`` is kept with its arguments."""
        self._db.execute(
            "UPDATE command SET done_at = ?, arguments = json_set(arguments, '$.failed', ?) WHERE id = ?",
            (iso(now), error, command_id),
        )

    def has_failed(self, command_id: int) -> bool:
        """Whether it was tried and could not be carried out."""
        row = self._db.row("SELECT json_extract(arguments, '$.failed') FROM command WHERE id = ?", (command_id,))
        return row is not None and row[0] is not None

    def forget(self, before: datetime) -> None:
        """Drop those that were carried out before then."""
        self._db.execute("DELETE FROM command WHERE done_at < ?", (iso(before),))


def of_book(book_id: int) -> str:
    """How the names of an address book's facts begin."""
    return f"book {book_id} "


_BEGUN, _FAILING = "cycle begun", "failing since "


class Cycles:
    """The last cycles' reports, and small facts by name."""

    KEPT = 500

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(self, now: datetime, pid: int) -> None:
        """A cycle begins, in that process."""
        self.set_fact(_BEGUN, f"{iso(now)} {pid}")

    def over(self) -> None:
        """It ended, in whatever way."""
        self.set_fact(_BEGUN, "")

    def begun(self) -> tuple[datetime, int] | None:
        """When the one that did not end yet began, and in which process, which may be gone."""
        at, _, pid = (self.fact(_BEGUN) or "").partition(" ")
        return (moment(at), int(pid)) if at and pid.isdecimal() else None

    def record(self, started: datetime, finished: datetime, report: Mapping[str, Any]) -> None:
        """Keep a report, and only the newest few hundred."""
        with self._db.transaction():
            row = self._db.row(
                "INSERT INTO cycle (started_at, finished_at, report) VALUES (?, ?, ?) RETURNING id",
                (iso(started), iso(finished), pack(dict(report))),
            )
            if row:
                self._db.execute("DELETE FROM cycle WHERE id <= ?", (int(row[0]) - self.KEPT,))

    def last(self) -> dict[str, Any] | None:
        """started_at, finished_at, report of the newest cycle."""
        row = self._db.row("SELECT * FROM cycle ORDER BY id DESC LIMIT 1")
        if row is None:
            return None
        return {
            "started_at": moment(row["started_at"]),
            "finished_at": moment(row["finished_at"]),
            "report": unpack(row["report"]),
        }

    def began(self) -> list[datetime]:
        """When each of those that are kept began."""
        return [moment(row[0]) for row in self._db.rows("SELECT started_at FROM cycle ORDER BY id")]

    def failing(self, account: str, since: datetime | None) -> None:
        """Cycles of the account fail, since then at the latest; None: no more."""
        if since is None or not self.fact(f"{_FAILING}{account}"):
            self.set_fact(f"{_FAILING}{account}", iso(since) if since else "")

    def failing_since(self, account: str) -> datetime | None:
        """Since when no cycle of the account ended well."""
        known = self.fact(f"{_FAILING}{account}")
        return moment(known) if known else None

    def salt(self) -> bytes:
        """Of this database, for digests of secrets."""
        known = self.fact("salt")
        if not known:
            from secrets import token_hex

            known = token_hex(16)
            self.set_fact("salt", known)
        return bytes.fromhex(known)

    def fact(self, name: str) -> str | None:
        """A small fact."""
        row = self._db.row("SELECT value FROM meta WHERE name = ?", (name,))
        return row[0] if row else None

    def book_fact(self, book_id: int, name: str) -> str | None:
        """A small fact of an address book, which goes with it."""
        return self.fact(f"{of_book(book_id)}{name}")

    def set_book_fact(self, book_id: int, name: str, value: str) -> None:
        """Store one."""
        self.set_fact(f"{of_book(book_id)}{name}", value)

    def set_fact(self, name: str, value: str) -> None:
        """Store a small fact."""
        self._db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def _problem(row: Row) -> Problem:
    return Problem(
        kind=one_of(ProblemKind, row["kind"]),
        account=row["account"],
        reason=row["reason"],
        detail=row["detail"],
        since=moment(row["since"]),
        book_id=row["book_id"],
        href=row["href"],
        etag=row["etag"],
    )
