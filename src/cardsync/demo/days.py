"""The demo's days: cardsync asks in the morning, the phone answers at noon, and every outcome is checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import click

from cardsync import process
from cardsync.cycles import cycle
from cardsync.demo import show
from cardsync.demo.addressbook import AddressBookFixture
from cardsync.demo.apple import parse
from cardsync.demo.gestures import ANSWERS, FOLLOW_UP, HALF_UPDATED, Gesture, Scene, Understood
from cardsync.demo.phone import Phone
from cardsync.demo.server import DemoServer
from cardsync.demo.untouched import note_of, properties
from cardsync.demo.witness import WitnessedApp
from cardsync.errors import CardsyncError
from cardsync.mirror import Mirror
from cardsync.model import QuestionKind
from cardsync.outcome import Cycle
from cardsync.records import Asked
from cardsync.resources import PutResult

DAYS = len(ANSWERS) + 4  # an answer a day, the half-updated card's, the question that stays open, two that suit none
MORNING, NOON, EVENING, SYNC = timedelta(hours=8), timedelta(hours=12), timedelta(hours=18), timedelta(minutes=15)


@dataclass(slots=True, kw_only=True)
class Time:
    """The accelerated clock, of cardsync and of the phone."""

    now: datetime


@dataclass(slots=True, kw_only=True)
class Days:
    """The telling.

    ``left``: resource name -> the card as the phone last left it; ``own``: the text that must stand in its note
    beside any question; ``half_updated``: contacts that the phone left so; ``rows`` make the
    summary; ``faults`` are sentences, none if all went well.
    """

    app: WitnessedApp
    book: AddressBookFixture
    server: DemoServer
    phone: Phone
    time: Time
    answers: Sequence[Gesture] = ANSWERS
    left: dict[str, bytes] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    half_updated: set[int] = field(default_factory=set)
    asked_last: str = ""

    def tell(self) -> bool:
        """All days and the summary; whether everything went as it should."""
        self.left = self.phone.cards()
        self.own = {name: note_of(card) for name, card in self.left.items()}
        day, number, todo = self.time.now, 1, list(self.answers)
        while todo or self.half_updated:
            show.heading(f"Day {number}, {day:%a %d %b %Y}")
            asked = self._morning(day + MORNING)
            if number == 1:
                self._first_card(asked)
            if gesture := self._gesture(asked, todo):
                self._answered(asked, gesture, day + NOON)
            else:
                show.said("phone", "leaves it for another day")
            if (more := self._standing().get(asked.contact_id)) and more.kind is QuestionKind.FOLLOW_UP:
                self._answered(more, FOLLOW_UP, day + EVENING)
            day, number = day + timedelta(days=1), number + 1
        show.heading(f"Day {number}, {day:%a %d %b %Y}")
        self.asked_last = self._person(self._morning(day + MORNING))
        self._sum_up()
        return not self.faults

    # ------------------------------------------------------------ cardsync's turn

    def _cycle(self, at: datetime) -> Cycle:
        """One cycle at that time; raises ``CardsyncError`` where it fails."""
        self.time.now = at
        self.app.witness.puts.clear()
        done = process.run(cycle(self.app))
        for report in done.reports:
            if report.error:
                raise CardsyncError(report.error)
        return done

    def _morning(self, at: datetime) -> Asked:
        """The day's one new question."""
        before = {asked.id for asked in self._standing().values()}
        self._cycle(at)
        new = [asked for asked in self._standing().values() if asked.id not in before]
        if len(new) != 1:
            raise CardsyncError(f"The demo has gone wrong: {len(new)} new questions on {at:%Y-%m-%d} instead of one.")
        show.said("asked", f"{self._person(new[0])}: {new[0].block.partition(': ')[2].splitlines()[0]}")
        return new[0]

    def _first_card(self, asked: Asked) -> None:
        """The first card before and after, and a cycle in which nothing happens."""
        name = self._resource(asked)
        sent = self.app.witness.puts[-1].data
        show.heading("The card, before and after: what cardsync sent")
        show.diff(self.left[name], sent)
        self._check(
            properties(sent) == properties(self.left[name]) and note_of(sent) == self._note(name, asked),
            "the first card that was sent differs in more than its question",
        )
        show.heading("The same on the iPhone")
        show.side_by_side(self.left[name], self.phone.card(name))
        show.heading("The rest of the day")
        before = len(self.server.requests())
        self._cycle(self.time.now + SYNC)
        requests = len(self.server.requests()) - before
        self._check(not self.app.witness.puts, "a cycle in which nothing changed wrote something")
        show.said("next sync", f"15 minutes later, nothing has changed: {requests} request, nothing written")

    # ------------------------------------------------------------ the phone's turn

    def _gesture(self, asked: Asked, todo: list[Gesture]) -> Gesture | None:
        """The next one that suits the question and its card, if any does."""
        if asked.kind is QuestionKind.HALF_UPDATED:
            self.half_updated.discard(asked.contact_id)
            return HALF_UPDATED
        scene = self._scene(asked)
        gesture = next((each for each in todo if each.suits(scene)), None)
        if gesture is None:
            return None
        todo.remove(gesture)
        if gesture.half:
            self.half_updated.add(asked.contact_id)
        return gesture

    def _answered(self, asked: Asked, gesture: Gesture, at: datetime) -> None:
        """The phone answers, cardsync reads; a row of the summary."""
        scene = self._scene(asked)
        name, self.time.now = scene.name, at
        gesture.act(self.phone, scene)
        self._remember(scene)
        self.own[name] = gesture.text(self.own[name])
        if cut_in := gesture.cut_in:

            def between() -> None:
                cut_in(self.phone, scene)
                self._remember(scene)

            self.app.witness.cut_in = between
        self._cycle(at + SYNC)
        understood = _understood(self.app.mirror, asked, self.time.now)
        self._tell_outcome(asked, scene, gesture, understood)

    def _tell_outcome(self, asked: Asked, scene: Scene, gesture: Gesture, understood: Understood) -> None:
        expected = gesture.expected(scene)
        right = understood == expected
        show.said("phone", gesture.said)
        show.said("understood", understood.sentence(), good=right)
        if gesture.cut_in:
            results = [put.result for put in self.app.witness.puts if put.name == scene.name]
            met = results == [PutResult.CONFLICT, PutResult.STORED]
            show.said("", "the card had changed: the first write was refused, the second is of the new card", good=met)
            self._check(met, f"{self._person(asked)}: the edit did not meet cardsync's write")
        standing = self._standing().get(asked.contact_id)
        kept = self.phone.note(scene.name) == self._note(scene.name, standing)
        show.said("note", _told(scene, self.own[scene.name], kept), good=kept)
        person, sentence = self._person(asked), understood.sentence()
        self._check(right, f"{person}: understood as {understood}, should be {expected}")
        self._check(kept, f"{person}: the user's text is not byte for byte as it was")
        question = asked.block.partition(": ")[2].splitlines()[0].partition(" (")[0]
        outcome = (sentence if right else f"WRONG: {sentence}", "yes" if kept else "NO")
        self.rows.append(((person, question, gesture.said, *outcome), right and kept))

    def _remember(self, scene: Scene) -> None:
        """What the phone has just left on the server."""
        for name in (scene.name, scene.vip_card):
            self.left[name] = self.phone.card(name)

    # ------------------------------------------------------------ the end

    def _sum_up(self) -> None:
        show.heading("Summary")
        headings = ("contact", "question", "the phone", "cardsync understood", "text kept")
        show.table(headings, self.rows)
        click.echo()
        compared = self._compare_all()
        answers = f"{len(self.rows)} answers understood, the user's own text byte for byte as the user left it"
        if self.faults:
            for fault in self.faults:
                show.said("WRONG", fault, good=False)
            return
        show.said("checked", answers, good=True)
        show.said("checked", f"all other properties of all {compared} cards are as the phone left them", good=True)

    def _compare_all(self) -> int:
        """Hold every card on the server against what the phone left there; how many there are."""
        standing = {self._resource(asked): asked for asked in self._standing().values()}
        there = self.phone.cards()
        self._check(there.keys() == self.left.keys(), "cards were added or lost")
        for name, before in self.left.items():
            now = there.get(name, before)
            whole = properties(now) == properties(before) and note_of(now) == self._note(name, standing.get(name))
            self._check(whole, f"the card {name} is not as the phone left it")
        return len(self.left)

    # ------------------------------------------------------------ looking

    def _check(self, good: bool, fault: str) -> None:
        if not good:
            self.faults.append(fault)

    def _note(self, name: str, standing: Asked | None) -> str:
        """What must stand in a card's note: the question above the user's own text."""
        return "\n\n".join(filter(None, (standing.block if standing else "", self.own[name])))

    def _standing(self) -> dict[int, Asked]:
        """By contact: the questions that stand on cards."""
        mirror = self.app.mirror
        books = [book for name in self.app.settings.accounts for book in mirror.books.of(name)]
        return {contact: asked for book in books for contact, asked in mirror.questions.standing(book.id).items()}

    def _resource(self, asked: Asked) -> str:
        for name in self.app.settings.accounts:
            for book in self.app.mirror.books.of(name):
                for card in self.app.mirror.books.cards(book.id, contact_id=asked.contact_id):
                    return card.href.rpartition("/")[2]
        raise CardsyncError("The demo has gone wrong: a question has lost its card.")

    def _person(self, asked: Asked) -> str:
        return self.book.names[self._resource(asked).removesuffix(".vcf")]

    def _scene(self, asked: Asked) -> Scene:
        name = self._resource(asked)
        return Scene(
            name=name,
            uid=name.removesuffix(".vcf"),
            lines=tuple(parse(self.phone.card(name))),
            own=self.own[name],
            vip_card=self.book.group_cards["VIP"],
            fields=frozenset(asked.fields),
        )


def _understood(mirror: Mirror, asked: Asked, now: datetime) -> Understood:
    """What the mirror holds of the contact."""
    questions = mirror.questions.of(asked.contact_id)
    standing, memory = mirror.standings.of(asked.contact_id), mirror.contacts.memory(asked.contact_id)
    hints = [event["new"] for event in mirror.contacts.history(asked.contact_id) if event["what"] == "suggestion"]
    return Understood(
        ending=next(known.ending for known in questions if known.id == asked.id),
        pause=standing.pause,
        wait=standing.not_before - now if standing.not_before else None,
        left=standing.left_at is not None,
        sure=frozenset(which for which, known in memory.fields.items() if known.validated_at == now),
        block=next((known.kind for known in questions if known.standing), None),
        suggestion=" ".join(hints),
    )


def _told(scene: Scene, own: str, kept: bool) -> str:
    if not kept:
        return "the user's own text is not as it was"
    if not own:
        return "there was no text of the user's, and there is none"
    same = "byte for byte as it was" if own == scene.own else "kept, with what was added"
    return f"the user's own text ({len(own.encode())} bytes) is {same}"
