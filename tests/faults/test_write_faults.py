"""A server that fails, lies or damages at each step of a write, on the wire; what the card and we are left with."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from cardsync.carddav.client import CardDAVClient, Connection
from cardsync.errors import Broken, Throttled, Unreachable
from cardsync.records import ProblemKind
from cardsync.resources import AddressBook, AddressObject, PutAnswer
from in_memory import HOME, Household, MemoryServer, address_book, person, vip_group
from servers.loopback import Request, Response, serve

DAY = timedelta(days=1)
JO, AL, KIM = f"{HOME}a-jo.vcf", f"{HOME}b-al.vcf", f"{HOME}c-kim.vcf"
NOTE = "Met at the fair, then in Bonn."
CUT = Response(body=b"never sent", cut=0)

Fault = Callable[["OnWire", Request], Response | None]
"""An answer instead of the right one, or None."""


@dataclass(slots=True, kw_only=True)
class OnWire(MemoryServer):
    """Listings from memory; each GET and PUT of a card goes through the real client over HTTP."""

    port: int = 0
    fault: Fault | None = None
    seen: list[Request] = field(default_factory=list)

    async def get(self, book: AddressBook, href: str) -> AddressObject | None:
        async with self._client() as client:
            return await client.get(book, href)

    async def put(self, book: AddressBook, href: str, data: bytes, etag: str) -> PutAnswer:
        async with self._client() as client:
            return await client.put(book, href, data, etag)

    def _client(self) -> CardDAVClient:
        url = f"http://127.0.0.1:{self.port}/"
        return CardDAVClient(Connection(account="home", url=url, username="o", password="p", allow_http=True))

    def answer(self, request: Request) -> Response:
        self.seen.append(request)
        instead = self.fault(self, request) if self.fault else None
        return instead or self.right(request)

    def right(self, request: Request) -> Response:
        """As a server should."""
        if request.path not in self.cards:
            return Response(404)
        if request.method == "PUT":
            if request.headers.get("if-match") != self.etags[request.path]:
                return Response(412)
            self.write(request.path, request.body)
            return Response(204, headers=[("ETag", self.etags[request.path])])
        if request.method == "PROPFIND":  # an ETag asked for by itself
            return Response(404)
        return Response(200, self.cards[request.path], [("ETag", self.etags[request.path])])

    def count(self, method: str, href: str | None = None) -> int:
        return sum(one.method == method and href in {None, one.path} for one in self.seen)


@contextmanager
def at_home(folder: Path, uids: tuple[str, ...] = ("Jo",)) -> Iterator[tuple[Household, OnWire]]:
    """VIPs that will be asked, one after the other, in the order of ``uids``."""
    server = OnWire()
    with serve(server.answer) as loopback:
        server.port = loopback.port
        server.books = (address_book(href=f"{loopback.origin}{HOME}"),)
        for uid, href in zip(uids, (JO, AL, KIM), strict=False):
            server.write(href, person(uid, NOTE))
        server.write(f"{HOME}group.vcf", vip_group(*uids))
        home = Household(folder=folder, server=server)
        try:
            yield home, server
        finally:
            home.mirror.close()


def blocks(data: bytes) -> int:
    return re.sub(rb"\r\n[ \t]", b"", data).count(b"VIPcheck:")


def written_once(home: Household, server: OnWire, href: str = JO, uid: str = "Jo") -> None:
    """One block, an open question that knows of it, the owner's text, no write in doubt."""
    assert blocks(server.cards[href]) == 1
    assert [q.standing for q in home.mirror.questions.of(home.contact(uid))] == [True]
    assert re.sub(rb"\r\n ", b"", server.cards[href]).count(NOTE.replace(",", "\\,").encode()) == 1
    assert not home.mirror.journal.pending("home")


def untouched(home: Household, server: OnWire, href: str = JO, uid: str = "Jo") -> None:
    assert server.cards[href] == person(uid, NOTE)
    assert home.mirror.questions.of(home.contact(uid)) == []
    assert not home.mirror.journal.pending("home")


def reasons(home: Household) -> dict[ProblemKind, str]:
    return {problem.kind: problem.reason for problem in home.mirror.problems.all()}


