"""Killed at any step of a cycle, the next one ends where an undisturbed one does: nothing lost, nothing twice."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from sqlite3 import Cursor, Row
from typing import Any, TypeVar

from cardsync.mirror import Mirror
from cardsync.mirror.database import Database
from cardsync.records import ProblemKind
from cardsync.resources import AddressBook, AddressObject, Fetched, Listing, PutAnswer
from in_memory import HOME, Household, MemoryServer, person, vip_group

DAY = timedelta(days=1)
NUMBER = b"TEL;TYPE=CELL:+49 171 5550100\r\n"
NOTES = {"Jo": "ok, met at the fair", "Al": "likes tea; two sugars", "Kim": "", "Eve": "x"}


T = TypeVar("T")


class Killed(BaseException):
    """What no handler of ours catches."""


@dataclass(slots=True)
class Killing:
    """A server whose client dies at one of its calls: ``at`` counts two for each, before and after it was done."""

    server: MemoryServer
    at: int | None = None
    steps: list[str] = field(default_factory=list)

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) - 1 == self.at:
            raise Killed

    async def discover(self) -> tuple[AddressBook, ...]:
        return await self._around("discover", self.server.discover)

    async def changes(self, book: AddressBook, marker: str | None) -> Listing:
        return await self._around("changes", lambda: self.server.changes(book, marker))

    async def listing(self, book: AddressBook) -> Listing:
        return await self._around("listing", lambda: self.server.listing(book))

    async def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        async with aclosing(self.server.fetch(book, hrefs)) as batches:
            async for batch in batches:
                self._step("before a batch")
                yield batch
                self._step("after a batch")

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        return await self._around("get", lambda: self.server.get(book, href))

    async def stored(self, book: AddressBook, got: AddressObject) -> AddressObject | None:
        return await self._around("stored", lambda: self.server.stored(book, got))

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        return await self._around("put", lambda: self.server.put(book, href, data, etag))

    async def _around(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        self._step(f"before {name}")
        done = await work()
        self._step(f"after {name}")
        return done


class KillingDatabase(Database):
    """A database whose process dies before one of its statements."""

    at: int | None = None
    seen = 0

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        if not sql.startswith("SELECT"):
            self._count()
        return super().execute(sql, parameters)

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        if not sql.startswith("SELECT"):
            self._count()
        return super().row(sql, parameters)

    def many(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._count()
        super().many(sql, parameters)

    def _count(self) -> None:
        self.seen += 1
        if self.seen - 1 == self.at:
            raise Killed


def dying(home: Household) -> KillingDatabase:
    """Open the household's database as one that can be told to die."""
    home.mirror.close()
    database = KillingDatabase.open(home.database)
    assert isinstance(database, KillingDatabase)
    database.execute("PRAGMA synchronous = OFF")
    database.seen = 0
    home.mirror = Mirror(database)
    return database


# ---------------------------------------------------------------- the story


def at_home(folder: Path) -> tuple[Household, MemoryServer]:
    """Three VIPs were asked, and answered in three ways; a fourth joined the list, one more was edited."""
    folder.mkdir()
    server = MemoryServer()
    home = Household(folder=folder, server=server)
    for uid in ("Jo", "Al", "Kim"):
        server.write(f"{HOME}{uid}.vcf", person(uid, NOTES[uid] or None))
    server.write(f"{HOME}Eve.vcf", person("Eve", NOTES["Eve"]))
    server.write(f"{HOME}group.vcf", vip_group("Jo", "Al", "Kim"))
    asyncio.run(home.cycle())
    assert len(server.puts) == 3
    answer(server, "Jo", "ok")
    answer(server, "Al", "left")
    server.write(f"{HOME}Kim.vcf", server.cards[f"{HOME}Kim.vcf"].replace(b"ORG:Acme;Sales", b"ORG:Stripe;"))
    server.write(f"{HOME}group.vcf", vip_group("Jo", "Al", "Kim", "Eve"))
    return home, server


def answer(server: MemoryServer, uid: str, word: str) -> None:
    """Type a word below the block's last line."""
    href = f"{HOME}{uid}.vcf"
    block, rest = server.cards[href].replace(b"\r\n ", b"").split(b"never", 1)
    server.write(href, block + b"never\\n" + word.encode() + rest)


