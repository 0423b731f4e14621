"""The file: private, whole or not at all, and a sentence for each way in which it cannot be used."""

import errno
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cardsync.errors import StateProblem
from cardsync.mirror import Mirror
from cardsync.mirror import database as module
from cardsync.mirror.database import Database


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture
def next_schema(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Pretend that the next version of the program has one more script."""

    def add(script: str) -> int:
        known = module._scripts()
        number = known[-1][0] + 1
        monkeypatch.setattr(module, "_scripts", lambda: [*known, (number, script)])
        return number

    return add


def test_file_and_folder_are_private_whatever_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    path = folder / "cardsync.db"
    path.touch(mode=0o644)
    mirror = Mirror.open(path)
    mirror.cycles.set_fact("a", "b")
    assert mode(folder) == 0o700
    assert {mode(found) for found in folder.iterdir()} == {0o600}
    assert {found.name for found in folder.iterdir()} > {"cardsync.db-wal"}
    mirror.database.backup(folder / "copy.db")
    assert mode(folder / "copy.db") == 0o600
    mirror.close()


def test_a_reopened_file_holds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.db"
    first = Mirror.open(path)
    first.cycles.set_fact("a", "b")
    first.close()
    second = Mirror.open(path)
    assert second.cycles.fact("a") == "b"
    second.close()
    assert not list(tmp_path.glob("*before*"))


def test_a_migration_is_preceded_by_a_private_backup(tmp_path: Path, next_schema: Callable[[str], int]) -> None:
    path = tmp_path / "cardsync.db"
    old = Mirror.open(path)
    old.cycles.set_fact("a", "b")
    old.close()
    before = version(path)
    number = next_schema("CREATE TABLE novelty (id INTEGER PRIMARY KEY) STRICT;")
    new = Mirror.open(path)
    assert new.cycles.fact("a") == "b"
    assert new.database.rows("SELECT * FROM novelty") == []
    new.close()
    assert version(path) == number
    (backup,) = tmp_path.glob("*before-schema*")
    assert mode(backup) == 0o600
    assert version(backup) == before
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT value FROM meta WHERE name = 'a'").fetchone() == ("b",)


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, next_schema: Callable[[str], int]) -> None:
    path = tmp_path / "cardsync.db"
    Mirror.open(path).close()
    before = version(path)
    next_schema("CREATE TABLE novelty (id INTEGER PRIMARY KEY) STRICT; INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StateProblem):
        Mirror.open(path)
    assert version(path) == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'novelty'").fetchone() == (0,)


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.db"
    Mirror.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StateProblem, match="newer cardsync"):
        Mirror.open(path)
    assert version(path) == 99


@pytest.mark.parametrize("attempt", range(6))
def test_several_that_open_a_new_file_at_once_all_get_it(tmp_path: Path, attempt: int) -> None:
    path = tmp_path / f"cardsync-{attempt}.db"
    troubles: list[Exception] = []
    barrier = threading.Barrier(4)

    def enter() -> None:
        barrier.wait()
        try:
            Mirror.open(path).close()
        except StateProblem as error:
            troubles.append(error)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []


# ---------------------------------------------------------------- all or nothing


def test_a_transaction_that_ends_in_any_exception_leaves_nothing(tmp_path: Path) -> None:
    mirror = Mirror.open(tmp_path / "cardsync.db")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), mirror.transaction():
            mirror.cycles.set_fact("a", "b")
            with mirror.transaction():
                mirror.cycles.set_fact("c", "d")
            raise error
        assert (mirror.cycles.fact("a"), mirror.cycles.fact("c")) == (None, None)
    mirror.cycles.set_fact("a", "works on")
    mirror.close()


def test_a_copy_is_whole_and_stands_alone(tmp_path: Path) -> None:
    mirror = Mirror.open(tmp_path / "cardsync.db")
    mirror.cycles.set_fact("a", "b")
    twin = mirror.copy()
    twin.cycles.set_fact("a", "other")
    mirror.cycles.set_fact("c", "d")
    assert (mirror.cycles.fact("a"), twin.cycles.fact("a")) == ("b", "other")
    assert twin.cycles.fact("c") is None
    twin.close()
    mirror.close()


# ---------------------------------------------------------------- what is said


def test_a_locked_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.db"
    mirror = Mirror.open(path)
    mirror.database.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateProblem, match="locked by another program"):
            mirror.cycles.set_fact("a", "b")
        with pytest.raises(StateProblem, match="locked by another program"), mirror.transaction():
            pass
        other.execute("ROLLBACK")
    mirror.cycles.set_fact("a", "b")
    mirror.close()


@pytest.mark.parametrize("spoil", ["all", "a page"])
def test_a_damaged_file_says_so(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "cardsync.db"
    mirror = Mirror.open(path)
    with mirror.transaction():
        for number in range(3000):
            mirror.cycles.set_fact(f"fact {number}", "x" * 50)
    mirror.close()
    data = bytearray(path.read_bytes())
    start = 0 if spoil == "all" else len(data) // 2
    data[start : len(data) - 4096] = b"\xa5" * (len(data) - 4096 - start)
    path.write_bytes(data)
    with pytest.raises(StateProblem, match="is damaged"):
        mirror = Mirror.open(path)
        try:
            mirror.database.rows("SELECT * FROM meta ORDER BY value")
        finally:
            mirror.close()


def test_a_full_disk_says_so_and_loses_nothing(tmp_path: Path) -> None:
    mirror = Mirror.open(tmp_path / "cardsync.db")
    mirror.cycles.set_fact("a", "b")
    pages = mirror.database.rows("PRAGMA page_count")[0][0]
    mirror.database.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StateProblem, match=r"disk of .*cardsync\.db is full"), mirror.transaction():
        mirror.cycles.set_fact("a", "changed")
        for number in range(2000):
            mirror.cycles.set_fact(f"fact {number}", "x" * 100)
    assert mirror.cycles.fact("a") == "b"
    mirror.close()


def test_a_file_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    mirror = Mirror.open(tmp_path / "cardsync.db")
    mirror.database.execute("PRAGMA query_only = ON")
    with pytest.raises(StateProblem, match="cannot be written"):
        mirror.cycles.set_fact("a", "b")
    mirror.close()


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EACCES, "cannot be written"), (errno.EROFS, "cannot be written"), (errno.ENOSPC, "is full")],
)
def test_the_system_is_understood_by_number_whatever_the_path_is_called(number: int, said: str) -> None:
    path = Path("/home/fullerton/locked/state")
    with pytest.raises(StateProblem, match=said), module._explaining(path):
        raise OSError(number, os.strerror(number), str(path))


def test_a_mistake_of_ours_is_not_explained_away(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "cardsync.db")
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("INSERT INTO vip (book_id, uid_key, groups) VALUES (7, 'a', '[]')")
    database.close()


def test_a_directory_for_everybody_is_not_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    with pytest.raises(StateProblem, match="Set state_dir to a directory of its own"):
        Database.open(folder / "cardsync.db")
    assert mode(folder) == 0o1777