def on(method: str, answer: Response, *, times: int = 1, skip: int = 0, href: str = JO) -> Fault:
    """Answer so ``times`` times, after ``skip`` that are answered rightly."""
    left = [*(None for _ in range(skip)), *(answer for _ in range(times))]
    return lambda server, request: left.pop(0) if left and (request.method, request.path) == (method, href) else None


# ---------------------------------------------------------------- the PUT is turned down


@pytest.mark.parametrize("status", [400, 403, 405, 409, 413, 415, 507])
def test_a_refused_card_is_parked_until_it_changes(folder: Path, status: int) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("PUT", Response(status))
        asyncio.run(home.cycle())
        untouched(home, server)
        assert reasons(home) == {ProblemKind.PARKED: "refused"}
        asyncio.run(home.cycle(after=DAY))
        assert server.count("PUT") == 1
        server.write(JO, person("Jo", NOTE, **{"TEL;TYPE=CELL": "+1 555 0100"}))
        asyncio.run(home.cycle(after=DAY))
        asyncio.run(home.cycle(after=DAY))
        assert blocks(server.cards[JO]) == 1
        assert not reasons(home)


@pytest.mark.parametrize("status", [404, 410, 423, 500, 502, 504])
def test_a_put_that_fails_for_now_is_made_again_in_the_next_cycle(folder: Path, status: int) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("PUT", Response(status))
        asyncio.run(home.cycle())
        untouched(home, server)
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert server.count("PUT") == 2
        assert not reasons(home)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_a_pause_gets_it_at_once(folder: Path, status: int) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = on("PUT", Response(status, headers=[("Retry-After", "1800")]))
        with pytest.raises(Throttled) as raised:
            asyncio.run(home.cycle())
        assert raised.value.wait == timedelta(minutes=30)
        assert server.count("PUT") == 1
        untouched(home, server)
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        written_once(home, server, AL, "Al")


def test_a_conflict_without_another_version_is_parked(folder: Path) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("PUT", Response(412), times=9)
        asyncio.run(home.cycle())
        untouched(home, server)
        assert reasons(home) == {ProblemKind.PARKED: "conflict"}
        assert server.count("PUT") == 1


def test_a_card_whose_etag_changes_at_every_look_is_parked_until_released(folder: Path) -> None:
    def restless(server: OnWire, request: Request) -> Response | None:
        if request.method == "GET" and request.path == JO:
            server.write(JO, server.cards[JO])
            after = server.right(request)
            server.write(JO, server.cards[JO])
            return after
        return None

    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = restless
        before = server.cards[JO]
        asyncio.run(home.cycle())
        assert [problem.reason for problem in home.mirror.problems.all()] == ["restless-etag"]
        puts = server.count("PUT", JO)
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
        assert server.count("PUT", JO) == puts
        assert server.cards[JO] == before
        assert b"VIPcheck" in server.cards[AL]
        server.fault = None
        home.mirror.problems.release()
        asyncio.run(home.cycle(after=DAY))
        assert b"VIPcheck" in server.cards[JO]


def test_a_card_edited_at_each_of_our_writes_is_left_for_the_next_cycle(folder: Path) -> None:
    def edit_first(server: MemoryServer, request: Request) -> Response | None:
        if request.method == "PUT" and len(edits) < 3:
            edits.append(request.path)
            server.write(JO, server.cards[JO].replace(b"END:VCARD", b"NICKNAME:J\r\nEND:VCARD"))
        return None

    edits: list[str] = []
    with at_home(folder) as (home, server):
        home.reminders = type(home.reminders)(quiet_after_edit=timedelta())
        server.fault = edit_first
        asyncio.run(home.cycle())
        assert server.count("PUT") == 3
        assert blocks(server.cards[JO]) == 0
        assert server.cards[JO].count(b"NICKNAME:J") == 3
        assert not reasons(home)
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert server.cards[JO].count(b"NICKNAME:J") == 3


# ---------------------------------------------------------------- broken connections and late truths


def test_a_connection_cut_before_the_server_took_the_put(folder: Path) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("PUT", CUT)
        asyncio.run(home.cycle())
        untouched(home, server)
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)


def took_it(server: MemoryServer, request: Request) -> None:
    assert isinstance(server, OnWire)
    server.right(request)


