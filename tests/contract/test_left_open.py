"""What an earlier try left open is settled before the next pull, and nothing is looked for where there is nothing."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cardsync.errors import Broken
from cardsync.resources import AddressBook, AddressObject, PutAnswer, PutResult
from in_memory import HOME, Household, MemoryServer, person, vip_group


@dataclass(slots=True, kw_only=True)
class Cut(MemoryServer):
    """The line breaks behind the first PUT, and nothing is heard until it is ``mended``."""

    broken: bool = False
    mended: bool = False

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        answer = await MemoryServer.put(self, book, href, data, etag)
        self.broken = not self.mended
        return PutAnswer(result=PutResult.UNKNOWN) if self.broken else answer

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        if self.broken and not self.mended:
            raise Broken("cut off")
        return await MemoryServer.get(self, book, href)


async def test_a_write_of_which_nothing_was_heard_stays_open_until_it_was_looked_at(tmp_path: Path) -> None:
    server = Cut()
    server.write(f"{HOME}Jo.vcf", person("Jo"))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    home = Household(folder=tmp_path, server=server)
    assert not home.mirror.journal.left_open("home")
    with pytest.raises(Broken):
        await home.cycle()
    assert home.mirror.journal.left_open("home")
    assert not home.mirror.journal.left_open("work")
    server.mended = True
    await home.cycle(after=timedelta(minutes=15))
    assert not home.mirror.journal.left_open("home")
    assert len(server.puts) == 1
    home.mirror.close()


async def test_a_question_that_was_meant_to_be_and_never_sent_is_left_open_too(tmp_path: Path) -> None:
    server = MemoryServer()
    server.write(f"{HOME}Jo.vcf", person("Jo"))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    home = Household(folder=tmp_path, server=server)
    await home.cycle()
    home.mirror.database.execute("UPDATE question SET state = 'intended'")
    home.mirror.database.execute("DELETE FROM journal")
    assert home.mirror.journal.left_open("home")
    await home.cycle(after=timedelta(minutes=15))
    assert not home.mirror.journal.left_open("home")
    home.mirror.close()


async def test_a_question_that_was_answered_and_deleted_by_hand_in_a_book_that_is_not_written_stands_no_more(
    tmp_path: Path,
) -> None:
    server = MemoryServer()
    server.write(f"{HOME}Jo.vcf", person("Jo", "mine"))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    home = Household(folder=tmp_path, server=server)
    await home.cycle()
    home.write = False
    asked = server.cards[f"{HOME}Jo.vcf"]
    server.write(f"{HOME}Jo.vcf", asked.replace(b"/ never", b"/ never\\nok"))
    await home.cycle(after=timedelta(days=1))
    assert home.mirror.questions.open_count("home") == 1
    server.write(f"{HOME}Jo.vcf", person("Jo", "mine"))
    await home.cycle(after=timedelta(days=1))
    assert home.mirror.questions.open_count("home") == 0
    assert [each.ending for each in home.mirror.questions.of(home.contact("Jo"))] == ["confirmed"]
    home.mirror.close()


async def test_the_version_of_a_card_that_went_in_our_write_outlives_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Taken()
    server.write(f"{HOME}Jo.vcf", person("Jo", "mine"))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    home = Household(folder=tmp_path, server=server)
    database = home.mirror.database
    execute = database.execute

    def killed(sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        if sql.startswith("INSERT INTO version") and "gone" in parameters:
            raise Killed
        return execute(sql, parameters)

    monkeypatch.setattr(database, "execute", killed)
    with pytest.raises(Killed):
        await home.cycle()
    home.reopen()
    assert [each["data"] for each in home.mirror.journal.versions(1, "jo")] == [person("Jo", "mine")]
    home.mirror.close()


class Killed(BaseException):
    """As SIGKILL: nothing catches it."""


class Taken(MemoryServer):
    """Each card goes in its write."""

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        self.delete(href)
        return PutAnswer(result=PutResult.UNKNOWN)


@dataclass(slots=True, kw_only=True)
class Busy(MemoryServer):
    """Each PUT is turned away as long as ``busy`` holds, and ``meanwhile`` happens."""

    busy: bool = False
    result: PutResult = PutResult.BUSY
    meanwhile: Callable[[], None] = lambda: None

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        if not self.busy:
            return await MemoryServer.put(self, book, href, data, etag)
        self.busy = False
        self.meanwhile()
        return PutAnswer(result=self.result)


@pytest.fixture
def busy() -> Busy:
    server = Busy()
    server.write(JO, person("Jo", "mine"))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    return server


JO = f"{HOME}Jo.vcf"
RESULTS = pytest.mark.parametrize("result", [PutResult.BUSY, PutResult.UNKNOWN])


@RESULTS
@pytest.mark.parametrize("own", ["ok\\n\\nmet", "never\\n\\nmet", "mine"])
async def test_a_card_that_comes_back_after_a_write_that_never_came_has_no_answer(
    tmp_path: Path, busy: Busy, result: PutResult, own: str
) -> None:
    home = Household(folder=tmp_path, server=busy)
    busy.busy, busy.result, busy.meanwhile = True, result, lambda: busy.delete(JO)
    await home.cycle()
    busy.write(JO, person("Jo").replace(b"UID:", b"NOTE:" + own.encode() + b"\r\nUID:"))
    for _ in range(3):
        await home.cycle(after=timedelta(days=1))
    assert [each.ending for each in home.mirror.questions.of(home.contact("Jo"))] == [None]
    assert own.encode() in busy.cards[JO].replace(b"\r\n ", b"")
    home.mirror.close()


@RESULTS
async def test_a_left_whose_follow_up_never_came_is_taken_out_though_the_note_was_edited(
    tmp_path: Path, busy: Busy, result: PutResult
) -> None:
    home = Household(folder=tmp_path, server=busy)
    await home.cycle()

    def typed() -> None:
        busy.write(JO, busy.cards[JO].replace(b"mine", b"mine and more"))

    asked = busy.cards[JO].replace(b"\r\n ", b"")
    busy.write(JO, asked.replace(b"/ never", b"/ never\\nleft"))
    busy.busy, busy.result, busy.meanwhile = True, result, typed
    for _ in range(3):
        await home.cycle(after=timedelta(days=1))
    note = busy.cards[JO].replace(b"\r\n ", b"").partition(b"NOTE:")[2].partition(b"\r\n")[0].decode()
    assert note.startswith("VIPcheck: no longer at ")
    assert "\\nleft\\n" not in note
    assert note.endswith("mine and more")
    home.mirror.close()


@RESULTS
async def test_a_line_of_the_owners_with_our_label_is_no_sign_of_a_write(
    tmp_path: Path, busy: Busy, result: PutResult
) -> None:
    home = Household(folder=tmp_path, server=busy)

    def typed() -> None:
        busy.write(JO, busy.cards[JO].replace(b"mine", b"mine\\nVIPcheck: call the office first"))

    busy.busy, busy.result, busy.meanwhile = True, result, typed
    for _ in range(3):
        await home.cycle(after=timedelta(days=1))
    assert b"VIPcheck: call the office first" in busy.cards[JO].replace(b"\r\n ", b"")
    home.mirror.close()


async def astray(folder: Path, busy: Busy, words: bytes, edited: bytes) -> Household:
    """The PUT came, nobody heard of it, and another client edited the note and gave the card another name."""
    home = Household(folder=folder, server=busy)
    await home.cycle()
    asked = busy.cards[JO]
    assert words in asked
    home.mirror.close()
    home = Household(folder=folder / "again", server=busy)
    busy.write(JO, person("Jo", "mine"))

    def moved() -> None:
        busy.delete(JO)
        busy.write(f"{HOME}moved.vcf", asked.replace(words, edited))

    busy.busy, busy.result, busy.meanwhile = True, PutResult.UNKNOWN, moved
    await home.cycle()
    return home


async def test_what_is_typed_into_a_question_that_went_astray_with_its_card_stays(tmp_path: Path, busy: Busy) -> None:
    home = await astray(tmp_path, busy, b"still VP Sales", b"still VP Tea Sales")
    for days in (1, 1, 60, 1):
        await home.cycle(after=timedelta(days=days))
    assert b"Tea" in busy.cards[f"{HOME}moved.vcf"]
    home.mirror.close()


ASKS, HINT = b"still VP Sales at Acme? (card unchanged since May 2017)", b"Type: ok / left / later / never"
EDITS: dict[str, tuple[Callable[[bytes], bytes], str | None]] = {
    "yes for the question": (lambda note: note.replace(ASKS, b"yes"), "confirmed"),
    "ok for the question's line": (lambda note: note.replace(b"VIPcheck: " + ASKS, b"ok"), "confirmed"),
    "without its line": (lambda note: note.replace(b"VIPcheck: " + ASKS + b"\\n", b""), "dismissed"),
    "without the remark, yes for the hint": (
        lambda note: note.replace(b" (card unchanged since May 2017)", b"").replace(HINT, b"yes"),
        "confirmed",
    ),
    "without remark and hint": (lambda note: note.replace(b" (card unchanged since May 2017)\\n" + HINT, b""), None),
    "a sentence for the question": (lambda note: note.replace(ASKS, b"now CRO at Stripe"), "noted"),
}


@pytest.mark.parametrize("name", EDITS)
async def test_a_question_that_came_unheard_and_was_edited_since_is_read_and_not_asked_again(
    tmp_path: Path, name: str
) -> None:
    server = Cut()
    server.write(JO, person("Jo", "mine"))
    server.write(f"{HOME}vip.vcf", vip_group("Jo"))
    home = Household(folder=tmp_path, server=server)
    with pytest.raises(Broken):
        await home.cycle()
    server.mended = True
    edit, ending = EDITS[name]
    asked = server.cards[JO].replace(b"\r\n ", b"")
    assert edit(asked) != asked
    server.write(JO, edit(asked))
    for _ in range(3):
        await home.cycle(after=timedelta(days=1))
    assert [each.ending for each in home.mirror.questions.of(home.contact("Jo"))] == [ending]
    assert server.cards[JO].count(b"VIPcheck") == (ending is None)
    assert len(server.puts) == (1 if ending is None else 2)
    home.mirror.close()


async def test_an_ok_to_a_question_that_went_astray_with_its_card_is_heard(tmp_path: Path, busy: Busy) -> None:
    home = await astray(tmp_path, busy, b"/ never", b"/ never\\nok")
    for _ in range(3):
        await home.cycle(after=timedelta(days=1))
    assert [each.ending for each in home.mirror.questions.of(home.contact("Jo"))] == ["confirmed"]
    home.mirror.close()
