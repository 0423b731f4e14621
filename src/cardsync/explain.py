"""``cardsync explain``: the assessment item by item, and why the contact is asked about now, later or not at all."""

import shlex
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from cardsync import report
from cardsync.annotate import plan
from cardsync.app import App
from cardsync.assess.ask import MISMATCHES
from cardsync.assess.evidence import counts, outside
from cardsync.assess.judge import Judge, policy_for
from cardsync.inquiries import names
from cardsync.mirror.database import maybe_iso
from cardsync.mirror.standings import RESUMED
from cardsync.model import Contact, Evidence, QuestionKind, Says, SignalKind
from cardsync.overview import shown
from cardsync.records import ANSWER, GUARDS, Asked, Ending, ProblemKind, Standing
from cardsync.report import Person, assessed, nothing_to_watch, standing_question
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan
from cardsync.words import LEAVES, LEAVES_FOR, count, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Whether the contact is asked about now: ``state`` is one word, ``until`` the day on which that may change.

    ``line``: of one whose turn comes, the place among how many, how many may be asked now, which limits are spent, and
    the earliest day where it is a later one.
    """

    state: str
    sentence: str
    until: datetime | None = None
    line: dict[str, Any] | None = None


def explain(app: App, person: Person) -> dict[str, Any]:
    """The assessment, item by item, and why the contact is asked about now or not."""
    judge = app.judge(person.account, app.clock())
    assessed_at, stored = assessed(app, person, judge)
    found = why(app, person, stored, judge)
    open_ = standing_question(app, person)
    says_nothing = found.state in {"company", "no-work-details"}
    day = _worth_asking_from(app, person, judge)
    if day and found.until and day <= found.until.date():
        day = None  # nothing comes before that anyway
    return {
        "name": person.name,
        "account": person.account,
        "book": person.book,
        "groups": list(person.groups),
        "assessed_at": assessed_at.isoformat() if assessed_at else None,
        "assessment": None if says_nothing else stored,
        "state": found.state,
        "until": found.until.isoformat() if found.until else None,
        "asked": found.sentence,
        "open_question": open_.block if open_ else None,
        "evidence": [{**shown(each), "not_counted": why} for each, why in _evidence(app, person)],
        "rank": None if found.state in {"paused", "company"} else _rank(judge, person, stored),
        "line": found.line,
        "worth_asking_from": day.isoformat() if day else None,
    }


def _evidence(app: App, person: Person) -> Iterator[tuple[Evidence, str]]:
    """Each piece that is held, and why it does not count, or ''."""
    on, now = names(app.settings), app.clock()
    card = next(iter(app.mirror.books.cards(person.book_id, contact_id=person.id)), None)
    memory = app.mirror.contacts.memory(person.id)
    aliases = app.settings.organisations.aliases
    standing = outside(contact_of(scan(card.data)), memory, aliases, now) if card else ()
    counted = [signal.evidence for signal in standing]
    for each in memory.evidence:
        if each.source not in on:
            yield each, "its day stays, the source is off" if each.says is Says.USED else "the source is off"
        elif each in counted:
            yield each, ""
        else:
            yield each, "edited, confirmed or seen in use since" if counts(each, now) else "not seen twice yet"


def _rank(judge: Judge, person: Person, stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the question is worth among those of the others; None: there is none to ask."""
    policies = judge.policies
    if not stored or not stored["question"] or not any(name in policies for name in person.groups):
        return None
    kind = QuestionKind(stored["question"]["kind"])
    return {
        "weight": policy_for(person.groups, policies).weight,
        "probability": stored["probability"],
        "gain_years": stored["gain_years"],
        "score": stored["question"]["score"],
        "before_others": kind in plan.FIRST,
    }


def _worth_asking_from(app: App, person: Person, judge: Judge) -> date | None:
    """The first day to come on which time alone makes the contact worth a question; None: it is, or never asked."""
    if app.mirror.standings.of(person.id).pause:
        return None
    card = next(iter(app.mirror.books.cards(person.book_id, contact_id=person.id)), None)
    now = judge.now
    if card is None or not judge.knows(card.groups):
        return None
    contact, memory = contact_of(scan(card.data)), app.mirror.contacts.memory(person.id)

    def asks(days: int) -> bool:
        return replace(judge, now=now + timedelta(days=days))(contact, memory, card.groups)[1] is not None

    found = bisect_left(range(_FORESEEN), True, key=asks)
    return (now + timedelta(days=found)).date() if 0 < found < _FORESEEN else None


