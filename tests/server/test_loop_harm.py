"""Nothing is harmed: edits at the moment of our write, servers that damage, listings that break."""

import asyncio
from collections.abc import Callable

import pytest

from builders import apple_group
from cardsync import undo
from cardsync.cycles import cycle
from cardsync.records import Ending, ProblemKind
from cardsync.report import find_person
from loop import DAY, GROUP, HOUR, OWN, PLENTY, Make, person
from servers.loopback import Request, Response


class Once:
    """Acts before the n-th request of that method for that card goes on to the server."""

    def __init__(self, method: str, name: str, act: Callable[[], None], *, number: int = 1, times: int = 1) -> None:
        self.method, self.name, self.act = method, name, act
        self.skip, self.times = number - 1, times

    def __call__(self, request: Request) -> Response | None:
        if request.method == self.method and request.path.endswith(self.name):
            self.skip -= 1
            if self.skip < 0 and self.times:
                self.times -= 1
                self.act()
        return None


# ---------------------------------------------------------------- edits at the moment of our write


def test_an_edit_between_our_get_and_put_wins_and_is_asked_about_later(home: Make) -> None:
    at = home()
    at.wire.before = Once("PUT", "Jo.vcf", lambda: at.phone.edit_field("Jo.vcf", "TITLE", "CRO"))
    assert at.loop.counts()["asked"] == 0
    assert at.note() == OWN
    assert b"TITLE:CRO" in at.card()
    assert ("edited", "title", "VP Sales", "CRO") in at.loop.history("Jo")
    assert at.loop.questions("Jo") == []


def test_an_edit_while_the_answer_is_taken_out_is_kept(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "ok")
    more = lambda: at.phone.edit_note("Jo.vcf", lambda note: note + "\nCall in May")  # noqa: E731
    at.wire.before = Once("PUT", "Jo.vcf", more)
    at.loop.cycle(after=HOUR)
    assert at.note() == OWN + "\nCall in May"
    assert at.loop.endings("Jo") == [Ending.CONFIRMED]


def test_an_answer_between_our_put_and_the_get_behind_it_is_understood(home: Make) -> None:
    at = home()
    at.wire.before = Once("GET", "Jo.vcf", lambda: at.phone.type_below_block("Jo.vcf", "ok"), number=2)
    at.loop.cycle()
    assert at.loop.endings("Jo") == [None]
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Jo") == [Ending.CONFIRMED]
    assert at.note() == OWN


def test_an_edit_of_a_field_between_our_put_and_the_get_behind_it_answers(home: Make) -> None:
    at = home()
    at.wire.before = Once("GET", "Jo.vcf", lambda: at.phone.edit_field("Jo.vcf", "TITLE", "CRO"), number=2)
    at.loop.cycle()
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Jo") == [Ending.EDITED]
    assert ("edited", "title", "VP Sales", "CRO") in at.loop.history("Jo")
    assert at.note() == OWN


def test_who_edits_all_the_time_is_left_for_the_next_cycle(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "ok")
    typed = iter(range(100))
    more = lambda: at.phone.edit_note("Jo.vcf", lambda note: f"{note}\n{next(typed)}")  # noqa: E731
    at.wire.before = Once("PUT", "Jo.vcf", more, times=50)
    assert at.loop.counts(after=HOUR)["later"] == 1
    assert at.wire.methods("Jo.vcf")["PUT"] == 1 + 3
    at.wire.before = lambda request: None
    at.loop.cycle(after=HOUR)
    assert at.note() == OWN + "\n0\n1\n2"
    assert at.loop.endings("Jo") == [Ending.CONFIRMED]


def test_a_card_that_is_deleted_at_the_moment_of_our_write_is_not_made_again(home: Make) -> None:
    at = home({"Jo": person("Jo"), "Al": person("Al")}, reminders=PLENTY)
    at.wire.before = Once("PUT", "Jo.vcf", lambda: at.server.delete_card("Jo.vcf"))
    at.loop.cycle()
    at.loop.cycle(after=HOUR)
    assert at.server.list_cards() == ["Al.vcf", GROUP]


