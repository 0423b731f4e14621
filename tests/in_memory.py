"""An address book server in memory (``ports.Server``), and one account's cycles against any server.

It keeps to the contract that ``tests/contract`` holds against the real client, and shows what a test asks for on top:
ETags that are missing or change for nothing, tokens that expire, crashes between two steps.
"""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from builders import apple_group, joined
from cardsync.assess.judge import Judge
from cardsync.cycle import AccountCycle, AccountReport
from cardsync.errors import TokenRefused
from cardsync.mirror import Mirror
from cardsync.policy import GroupPolicy, GuardPolicy, ReminderPolicy, Stratum
from cardsync.ports import Server
from cardsync.resources import AddressBook, AddressObject, Fetched, Listing, PutAnswer, PutResult, SyncMethod

HOME = "/dav/contacts/"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
GENERAL = Stratum(name="general", median_years=3.0)


def address_book(name: str = "Contacts", href: str = f"http://memory.test{HOME}") -> AddressBook:
    """A book that may be written."""
    return AddressBook(
        account="home", href=href, display_name=name, method=SyncMethod.COLLECTION, writable=True, may_convert=False
    )


@dataclass(slots=True)
class MemoryServer:
    """Cards by href; ``log`` is what a sync token counts.

    ``shown`` says what ETag a listing shows; a token older than ``forgotten`` has expired.
    """

    books: tuple[AddressBook, ...] = field(default_factory=lambda: (address_book(),))
    cards: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    forgotten: int = 0
    batch: int = 3
    puts: list[bytes] = field(default_factory=list)
    requests: int = 0
    shown: Callable[[str, str], str | None] = lambda href, etag: etag

    # ------------------------------------------------------------ as another client does

    def write(self, href: str, data: bytes) -> None:
        """Store without any condition."""
        self.log.append(href)
        self.cards[href] = data
        self.etags[href] = f'"{len(self.log)}"'

    def delete(self, href: str) -> None:
        """Delete."""
        self.log.append(href)
        del self.cards[href], self.etags[href]

    # ------------------------------------------------------------ ports.Server

    async def discover(self) -> tuple[AddressBook, ...]:
        """The books."""
        self.requests += 1
        return self.books

    async def changes(self, book: AddressBook, marker: str | None) -> Listing:
        """RFC 6578."""
        if marker is None:
            return await self.listing(book)
        self.requests += 1
        since = int(marker.removeprefix("t")) if marker.startswith("t") else -1
        if not self.forgotten <= since <= len(self.log):
            raise TokenRefused("The server does not know the sync token.")
        touched = {href for href in self.log[since:] if _within(book, href)}
        return Listing(
            etags={href: self.shown(href, self.etags[href]) for href in self.cards if href in touched},
            removed=frozenset(touched - self.cards.keys()),
            marker=f"t{len(self.log)}",
            complete=False,
        )

    async def listing(self, book: AddressBook) -> Listing:
        """Everything."""
        self.requests += 1
        etags = {href: self.shown(href, etag) for href, etag in self.etags.items() if _within(book, href)}
        return Listing(etags=etags, marker=f"t{len(self.log)}")

    async def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        """Batches of a few; line ends as XML leaves them."""
        for start in range(0, len(hrefs), self.batch):
            self.requests += 1
            asked = hrefs[start : start + self.batch]
            yield Fetched(
                objects=tuple(
                    AddressObject(
                        href=href,
                        etag=self.shown(href, self.etags[href]),
                        data=self.cards[href].replace(b"\r\n", b"\n"),
                    )
                    for href in asked
                    if href in self.cards
                ),
                gone=frozenset(href for href in asked if href not in self.cards),
            )

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        """The bytes as stored."""
        self.requests += 1
        if href not in self.cards:
            return None
        return AddressObject(href=href, etag=self.etags[href], data=self.cards[href])

    async def stored(self, book: AddressBook, got: AddressObject) -> AddressObject | None:
        """It never converts."""
        return got

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        """RFC 9110, section 13.1.1: no re-creation, no overwriting."""
        self.requests += 1
        self.puts.append(data)
        if href not in self.cards:
            return PutAnswer(result=PutResult.GONE, status=404)
        if self.etags[href] != etag:
            return PutAnswer(result=PutResult.CONFLICT, status=412)
        self.write(href, data)
        return PutAnswer(result=PutResult.STORED, etag=self.etags[href], status=204)