def test_a_connection_cut_after_the_server_took_the_put(folder: Path) -> None:
    def cut(server: OnWire, request: Request) -> Response | None:
        if request.method == "PUT":
            took_it(server, request)
            return CUT
        return None

    with at_home(folder) as (home, server):
        server.fault = cut
        asyncio.run(home.cycle())
        written_once(home, server)
        assert server.count("PUT") == 1


@pytest.mark.parametrize("answer", [CUT, Response(503)], ids=["cut", "busy"])
def test_a_server_that_goes_away_before_the_write_is_verified(folder: Path, answer: Response) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("GET", answer, times=5, skip=1)
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        assert home.mirror.journal.pending("home")
        server.fault = None
        home.reopen()
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert server.count("PUT") == 1


@pytest.mark.parametrize("status", [404, 410, 403, 500])
def test_a_card_that_cannot_be_read_after_the_write_is_settled_later(folder: Path, status: int) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = on("GET", Response(status), skip=1)
        asyncio.run(home.cycle())
        assert reasons(home)[ProblemKind.PARKED] in {"vanished", "unreadable"}
        written_once_al = blocks(server.cards[AL])
        assert written_once_al == 1
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert server.count("PUT", JO) == 1
        assert not reasons(home)


def test_a_card_that_stays_unreadable_is_not_written_again_and_stops_no_other(folder: Path) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = on("GET", Response(500), times=50, skip=1)
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
        written = server.count("PUT", JO)
        assert written == 1
        assert blocks(server.cards[AL]) == 1
        assert len(home.mirror.journal.pending("home")) == 1


@pytest.mark.parametrize("status", [403, 500])
def test_a_card_that_cannot_be_read_before_the_write_stops_no_other(folder: Path, status: int) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = on("GET", Response(status))
        asyncio.run(home.cycle())
        untouched(home, server)
        written_once(home, server, AL, "Al")
        assert reasons(home) == {ProblemKind.PARKED: "unreadable"}
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert not reasons(home)


def test_a_card_that_went_before_the_write_is_not_made_again(folder: Path) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("GET", Response(404))
        asyncio.run(home.cycle())
        assert server.count("PUT") == 0
        untouched(home, server)


def test_a_stale_reply_after_the_write_leads_to_no_second_block(folder: Path) -> None:
    with at_home(folder) as (home, server):
        stale = Response(200, server.cards[JO], [("ETag", server.etags[JO])])
        server.fault = on("GET", stale, skip=1)
        asyncio.run(home.cycle())
        assert reasons(home) == {ProblemKind.PARKED: "not-stored"}
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert server.count("PUT") == 1


# ---------------------------------------------------------------- servers that lie


def test_a_server_that_ignores_the_put_is_not_believed(folder: Path) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("PUT", Response(204, headers=[("ETag", '"new"')]))
        asyncio.run(home.cycle())
        untouched(home, server)
        assert reasons(home) == {ProblemKind.PARKED: "not-stored"}


@pytest.mark.parametrize("etag", [None, "same", "weak"])
def test_the_etag_of_a_put_is_a_hint_and_no_proof(folder: Path, etag: str | None) -> None:
    def tell(server: OnWire, request: Request) -> Response | None:
        if request.method != "PUT":
            return None
        old = server.etags[JO]
        took_it(server, request)
        if etag == "same":
            server.etags[JO] = old
        told = {"same": old, "weak": f"W/{server.etags[JO]}"}.get(etag or "")
        return Response(204, headers=[("ETag", told)] if told else [])

    with at_home(folder) as (home, server):
        server.fault = tell
        asyncio.run(home.cycle())
        written_once(home, server)
        asyncio.run(home.cycle(after=DAY))
        assert server.count("PUT") == 1


def test_a_card_without_an_etag_is_never_written(folder: Path) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("GET", Response(200, server.cards[JO]), times=99)
        asyncio.run(home.cycle())
        assert server.count("PUT") == 0
        assert reasons(home) == {ProblemKind.PARKED: "no-etag"}


# ---------------------------------------------------------------- a card at which the server breaks


@pytest.mark.parametrize("broken", [CUT, Response(502), Response(504)], ids=["cut", "502", "504"])
def test_a_card_that_cannot_be_read_does_not_keep_the_others_waiting(folder: Path, broken: Response) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = on("GET", broken, times=99)
        asyncio.run(home.cycle())
        untouched(home, server)
        written_once(home, server, AL, "Al")
        assert reasons(home) == {ProblemKind.PARKED: "unreadable"}
        server.fault = None
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert not reasons(home)