# ---------------------------------------------------------------- a server that damages


def damaging(old: bytes, new: bytes, *, times: int) -> Callable[[Request], Response | None]:
    """A server that stores something else than it was sent, so many times, and answers as if nothing were."""
    left = [None] * times

    def before(request: Request) -> Response | None:
        if request.method == "PUT" and old in request.body and left:
            left.pop()
            object.__setattr__(request, "body", request.body.replace(old, new))
        return None

    return before


def test_a_damaged_card_is_put_back_to_the_byte_and_writing_stops_until_release(home: Make) -> None:
    at = home({"Jo": person("Jo", OWN), "Al": person("Al", OWN)}, reminders=PLENTY)
    before = {key: at.card(key) for key in ("Jo", "Al")}
    at.wire.before = damaging(b"TITLE:VP Sales\r\n", b"", times=1)
    at.loop.cycle()
    assert {key: at.card(key) for key in before} == before
    assert ProblemKind.WRITING_STOPPED in at.loop.problems()
    at.loop.cycle(after=DAY)
    assert {key: at.card(key) for key in before} == before
    assert at.wire.methods()["PUT"] == 2
    at.loop.command("release")
    assert at.loop.counts(after=DAY)["asked"] == 2
    assert not at.loop.problems()


NUMBER = b"TEL;type=CELL;type=VOICE:+49 171 5550100\r\n"


def test_a_card_in_doubt_goes_back_by_restore_only_and_its_question_with_the_write(home: Make) -> None:
    """The write was cut off; the owner deletes a number by a client that leaves REV alone."""
    at = home()
    before = at.card()

    def cut(request: Request) -> Response | None:
        if request.method == "PUT":
            at.server.put_card("Jo.vcf", request.body)
        there = b"VIPcheck" in at.card()
        return Response(body=b"never sent", cut=0) if there else None

    at.wire.before = cut
    asyncio.run(cycle(at.loop.app))
    at.server.put_card("Jo.vcf", at.card().replace(NUMBER, b""))
    theirs = at.card()
    assert NUMBER in before
    assert NUMBER not in theirs
    at.wire.before = lambda request: None
    at.wire.clear()
    for _ in range(3):
        at.loop.cycle(after=DAY)
    assert at.card() == theirs
    assert at.wire.methods()["PUT"] == 0
    assert at.loop.problems().keys() == {ProblemKind.PARKED}
    assert "lost TEL" in at.loop.problems()[ProblemKind.PARKED].detail
    rows, _ = asyncio.run(undo.restore(at.loop.app, [find_person(at.loop.app, "Jo")], None, dry_run=False))
    assert [row["outcome"] for row in rows] == ["written"]
    assert at.card() == before
    assert not at.loop.problems()


COMMA = "Call her, then Bob; or Al"


def test_a_note_cut_at_a_bare_comma_stops_writing_and_the_kept_card_can_be_had(home: Make) -> None:
    at = home({"Jo": person("Jo", raw_note=COMMA)}, reminders={"max_open": 0})
    before = at.card()
    at.loop.cycle()
    at.loop.app.mirror.books.saw_bytes(at.loop.book().id, exact=True)  # it had behaved until now
    at.loop.reconfigure(reminders=PLENTY)
    at.wire.before = damaging(b", then Bob; or Al", b"", times=100)
    at.loop.cycle(after=DAY)
    problems = at.loop.problems()
    assert ProblemKind.WRITING_STOPPED in problems
    assert "restore" in problems[ProblemKind.WRITING_STOPPED].detail
    assert at.loop.endings("Jo") == []
    assert at.note() == "Call her"
    at.loop.cycle(after=DAY)
    assert at.wire.methods()["PUT"] == 2
    at.wire.before = lambda request: None
    jo = find_person(at.loop.app, "Jo")
    rows, _ = asyncio.run(undo.restore(at.loop.app, [jo], at.loop.clock() - 2 * DAY, dry_run=False))
    assert [row["outcome"] for row in rows] == ["written"]
    assert at.card() == before


