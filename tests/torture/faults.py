"""Every fault of the catalogue at every request of a cycle, once and for as long as it lasts; then many in a row.

The proxy heals, time passes, and everything has to be as in a run that nothing disturbed.
"""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

from cardsync.records import ProblemKind
from loop import HOUR
from servers import Running
from servers.fault_proxy import Kind, Request, Strike
from torture.card_faults import card_faults
from torture.etag_faults import etag_faults
from torture.fault_scene import ASKED_FIRST, WAITS, Play, play
from torture.frame import Options, Report
from torture.listing_faults import listing_faults
from torture.wire_faults import Fault, wire_faults

CATALOGUE: tuple[Fault, ...] = (*wire_faults(), *listing_faults(), *etag_faults(), *card_faults())
HONEST = tuple(
    fault
    for fault in CATALOGUE
    if not (fault.lies or fault.ruins) and fault.name not in {"404 to a GET", "410 to a GET"}
)
"""In a row they are no more than what each is; two lies, or a card that is said to be gone, may make a truth."""

ANY_TRIP = frozenset({ProblemKind.LISTING}).union(*(fault.trips for fault in HONEST))
"""A listing that failed is told of until the next one, which waits for a login that was refused."""

FIGURES = (
    "faults_in_catalogue",
    "faults_never_injected",
    "faults_injected",
    "cases",
    "cycles",
    "cycles_crashed",
    "user_characters_lost",
    "blocks_doubled",
    "answers_lost",
    "questions_astray",
    "cards_harmed",
    "mirrors_emptied",
    "writes_unconditional",
    "credentials_to_foreign_origins",
    "guards_without_cause",
    "others_stopped",
)
ALL = 100  # rounds, from which on no case is left out
_ONE_CARD = frozenset({Kind.GET, Kind.PUT})
Director = Callable[[Request], tuple[str, Strike] | None]
Seen = tuple[Kind, str]
"""A request of an undisturbed cycle: what it asks for, and the last segment of its path."""


@dataclass(slots=True, kw_only=True)
class Aim:
    """The fault hits the ``number``-th request that it applies to; if ``lasting``, all from there on.

    ``only``: it hits requests for this card alone.
    """

    fault: Fault
    number: int = 1
    lasting: bool = False
    only: str = ""
    seen: int = 0

    def __call__(self, request: Request) -> tuple[str, Strike] | None:
        if not applies(self.fault, (request.kind, request.name), self.only):
            return None
        self.seen += 1
        hit = self.seen >= self.number if self.lasting else self.seen == self.number
        return (self.fault.name, self.fault.strike) if hit else None


