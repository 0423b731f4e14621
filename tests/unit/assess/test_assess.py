"""From a card and its memory to a probability, its reasons and a question."""

import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.ask import question
from cardsync.assess.fuse import assess, factors
from cardsync.assess.signals import signals
from cardsync.assess.survival import Situation
from cardsync.model import (
    Assessment,
    Contact,
    ContactKind,
    FieldMemory,
    JobHistory,
    Memory,
    Move,
    Question,
    QuestionKind,
    Signal,
    SignalKind,
    WorkField,
)
from cardsync.policy import STRATA, GroupPolicy, ReminderPolicy, Stratum

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
FIRST_SEEN = NOW - 3 * YEAR
POLICY = GroupPolicy(name="VIP", weight=1.0, stratum=STRATA["general"], ask_above=0.20)
REMINDERS = ReminderPolicy()
ORG, TITLE, EMAIL, PHONE, URL = (
    WorkField.ORGANISATION,
    WorkField.TITLE,
    WorkField.EMAIL,
    WorkField.PHONE,
    WorkField.URL,
)
Work = Mapping[WorkField, str | tuple[str, ...]]
ACME: Work = {ORG: "Acme", TITLE: "VP Sales", EMAIL: "jo@acme.example"}


def person(work: Work = ACME, **more: object) -> Contact:
    values = {which: (value,) if isinstance(value, str) else value for which, value in work.items()}
    card = Contact(uid="u1", name="Jo Ruiz", given_name="Jo", kind=ContactKind.PERSON, work=values)
    return replace(card, **more)  # type: ignore[arg-type]  # the tests name fields of Contact


def remembered(contact: Contact, *, first_seen: datetime = FIRST_SEEN, sure: datetime | None = None) -> Memory:
    fields = {
        which: FieldMemory(values=values, first_seen=first_seen, validated_at=sure)
        for which, values in contact.work.items()
    }
    return Memory(first_seen=first_seen, fields=fields)


def changed(memory: Memory, which: WorkField, previous: str, at: datetime) -> Memory:
    field = replace(memory.fields[which], first_seen=at, changed_at=at, validated_at=at, previous=(previous,))
    return replace(memory, fields={**memory.fields, which: field})


def judge(contact: Contact, memory: Memory, *, now: datetime = NOW, policy: GroupPolicy = POLICY) -> Assessment:
    return assess(contact, memory, policy, assumed_age=YEAR, now=now)


def asked(
    contact: Contact, memory: Memory, *, now: datetime = NOW, reminders: ReminderPolicy = REMINDERS
) -> Question | None:
    return question(contact, memory, judge(contact, memory, now=now), POLICY, reminders, now)


def kinds(contact: Contact, memory: Memory) -> list[SignalKind]:
    return [signal.kind for signal in signals(contact, memory)]


# ---------------------------------------------------------------- age


def test_a_card_confirmed_just_now_is_fresh_and_not_asked_about() -> None:
    memory = remembered(person(), sure=NOW)
    assert judge(person(), memory).probability < 0.01
    assert judge(person(), memory).last_sure == NOW
    assert asked(person(), memory) is None


def test_a_card_confirmed_two_years_ago_is_asked_about_with_the_date() -> None:
    found = asked(person(), remembered(person(), sure=NOW - 2 * YEAR))
    assert found is not None
    assert found.kind is QuestionKind.STILL
    assert found.fields == (TITLE, ORG)
    assert found.slots == {"title": "VP Sales", "organisation": "Acme", "last_sure": "2024-06-01"}


@given(st.datetimes(max_value=NOW.replace(tzinfo=None) - YEAR, timezones=st.just(UTC)))
def test_the_date_in_a_question_is_an_iso_day_in_any_year(sure: datetime) -> None:
    found = asked(person(), remembered(person(), sure=sure))
    assert found is None or date.fromisoformat(found.slots["last_sure"]) == sure.date()


def test_a_card_never_confirmed_is_as_old_as_assumed_and_as_watched() -> None:
    found = judge(person(), remembered(person(), first_seen=NOW - 30 * DAY))
    assert found.last_sure is None
    assert found.age == YEAR + 30 * DAY
    assert found.reasons[0].sentence.endswith(
        "is not known: taken to be 13 months (freshness.assumed_age when first seen)."
    )