_FORESEEN = 3650  # days


def why(app: App, person: Person, stored: dict[str, Any] | None, judge: Judge) -> Why:
    """Why a question stands, is due, or is not."""
    return before_its_turn(app, person, stored, judge) or _due(app, person)


def before_its_turn(app: App, person: Person, stored: dict[str, Any] | None, judge: Judge) -> Why | None:
    """What keeps a question away, whoever else is in line; None: nothing does."""
    state = app.mirror.standings.of(person.id)
    now = app.clock()
    open_ = standing_question(app, person)
    if open_:
        return _standing(app, person, open_, state)
    if state.pause:
        undo = f"cardsync resume {shlex.quote(person.name)} undoes it"
        return Why(state="paused", sentence=f"Not asked: you said {state.pause.value}. {undo}.")
    if not app.mirror.books.cards(person.book_id, contact_id=person.id):
        return Why(state="no-group", sentence="Not asked: the card is gone from the address book.")
    if not person.groups:
        return Why(state="no-group", sentence="Not asked: the contact is in no group of the config.")
    if state.not_before and now < state.not_before:
        reason = _why_it_waits(app, person)
        sentence = f"Not asked before {state.not_before:%Y-%m-%d}{reason and f': {reason}'}."
        return Why(state="waits", sentence=sentence, until=state.not_before)
    wish = stored["question"] if stored else None
    if not wish:
        return _not_worth_it(app, person, stored, judge)
    kind = QuestionKind(wish["kind"])
    policy = app.reminders(person.account)
    if not plan.may_ask(state, kind, policy, now):
        return _asked_lately(app, person, kind, state.ended[kind])
    return _said_elsewhere(app, person, kind, now) or _obstacle(app, person, now)


def _due(app: App, person: Person) -> Why:
    """The place in line, and what the limits let be asked now."""
    turns = app.turns(person.account)
    line = [card.contact_id for _, card in turns.due(turns.books())]
    budget = turns.budget()
    limits = " and ".join(f"reminders.{key}" for key in budget.spent)
    now = f"{count(budget.left, 'question')} may be asked now" if budget.left else f"none may be asked now ({limits})"
    at = line.index(person.id) + 1 if person.id in line else None
    place = f"Number {at} of {len(line)} in line" if at else "In line"
    day = turns.first_day(at) if at and at > budget.left else None
    answered = ", once enough of those that are open are answered" if at and at > budget.open else ""
    comes = f"; its turn comes on {day:%Y-%m-%d} at the earliest{answered}" if day else ""
    if at and at <= budget.left:
        comes = "; its turn comes with the next cycle"
    told = {
        "place": at,
        "of": len(line),
        "may_ask_now": budget.left,
        "spent": list(budget.spent),
        "not_before": day.isoformat() if day else None,
    }
    return Why(state="due", sentence=f"{place}, and {now}{comes}.", line=told)


def _standing(app: App, person: Person, asked: Asked, state: Standing) -> Why:
    """Of a question on the card: since when, or how it ended and that it is to be taken out."""
    ending = Ending(state.pause.value) if state.pause else asked.ending
    if ending is None:
        policy = app.reminders(person.account)
        until, again = (end := asked.asked_at + policy.expire_after), end + policy.ask_again_after
        question = asked.block.split("\n")[0]
        open_ = f'Asked on {asked.asked_at:%Y-%m-%d}: "{question}"'
        guard = _guard(app, person)
        leaves = f"the question leaves the card on {until:%Y-%m-%d}, and may come again from {again:%Y-%m-%d} on"
        goes = "the question stays until release" if guard else leaves
        sentence = f"{open_} If unanswered, {goes}.{guard and f' {guard}'}"
        return Why(state="asked", sentence=sentence, until=until)
    told = app.mirror.contacts.history(asked.contact_id)
    marked = any(event["what"] == "validated" and event["at"] == maybe_iso(asked.ended_at) for event in told)
    how = "You marked the card as right" if marked and ending is Ending.CONFIRMED else _ENDED[ending]
    then = LEAVES_FOR if ending is Ending.LEFT else LEAVES
    return Why(state="ended", sentence=f"{how}. {then}")


