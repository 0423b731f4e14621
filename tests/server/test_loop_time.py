"""Weeks of the loop on real servers, in seconds: when a question goes, when it comes again, and how many there are."""

from datetime import date, timedelta
from typing import Any

from cardsync.explain import explain
from cardsync.model import QuestionKind, WorkField
from cardsync.records import Ending, ProblemKind
from cardsync.report import find_person
from loop import DAY, GROUP, HOUR, OWN, PLENTY, Home, Make, person

NOBODY_YET = {"max_open": 0}


def explained(at: Home) -> str:
    """What ``explain`` says of whether Jo is asked."""
    told: str = explain(at.loop.app, find_person(at.loop.app, "Jo"))["asked"]
    return told


def test_an_unanswered_question_goes_after_45_days_and_comes_again_90_days_later(home: Make) -> None:
    at = home()
    before = at.card()
    assert at.loop.counts()["asked"] == 1
    assert at.loop.counts(after=45 * DAY - HOUR)["taken_out"] == 0
    assert at.asked()
    assert at.loop.counts(after=HOUR)["expired"] == 1
    assert at.card() == before
    today, again = (f"{at.loop.clock() + wait:%Y-%m-%d}" for wait in (0 * DAY, 90 * DAY))
    because = f"it went unanswered on {today} (reminders.ask_again_after, 90 days)"
    assert explained(at) == f"Not asked again before {again}: {because}."
    assert at.loop.counts(after=90 * DAY - HOUR)["asked"] == 0
    assert at.loop.counts(after=HOUR)["asked"] == 1
    assert at.note() == at.loop.questions("Jo")[-1].block + "\n\n" + OWN


def test_each_dismissal_doubles_the_wait(home: Make) -> None:
    at = home()
    at.loop.cycle()
    for wait in (90 * DAY, 180 * DAY, 360 * DAY):
        at.phone.delete_block("Jo.vcf")
        assert at.loop.counts(after=HOUR)["dismissed"] == 1
        assert at.note() == OWN
        assert at.loop.counts(after=wait - HOUR)["asked"] == 0
        assert at.loop.counts(after=HOUR)["asked"] == 1
    assert at.loop.standing("Jo").dismissals == 3


def test_a_question_put_off_for_three_months_comes_then(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "later 3m")
    assert at.loop.counts(after=HOUR)["later"] == 1
    assert at.loop.endings("Jo") == [Ending.SNOOZED]
    assert at.loop.counts(after=90 * DAY - HOUR)["asked"] == 0
    assert at.note() == OWN
    assert at.loop.counts(after=HOUR)["asked"] == 1


def test_who_left_is_asked_after_again_until_the_organisation_is_edited(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "left")
    assert at.loop.counts(after=HOUR)["left"] == 1
    follow_up = at.loop.questions("Jo")[-1]
    assert follow_up.kind is QuestionKind.FOLLOW_UP
    assert at.note() == follow_up.block + "\n\n" + OWN
    assert at.loop.counts(after=45 * DAY)["expired"] == 1
    assert at.note() == OWN
    because = "the last question went unanswered less than reminders.ask_again_after ago"
    assert explained(at) == f"Not asked before {at.loop.clock() + 45 * DAY:%Y-%m-%d}: {because}."
    assert at.loop.counts(after=45 * DAY - HOUR)["asked"] == 0
    assert at.loop.counts(after=HOUR)["asked"] == 1
    assert at.loop.questions("Jo")[-1].kind is QuestionKind.FOLLOW_UP
    at.phone.edit_field("Jo.vcf", "ORG", ("Stripe Payments",))
    assert at.loop.counts(after=HOUR)["edited"] == 1
    assert at.note() == OWN
    assert at.loop.standing("Jo").left_at is None


