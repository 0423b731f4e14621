"""Every answer of the table on every server, given on a phone that rewrites cards and by a client that does not."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from cardsync.demo.apple import escape
from cardsync.demo.phone import Phone
from cardsync.model import WorkField
from cardsync.records import Ending, Pause
from loop import (
    DAY,
    GROUP,
    HOUR,
    NO_MASS_GUARD,
    PLENTY,
    START,
    Clock,
    Loop,
    fill,
    meaning,
    note_of,
    notes_apart,
    person,
    phone_of,
    wired,
)
from servers import Running, start_converting, start_icloud_shaped

ANSWERED_AT = START + 2 * DAY
WAIT = 90 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to answer: ``gesture`` on the phone, ``typed`` by a client that edits the note's text only.

    ``typed`` gets the note's lines (the block's two first) and returns what it stores.
    """

    key: str
    gesture: Callable[[Phone, str], None]
    typed: Callable[[list[str]], list[str]] | None
    ending: Ending | None
    note: str | None = "Met at the fair; likes tea, hiking.\n\nKids: Ada, Bo"
    left: Callable[[str | None], str | None] = lambda note: note
    not_before: datetime | None = None


def below(word: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [*lines[:2], word, *lines[2:]]


def word(key: str, text: str, ending: Ending, **rest: object) -> Row:
    return Row(
        key=key,
        gesture=lambda phone, name: phone.type_below_block(name, text),
        typed=below(text),
        ending=ending,
        **rest,  # type: ignore[arg-type]
    )


def field(key: str, which: str, value: str | tuple[str, ...]) -> Row:
    return Row(
        key=key,
        gesture=lambda phone, name: phone.edit_field(name, which, value),
        typed=None,
        ending=Ending.EDITED,
    )


ROWS = (
    field("Org", "ORG", ("Stripe Payments", "Sales")),
    field("Title", "TITLE", "CRO"),
    field("Email", "EMAIL", "jo@stripe.example"),
    field("Tel", "TEL", "+49 30 5550777"),
    field("Url", "URL", "https://stripe.example/team"),
    field("Adr", "ADR", ("", "", "2 Side St", "Berlin", "", "10115", "Germany")),
    word("Ok", "ok", Ending.CONFIRMED),
    word("OkNoNote", "ok", Ending.CONFIRMED, note=None),
    word("OkOwn", "OK!", Ending.CONFIRMED, note="ok\nok\n\nis what she says"),
    word("Mark", "✓", Ending.CONFIRMED, note="Ünïcödé 👩‍👩‍👧 " + "long, " * 30),
    word("YesItIs", "Yes it is.", Ending.CONFIRMED),
    word("German", "stimmt", Ending.CONFIRMED),
    Row(
        key="Inside",
        gesture=lambda phone, name: phone.type_inside(name, "still"),
        typed=lambda lines: [lines[0], "still", *lines[1:]],
        ending=Ending.CONFIRMED,
    ),
    Row(
        key="OnLast",
        gesture=lambda phone, name: phone.type_on_last_line(name, "ok"),
        typed=lambda lines: [lines[0], lines[1] + " ok", *lines[2:]],
        ending=Ending.CONFIRMED,
    ),
    Row(
        key="AtEnd",
        gesture=lambda phone, name: phone.type_at_end(name, "ok"),
        typed=lambda lines: [*lines, "ok"],
        ending=Ending.CONFIRMED,
    ),
    word("Retired", "retired", Ending.RETIRED),
    word("Left", "left", Ending.LEFT),
    word("Moved", "Moved", Ending.LEFT, note=None),
    word("Later", "later", Ending.SNOOZED, not_before=ANSWERED_AT + 30 * DAY),
    word("Later3m", "later 3m", Ending.SNOOZED, not_before=ANSWERED_AT + 90 * DAY),
    word("Snooze", "snooze 2 weeks", Ending.SNOOZED, not_before=ANSWERED_AT + 14 * DAY),
    word("Never", "never", Ending.NEVER),
    word("Skip", "Skip", Ending.NEVER, note=""),
    Row(
        key="Deleted",
        gesture=lambda phone, name: phone.delete_block(name),
        typed=lambda lines: lines[3:],
        ending=Ending.DISMISSED,
        not_before=ANSWERED_AT + WAIT,
    ),
    Row(
        key="DeletedOwnOk",
        gesture=lambda phone, name: phone.delete_block(name),
        typed=lambda lines: lines[3:],
        ending=Ending.DISMISSED,
        note="ok",
        not_before=ANSWERED_AT + WAIT,
    ),
    Row(
        key="Free",
        gesture=lambda phone, name: phone.type_inside(name, "now CRO at Stripe"),
        typed=lambda lines: [lines[0], "now CRO at Stripe", *lines[1:]],
        ending=Ending.NOTED,
        left=lambda note: f"now CRO at Stripe\n\n{note}",
        not_before=ANSWERED_AT + WAIT,
    ),
    Row(
        key="Birthday",
        gesture=lambda phone, name: phone.set_birthday(name, date(1980, 5, 4)),
        typed=None,
        ending=None,
    ),
    Row(
        key="Photo",
        gesture=lambda phone, name: phone.set_photo(name, b"\xff\xd8\xff\xe0 not much of a picture"),
        typed=None,
        ending=None,
    ),
    Row(
        key="Mobile",
        gesture=lambda phone, name: phone.edit_field(name, "TEL", "+49 171 5550999", kind="CELL"),
        typed=None,
        ending=None,
    ),
    Row(
        key="OwnWords",
        gesture=lambda phone, name: phone.edit_note(name, lambda note: note + "\nok, call her in May"),
        typed=lambda lines: [*lines, "ok, call her in May"],
        ending=None,
        left=lambda note: f"{note}\nok, call her in May",
    ),
    Row(
        key="Out",
        gesture=lambda phone, name: phone.remove_from_group(GROUP, name.removesuffix(".vcf")),
        typed=None,
        ending=Ending.WITHDRAWN,
    ),
)
BY_KEY = {row.key: row for row in ROWS}
TWICE = {"YesItIs", "German", "Moved", "Later", "Snooze", "DeletedOwnOk", "OwnWords"}  # told by the phone alone
TYPED = tuple(row for row in ROWS if row.typed and row.key not in TWICE)
STANDS = {Ending.LEFT, None}  # a block is on the card afterwards


@dataclass(slots=True, kw_only=True)
class Told:
    """What stood on the server at each step, by row, and the loop after it."""

    server: Running
    loop: Loop
    started: dict[str, bytes]
    asked: dict[str, bytes]
    answered: dict[str, bytes]
    settled: dict[str, bytes]
    wire: dict[str, dict[str, int]]
    second: tuple[int, int]  # requests (a Digest challenge apart) and PUTs of a cycle in which nothing changed
    other: list[bytes]


def seen(server: Running, rows: tuple[Row, ...]) -> dict[str, bytes]:
    return {row.key: server.get_card(f"{row.key}.vcf") for row in rows}


def second_account(server: Running, stack: ExitStack) -> Running:
    """Another book of the same server; where there can be but one, another server of that kind."""
    if server.name == "icloud-shaped":
        return stack.enter_context(start_icloud_shaped())
    if server.name == "converting":
        return stack.enter_context(start_converting())
    return server.make_book(f"second-{uuid4().hex}", "Second")


def told(
    server: Running, folder: Path, rows: tuple[Row, ...], answer: Callable[[Running, Clock], None], stack: ExitStack
) -> Told:
    """Pull and ask, answer, read the answers, and once more with nothing new."""
    clock = Clock()
    other = second_account(server, stack)
    fill(server, {row.key: person(row.key, row.note) for row in rows})
    fill(other, {"Zoe": person("Zoe", "of the other account")})
    started = seen(server, rows)
    proxied, wire = stack.enter_context(wired(server))
    loop = stack.enter_context(
        Loop(
            servers=(proxied, other),
            folder=folder,
            clock=clock,
            config={"reminders": PLENTY, "guards": NO_MASS_GUARD},
        )
    )
    for _ in range(2):  # a cycle looks at twenty cards
        loop.cycle()
    methods = {row.key: dict(wire.methods(f"{row.key}.vcf")) for row in rows}
    asked = seen(server, rows)
    clock.advance(2 * DAY - HOUR)
    answer(server, clock)
    answered = seen(server, rows)
    loop.cycle(after=HOUR)
    settled = seen(server, rows)
    wire.clear()
    loop.cycle(after=HOUR)
    puts = wire.methods()["PUT"]
    return Told(
        server=server,
        loop=loop,
        started=started,
        asked=asked,
        answered=answered,
        settled=settled,
        wire=methods,
        second=(len(wire.requests) - wire.challenged, puts),
        other=[other.get_card("Zoe.vcf")],
    )


def by_phone(server: Running, clock: Clock) -> None:
    with phone_of(server, clock) as phone:
        for row in ROWS:
            row.gesture(phone, f"{row.key}.vcf")


def by_plain_client(server: Running, clock: Clock) -> None:
    """Puts another value behind ``NOTE:`` and touches no other byte."""
    for row in TYPED:
        assert row.typed
        card = server.get_card(f"{row.key}.vcf")
        lines = row.typed((note_of(card) or "").split("\n"))
        value = f"NOTE:{escape(chr(10).join(lines))}\r\n".encode()
        changed = _NOTE.sub(lambda _: value, card, count=1)  # noqa: B023 - called at once
        server.put_card(f"{row.key}.vcf", changed)


_NOTE = re.compile(rb"(?m)^NOTE[:;][^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*")


@pytest.fixture(scope="module")
def phone_told(carddav_server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with ExitStack() as stack:
        yield told(carddav_server, tmp_path_factory.mktemp("phone"), ROWS, by_phone, stack)


@pytest.fixture(scope="module")
def plain_told(carddav_server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with ExitStack() as stack:
        yield told(carddav_server, tmp_path_factory.mktemp("plain"), TYPED, by_plain_client, stack)


def check(one: Told, row: Row) -> None:
    check_ending(one.loop, row)
    check_note(one, row)
    check_rest(one.server, one.started[row.key], one.asked[row.key])
    check_rest(one.server, one.answered[row.key], one.settled[row.key])


def check_ending(loop: Loop, row: Row) -> None:
    endings = loop.endings(row.key)
    assert endings == ([Ending.LEFT, None] if row.ending is Ending.LEFT else [row.ending])
    standing = loop.standing(row.key)
    assert standing.pause == (Pause(row.ending.value) if row.ending in {Ending.NEVER, Ending.RETIRED} else None)
    if row.not_before is None:
        assert standing.not_before is None
    else:
        assert standing.not_before is not None
        assert abs(standing.not_before - row.not_before) <= HOUR
    assert standing.dismissals == (row.ending is Ending.DISMISSED)
    assert (standing.left_at is not None) == (row.ending is Ending.LEFT)
    told = [what for what, *_ in loop.history(row.key)]
    assert [what for what in told if what.startswith("answer")] == (
        [f"answer: {row.ending.value}"] if row.ending else []
    )
    assert ("confirmed" in told) == (row.ending is Ending.CONFIRMED)
    assert ("edited" in told) == (row.ending is Ending.EDITED)
    assert ("suggestion" in told) == (row.ending is Ending.NOTED)


def check_note(one: Told, row: Row) -> None:
    """The user's text exactly; above it a question or nothing."""
    first, last = one.loop.questions(row.key)[0], one.loop.questions(row.key)[-1]
    assert note_of(one.asked[row.key]) in composed(first.block, row.note)
    settled = note_of(one.settled[row.key])
    if row.ending in STANDS:
        assert settled in composed(last.block, row.left(row.note))
    elif row.note:
        assert settled == row.left(row.note)
    else:
        assert not settled


def composed(block: str, note: str | None) -> set[str]:
    """An empty NOTE and none are the same to servers that re-serialise."""
    return {f"{block}\n\n{note}"} if note else {block, f"{block}\n\n"}


def check_rest(server: Running, before: bytes, after: bytes) -> None:
    """All but NOTE: to the byte, or where the server re-serialises, in meaning."""
    if server.name == "radicale":
        assert meaning(after) == meaning(before)
    else:
        assert notes_apart(after) == notes_apart(before)


@pytest.mark.parametrize("key", [row.key for row in ROWS])
def test_an_answer_on_the_phone_is_understood_and_leaves_the_owners_text(phone_told: Told, key: str) -> None:
    check(phone_told, BY_KEY[key])


@pytest.mark.parametrize("key", [row.key for row in TYPED])
def test_an_answer_by_a_plain_client_leaves_the_card_as_it_was(plain_told: Told, key: str) -> None:
    row = BY_KEY[key]
    check(plain_told, row)
    if row.ending not in STANDS and row.left(row.note) == row.note:
        if plain_told.server.name == "radicale":
            assert meaning(plain_told.settled[key]) == meaning(plain_told.started[key])
        else:
            assert plain_told.settled[key] == plain_told.started[key]


def test_history_tells_old_and_new(phone_told: Told) -> None:
    edits = {
        "Org": ("organisation", "Acme Robotics", "Stripe Payments"),
        "Title": ("title", "VP Sales", "CRO"),
        "Email": ("email", "email@acmerobotics.example", "jo@stripe.example"),
        "Url": ("url", "https://acmerobotics.example/team", "https://stripe.example/team"),
    }
    for key, edit in edits.items():
        assert ("edited", *edit) in phone_told.loop.history(key)
    assert ("suggestion", None, "", "now CRO at Stripe") in phone_told.loop.history("Free")


def test_ok_validates_what_the_question_names(phone_told: Told) -> None:
    memory = phone_told.loop.app.mirror.contacts.memory(phone_told.loop.contact("Ok"))
    sure = {which for which, held in memory.fields.items() if held.validated_at}
    assert sure == {WorkField.ORGANISATION, WorkField.TITLE}


def test_a_cycle_without_change_is_one_request_and_writes_nothing(phone_told: Told) -> None:
    assert phone_told.second == (1, 0)


def test_a_written_note_costs_one_put_and_two_gets(phone_told: Told) -> None:
    extra = phone_told.server.name == "converting"
    for row in ROWS:
        methods = phone_told.wire[row.key]
        if phone_told.server.name == "icloud-shaped" and "PROPFIND" in methods:
            continue  # it gave no ETag with the GET, so that it was asked for by itself
        assert methods == {"GET": 2 + extra, "PUT": 1}, row.key


def test_the_other_account_is_asked_as_well(phone_told: Told) -> None:
    assert (note_of(phone_told.other[0]) or "").startswith("VIPcheck: ")
    assert (note_of(phone_told.other[0]) or "").endswith("\n\nof the other account")