_ENDED = {
    Ending.CONFIRMED: "You answered ok",
    Ending.LEFT: "You answered left",
    Ending.SNOOZED: "You answered later",
    Ending.NEVER: "You answered never",
    Ending.RETIRED: "You answered retired",
    Ending.EDITED: "You edited the card",
    Ending.DISMISSED: "You deleted the question",
    Ending.NOTED: "What you wrote is no answer word, so it was taken as a note",
    Ending.EXPIRED: "The question went unanswered",
    Ending.WITHDRAWN: "The question was withdrawn",
    Ending.SETTLED: "A source saw the address in use, which answers the question",
}


def _said_elsewhere(app: App, person: Person, kind: QuestionKind, now: datetime) -> Why | None:
    """What is known of the person in another book, by the UID: an answer there, or a question that stands."""
    standing, policy = app.mirror.questions.standing_anywhere(), app.reminders(person.account)
    left = {each.contact_id: each for each in app.mirror.moves.left()}
    for other in set(app.mirror.moves.known_as(person.account).get(person.id, ())) - {person.id}:
        if other not in standing and plan.may_ask(app.mirror.standings.of(other), kind, policy, now):
            continue
        if other in left:
            old = left[other].account
            move = f"cardsync account move {shlex.join(dict.fromkeys((old, left[other].new)))} takes it along"
            return Why(state="elsewhere", sentence=f"Not asked: an answer from before {old} moved holds. {move}.")
        holds = "a question stands" if other in standing else "an answer holds"
        return Why(state="elsewhere", sentence=f"Not asked: {holds} on the same contact in another address book.")
    return None


def _why_it_waits(app: App, person: Person) -> str:
    """Which ending of a question it was that makes the contact wait; '' if none is known since ``resume``."""
    for event in reversed(app.mirror.contacts.history(person.id)):
        if event["what"] == RESUMED:
            break
        ending = event["what"].removeprefix(ANSWER) if event["what"].startswith(ANSWER) else ""
        if ending in _WAITS:
            did, then = _WAITS[ending]
            if ending == Ending.NOTED and (hint := _hint(app, person)):
                did = f'wrote "{hint}"'
            return f"you {did} on {event['at'][:10]}{then}"
        if ending in _LATELY and event["old"] == QuestionKind.FOLLOW_UP:
            return f"the last question {_LATELY[ending]} less than reminders.ask_again_after ago"
    return ""


def _hint(app: App, person: Person) -> str:
    """What was written into the last question that was no answer word."""
    told = app.mirror.contacts.history(person.id)
    return next((event["new"] for event in reversed(told) if event["what"] == "suggestion"), "")


_WAITS: dict[str, tuple[str, str]] = {  # before and after the day
    Ending.SNOOZED: ("said later", ""),
    Ending.DISMISSED: ("deleted the question", ""),
    Ending.NOTED: ("wrote something", ", which is no answer word, so it was taken as a note"),
}
_LATELY: dict[str, str] = {Ending.EDITED: "was answered", Ending.EXPIRED: "went unanswered"}


def _asked_lately(app: App, person: Person, kind: QuestionKind, ended_at: datetime) -> Why:
    """``reminders.ask_again_after`` is not over since a question of this kind ended."""
    wait = app.reminders(person.account).ask_again_after
    of_kind = [asked for asked in app.mirror.questions.of(person.id) if asked.kind is kind]
    ending = next((asked.ending for asked in of_kind if asked.ended_at == ended_at), None)
    how = _HOW_IT_ENDED.get(ending or Ending.CONFIRMED, "you answered it")
    sentence = (
        f"Not asked again before {ended_at + wait:%Y-%m-%d}: {how} on {ended_at:%Y-%m-%d} "
        f"(reminders.ask_again_after, {wait.days} days)."
    )
    return Why(state="asked-lately", sentence=sentence, until=ended_at + wait)


_HOW_IT_ENDED = {
    Ending.EDITED: "you edited the card",
    Ending.EXPIRED: "it went unanswered",
    Ending.WITHDRAWN: "it was withdrawn",
    Ending.SETTLED: "a source answered it",
}


