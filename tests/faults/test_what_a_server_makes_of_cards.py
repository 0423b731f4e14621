"""Servers that ruin a card, bound its size, or move: what we know stays, and the other cards go on."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from cardsync.policy import ReminderPolicy
from cardsync.records import Pause, ProblemKind
from cardsync.resources import AddressBook, PutAnswer, PutResult
from in_memory import HOME, Household, MemoryServer, address_book, person, vip_group

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OWN = "Met at the fair"
JO, AL, VIPS = f"{HOME}jo.vcf", f"{HOME}al.vcf", f"{HOME}vip.vcf"


def filled(server: MemoryServer, *uids: str) -> MemoryServer:
    for uid in uids:
        server.write(f"{HOME}{uid.lower()}.vcf", person(uid, OWN))
    server.write(VIPS, vip_group(*uids))
    return server


def answered(card: bytes, word: bytes) -> bytes:
    """With a line typed between the question and what to type."""
    return card.replace(b"\r\n ", b"").replace(b"\\nType: ", b"\\n" + word + b"\\nType: ")


@dataclass(slots=True)
class Ruining(MemoryServer):
    """Stores the literal ``(null)`` for one card and says 201, as SOGo does, and for the kept bytes as well."""

    ruined: str = JO
    tried: list[str] = field(default_factory=list)

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        self.tried.append(href)
        if href != self.ruined:
            return await MemoryServer.put(self, book, href, data, etag)
        self.write(href, b"(null)")
        return PutAnswer(result=PutResult.STORED, etag=self.etags[href], status=201)


async def test_a_card_that_the_server_ruined_for_good_stops_no_cycle(folder: Path) -> None:
    server = Ruining()
    filled(server, "Jo")
    at = Household(folder=folder, server=server)
    await at.cycle()
    assert ProblemKind.WRITING_STOPPED in {problem.kind for problem in at.mirror.problems.all()}
    server.write(AL, person("Al", OWN))
    server.write(VIPS, vip_group("Jo", "Al"))
    tried = len(server.tried)
    for _ in range(3):
        report = await at.cycle(after=2 * DAY)  # by then everything is listed and assessed anew
        assert report.counts["vips"] == 2
    assert at.mirror.assessments.of(at.contact("Al"))[1]
    assert "quarantined" in {problem.kind for problem in at.mirror.problems.all()}
    assert len(server.tried) == tried
    kept = [version["data"] for version in at.mirror.journal.versions(1, "jo")]
    assert person("Jo", OWN) in kept


async def test_no_question_makes_a_card_larger_than_the_server_takes(folder: Path) -> None:
    size = len(person("Jo", OWN)) + 20
    server = filled(MemoryServer(books=(replace(address_book(), max_resource_size=size),)), "Jo")
    at = Household(folder=folder, server=server)
    await at.cycle()
    assert server.puts == []
    assert at.mirror.problems.of_book(1, ProblemKind.PARKED)[JO].reason == "too-large"


# ---------------------------------------------------------------- books that move


async def test_a_book_whose_host_is_renamed_keeps_what_was_said_of_its_contacts(folder: Path) -> None:
    server = filled(MemoryServer(), "Jo", "Al")
    at = Household(folder=folder, server=server)
    await at.cycle()
    server.write(JO, answered(server.cards[JO], b"never"))
    await at.cycle(after=HOUR)
    assert at.mirror.standings.of(at.contact("Jo")).pause is Pause.NEVER
    server.books = (address_book(href=f"https://p42.memory.test{HOME}"),)
    server.etags = {href: f'"new {etag}' for href, etag in server.etags.items()}
    await at.cycle(after=2 * DAY)
    assert at.mirror.problems.all() == []
    assert [book.found.href for book in at.mirror.books.of("home")] == [f"https://p42.memory.test{HOME}"]
    assert at.mirror.standings.of(at.contact("Jo")).pause is Pause.NEVER
    server.write(AL, answered(server.cards[AL], b"ok"))
    report = await at.cycle(after=HOUR)
    assert report.endings == {"confirmed": 1}
    assert server.cards[AL] == person("Al", OWN)


async def test_questions_in_a_book_that_is_gone_use_up_no_budget(folder: Path) -> None:
    server = filled(MemoryServer(), "Jo")
    at = Household(folder=folder, server=server, reminders=ReminderPolicy(max_open=1))
    await at.cycle()
    elsewhere = "/dav/another/"
    server.books = (address_book(href=f"http://memory.test{elsewhere}"),)
    server.cards = {f"{elsewhere}al.vcf": person("Al", OWN), f"{elsewhere}vip.vcf": vip_group("Al")}
    server.etags = dict.fromkeys(server.cards, '"1"')
    report = await at.cycle(after=2 * DAY)
    assert report.counts["asked"] == 1
    assert [row["name"] for row in at.mirror.contacts.named()] == ["Al Ruiz"]
