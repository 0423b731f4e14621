"""What counts as an edit of the user's, and what is remembered of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cardsync.mirror import Mirror
from cardsync.model import Question, QuestionKind, WorkField
from cardsync.policy import Position
from cardsync.records import Ending
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from in_memory import HOME, START, address_book, person

DAY = timedelta(days=1)
ORG, TITLE, EMAIL, PHONE = WorkField.ORGANISATION, WorkField.TITLE, WorkField.EMAIL, WorkField.PHONE


class Watched:
    """One card as it changes, a day apart."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.now: datetime = START
        mirror.accounts.store_discovery("home", [address_book()], START)

    def see(self, data: bytes) -> frozenset[WorkField]:
        self.now += DAY
        contact = contact_of(scan(data))
        self.id, edited = self.mirror.contacts.observe(1, contact, "jo", "/jo.vcf", work_keys(contact), self.now)
        return edited

    def moves(self) -> list[tuple[str, str]]:
        return [(move.old, move.new) for move in self.mirror.contacts.memory(self.id).moves]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    mirror = Mirror.open(tmp_path / "cardsync.db")
    yield Watched(mirror)
    mirror.close()


def test_the_first_sight_is_no_edit_and_validates_nothing(watched: Watched) -> None:
    assert watched.see(person("Jo")) == frozenset()
    memory = watched.mirror.contacts.memory(watched.id)
    assert memory.changed_at is None
    assert {held.validated_at for held in memory.fields.values()} == {None}


def test_what_a_server_or_phone_re_formats_is_no_edit(watched: Watched) -> None:
    phone = "TEL;TYPE=WORK"
    watched.see(person("Jo", **{phone: "+49 30 555-0199", "URL;TYPE=WORK": "https://Acme.example/"}))
    again = person("Jo", **{phone: "tel:+49305550199", "URL;TYPE=WORK": "https://acme.example", "ORG": "Acme;Sales;"})
    again = again.replace(b"EMAIL;TYPE=INTERNET,WORK:jo@", b"item1.EMAIL;type=pref;type=WORK:Jo@")
    assert watched.see(again.replace(b"\r\n", b"\n")) == frozenset()
    assert [line["what"] for line in watched.mirror.contacts.history(watched.id)] == ["first seen"]


def test_our_own_note_is_no_edit_of_a_field(watched: Watched) -> None:
    watched.see(person("Jo"))
    assert watched.see(person("Jo", "VIPcheck: still VP Sales at Acme?")) == frozenset()


def test_an_edit_dates_and_validates_the_field_and_keeps_what_it_was(watched: Watched) -> None:
    watched.see(person("Jo"))
    assert watched.see(person("Jo", TITLE="CRO")) == {TITLE}
    held = watched.mirror.contacts.memory(watched.id).fields
    assert (held[TITLE].values, held[TITLE].previous) == (("CRO",), ("VP Sales",))
    assert held[TITLE].validated_at == held[TITLE].changed_at == watched.now
    assert held[ORG].validated_at is None
    assert watched.mirror.contacts.edited_since(watched.id, watched.now - DAY) == {TITLE}
    assert watched.mirror.contacts.edited_since(watched.id, watched.now) == frozenset()


def test_a_field_that_was_emptied_and_filled_again_tells_both(watched: Watched) -> None:
    watched.see(person("Jo"))
    assert watched.see(person("Jo", TITLE="")) == {TITLE}
    assert watched.mirror.contacts.memory(watched.id).fields[TITLE].values == ()
    assert watched.see(person("Jo")) == {TITLE}
    edits = [(line["old"], line["new"]) for line in watched.mirror.contacts.history(watched.id) if line["field"]]
    assert edits == [("VP Sales", ""), ("", "VP Sales")]


def test_moves_are_from_one_employer_to_another(watched: Watched) -> None:
    for organisation in ("Acme", "Stripe", "", "Stripe", "", "Initech", "Acme"):
        watched.see(person("Jo", ORG=organisation))
    assert watched.moves() == [("Acme", "Stripe"), ("Stripe", "Initech"), ("Initech", "Acme")]


