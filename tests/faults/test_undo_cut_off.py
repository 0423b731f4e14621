"""``restore`` and ``notes remove`` cut off in the middle: the owner's wish, never the owner's answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cardsync.annotate.clean import cleaned
from cardsync.annotate.comeback import put_back
from cardsync.annotate.undo import UNREAD, Undo
from cardsync.annotate.writer import Outcome, Target, Writer
from cardsync.errors import StateProblem
from cardsync.policy import GuardPolicy
from cardsync.pull.stage import Pull
from cardsync.records import Ending
from cardsync.resources import AddressBook, PutAnswer
from cardsync.vcard.document import scan
from cardsync.vcard.note import note_text
from in_memory import HOME, Household, MemoryServer, person, vip_group
from loop import DAY, HOUR

JO, AL = f"{HOME}Jo.vcf", f"{HOME}Al.vcf"


class Killed(BaseException):
    """What no handler of ours catches."""


@dataclass(slots=True)
class DiesAfterPut(MemoryServer):
    """Its client is killed once its next PUT is stored."""

    deadly: bool = False

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        answer = await MemoryServer.put(self, book, href, data, etag)
        if self.deadly:
            self.deadly = False
            raise Killed
        return answer


@pytest.fixture
async def home(folder: Path) -> Household:
    """Jo and Al were asked."""
    server = DiesAfterPut()
    home = Household(folder=folder, server=server)
    for uid in ("Jo", "Al"):
        server.write(f"{HOME}{uid}.vcf", person(uid, "likes tea"))
    server.write(f"{HOME}group.vcf", vip_group("Jo", "Al"))
    await home.cycle()
    assert all(b"VIPcheck" in server.cards[href] for href in (JO, AL))
    home.now += DAY
    return home


def server_of(home: Household) -> DiesAfterPut:
    assert isinstance(home.server, DiesAfterPut)
    return home.server


def undo(home: Household) -> Undo:
    writer = Writer(server=home.server, mirror=home.mirror, account="home", now=home.now)
    return Undo(server=home.server, mirror=home.mirror, writer=writer, policy=home.reminders, now=home.now)


async def restore(home: Household, version: bytes) -> Outcome:
    """As the command does: first what an earlier process left open."""
    (book,) = home.mirror.books.of("home")
    work = undo(home)
    await work.writer.resolve()
    return await work.restore(book, Target(href=JO, uid_key="jo", contact_id=home.contact("Jo")), version)


async def killed_restore(home: Household, version: bytes) -> None:
    server_of(home).deadly = True
    with pytest.raises(Killed):
        await restore(home, version)
    home.reopen()


def endings(home: Household, uid: str) -> list[Ending | None]:
    return [asked.ending for asked in home.mirror.questions.of(home.contact(uid))]


async def test_a_restore_that_is_given_again_withdraws_the_question_that_it_took_away(home: Household) -> None:
    before = person("Jo", "likes tea")
    await killed_restore(home, before)
    assert await restore(home, before) is Outcome.NOTHING
    await home.cycle(after=HOUR)
    assert endings(home, "Jo") == [Ending.WITHDRAWN]
    assert server_of(home).cards[JO] == before


@pytest.mark.parametrize("again", [True, False])
async def test_a_question_that_a_restore_brought_back_is_known_again(home: Household, again: bool) -> None:
    asked = server_of(home).cards[JO]
    assert await restore(home, person("Jo", "likes tea")) is Outcome.WRITTEN
    await home.cycle(after=HOUR)
    await killed_restore(home, asked)
    if again:
        await restore(home, asked)
    await home.cycle(after=HOUR)
    server_of(home).write(JO, asked.replace(b"never", b"never\\nok", 1))
    await home.cycle(after=HOUR)
    assert endings(home, "Jo") == [Ending.WITHDRAWN, Ending.CONFIRMED]


async def test_a_block_that_was_pulled_by_a_process_that_was_killed_then_is_known_all_the_same(home: Household) -> None:
    asked = server_of(home).cards[JO]
    assert await restore(home, person("Jo", "likes tea")) is Outcome.WRITTEN
    await home.cycle(after=HOUR)
    server_of(home).write(JO, asked)  # from another phone
    await Pull(
        server=home.server,
        mirror=home.mirror,
        account="home",
        wanted=("VIP",),
        guards=GuardPolicy(),
        backups=home.folder,
        now=home.now,
    ).run()
    home.reopen()
    await home.cycle(after=HOUR)
    server_of(home).write(JO, asked.replace(b"never", b"never\\nok", 1))
    await home.cycle(after=HOUR)
    assert endings(home, "Jo") == [Ending.WITHDRAWN, Ending.CONFIRMED]


async def test_a_removal_that_was_cut_off_is_no_dismissal_and_goes_on(home: Household) -> None:
    server_of(home).deadly = True
    (book,) = home.mirror.books.of("home")
    with pytest.raises(Killed):
        await undo(home).remove_all(book)
    home.reopen()
    await home.cycle(after=HOUR)
    assert [endings(home, uid) for uid in ("Jo", "Al")] == [[Ending.WITHDRAWN]] * 2
    assert not any(b"VIPcheck" in card for card in server_of(home).cards.values())


async def test_a_card_over_which_we_stumble_keeps_no_other_cards_block(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(data: bytes, *more: Any) -> bytes:
        if b"FN:Jo" in data:
            raise IndexError("tells what is on the card of Jo")
        return cleaned(data, *more)

    monkeypatch.setattr("cardsync.annotate.undo.cleaned", stumbling)
    (book,) = home.mirror.books.of("home")
    with capture_logs() as logs:
        counts = await undo(home).remove_all(book)
    assert counts == {"found": 1, UNREAD: 1, Outcome.WRITTEN.value: 1}
    assert [b"VIPcheck" in server_of(home).cards[href] for href in (JO, AL)] == [True, False]
    assert "tells what" not in str(logs)


async def test_a_database_that_fails_ends_the_removal(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> bytes:
        raise StateProblem("the disk is full")

    monkeypatch.setattr("cardsync.annotate.undo.cleaned", full)
    (book,) = home.mirror.books.of("home")
    with pytest.raises(StateProblem):
        await undo(home).remove_all(book)


async def test_a_restore_that_was_cut_off_after_its_write_is_no_dismissal(home: Household) -> None:
    await killed_restore(home, person("Jo", "likes tea"))
    await home.cycle(after=HOUR)
    assert endings(home, "Jo") == [Ending.WITHDRAWN]
    assert home.mirror.standings.of(home.contact("Jo")).not_before is None


@pytest.mark.parametrize("own", ["VIPcheck: still at Acme, asked her myself", "VIPcheck: called her", "vipcheck: no"])
async def test_what_the_owner_writes_long_after_a_question_went_is_taken_out_by_nothing(
    home: Household, own: str
) -> None:
    server_of(home).write(JO, server_of(home).cards[JO].replace(b"never", b"never\\nok", 1))
    await home.cycle(after=HOUR)
    assert endings(home, "Jo") == [Ending.CONFIRMED]
    card = person("Jo", f"{own}\n\nlikes tea")
    server_of(home).write(JO, card)
    await home.cycle(after=HOUR)
    (book,) = home.mirror.books.of("home")
    assert (await undo(home).remove_all(book))["found"] == 1  # Al's
    assert server_of(home).cards[JO] == card
    await home.cycle(after=800 * DAY)
    assert endings(home, "Jo") == [Ending.CONFIRMED, None]
    version = home.mirror.journal.versions(book.id, "jo")[0]
    back = put_back(home.mirror, home.contact("Jo"), version, in_list=True)
    assert note_text(scan(back)) == f"{own}\n\nlikes tea"


async def test_a_removal_that_reads_an_answer_leaves_the_owners_line_like_the_question(home: Household) -> None:
    own = "VIPcheck: still at Acme, asked her"
    card = (
        server_of(home)
        .cards[JO]
        .replace(b"never", b"never\\nok", 1)
        .replace(b"likes tea", own.encode() + b"\\nlikes tea")
    )
    server_of(home).write(JO, card)
    (book,) = home.mirror.books.of("home")
    await undo(home).remove_all(book)
    assert note_text(scan(server_of(home).cards[JO])) == f"{own}\nlikes tea"
