"""A kill matrix: the daemon and the undo commands, killed with SIGKILL before every step that they take.

For each phase of ``killed_house.STORY`` one run is undisturbed and counts the steps.  Then, for each step: the phase's
start is put back, the command dies at the step, is started again, and what stands after the next cycle is compared.
Now and then the second start dies too, or a phone edits a card between death and start: then the phone's words have to
be there, and at most one question.  ``rounds``: of each phase at most so many steps, drawn by the seed.
"""

import random
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import requests

from cardsync.errors import ServerProblem
from loop import meaning, note_of
from servers import Running
from torture.aftermath import ANEW, Aftermath, copies, differences, exports, look
from torture.forked import FREE, Forks
from torture.frame import Options, Report
from torture.killed_house import PEOPLE, RUN, STORY, House, Phase, Snapshot, own_text

FIGURES = (
    "kill_points",
    "kills",
    "kills_of_the_restart",
    "edits_between_kill_and_restart",
    "blocks_doubled",
    "answers_lost",
    "user_characters_lost",
    "end_states_that_differ",
    "journal_entries_left_open",
    "unsent_questions_left",
    "half_backups_under_a_name",
    "files_left",
    "files_open_to_others",
    "databases_broken",
    "restarts_refused",
)
WORKERS = 2
AGAIN, EDITED = 0.1, 0.15  # of all kills: the restart dies too; a phone edits in between
WORDS = "called on Monday"
Choose = Callable[[Phase, Sequence[str]], Sequence[int]]


def run(options: Options, report: Report) -> None:
    def some(phase: Phase, steps: Sequence[str]) -> Sequence[int]:
        chosen = random.Random(f"{options.seed} {phase.name}")
        return sorted(chosen.sample(range(len(steps)), min(options.rounds, len(steps))))

    for name in FIGURES:
        report.count(name, 0)
    for server in options.servers:
        matrix(server, options.folder / server.name, options.seed, some, report)


def matrix(
    server: Running, folder: Path, seed: int, choose: Choose, report: Report, story: Sequence[Phase] = STORY
) -> None:
    """The story on as many books as there are workers; they share the steps among them."""
    books = list(_books(server))
    places = [
        Place(book, folder / str(at), seed, choose, story, (at, len(books)), Report(tell=report.tell))
        for at, book in enumerate(books)
    ]
    with ThreadPoolExecutor(len(places)) as pool:
        for own in pool.map(Place.run, places):
            report.figures.update(own.figures)
            report.failures += own.failures


def _books(server: Running) -> Iterator[Running]:
    for _ in range(WORKERS):
        name = f"kills-{uuid4().hex[:8]}"
        try:
            yield server.make_book(name, name)
        except requests.HTTPError:  # one book has to do
            yield server
            return


@dataclass(slots=True)
class Place:
    """One worker's book; it kills at every step whose number is its own."""

    server: Running
    folder: Path
    seed: int
    choose: Choose
    story: Sequence[Phase]
    share: tuple[int, int]
    report: Report

    def run(self) -> Report:
        with Forks() as forks:
            house = House(server=self.server, folder=self.folder, forks=forks)
            with house.phone:
                for phase in self.story:
                    phase.before(house)
                    self._phase(house, phase)
        return self.report

    def _phase(self, house: House, phase: Phase) -> None:
        trial = Trial(house, phase, Snapshot.take(house, phase.name, house.cards()), self.seed, self.report)
        steps = trial.count()
        at, of = self.share
        self.report.count("kill_points", len(steps) if at == 0 else 0)
        for step in self.choose(phase, steps)[at::of]:
            trial.kill(step)
        trial.end.put_back(house, house.cards())