def test_a_follow_up_may_be_answered_with_never_and_by_deleting_it(home: Make) -> None:
    at = home({key: person(key, OWN) for key in ("Jo", "Al")}, reminders=PLENTY)
    at.loop.cycle()
    for key in ("Jo", "Al"):
        at.phone.type_below_block(f"{key}.vcf", "left")
    at.loop.cycle(after=HOUR)
    at.phone.type_below_block("Jo.vcf", "never")
    at.phone.delete_block("Al.vcf")
    at.loop.cycle(after=HOUR)
    assert at.loop.endings("Jo") == [Ending.LEFT, Ending.NEVER]
    assert at.loop.endings("Al") == [Ending.LEFT, Ending.DISMISSED]
    assert (at.note("Jo"), at.note("Al")) == (OWN, OWN)
    assert at.loop.counts(after=90 * DAY)["asked"] == 1
    assert at.asked("Al")


def test_never_lasts_until_the_owner_resumes(home: Make) -> None:
    at = home()
    at.loop.cycle()
    at.phone.type_below_block("Jo.vcf", "never")
    at.loop.cycle(after=HOUR)
    assert at.loop.counts(after=1000 * DAY)["asked"] == 0
    at.loop.command("resume", contact=at.loop.contact("Jo"))
    assert at.loop.counts(after=HOUR)["asked"] == 1


def test_a_half_updated_card_is_left_in_peace_for_a_week(home: Make) -> None:
    at = home(reminders=NOBODY_YET)
    at.loop.cycle()
    at.phone.edit_field("Jo.vcf", "ORG", ("Stripe Payments",))
    at.loop.cycle(after=HOUR)
    at.loop.reconfigure(reminders={})
    assert at.loop.counts(after=7 * DAY - HOUR)["asked"] == 0
    assert at.loop.counts(after=DAY)["asked"] == 1  # an assessment holds for a day
    question = at.loop.questions("Jo")[-1]
    assert question.kind is QuestionKind.HALF_UPDATED
    assert set(question.fields) >= {WorkField.TITLE, WorkField.EMAIL}
    at.phone.edit_field("Jo.vcf", "TITLE", "CRO")
    at.phone.edit_field("Jo.vcf", "EMAIL", "jo@stripe.example")
    assert at.loop.counts(after=HOUR)["edited"] == 1
    assert at.note() == OWN


def test_a_card_that_was_just_edited_is_left_in_peace_for_six_hours(home: Make) -> None:
    at = home(reminders=NOBODY_YET)
    at.loop.cycle()
    at.phone.set_birthday("Jo.vcf", date(1980, 5, 4))
    at.loop.reconfigure(reminders={})
    assert at.loop.counts()["asked"] == 0
    assert at.loop.counts(after=6 * HOUR - timedelta(minutes=1))["asked"] == 0
    assert at.loop.counts(after=timedelta(minutes=1))["asked"] == 1


def test_the_budgets_hold_for_a_day_a_week_and_what_stands(home: Make) -> None:
    keys = [f"Vip{number}" for number in range(8)]
    at = home({key: person(key) for key in keys}, schedule={"timezone": "Europe/Berlin"})
    asked = [sum(at.loop.counts(after=after)["asked"] for after in (20 * HOUR, 4 * HOUR)) for _ in range(11)]
    assert asked[:7] == [1, 1, 1, 0, 0, 0, 0]
    assert max(asked) == 1
    assert sum(asked) == sum(at.asked(key) for key in keys) == 5
    answered = next(key for key in keys if at.asked(key))
    at.phone.type_below_block(f"{answered}.vcf", "ok")
    assert at.loop.counts(after=7 * DAY)["asked"] == 1
    assert not at.asked(answered)


def test_the_heavier_group_is_asked_first(home: Make) -> None:
    at = home(
        {"Al": person("Al"), "Jo": person("Jo", None, "CATEGORIES:Board")},
        ["Al"],
        groups={"VIP": {}, "Board": {"weight": 3.0}},
    )
    at.loop.cycle()
    assert (at.asked("Jo"), at.asked("Al")) == (True, False)


