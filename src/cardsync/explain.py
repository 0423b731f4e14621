"""``cardsync explain``: the assessment item by item, and why the contact is asked about now, later or not at all."""

from bisect import bisect_left
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from cardsync.annotate import plan
from cardsync.app import App
from cardsync.model import QuestionKind
from cardsync.records import GUARDS, ProblemKind
from cardsync.report import Person, standing_question
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan


def explain(app: App, person: Person) -> dict[str, Any]:
    """The assessment, item by item, and why the contact is asked about now or not."""
    assessed_at, stored = app.mirror.assessments.of(person.id)
    return {
        "name": person.name,
        "account": person.account,
        "book": person.book,
        "groups": list(person.groups),
        "assessed_at": assessed_at.isoformat() if assessed_at else None,
        "assessment": stored,
        "asked": why(app, person, stored),
        "worth_asking_from": day.isoformat() if (day := _worth_asking_from(app, person)) else None,
    }


def _worth_asking_from(app: App, person: Person) -> date | None:
    """The first day to come on which time alone makes the contact worth a question; None: it is, or never asked."""
    if app.mirror.contacts.standing(person.id).pause:
        return None
    card = next(iter(app.mirror.books.cards(person.book_id, contact_id=person.id)), None)
    judge, now = app.judge(person.account, app.clock()), app.clock()
    if card is None or not judge.knows(card.groups):
        return None
    contact, memory = contact_of(scan(card.data)), app.mirror.contacts.memory(person.id)

    def asks(days: int) -> bool:
        return replace(judge, now=now + timedelta(days=days))(contact, memory, card.groups)[1] is not None

    found = bisect_left(range(_FORESEEN), True, key=asks)
    return (now + timedelta(days=found)).date() if 0 < found < _FORESEEN else None


_FORESEEN = 3650  # days


def why(app: App, person: Person, stored: dict[str, Any] | None) -> str:
    """One sentence: why a question stands, is due, or is not."""
    state = app.mirror.contacts.standing(person.id)
    now = app.clock()
    open_ = standing_question(app, person)
    if open_:
        return f"A question stands on the card since {open_.asked_at:%Y-%m-%d}."
    if state.pause:
        return f"Not asked: you said {state.pause.value}. cardsync resume undoes it."
    if not person.groups:
        return "Not asked: the contact is in no group of the config."
    if state.not_before and now < state.not_before:
        return f"Not asked before {state.not_before:%Y-%m-%d}."
    wish = stored["question"] if stored else None
    if not wish and not state.left_at:
        return "Not asked: nothing is worth a question now."
    kind = QuestionKind(wish["kind"]) if wish and not state.left_at else QuestionKind.FOLLOW_UP
    policy = app.reminders(person.account)
    if not plan.may_ask(state, kind, policy, now):
        again = state.ended[kind] + policy.ask_again_after
        return f"Not asked: the same question was asked lately. Again from {again:%Y-%m-%d}."
    return _obstacle(app, person, now) or "Due: asked as soon as the budget and the order of the others allow."


def _obstacle(app: App, person: Person, now: datetime) -> str | None:
    if app.settings.accounts[person.account].write == "never":
        return 'Not asked: write = "never" in the config.'
    for kind in GUARDS:
        if guard := app.mirror.problems.of_book(person.book_id, kind).get(""):
            return f"Not asked: {guard.detail} cardsync status --problems says what to do."
    for card in app.mirror.books.cards(person.book_id, contact_id=person.id):
        parked = app.mirror.problems.of_book(person.book_id, ProblemKind.PARKED).get(card.href)
        if parked:
            return f"Not asked: the card is not written. {parked.detail}"
        memory = app.mirror.contacts.memory(person.id)
        if plan.quiet(contact_of(scan(card.data)), memory.changed_at, app.reminders(person.account), now):
            return "Not asked yet: the card changed in the last hours."
    if not app.mirror.books.book(person.book_id).found.writable:
        return f"Not asked: {app.mirror.books.book(person.book_id).found.read_only_reason}"
    return None