def test_a_written_card_that_cannot_be_read_any_more_does_not_keep_the_others_waiting(folder: Path) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = on("GET", CUT, times=99, skip=1)
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        asyncio.run(home.cycle(after=DAY))
        assert blocks(server.cards[AL]) == 1
        assert server.count("PUT", JO) == 1
        server.fault = None
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert not reasons(home)


def test_a_server_that_breaks_at_three_cards_in_a_row_is_taken_to_be_away(folder: Path) -> None:
    async def three() -> None:
        async with server._client() as client:
            for href in (JO, AL):
                with pytest.raises(Broken):
                    await client.get(server.books[0], href)
            with pytest.raises(Unreachable) as last:
                await client.get(server.books[0], KIM)
            assert not isinstance(last.value, Broken)

    with at_home(folder, ("Jo", "Al", "Kim")) as (_, server):
        server.fault = lambda wire, request: CUT
        asyncio.run(three())


def test_a_question_whose_write_is_not_settled_is_not_taken_for_one_of_a_lost_database(folder: Path) -> None:
    with at_home(folder) as (home, server):
        server.fault = on("GET", Response(500), times=99, skip=1)
        asyncio.run(home.cycle())
        assert blocks(server.cards[JO]) == 1
        assert home.mirror.journal.pending("home")
        asyncio.run(home.cycle(after=DAY))  # its listing shows the card with the block
        server.fault = None
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)


def test_another_contact_under_the_address_of_this_one_is_not_written_back(folder: Path) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        asyncio.run(home.cycle())
        typed = server.cards[JO].replace(b"later / never", b"later / never\\nok")
        server.write(JO, typed)
        mixed = Response(200, server.cards[AL], [("ETag", server.etags[JO])])  # its block has the same words
        server.fault = on("GET", mixed)
        asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == typed
        assert reasons(home) == {ProblemKind.PARKED: "unreadable"}
        asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == person("Jo", NOTE)
        assert not reasons(home)


@pytest.mark.parametrize("less", [b"TITLE:VP Sales\r\n", b"\\, then in Bonn."])
def test_a_card_that_is_shown_with_less_under_the_same_etag_is_not_written_back(folder: Path, less: bytes) -> None:
    with at_home(folder) as (home, server):
        asyncio.run(home.cycle())
        typed = re.sub(rb"\r\n ", b"", server.cards[JO]).replace(b"later / never", b"later / never\\nok")
        server.write(JO, typed)
        server.fault = on("GET", Response(200, typed.replace(less, b""), [("ETag", server.etags[JO])]))
        asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == typed
        assert reasons(home) == {ProblemKind.PARKED: "unreadable"}
        asyncio.run(home.cycle(after=DAY))
        assert re.sub(rb"\r\n ", b"", server.cards[JO]) == person("Jo", NOTE)
        assert not reasons(home)


def test_a_card_that_the_listing_showed_with_less_is_asked_for_again_and_then_written(folder: Path) -> None:
    with at_home(folder) as (home, server):
        whole = server.cards[JO]
        server.cards[JO] = whole.replace(b"TEL;TYPE=CELL:+49 171 5550100\r\n", b"")
        server.fault = lambda wire, request: Response(200, whole, [("ETag", wire.etags[JO])])
        asyncio.run(home.cycle())
        assert server.count("PUT") == 0
        assert reasons(home) == {ProblemKind.PARKED: "unreadable"}
        server.cards[JO], server.fault = whole, None
        asyncio.run(home.cycle(after=DAY))  # an edit as far as anybody knows, and the phone may hold more of it
        asyncio.run(home.cycle(after=DAY))
        written_once(home, server)
        assert not reasons(home)


# ---------------------------------------------------------------- servers that damage

PHOTO = b"PHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\n"
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "the photo is gone": lambda data: data.replace(PHOTO, b""),
    "a type is gone": lambda data: data.replace(b"TEL;TYPE=CELL", b"TEL"),
    "the note is cut at a comma": lambda data: re.sub(rb"(?s)(Met at the fair).*?(\r\n[A-Z])", rb"\1\2", data),
    "it is no card": lambda data: b"(null)",
    "it is empty": lambda data: b"",
}


