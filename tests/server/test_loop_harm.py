"""Nothing is harmed: races, damage, lost databases, broken listings, and the ways back; on real servers."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from builders import apple_group, joined
from cardsync import undo
from cardsync.records import Ending, ProblemKind
from cardsync.report import find_person
from loop import DAY, GROUP, HOUR, PLENTY, Home, home_on, meaning, note_of, notes_apart, person
from servers import Running, start_converting, start_radicale
from servers.fixtures import start
from servers.loopback import Request, Response

OWN = "Met at the fair; likes tea, hiking.\n\nKids: Ada, Bo"
Make = Callable[..., Home]


@pytest.fixture(scope="module", params=("xandikos", "sabre"))
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture
def home(started: Running, tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def make(cards: Mapping[str, bytes] | None = None, vips: list[str] | None = None, **config: Any) -> Home:
            return stack.enter_context(home_on(started, tmp_path, cards or {"Jo": person("Jo", OWN)}, vips, **config))

        yield make


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
    outcome, _ = asyncio.run(undo.restore(at.loop.app, jo, at.loop.clock() - 2 * DAY, dry_run=False))
    assert outcome == "written"
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
    asyncio.run(at.loop.app.cycle())  # discovers anew
    at.loop.clock.advance(HOUR)
    at.server.put_card("New.vcf", person("New"))
    book = at.server.book_url.rstrip("/").rpartition("/")[2] + "/"
    at.wire.before = lambda request: answer if request.method in LISTS and request.path.endswith(book) else None
    asyncio.run(at.loop.app.cycle())
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
    asyncio.run(at.loop.app.cycle())
    at.loop.clock.advance(25 * HOUR)
    asyncio.run(at.loop.app.cycle())
    assert at.loop.problems()
    for key, card in asked.items():
        at.server.put_card(f"{key}.vcf", card)
    at.server.put_card(GROUP, apple_group("VIP", cards))
    at.loop.command("release")
    for _ in range(2):
        asyncio.run(at.loop.app.cycle())
        at.loop.clock.advance(DAY)
    assert {key: at.card(key) for key in cards} == asked
    at.phone.type_below_block("C1.vcf", "ok")
    at.loop.cycle(after=HOUR)
    assert at.note("C1") == OWN
    assert ("first seen", None, "", "") in at.loop.history("C1")


# ---------------------------------------------------------------- a lost database, and the ways back


def test_after_the_database_is_lost_a_block_is_adopted_and_nothing_is_an_answer_until_the_note_changes(
    home: Make,
) -> None:
    at = home({"Jo": person("Jo", OWN), "Al": person("Al")}, reminders=PLENTY)
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "ok")
    before = {key: at.card(key) for key in ("Jo", "Al")}
    at.loop.lose_database()
    counts = at.loop.counts(after=HOUR)
    assert (counts["adopted"], counts["asked"]) == (2, 0)
    for _ in range(2):
        at.loop.cycle(after=HOUR)
    assert {key: at.card(key) for key in before} == before
    at.phone.type_below_block("Al.vcf", "left")
    at.phone.type_below_block("Jo.vcf", "never")
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Al") == [Ending.LEFT, None]
    assert at.loop.endings("Jo") == [Ending.NEVER]


def test_an_adopted_question_expires_and_leaves_the_owners_text(home: Make) -> None:
    at = home()
    before = at.card()
    at.loop.cycle()
    at.loop.lose_database()
    at.loop.cycle(after=HOUR)
    assert at.loop.counts(after=45 * DAY)["expired"] == 1
    assert at.card() == before


def test_notes_remove_takes_every_block_out_to_the_byte_with_and_without_a_database(home: Make) -> None:
    cards = {key: person(key, note) for key, note in (("Jo", OWN), ("Al", None), ("Bo", ""))}
    at = home(cards, reminders=PLENTY)
    before = {key: at.card(key) for key in cards}
    at.loop.cycle()
    asked = {key: at.card(key) for key in cards}
    found, previews = asyncio.run(undo.remove_notes(at.loop.app, dry_run=True))
    assert len(previews) == 3
    assert {key: at.card(key) for key in cards} == asked
    asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert {key: at.card(key) for key in cards} == before
    assert at.loop.counts(after=HOUR)["asked"] == 0
    at.loop.cycle(after=100 * DAY)
    assert all(at.asked(key) for key in cards)
    at.loop.lose_database()
    at.loop.reconfigure(reminders={"max_open": 0})
    at.loop.cycle(after=HOUR)
    found, _ = asyncio.run(undo.remove_notes(at.loop.app, dry_run=False))
    assert found[0]["counts"]["written"] == 3
    assert {key: at.card(key) for key in cards} == before


def test_restore_puts_a_card_back_to_the_byte(home: Make) -> None:
    at = home()
    before = at.card()
    at.loop.cycle()
    at.phone.edit_field("Jo.vcf", "TITLE", "CRO")
    edited = at.card()
    at.loop.cycle(after=HOUR)
    jo = find_person(at.loop.app, "Jo")
    _, previews = asyncio.run(undo.restore(at.loop.app, jo, at.loop.clock(), dry_run=True))
    assert [preview.after for preview in previews] == [edited]
    assert at.note() == OWN
    start_of_it = at.loop.clock() - DAY
    outcome, _ = asyncio.run(undo.restore(at.loop.app, jo, start_of_it, dry_run=False))
    assert outcome == "written"
    assert at.card() == before
    at.loop.cycle(after=HOUR)
    assert at.card() == before


def test_the_whole_book_is_exported_before_the_first_write_and_by_backup(home: Make, tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN), "Other": person("Other", "not a VIP")}
    at = home(cards, ["Jo"])
    before = [at.server.get_card(name) for name in at.server.list_cards()]
    at.loop.cycle()
    (export,) = (at.loop.folder / "state" / "backups").glob("*.vcf")
    written = lines_as_lf(export.read_bytes())  # XML does not keep the carriage returns
    assert len(written) == sum(len(lines_as_lf(card)) for card in before)
    assert all(lines_as_lf(card) in written for card in before)
    assert export.stat().st_mode & 0o777 == 0o600
    assert export.parent.stat().st_mode & 0o777 == 0o700
    rows = asyncio.run(undo.back_up(at.loop.app, tmp_path / "elsewhere", dry_run=False))
    assert [row["error"] for row in rows] == ["", ""]
    assert lines_as_lf(at.card()) in lines_as_lf(Path(rows[0]["path"]).read_bytes())
    assert {Path(row["path"]).stat().st_mode & 0o777 for row in rows} == {0o600}


def lines_as_lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def test_a_dry_run_shows_each_card_and_writes_none(home: Make) -> None:
    at = home()
    before = at.card()
    done = at.loop.cycle(dry_run=True)
    (preview,) = done.previews
    assert preview.before == before
    assert notes_apart(preview.after) == notes_apart(before)
    assert at.card() == before
    assert at.wire.methods()["PUT"] == 0
    assert at.loop.counts()["asked"] == 1
    assert at.card() == preview.after


# ---------------------------------------------------------------- position, languages


def test_a_question_at_the_bottom_is_answered_there_and_leaves_the_card_as_it_was(home: Make) -> None:
    keys = {"Ok": OWN, "End": OWN, "Gone": OWN, "Bare": None, "Old": OWN + "\n"}
    at = home({key: person(key, note) for key, note in keys.items()}, reminders={**PLENTY, "position": "bottom"})
    before = {key: at.card(key) for key in keys}
    at.loop.cycle()
    for key, note in keys.items():
        block = at.loop.questions(key)[0].block
        assert at.note(key) == (f"{note}\n\n{block}" if note else block)
    at.phone.type_below_block("Ok.vcf", "ok")
    at.phone.type_at_end("End.vcf", "never")
    at.phone.delete_block("Gone.vcf")
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Ok") + at.loop.endings("End") == [Ending.CONFIRMED, Ending.NEVER]
    assert at.loop.endings("Gone") == [Ending.DISMISSED]
    assert (at.note("Ok"), at.note("End")) == (OWN, OWN)
    assert at.note("Gone").rstrip("\n") == OWN  # what the owner left of the empty lines is the owner's
    at.loop.cycle(after=45 * DAY)
    for key in ("Bare", "Old"):
        assert at.card(key) == before[key]


WORDS = {
    "en": ("left", Ending.LEFT),
    "de": ("stimmt", Ending.CONFIRMED),
    "fr": ("plus tard", Ending.SNOOZED),
    "es": ("nunca", Ending.NEVER),
    "pt": ("sim", Ending.CONFIRMED),
}


@pytest.mark.parametrize("language", sorted(WORDS))
def test_a_question_in_each_language_is_answered_in_it_and_adopted(home: Make, language: str) -> None:
    at = home(reminders={"language": language, "label": "Frage"})
    before = at.card()
    at.loop.cycle()
    assert at.note().startswith("Frage: ")
    at.loop.lose_database()
    assert at.loop.counts(after=HOUR)["adopted"] == 1
    word, ending = WORDS[language]
    at.phone.label = "Frage"
    at.phone.type_below_block("Jo.vcf", word)
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Jo")[0] is ending
    if ending is not Ending.LEFT:
        assert at.note() == OWN
        assert meaning(at.card(), "REV", "PRODID").keys() >= {("", "TITLE", "VP Sales")}
    assert note_of(before) == OWN


# ---------------------------------------------------------------- who is a VIP


def v4_group(members: list[str]) -> bytes:
    head = ["BEGIN:VCARD", "VERSION:4.0", "KIND:group", "N:vip;;;;", "FN:vip"]
    return joined([*head, *(f"MEMBER:urn:uuid:{key.upper()}" for key in members), "UID:urn:uuid:G-4", "END:VCARD"], "\r\n")


@pytest.mark.parametrize("kind", ["vcard4", "categories", "book", "apple"])
def test_every_way_to_be_a_vip(started: Running, tmp_path: Path, kind: str) -> None:
    extra = ["CATEGORIES:Friends,vip"] if kind == "categories" else []
    cards = {"Jo": person("Jo", OWN, *extra), "Al": person("Al", OWN)}
    server = started.make_book(f"{kind}-{tmp_path.name}", "VIP") if kind == "book" else started
    with home_on(server, tmp_path, cards, ["Jo"] if kind == "apple" else [], reminders=PLENTY) as at:
        if kind == "vcard4":
            at.server.put_card("g4.vcf", v4_group(["Jo"]))
        at.loop.cycle()
        assert (at.asked("Jo"), at.asked("Al")) == (True, kind == "book")


# ---------------------------------------------------------------- servers that re-serialise or convert


def test_a_card_put_into_radicales_storage_by_hand_keeps_what_every_client_sees(tmp_path: Path) -> None:
    """Radicale itself reads a note only up to a bare comma, so that no client ever sees the rest."""
    with start_radicale(tmp_path / "radicale") as server:
        with home_on(server, tmp_path, {"Jo": person("Jo")}, reminders=PLENTY) as at:
            root = tmp_path / "radicale" / "storage" / "collection-root"
            (root / server.username / "contacts" / "Jo.vcf").write_bytes(person("Jo", raw_note=COMMA))
            before = at.card()
            at.loop.cycle()
            assert at.note() == at.loop.questions("Jo")[0].block + "\n\n" + (note_of(before) or "")
            at.loop.cycle(after=45 * DAY)
            assert note_of(at.card()) == note_of(before)
            assert meaning(at.card()) == meaning(before)


def test_a_version_4_card_is_written_as_such_where_the_etag_proves_what_is_stored(tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN, version="4.0")}
    with start_converting() as server, home_on(server, tmp_path, cards) as at:
        stored = lambda: server.get_card("Jo.vcf", "application/x-stored")  # noqa: E731
        at.loop.cycle()
        assert notes_apart(stored()) == notes_apart(cards["Jo"])
        assert (note_of(stored()) or "").startswith("VIPcheck: ")
        at.loop.cycle(after=45 * DAY)
        assert stored() == cards["Jo"]


def test_a_version_4_card_without_that_proof_is_only_read(tmp_path: Path) -> None:
    cards = {"Jo": person("Jo", OWN, version="4.0")}
    with start_converting(md5_etags=False) as server, home_on(server, tmp_path, cards) as at:
        assert at.loop.counts()["parked"] == 1
        assert at.loop.problems()[ProblemKind.PARKED].reason == "converted"
        at.loop.cycle(after=DAY)
        assert server.get_card("Jo.vcf", "application/x-stored") == cards["Jo"]
        assert at.wire.methods()["PUT"] == 0
