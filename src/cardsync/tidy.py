"""What is kept, and for how long: card versions, backups and settled writes for the way back, and evidence."""

import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cardsync.mirror import Mirror
from cardsync.mirror.evidence import KEPT

_OURS = re.compile(r"(?P<of>.+)-(?P<at>\d{8}T\d{6}Z)(?:-\d+)?(?P<kind>\.vcf|\.db)")
_DONE = timedelta(days=90)  # settled writes and carried out commands: of use only to find a mistake of ours
_WEEKLY = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """``[undo]``: for how long; the newest version of each card, and the first and the newest backup, stay for good."""

    versions: timedelta
    backups: timedelta


def tidy(mirror: Mirror, backups: Path, keep: Keep, now: datetime) -> None:
    """Once a week: drop what had had its time a week ago.  A file that cannot be deleted stays.

    By the time of then, for a clock that is years ahead for a moment must not take the way back away for good.
    """
    fact = mirror.cycles.fact("tidied")
    last = datetime.fromisoformat(fact) if fact else None
    if last and timedelta(0) <= now - last < _WEEKLY:
        return
    mirror.cycles.set_fact("tidied", now.isoformat())
    if last and last <= now:
        _drop(mirror, backups, keep, last)


def _drop(mirror: Mirror, backups: Path, keep: Keep, now: datetime) -> None:
    with mirror.transaction():
        mirror.journal.forget(versions=now - keep.versions, settled=now - _DONE)
        mirror.commands.forget(now - _DONE)
        mirror.evidence.forget(now - KEPT)
    mirror.database.compact()
    paths: list[Path] = []
    with suppress(OSError):
        paths = [path for path in backups.iterdir() if path.is_file()]
    empty = frozenset(path.name for path in paths if not path.stat().st_size)
    for name in expired([path.name for path in paths], keep.backups, now, empty=empty):
        with suppress(OSError):
            (backups / name).unlink()


def expired(names: Iterable[str], keep: timedelta, now: datetime, *, empty: frozenset[str] = frozenset()) -> list[str]:
    """Which backups have had their time: of those of one book, all but the first and the newest.  Pure.

    One that is ``empty`` is neither: a book that lost its cards must not drive out what it was.  Files that are not
    ours never go.
    """
    made: dict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
    hollow: list[tuple[datetime, str]] = []
    for name in names:
        if found := _OURS.fullmatch(name):
            with suppress(ValueError):  # no date: not ours
                at = datetime.strptime(found["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                (hollow if name in empty else made[found["of"], found["kind"]]).append((at, name))
    between = [backup for each in made.values() for backup in sorted(each)[1:-1]]
    return sorted(name for at, name in (*between, *hollow) if now - at > keep)