def damaging(damage: Callable[[bytes], bytes], *, etag: bool, lasting: bool = False) -> Fault:
    def fault(server: OnWire, request: Request) -> Response | None:
        if (
            request.method != "PUT"
            or (done and not lasting)
            or request.headers["if-match"] != server.etags[request.path]
        ):
            return None
        done.append(1)
        server.write(request.path, damage(request.body))
        return Response(204, headers=[("ETag", server.etags[request.path])] if etag else [])

    done: list[int] = []
    return fault


@pytest.mark.parametrize("etag", [True, False], ids=["with ETag", "without ETag"])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_card_is_put_back_once_and_its_book_is_not_written_any_more(
    folder: Path, name: str, etag: bool
) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        whole = person("Jo", NOTE).replace(b"REV:", PHOTO + b"REV:")
        server.write(JO, whole)
        server.fault = damaging(DAMAGES[name], etag=etag)
        asyncio.run(home.cycle())
        assert server.cards[JO] == whole
        assert server.count("PUT") == 2
        back = [request for request in server.seen if request.method == "PUT"][1]
        assert back.headers["if-match"] != server.etags[JO]
        assert "*" not in back.headers["if-match"]
        assert reasons(home)[ProblemKind.WRITING_STOPPED] == "damaged"
        assert blocks(server.cards[AL]) == 0
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
        assert server.count("PUT") == 2
        memory = home.mirror.contacts.memory(home.contact("Jo"))
        assert memory.changed_at is None
        assert home.mirror.questions.of(home.contact("Jo")) == []


def test_a_card_that_is_damaged_again_after_a_release_does_not_hold_the_others_at_the_next(folder: Path) -> None:
    def damaging(server: OnWire, request: Request) -> Response | None:
        if request.method == "PUT" and request.path == JO and b"VIPcheck" in request.body:
            server.write(JO, request.body.replace(b"TITLE:VP Sales\r\n", b""))
            return Response(204, headers=[("ETag", server.etags[JO])])
        return None

    with at_home(folder, ("Jo", "Al")) as (home, server):
        before = server.cards[JO]
        server.fault = damaging
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
            home.mirror.problems.release()
        tries = server.count("PUT", JO)
        asyncio.run(home.cycle(after=DAY))
        assert server.count("PUT", JO) == tries == 4  # two tries, each put back
        assert server.cards[JO] == before
        assert b"VIPcheck" in server.cards[AL]
        assert reasons(home) == {ProblemKind.PARKED: "damaged-again"}


def test_damage_in_one_book_does_not_stop_the_others(folder: Path) -> None:
    with at_home(folder) as (home, server):
        origin = server.books[0].href.removesuffix(HOME)
        server.books += (address_book("Work", f"{origin}/dav/office/"),)
        server.write("/dav/office/kim.vcf", person("Kim", NOTE))
        server.write("/dav/office/group.vcf", vip_group("Kim"))
        server.fault = damaging(lambda data: data.replace(b"TEL;TYPE=CELL", b"TEL"), etag=True)
        asyncio.run(home.cycle())
        assert server.cards[JO] == person("Jo", NOTE)
        written_once(home, server, "/dav/office/kim.vcf", "Kim")


def test_a_put_back_that_fails_too_is_not_tried_again_and_the_card_is_kept(folder: Path) -> None:
    with at_home(folder) as (home, server):
        lose = DAMAGES["a type is gone"]
        server.fault = damaging(lose, etag=True, lasting=True)
        asyncio.run(home.cycle())
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
        assert server.count("PUT") == 2
        assert server.cards[JO] == lose(person("Jo", NOTE))
        newest = home.mirror.journal.versions(1, "jo")[0]
        assert newest["data"] == person("Jo", NOTE)
        assert "restore" in home.mirror.problems.all()[0].detail
        assert home.mirror.contacts.edited_since(home.contact("Jo"), home.now - 30 * DAY) == frozenset()


