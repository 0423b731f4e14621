"""What stands after a phase: on the server, in the database, on the disk; read without a line of the product's."""

import re
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loop import meaning, note_of

LABEL = "VIPcheck:"
ANEW = ("REV", "PRODID")
"""What servers and phones set anew."""
KEPT = {"cardsync.db", "daemon.lock", "cycle.lock"}
QUERIES = {
    "questions": "SELECT uid_key, kind, fields, block, user_text, position, asked_at, counted, adopted, state, "
    "standing, ending, ended_at FROM question JOIN contact t ON t.id = contact_id "
    "ORDER BY uid_key, asked_at, question.id",
    "contacts": "SELECT uid_key, name, first_seen, changed_at, pause, not_before, dismissals, left_at FROM contact "
    "ORDER BY uid_key",
    "work fields": "SELECT uid_key, field, keys, shown, w.first_seen, w.changed_at, previous, validated_at "
    "FROM work_field w JOIN contact t ON t.id = contact_id ORDER BY uid_key, field",
    "history": "SELECT uid_key, at, what, field, old, new FROM history JOIN contact t ON t.id = contact_id "
    "ORDER BY uid_key, history.id",
    "VIPs' cards": "SELECT uid_key, data, seen FROM card JOIN address_object o ON o.id = object_id "
    "JOIN vip USING (uid_key) ORDER BY uid_key",
    "kept versions": "SELECT uid_key, at, why, data FROM version ORDER BY uid_key, id",
    "problems": "SELECT kind, reason FROM problem ORDER BY kind, reason",
    "commands": "SELECT verb, arguments, done_at IS NULL FROM command ORDER BY id",
    "book": "SELECT exported_at IS NULL, exact, present FROM address_book",
}
CHECKS = ("PRAGMA integrity_check", "PRAGMA foreign_key_check")
PENDING = "SELECT count(*) FROM journal WHERE state = 'intent'"
UNSENT = "SELECT count(*) FROM question WHERE state = 'intended'"


Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """``rows`` by name of the query; ``backups`` and ``copies`` as ``exports`` and ``copies`` tell, each once."""

    cards: Mapping[str, bytes]
    rows: Mapping[str, Rows]
    open_entries: int
    unsent: int
    backups: frozenset[bytes]
    copies: frozenset[int]
    strange_files: tuple[str, ...]
    open_modes: tuple[str, ...]

    def endings(self) -> Counter[tuple[str, str]]:
        """(contact, how its question ended)."""
        return Counter((row[0], row[11]) for row in self.rows["questions"] if row[11])

    def doubled(self) -> list[str]:
        return [name for name, card in self.cards.items() if (note_of(card) or "").count(LABEL) > 1]


def look(state: Path, cards: Mapping[str, bytes]) -> Aftermath:
    """Raises ``sqlite3.Error`` where the database does not open or is not whole."""
    with closing(sqlite3.connect(state / "cardsync.db")) as database:
        wrong = [row for check in CHECKS for row in database.execute(check).fetchall() if row != ("ok",)]
        if wrong:
            raise sqlite3.DatabaseError(str(wrong))
        rows = {name: database.execute(sql).fetchall() for name, sql in QUERIES.items()}
        open_entries, unsent = (int(database.execute(sql).fetchone()[0]) for sql in (PENDING, UNSENT))
    return Aftermath(
        cards=cards,
        rows=rows,
        open_entries=open_entries,
        unsent=unsent,
        backups=exports(state),
        copies=copies(state),
        strange_files=tuple(_strange(state)),
        open_modes=tuple(_open(state)),
    )


def exports(state: Path) -> frozenset[bytes]:
    """What stands under the names of whole ``.vcf`` backups, in an order of ours: some servers list by last change."""
    return frozenset(
        b"".join(sorted(re.split(rb"(?m)^(?=BEGIN:VCARD)", path.read_bytes()))) for path in state.glob("backups/*.vcf")
    )


def copies(state: Path) -> frozenset[int]:
    """How many contacts are in what stands under the names of copies of the database."""
    return frozenset(_contacts(path) for path in state.glob("backups/*.db"))


def _contacts(copy: Path) -> int:
    """How many are in a copy of the database; -1: it is no database, or not a whole one."""
    try:
        with closing(sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)) as database:
            if database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return -1
            return int(database.execute("SELECT count(*) FROM contact").fetchone()[0])
    except sqlite3.Error:
        return -1


def _strange(state: Path) -> Iterator[str]:
    """Files that are neither the product's nor a backup's."""
    for path in sorted(state.rglob("*")):
        backup = path.parent.name == "backups" and path.suffix in {".vcf", ".db"}
        if path.is_file() and path.name not in KEPT and not backup:
            yield path.name


def _open(state: Path) -> Iterator[str]:
    for path in (state, *sorted(state.rglob("*"))):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode != (0o700 if path.is_dir() else 0o600):
            yield f"{path.name} {mode:o}"


def differences(expected: Aftermath, found: Aftermath, *, exact: bool) -> Iterator[str]:
    """Sentences; ``exact``: the server's cards can be compared byte for byte, else by what they mean."""
    for name in sorted(expected.cards.keys() | found.cards.keys()):
        there, here = expected.cards.get(name), found.cards.get(name)
        if there is None or here is None:
            yield f"{name} is {'gone' if here is None else 'new'}"
        elif there != here if exact else not same(there, here):
            yield f"{name} differs:\n  {there!r}\n  {here!r}"
    for what, rows in expected.rows.items():
        if rows != found.rows[what]:
            yield f"{what}: missing {_without(rows, found.rows[what])}, instead {_without(found.rows[what], rows)}"
    if not found.backups <= expected.backups:
        yield "a backup differs"
    if len(found.backups) < len(expected.backups):
        yield "a backup is missing"
    if found.copies != expected.copies:
        yield f"copies of the database: {sorted(found.copies)}, expected {sorted(expected.copies)}"


def _without(rows: Rows, others: Rows) -> Rows:
    left = list(others)
    return [row for row in rows if row not in left or left.remove(row)]  # type: ignore[func-returns-value]


def same(one: bytes, other: bytes) -> bool:
    """The note to the letter; the rest but for what a server sets anew."""
    return note_of(one) == note_of(other) and meaning(one, *ANEW) == meaning(other, *ANEW)