def test_rev_bounds_the_age_only_where_it_is_bumped_at_every_edit() -> None:
    old = person(revised=NOW - 5 * YEAR, bumps_rev=True)
    memory = remembered(old, first_seen=NOW)
    assert judge(old, memory).age == 5 * YEAR
    assert "(REV) its work details are at least 5.0 years old" in judge(old, memory).reasons[0].sentence
    touched = replace(old, revised=NOW - DAY)  # a note was edited: the details are no younger for it
    assert judge(touched, replace(memory, unchanged_since=NOW - 5 * YEAR)).age == 5 * YEAR
    assert judge(replace(old, bumps_rev=False), memory).age == YEAR
    assert judge(replace(old, revised=NOW - DAY), memory).age == YEAR  # a recent REV validates nothing
    found = asked(old, memory)
    assert found is not None
    assert found.slots["unchanged_since"] == "2021-06-02"
    assert "last_sure" not in found.slots


def test_a_new_title_at_the_same_employer_confirms_the_employer() -> None:
    contact = person({ORG: "Acme", TITLE: "CRO"})
    memory = changed(remembered(contact), TITLE, "VP Sales", NOW - 10 * DAY)
    assert judge(contact, memory).last_sure == NOW - 10 * DAY


def test_an_address_in_use_confirms_the_employer_only_if_it_is_the_employers() -> None:
    for email, expected in (("jo@acme.example", NOW), ("jo@initech.example", None)):
        contact = person({ORG: "Acme", EMAIL: email})
        memory = remembered(contact)
        used = replace(memory.fields[EMAIL], validated_at=NOW)
        assert judge(contact, replace(memory, fields={**memory.fields, EMAIL: used})).last_sure == expected


def test_a_card_without_work_details_cannot_be_stale() -> None:
    contact = person({})
    assert judge(contact, remembered(contact)).probability == 0
    assert asked(contact, remembered(contact)) is None


def test_the_model_of_survival_can_be_exchanged() -> None:
    def sure_to_be_gone(situation: Situation, stratum: Stratum, pace: float = 1.0) -> float:
        assert (situation.jobs, stratum, pace) == ((), POLICY.stratum, 1.5)
        return 0.0

    memory = remembered(person(), sure=NOW)
    assert (
        assess(person(), memory, POLICY, assumed_age=YEAR, now=NOW, pace=1.5, survival=sure_to_be_gone).probability
        > 0.99
    )


AGES = st.timedeltas(min_value=timedelta(), max_value=60 * YEAR)


@given(AGES, AGES, st.booleans(), st.sampled_from(sorted(STRATA)))
def test_older_is_never_fresher(sure: timedelta, more: timedelta, confirmed: bool, stratum: str) -> None:
    memory = remembered(person(), first_seen=NOW - sure, sure=NOW - sure if confirmed else None)
    policy = replace(POLICY, stratum=STRATA[stratum])
    before = judge(person(), memory, policy=policy)
    after = judge(person(), memory, now=NOW + more, policy=policy)
    assert 0 < before.probability <= after.probability < 1
    assert before.age <= after.age


@given(
    st.sampled_from(["acme.example", "initech.example", "square.example"]),
    AGES,
    st.booleans(),
    st.lists(st.integers(-7300, 7300), max_size=2, unique=True),
    st.dictionaries(st.sampled_from([ORG, TITLE, EMAIL, PHONE]), st.integers(0, 7300), max_size=4),
    st.sampled_from([ORG, TITLE, EMAIL, PHONE]),
    st.integers(0, 7300),
)
def test_that_something_was_right_once_never_makes_it_less_probable(
    domain: str,
    seen: timedelta,
    revised: bool,
    moves: list[int],
    sure: dict[WorkField, int],
    which: WorkField,
    days: int,
) -> None:
    contact = person({**STRIPE, EMAIL: f"jo@{domain}"}, revised=NOW - 5 * YEAR if revised else None, bumps_rev=True)
    memory = replace(remembered(contact, first_seen=NOW - seen), moves=tuple(_moves(moves, NOW - seen)))
    if memory.moves:
        memory = changed(memory, ORG, memory.moves[-1].old, memory.moves[-1].at)
    for each, ago in sure.items():
        memory = _sure(memory, each, NOW - ago * DAY)
    before, after = judge(contact, memory), judge(contact, _sure(memory, which, NOW - days * DAY))
    assert after.probability <= before.probability + 1e-9
    assert after.age <= before.age
    assert all(after.claims[each] >= before.claims[each] - 1e-9 for each in contact.work)