def test_writing_stops_even_if_the_server_goes_away_before_the_put_back(folder: Path) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        damage = damaging(DAMAGES["the photo is gone"], etag=True)
        whole = person("Jo", NOTE).replace(b"REV:", PHOTO + b"REV:")
        server.write(JO, whole)
        gone = on("GET", CUT, times=99, skip=2)
        server.fault = lambda wire, request: damage(wire, request) or gone(wire, request)
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        server.fault = None
        home.reopen()
        asyncio.run(home.cycle(after=DAY))
        assert reasons(home)[ProblemKind.WRITING_STOPPED] == "damaged"
        assert server.cards[JO] == whole
        assert blocks(server.cards[AL]) == 0
        assert not home.mirror.journal.pending("home")


def test_damage_of_a_write_that_was_not_verified_is_known_by_its_etag_after_a_restart(folder: Path) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        damage, gone = damaging(DAMAGES["a type is gone"], etag=True), on("GET", CUT, times=99, skip=1)
        server.fault = lambda wire, request: damage(wire, request) or gone(wire, request)
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        server.fault = None
        home.reopen()
        asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == person("Jo", NOTE)
        assert reasons(home)[ProblemKind.WRITING_STOPPED] == "damaged"
        assert "The server changed TEL when a note was written." in home.mirror.problems.all()[0].detail


# ---------------------------------------------------------------- an owner deletes before a write is verified

DELETIONS: dict[str, Callable[[bytes], bytes]] = {
    "a number": lambda data: data.replace(b"TEL;TYPE=CELL:+49 171 5550100\r\n", b""),
    "words of the note": lambda data: re.sub(rb"\r\n ", b"", data).replace(b"\\, then in Bonn.", b""),
    "a department": lambda data: data.replace(b"ORG:Acme;Sales", b"ORG:Acme"),
}
"""By a client that leaves REV and PRODID alone."""


def never_seen(server: OnWire, request: Request) -> Response | None:
    """The PUT arrives, and nothing comes back any more."""
    if request.method == "PUT":
        took_it(server, request)
        return CUT
    return CUT if any(one.method == "PUT" for one in server.seen) else None


def answered(*, etag: bool) -> Fault:
    """The PUT arrives and is answered; then the network goes."""

    def fault(server: OnWire, request: Request) -> Response | None:
        if request.method == "PUT":
            took_it(server, request)
            return Response(204, headers=[("ETag", server.etags[JO])] if etag else [])
        return CUT if any(one.method == "PUT" for one in server.seen) else None

    return fault


@pytest.mark.parametrize(
    "fault", [never_seen, answered(etag=True), answered(etag=False)], ids=["cut off", "ETag", "no ETag"]
)
@pytest.mark.parametrize("name", DELETIONS)
def test_what_the_owner_deletes_before_a_write_is_verified_stays_deleted(folder: Path, name: str, fault: Fault) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = fault
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        server.write(JO, DELETIONS[name](server.cards[JO]))
        theirs = server.cards[JO]
        server.fault = None
        home.reopen()
        asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == theirs or name == "a department"  # an answer: the block may leave
        assert ProblemKind.WRITING_STOPPED not in reasons(home)
        asyncio.run(home.cycle(after=DAY))
        assert blocks(server.cards[AL]) == 1  # the others go on
        home.mirror.problems.release()
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
        gone = {"a number": b"5550100", "words of the note": b"in Bonn", "a department": b"Acme;Sales"}[name]
        assert gone not in re.sub(rb"\r\n ", b"", server.cards[JO])
        assert not home.mirror.journal.pending("home")


def test_a_card_in_doubt_is_left_alone_with_both_versions_until_the_owner_says(folder: Path) -> None:
    with at_home(folder) as (home, server):
        server.fault = never_seen
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        server.write(JO, DELETIONS["a number"](server.cards[JO]))
        theirs = server.cards[JO]
        server.fault = None
        home.reopen()
        asyncio.run(home.cycle(after=DAY))
        (problem,) = home.mirror.problems.all()
        assert (problem.kind, problem.reason) == (ProblemKind.PARKED, "in-doubt")
        for said in ("lost TEL", "cardsync restore", "cardsync release"):
            assert said in problem.detail
        newest, next_to_it = home.mirror.journal.versions(1, "jo")[:2]
        assert (newest["data"], next_to_it["data"]) == (person("Jo", NOTE), theirs)
        assert [q.standing for q in home.mirror.questions.of(home.contact("Jo"))] == [True]
        puts = server.count("PUT")
        asyncio.run(home.cycle(after=46 * DAY))  # it expired; the block waits
        assert server.count("PUT") == puts
        assert server.cards[JO] == theirs
        home.mirror.problems.release()
        asyncio.run(home.cycle(after=DAY))
        assert blocks(server.cards[JO]) == 0
        assert not reasons(home)


