"""The household that the faults strike: six VIPs, three answers, one more question; and what an eye of its own sees.

A ``Play`` is one run: first cycle, answers typed by the phone, second cycle, and the cycles in which all heals.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import SequenceMatcher
from pathlib import Path

import stamina
from structlog.testing import capture_logs

from builders import apple_group
from cardsync import undo
from cardsync.cycles import cycle
from cardsync.demo.phone import Phone
from cardsync.outcome import Cycle
from cardsync.records import Asked, Ending, ProblemKind
from cardsync.report import find_person
from in_memory import mistakes
from loop import GROUP, HOUR, NO_MASS_GUARD, PLENTY, Clock, Loop, meaning, note_of, notes_apart, person, phone_of
from servers import Running
from servers.fault_proxy import FaultProxy, faulty
from servers.loopback import Loopback, Response, serve

OWN: Mapping[str, str] = {
    "Ann": "Met at the fair; likes tea, hiking.\n\nKids: Ada, Bo",
    "Bo": "Zürich, Größe 42; naïve — „ja“ 😀\nok",
    "Eve": "a\\b, c;d\n" + "long line without an end, " * 9 + "\n\n\nlast",
    "Cy": "just, this",
    "Di": "Nothing\nto see; here",
    "Kit": "Call in May, not in June\nwww.example.org/a,b;c",
    "Max": "nobody asks, about Max",
}
"""The owner's notes by key.  Max is no VIP, Kit becomes one later; Cy and Di are companies, whom nobody asks about."""

ASKED_FIRST = ("Ann", "Bo", "Eve")
MORE = "\nP.S. bring, cake"
WAITS = (3 * HOUR, 25 * HOUR, 25 * HOUR)
"""Longer than any pause; longer than until all ETags are compared; the same after an edit."""

EXPECTED: Mapping[str, tuple[Ending | None, ...]] = {
    "Ann": (Ending.CONFIRMED,),
    "Bo": (None, Ending.LEFT),
    "Eve": (None,),
    "Cy": (),
    "Di": (),
    "Kit": (None,),
}
"""How each one's questions end, the newest first (None: it stands)."""