def _sure(memory: Memory, which: WorkField, day: datetime) -> Memory:
    """As it would be had the field been known to be right on a day, besides what is known."""
    known = memory.fields[which].validated_at
    field = replace(memory.fields[which], validated_at=max(day, known) if known else day)
    return replace(memory, fields={**memory.fields, which: field})


def _moves(days: list[int], first_seen: datetime) -> list[Move]:
    """Changes of employer between first sight and now, the last to Stripe."""
    dates = sorted(NOW - abs(ago) * DAY for ago in days)
    names = ["Globex", "Square", "Stripe"][-len(dates) - 1 :]
    return [Move(at=at, old=names[i], new=names[i + 1]) for i, at in enumerate(dates) if at > first_seen]


def test_a_job_hopper_is_doubted_sooner() -> None:
    memory = remembered(person(), sure=NOW - YEAR)
    moves = (Move(at=NOW - 2 * YEAR, old="Initech", new="Globex"), Move(at=NOW - YEAR, old="Globex", new="Acme"))
    hopper = replace(memory, moves=moves)
    assert judge(person(), hopper).probability > judge(person(), memory).probability


def test_a_respelt_organisation_is_no_change_of_job() -> None:
    memory = remembered(person(), sure=NOW - YEAR)
    moves = (
        Move(at=NOW - 2 * YEAR, old="Acme", new="ACME Inc."),
        Move(at=NOW - YEAR, old="ACME Inc.", new="Acme GmbH"),
    )
    assert judge(person(), replace(memory, moves=moves)) == judge(person(), memory)


# ---------------------------------------------------------------- signals


def test_a_foreign_domain_adds_weight_but_triggers_nothing() -> None:
    contact = person({ORG: "Acme", EMAIL: "j.ruiz@initech.example"})
    memory = remembered(contact, first_seen=NOW)
    found = judge(contact, memory)
    assert kinds(contact, memory) == [SignalKind.FOREIGN_DOMAIN, SignalKind.MISSING]
    assert found.prior < POLICY.ask_above < found.probability
    assert asked(contact, memory) is None
    later = asked(contact, memory, now=NOW + 2 * YEAR)
    assert later is not None
    assert later.slots["domain"] == "initech.example"
    assert EMAIL in later.fields


@pytest.mark.parametrize(
    "email",
    ["jo@mailbox.org", "jo@acme.example", "jo@mail.acme.example", "jo@ruiz.example", "jo@jo-ruiz.example", "nonsense"],
)
def test_a_private_own_or_broken_address_contradicts_nothing(email: str) -> None:
    contact = person({ORG: "Acme", TITLE: "VP", EMAIL: email})
    assert kinds(contact, remembered(contact)) == []


def test_aliases_and_domains_of_the_config_silence_the_contradiction() -> None:
    contact = person({ORG: "Acme", TITLE: "VP", EMAIL: "jo@initech.example"})
    memory = remembered(contact)
    assert signals(contact, memory, aliases=[["Acme", "Initech"]]) == ()
    assert signals(contact, memory, domains={"ACME": ["initech.example"]}) == ()
    leased = person({**contact.work, EMAIL: ("jo@acme-eu.initech.example", "jo@initech.example")})
    assert signals(leased, remembered(leased), domains={"ACME": ["acme-eu.initech.example"]}) == ()


def test_who_confirmed_the_employer_with_the_foreign_address_there_is_not_told_again() -> None:
    contact = person({ORG: "Acme", TITLE: "VP", EMAIL: "jo@initech.example"})
    assert kinds(contact, remembered(contact, sure=FIRST_SEEN - YEAR)) == [SignalKind.FOREIGN_DOMAIN]
    assert kinds(contact, remembered(contact, sure=NOW - YEAR)) == []


