"""The demo's last chapter: what the owner's mail and the employers' sites tell, and what is asked for it.

Mail and sites are invented and played in memory; what reads them and what decides is the product's own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import click

from cardsync import process, report, roster
from cardsync.app import database_of
from cardsync.assess.evidence import sentence
from cardsync.consulting import consult
from cardsync.cycles import cycle
from cardsync.demo import post, show
from cardsync.demo.addressbook import people
from cardsync.demo.days import MORNING, SYNC, Time
from cardsync.demo.phone import Phone
from cardsync.demo.place import ACCOUNT, write_config
from cardsync.demo.server import serving
from cardsync.demo.sights import SIGHTS, Colleague, Sight, colleagues, hosts
from cardsync.demo.sites import Sites
from cardsync.demo.untouched import note_of, properties
from cardsync.demo.witness import Witness, WitnessedApp
from cardsync.errors import CardsyncError
from cardsync.evidence.mailbox import Mailbox
from cardsync.evidence.web import WebPages
from cardsync.inquiries import Named
from cardsync.mirror import Mirror
from cardsync.records import SEEN_IN_USE
from cardsync.report import Person
from cardsync.resources import PutResult
from cardsync.settings.load import load
from cardsync.settings.model import Settings
from cardsync.sources import About

SEED = 4  # four employers, each with a domain of its own name
DAY = timedelta(days=1)
CONFIRMED = timedelta(days=120)  # so long ago the owner marked the cards as right
SETTING_UP, MORNINGS = 4, 3  # days before today; mornings, of one new question each as is the default
TOLD = (
    "Mail and sites are invented here, and played to the code that reads real ones. With [sources.mailbox] and "
    "[sources.web] in the config they are your own mailbox and real sites; without these tables neither is looked at."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Whether the chapter went as it should; its config, and whom to ask ``explain`` about."""

    good: bool
    config: Path
    name: str


def tell(place: Path, today: datetime) -> Outcome:
    """Tell it, on a server, an address book and a state of its own in ``place``; raises ``CardsyncError``."""
    with chapter(place, today, SIGHTS) as told:
        return Outcome(good=told.tell(), config=told.config, name=told.seen[0][0].name)


@contextmanager
def chapter(place: Path, today: datetime, sights: Sequence[Sight]) -> Iterator["Chapter"]:
    """The chapter with its server running; a VIP for each of the sights."""
    time = Time(now=today - SETTING_UP * DAY)
    book = people(SEED, len(sights), len(sights), now=time.now)
    seen = tuple(zip(colleagues(book), sights, strict=True))
    place.mkdir(mode=0o700)
    with serving(book.cards, place / "server") as server:
        config = write_config(place, server, post.TABLES)
        with (
            Phone(book_url=server.book_url, username=server.username, password=server.password) as phone,
            _app(load(config, {}), time, Sites(hosts(seen))) as app,
        ):
            yield Chapter(config=config, app=app, phone=phone, time=time, seen=seen)


@contextmanager
def _app(settings: Settings, time: Time, sites: Sites) -> Iterator[WitnessedApp]:
    mirror = Mirror.open(database_of(settings))
    try:
        yield WitnessedApp(
            settings=settings,
            mirror=mirror,
            environ={},
            clock=lambda: time.now,
            make_client=lambda kept: sites.client(kept, lambda: time.now),
            witness=Witness(),
        )
    finally:
        mirror.close()


class _WithoutPauses(WebPages):
    """The source ``web``; between two visits to nobody it need not wait."""

    @property
    def about(self) -> About:
        return replace(super().about, apart=timedelta())


