"""Answered invitations: what is read of a calendar object, and what it says of contacts."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.evidence.invitations import LARGEST, Attendee, events
from cardsync.evidence.meetings import People, Said
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import Need, Subject

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SINCE = NOW - timedelta(days=180)
JO = Subject(
    id=1,
    values={
        Need.NAME: ("Jo Ruiz",),
        Need.ORGANISATION: ("Acme GmbH",),
        Need.WORK_EMAIL: ("Jo@acme.example",),
        Need.PERSONAL_EMAIL: ("jo@ruiz.example",),
    },
)
ACCEPTED = 'ATTENDEE;CN="Jo Ruiz";CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED:mailto:jo@acme.example'


MINE = "ORGANIZER;CN=Me:mailto:Me@home.example"


def event(*lines: str, start: str = "DTSTART:20261101T090000Z", organizer: str = MINE) -> bytes:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", start, "DTSTAMP:20261020T090000Z"]
    whole = [*head, *organizer.splitlines(), *lines]
    return "\r\n".join([*whole, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def said(data: bytes, *subjects: Subject, domains: dict[str, list[str]] | None = None) -> list[tuple[int, Evidence]]:
    found: Said = People(subjects or (JO,), domains=domains).says(events(data), {"me@home.example"}, SINCE, NOW)
    return [(contact, evidence) for (contact, _), evidence in found.items()]


# ---------------------------------------------------------------- met


@pytest.mark.parametrize("answer", ["ACCEPTED", "TENTATIVE", "DECLINED", "accepted"])
def test_an_answer_from_the_work_address_shows_that_it_is_in_use(answer: str) -> None:
    ((contact, evidence),) = said(event(ACCEPTED.replace("ACCEPTED", answer)))
    assert contact == 1
    assert (evidence.kind, evidence.says, evidence.claim) == (EvidenceKind.MET, Says.USED, WorkField.EMAIL)
    assert evidence.stored == "Jo@acme.example"
    assert evidence.happened_at == datetime(2026, 10, 20, 9, tzinfo=UTC)
    assert evidence.family == "calendar"


@pytest.mark.parametrize(
    "lines",
    [
        (ACCEPTED.replace("ACCEPTED", "NEEDS-ACTION"),),
        (ACCEPTED.replace("ACCEPTED", "DELEGATED"),),
        (ACCEPTED.replace(";PARTSTAT=ACCEPTED", ""),),
        (ACCEPTED.replace("INDIVIDUAL", "ROOM"),),
        (ACCEPTED.replace("mailto:", "urn:uuid:"),),
        (ACCEPTED.replace("jo@acme", "jo@acme.example@acme"),),
        (ACCEPTED.replace("jo@acme.example", "jo@acme.example;ok"),),
        (ACCEPTED, "STATUS:CANCELLED"),
        ("BEGIN:VALARM", ACCEPTED, "END:VALARM"),
        ("X-NOTE:" + ACCEPTED,),
        ("DESCRIPTION:text\\n" + ACCEPTED,),
        ("DESCRIPTION:text", " " + ACCEPTED),
    ],
)
def test_what_is_no_answer_to_an_invitation_that_stands_is_nothing(lines: tuple[str, ...]) -> None:
    assert said(event(*lines)) == []


def test_a_task_with_an_attendee_is_no_meeting() -> None:
    assert said(event(ACCEPTED).replace(b"VEVENT", b"VTODO")) == []


def test_a_folded_line_and_an_address_in_a_parameter_are_read() -> None:
    folded = 'ATTENDEE;CN="Jo\r\n  Ruiz";PARTSTAT=ACCEP\r\n TED;EMAIL=jo@acme.example:/principals/jo/'
    (one,) = list(events(event(folded)))
    assert one.answered == (Attendee(address="jo@acme.example", name="Jo Ruiz"),)


@pytest.mark.parametrize(
    ("start", "more", "happened"),
    [
        ("DTSTART;VALUE=DATE:20261001", (), datetime(2026, 10, 1, tzinfo=UTC)),
        ("DTSTART;TZID=Europe/Berlin:20261001T090000", (), datetime(2026, 10, 1, 7, tzinfo=UTC)),
        ("DTSTART;TZID=Nowhere/At all:20261001T090000", (), datetime(2026, 10, 1, 9, tzinfo=UTC)),
        ("DTSTART;TZID=../../etc/passwd:20261001T090000", (), datetime(2026, 10, 1, 9, tzinfo=UTC)),
        ("DTSTART;TZID=Europe:20261001T090000", (), datetime(2026, 10, 1, 9, tzinfo=UTC)),
        (
            "DTSTART:20261101T090000Z",
            (),
            datetime(2026, 10, 20, 9, tzinfo=UTC),
        ),  # she may have answered, and left since
        ("DTSTART:20261201T090000Z", (), datetime(2026, 10, 20, 9, tzinfo=UTC)),  # to come: when it was answered
        ("DTSTART:20261201T090000Z", ("LAST-MODIFIED:20261001T000000Z",), datetime(2026, 10, 1, tzinfo=UTC)),
        ("DTSTART:nonsense", (), datetime(2026, 10, 20, 9, tzinfo=UTC)),
        ("DTSTART:00010101T000000", (), None),
        ("DTSTART;TZID=Asia/Tokyo:00010101T000000", (), datetime(2026, 10, 20, 9, tzinfo=UTC)),
        ("DTSTART:20250101T090000Z", (), None),  # before the time that is looked at
        ("DTSTART:20250101T090000Z", ("RRULE:FREQ=SECONDLY", "RDATE:20261122T090000Z"), None),  # answered long ago
    ],
)
def test_the_day_is_the_earliest_on_which_it_may_have_been_answered(
    start: str, more: tuple[str, ...], happened: datetime | None
) -> None:
    assert [evidence.happened_at for _, evidence in said(event(ACCEPTED, *more, start=start))] == (
        [happened] if happened else []
    )


def test_an_event_that_is_all_in_the_future_says_nothing_yet() -> None:
    data = event(ACCEPTED, start="DTSTART:20261201T090000Z").replace(b"DTSTAMP:2026", b"DTSTAMP:2027")
    assert said(data) == []


def test_of_several_meetings_the_latest_counts() -> None:
    data = (
        event(ACCEPTED, start="DTSTART:20261001T090000Z")
        + event(ACCEPTED, start="DTSTART:20261010T090000Z")
        + event(ACCEPTED, start="DTSTART:20260901")
    )
    assert [evidence.happened_at for _, evidence in said(data)] == [datetime(2026, 10, 10, 9, tzinfo=UTC)]


# ---------------------------------------------------------------- whose invitation


@pytest.mark.parametrize(
    "organizer",
    [
        "",
        "ORGANIZER:mailto:spam@evil.example",
        "ORGANIZER:mailto:jo@acme.example",
        "ORGANIZER:mailto:spam@evil.example\n" + MINE,
        MINE + "\nORGANIZER:mailto:spam@evil.example",
        'ORGANIZER;EMAIL=me@home.example;SENT-BY="mailto:me@home.example":mailto:spam@evil.example',
        "ORGANIZER:urn:uuid:1",
        "X-" + MINE,
        "BEGIN:VALARM\n" + MINE + "\nEND:VALARM",
    ],
)
@pytest.mark.parametrize("guest", [ACCEPTED, ACCEPTED.replace("acme", "initech")])
def test_an_answer_counts_only_to_an_invitation_of_the_owner_s(organizer: str, guest: str) -> None:
    assert said(event(guest))
    assert said(event(guest, organizer=organizer)) == []


@pytest.mark.parametrize("organizer", [MINE, "ORGANIZER;EMAIL=ME@home.example:/principals/me/"])
def test_the_owner_is_known_however_the_address_is_written(organizer: str) -> None:
    assert said(event(ACCEPTED, organizer=organizer))


def test_an_address_that_several_people_share_says_nothing_of_any() -> None:
    other = Subject(id=2, values={**JO.values, Need.NAME: ("Al Bo",)})
    assert said(event(ACCEPTED), JO, other) == []


def test_one_person_s_cards_in_two_books_are_both_meant() -> None:
    again = Subject(id=2, values=JO.values)
    assert [contact for contact, _ in said(event(ACCEPTED), JO, again)] == [1, 2]


# ---------------------------------------------------------------- a new address


def elsewhere(address: str, name: str = "Jo Ruiz") -> bytes:
    return event(f'ATTENDEE;CN="{name}";PARTSTAT=ACCEPTED:mailto:{address}')


def test_the_same_name_at_another_organisation_suggests_a_move() -> None:
    ((contact, evidence),) = said(elsewhere("j.ruiz@initech.example", " jo  RUIZ "))
    assert contact == 1
    assert (evidence.kind, evidence.says, evidence.suggested) == (
        EvidenceKind.NEW_ADDRESS,
        Says.DIFFERS,
        "initech.example",
    )
    assert (evidence.claim, evidence.stored) == (WorkField.ORGANISATION, "Acme GmbH")
    assert (evidence.likelihood_ratio, evidence.match) == (20, 0.9)


def test_without_an_organisation_on_the_card_the_address_is_doubted() -> None:
    bare: dict[Need, tuple[str, ...]] = dict(JO.values)
    del bare[Need.ORGANISATION]
    ((_, evidence),) = said(elsewhere("j.ruiz@initech.example"), Subject(id=1, values=bare))
    assert (evidence.claim, evidence.stored) == (WorkField.EMAIL, "Jo@acme.example")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("jo@gmail.com", "Jo Ruiz"),
        ("jo@mail.acme.example", "Jo Ruiz"),
        ("jo@acme-group.example", "Jo Ruiz"),  # the organisation's, as far as one can tell
        ("jo@ruiz.example", "Jo Ruiz"),  # a personal address on the card
        ("me@joruiz.example", "Jo Ruiz"),  # her own domain
        ("jo@initech.example", "Jo"),
        ("jo@initech.example", "Jo A. Ruiz"),
        ("jo@initech.example", ""),
        ("jo@localhost", "Jo Ruiz"),
    ],
)
def test_what_may_be_her_own_or_somebody_else_suggests_nothing(address: str, name: str) -> None:
    assert said(elsewhere(address, name)) == []


def test_one_word_is_no_name_to_go_by() -> None:
    assert said(elsewhere("jo@initech.example", "Jo"), Subject(id=1, values={**JO.values, Need.NAME: ("Jo",)})) == []


def test_another_host_of_the_work_domain_is_no_move_whatever_the_company_is_called() -> None:
    at_daughter = {**JO.values, Need.WORK_EMAIL: ("jo@initech.example",)}
    assert said(elsewhere("jo@mail.initech.example"), Subject(id=1, values=at_daughter)) == []
    assert said(elsewhere("jo@mail.initech.example"))


def test_two_contacts_of_one_name_are_not_told_apart() -> None:
    other = Subject(id=2, values={**JO.values, Need.WORK_EMAIL: ("jo2@acme.example",)})
    assert said(elsewhere("j.ruiz@initech.example"), JO, other) == []


def test_an_address_of_another_contact_is_that_contact_s() -> None:
    other = Subject(id=2, values={Need.NAME: ("Al Bo",), Need.WORK_EMAIL: ("j.ruiz@initech.example",)})
    assert [contact for contact, _ in said(elsewhere("j.ruiz@initech.example"), JO, other)] == [2]


def test_a_domain_that_the_owner_gave_to_the_organisation_is_hers() -> None:
    assert said(elsewhere("j@initech.example"), domains={"Acme": ["initech.example"]}) == []


# ---------------------------------------------------------------- hostile ones


@pytest.mark.parametrize(
    "data",
    [
        event("ATTENDEE;" + "CN=a;" * 60_000 + "X=1:mailto:a@b.example"),
        event("RRULE:FREQ=SECONDLY;COUNT=999999999", "EXDATE:" + "20261101T090000Z," * 20_000),
        event(*[f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:a{i}@b.example" for i in range(8_000)]),
        b"BEGIN:VEVENT\n" * 30_000,
        event("ATTENDEE" + ' ;"' * 100_000),
        event(ACCEPTED) * 1_400,
        event("X:" + "\r\n " * 100_000),
    ],
)
def test_a_hostile_object_takes_no_longer_than_its_bytes(data: bytes) -> None:
    began = time.process_time()
    list(events(data))
    assert time.process_time() - began < 5  # of this process alone; the slowest takes a twentieth


def test_an_object_that_is_too_large_is_not_read() -> None:
    assert list(events(event(ACCEPTED, "X:" + "x" * LARGEST))) == []


LINES = st.sampled_from(
    [
        *("BEGIN:VEVENT", "END:VEVENT", "BEGIN:VALARM", "END:VALARM", "BEGIN:VCALENDAR", "END:VCALENDAR", "END:", ""),
        *(ACCEPTED, ACCEPTED.replace("acme", "initech"), "STATUS:CANCELLED", "DTSTAMP:20261020T090000Z", " folded"),
        *("DTSTART:20261101T090000Z", "DTSTART;TZID=Europe/Berlin:20261101T250000", "DTSTART:99991231T235959"),
    ]
)


@given(st.lists(LINES | st.text(max_size=40), max_size=30))
def test_no_calendar_raises_or_says_anything_of_a_contact_who_is_not_in_it(lines: list[str]) -> None:
    other = Subject(id=2, values={Need.NAME: ("Al Bo",), Need.WORK_EMAIL: ("al@bo.example",)})
    for contact, evidence in said("\r\n".join(lines).encode("utf-8", "replace"), JO, other):
        assert contact == 1
        assert evidence.happened_at is not None and SINCE <= evidence.happened_at <= NOW
        assert evidence.stored in {"Jo@acme.example", "Acme GmbH"}


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    list(events(data))
    list(events(b"BEGIN:VEVENT\nATTENDEE" + data + b"\nEND:VEVENT\n"))