@pytest.mark.parametrize("organisation", ["Acme", None])
def test_addresses_of_two_organisations_are_noticed(organisation: str | None) -> None:
    work: dict[WorkField, str | tuple[str, ...]] = {EMAIL: ("jo@acme.example", "jo@initech.example"), TITLE: "VP"}
    contact = person({ORG: organisation, **work} if organisation else work)
    assert SignalKind.TWO_ORGANISATIONS in kinds(contact, remembered(contact))
    same_house = person({**work, EMAIL: ("jo@acme.example", "jo@eu.acme.example", "jo@acme-labs.example", "j@gmx.de")})
    assert SignalKind.TWO_ORGANISATIONS not in kinds(same_house, remembered(same_house))


def test_missing_details_change_no_odds() -> None:
    contact = person({EMAIL: "jo@acme.example"})
    found = judge(contact, remembered(contact))
    assert [(s.kind, s.fields) for s in found.signals] == [(SignalKind.MISSING, (ORG, TITLE))]
    assert found.probability == pytest.approx(found.prior)


# ---------------------------------------------------------------- half-updated

STRIPE: Work = {ORG: "Stripe", TITLE: "VP Sales", EMAIL: "jo@square.example", PHONE: "+1 555 0100"}


def moved(contact: Contact, at: datetime, sure: datetime | None = None) -> Memory:
    return changed(remembered(contact, sure=sure), ORG, "Square", at)


def test_a_half_updated_card_is_asked_about_after_seven_days() -> None:
    contact, at = person(STRIPE), NOW - 8 * DAY
    found = asked(contact, moved(contact, at))
    assert found is not None
    assert found.kind is QuestionKind.HALF_UPDATED
    assert found.fields == (TITLE, EMAIL, PHONE)
    assert found.slots == {"organisation": "Stripe", "old_organisation": "Square", "since": "2026-05-24"}
    assert found.reason == (
        "The organisation changed from Square to Stripe on 2026-05-24, but title, work e-mail and phone did not."
    )
    assert asked(contact, moved(contact, at), now=at + 6 * DAY) is None


@pytest.mark.parametrize("which", [TITLE, EMAIL])
@pytest.mark.parametrize("stratum", sorted(STRATA))
def test_one_field_left_behind_is_enough_though_all_was_confirmed_the_day_before(
    which: WorkField, stratum: str
) -> None:
    contact, at = person({ORG: "Stripe", which: STRIPE[which]}), NOW - 8 * DAY
    memory, policy = moved(contact, at, sure=at - DAY), replace(POLICY, stratum=STRATA[stratum])
    found = question(contact, memory, judge(contact, memory, policy=policy), policy, REMINDERS, NOW)
    assert found is not None
    assert (found.kind, found.fields) == (QuestionKind.HALF_UPDATED, (which,))


def test_a_phone_alone_is_left_behind_too_often_to_ask_about_at_once() -> None:
    contact = person({ORG: "Stripe", PHONE: "+1 555 0100"})
    memory = moved(contact, NOW - 8 * DAY)
    assert SignalKind.HALF_UPDATED in kinds(contact, memory)
    assert asked(contact, memory) is None


def test_fields_that_changed_with_the_organisation_or_were_confirmed_after_are_not_left_behind() -> None:
    contact, at = person(STRIPE), NOW - 30 * DAY
    memory = moved(contact, at)
    memory = changed(memory, EMAIL, "jo@old.example", at - DAY)  # the e-mail came first, the organisation next day
    memory = changed(memory, TITLE, "AE", at + DAY)
    confirmed = replace(memory.fields[PHONE], validated_at=at + 3 * DAY)
    memory = replace(memory, fields={**memory.fields, PHONE: confirmed})
    assert SignalKind.HALF_UPDATED not in kinds(contact, memory)