@dataclass(slots=True, kw_only=True)
class Chapter:
    """``cards``: resource name -> card, before anything was written; ``faults`` are sentences."""

    config: Path
    app: WitnessedApp
    phone: Phone
    time: Time
    seen: Sequence[tuple[Colleague, Sight]]
    cards: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def tell(self) -> bool:
        """Whether all went as it should."""
        show.heading("What your own mail tells")
        show.said("played", TOLD)
        self.cards = self.phone.cards()
        first_day = self.time.now
        self._set_up(first_day + MORNING)
        arrived = first_day + MORNING + timedelta(hours=6)
        mailbox = post.Mailbox([sight.mail(who, arrived) for who, sight in self.seen if sight.mail])
        sources = (
            Named(name="mailbox", source=Mailbox(post.options(), connect=mailbox.connected)),
            Named(name="web", source=_WithoutPauses()),
        )
        for number in range(1, MORNINGS + 1):
            self._sync(first_day + number * DAY + MORNING, sources)
        for who, sight in self.seen:
            self._tell_of(who, sight)
        self._sum_up()
        return not self.faults

    # ------------------------------------------------------------ cardsync's turn

    def _set_up(self, at: datetime) -> None:
        """The first sync only reads; then the owner marks all cards as right on a day not long ago."""
        self.time.now, confirmed = at, at - CONFIRMED
        account = self.app.settings.accounts[ACCOUNT].changed(write="never")
        reading = self.app.settings.changed(accounts={ACCOUNT: account})
        _run(replace(self.app, settings=reading), ())
        everyone = [person.id for person in report.people(self.app)]
        self.app.mirror.commands.queue("validate", {"contacts": everyone, "on": confirmed.isoformat()}, at)
        self.app.carry_out_waiting()
        self._sync(at + SYNC, ())
        quiet = not report.questions(self.app)
        said = f"{len(everyone)} others, in an address book of their own. You marked their cards as right on"
        nothing = "age alone asks nothing" if quiet else "yet age alone asks"
        show.said("VIPs", f"{said} {confirmed:%d %b %Y}: {nothing}", good=quiet)
        self._check(quiet, "a question was asked before there was anything to see")

    def _sync(self, at: datetime, sources: Sequence[Named]) -> None:
        self.time.now = at
        _run(self.app, sources)

    # ------------------------------------------------------------ what came of it

    def _tell_of(self, who: Colleague, sight: Sight) -> None:
        person = report.find_person(self.app, who.name)
        click.echo()
        show.said("contact", f"{who.name}, {who.title} at {who.organisation}: {sight.said}")
        found = " ".join(sentence(each) for each in self.app.mirror.evidence.of(person.id))
        show.said("seen", found or "nothing", good=bool(found))
        question = report.standing_question(self.app, person)
        note = self.phone.note(who.card)
        if question is None:
            self._tell_silent(who, sight, person, note)
            return
        right = bool(sight.asks) and sight.asks in question.block
        for at, line in enumerate(question.block.split("\n")):
            show.said("" if at else "note", line, good=right)
        self._check(right, f"{who.name}: the question does not ask for what was seen")
        self._check(note == _note(question.block, self.cards[who.card]), f"{who.name}: the note is not as it should be")

    def _tell_silent(self, who: Colleague, sight: Sight, person: Person, note: str) -> None:
        """Of a contact without a question."""
        sure = next(row["last_sure"] for row in roster.vips(self.app) if row["name"] == person.name)
        used = SEEN_IN_USE in [event["what"] for event in report.history(self.app, person)["events"]]
        moved = bool(sure) and datetime.fromisoformat(sure) > self.time.now - CONFIRMED
        good = not sight.asks and used and moved and note == note_of(self.cards[who.card])
        day = f"{datetime.fromisoformat(sure):%d %b %Y}" if sure else "never"
        history = f'the history says "{SEEN_IN_USE}"' if used else "the history does not tell of it"
        show.said("note", f"no question; last sure {day}, and {history}", good=good)
        wrong = "not asked about" if sight.asks else "that the work address is in use did not count"
        self._check(good, f"{who.name}: {wrong}")

    def _sum_up(self) -> None:
        click.echo()
        there, wanted = self.phone.cards(), sum(bool(sight.asks) for _, sight in self.seen)
        standing = len(report.questions(self.app))
        self._check(standing == wanted, f"{standing} questions stand instead of {wanted}")
        self._check(there.keys() == self.cards.keys(), "cards were added or lost")
        for name, before in self.cards.items():
            same = properties(there.get(name, before)) == properties(before)
            self._check(same, f"the card {name} is not as it was")
        puts = self.app.witness.puts
        whole = all(properties(put.data) == properties(self.cards[put.name]) for put in puts)
        self._check(whole, "something else than a note was written")
        stored = sum(put.result is PutResult.STORED for put in puts)
        self._check(stored == len(puts) == wanted, f"{len(puts)} writes for {wanted} questions")
        for fault in self.faults:
            show.said("WRONG", fault, good=False)
        if not self.faults:
            others = len(self.seen) - wanted
            show.said(
                "checked", f"{wanted} questions, each says what was seen; {others} address seen in use", good=True
            )
            show.said("checked", "nothing but these notes was written: company, title and all else stay", good=True)

    def _check(self, good: bool, fault: str) -> None:
        if not good:
            self.faults.append(fault)


def _run(app: WitnessedApp, sources: Sequence[Named]) -> None:
    """A look of the sources and a cycle; raises ``CardsyncError`` where one fails."""

    async def run() -> list[str]:
        looked = await consult(app, sources)
        done = await cycle(app)
        return [error for counts in looked.values() for error in counts.errors] + [
            account.error for account in done.reports if account.error
        ]

    for error in process.run(run()):
        raise CardsyncError(error)


def _note(block: str, before: bytes) -> str:
    return "\n\n".join(filter(None, (block, note_of(before))))
