"""What sources beside the card said, and how each source stands: cursor, quota, when to be asked again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from sqlite3 import Row
from typing import Any

from cardsync.mirror.database import Database, iso, maybe_iso, maybe_moment, moment, one_of, pack, unpack
from cardsync.model import APART, Evidence, EvidenceKind, Says, WorkField

FAR = timedelta(days=180)
_BY_NAME = frozenset({EvidenceKind.NEW_ADDRESS})  # found by the contact's name, not by a key of hers
KEPT = timedelta(days=730)
"""How long the day of an event, and a state that nobody saw again, are kept."""
SCANNED = "scanned "
"""Before the name of a source, a fact: that it looked at all there is at least once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """How a source stands: ``error`` is '' after a run that went well; ``used`` are the requests of this month."""

    cursor: Mapping[str, Any]
    used: int = 0
    last_run: datetime | None = None
    failures: int = 0
    not_before: datetime | None = None
    error: str = ""


class EvidenceStore:
    """Evidence by contact, and the state of each source by its name."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ------------------------------------------------------------ evidence

    def add(self, contact_id: int, found: Iterable[Evidence]) -> bool:
        """Events and what a scan saw; True if anything is news: the contact is assessed anew then."""
        news = [self._put(contact_id, each) for each in found]
        if any(news):
            self._db.execute("UPDATE contact SET assessed_at = NULL WHERE id = ?", (contact_id,))
        return any(news)

    def replace(self, contact_id: int, source: str, found: Sequence[Evidence]) -> bool:
        """All that a look at one contact found: what was seen before and is no more, is over."""
        kept = {_key(each) for each in found}
        before = evidence_of(self._db, contact_id)
        over = [each for each in before if each.source == source and _key(each) not in kept]
        for each in over:
            self._db.execute(f"DELETE FROM evidence WHERE contact_id = ? AND {_SAME}", (contact_id, *_key(each)))
        if over:
            self._db.execute("UPDATE contact SET assessed_at = NULL WHERE id = ?", (contact_id,))
        return self.add(contact_id, found) or bool(over)

    def seen_again(self, contact_id: int, source: str, now: datetime) -> None:
        """A look found nothing changed: what it said still holds."""
        self._db.execute(
            "UPDATE evidence SET observed_at = ? WHERE contact_id = ? AND source = ?", (iso(now), contact_id, source)
        )

    def of(self, contact_id: int) -> tuple[Evidence, ...]:
        """All that is known of a contact."""
        return evidence_of(self._db, contact_id)

    def counts(self) -> dict[str, int]:
        """By source, how many pieces are held."""
        return dict(self._db.rows("SELECT source, count(*) FROM evidence GROUP BY source"))  # type: ignore[arg-type]

    def forget(self, before: datetime) -> None:
        """Drop what nobody saw again since; see ``KEPT``."""
        self._db.execute("DELETE FROM evidence WHERE observed_at < ?", (iso(before),))
        self._db.execute("DELETE FROM validator WHERE at < ?", (iso(before),))

    def _put(self, contact_id: int, each: Evidence) -> bool:
        """The first sight of a state stays the first, and of an event the last day counts.

        The last sight is this one, whatever a clock that was ahead left.
        """
        row = self._db.row(f"SELECT * FROM evidence WHERE contact_id = ? AND {_SAME}", (contact_id, *_key(each)))
        before = evidence_in(row) if row else None
        if before:
            happened = max(filter(None, (before.happened_at, each.happened_at)), default=None)
            each = replace(
                each,
                first_observed_at=_first(before, each),
                happened_at=happened,
            )
        self._db.execute(
            f"INSERT OR REPLACE INTO evidence ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})",
            (contact_id, *_values(each)),
        )
        return before is None or replace(before, observed_at=each.observed_at) != each or _is_due(before, each)

    # ------------------------------------------------------------ sources

    def state(self, source: str, now: datetime) -> SourceState:
        """As it stands; of one that never ran all is empty."""
        row = self._db.row("SELECT * FROM source WHERE name = ?", (source,))
        if row is None:
            return SourceState(cursor={})
        return SourceState(
            cursor=unpack(row["cursor"]),
            used=row["used"] if row["month"] == _month(now) else 0,
            last_run=maybe_moment(row["last_run"]),
            failures=row["failures"],
            not_before=maybe_moment(row["not_before"]),
            error=row["error"],
        )

    def ran(self, source: str, now: datetime, cursor: Mapping[str, Any] | None = None) -> None:
        """A run, or a part of one, went well."""
        self._begin(source)
        self._db.execute(
            "UPDATE source SET last_run = ?, failures = 0, not_before = NULL, error = '' WHERE name = ?",
            (iso(now), source),
        )
        if cursor is not None:
            self._db.execute("UPDATE source SET cursor = ? WHERE name = ?", (pack(dict(cursor)), source))

    def failed(self, source: str, now: datetime, error: str, until: datetime | None) -> None:
        """It gave nothing, and is left alone until then; None: only the contacts that it failed at wait."""
        self._begin(source)
        self._db.execute(
            "UPDATE source SET last_run = ?, failures = failures + 1, not_before = ?, error = ? WHERE name = ?",
            (iso(now), maybe_iso(until), error, source),
        )

    def try_again(self, source: str | None = None) -> None:
        """No source that failed, or not this one, waits any longer, nor does a contact that it failed at."""
        with self._db.transaction():
            self._db.execute("UPDATE source SET not_before = NULL WHERE name = ifnull(?, name)", (source,))
            self._db.execute(
                "UPDATE look SET next_at = '' WHERE told <> shown AND source = ifnull(?, source)", (source,)
            )

    def take(self, source: str, monthly: int, now: datetime) -> bool:
        """Count one request; False where the month's are used up."""
        with self._db.transaction():
            self._begin(source)
            if self.state(source, now).used >= monthly:
                return False
            self._db.execute(
                "UPDATE source SET used = CASE month WHEN ?1 THEN used + 1 ELSE 1 END, month = ?1 WHERE name = ?2",
                (_month(now), source),
            )
        return True

    def _begin(self, source: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO source (name) VALUES (?)", (source,))

    # ------------------------------------------------------------ looks

    def waiting(self, source: str, now: datetime) -> dict[int, str]:
        """The contacts that the source is not to look at yet, each with the digest of what it was shown.

        A date beyond ``FAR`` is of a clock that was ahead.
        """
        rows = self._db.rows(
            "SELECT contact_id, shown FROM look WHERE source = ? AND next_at > ? AND next_at < ?",
            (source, iso(now), iso(now + FAR)),
        )
        return {row["contact_id"]: row["shown"] for row in rows}

    def told(self, source: str, contact_id: int) -> str:
        """Of what card the evidence is: the digest at the last look that went well; '' for none."""
        row = self._db.row("SELECT told FROM look WHERE source = ? AND contact_id = ?", (source, contact_id))
        return row["told"] if row else ""

    def looked(
        self,
        source: str,
        contact_id: int,
        next_at: datetime,
        shown: str,
        *,
        keys: Collection[str] = (),
        well: bool = True,
    ) -> None:
        """Not again before then, unless the card shows something else.  ``keys``: see ``over_by_key``."""
        told = shown if well else self.told(source, contact_id)
        self._db.execute(
            "INSERT INTO look (source, contact_id, next_at, shown, told, keys) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (source, contact_id) DO UPDATE SET next_at = excluded.next_at, shown = excluded.shown, "
            "told = excluded.told, keys = CASE WHEN ? THEN excluded.keys ELSE keys END",
            (source, contact_id, iso(next_at), shown, told, " ".join(sorted(keys)), well),
        )

    def over(self, source: str, contact_ids: Collection[int]) -> None:
        """Their cards show nothing any more that the source could look for."""
        rows = self._db.rows(
            "SELECT contact_id FROM evidence WHERE source = ?1 UNION SELECT contact_id FROM look WHERE source = ?1",
            (source,),
        )
        for contact_id in {row[0] for row in rows}.intersection(contact_ids):
            with self._db.transaction():
                self.replace(contact_id, source, ())
                self._db.execute("DELETE FROM look WHERE source = ? AND contact_id = ?", (source, contact_id))

    def over_by_key(
        self, source: str, keys: Mapping[int, Collection[str]], values: Mapping[int, Collection[str]]
    ) -> None:
        """By contact the digests of the keys by which it is looked for, and all values that the source is shown.

        What was found by a key that is gone is over: all but what stands on a value, or a page, that is still there.
        """
        rows = self._db.rows("SELECT contact_id, keys FROM look WHERE source = ? AND keys <> ''", (source,))
        for contact_id, before in [(row["contact_id"], row["keys"].split()) for row in rows]:
            if contact_id not in keys or set(before) <= set(keys[contact_id]):
                continue
            shown, found = values[contact_id], self._from(source, contact_id)
            with self._db.transaction():
                self.replace(contact_id, source, [each for each in found if (each.url or each.stored) in shown])

    def over_by_name(self, source: str, names: Mapping[int, str], now: datetime) -> None:
        """By contact, the digest of the name: whom a scan took for her by another name was not her."""
        before = self._told(source)
        for contact_id, name in names.items():
            if before.get(contact_id) == name:
                continue
            with self._db.transaction():
                if contact_id in before:
                    found = self._from(source, contact_id)
                    self.replace(contact_id, source, [each for each in found if each.kind not in _BY_NAME])
                self.looked(source, contact_id, now, name)

    def _from(self, source: str, contact_id: int) -> list[Evidence]:
        return [each for each in self.of(contact_id) if each.source == source]

    def _told(self, source: str) -> dict[int, str]:
        return {
            row[0]: row[1] for row in self._db.rows("SELECT contact_id, told FROM look WHERE source = ?", (source,))
        }

    # ------------------------------------------------------------ conditional requests

    def validators(self, source: str, key_hash: str) -> tuple[str, str] | None:
        """(ETag, Last-Modified) of the last answer, each '' if it had none."""
        row = self._db.row(
            "SELECT etag, last_modified FROM validator WHERE source = ? AND key_hash = ?", (source, key_hash)
        )
        return (row[0], row[1]) if row else None

    def keep_validators(self, source: str, key_hash: str, etag: str, last_modified: str, now: datetime) -> None:
        """For the next request; both '': there are none any more."""
        if not (etag or last_modified):
            self._db.execute("DELETE FROM validator WHERE source = ? AND key_hash = ?", (source, key_hash))
            return
        self._db.execute(
            "INSERT OR REPLACE INTO validator VALUES (?, ?, ?, ?, ?)",
            (source, key_hash, etag, last_modified, iso(now)),
        )


def evidence_of(database: Database, contact_id: int) -> tuple[Evidence, ...]:
    """All that is known of a contact; what was written last, be it for the second time, comes last."""
    rows = database.rows("SELECT * FROM evidence WHERE contact_id = ? ORDER BY id", (contact_id,))
    return tuple(map(evidence_in, rows))


_SAME = "source = ? AND kind = ? AND claim = ? AND says = ? AND stored = ? AND suggested = ?"
_COLUMNS = (
    "contact_id", "source", "kind", "family", "claim", "says", "stored", "suggested", "about", "likelihood_ratio",
    "employer_ratio", "match", "first_observed_at", "observed_at", "happened_at", "asserted_at", "valid_from",
    "valid_to", "url", "twice",
)  # fmt: skip


def _key(each: Evidence) -> tuple[str, ...]:
    return (each.source, each.kind, each.claim, each.says, each.stored, each.suggested)


def _first(before: Evidence, now: Evidence) -> datetime:
    """When it was first seen; an event that came later than the known one is seen for the first time."""
    if before.happened_at and now.happened_at and now.happened_at > before.happened_at:
        return now.first_observed_at
    return min(before.first_observed_at, now.first_observed_at)


def _is_due(before: Evidence, now: Evidence) -> bool:
    """Whether what has to be seen twice was, between the two."""
    return now.twice and now.observed_at - now.first_observed_at >= APART > before.observed_at - now.first_observed_at


def _month(now: datetime) -> str:
    return f"{now:%Y-%m}"


def _values(each: Evidence) -> tuple[Any, ...]:
    return (
        each.source, each.kind, each.family, each.claim, each.says, each.stored, each.suggested, each.about,
        each.likelihood_ratio, each.employer_ratio, each.match, iso(each.first_observed_at), iso(each.observed_at),
        maybe_iso(each.happened_at), maybe_iso(each.asserted_at), maybe_iso(each.valid_from),
        maybe_iso(each.valid_to), each.url, int(each.twice),
    )  # fmt: skip


def evidence_in(row: Row) -> Evidence:
    """What a whole row of the table says."""
    return Evidence(
        source=row["source"],
        kind=one_of(EvidenceKind, row["kind"]),
        family=row["family"],
        claim=one_of(WorkField, row["claim"]),
        says=one_of(Says, row["says"]),
        stored=row["stored"],
        suggested=row["suggested"],
        about=row["about"],
        likelihood_ratio=row["likelihood_ratio"],
        employer_ratio=row["employer_ratio"],
        match=row["match"],
        first_observed_at=moment(row["first_observed_at"]),
        observed_at=moment(row["observed_at"]),
        happened_at=maybe_moment(row["happened_at"]),
        asserted_at=maybe_moment(row["asserted_at"]),
        valid_from=maybe_moment(row["valid_from"]),
        valid_to=maybe_moment(row["valid_to"]),
        url=row["url"],
        twice=bool(row["twice"]),
    )
