"""A card over which cardsync itself stumbles is left out of the cycle and told of; the others go on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cardsync.annotate import read
from cardsync.annotate.render import render
from cardsync.assess.judge import Judge
from cardsync.assess.stage import Assess
from cardsync.errors import StateProblem
from cardsync.model import Assessment, Contact, Memory, Question
from cardsync.records import Asked, ProblemKind
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import Document
from in_memory import HOME, Household, MemoryServer, mistakes, person, vip_group

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
SECRET = "tells what is on the card of Bo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stumbling(Judge):
    """``over``: UIDs of cards that it cannot judge."""

    over: dict[str, Exception] = field(default_factory=dict)

    def __call__(self, contact: Contact, memory: Memory, groups: tuple[str, ...]) -> tuple[Assessment, Question | None]:
        if contact.uid in self.over:
            raise self.over[contact.uid]
        return Judge.__call__(self, contact, memory, groups)


@dataclass(slots=True, kw_only=True)
class House(Household):
    stumbles: bool = True
    over: dict[str, Exception] = field(default_factory=dict)

    @property
    def judge(self) -> Judge:
        made = Household.judge.fget(self)  # type: ignore[attr-defined]
        names = ("policies", "reminders", "assumed_age", "aliases", "domains", "now")
        return Stumbling(**{name: getattr(made, name) for name in names}, over=self.over)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    server = MemoryServer()
    for uid in ("Ann", "Bo", "Cy"):
        server.write(f"{HOME}{uid}.vcf", person(uid))
    server.write(f"{HOME}vip.vcf", vip_group("Ann", "Bo", "Cy"))
    made = House(folder=tmp_path, server=server)
    yield made
    made.mirror.close()


def asked_about(home: House) -> set[str]:
    assert isinstance(home.server, MemoryServer)
    return {href.removeprefix(HOME)[:-4] for href, card in home.server.cards.items() if b"VIPcheck" in card}


@pytest.mark.parametrize("kind", [ValueError, AssertionError, RecursionError, KeyError])
async def test_a_card_that_cannot_be_judged_waits_for_the_next_cycle_and_the_others_are_asked_about(
    home: House, kind: type[Exception]
) -> None:
    home.over["Bo"] = kind(SECRET)
    with capture_logs() as logs:
        report = await home.cycle()
    assert asked_about(home) == {"Ann", "Cy"}
    assert (report.counts["assessed"], report.counts["asked"], report.counts["parked"]) == (2, 2, 1)
    (problem,) = home.mirror.problems.all()
    assert (problem.kind, problem.href) == (ProblemKind.PARKED, f"{HOME}Bo.vcf")
    assert kind.__name__ in problem.detail
    (told,) = (entry for entry in logs if entry["event"] == "card left out")
    assert told["error"] == kind.__name__
    assert SECRET not in problem.detail + str(logs)
    home.over.clear()
    assert (await home.cycle(after=QUARTER)).counts["parked"] == 0
    assert asked_about(home) == {"Ann", "Bo", "Cy"}
    assert mistakes(home.mirror) == []


async def test_while_cards_are_assessed_another_process_waits_with_what_it_learns_of_them(home: House) -> None:
    """Else it would be forgotten: the assessments are of before; and a card that is left out could not be told of."""
    await home.cycle()
    home.mirror.assessments.forget_all("home")
    told: list[str] = []

    class Watched(dict[str, Exception]):
        def __contains__(self, uid: object) -> bool:
            with closing(sqlite3.connect(home.database, timeout=0)) as other:
                try:
                    other.execute("UPDATE contact SET assessed_at = NULL")
                    other.commit()
                except sqlite3.OperationalError as error:
                    told.append(error.sqlite_errorname)
            return uid == "Bo"

    home.over = Watched(Bo=ValueError(SECRET))
    assert Assess(mirror=home.mirror, account="home", judge=home.judge, now=home.now).run() == 2
    assert told == ["SQLITE_BUSY"] * 3


async def test_large_cards_are_assessed_a_few_at_a_time(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await home.cycle()
    home.mirror.assessments.forget_all("home")
    monkeypatch.setattr("cardsync.assess.stage._MUCH", 1)
    home.over["Bo"] = ValueError(SECRET)
    assert Assess(mirror=home.mirror, account="home", judge=home.judge, now=home.now).run() == 2
    assert home.mirror.assessments.to_assess(1, home.now - DAY) == [home.contact("Bo")]


async def test_a_card_that_no_question_can_be_made_for_stays_as_it_is(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(home.server, MemoryServer)
    home.server.write(bo := f"{HOME}Bo.vcf", person("Bo", ORG="Bobbins"))
    before = home.server.cards[bo]

    def stumbles(question: Question, *rest: Any) -> str:
        if question.slots["organisation"] == "Bobbins":
            raise IndexError(SECRET)
        return render(question, *rest)

    with monkeypatch.context() as patched:
        patched.setattr("cardsync.annotate.stage.render", stumbles)
        report = await home.cycle()
    assert (report.counts["asked"], report.counts["parked"]) == (2, 1)
    assert home.server.cards[bo] == before
    assert (await home.cycle(after=QUARTER)).counts["asked"] == 1


async def test_answers_on_other_cards_are_read_where_one_cannot_be(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(home.server, MemoryServer)
    await home.cycle()
    for uid in ("Ann", "Bo", "Cy"):
        href = f"{HOME}{uid}.vcf"
        home.server.write(href, home.server.cards[href].replace(b"VP Sales\r\n", b"CRO\r\n", 1))
    right, bo = read.read, home.contact("Bo")

    def stumbles(asked: Asked, *rest: Any) -> read.Reading:
        if asked.contact_id == bo:
            raise IndexError(SECRET)
        return right(asked, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(read, "read", stumbles)
        report = await home.cycle(after=DAY)
    assert (report.endings, report.counts["parked"]) == ({"edited": 2}, 1)
    assert (await home.cycle(after=QUARTER)).endings == {"edited": 1}


async def test_a_card_that_cannot_be_read_is_quarantined_and_the_others_are_mirrored(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(document: Document) -> Contact:
        if document.text("UID") == "Bo":
            raise IndexError(SECRET)
        return contact_of(document)

    with monkeypatch.context() as patched:
        patched.setattr("cardsync.pull.stage.contact_of", stumbles)
        report = await home.cycle()
    assert (report.counts["quarantined"], report.counts["asked"]) == (1, 2)
    await home.cycle(after=2 * DAY)
    assert asked_about(home) == {"Ann", "Bo", "Cy"}


async def test_trouble_with_the_database_is_no_matter_of_one_card(home: House) -> None:
    home.over["Bo"] = StateProblem("The disk is full.")
    with pytest.raises(StateProblem):
        await home.cycle()


async def test_a_card_that_says_it_was_last_edited_in_the_year_1_is_asked_about_like_any_other(tmp_path: Path) -> None:
    """0001-01-01 is how .NET spells "never"; the phone's PRODID makes the date count."""
    server = MemoryServer()
    server.write(f"{HOME}Ann.vcf", person("Ann", REV="0001-01-01T00:00:00Z"))
    server.write(f"{HOME}Bo.vcf", person("Bo"))
    server.write(f"{HOME}vip.vcf", vip_group("Ann", "Bo"))
    home = Household(folder=tmp_path, server=server)
    assert (await home.cycle()).counts["asked"] == 2
    assert b" 1)" not in server.cards[f"{HOME}Ann.vcf"]
    home.mirror.close()