@pytest.mark.parametrize(
    ("left", "stale"),
    [
        ({EMAIL: "jo@square.example"}, True),
        ({EMAIL: "jo@wintry.example"}, True),  # neither's, surely, and it was there before
        ({EMAIL: "jo@zebra-acorn.example"}, False),  # may be another house of Acme's: not said aloud
        ({EMAIL: "jo@stripe.example"}, False),  # the e-mail was new already
        ({EMAIL: "jo@gmail.com"}, False),
        ({URL: "https://square.example/team/jo"}, True),
        ({URL: "https://www.linkedin.com/in/jo"}, False),
        ({URL: "https://["}, False),
    ],
)
def test_addresses_are_left_behind_only_at_the_former_employer(left: Work, stale: bool) -> None:
    contact = person({ORG: "Acme", **{k: str(v).replace("stripe", "acme") for k, v in left.items()}})
    memory = moved(contact, NOW - 8 * DAY)
    assert (SignalKind.HALF_UPDATED in kinds(contact, memory)) is stale


@pytest.mark.parametrize("old", ["ACME Inc.", "Acme Holding", "Acme / Globex"])
def test_another_spelling_of_the_organisation_is_no_change_of_employer(old: str) -> None:
    contact = person()
    assert SignalKind.HALF_UPDATED not in kinds(contact, changed(remembered(contact), ORG, old, NOW - 8 * DAY))


# ---------------------------------------------------------------- fusion


def said(ratio: float, family: str = "mail", match: float = 1.0) -> Signal:
    return Signal(
        kind=SignalKind.OUTSIDE, fields=(ORG,), likelihood_ratio=ratio, reason="It is so.", family=family, match=match
    )


SAID = st.builds(said, st.floats(0.01, 1000), st.sampled_from(["card", "mail", "web"]), st.floats(0, 1))


@given(st.lists(SAID, max_size=6), st.floats(1, 1000))
def test_one_more_contradiction_never_lowers_the_odds(found: list[Signal], more: float) -> None:
    doubting = [signal for signal in found if signal.likelihood_ratio >= 1]
    assert math.prod(factors([*doubting, said(more)])) >= math.prod(factors(doubting)) * (1 - 1e-9)


@given(st.lists(SAID, max_size=6))
def test_a_family_never_says_more_than_its_cap(found: list[Signal]) -> None:
    for family in ("card", "mail", "web"):
        assert 1 / 150.01 <= math.prod(factors([signal for signal in found if signal.family == family])) <= 150.01


@given(st.lists(SAID, max_size=6))
def test_families_know_nothing_of_each_other(found: list[Signal]) -> None:
    by_family = [[signal for signal in found if signal.family == family] for family in ("card", "mail", "web")]
    assert math.prod(factors(found)) == pytest.approx(math.prod(math.prod(factors(each)) for each in by_family))


@given(st.lists(SAID, max_size=6))
def test_the_probability_stays_between_0_and_1_and_the_last_item_brings_it_there(found: list[Signal]) -> None:
    contact = person({ORG: "Acme", TITLE: "VP Sales"})
    judged = assess(contact, remembered(contact), POLICY, assumed_age=YEAR, evidence=found, now=NOW)
    assert 0 < judged.probability < 1
    steps = [reason.probability for reason in judged.reasons if reason.probability]
    assert [judged.probability, *steps][-1] == pytest.approx(judged.probability)


def test_an_item_that_counts_in_part_says_why() -> None:
    contact = person({ORG: "Acme", TITLE: "VP Sales"})
    found = [said(20.0, "mail"), said(5.0, "mail"), said(3.0, "calendar")]
    judged = assess(contact, remembered(contact), POLICY, assumed_age=YEAR, evidence=found, now=NOW)
    weighed = [reason for reason in judged.reasons if reason.factor]
    assert [reason.factor for reason in weighed] == pytest.approx([20, 5**0.3, 3])
    assert [reason.sentence.removeprefix("It is so.") for reason in weighed] == [
        "",
        " It counts in part: a stronger item of the same kind is counted already.",
        "",
    ]


@given(st.floats(0.01, 1000))
def test_a_doubtful_match_fades_to_nothing(ratio: float) -> None:
    sure, half, none = (abs(math.log(factors([said(ratio, match=match)])[0])) for match in (1.0, 0.5, 0.0))
    assert sure >= half >= none == 0