def _within(book: AddressBook, href: str) -> bool:
    return href.startswith(urlsplit(book.href).path)


def person(uid: str, note: str | None = None, **changed: str) -> bytes:
    """A VIP's card in Apple's form, untouched for nine years; ``changed`` replaces values (ORG="Stripe")."""
    values = {
        "PRODID": "-//Apple Inc.//iOS 17.4//EN",
        "N": f"Ruiz;{uid};;;",
        "FN": f"{uid} Ruiz",
        "ORG": "Acme;Sales",
        "TITLE": "VP Sales",
        "EMAIL;TYPE=INTERNET,WORK": f"{uid.lower()}@acme.example",
        "TEL;TYPE=CELL": "+49 171 5550100",
        "REV": "2017-05-01T12:00:00Z",
        **({} if note is None else {"NOTE": escaped(note)}),
        **changed,
    }
    properties = [f"{name}:{value}" for name, value in values.items() if value]
    return joined(["BEGIN:VCARD", "VERSION:3.0", *properties, f"UID:{uid}", "END:VCARD"], "\r\n")


def escaped(text: str) -> str:
    """A text value (RFC 6350, section 4.1)."""
    return re.sub(r"[\\;,]", r"\\\g<0>", text).replace("\n", "\\n")


def vip_group(*members: str) -> bytes:
    """The list on the phone."""
    return apple_group("VIP", members, uid="G-VIP")


def mistakes(mirror: Mirror) -> list[str]:
    """What is told of cards that the last cycle left out because cardsync itself stumbled over them."""
    return [problem.detail for problem in mirror.problems.all() if "mistake in cardsync itself" in problem.detail]


@dataclass(slots=True, kw_only=True)
class Household:
    """One account whose clock the test sets; ``folder`` holds the database and the backups."""

    folder: Path
    server: Server
    now: datetime = START
    reminders: ReminderPolicy = field(
        default_factory=lambda: ReminderPolicy(max_new_per_day=20, max_new_per_week=20, max_open=20)
    )
    guards: GuardPolicy = field(default_factory=GuardPolicy)
    stumbles: bool = False
    write: bool = True
    mirror: Mirror = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """A killed process leaves written what it wrote: there is no need to wait for the disk."""
        self.mirror = Mirror.open(self.database)
        self.mirror.database.execute("PRAGMA synchronous = OFF")

    @property
    def database(self) -> Path:
        """The file."""
        return self.folder / "cardsync.db"

    def reopen(self) -> None:
        """As after a restart."""
        self.mirror.close()
        self.open()

    async def cycle(self, *, after: timedelta = timedelta(), server: Server | None = None) -> AccountReport:
        """One cycle, later; fails where cardsync itself stumbles over a card, unless that is what is tested."""
        self.now += after
        report = await AccountCycle(
            server=server or self.server,
            mirror=self.mirror,
            account="home",
            wanted=tuple(self.judge.policies),
            judge=lambda: self.judge,
            reminders=self.reminders,
            guards=self.guards,
            zone=UTC,
            backups=self.folder / "backups",
            write=self.write,
            now=self.now,
        ).run()
        assert self.stumbles or not mistakes(self.mirror), mistakes(self.mirror)
        return report

    @property
    def judge(self) -> Judge:
        """With a policy for the list "VIP"."""
        policy = GroupPolicy(name="VIP", weight=1.0, stratum=GENERAL, ask_above=0.2)
        return Judge(
            policies={"VIP": policy},
            reminders=self.reminders,
            assumed_age=timedelta(days=730),
            aliases=(),
            domains={},
            now=self.now,
        )

    def contact(self, uid: str) -> int:
        """The contact's id."""
        return next(int(row["id"]) for row in self.mirror.contacts.named() if row["uid_key"] == uid.casefold())