def test_a_card_in_doubt_that_cannot_be_read_is_kept_and_nothing_written(folder: Path) -> None:
    with at_home(folder) as (home, server):
        server.fault = never_seen
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        server.write(JO, b"(null)")
        server.fault = None
        home.reopen()
        asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == b"(null)"
        assert server.count("PUT") == 1
        assert home.mirror.journal.versions(1, "jo")[0]["data"] == person("Jo", NOTE)
        assert not home.mirror.journal.pending("home")


@pytest.mark.parametrize("fault", [never_seen, answered(etag=True)], ids=["cut off", "answered"])
def test_a_question_that_is_deleted_before_its_write_is_verified_is_dismissed(folder: Path, fault: Fault) -> None:
    with at_home(folder) as (home, server):
        server.fault = fault
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        server.write(JO, person("Jo", NOTE))
        server.fault = None
        home.reopen()
        for _ in range(5):
            asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == person("Jo", NOTE)
        assert [q.ending for q in home.mirror.questions.of(home.contact("Jo"))] == ["dismissed"]


# ---------------------------------------------------------------- the phone is quicker than our second look

EDITS: dict[str, Callable[[bytes], bytes]] = {
    "with a new PRODID": lambda data: data.replace(b"iOS 17.4", b"iOS 18.0").replace(
        b"TEL;TYPE=CELL:+49 171 5550100\r\n", b""
    ),
    "with a new REV": lambda data: data.replace(b"REV:2017", b"REV:2026").replace(
        b"TEL;TYPE=CELL:+49 171 5550100\r\n", b""
    ),
    "without either": lambda data: data.replace(b"TITLE:VP Sales", b"TITLE:CRO"),
}


@pytest.mark.parametrize("etag", [True, False], ids=["with ETag", "without ETag"])
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_between_our_put_and_our_get_stays_and_is_read_by_the_next_pull(
    folder: Path, name: str, etag: bool
) -> None:
    def edit(server: OnWire, request: Request) -> Response | None:
        if request.method != "PUT":
            return None
        took_it(server, request)
        told = server.etags[JO]
        server.write(JO, EDITS[name](server.cards[JO]))
        return Response(204, headers=[("ETag", told)] if etag else [])

    with at_home(folder) as (home, server):
        server.fault = edit
        asyncio.run(home.cycle())
        edited = server.cards[JO]
        assert server.count("PUT") == 1
        assert not reasons(home)
        server.fault = None
        asyncio.run(home.cycle(after=DAY))
        lines = [line for line in edited.split(b"\r\n") if not line.startswith((b"NOTE", b" "))]
        assert [line for line in server.cards[JO].split(b"\r\n") if not line.startswith((b"NOTE", b" "))] == lines
        asked = home.mirror.questions.of(home.contact("Jo"))
        if name == "without either":  # the title: that is an answer
            assert [q.ending for q in asked] == ["edited"]
            assert blocks(server.cards[JO]) == 0
        else:
            assert [q.standing for q in asked] == [True]
            assert blocks(server.cards[JO]) == 1


def test_an_edit_at_a_put_that_was_refused_is_never_undone(folder: Path) -> None:
    def edit(server: OnWire, request: Request) -> Response | None:
        if request.method != "PUT":
            return None
        server.write(JO, server.cards[JO].replace(b"TEL;TYPE=CELL:+49 171 5550100\r\n", b""))
        return Response(403)

    with at_home(folder) as (home, server):
        server.write(JO, person("Jo"))
        server.fault = edit
        asyncio.run(home.cycle())
        assert b"TEL" not in server.cards[JO]
        assert server.count("PUT") == 1
        assert ProblemKind.WRITING_STOPPED not in reasons(home)


