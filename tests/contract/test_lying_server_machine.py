"""A server that says what is not so, and several clients that edit: nothing is lost, nothing is made or asked twice."""

import asyncio
import random
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cardsync.demo.apple import parse
from cardsync.resources import AddressBook, AddressObject, Listing
from in_memory import HOME, Household, MemoryServer, person, vip_group
from torture.clients import CLIENTS, apart, note_of
from torture.gestures import Hand
from torture.whose import Note

UIDS = ("Jo", "Al", "Kim", "Eve", "Zoe", "Max")
LIST = f"{HOME}list.vcf"
SHM = Path("/dev/shm")  # noqa: S108 - the system's, and only looked for


@dataclass(slots=True)
class Lying(MemoryServer):
    """``listed`` tells how much of its cards it lists; ``bare``: of those whose GET comes without an ETag."""

    listed: float = 1.0
    bare: frozenset[str] = field(default_factory=frozenset)
    restless: bool = False

    async def changes(self, book: AddressBook, marker: str | None) -> Listing:
        if self.listed < 1:
            return self._part(await MemoryServer.listing(self, book))
        return await MemoryServer.changes(self, book, marker)

    async def listing(self, book: AddressBook) -> Listing:
        return self._part(await MemoryServer.listing(self, book))

    def _part(self, whole: Listing) -> Listing:
        hrefs = list(whole.etags)[: round(self.listed * len(whole.etags))]
        return Listing(etags={href: whole.etags[href] for href in hrefs}, marker=whole.marker)

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        """Restless: another ETag at every look, for the same bytes."""
        if self.restless and href in self.cards:
            self.write(href, self.cards[href])
        got = await MemoryServer.get(self, book, href)
        return AddressObject(href=href, etag=None, data=got.data) if got and href in self.bare else got


