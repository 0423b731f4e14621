"""Consult: each source on its own asks about the contacts that are due, and writes down what it found.

A source that fails, or is slow, stops no other and no cycle.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from cardsync.assess.domains import Domains, domain_belongs
from cardsync.assess.organisations import CERTAIN, Aliases, Verdict
from cardsync.errors import StateProblem
from cardsync.evidence.checked import checked
from cardsync.evidence.kept import Collected
from cardsync.evidence.pace import LONGEST
from cardsync.evidence.subjects import digest, subject
from cardsync.mirror import Mirror
from cardsync.model import Contact, Evidence, Says, WorkField
from cardsync.records import SEEN_IN_USE
from cardsync.sources import ANY_HOST, About, Consulted, Source, SourceFailed, Subject, Web

log = structlog.get_logger("cardsync.evidence")

AT_ONCE = 4  # contacts of a source that visits the sites of each; a service is asked about one after the other
PER_RUN = 25  # contacts of one source: they spread over the cycles
FAILURES = 3  # in one run, after which a service is left alone for now
PATIENCE = timedelta(minutes=2)  # for one look; a scan looks at a part at a time
TURNS = 4  # requests that a look may have to wait for, each ``About.apart`` from the last
PARTS = 500  # of a scan in one run
AGAIN = timedelta(days=1)  # a contact whose look failed
_BACK_OFF, _LAST = timedelta(minutes=15), timedelta(days=2)  # the first pause of our own choice, and the longest
_SLACK = 0.25  # of ``About.every``, either way


class Guard(Protocol):
    """The guarded client, before it is bound to a source."""

    def bound(self, about: About, hosts: frozenset[str], validators: Collected) -> Web:
        """Bound to the hosts and limits of a source."""
        ...


@dataclass(slots=True)
class Counts:
    """What one run of a source did."""

    looked: int = 0
    found: int = 0
    validated: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consult:
    """One source; ``vips`` are the contacts by id, ``hosts`` which hosts of theirs it may visit."""

    mirror: Mirror
    source: Source
    guard: Guard
    vips: Mapping[int, Contact]
    hosts: Callable[[Subject], frozenset[str]]
    clock: Callable[[], datetime]
    aliases: Aliases = ()
    domains: Domains = field(default_factory=dict)

    async def run(self) -> Counts:
        """Whatever goes wrong with the source is written down with it; raises ``StateProblem`` only."""
        counts, name = Counts(), self.source.about.name
        subjects = self._subjects()
        state = self.mirror.evidence.state(name, self.clock())
        if state.not_before and self.clock() < state.not_before <= self.clock() + LONGEST:
            return counts
        if not subjects:
            return counts  # before the first pull there is nobody, and a scan for nobody would count as done
        try:
            if self.source.about.scans:
                if not state.last_run or state.error or not self._is_early(state.last_run):
                    await self._scan(subjects, counts)
            else:
                await self._look(subjects, counts)
        except SourceFailed as error:
            self._failed(error, counts)
        log.info(
            "source",
            source=name,
            looked=counts.looked,
            found=counts.found,
            validated=counts.validated,
            failed=counts.failed,
        )
        return counts

    def _subjects(self) -> list[Subject]:
        """Whom it can look for; what it said of the others stood on what is off their cards."""
        about = self.source.about
        found = {id_: subject(id_, contact, about.needs) for id_, contact in self.vips.items()}
        if not about.scans:
            self.mirror.evidence.over(about.name, [id_ for id_, each in found.items() if each is None])
        return [each for each in found.values() if each]

    def _is_early(self, last: datetime) -> bool:
        return last <= self.clock() < last + self.source.about.every

    # ------------------------------------------------------------ all at once

    async def _scan(self, subjects: Sequence[Subject], counts: Counts) -> None:
        name = self.source.about.name
        for _ in range(PARTS):
            cursor = self.mirror.evidence.state(name, self.clock()).cursor
            collected = Collected(mirror=self.mirror, conditional=True)
            got = await self._one(subjects, cursor, frozenset(), collected)
            with self.mirror.transaction():
                collected.keep(self.clock())
                self._keep(got, counts)
                self.mirror.evidence.ran(name, self.clock(), got.cursor)
            counts.looked = len(subjects)
            if not got.more:
                return

    # ------------------------------------------------------------ one after the other

    async def _look(self, subjects: Sequence[Subject], counts: Counts) -> None:
        name = self.source.about.name
        waiting = self.mirror.evidence.waiting(name, self.clock())
        due = [each for each in subjects if waiting.get(each.id) != digest(each)][:PER_RUN]
        each_its_own = ANY_HOST in self.source.about.hosts  # what one contact's site does says nothing of the others'
        gate, stop = asyncio.Semaphore(AT_ONCE if each_its_own else 1), asyncio.Event()

        async def one(each: Subject) -> None:
            async with gate:
                if stop.is_set():
                    return
                # "not modified" says that what was told still holds, if it was told of what the card shows
                same = self.mirror.evidence.told(name, each.id) == digest(each)
                collected = Collected(mirror=self.mirror, conditional=same)
                try:
                    got = await self._one([each], {}, self.hosts(each), collected)
                except SourceFailed as error:
                    counts.failed += 1
                    counts.errors.append(str(error))
                    again = self.clock() + max(AGAIN, _asked(error) or AGAIN)
                    self.mirror.evidence.looked(name, each.id, again, digest(each), well=False)
                    if not each_its_own and (error.wait is not None or counts.failed >= FAILURES):
                        stop.set()
                        raise
                    return
                self._looked(each, got, collected, counts)

        tasks = [asyncio.create_task(one(each)) for each in due]
        try:
            results = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()
        for error in results:
            if isinstance(error, BaseException):
                raise error
        if counts.failed and not counts.looked:
            self.mirror.evidence.failed(name, self.clock(), counts.errors[-1], None)
        elif due:
            self.mirror.evidence.ran(name, self.clock())

    def _looked(self, each: Subject, got: Consulted, collected: Collected, counts: Counts) -> None:
        name, now = self.source.about.name, self.clock()
        with self.mirror.transaction():
            collected.keep(now)
            if got.unchanged:
                self.mirror.evidence.seen_again(each.id, name, now)
            else:
                found = [evidence for id_, evidence in got.evidence if id_ == each.id]
                held = [one for one in self.mirror.evidence.of(each.id) if one.source == name and one.url in got.unseen]
                self.mirror.evidence.replace(each.id, name, [*held, *found])
                counts.found += len(found)
                self._validate(each.id, found, counts)
            again = now + spread(name, each.id, self.source.about.every, now)
            self.mirror.evidence.looked(name, each.id, again, digest(each))
        counts.looked += 1

    # ------------------------------------------------------------ shared

    async def _one(
        self, subjects: Sequence[Subject], cursor: Mapping[str, object], hosts: frozenset[str], collected: Collected
    ) -> Consulted:
        about = self.source.about
        try:
            async with asyncio.timeout(patience(about).total_seconds()):
                web = self.guard.bound(about, hosts, collected)
                got = await self.source.look(subjects, cursor, web, self.clock())
            return checked(got, about.name)
        except (SourceFailed, StateProblem):  # of the database: none of the source's
            raise
        except TimeoutError:
            seconds = patience(about).total_seconds()
            raise SourceFailed(f"{about.name} gave no answer in {seconds:.0f} s.") from None
        except Exception as error:  # noqa: BLE001 - a plug-in's fault is its own; its text may hold what it was shown
            raise SourceFailed(f"{about.name} stumbled ({type(error).__name__}): a mistake in this source.") from None

    def _keep(self, got: Consulted, counts: Counts) -> None:
        by_contact: dict[int, list[Evidence]] = {id_: [] for id_ in self.vips} if got.complete else {}
        for id_, evidence in got.evidence:
            if id_ in self.vips:
                by_contact.setdefault(id_, []).append(evidence)
        for id_, pieces in by_contact.items():
            if got.complete:
                self.mirror.evidence.replace(id_, self.source.about.name, pieces)
            else:
                self.mirror.evidence.add(id_, pieces)
            counts.found += len(pieces)
            self._validate(id_, pieces, counts)

    def _validate(self, contact_id: int, found: Sequence[Evidence], counts: Counts) -> None:
        """Silent evidence that an address is in use makes it right on that day; never a day to come."""
        days = [
            each.happened_at
            for each in found
            if each.says is Says.USED and each.happened_at and self._is_of_the_employer(contact_id, each)
        ]
        day = max((day for day in days if day <= self.clock()), default=None)
        known = self.mirror.contacts.memory(contact_id).fields.get(WorkField.EMAIL)
        if day and known and (known.validated_at is None or day - known.validated_at >= timedelta(days=1)):
            self.mirror.contacts.validate(contact_id, (WorkField.EMAIL,), day, self.clock(), SEEN_IN_USE)
            counts.validated += 1

    def _is_of_the_employer(self, contact_id: int, each: Evidence) -> bool:
        """Of several work addresses only that of the organisation speaks for the employment.

        Nor does a single one that is another's, or of an organisation that stood on the card before: she left it.
        """
        emails = self.vips[contact_id].work.get(WorkField.EMAIL, ())
        if each.claim is not WorkField.EMAIL or each.stored.casefold() not in {email.casefold() for email in emails}:
            return False
        organisation, domain = self.vips[contact_id].first(WorkField.ORGANISATION), each.stored.rpartition("@")[2]
        if not organisation:
            return True
        belongs = partial(domain_belongs, domain=domain, aliases=self.aliases, domains=self.domains)
        verdict = belongs(organisation)
        if verdict in CERTAIN or len(emails) > 1 or verdict is Verdict.DIFFERENT:
            return verdict in CERTAIN
        return not any(belongs(move.old) in CERTAIN for move in self.mirror.contacts.memory(contact_id).moves)

    def _failed(self, error: SourceFailed, counts: Counts) -> None:
        name, now = self.source.about.name, self.clock()
        failures = self.mirror.evidence.state(name, now).failures
        wait = _asked(error) or min(_BACK_OFF * 2 ** min(failures, 10), _LAST)
        self.mirror.evidence.failed(name, now, str(error), now + wait)
        counts.errors.append(str(error))  # said again where it ended a run of looks


def _asked(error: SourceFailed) -> timedelta | None:
    """The pause that a service asks for, no longer than ``LONGEST``; None: it does not."""
    wait = error.wait if isinstance(error.wait, timedelta) else timedelta()  # a plug-in may say anything
    return min(wait, LONGEST) if wait > timedelta() else None


def patience(about: About) -> timedelta:
    """How long one look may take: what a service wants between two requests is no silence of it."""
    return PATIENCE + TURNS * about.apart


def spread(source: str, contact_id: int, every: timedelta, now: datetime) -> timedelta:
    """``every``, give or take a quarter: the contacts spread, and stay apart; the same for the same day."""
    seed = hashlib.sha256(f"{source}:{contact_id}:{now:%Y-%m-%d}".encode()).digest()
    return every * (1 - _SLACK + 2 * _SLACK * int.from_bytes(seed[:4], "big") / 2**32)