@dataclass(slots=True)
class Trial:
    """One phase of one house, begun again and again."""

    house: House
    phase: Phase
    snapshot: Snapshot
    seed: int
    report: Report
    expected: Aftermath = field(init=False)
    end: Snapshot = field(init=False)
    exact: bool = False
    steps: int = 0

    def count(self) -> list[str]:
        """Two undisturbed runs: the steps, the end state, and whether the server makes the same bytes of it twice."""
        first, steps = self._undisturbed("count")
        self.expected, _ = self._undisturbed(FREE)
        self.exact = first.cards == self.expected.cards
        self.steps = len(steps)
        found = list(differences(first, self.expected, exact=self.exact))
        assert not found, f"{self.phase.name}: two undisturbed runs differ: {found}"
        return steps

    def _undisturbed(self, step: str) -> tuple[Aftermath, list[str]]:
        code, text = self._start(step)
        assert code == 0, text
        steps = self.house.steps() if step != FREE else []
        if not self.phase.is_cycle:
            code, text = self._next_cycle()
            assert code == 0, text
        found = look(self.house.state, self.house.cards())
        self.end = Snapshot.take(self.house, f"{self.phase.name} {step}", found.cards)
        self.snapshot.put_back(self.house, found.cards)
        return found, steps

    def _start(self, step: str = FREE, arguments: Sequence[str] = ()) -> tuple[int, str]:
        return self.house.run(arguments or self.phase.arguments, self.phase.now, self.phase.env, step)

    def _next_cycle(self) -> tuple[int, str]:
        return self.house.run(RUN, self.phase.now + self.phase.wait, self.phase.env)

    # ------------------------------------------------------------ a kill

    def kill(self, step: int) -> None:
        """Die at the step, start again, and look."""
        rng = random.Random(f"{self.seed} {self.phase.name} {step}")
        again, edited = rng.random() < AGAIN, rng.random() < EDITED
        code, text = self._start(str(step))
        taken = self.house.steps()
        told = f"kills: {self.house.server.name}, seed {self.seed}, phase {self.phase.name}, step {step} ({taken[-1]})"
        if code not in {0, -signal.SIGKILL}:  # 0: it took fewer steps this time, and is started again all the same
            self.report.fail("restarts_refused", f"{told}: ended with {code}:\n{text}")
        self.report.count("kills", int(code != 0))
        self._check_backups(told)
        words = self._edit(taken, rng) if edited else ""
        if again:
            second = rng.randrange(self.steps)
            killed = self._start(str(second), self._needed(edited=edited))[0] == -signal.SIGKILL
            self.report.count("kills_of_the_restart", int(killed))
            told += f", killed again at {second}"
        self._restart(told, edited=edited)
        found = self._look(told)
        if found and words:
            self._judge_edited(found, words, f"{told}, {words} edited")
        elif found:
            self._judge(found, told)
        self._reset(found.cards if found else None)

    def _reset(self, cards: Mapping[str, bytes] | None = None) -> None:
        self.snapshot.put_back(self.house, self.house.cards() if cards is None else cards)

    def _needed(self, *, edited: bool) -> Sequence[str]:
        """What to start now: the command once more where that is still needed, else the daemon."""
        queued = self.phase.kept_as and self.house.queued(self.phase.kept_as)
        return RUN if queued or (edited and self.phase.overwrites) else self.phase.arguments

    def _restart(self, told: str, *, edited: bool) -> None:
        """Undisturbed, to the end of a cycle."""
        ends = [self._start(FREE, self._needed(edited=edited))]
        if edited or not self.phase.is_cycle:
            ends.append(self._next_cycle())
        for code, text in ends:
            if code != 0 or '"level": "error"' in text or "account failed" in text:
                self.report.fail("restarts_refused", f"{told}: the restart ended with {code}:\n{text}")

    def _edit(self, taken: Sequence[str], rng: random.Random) -> str:
        """Words behind the note of the card that was in hand, if any."""
        cards = [f"{key}.vcf" for key in PEOPLE]
        named = [name for step in taken for name in re.findall(r"\S+\.vcf", step) if name in cards]
        name = self.phase.overwrites or (named[-1] if named else rng.choice(cards))
        self.house.clock.now = self.phase.now
        for left in range(20, -1, -1):  # a server may still be at the dead client's last request, and say 500
            try:
                self.house.phone.edit_note(name, lambda note: note if WORDS in note else f"{note}\n\n{WORDS}")
                break
            except ServerProblem:
                if not left:
                    raise
        self.report.count("edits_between_kill_and_restart")
        return name

    def _look(self, told: str) -> Aftermath | None:
        try:
            return look(self.house.state, self.house.cards())
        except sqlite3.Error as error:
            self.report.fail("databases_broken", f"{told}: {error}")
            return None

    # ------------------------------------------------------------ judgement

    def _check_backups(self, told: str) -> None:
        """At once, before another backup takes the name."""
        whole = exports(self.house.state) <= self.expected.backups and copies(self.house.state) <= self.expected.copies
        if not whole:
            self.report.fail("half_backups_under_a_name", f"{told}: a backup is not whole")

    def _judge(self, found: Aftermath, told: str) -> None:
        self._judge_always(found, told)
        lost = self.expected.endings() - found.endings()
        if lost:
            self.report.fail("answers_lost", f"{told}: lost {sorted(lost)}")
        for difference in differences(self.expected, found, exact=self.exact):
            self.report.fail("end_states_that_differ", f"{told}: {difference}")

    def _judge_edited(self, found: Aftermath, edited: str, told: str) -> None:
        """The phone's words are there; of the others a note may differ: another contact is asked instead."""
        self._judge_always(found, told)
        there = found.cards.get(edited)
        if there is None or (note_of(there) or "").count(WORDS) != 1:
            self.report.fail("user_characters_lost", f"{told}: it is {there!r}")
        for name, card in self.expected.cards.items():
            if name == edited:
                continue
            if name not in found.cards or meaning(card, *ANEW) != meaning(found.cards[name], *ANEW):
                self.report.fail("end_states_that_differ", f"{told}: {name} is {found.cards.get(name)!r}")

    def _judge_always(self, found: Aftermath, told: str) -> None:
        for name in found.doubled():
            self.report.fail("blocks_doubled", f"{told}: {name} is {found.cards[name]!r}")
        for key in PEOPLE:
            card = found.cards.get(f"{key}.vcf")
            if own_text(key) not in ((card and note_of(card)) or ""):
                self.report.fail("user_characters_lost", f"{told}: the owner's text on {key}.vcf")
        for figure, wrong in {
            "journal_entries_left_open": found.open_entries,
            "unsent_questions_left": found.unsent,
            "files_left": found.strange_files,
            "files_open_to_others": found.open_modes,
        }.items():
            if wrong:
                self.report.fail(figure, f"{told}: {figure.replace('_', ' ')}: {wrong}")