class Lies(RuleBasedStateMachine):
    """``notes``: by href, whose each character is; ``twice``: UIDs that two cards have."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=SHM if SHM.is_dir() else None))
        self.server = Lying()
        self.home = Household(folder=self.folder, server=self.server)  # with the guards as they are
        self.notes: dict[str, Note] = {}
        self.seen: dict[str, bytes] = {}
        self.gone: set[str] = set()
        self.members: set[str] = set()
        self.count = 0

    def teardown(self) -> None:
        self.home.mirror.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        for uid in UIDS:
            self.count += 1
            own = f"w{self.count}q, of old\n\nok"
            self.put(f"{HOME}{uid}.vcf", person(uid, own), Note.of(own))
        self.members = set(UIDS)
        self.list_members()

    # ------------------------------------------------------------ clients

    def put(self, href: str, data: bytes, note: Note) -> None:
        self.server.write(href, data)
        self.notes[href], self.seen[href] = note, data
        self.gone.discard(href)

    def word(self) -> str:
        self.count += 1
        return f"ж{self.count}ю"

    def look(self) -> None:
        """What differs from what the clients know, we wrote: a note at most, and never less than people typed."""
        assert self.notes.keys() == self.server.cards.keys() - {LIST}
        for href, note in self.notes.items():
            data = self.server.cards[href]
            if data != self.seen[href]:
                written = note.written(note_of(data))
                assert written.lost == ""
                assert written.note.questions() <= 1
                assert apart(data) == apart(self.seen[href])
                self.notes[href], self.seen[href] = written.note, data

    @rule(data=st.data(), seed=st.integers(0, 2**32), same_etag=st.booleans())
    def edit(self, data: st.DataObject, seed: int, same_etag: bool) -> None:
        """Any gesture, by any client; the server may keep the ETag for other bytes."""
        href = data.draw(st.sampled_from(sorted(self.notes)))
        rng, etag = random.Random(seed), self.server.etags[href]
        gesture = Hand(rng, self.word).any(self.notes[href])
        client = data.draw(st.sampled_from(CLIENTS))
        card = client(self.seen[href], {"NOTE": gesture.note.text}, self.home.now, rng)
        self.put(href, card, gesture.note)
        if same_etag:
            self.server.etags[href] = etag

    @rule(uid=st.sampled_from(UIDS), again=st.booleans())
    def delete(self, uid: str, again: bool) -> None:
        """For good, or made again under another name."""
        if (href := f"{HOME}{uid}.vcf") in self.notes:
            data, note = self.seen.pop(href), self.notes.pop(href)
            self.server.delete(href)
            self.gone.add(href)
            if again:
                self.count += 1
                self.put(f"{HOME}x{self.count}.vcf", data, note)

    @rule(uid=st.sampled_from(UIDS))
    def copy(self, uid: str) -> None:
        """Two cards with one UID, the later one before or behind the other in the book."""
        if (href := f"{HOME}{uid}.vcf") in self.notes:
            self.count += 1
            self.put(f"{HOME}{'Aa' if self.count % 2 else 'z'}{self.count}.vcf", self.seen[href], self.notes[href])

    @rule(uids=st.sets(st.sampled_from(UIDS)))
    def list_members(self, uids: frozenset[str] | set[str] = frozenset()) -> None:
        self.members ^= uids
        self.server.write(LIST, vip_group(*sorted(self.members)))

    @precondition(lambda self: LIST in self.server.cards)
    @rule()
    def drop_the_list(self) -> None:
        self.server.delete(LIST)

    # ------------------------------------------------------------ lies

    @rule()
    def expire_tokens(self) -> None:
        self.server.log.append("no card of the book")
        self.server.forgotten = len(self.server.log)

    @rule(listed=st.sampled_from((0.0, 0.5, 1.0, 1.0)))
    def list_part(self, listed: float) -> None:
        self.server.listed = listed

    @rule(uids=st.sets(st.sampled_from(UIDS)), shown=st.sampled_from(("all", "none", "odd")))
    def leave_etags_out(self, uids: set[str], shown: str) -> None:
        self.server.bare = frozenset(f"{HOME}{uid}.vcf" for uid in uids)
        self.server.shown = {
            "all": lambda href, etag: etag,
            "none": lambda href, etag: None,
            "odd": lambda href, etag: None if len(href) % 2 else etag,
        }[shown]

    @rule(restless=st.booleans())
    def change_etags_at_each_look(self, restless: bool) -> None:
        self.server.restless = restless

    # ------------------------------------------------------------ us

    @rule(days=st.sampled_from((0, 1, 1, 8, 46)), released=st.booleans())
    def cycle(self, days: int, released: bool) -> None:
        """With the guards as an owner has them, who sometimes says that all is right."""
        if released:
            for problem in self.home.mirror.problems.all():
                self.home.mirror.problems.solved(
                    problem.kind, problem.account, book_id=problem.book_id, href=problem.href
                )
        asyncio.run(self.home.cycle(after=timedelta(days=days)))

    @rule(seed=st.integers(0, 2**16))
    def honest_again(self, seed: int) -> None:
        """The server comes to its senses: then nothing is left to do, and each block has its question."""
        self.server.listed, self.server.restless, self.server.bare = 1.0, False, frozenset()
        self.server.shown = lambda href, etag: etag
        for href in list(self.notes):
            self.server.write(href, self.server.cards[href])
        if LIST not in self.server.cards:
            self.list_members()
        for _ in range(3):
            self.cycle(days=1, released=True)
        puts = len(self.server.puts)
        asyncio.run(self.home.cycle())
        assert len(self.server.puts) == puts
        known = self.home.mirror.books.known(1)
        assert known.keys() == self.server.cards.keys()

    @invariant()
    def nothing_is_lost(self) -> None:
        self.look()
        assert not self.gone & self.server.cards.keys()
        for data in self.seen.values():
            assert [line.name for line in parse(data)].count("NOTE") <= 1


TestLies = Lies.TestCase
TestLies.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
