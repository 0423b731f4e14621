"""What is kept of evidence between looks, and how each source stands."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cardsync.assess.evidence import counts
from cardsync.mirror import Mirror
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from in_memory import START, address_book, person

DAY = timedelta(days=1)
SEEN = Evidence(
    source="dns",
    kind=EvidenceKind.NO_DOMAIN,
    family="dns",
    claim=WorkField.EMAIL,
    says=Says.GONE,
    stored="jo@acme.example",
    likelihood_ratio=200.0,
    employer_ratio=15.0,
    observed_at=START,
    first_observed_at=START,
    twice=True,
    url="https://acme.example/",
    valid_from=START - DAY,
)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    mirror = Mirror.open(tmp_path / "cardsync.db")
    mirror.accounts.store_discovery("home", [address_book()], START)
    contact = contact_of(scan(person("Jo")))
    mirror.contacts.observe(1, contact, "jo", "/jo.vcf", work_keys(contact), START)
    yield mirror
    mirror.close()


def at(moment: datetime, seen: Evidence = SEEN) -> Evidence:
    return replace(seen, observed_at=moment, first_observed_at=moment)


def assessed(mirror: Mirror) -> bool:
    return mirror.assessments.of(1)[0] is not None


def test_what_is_kept_is_what_was_given(mirror: Mirror) -> None:
    mirror.evidence.replace(1, "dns", [SEEN])
    assert mirror.evidence.of(1) == mirror.contacts.memory(1).evidence == (SEEN,)


def test_a_second_look_keeps_the_first_day_and_one_that_finds_nothing_begins_anew(mirror: Mirror) -> None:
    for day in (0, 3, 9):
        mirror.evidence.replace(1, "dns", [at(START + day * DAY)])
    (held,) = mirror.evidence.of(1)
    assert (held.first_observed_at, held.observed_at) == (START, START + 9 * DAY)
    assert mirror.evidence.replace(1, "dns", [])
    assert mirror.evidence.of(1) == ()
    mirror.evidence.replace(1, "dns", [at(START + 20 * DAY)])
    assert mirror.evidence.of(1)[0].first_observed_at == START + 20 * DAY


@pytest.mark.parametrize("pulled_back", [False, True])
def test_what_a_clock_saw_that_was_ahead_is_not_seen_twice_a_minute_later(mirror: Mirror, pulled_back: bool) -> None:
    mirror.evidence.replace(1, "dns", [at(START + 30 * DAY)])
    mirror.evidence.ran("dns", START + 30 * DAY)
    now = START + timedelta(minutes=1)
    if pulled_back:
        mirror.marks.pull_back(now)
        (held,) = mirror.evidence.of(1)
        assert (held.first_observed_at, held.observed_at) == (now, now)
        assert mirror.evidence.state("dns", now).last_run == now
    mirror.evidence.replace(1, "dns", [at(now)])
    (held,) = mirror.evidence.of(1)
    assert not counts(held, now)
    mirror.evidence.replace(1, "dns", [at(now + 8 * DAY)])
    (held,) = mirror.evidence.of(1)
    assert counts(held, now + 8 * DAY)


def test_a_look_of_one_source_ends_nothing_of_another(mirror: Mirror) -> None:
    other = replace(SEEN, source="web", family="web")
    mirror.evidence.replace(1, "dns", [SEEN])
    mirror.evidence.replace(1, "web", [other])
    mirror.evidence.replace(1, "dns", [])
    assert mirror.evidence.of(1) == (other,)


def test_what_is_remembered_of_many_at_once_is_what_is_remembered_of_each(mirror: Mirror) -> None:
    ids = []
    for at, uid in enumerate(("jo", "al", "mo")):
        for day, employer in enumerate(("Acme", "Initech", f"Globex {uid}")[: at + 1]):
            contact = contact_of(scan(person(uid, ORG=employer)))
            now = START + (day + at) * DAY
            id_, _ = mirror.contacts.observe(1, contact, uid, f"/{uid}.vcf", work_keys(contact), now)
        ids.append(id_)
        mirror.evidence.replace(id_, "dns", [replace(SEEN, stored=f"{uid}@acme.example")])
    each = [mirror.contacts.memory(id_) for id_ in ids]
    together = mirror.contacts.memories(ids)
    assert list(map(together, ids)) == each
    assert [len(memory.moves) for memory in each] == [0, 1, 2]
    assert [memory.evidence[0].stored for memory in each] == ["jo@acme.example", "al@acme.example", "mo@acme.example"]
    with pytest.raises(LookupError):
        together(max(ids) + 1)


def test_only_news_make_a_contact_be_assessed_anew(mirror: Mirror) -> None:
    def news(found: Evidence) -> bool:
        mirror.assessments.store(1, {"probability": 0.5}, START)
        mirror.evidence.replace(1, "dns", [found])
        return not assessed(mirror)

    assert news(SEEN)
    assert not news(at(START + 3 * DAY))
    assert news(at(START + 8 * DAY))  # now it was seen twice
    assert not news(at(START + 9 * DAY))
    assert news(at(START + 10 * DAY, replace(SEEN, likelihood_ratio=100.0)))


def test_of_an_event_the_last_day_counts(mirror: Mirror) -> None:
    wrote = replace(SEEN, kind=EvidenceKind.WROTE, says=Says.USED, twice=False, source="mailbox")
    for day in (5, 2, 3):
        mirror.evidence.add(1, [replace(wrote, happened_at=START + day * DAY)])
    assert [each.happened_at for each in mirror.evidence.of(1)] == [START + 5 * DAY]


def test_a_month_has_so_many_requests_and_the_next_as_many_again(mirror: Mirror) -> None:
    june, july = datetime(2026, 6, 30, 23, 59, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    assert [mirror.evidence.take("web", 2, june) for _ in range(4)] == [True, True, False, False]
    assert mirror.evidence.state("web", june).used == 2
    assert mirror.evidence.state("web", july).used == 0
    assert [mirror.evidence.take("web", 2, july) for _ in range(3)] == [True, True, False]
    assert not mirror.evidence.take("none", 0, july)


def test_a_failure_keeps_the_cursor_and_a_run_that_goes_well_forgets_it(mirror: Mirror) -> None:
    assert mirror.evidence.state("mailbox", START).cursor == {}
    mirror.evidence.ran("mailbox", START, {"INBOX": {"uid": 7}})
    for _ in range(2):
        mirror.evidence.failed("mailbox", START + DAY, "it is away", START + 2 * DAY)
    state = mirror.evidence.state("mailbox", START + DAY)
    assert (state.failures, state.error, state.not_before) == (2, "it is away", START + 2 * DAY)
    assert state.cursor == {"INBOX": {"uid": 7}}
    mirror.evidence.ran("mailbox", START + 3 * DAY)
    state = mirror.evidence.state("mailbox", START + 3 * DAY)
    assert (state.failures, state.error, state.not_before) == (0, "", None)
    assert state.cursor == {"INBOX": {"uid": 7}}


def test_validators_are_kept_by_source_and_forgotten_when_empty(mirror: Mirror) -> None:
    mirror.evidence.keep_validators("github", "ab", '"1"', "", START)
    assert mirror.evidence.validators("github", "ab") == ('"1"', "")
    assert mirror.evidence.validators("web", "ab") is None
    mirror.evidence.keep_validators("github", "ab", "", "", START)
    assert mirror.evidence.validators("github", "ab") is None


def test_who_was_looked_at_waits(mirror: Mirror) -> None:
    mirror.evidence.looked("web", 1, START + DAY, "ab")
    assert mirror.evidence.waiting("web", START) == {1: "ab"}
    assert mirror.evidence.waiting("dns", START) == {}
    assert mirror.evidence.waiting("web", START + DAY) == {}
    mirror.evidence.looked("web", 1, START + 5000 * DAY, "ab")  # by a clock that was years ahead
    assert mirror.evidence.waiting("web", START) == {}


def test_a_look_that_failed_says_nothing_of_what_the_evidence_is_of(mirror: Mirror) -> None:
    assert mirror.evidence.told("web", 1) == ""
    mirror.evidence.looked("web", 1, START + DAY, "ab")
    mirror.evidence.looked("web", 1, START + DAY, "cd", well=False)
    assert (mirror.evidence.told("web", 1), mirror.evidence.waiting("web", START)) == ("ab", {1: "cd"})


def test_what_nobody_saw_again_is_forgotten(mirror: Mirror) -> None:
    mirror.evidence.replace(1, "dns", [SEEN])
    mirror.evidence.forget(START)
    assert mirror.evidence.of(1)
    mirror.evidence.forget(START + DAY)
    assert not mirror.evidence.of(1)


def test_after_a_release_a_contact_that_a_source_failed_at_is_looked_at_at_once(mirror: Mirror) -> None:
    mirror.evidence.looked("web", 1, START + DAY, "shown", well=False)
    mirror.evidence.looked("dns", 1, START + DAY, "shown")
    mirror.evidence.failed("web", START, "down", START + DAY)
    mirror.evidence.try_again()
    assert [list(mirror.evidence.waiting(name, START)) for name in ("web", "dns")] == [[], [1]]
    assert mirror.evidence.state("web", START).not_before is None
