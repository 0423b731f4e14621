"""LinkedIn's own export of one's connections, dropped in a folder by the owner: ``Connections.csv``, or the zip of it.

Rows are matched by the profile URL or the e-mail address on the card, never by name.  A row tells nothing of its
own date, so all are as old as the file: it must keep the time at which it was downloaded.
"""

import asyncio
import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cardsync.assess.organisations import Aliases
from cardsync.evidence.connections import Row, Unreadable, rows
from cardsync.evidence.profile import path_at, says_of
from cardsync.model import Evidence, EvidenceKind
from cardsync.sources import About, Consulted, Need, SourceFailed, Subject, Web
from cardsync.stream_safe import normalized

DIFFERS = 25.0
BY_URL, BY_EMAIL = 0.99, 0.97

_LARGEST = 32_000_000  # bytes; 30,000 connections, the most that LinkedIn allows, have five million
_MEMBER = "connections.csv"
_MOST_FILES = 50
_UNTIL_IT_IS_THERE = timedelta(hours=6)
_DAMAGED = "it is damaged, encrypted or not readable for cardsync. Download it once more."


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedInOptions:
    """``folder`` is where the owner drops the files; the newest counts."""

    folder: Path


class LinkedInExport:
    """Reads the newest export in the folder, once."""

    def __init__(self, options: LinkedInOptions, *, aliases: Aliases = ()) -> None:
        self._folder = options.folder
        self._aliases = aliases

    @property
    def about(self) -> About:
        """See ``Source``."""
        return About(
            name="linkedin_export",
            sends="Nothing: it reads the file that you downloaded from LinkedIn and put into the folder.",
            hosts=(),
            needs=frozenset({Need.URL, Need.WORK_EMAIL, Need.PERSONAL_EMAIL, Need.ORGANISATION}),
            private=True,
            scans=True,
            every=timedelta(days=1),
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``; ``cursor["seen"]`` is a digest of the file, as it lies there, and of whom it was read for."""
        return await asyncio.to_thread(self._read, subjects, cursor, now)

    def _read(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], now: datetime) -> Consulted:
        newest = self._newest()
        if newest is None:  # of the one that was read before, what it said holds
            if cursor.get("seen"):
                return Consulted(cursor=dict(cursor))
            raise SourceFailed(
                "There is no Connections.csv, and no zip with it, in the folder for LinkedIn's export. Put it there as "
                "it was downloaded.",
                _UNTIL_IT_IS_THERE,
            )
        path, state, exported = newest
        seen = {"seen": hashlib.sha256(f"{state}\n{_whom(subjects)}".encode("utf-8", "replace")).hexdigest()}
        if seen == dict(cursor):
            return Consulted(cursor=seen)
        try:
            said = list(self._said(rows(_contents(path)), subjects, min(exported, now), now))
        except Unreadable as why:
            raise SourceFailed(f"{path.name} cannot be used: {why}") from None
        return Consulted(evidence=said, cursor=seen, complete=True)  # a row that is gone says nothing any more

    def _newest(self) -> tuple[Path, str, datetime] | None:
        """The newest export, what tells it from any other, and when it was written; None: there is none.

        A zip that cannot be read counts only if nothing else can: it may be a download that has not ended.
        """
        try:
            files = [path for path in self._folder.iterdir() if _may_be(path) and path.is_file()]
            aged = sorted(((path.stat(), path) for path in files), key=lambda one: one[0].st_mtime_ns, reverse=True)
        except OSError:
            raise SourceFailed(
                "The folder for LinkedIn's export cannot be read. Make it, or set folder in [sources.linkedin_export]."
            ) from None
        damaged = None
        for stat, path in aged[:_MOST_FILES]:
            try:
                holds = path.suffix.casefold() == ".csv" or _member(path)
            except Unreadable as why:
                damaged = damaged or f"{path.name} cannot be used: {why}"
                continue
            if holds:
                written = datetime.fromtimestamp(max(stat.st_mtime, 0.0), UTC)
                return path, f"{path.name}\n{stat.st_size}\n{stat.st_mtime_ns}", written
        if damaged:
            raise SourceFailed(damaged)
        return None

    def _said(
        self, found: Iterator[Row], subjects: Sequence[Subject], exported: datetime, now: datetime
    ) -> Iterator[tuple[int, Evidence]]:
        """One evidence a contact at most, from the first row that is hers."""
        whom = _Keys(subjects)
        told: set[int] = set()
        for row in found:
            for subject, match in whom.of(row):
                said = says_of(
                    "linkedin_export",
                    subject.first(Need.ORGANISATION),
                    row.company,
                    now=now,
                    aliases=self._aliases,
                    kind=EvidenceKind.ROW,
                    differs=DIFFERS,
                    match=match,
                    about="LinkedIn",
                    asserted_at=exported,
                )
                if said and subject.id not in told:
                    told.add(subject.id)
                    yield subject.id, said


class _Keys:
    """Who has which profile, and which address."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self._by_profile: dict[str, list[Subject]] = {}
        self._by_email: dict[str, list[Subject]] = {}
        for subject in subjects:
            for profile in _profiles(subject):
                self._by_profile.setdefault(profile, []).append(subject)
            for email in _emails(subject):
                self._by_email.setdefault(email, []).append(subject)

    def of(self, row: Row) -> list[tuple[Subject, float]]:
        """Those whose row it is, each with how sure that is; an address does not outdo another profile."""
        profile = profile_of(row.url)
        if profile in self._by_profile:
            return [(subject, BY_URL) for subject in self._by_profile[profile]]
        found = self._by_email.get(row.email.casefold(), ()) if row.email else ()
        return [(subject, BY_EMAIL) for subject in found if not profile or not _profiles(subject)]


def profile_of(url: str) -> str:
    """What identifies a profile: the segment behind ``/in/``; '' if it is no URL of one."""
    path = path_at(url, "linkedin.com") or ()
    slug = path[1] if len(path) in {2, 3} and path[0] == "in" else ""  # the third is a language
    return normalized("NFC", slug).casefold()


def _profiles(subject: Subject) -> set[str]:
    return {profile for url in subject.values.get(Need.URL, ()) if (profile := profile_of(url))}


def _emails(subject: Subject) -> set[str]:
    emails = (*subject.values.get(Need.WORK_EMAIL, ()), *subject.values.get(Need.PERSONAL_EMAIL, ()))
    return {email.strip().casefold() for email in emails if "@" in email}


def _whom(subjects: Sequence[Subject]) -> list[tuple[int, list[tuple[str, tuple[str, ...]]]]]:
    """All that a reading depends on; a new contact, URL or organisation needs another."""
    return sorted((one.id, sorted((need.value, values) for need, values in one.values.items())) for one in subjects)


# ---------------------------------------------------------------- files


def _may_be(path: Path) -> bool:
    name = path.name.casefold()
    return name.endswith(".zip") or (name.endswith(".csv") and "connections" in name)


def _member(path: Path) -> zipfile.ZipInfo | None:
    """The export within a zip; None: there is none.  Raises ``Unreadable`` if it is no zip (yet)."""
    try:
        with zipfile.ZipFile(path) as archive:
            named = (one for one in archive.infolist() if one.filename.rpartition("/")[2].casefold() == _MEMBER)
            return next(named, None)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        raise Unreadable(_DAMAGED) from None


def _contents(path: Path) -> bytes:
    """All of it; of a zip no more than is allowed, whatever its directory claims.  Raises ``Unreadable``."""
    try:
        if path.suffix.casefold() == ".csv":
            with path.open("rb") as file:
                data = file.read(_LARGEST + 1)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(_member(path) or _MEMBER) as file:
                data = file.read(_LARGEST + 1)
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise Unreadable(_DAMAGED) from None
    if len(data) > _LARGEST:
        raise Unreadable("it is larger than any export of LinkedIn's.")
    return data