def test_a_restore_is_no_edit_and_takes_the_move_back(watched: Watched) -> None:
    watched.see(person("Jo"))
    watched.see(person("Jo", ORG="Stripe"))
    before = contact_of(scan(person("Jo")))
    contacts = watched.mirror.contacts
    contacts.restored(watched.id, before, "/b/Jo.vcf", work_keys(before), watched.now + DAY)
    held = contacts.memory(watched.id).fields[ORG]
    assert (held.values, held.changed_at, held.validated_at, held.previous) == (before.work[ORG], None, None, ())
    assert watched.moves() == []
    assert [line["what"] for line in contacts.history(watched.id)][-2:] == ["restored", "restored"]


def test_a_first_employer_is_no_move(watched: Watched) -> None:
    watched.see(person("Jo", ORG=""))
    assert watched.see(person("Jo", ORG="Acme")) >= {ORG}
    assert watched.moves() == []


def test_a_new_employer_ends_the_follow_up(watched: Watched) -> None:
    watched.see(person("Jo"))
    standings = watched.mirror.standings
    standing = standings.of(watched.id)
    standings.store(watched.id, type(standing)(left_at=START))
    watched.see(person("Jo", TITLE="CRO"))
    assert standings.of(watched.id).left_at == START
    watched.see(person("Jo", TITLE="CRO", ORG="Stripe"))
    assert standings.of(watched.id).left_at is None


def test_confirming_dates_only_what_the_card_has(watched: Watched) -> None:
    watched.see(person("Jo", TITLE=""))
    watched.mirror.contacts.validate(watched.id, (ORG, TITLE), watched.now, watched.now, "confirmed")
    held = watched.mirror.contacts.memory(watched.id).fields
    assert held[ORG].validated_at == watched.now
    assert TITLE not in held


# ---------------------------------------------------------------- questions and writes


def intend(mirror: Mirror, contact: int, now: datetime) -> int:
    question = Question(kind=QuestionKind.STILL, fields=(ORG,), slots={}, score=1.0, reason="r")
    return mirror.questions.intend(
        contact, question, href="", block="VIPcheck: ?", user_text="", position=Position.TOP, counted=True, now=now
    )


def test_what_was_only_intended_counts_nowhere_and_goes_with_its_own_account(watched: Watched) -> None:
    mirror = watched.mirror
    watched.see(person("Jo"))
    intend(mirror, watched.id, watched.now)
    assert mirror.questions.open_count("home") == 0
    assert mirror.questions.asked_since("home", START) == []
    mirror.questions.forget_unsent("other")
    assert len(mirror.questions.of(watched.id)) == 1
    mirror.questions.forget_unsent("home")
    assert mirror.questions.of(watched.id) == []


def test_one_block_stands_at_a_time_and_an_end_is_kept(watched: Watched) -> None:
    mirror = watched.mirror
    watched.see(person("Jo"))
    first = intend(mirror, watched.id, watched.now)
    mirror.questions.opened(first)
    mirror.questions.end(first, Ending.SNOOZED, watched.now)
    mirror.questions.end(first, Ending.CONFIRMED, watched.now + DAY)
    assert [(q.ending, q.ended_at, q.standing) for q in mirror.questions.of(watched.id)] == [
        (Ending.SNOOZED, watched.now, True)
    ]
    mirror.questions.forget(first)
    assert len(mirror.questions.of(watched.id)) == 1


def test_attempts_that_came_to_nothing_keep_one_version(watched: Watched) -> None:
    journal = watched.mirror.journal
    for data in (b"a", b"a", b"b", b"a", b"a"):
        watched.now += DAY
        journal.keep_version(1, f"{HOME}jo.vcf", "jo", '"1"', data, "ask", watched.now)
    kept = journal.versions(1, "jo")
    assert [version["data"] for version in kept] == [b"a", b"b", b"a"]
    assert datetime.fromisoformat(kept[0]["at"]) == watched.now