def test_a_card_that_a_rewriting_server_would_harm_waits_until_the_server_was_seen_to_keep_every_byte(
    home: Make,
) -> None:
    at = home({"Jo": person("Jo", raw_note=COMMA)}, reminders=PLENTY)
    before = at.card()
    assert at.loop.counts()["parked"] == 1
    assert at.loop.problems()[ProblemKind.PARKED].reason == "fragile"
    at.loop.cycle(after=DAY)
    assert (at.card(), at.wire.methods()["PUT"]) == (before, 0)
    at.server.put_card("Al.vcf", person("Al"))
    at.server.put_card(GROUP, apple_group("VIP", ["Jo", "Al"]))
    for _ in range(3):
        at.loop.cycle(after=DAY)
    assert at.asked("Al")
    assert at.note() == at.loop.questions("Jo")[0].block + "\n\n" + COMMA
    assert not at.loop.problems()
    at.loop.cycle(after=45 * DAY)
    assert at.card() == before


# ---------------------------------------------------------------- listings


EMPTY = b'<?xml version="1.0"?><multistatus xmlns="DAV:"></multistatus>'


@pytest.mark.parametrize(
    "answer",
    [
        Response(207, EMPTY, [("Content-Type", "application/xml")]),
        Response(207, EMPTY[:40], [("Content-Type", "application/xml")]),
        Response(200, b"<html>Welcome to the hotel</html>", [("Content-Type", "text/html")]),
        Response(500),
    ],
    ids=["empty", "cut", "portal", "error"],
)
def test_a_broken_listing_changes_nothing(home: Make, answer: Response) -> None:
    at = home()
    at.loop.cycle()
    asked, known = at.card(), at.loop.app.mirror.books.count(at.loop.book().id)
    at.loop.clock.advance(25 * HOUR)
    asyncio.run(cycle(at.loop.app))  # discovers anew
    at.loop.clock.advance(HOUR)
    at.server.put_card("New.vcf", person("New"))
    book = at.server.book_url.rstrip("/").rpartition("/")[2] + "/"
    at.wire.before = lambda request: answer if request.method in LISTS and request.path.endswith(book) else None
    asyncio.run(cycle(at.loop.app))
    assert at.loop.app.mirror.books.count(at.loop.book().id) == known
    assert at.card() == asked
    at.wire.before = lambda request: None
    at.phone.type_below_block("Jo.vcf", "ok")
    at.loop.clock.advance(DAY)
    assert at.loop.counts()["confirmed"] == 1
    assert at.loop.app.mirror.books.count(at.loop.book().id) == known + 1


LISTS = {"PROPFIND", "REPORT"}


def test_a_book_that_was_emptied_takes_no_history_along(home: Make) -> None:
    cards = {f"C{number}": person(f"C{number}", OWN) for number in range(3)}
    at = home(cards, reminders=PLENTY)
    at.loop.cycle()
    asked = {key: at.card(key) for key in cards}
    for name in at.server.list_cards():
        at.server.delete_card(name)
    asyncio.run(cycle(at.loop.app))
    at.loop.clock.advance(25 * HOUR)
    asyncio.run(cycle(at.loop.app))
    assert at.loop.problems()
    for key, card in asked.items():
        at.server.put_card(f"{key}.vcf", card)
    at.server.put_card(GROUP, apple_group("VIP", cards))
    at.loop.command("release")
    for _ in range(2):
        asyncio.run(cycle(at.loop.app))
        at.loop.clock.advance(DAY)
    assert {key: at.card(key) for key in cards} == asked
    at.phone.type_below_block("C1.vcf", "ok")
    at.loop.cycle(after=HOUR)
    assert at.note("C1") == OWN
    assert ("first seen", None, "", "") in at.loop.history("C1")
