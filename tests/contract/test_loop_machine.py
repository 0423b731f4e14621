"""Phones, servers and crashes in any order: the mirror follows, the owner's words stay, nothing is written twice."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cardsync.demo.apple import escape, parse
from cardsync.model import WorkField
from cardsync.policy import GuardPolicy
from cardsync.resources import AddressBook, AddressObject, Fetched, Listing, PutAnswer
from in_memory import HOME, Household, MemoryServer, person, vip_group

UIDS = ("Jo", "Al", "Kim", "Eve", "Zoe")
SHM = Path("/dev/shm")  # noqa: S108 - the system's, and only looked for
NO_GUARDS = GuardPolicy(mass_change_min=1000, vip_loss_min=1000)


class Killed(BaseException):
    """What no handler of ours catches."""


class Dying(MemoryServer):
    """The process dies at its n-th step towards the server, or behind it."""

    left: int = -1

    def _die(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    async def changes(self, book: AddressBook, marker: str | None) -> Listing:
        self._die()
        return await MemoryServer.changes(self, book, marker)

    async def fetch(self, book: AddressBook, hrefs: Sequence[str]) -> AsyncGenerator[Fetched, None]:
        async with aclosing(MemoryServer.fetch(self, book, hrefs)) as batches:
            async for batch in batches:
                self._die()
                yield batch

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        self._die()
        return await MemoryServer.get(self, book, href)

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        self._die()
        answer = await MemoryServer.put(self, book, href, data, etag)
        self._die()
        return answer


def note_of(card: bytes) -> str:
    return next((line.text() for line in parse(card) if line.name == "NOTE"), "")


def with_note(card: bytes, note: str) -> bytes:
    bare = re.sub(rb"(?m)^NOTE:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", b"", card)
    return bare.replace(b"UID:", b"NOTE:" + escape(note).encode() + b"\r\nUID:")


class Loop(RuleBasedStateMachine):
    """``typed``: by UID, the words that somebody typed into the note and nobody deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=SHM if SHM.is_dir() else None))
        self.server = Dying()
        self.home = Household(folder=self.folder, server=self.server, guards=NO_GUARDS)
        self.typed: dict[str, list[str]] = {}
        self.members: set[str] = set()
        self.count = 0

    def teardown(self) -> None:
        self.home.mirror.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        for uid in UIDS[:3]:
            self.add(uid)
        self.members = {"Jo", "Al"}
        self.list_members()

    # ------------------------------------------------------------ phones

    def word(self) -> str:
        self.count += 1
        return f"w{self.count}q"

    def href(self, uid: str) -> str | None:
        return next((href for href, card in self.server.cards.items() if f"UID:{uid}\r\n".encode() in card), None)

    @rule(uid=st.sampled_from(UIDS))
    def add(self, uid: str) -> None:
        if self.href(uid) is None:
            word = self.word()
            self.typed[uid] = [word]
            self.server.write(f"{HOME}{self.count:03}.vcf", person(uid, f"{word}, of old; ok\n\nok"))

    @rule(uid=st.sampled_from(UIDS))
    def delete(self, uid: str) -> None:
        if href := self.href(uid):
            self.server.delete(href)
            del self.typed[uid]

    @rule(uid=st.sampled_from(UIDS))
    def rename(self, uid: str) -> None:
        if href := self.href(uid):
            self.count += 1
            self.server.write(f"{HOME}{self.count:03}.vcf", self.server.cards[href])
            self.server.delete(href)

    @rule(uid=st.sampled_from(UIDS), where=st.floats(0, 1), glue=st.sampled_from(("", " ", "\n")))
    def type_a_word(self, uid: str, where: float, glue: str) -> None:
        if href := self.href(uid):
            note, word = note_of(self.server.cards[href]), self.word()
            at = round(where * len(note))
            if any(match.start() < at < match.end() for match in re.finditer(r"w\d+q", note)):
                return  # inside another word, which would be broken
            self.server.write(href, with_note(self.server.cards[href], f"{note[:at]}{glue}{word}{glue}{note[at:]}"))
            self.typed[uid].append(word)

    @rule(uid=st.sampled_from(UIDS), word=st.sampled_from(("ok", "left", "later", "never", "✓")))
    def answer(self, uid: str, word: str) -> None:
        if (href := self.href(uid)) and "VIPcheck:" in (note := note_of(self.server.cards[href])):
            block, separator, own = note.partition("\n\n")
            self.server.write(href, with_note(self.server.cards[href], f"{block}\n{word}{separator}{own}"))

    @rule(uid=st.sampled_from(UIDS), title=st.sampled_from(("VP Sales", "CRO", "")))
    def edit_a_field(self, uid: str, title: str) -> None:
        if href := self.href(uid):
            self.server.write(href, re.sub(rb"TITLE:[^\r]*", b"TITLE:" + title.encode(), self.server.cards[href]))

    @rule(uid=st.sampled_from(UIDS))
    def join_or_leave(self, uid: str) -> None:
        self.members ^= {uid}
        self.list_members()

    def list_members(self) -> None:
        self.server.write(f"{HOME}list.vcf", vip_group(*sorted(self.members)))

    # ------------------------------------------------------------ servers

    @rule()
    def forget_all_tokens(self) -> None:
        self.server.log.append("something that is no card of the book")
        self.server.forgotten = len(self.server.log)

    @rule(shown=st.sampled_from(("as it is", "missing", "weak")))
    def show_etags(self, shown: str) -> None:
        self.server.shown = {
            "as it is": lambda href, etag: etag,
            "missing": lambda href, etag: None if href < f"{HOME}003" else etag,
            "weak": lambda href, etag: f"W/{etag}",
        }[shown]

    @rule(uid=st.sampled_from(UIDS))
    def rename_an_etag(self, uid: str) -> None:
        if href := self.href(uid):
            self.server.write(href, self.server.cards[href])

    # ------------------------------------------------------------ us

    @rule(days=st.sampled_from((0, 1)), dies=st.integers(-1, 14))
    def soon(self, days: int, dies: int) -> None:
        """Half of all that happens is a cycle."""
        self.cycles(days, dies)

    @rule(days=st.sampled_from((0, 1, 8, 40, 100)), dies=st.integers(-1, 14))
    def cycles(self, days: int, dies: int) -> None:
        """One, which may die; then two that settle whatever is left; then one that has nothing to do."""
        self.server.left = dies
        try:
            asyncio.run(self.home.cycle(after=timedelta(days=days)))
        except Killed:
            self.home.reopen()
        self.server.left = -1
        for _ in range(2):
            asyncio.run(self.home.cycle())
        requests, puts = self.server.requests, len(self.server.puts)
        asyncio.run(self.home.cycle())
        assert (self.server.requests, len(self.server.puts)) == (requests + 1, puts)
        self.compare()

    def compare(self) -> None:
        """The mirror is what the server holds, the history knows it, and each block has its question."""
        known = self.home.mirror.books.known(1)
        assert known.keys() == self.server.cards.keys()
        assert not self.home.mirror.journal.pending("home")
        cards = self.home.mirror.books.cards(1)
        vips = {uid.casefold() for uid in self.members if self.href(uid)}
        assert {card.uid_key for card in cards if card.groups} == vips
        for card in cards:
            served = self.server.cards[card.href].replace(b"\r\n", b"\n")
            assert card.data.replace(b"\r\n", b"\n") == served
            title = self.home.mirror.contacts.memory(card.contact_id).fields.get(WorkField.TITLE)
            if card.groups:
                assert f"TITLE:{', '.join(title.values) if title else ''}\n".encode() in served
            asked = self.home.mirror.questions.of(card.contact_id)
            assert [q.id for q in asked if q.adopted] == []
            assert len([q for q in asked if q.standing]) == ("VIPcheck" in note_of(self.server.cards[card.href]))

    @invariant()
    def no_word_is_lost_and_no_card_has_two_blocks(self) -> None:
        for uid, words in self.typed.items():
            note = note_of(self.server.cards[self.href(uid) or ""])
            assert [word for word in words if word not in note] == []
            assert note.count("VIPcheck:") <= 1


TestLoop = Loop.TestCase
TestLoop.settings = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
