"""The SQLite file: opened with WAL and mode 0600, migrated by numbered scripts, backed up first."""

import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from cardsync.errors import StateProblem
from cardsync.mirror import parts
from cardsync.mirror.sentences import ERRNO, newer, sentence

Word = TypeVar("Word", bound=StrEnum)

_PRIVATE = 0o600
_PRIVATE_DIR = 0o700
_BUSY_SECONDS = 10.0
_WORTH_IT, _MUCH = 16 << 20, 0.25  # bytes, and share of the file, that are free


class Database:
    """One connection; ``transaction`` is atomic, and never held over an ``await``."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None = None) -> None:
        self._connection = connection
        self.path = path
        """None: in memory."""

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open or create; raises ``StateProblem`` with what to do."""
        private_directory(path.parent)
        with _explaining(path):
            path.touch(mode=_PRIVATE, exist_ok=True)
            path.chmod(_PRIVATE)
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                _prepare(connection)
                _migrate(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    @classmethod
    def empty(cls) -> "Database":
        """A new one in memory: what a look at a state directory sees where nothing is yet."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        _prepare(connection)
        _migrate(connection, Path(":memory:"))
        return cls(connection)

    def copy(self) -> "Database":
        """An independent copy in memory: what a dry run works on."""
        twin = sqlite3.connect(":memory:", isolation_level=None)
        with _explaining(self.path):
            self._connection.backup(twin)
        _prepare(twin)
        return Database(twin)

    def check(self) -> None:
        """Read all of it; raises ``StateProblem`` where it is damaged."""
        if self.rows("PRAGMA quick_check(1)")[0][0] != "ok":
            raise StateProblem(sentence("SQLITE_CORRUPT", self.path, None))

    def backup(self, target: Path) -> None:
        """A consistent copy of the live file; raises ``StateProblem``."""
        with _explaining(target):
            _backup(self._connection, target)

    def compact(self) -> bool:
        """Give back what was deleted, where that is much; True if it was.  A disk that is too full for it stays so."""
        pages, free, size = (
            self.rows(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
        )
        if free * size < _WORTH_IT or free < pages * _MUCH:
            return False
        with _explaining(self.path):
            try:
                self._connection.execute("VACUUM")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname not in {"SQLITE_FULL", "SQLITE_BUSY"}:
                    raise
                return False
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # it went all through there
        return True

    def close(self) -> None:
        """Close; the write-ahead log is folded in by SQLite."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside, or nothing.  Nested use joins the outer transaction."""
        if self._connection.in_transaction:
            yield
            return
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            with _explaining(self.path):
                self._connection.commit()
        except BaseException:
            self._connection.rollback()
            raise

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; a database error is a ``StateProblem``."""
        with _explaining(self.path):
            return self._connection.execute(sql, parameters)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with _explaining(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        with _explaining(self.path):
            found: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return found

    def many(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each set of parameters."""
        with _explaining(self.path):
            self._connection.executemany(sql, parameters)


# ---------------------------------------------------------------- values


def iso(moment: datetime) -> str:
    """As stored: UTC, always with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def maybe_iso(moment: datetime | None) -> str | None:
    """``iso``, or None."""
    return iso(moment) if moment else None


def moment(text: str) -> datetime:
    """The inverse of ``iso``; what is none was never stored by us: ``StateProblem``."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise StateProblem(sentence("SQLITE_CORRUPT", None, error)) from error


def maybe_moment(text: str | None) -> datetime | None:
    """``moment``, or None."""
    return moment(text) if text else None


def pack(values: object) -> str:
    """JSON without blanks."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def unpack(text: str) -> Any:
    """The inverse of ``pack``; what is none was never stored by us: ``StateProblem``."""
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise StateProblem(sentence("SQLITE_CORRUPT", None, error)) from error


def one_of(kind: type[Word], text: str) -> Word:
    """The word of a kind; what is none was never stored by us: ``StateProblem``."""
    try:
        return kind(text)
    except ValueError as error:
        raise StateProblem(sentence("SQLITE_CORRUPT", None, error)) from error


# ---------------------------------------------------------------- opening


def is_there(path: Path) -> bool:
    """Whether there is such a file; raises ``StateProblem`` where this user may not know."""
    with _explaining(path):
        return path.exists()


def private_directory(path: Path) -> None:
    """Make the directory with mode 0700, or tighten it where it is ours."""
    with _explaining(path):
        path.mkdir(mode=_PRIVATE_DIR, parents=True, exist_ok=True)
        if path.stat().st_mode & stat.S_ISVTX:  # as /tmp: closing it would lock others out
            raise StateProblem(f"{path} is for everybody's files. Set state_dir to a directory of its own.")
        if path.stat().st_uid == os.getuid() and path.stat().st_mode & 0o077:
            path.chmod(_PRIVATE_DIR)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _use_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for this lock by itself: two processes may make the file at the same moment."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _scripts() -> list[tuple[int, str]]:
    folder = Path(__file__).with_name("migrations")
    return [(int(script.name[:4]), script.read_text("utf-8")) for script in sorted(folder.glob("*.sql"))]


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    have: int = connection.execute("PRAGMA user_version").fetchone()[0]
    scripts = _scripts()
    newest = scripts[-1][0]
    if have > newest:
        raise StateProblem(newer(path, have, newest, _before_schema(path, newest + 1)))
    if have and have < newest:
        # named after what it holds: a second try after a kill midway must not replace it by a later state
        _backup(connection, _before_schema(path, have + 1))
    if have < newest:
        _run(connection, newest, "\n".join(script for number, script in scripts if number > have))


def _before_schema(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-before-schema-{number}{path.suffix}")


def _run(connection: sqlite3.Connection, newest: int, scripts: str) -> None:
    """All scripts or none; another process that opens the file may have been quicker.

    The books are exported anew before the first write of the version that brought them.
    """
    undo = "UPDATE address_book SET exported_at = NULL;"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {scripts}\n{undo} PRAGMA user_version = {newest}; COMMIT;")
    except sqlite3.Error:
        connection.rollback()
        if connection.execute("PRAGMA user_version").fetchone()[0] < newest:
            raise


def _backup(connection: sqlite3.Connection, target: Path) -> None:
    """Under its name only when it is whole."""
    from secrets import token_hex

    parts.sweep(target.parent)
    part = target.with_name(f"{target.stem}-{token_hex(4)}{parts.SUFFIX}")
    descriptor = parts.begin(part)
    try:
        with closing(sqlite3.connect(part)) as twin:
            connection.backup(twin)
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    parts.sync_directory(target.parent)


@contextmanager
def _explaining(path: Path | None = None) -> Iterator[None]:
    """Turn what the system or SQLite says into a ``StateProblem`` with what to do; mistakes of ours stay."""
    try:
        yield
    except OSError as error:
        raise StateProblem(sentence(ERRNO.get(error.errno or 0, ""), path, error)) from error
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.Error as error:
        raise StateProblem(sentence(getattr(error, "sqlite_errorname", ""), path, error)) from error