def cards() -> dict[str, bytes]:
    """By UID."""
    return {key: person(key, own, *(["X-ABShowAs:COMPANY"] if key in {"Cy", "Di"} else [])) for key, own in OWN.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What must not be: under which figure it counts, and what it is."""

    figure: str
    what: str
    amount: int = 1


@dataclass(slots=True, kw_only=True)
class Play:
    """``apart``: what every card is without its note, as its owner left it; ``own``: the owner's own text on it."""

    server: Running
    proxy: FaultProxy
    foreign: Loopback
    loop: Loop
    phone: Phone
    apart: dict[str, bytes] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=lambda: dict(OWN))
    cycles: int = 0
    harms: list[Harm] = field(default_factory=list)
    answered: bool = False
    restored: bool = False
    respelt: bool = False

    # ------------------------------------------------------------ acts

    def cycle(self, after: timedelta = timedelta()) -> Cycle | None:
        """One cycle; None where it blew up."""
        self.loop.clock.advance(after)
        self.cycles += 1
        try:
            done = asyncio.run(cycle(self.loop.app))
        except Exception as error:  # noqa: BLE001 - that none does is what is tested
            self.harms.append(Harm(figure="cycles_crashed", what=f"{type(error).__name__} out of the cycle: {error}"))
            return None
        crashed = [report.error for report in done.reports if "a mistake in cardsync itself" in report.error]
        crashed += mistakes(self.loop.app.mirror)
        self.harms += [Harm(figure="cycles_crashed", what=error) for error in crashed]
        return done

    def release(self) -> None:
        """What the owner does who has read what is wrong."""
        self.loop.command("release")
        self.cycle()
        self.cycle(WAITS[1])

    def answer(self) -> None:
        """On the phone: ok, left, a longer note; and another VIP."""
        self.phone.type_below_block("Ann.vcf", "ok")
        self.phone.type_below_block("Bo.vcf", "left")
        self.phone.edit_note("Eve.vcf", lambda note: note + MORE)
        self.phone.add_to_group(GROUP, "Kit")
        self.own["Eve"] += MORE
        self.answered = True
        self.look_at_all()

    def look_at_all(self) -> None:
        """The cards are as their owner wants them."""
        self.apart = {name: notes_apart(self.phone.card(name)) for name in self.phone.names()}

    # ------------------------------------------------------------ what must be

    def judge(self) -> None:
        """Cards, texts and blocks as they stand on the server now."""
        there = set(self.phone.names())
        for name, apart in self.apart.items():
            key = name.removesuffix(".vcf")
            if name not in there:
                self.harm("cards_harmed", f"{key} is gone")
                continue
            card = self.phone.card(name)
            if notes_apart(card) != apart and not (self.respelt and meaning(card, "REV") == meaning(apart, "REV")):
                self.harm("cards_harmed", f"{key} is not the same outside its note: {card!r}")
            if key in self.own:
                self._judge_note(key, note_of(card) or "")

    def _judge_note(self, key: str, note: str) -> None:
        own = self.own[key]
        blocks = note.count("VIPcheck: ")
        if blocks > 1:
            self.harm("blocks_doubled", f"{key} has {blocks} blocks: {note!r}")
        if not re.fullmatch(r"(VIPcheck: .*\n.*\n(ok\n|left\n)?\n)?", note.removesuffix(own)) or own not in note:
            lost = len(own) - sum(match.size for match in SequenceMatcher(None, own, note, False).get_matching_blocks())
            self.harm("user_characters_lost", f"{key}'s own text is not what it was: {note!r}", max(lost, 1))

    def judge_answers(self, keys: Iterable[str] = tuple(EXPECTED)) -> None:
        """What was understood, and which questions stand."""
        for key, endings in ((key, EXPECTED[key]) for key in keys):
            found = self._questions(key)
            if sorted(map(str, (asked.ending for asked in found))) != sorted(map(str, endings)):
                self.harm(
                    "answers_lost",
                    f"{key}: {[asked.ending for asked in found]} for {list(endings)}, {self.loop.history(key)}",
                )
            stands = self.stands(key)
            if stands != (None in endings) or sum(asked.standing for asked in found) != (None in endings):
                self.harm("questions_astray", f"{key}: on the card {stands}, known {[a.standing for a in found]}")

    def stands(self, key: str) -> bool:
        """Whether a question stands on the card."""
        return "VIPcheck: " in (self.phone.note(f"{key}.vcf"))

    def _questions(self, key: str) -> list[Asked]:
        person = find_person(self.loop.app, f"{key} Ruiz")
        return self.loop.app.mirror.questions.of(person.id)

    def judge_wire(self) -> None:
        """No write without a condition that means one version, and no word of ours in foreign ears."""
        for heard in self.foreign.requests:
            if "authorization" in heard.headers:
                self.harm("credentials_to_foreign_origins", f"{heard.method} {heard.path}")
        for request in self.proxy.requests:
            condition = request.headers.get("if-match", "")
            if request.method not in {"GET", "PUT", "PROPFIND", "REPORT", "OPTIONS"}:
                self.harm("writes_unconditional", f"{request.method} {request.path}")
            if request.method == "PUT" and (not condition or "*" in condition.replace(" ", "").split(",")):
                self.harm("writes_unconditional", f"PUT with If-Match {condition!r}")

    def known(self) -> int:
        """How many cards the mirror holds."""
        books = self.loop.app.mirror.books
        return sum(books.count(book.id) for book in books.of("one"))

    def problems(self) -> set[ProblemKind]:
        return {problem.kind for problem in self.loop.app.mirror.problems.all()}

    def told(self) -> str:
        """All problems, in words."""
        found = self.loop.app.mirror.problems.all()
        return "; ".join(f"{problem.kind} ({problem.reason}): {problem.detail}" for problem in found)

    def restore(self) -> None:
        """Each card that a problem says is not as it was, with ``cardsync restore``, as its owner would."""
        for problem in self.loop.app.mirror.problems.all():
            if problem.kind is ProblemKind.PARKED and "cardsync restore" in problem.detail:
                key = problem.href.rpartition("/")[2].removesuffix(".vcf")
                people = [find_person(self.loop.app, f"{key} Ruiz")]
                asyncio.run(undo.restore(self.loop.app, people, None, dry_run=False))
                self.restored = True

    def harm(self, figure: str, what: str, amount: int = 1) -> None:
        self.harms.append(Harm(figure=figure, what=what, amount=amount))


@contextmanager
def play(server: Running, folder: Path) -> Iterator[Play]:
    """The book as it is at the beginning, and nothing known of it."""
    clock = Clock()
    _fill(server)
    with (
        serve(lambda request: Response(200)) as foreign,
        faulty(server) as (proxied, proxy),
        capture_logs(),
        stamina.set_testing(True, attempts=3, cap=True),  # no waiting between attempts
        Loop(
            servers=(proxied,), folder=folder, clock=clock, config={"reminders": PLENTY, "guards": NO_MASS_GUARD}
        ) as loop,
        phone_of(server, clock) as phone,
    ):
        loop.app.mirror.database.execute("PRAGMA synchronous = OFF")
        proxy.foreign = foreign.origin
        begun = Play(server=server, proxy=proxy, foreign=foreign, loop=loop, phone=phone)
        begun.look_at_all()
        yield begun


def _fill(server: Running) -> None:
    wanted = {f"{key}.vcf": card for key, card in cards().items()}
    wanted[GROUP] = apple_group("VIP", [key for key in OWN if key not in {"Kit", "Max"}])
    for name in server.list_cards():
        if name not in wanted:
            server.delete_card(name)
    for name, card in wanted.items():
        server.put_card(name, card)