def end_state(home: Household, server: MemoryServer) -> dict[str, Any]:
    """All that the owner could see, and what is still to be settled."""
    mirror = home.mirror
    people = {row["uid_key"]: int(row["id"]) for row in mirror.contacts.named()}
    return {
        "cards": dict(server.cards),
        "questions": {
            uid: [(q.kind, q.ending, q.standing, q.adopted, q.block, q.user_text) for q in mirror.questions.of(contact)]
            for uid, contact in people.items()
        },
        "standing": {uid: mirror.standings.of(contact) for uid, contact in people.items()},
        "memory": {uid: mirror.contacts.memory(contact) for uid, contact in people.items()},
        "history": {
            uid: [(line["what"], line["field"], line["old"], line["new"]) for line in mirror.contacts.history(contact)]
            for uid, contact in people.items()
        },
        "mirrored": {href: known.etag for href, known in mirror.books.known(1).items()},
        "open writes": mirror.journal.pending("home"),
        "problems": [problem.kind for problem in mirror.problems.all()],
    }


def afterwards(home: Household, server: MemoryServer) -> dict[str, Any]:
    """The same moment again, as a restarted daemon does, and a quiet day."""
    asyncio.run(home.cycle())
    asyncio.run(home.cycle(after=DAY))
    state = end_state(home, server)
    quiet = len(server.puts)
    asyncio.run(home.cycle(after=DAY))
    assert len(server.puts) == quiet
    return state


def undisturbed(folder: Path) -> tuple[dict[str, Any], list[str], int, int]:
    """The end, the steps on the way, the statements on the way, the PUTs."""
    home, server = at_home(folder)
    home.now += DAY
    database = dying(home)
    killing = Killing(server)
    asyncio.run(home.cycle(server=killing))
    seen = database.seen
    return afterwards(home, server), killing.steps, seen, len(server.puts)


def test_the_story_is_told_in_full(folder: Path) -> None:
    state, steps, _, puts = undisturbed(folder / "u")
    assert puts == 3 + 4
    assert steps.count("before put") == 4
    assert {uid: [entry[1] for entry in asked] for uid, asked in state["questions"].items()} == {
        "jo": ["confirmed"],
        "al": ["left", None],
        "kim": ["edited"],
        "eve": [None],
    }
    assert not state["open writes"]
    assert not state["problems"]


def test_killed_at_any_step_towards_the_server(folder: Path) -> None:
    expected, steps, _, puts = undisturbed(folder / "u")
    for at, step in enumerate(steps):
        home, server = at_home(folder / str(at))
        try:
            asyncio.run(home.cycle(after=DAY, server=Killing(server, at)))
        except Killed:
            home.reopen()
        found = afterwards(home, server)
        for what in expected:
            assert found[what] == expected[what], f"{what} after a kill at step {at}, {step}"
        assert len(server.puts) == puts, f"PUTs after a kill at step {at}, {step}"
        home.mirror.close()


def test_what_the_owner_deletes_after_a_kill_at_any_step_stays_deleted(folder: Path) -> None:
    """By a client that leaves REV and PRODID alone, on every card, before the restart."""
    _, steps, _, _ = undisturbed(folder / "u")
    for at, step in enumerate(steps):
        home, server = at_home(folder / str(at))
        try:
            asyncio.run(home.cycle(after=DAY, server=Killing(server, at)))
        except Killed:
            home.reopen()
        for uid in NOTES:
            href = f"{HOME}{uid}.vcf"
            server.write(href, server.cards[href].replace(NUMBER, b""))
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
        for uid in NOTES:
            assert NUMBER not in server.cards[f"{HOME}{uid}.vcf"], f"{uid} after a kill at step {at}, {step}"
        kinds = {problem.kind for problem in home.mirror.problems.all()}
        assert kinds <= {ProblemKind.PARKED, ProblemKind.MASS_CHANGE}, f"after a kill at step {at}, {step}"
        home.mirror.close()


def test_killed_at_any_statement_of_the_database(folder: Path) -> None:
    expected, _, statements, puts = undisturbed(folder / "u")
    for at in range(0, statements, 5):
        home, server = at_home(folder / str(at))
        database = dying(home)
        database.at = at
        try:
            asyncio.run(home.cycle(after=DAY))
        except Killed:
            home.reopen()
        found = afterwards(home, server)
        for what in expected:
            assert found[what] == expected[what], f"{what} after a kill at statement {at}"
        assert len(server.puts) == puts, f"PUTs after a kill at statement {at}"
        home.mirror.close()