def test_what_was_validated_is_not_asked(home: Make) -> None:
    at = home()
    at.loop.reconfigure(reminders=NOBODY_YET)
    at.loop.cycle()
    at.loop.command("validate", contacts=[at.loop.contact("Jo")], on=at.loop.clock().isoformat())
    at.loop.reconfigure(reminders={})
    assert at.loop.counts(after=DAY)["asked"] == 0
    assert at.loop.counts(after=1500 * DAY)["asked"] == 1


# ---------------------------------------------------------------- guards


def six(**config: Any) -> tuple[dict[str, bytes], dict[str, Any]]:
    return {f"Vip{number}": person(f"Vip{number}", OWN) for number in range(6)}, {"reminders": PLENTY, **config}


def test_a_list_that_lost_half_its_members_freezes_every_note_until_release(home: Make) -> None:
    cards, config = six()
    at = home(cards, **config)
    at.loop.cycle()
    asked = {key: at.card(key) for key in cards}
    for key in ("Vip0", "Vip1", "Vip2"):
        at.phone.remove_from_group(GROUP, key)
    counts = at.loop.counts(after=HOUR)
    assert (counts["vips"], counts["taken_out"]) == (6, 0)
    assert ProblemKind.VIP_LOSS in at.loop.problems()
    at.phone.type_below_block("Vip3.vcf", "ok")
    assert at.loop.counts(after=50 * DAY)["taken_out"] == 0
    assert {key: at.card(key) for key in cards if key != "Vip3"} == {k: v for k, v in asked.items() if k != "Vip3"}
    at.loop.command("release")
    counts = at.loop.counts(after=HOUR)
    assert (counts["vips"], counts["taken_out"]) == (3, 6)
    assert not at.loop.problems()
    assert at.loop.endings("Vip0") == [Ending.WITHDRAWN]
    assert at.loop.endings("Vip3") == [Ending.CONFIRMED]
    assert {at.note(key) for key in cards} == {OWN}


def test_two_who_are_taken_off_a_list_lose_their_questions_and_nothing_else(home: Make) -> None:
    cards, config = six()
    at = home(cards, **config)
    before = {key: at.card(key) for key in cards}
    at.loop.cycle()
    for key in ("Vip0", "Vip1"):
        at.phone.remove_from_group(GROUP, key)
    counts = at.loop.counts(after=HOUR)
    assert (counts["vips"], counts["taken_out"]) == (4, 2)
    assert [at.asked(key) for key in cards] == [False, False, True, True, True, True]
    assert (at.card("Vip0"), at.card("Vip1")) == (before["Vip0"], before["Vip1"])
    assert ("first seen", None, "", "") in at.loop.history("Vip0")


def test_a_list_that_is_deleted_freezes_and_one_that_comes_back_goes_on(home: Make) -> None:
    at = home()
    at.loop.cycle()
    asked, group = at.card(), at.server.get_card(GROUP)
    at.server.delete_card(GROUP)
    assert at.loop.counts(after=HOUR)["vips"] == 1
    assert ProblemKind.VIP_LOSS in at.loop.problems()
    assert at.card() == asked
    at.server.put_card(GROUP, group)
    at.phone.type_below_block("Jo.vcf", "ok")
    assert at.loop.counts(after=HOUR)["confirmed"] == 1
    assert not at.loop.problems()
    assert at.note() == OWN


def test_a_mass_change_pauses_writing_until_release(home: Make) -> None:
    cards = {f"C{number}": person(f"C{number}", OWN) for number in range(12)}
    at = home(cards, ["C0", "C1"], reminders=PLENTY)
    at.loop.cycle()
    for key in cards:
        at.server.put_card(f"{key}.vcf", at.card(key).replace(b"Springfield", b"Shelbyville"))
    touched = {key: at.card(key) for key in cards}
    at.loop.cycle(after=HOUR)
    assert ProblemKind.MASS_CHANGE in at.loop.problems()
    at.loop.cycle(after=60 * DAY)
    assert {key: at.card(key) for key in cards} == touched
    at.loop.command("release")
    at.loop.cycle(after=HOUR)
    assert not at.loop.problems()
    assert (at.note("C0"), at.note("C1")) == (OWN, OWN)