def applies(fault: Fault, seen: Seen, only: str = "") -> bool:
    return seen[0] in fault.kinds and (not only or (seen[0] in _ONE_CARD and seen[1] == only))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Any fault that serves no lies and ruins nothing may hit any request that it applies to."""

    chance: random.Random
    share: float

    def __call__(self, request: Request) -> tuple[str, Strike] | None:
        fitting = [fault for fault in HONEST if request.kind in fault.kinds]
        if not fitting or self.chance.random() >= self.share:
            return None
        fault = self.chance.choice(fitting)
        return fault.name, fault.strike


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault, the cycle that it strikes (the first ever, or the second, after the answers), and where."""

    fault: Fault
    second: bool
    number: int = 1
    lasting: bool = False
    only: str = ""

    def __str__(self) -> str:
        where = f"all for {self.only}" if self.only else f"all from the {self.number}." if self.lasting else self.number
        return f"{'second' if self.second else 'first'} cycle, {self.fault.name!r}, request {where}"

    def aim(self) -> Aim:
        return Aim(fault=self.fault, number=self.number, lasting=self.lasting, only=self.only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """The requests of the two cycles when nothing goes wrong."""

    first: tuple[Seen, ...]
    second: tuple[Seen, ...]

    def cases(self, fault: Fault) -> Iterator[Case]:
        """Each request that the fault applies to, all of them, and all for one card."""
        for second in (False, True):
            there = [seen for seen in (self.second if second else self.first) if applies(fault, seen)]
            for at in range(len(there)):
                yield Case(fault=fault, second=second, number=at + 1)
            if there:
                yield Case(fault=fault, second=second, lasting=True)
            if second:
                for name in sorted({name for kind, name in there if kind in _ONE_CARD}):
                    yield Case(fault=fault, second=second, lasting=True, only=name)


@dataclass(slots=True)
class Stage:
    """Runs cases on one server and counts."""

    server: Running
    folder: Path
    seed: int
    report: Report
    struck: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=count)

    def undisturbed(self) -> Undisturbed:
        """What the cases are held against; if this fails, nothing else means anything."""
        with self._play() as at:
            at.cycle()
            first = _seen(at.proxy.requests)
            at.answer()
            before = len(at.proxy.requests)
            at.cycle(HOUR)
            second = _seen(at.proxy.requests[before:])
            for wait in WAITS:
                at.cycle(wait)
            self._judge_end(at, answers=True)
            self._close(at, "undisturbed")
        return Undisturbed(first=first, second=second)

    def strike(self, case: Case) -> bool:
        """One case; whether the fault found something to do."""
        with self._play() as at:
            if case.second:
                at.cycle()
                at.answer()
            at.proxy.director = case.aim()
            at.respelt = case.fault.respells
            known = at.known()
            at.cycle(HOUR)
            at.proxy.settle()
            if not at.proxy.struck:
                return False
            self._judge_under_fault(at, case, known)
            at.proxy.heal()
            self._heal(at, case.fault)
            if not case.second:
                self._answered(at, case.fault)
            self._judge_end(at, answers=not case.fault.lies)
            self._close(at, str(case))
        return True

    # ------------------------------------------------------------ several in a row

    def sequence(self, number: int) -> None:
        """Three cycles in which every few requests one meets a fault, then peace."""
        chance = random.Random(f"{self.seed}/{self.server.name}/{number}")
        trouble = Trouble(chance=chance, share=chance.choice((0.05, 0.15, 0.4)))
        self.through(trouble, [chance.choice((HOUR, *WAITS)) for _ in range(3)], f"sequence {number}")

    def through(self, director: Director, waits: Iterable[timedelta], what: str) -> None:
        """Cycles under a director, each after its wait; then peace."""
        with self._play() as at:
            at.cycle()
            at.answer()
            at.respelt = True
            at.proxy.director = director
            for wait in waits:
                at.cycle(wait)
                at.judge()
            at.proxy.heal()
            for wait in WAITS:
                at.cycle(wait)
            at.judge()
            if at.problems() - ANY_TRIP:
                at.harm("guards_without_cause", at.told())
            if at.problems():
                at.restore()
                at.release()
            self._judge_end(at, answers=True)
            struck = ", ".join(f"{name} ({request.kind} {request.name})" for name, request in at.proxy.struck)
            self._close(at, f"{what}: {struck}")

    # ------------------------------------------------------------ what has to be

    def _judge_under_fault(self, at: Play, case: Case, known: int) -> None:
        if at.known() < known and not case.fault.lies:
            at.harm("mirrors_emptied", f"{at.known()} of {known} cards left")
        if not case.fault.ruins:
            at.judge()
        if case.only and not (case.fault.stops or case.fault.ruins):
            at.cycle(WAITS[0])
            others = [f"{key}" for key in ("Ann", "Bo", "Kit") if f"{key}.vcf" != case.only]
            before = len(at.harms)
            at.judge_answers(others)
            if len(at.harms) > before:
                at.harm("others_stopped", f"because of {case.only}")

    def _heal(self, at: Play, fault: Fault) -> None:
        """Time passes; then, where a guard may stand, the owner does what it says."""
        for wait in WAITS:
            at.cycle(wait)
        left = at.problems()
        if left - fault.trips:
            at.harm("guards_without_cause", at.told())
        if left:
            at.restore()
            at.release()

    def _answered(self, at: Play, fault: Fault) -> None:
        """The owner answers, now that all is well."""
        missing = [key for key in ASKED_FIRST if not at.stands(key)]
        if missing and fault.lies:  # it takes the owner's word for edits that nobody made
            return
        if missing:
            at.harm("questions_astray", f"never asked: {missing}")
            return
        at.answer()
        for wait in (HOUR, *WAITS):
            at.cycle(wait)

    def _judge_end(self, at: Play, *, answers: bool) -> None:
        at.judge()
        at.judge_wire()
        if answers and at.answered and not at.restored:
            at.judge_answers()

    def _play(self) -> AbstractContextManager[Play]:
        folder = self.folder / f"{self.server.name}-{next(self.numbers)}"
        folder.mkdir(parents=True)
        return play(self.server, folder)

    def _close(self, at: Play, what: str) -> None:
        self.report.count("cases")
        self.report.count("cycles", at.cycles)
        self.report.count("faults_injected", len(at.proxy.struck))
        self.struck.update(name for name, _ in at.proxy.struck)
        for harm in at.harms:
            self.report.count(harm.figure, harm.amount - 1)
            self.report.fail(harm.figure, f"faults: {self.server.name}: seed {self.seed}: {what}: {harm.what}")
        shutil.rmtree(at.loop.folder, ignore_errors=True)


def _seen(requests: Sequence[Request]) -> tuple[Seen, ...]:
    return tuple((request.kind, request.name) for request in requests)


def run(options: Options, report: Report) -> None:
    """Every case on every server (of less than 100 ``rounds`` ten for each), then that many sequences on each."""
    for figure in FIGURES:
        report.count(figure, 0)
    report.count("faults_in_catalogue", len(CATALOGUE))
    struck: Counter[str] = Counter()
    for server in options.servers:
        own = server.make_book(f"faults-{uuid4().hex[:8]}", "faults")
        stage = Stage(own, options.folder, options.seed, report, struck)
        undisturbed = stage.undisturbed()
        cases = [case for fault in CATALOGUE for case in undisturbed.cases(fault)]
        step = 1 if options.rounds >= ALL else max(1, len(cases) // (10 * max(1, options.rounds)))
        for case in cases[options.seed % step :: step]:
            stage.strike(case)
        for number in range(options.rounds):
            stage.sequence(number)
    for fault in CATALOGUE if options.rounds >= ALL else ():
        if options.servers and not struck[fault.name]:
            report.fail("faults_never_injected", f"faults: {fault.name!r} struck nothing on any server")