def test_the_best_of_a_family_counts_whole_and_the_rest_a_third() -> None:
    assert factors([said(2.0), said(10.0), said(3.0, "web")]) == pytest.approx([2**0.3, 10.0, 3.0])


def test_the_factors_in_the_reasons_explain_the_probability() -> None:
    contact = person({ORG: "Acme", TITLE: "VP Sales", EMAIL: "jo@initech.example"})
    memory = changed(moved(contact, NOW - 400 * DAY), EMAIL, "jo@square.example", NOW - 399 * DAY)
    found = judge(contact, memory)
    at = next(reason.probability for reason in found.reasons if reason.kind == "employer") or 0.0
    for reason in found.reasons:
        if reason.kind == "title":
            at += (1 - at) * found.title
        if reason.factor:
            at = (odds := at / (1 - at) * reason.factor) / (1 + odds)
        assert reason.probability is None or reason.probability == pytest.approx(at)
    assert len([reason for reason in found.reasons if reason.factor]) == 2
    assert found.probability == pytest.approx(at)
    assert all(reason.sentence.endswith(".") for reason in found.reasons)


@given(st.lists(SAID, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_does_not_matter(found: list[Signal], random: Random) -> None:
    others = random.sample(found, len(found))
    assert math.prod(factors(others)) == pytest.approx(math.prod(factors(found)))


def test_what_was_left_behind_is_in_doubt_and_the_new_organisation_is_not() -> None:
    contact = person({ORG: "Stripe", TITLE: "VP Sales", EMAIL: "jo@square.example", PHONE: "+1 555 0100"})
    found = judge(contact, moved(contact, NOW - 8 * DAY))
    assert found.probability > 0.9
    assert found.claims[EMAIL] < 0.1
    assert found.claims[ORG] > 0.9


def test_little_of_the_former_employers_outlasts_a_move_and_what_was_set_anew_is_not_in_doubt() -> None:
    contact = person(
        {ORG: "Stripe", EMAIL: "jo@stripe.example", WorkField.ADDRESS: "3 Tanner's Yard", PHONE: "+1 555 0100"}
    )
    moved_on = moved(contact, NOW - 8 * DAY)
    memory = changed(moved_on, EMAIL, "jo@stripe.example", NOW - 7 * DAY)
    claims = judge(contact, memory).claims
    assert claims[WorkField.ADDRESS] < 0.1 < claims[PHONE] < 0.5 < 0.9 < claims[EMAIL]
    again = {**memory.fields, WorkField.ADDRESS: replace(memory.fields[WorkField.ADDRESS], validated_at=NOW - DAY)}
    assert judge(contact, replace(memory, fields=again)).claims[WorkField.ADDRESS] > 0.9


def test_a_card_that_is_set_right_soon_after_its_first_sight_makes_nobody_a_job_hopper() -> None:
    contact = person(STRIPE)
    early, late = (
        Memory(
            first_seen=FIRST_SEEN,
            fields={which: replace(held, validated_at=at) for which, held in remembered(contact).fields.items()},
            moves=(Move(at=at, old="Square", new="Stripe"),),
        )
        for at in (FIRST_SEEN + DAY, FIRST_SEEN + 2 * YEAR)
    )
    found = judge(contact, early)
    assert found.history == JobHistory(changes=0, expected=0.0)
    assert (counted := judge(contact, late).history) and counted.changes == 1
    assert judge(contact, early, now=FIRST_SEEN + 181 * DAY).probability < POLICY.ask_above


def test_the_address_that_the_organisation_left_behind_is_no_doubt_of_the_organisation() -> None:
    contact = person({ORG: "Stripe", EMAIL: "jo@square.example"})
    found = judge(contact, moved(contact, NOW - DAY))
    assert [signal.kind for signal in found.signals if signal.likelihood_ratio > 1] == [SignalKind.HALF_UPDATED]
    assert found.claims[ORG] > 0.9


def test_who_left_is_no_longer_there() -> None:
    contact = person(STRIPE)
    memory = remembered(contact, sure=NOW - DAY)
    found = judge(contact, replace(memory, left_at=NOW - DAY))
    assert found.probability > 0.99 > judge(contact, memory).probability
    assert max(found.claims.values()) < 0.01
    assert any("You said on" in reason.sentence for reason in found.reasons)


def test_each_detail_has_a_probability_of_its_own_and_none_outlasts_the_employment() -> None:
    contact = person(STRIPE)
    memory = remembered(contact, sure=NOW - 3 * YEAR)
    renamed = replace(memory.fields[TITLE], validated_at=NOW - DAY)
    found = judge(contact, replace(memory, fields={**memory.fields, PHONE: memory.fields[PHONE]}))
    assert found.claims.keys() == contact.work.keys()
    assert found.claims[TITLE] < found.claims[PHONE] < found.claims[ORG] == found.claims[EMAIL]
    fresh = judge(contact, replace(memory, fields={**memory.fields, TITLE: renamed}))
    assert fresh.claims[TITLE] > found.claims[TITLE]


# ---------------------------------------------------------------- asking


@pytest.mark.parametrize("kind", [ContactKind.COMPANY, ContactKind.GROUP])
def test_companies_are_not_asked_about(kind: ContactKind) -> None:
    assert asked(person(kind=kind), remembered(person())) is None


def test_missing_details_are_asked_for_only_on_request() -> None:
    wanted = replace(REMINDERS, ask_missing=True)
    for work in ({}, {PHONE: "1"}):
        contact = person(work)
        assert asked(contact, remembered(contact)) is None
        found = asked(contact, remembered(contact), reminders=wanted)
        assert found is not None
        assert (found.kind, found.fields, found.slots) == (QuestionKind.MISSING, (ORG, TITLE), {"given_name": "Jo"})


def test_a_card_that_is_right_as_far_as_it_goes_is_not_asked_for_more() -> None:
    for work in ({ORG: "Acme"}, {PHONE: "1"}):
        contact = person(work)
        memory = remembered(contact, sure=NOW)
        assert asked(contact, memory, reminders=replace(REMINDERS, ask_missing=True)) is None


def test_a_role_stands_in_for_a_title() -> None:
    contact = person({WorkField.ROLE: "Buyer"})
    found = asked(contact, remembered(contact))
    assert found is not None
    assert (found.fields, found.slots["title"]) == ((WorkField.ROLE,), "Buyer")


def test_the_score_is_weight_times_probability_times_the_years_that_an_answer_is_good_for() -> None:
    heavy, memory = replace(POLICY, weight=2.5), remembered(person())
    found = judge(person(), memory)
    asked_for = question(person(), memory, found, heavy, REMINDERS, NOW)
    assert asked_for is not None
    assert asked_for.score == pytest.approx(2.5 * found.probability * found.gain)


def test_signals_carry_what_a_question_quotes() -> None:
    contact = person(STRIPE)
    half: Signal = signals(contact, moved(contact, NOW))[0]
    assert half.values == ("Stripe", "Square")
    assert half.since == NOW


VALUES = st.tuples(st.text(min_size=1, max_size=30)) | st.tuples(
    st.from_regex(r"[a-z]{1,5}@[a-z]{1,9}\.com", fullmatch=True)
)


@given(st.dictionaries(st.sampled_from(sorted(WorkField)), VALUES), st.text(max_size=20), st.text(min_size=1), AGES)
def test_no_text_on_a_card_breaks_assessing(
    work: dict[WorkField, tuple[str]], name: str, former: str, ago: timedelta
) -> None:
    contact = person(dict(work), name=name, given_name="")
    memory = remembered(contact)
    if ORG in work:
        memory = changed(memory, ORG, former, NOW - ago)
    found = judge(contact, memory)
    assert 0 <= found.prior <= 1
    assert 0 <= found.probability <= 1
    for wanted in (REMINDERS, replace(REMINDERS, ask_missing=True)):
        asked_for = question(contact, memory, found, POLICY, wanted, NOW)
        assert asked_for is None or set(asked_for.fields) <= set(WorkField)


def test_importing_loads_no_heavy_library() -> None:
    heavy = "{'rapidfuzz', 'cleanco', 'publicsuffixlist', 'asyncio', 'httpx'} & set(sys.modules)"
    code = f"import sys, cardsync.assess.ask, cardsync.pull.vip; sys.exit(str({heavy}) if {heavy} else 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