def _not_worth_it(app: App, person: Person, stored: dict[str, Any] | None, judge: Judge) -> Why:
    """Why the assessment found no question."""
    card = next(iter(app.mirror.books.cards(person.book_id, contact_id=person.id)), None)
    contact = contact_of(scan(card.data)) if card else None
    match nothing_to_watch(contact) if contact else None:
        case report.COMPANY_CARD:
            return Why(state="company", sentence="Never asked: this is a company's card.")
        case report.NO_WORK_DETAILS:
            sentence = "Not asked: the card has no work details (reminders.ask_missing = false)."
            return Why(state="no-work-details", sentence=sentence)
    since = _changing_since(app, person, contact, judge) if contact else None
    if since is None:
        return Why(state="below", sentence=_below(person, stored, judge))
    until = since + app.reminders(person.account).half_updated_after
    sentence = (
        f"Not asked before {until:%Y-%m-%d}: the organisation changed on {since:%Y-%m-%d} "
        "and the rest gets time to follow (reminders.half_updated_after)."
    )
    return Why(state="half-updated", sentence=sentence, until=until)


def _below(person: Person, stored: dict[str, Any] | None, judge: Judge) -> str:
    policies = judge.policies
    if not stored or not any(name in policies for name in person.groups):
        return "Not asked: it was not assessed yet."
    above = policy_for(person.groups, policies).ask_above
    below = f"below {percent(above)} (freshness.ask_above)"
    if stored["probability"] < above:
        about = "employer and title" if {"title", "role"} & stored["right"].keys() else "the employer"
        return f"Not asked: the {percent(stored['probability'])} for {about} is {below}."
    if {kind.value for kind in MISMATCHES}.isdisjoint(stored["signals"]):
        return "Not asked: the card names no organisation and no title, and nothing else is asked about for its age."
    return f"Not asked: without the mismatch of e-mails, no reason by itself, it is {below}."


def _changing_since(app: App, person: Person, contact: Contact, judge: Judge) -> datetime | None:
    """When the organisation changed, if only the time for the rest to follow keeps a question away."""
    now, rest = judge.now, app.reminders(person.account).half_updated_after
    memory = app.mirror.contacts.memory(person.id)
    if not judge.knows(person.groups):
        return None
    signals = judge(contact, memory, person.groups)[0].signals
    since = next((signal.since for signal in signals if signal.kind is SignalKind.HALF_UPDATED), None)
    if since is None or now >= since + rest:
        return None
    later = replace(judge, now=since + rest)(contact, memory, person.groups)[1]
    return since if later else None


def _guard(app: App, person: Person) -> str:
    """What stops all writing to the book; '' if nothing does."""
    for kind in GUARDS:
        if guard := app.mirror.problems.of_book(person.book_id, kind).get(""):
            return f"{guard.detail} cardsync status --problems says what to do."
    return ""


def _obstacle(app: App, person: Person, now: datetime) -> Why | None:
    if app.settings.accounts[person.account].write == "never":
        return Why(state="read-only", sentence='Not asked: write = "never" in the config.')
    if guard := _guard(app, person):
        return Why(state="guarded", sentence=f"Not asked: {guard}")
    for card in app.mirror.books.cards(person.book_id, contact_id=person.id):
        parked = app.mirror.problems.of_book(person.book_id, ProblemKind.PARKED).get(card.href)
        if parked and app.turns(person.account).parked(app.mirror.books.book(person.book_id), card):
            return Why(state="parked", sentence=f"Not asked: the card is not written. {parked.detail}")
        memory = app.mirror.contacts.memory(person.id)
        if plan.quiet(contact_of(scan(card.data)), memory.changed_at, app.reminders(person.account), now):
            rest = app.reminders(person.account).quiet_after_edit
            until = max(filter(None, (memory.changed_at, contact_of(scan(card.data)).revised))) + rest
            sentence = f"Not asked before {until:%Y-%m-%d %H:%M} UTC: the card changed (reminders.quiet_after_edit)."
            return Why(state="quiet", sentence=sentence, until=until)
    found = app.mirror.books.book(person.book_id).found
    return None if found.writable else Why(state="read-only", sentence=f"Not asked: {found.read_only_reason}")
