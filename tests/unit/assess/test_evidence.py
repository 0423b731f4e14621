"""What sources say, weighed against the card: what stands, what an answer settled, what the question says of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.annotate.recognise import recognise
from cardsync.annotate.render import render
from cardsync.assess.evidence import freshness, outside, sentence
from cardsync.assess.judge import Judge
from cardsync.model import (
    Assessment,
    Contact,
    ContactKind,
    Evidence,
    EvidenceKind,
    FieldMemory,
    Memory,
    Question,
    QuestionKind,
    Says,
    WorkField,
)
from cardsync.policy import STRATA, GroupPolicy, ReminderPolicy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
ORG, TITLE, EMAIL, URL = WorkField.ORGANISATION, WorkField.TITLE, WorkField.EMAIL, WorkField.URL
CONTACT = Contact(
    uid="u1",
    name="Mia Ruiz",
    given_name="Mia",
    kind=ContactKind.PERSON,
    work={ORG: ("Acme",), TITLE: ("VP Sales",), EMAIL: ("mia@acme.example",), URL: ("https://acme.example/mia/?x=1",)},
)
SURE = NOW - 200 * DAY


def memory(*found: Evidence, sure: datetime = SURE) -> Memory:
    fields = {
        which: FieldMemory(values=values, first_seen=NOW - 3 * YEAR, validated_at=sure)
        for which, values in CONTACT.work.items()
    }
    return Memory(first_seen=NOW - 3 * YEAR, fields=fields, evidence=found)


def evidence(kind: EvidenceKind = EvidenceKind.BOUNCE, **more: object) -> Evidence:
    base = Evidence(
        source="mailbox",
        kind=kind,
        family="mail",
        claim=EMAIL,
        says=Says.GONE,
        stored="mia@acme.example",
        likelihood_ratio=75.0,
        employer_ratio=15.0,
        observed_at=NOW - DAY,
        first_observed_at=NOW - DAY,
        happened_at=NOW - 3 * DAY,
    )
    return replace(base, **more)  # type: ignore[arg-type]  # the tests name fields of Evidence


def state(kind: EvidenceKind, claim: WorkField, stored: str, **more: object) -> Evidence:
    return evidence(kind, claim=claim, stored=stored, happened_at=None, family="web", source="web", **more)


def judged(remembered: Memory, now: datetime = NOW, contact: Contact = CONTACT) -> tuple[Assessment, Question | None]:
    judge = Judge(
        policies={"VIP": GroupPolicy(name="VIP", weight=1.0, stratum=STRATA["general"], ask_above=0.2)},
        reminders=ReminderPolicy(),
        assumed_age=2 * YEAR,
        aliases=(),
        domains={},
        now=now,
    )
    return judge(contact, remembered, ("VIP",))


def stale(remembered: Memory) -> float:
    return judged(remembered)[0].probability


def block(remembered: Memory, language: str = "en") -> str:
    question = judged(remembered)[1]
    assert question
    return render(question, ReminderPolicy(language=language), NOW.date())


NEW_DOMAIN = evidence(
    EvidenceKind.NEW_ADDRESS,
    says=Says.DIFFERS,
    suggested="stripe.example",
    likelihood_ratio=20.0,
    employer_ratio=None,
    match=0.9,
)
RENAMED = state(
    EvidenceKind.REDIRECT,
    ORG,
    "Acme",
    says=Says.MOVED,
    suggested="bigco.example",
    about="acme.example",
    likelihood_ratio=5.0,
    employer_ratio=None,
)
PROFILE = state(
    EvidenceKind.PROFILE,
    ORG,
    "Acme",
    says=Says.DIFFERS,
    suggested="Stripe; Inc\x1b[2J",
    about="github.com",
    likelihood_ratio=8.0,
    employer_ratio=None,
)


def test_what_was_seen_of_a_card_that_was_right_lately_is_not_asked_about_after_all_that_is_old() -> None:
    """It counts as time that passed: what is more doubtful, however it became so, is asked about first."""
    (lately, bounced), (old, still) = judged(memory(evidence(), sure=NOW - 120 * DAY)), judged(memory(sure=NOW - YEAR))
    assert lately.probability > old.probability
    assert bounced
    assert still
    assert bounced.score > still.score


def test_without_evidence_the_card_is_not_asked_about_and_each_piece_makes_a_question_of_its_own() -> None:
    assert judged(memory())[1] is None
    assert block(memory(evidence())).split("\n") == [
        "VIPcheck: mail to mia@acme.example bounced on 29 May. Where is Mia now?",
        "Edit the company above, or type: left / later / never",
    ]
    assert "still VP Sales at Acme? (writes from stripe.example)" in block(memory(NEW_DOMAIN))
    old = memory(RENAMED, sure=NOW - 500 * DAY)
    assert "still VP Sales at Acme? (acme.example now leads to bigco.example)" in block(old)
    assert "still VP Sales at Acme? (github.com says Stripe, Inc [2J)" in block(memory(PROFILE))


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pt"])
@pytest.mark.parametrize("found", [evidence(), NEW_DOMAIN, PROFILE], ids=lambda found: found.kind.value)
def test_the_questions_are_known_by_their_shape_in_every_language(found: Evidence, language: str) -> None:
    written = block(memory(found), language)
    known = recognise(f"{written}\n\nmine", ["VIPcheck"], {})
    assert known
    assert (known.text, known.user_text) == (written, "mine")
    wanted = QuestionKind.BOUNCED if found.kind is EvidenceKind.BOUNCE else QuestionKind.SEEN
    assert known.kind is wanted


def test_evidence_about_a_value_that_is_no_longer_on_the_card_says_nothing() -> None:
    assert stale(memory(evidence(stored="mia@elsewhere.example"))) == stale(memory())
    assert stale(memory(evidence(stored="MIA@acme.example"))) > stale(memory())
    page = state(EvidenceKind.PAGE_GONE, URL, "acme.example/mia")
    assert stale(memory(page)) > stale(memory())
    assert stale(memory(replace(RENAMED, stored="Acme, Inc."))) > stale(memory())
    assert stale(memory(replace(RENAMED, stored="Initech"))) == stale(memory())


def test_what_an_answer_settled_is_not_held_against_the_card_again() -> None:
    for found in (evidence(), NEW_DOMAIN, RENAMED, PROFILE):
        since = found.happened_at or found.first_observed_at
        assert outside(CONTACT, memory(found, sure=since + DAY), (), NOW + 2 * DAY) == ()
        seen_again = replace(found, observed_at=NOW + 30 * DAY)
        assert outside(CONTACT, memory(seen_again, sure=since + DAY), (), NOW + 31 * DAY) == ()
        assert outside(CONTACT, memory(found, sure=since - DAY), (), NOW + 2 * DAY) != ()


def no_mail(kind: EvidenceKind) -> Evidence:
    seen = NOW - 30 * DAY
    return state(kind, EMAIL, "mia@acme.example", twice=True, likelihood_ratio=200.0, first_observed_at=seen)


ENDED = state(EvidenceKind.ENDED, ORG, "Acme", says=Says.DIFFERS, about="orcid.org", employer_ratio=None)


@pytest.mark.parametrize(
    "found",
    [NEW_DOMAIN, RENAMED, PROFILE, ENDED, no_mail(EvidenceKind.NO_DOMAIN), no_mail(EvidenceKind.NO_MAIL)],
    ids=lambda found: found.kind.value,
)
@pytest.mark.parametrize("named", [(ORG, TITLE), (ORG,), (TITLE,)], ids=str)
def test_an_ok_settles_what_it_was_asked_about_and_confirms_what_the_question_names_only(
    found: Evidence, named: tuple[WorkField, ...]
) -> None:
    work = {which: values for which, values in CONTACT.work.items() if which in (*named, EMAIL)}
    contact = replace(CONTACT, work=work)
    if found.claim not in work:
        found = replace(found, claim=EMAIL, stored="mia@acme.example", says=Says.DIFFERS)
    asked = judged(memory(found, sure=NOW - 500 * DAY), contact=contact)[1]
    assert asked
    assert asked.kind is QuestionKind.SEEN
    assert set(asked.fields) == set(named)
    fields = memory(sure=NOW - 500 * DAY).fields
    confirmed = {which: replace(fields[which], validated_at=NOW) for which in asked.fields}
    later = replace(found, observed_at=NOW + 30 * DAY)
    remembered = Memory(first_seen=NOW - 3 * YEAR, fields={**fields, **confirmed}, evidence=(later,))
    assert outside(contact, remembered, (), NOW + 31 * DAY) == ()


def test_an_ok_confirms_the_address_where_the_question_shows_its_domain_and_not_where_it_shows_a_finding() -> None:
    contact = replace(CONTACT, work={**CONTACT.work, EMAIL: ("mia@globex.example",)})
    shown = judged(memory(sure=NOW - 2000 * DAY), contact=contact)[1]
    assert shown
    assert "globex.example" in render(shown, ReminderPolicy(), NOW.date())
    assert shown.fields == (TITLE, ORG, EMAIL)
    hidden = judged(memory(PROFILE, sure=NOW - 2000 * DAY), contact=contact)[1]
    assert hidden
    assert "globex.example" not in render(hidden, ReminderPolicy(), NOW.date())
    assert hidden.fields == (TITLE, ORG)


def test_what_has_to_be_seen_twice_counts_after_seven_days() -> None:
    once = state(EvidenceKind.NO_DOMAIN, EMAIL, "mia@acme.example", twice=True, likelihood_ratio=200.0)
    assert stale(memory(once)) == stale(memory())
    almost = replace(once, first_observed_at=NOW - 8 * DAY, observed_at=NOW - 2 * DAY)
    assert stale(memory(almost)) == stale(memory())
    assert stale(memory(replace(almost, observed_at=NOW - DAY))) > 0.5


def test_an_event_of_tomorrow_says_nothing_yet() -> None:
    assert stale(memory(evidence(happened_at=NOW + DAY))) == stale(memory())


def test_a_bounce_speaks_of_the_address_more_than_of_the_employer() -> None:
    claims = judged(memory(evidence()))[0].claims
    assert claims[EMAIL] < claims[ORG]


def test_the_probability_of_the_employment_goes_by_what_the_finding_says_of_the_employer() -> None:
    some, much = judged(memory(evidence()))[0], judged(memory(evidence(likelihood_ratio=140.0)))[0]
    assert much.probability == some.probability
    assert much.claims[EMAIL] < some.claims[EMAIL]
    factors = [reason.factor for reason in some.reasons if reason.factor and "came back" in reason.sentence]
    assert factors == [pytest.approx(15.0, rel=0.01)]
    assert judged(memory(evidence(employer_ratio=1.0)))[1] is None  # asked of the address alone, it is not worth one


def test_an_agreeing_profile_lowers_and_mail_from_the_address_leaves_the_odds_to_its_date() -> None:
    agrees = replace(PROFILE, says=Says.AGREES, suggested="", likelihood_ratio=0.39)
    assert stale(memory(agrees)) < stale(memory())
    wrote = evidence(EvidenceKind.WROTE, says=Says.USED)
    found = judged(memory(wrote))[0]
    assert found.probability == stale(memory())
    assert any("Mail came from mia@acme.example on 2026-05-29." in reason.sentence for reason in found.reasons)


def test_a_profile_that_agrees_again_after_an_answer_counts_again_and_a_doubt_does_not() -> None:
    agrees = replace(PROFILE, says=Says.AGREES, suggested="", likelihood_ratio=0.39)
    before = replace(agrees, first_observed_at=SURE - DAY, observed_at=SURE - DAY)
    again = replace(before, observed_at=NOW - DAY)
    assert stale(memory(before)) == stale(memory())
    assert stale(memory(again)) < stale(memory())
    assert stale(memory(replace(again, asserted_at=SURE - DAY))) == stale(memory())  # it was written before
    assert stale(memory(replace(PROFILE, first_observed_at=SURE - DAY))) == stale(memory())


def test_evidence_fades() -> None:
    old, new = evidence(happened_at=NOW - 4 * YEAR), evidence(happened_at=NOW - DAY)
    assert freshness(new, NOW) > 0.99
    assert freshness(old, NOW) == pytest.approx(0.25, rel=0.01)
    assert stale(memory(old, sure=NOW - 5 * YEAR)) < stale(memory(new, sure=NOW - 5 * YEAR))


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive by hypothesis' own rule
TEXTS = st.text(max_size=40)
ANYTHING = st.builds(
    Evidence,
    source=TEXTS,
    kind=st.sampled_from(EvidenceKind),
    family=st.sampled_from(["mail", "web", "profile"]),
    claim=st.sampled_from(WorkField),
    says=st.sampled_from(Says),
    stored=st.one_of(TEXTS, st.sampled_from(["Acme", "mia@acme.example", "https://acme.example/mia"])),
    suggested=TEXTS,
    about=TEXTS,
    likelihood_ratio=st.floats(0.01, 1000),
    employer_ratio=st.none() | st.floats(0.01, 1000),
    match=st.floats(-1, 2),
    observed_at=MOMENTS,
    first_observed_at=MOMENTS,
    happened_at=st.none() | MOMENTS,
    asserted_at=st.none() | MOMENTS,
    valid_to=st.none() | MOMENTS,
    twice=st.booleans(),
)


@given(st.lists(ANYTHING, max_size=5), st.randoms(use_true_random=False))
def test_whatever_sources_say_the_probability_is_one_and_the_question_two_lines_in_any_order(
    found: list[Evidence], random: Random
) -> None:
    other = random.sample(found, len(found))
    assessment, question = judged(memory(*found))
    assert 0 < assessment.probability < 1
    assert all(0 < share < 1 for share in assessment.claims.values())
    assert stale(memory(*other)) == pytest.approx(assessment.probability)
    assert all(sentence(each) for each in found)
    if question:
        written = render(question, ReminderPolicy(), NOW.date())
        assert len(written.split("\n")) == 2
        assert ";" not in written


def test_one_family_is_capped_whatever_it_speaks_of() -> None:
    gone = evidence(likelihood_ratio=150.0, employer_ratio=15.0)
    elsewhere = evidence(EvidenceKind.NEW_ADDRESS, claim=ORG, stored="Acme", says=Says.DIFFERS, likelihood_ratio=150.0)
    before, found = judged(memory())[0].claims[EMAIL], judged(memory(gone, elsewhere))[0].claims[EMAIL]
    assert (1 - found) / found / ((1 - before) / before) <= 150.0 * 1.05


def test_what_bounced_before_the_organisation_was_set_anew_says_nothing_of_the_new_one() -> None:
    bounced, later = memory(evidence()), NOW - DAY
    fields = {**bounced.fields, ORG: replace(bounced.fields[ORG], changed_at=later, validated_at=later)}
    found = judged(replace(bounced, fields=fields))[0]
    assert found.claims[ORG] > 0.99
    assert found.claims[EMAIL] < 0.9