def test_an_account_that_is_only_read_gets_not_even_the_kept_bytes_back(folder: Path) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        damage, gone = damaging(DAMAGES["a type is gone"], etag=True), on("GET", CUT, times=99, skip=1)
        server.fault = lambda wire, request: damage(wire, request) or gone(wire, request)
        with pytest.raises(Unreachable):
            asyncio.run(home.cycle())
        server.fault = None
        home.reopen()
        home.write = False
        before = dict(server.cards)
        asyncio.run(home.cycle(after=DAY))
        assert server.cards == before
        assert reasons(home)[ProblemKind.WRITING_STOPPED] == "damaged"
        assert any(version["data"] == person("Jo", NOTE) for version in home.mirror.journal.versions(1, "jo"))


@pytest.mark.parametrize("status", [500, 503, 507])
def test_a_card_that_goes_in_our_write_is_told_of_until_a_release(folder: Path, status: int) -> None:
    def takes_it_away(server: OnWire, request: Request) -> Response | None:
        if request.method == "PUT" and request.path == JO:
            server.delete(JO)
            return Response(status)
        return None

    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = takes_it_away
        for _ in range(3):
            asyncio.run(home.cycle(after=DAY))
        assert JO not in server.cards
        assert reasons(home)[ProblemKind.PARKED] == "vanished"
        assert "went from the server during a write" in home.mirror.problems.all()[0].detail
        assert home.mirror.journal.versions(1, "jo")[0]["data"] == person("Jo", NOTE)
        home.mirror.problems.release()
        asyncio.run(home.cycle(after=DAY))
        assert ProblemKind.PARKED not in reasons(home)


@pytest.mark.parametrize("status", [502, 503])
def test_a_put_back_that_a_server_had_no_time_for_is_made_at_the_next_cycle(folder: Path, status: int) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        damage = damaging(DAMAGES["a type is gone"], etag=False)
        busy = on("PUT", Response(status))
        server.fault = lambda wire, request: damage(wire, request) or busy(wire, request)
        with suppress(Unreachable):
            asyncio.run(home.cycle())
        assert server.cards[JO] != person("Jo", NOTE)
        server.fault = None
        home.reopen()
        asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == person("Jo", NOTE)
        assert reasons(home)[ProblemKind.WRITING_STOPPED] == "damaged"
        assert "The card is as it was." in " ".join(problem.detail for problem in home.mirror.problems.all())
        assert [version["why"] for version in home.mirror.journal.versions(1, "jo")][:2] == ["put back", "damaged"]


@pytest.mark.parametrize("etag", [True, False])
def test_a_card_that_comes_back_as_another_contact_is_damage_if_the_etag_says_so(folder: Path, etag: bool) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = damaging(lambda data: person("Another", NOTE), etag=etag)
        asyncio.run(home.cycle())
        assert server.cards[JO] == person("Jo" if etag else "Another", NOTE)
        assert reasons(home).get(ProblemKind.WRITING_STOPPED) == ("damaged" if etag else None)
        assert any(version["data"] == person("Jo", NOTE) for version in home.mirror.journal.versions(1, "jo"))


def test_what_cannot_be_read_after_our_write_and_an_edit_stops_no_other_card(folder: Path) -> None:
    def garbage(server: OnWire, request: Request) -> Response | None:
        if request.method == "PUT" and request.path == JO:
            took_it(server, request)
            etag = server.etags[JO]
            server.write(JO, b"(null)")
            return Response(204, headers=[("ETag", etag)])
        return None

    with at_home(folder, ("Jo", "Al")) as (home, server):
        server.fault = garbage
        asyncio.run(home.cycle())
        server.fault = None
        asyncio.run(home.cycle(after=DAY))
        assert b"VIPcheck" in server.cards[AL]
        assert not home.mirror.journal.pending("home")
        assert server.cards[JO] == b"(null)"


@pytest.mark.parametrize("etag", [True, False])
def test_a_put_back_that_was_cut_off_is_made_after_a_restart(folder: Path, etag: bool) -> None:
    with at_home(folder, ("Jo", "Al")) as (home, server):
        damage, gone = damaging(DAMAGES["a type is gone"], etag=etag), on("PUT", CUT, times=99)
        server.fault = lambda wire, request: damage(wire, request) or gone(wire, request)
        with suppress(Unreachable):
            asyncio.run(home.cycle())
        server.fault = None
        home.reopen()
        asyncio.run(home.cycle(after=DAY))
        assert server.cards[JO] == person("Jo", NOTE)
        assert not home.mirror.journal.pending("home")
