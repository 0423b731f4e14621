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

from cardsync.assess.domains import Domains, domain_belongs
from cardsync.assess.organisations import CERTAIN, Aliases, Verdict
from cardsync.errors import StateProblem
from cardsync.evidence.checked import checked
from cardsync.evidence.kept import Collected
from cardsync.evidence.pace import LONGEST
from cardsync.evidence.subjects import digest, key_digests, name_digest, subject
from cardsync.logs import get_logger
from cardsync.mirror import Mirror
from cardsync.mirror.evidence import SCANNED
from cardsync.model import Contact, Evidence, Says, WorkField
from cardsync.records import SEEN_IN_USE
from cardsync.sources import ANY_HOST, About, Consulted, Source, SourceFailed, Subject, Web

log = get_logger("cardsync.evidence")

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
    waits: str = ""  # why it was not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Consult:
    """One source; ``vips`` are the contacts by id, ``hosts`` which hosts of theirs it may visit.

    ``at_once``: a scan does not wait until it is due.
    """

    mirror: Mirror
    source: Source
    guard: Guard
    vips: Mapping[int, Contact]
    hosts: Callable[[Subject], frozenset[str]]
    clock: Callable[[], datetime]
    aliases: Aliases = ()
    domains: Domains = field(default_factory=dict)
    at_once: bool = False

    async def run(self) -> Counts:
        """Whatever goes wrong with the source is written down with it; raises ``StateProblem`` only."""
        counts, name = Counts(), self.source.about.name
        try:
            await self._run(counts)
        except SourceFailed as error:
            self._failed(error, counts)
        except StateProblem:
            raise
        except Exception as error:  # noqa: BLE001 - a source's fault, or ours, stops no other; its text may hold anything
            self._failed(SourceFailed(f"{name} stumbled ({type(error).__name__}): a mistake in this source."), counts)
        (log.warning if counts.errors else log.info)(
            "source",
            source=name,
            looked=counts.looked,
            found=counts.found,
            validated=counts.validated,
            failed=counts.failed,
        )
        return counts

    async def _run(self, counts: Counts) -> None:
        about = self.source.about
        subjects = self._subjects()
        state = self.mirror.evidence.state(about.name, self.clock())
        if state.not_before and self.clock() < state.not_before <= self.clock() + LONGEST:
            counts.waits = f"left alone until {state.not_before:%Y-%m-%d %H:%M} UTC, for it failed"
            return
        if not subjects:  # before the first pull there is nobody, and a scan for nobody would count as done
            if self.vips and about.scans:
                self.mirror.evidence.ran(about.name, self.clock())
                self.mirror.cycles.set_fact(f"{SCANNED}{about.name}", self.clock().isoformat())
            return
        if not about.scans:
            await self._look(subjects, counts)
        elif self.at_once or not state.last_run or state.error or not self._is_early(state.last_run):
            await self._scan(subjects, counts)
        else:
            counts.waits = f"read on {state.last_run:%Y-%m-%d at %H:%M} UTC, and not due yet"

    def _subjects(self) -> list[Subject]:
        """Whom it can look for; what it found by what is off their cards goes at once, whether it is asked or not."""
        about, held = self.source.about, self.mirror.evidence
        found = {id_: subject(id_, contact, about.needs) for id_, contact in self.vips.items()}
        subjects = [each for each in found.values() if each]
        if about.scans:
            held.over_by_name(about.name, {each.id: name_digest(each) for each in subjects}, self.clock())
        else:
            held.over(about.name, [id_ for id_, each in found.items() if each is None])
            values = {each.id: {value for of in each.values.values() for value in of} for each in subjects}
            held.over_by_key(about.name, {each.id: key_digests(each) for each in subjects}, values)
        return subjects

    def _is_wanted(self, contact_id: int) -> bool:
        """Whether the owner still wants questions about her: a run may take an hour."""
        return self.mirror.moves.is_wanted(contact_id)

    def _is_early(self, last: datetime) -> bool:
        return last <= self.clock() < last + self.source.about.every

    # ------------------------------------------------------------ all at once

    async def _scan(self, subjects: Sequence[Subject], counts: Counts) -> None:
        name = self.source.about.name
        for _ in range(PARTS):
            cursor = self.mirror.evidence.state(name, self.clock()).cursor
            collected = Collected(mirror=self.mirror, conditional=True)
            wanted = [each for each in subjects if self._is_wanted(each.id)]
            got = await self._one(wanted, cursor, frozenset(), collected)
            with self.mirror.transaction():
                collected.keep(self.clock())
                self._keep(got, counts)
                self.mirror.evidence.ran(name, self.clock(), got.cursor)
            counts.looked = len(subjects)
            if not got.more:
                self.mirror.cycles.set_fact(f"{SCANNED}{name}", self.clock().isoformat())
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
                if stop.is_set() or not self._is_wanted(each.id):
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
        if not self._is_wanted(each.id):  # any more
            return
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
            self.mirror.evidence.looked(name, each.id, again, digest(each), keys=key_digests(each))
        counts.looked += 1
        log.debug("looked", source=name, found=counts.found)

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
        wanted = {id_ for id_ in self.vips if self._is_wanted(id_)}
        by_contact: dict[int, list[Evidence]] = {id_: [] for id_ in wanted} if got.complete else {}
        for id_, evidence in got.evidence:
            if id_ in wanted:
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
        memory = self.mirror.contacts.memory(contact_id)
        known = memory.fields.get(WorkField.EMAIL)
        if day and known and _is_news(day, known.validated_at, memory.evidence):
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
        counts.failed = counts.failed or 1
        counts.errors.append(str(error))  # said again where it ended a run of looks


def _asked(error: SourceFailed) -> timedelta | None:
    """The pause that a service asks for, no longer than ``LONGEST``; None: it does not."""
    wait = error.wait if isinstance(error.wait, timedelta) else timedelta()  # a plug-in may say anything
    return min(wait, LONGEST) if wait > timedelta() else None


def _is_news(at: datetime, before: datetime | None, evidence: Sequence[Evidence]) -> bool:
    """Whether it is worth a line of the history: a day after the last use, or after something that spoke against it."""
    doubts = (each.happened_at for each in evidence if each.says is not Says.USED and each.happened_at)
    return before is None or at - before >= timedelta(days=1) or any(before <= doubt < at for doubt in doubts)


def patience(about: About) -> timedelta:
    """How long one look may take: what a service wants between two requests is no silence of it."""
    return PATIENCE + TURNS * about.apart


def spread(source: str, contact_id: int, every: timedelta, now: datetime) -> timedelta:
    """``every``, give or take a quarter: the contacts spread, and stay apart; the same for the same day."""
    seed = hashlib.sha256(f"{source}:{contact_id}:{now:%Y-%m-%d}".encode()).digest()
    return every * (1 - _SLACK + 2 * _SLACK * int.from_bytes(seed[:4], "big") / 2**32)
