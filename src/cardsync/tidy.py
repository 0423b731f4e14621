"""What is kept for the way back, and for how long: card versions, backups, settled writes."""

import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cardsync.mirror import Mirror

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
    names = [path.name for path in backups.iterdir()] if backups.is_dir() else []
    for name in expired(names, keep.backups, now):
        with suppress(OSError):
            (backups / name).unlink()


def expired(names: Iterable[str], keep: timedelta, now: datetime) -> list[str]:
    """Which backups have had their time: of those of one book, all but the first and the newest.  Pure.

    Files that are not ours never go.
    """
    made: dict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
    for name in names:
        if found := _OURS.fullmatch(name):
            with suppress(ValueError):  # no date: not ours
                at = datetime.strptime(found["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                made[found["of"], found["kind"]].append((at, name))
    return sorted(name for each in made.values() for at, name in sorted(each)[1:-1] if now - at > keep)
