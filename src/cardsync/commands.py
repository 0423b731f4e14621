"""What the owner asks for on the command line, carried out on the mirror between two cycles."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cardsync.errors import CardsyncError
from cardsync.logs import get_logger
from cardsync.mirror import Mirror
from cardsync.mirror.standings import RESUMED
from cardsync.model import WorkField
from cardsync.policy import ReminderPolicy
from cardsync.pull import members
from cardsync.pull.stage import ACCEPTED, EMPTY
from cardsync.records import Asked, Ending, Pause, Problem, ProblemKind, Standing

log = get_logger("cardsync.commands")
ANSWERS = {
    "ok": Ending.CONFIRMED,
    "left": Ending.LEFT,
    "later": Ending.SNOOZED,
    "never": Ending.NEVER,
    "retired": Ending.RETIRED,
}
NAMED = (WorkField.ORGANISATION, WorkField.TITLE)
"""What ``ok`` confirms where no question stands, besides what a source spoke of; all, where the card has neither."""
FIRST, LAST = datetime(1969, 12, 31, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
"""1970 begins a day earlier in some zones, and the last day of all ends in UTC before it does in others."""


def check(verb: str, arguments: Mapping[str, Any]) -> None:
    """Raises ``ValueError`` for what never could be carried out: it is not to be queued."""
    if verb not in _VERBS:
        raise ValueError("no such command")
    if verb == "answer" and arguments["answer"] not in ANSWERS:
        raise ValueError("no such answer")
    if verb == "validate" and not FIRST <= datetime.fromisoformat(arguments["on"]) <= LAST:
        raise ValueError("no day of our time")


def carry_out(mirror: Mirror, policy_of: Callable[[str], ReminderPolicy], now: datetime) -> int:
    """Drain the queue; each command and its mark in one transaction.  Returns how many were carried out.

    One that fails is marked as such and never tried again: neither the others nor the cycle wait for it.
    """
    done = 0
    for command_id, verb, arguments in mirror.commands.waiting():
        try:
            with mirror.transaction():
                _VERBS[verb](mirror, policy_of, arguments, now)
                mirror.commands.done(command_id, now)
        except CardsyncError:  # the database's trouble is not the command's
            raise
        except Exception as error:  # noqa: BLE001 - a mistake of ours
            log.error("command failed", error=type(error).__name__)  # noqa: TRY400 - a traceback's text may hold names
            mirror.commands.failed(command_id, type(error).__name__, now)
        else:
            done += 1
    return done


def _answer(
    mirror: Mirror, policy_of: Callable[[str], ReminderPolicy], arguments: dict[str, Any], now: datetime
) -> None:
    from cardsync.annotate.conclude import conclude, record_answer

    contact_id, ending = int(arguments["contact"]), ANSWERS[arguments["answer"]]
    policy = policy_of(arguments["account"])
    days = arguments.get("days")
    delay = timedelta(days=days) if days else None
    asked = _open_question(mirror, contact_id)
    if asked:
        conclude(mirror, asked, ending, policy, now, delay=delay)
        return
    standing = _unasked(ending, mirror.standings.of(contact_id), delay or policy.snooze, now)
    mirror.standings.store(contact_id, standing)
    record_answer(mirror, contact_id, ending, standing, now)
    if ending is Ending.CONFIRMED:
        doubted = {each.claim for each in mirror.evidence.of(contact_id)}
        held = mirror.contacts.memory(contact_id).fields
        named = {which for which in NAMED if which in held and held[which].values} or set(WorkField)
        mirror.contacts.validate(contact_id, sorted(named | doubted), now, now, "confirmed")


def _unasked(ending: Ending, standing: Standing, delay: timedelta, now: datetime) -> Standing:
    """How a contact stands after an answer that nothing asked for; a pause ends by ``resume`` only."""
    match ending:
        case Ending.LEFT:
            return replace(standing, left_at=now, not_before=None)
        case Ending.SNOOZED:
            return replace(standing, not_before=now + delay)
        case Ending.NEVER | Ending.RETIRED:
            return Standing(pause=Pause(ending.value), left_at=standing.left_at)
        case _:
            return Standing(pause=standing.pause)


def _open_question(mirror: Mirror, contact_id: int) -> Asked | None:
    return next((asked for asked in mirror.questions.of(contact_id) if asked.standing and asked.ending is None), None)


def _resume(
    mirror: Mirror, policy_of: Callable[[str], ReminderPolicy], arguments: dict[str, Any], now: datetime
) -> None:
    """Pauses and waits are over; what is known of the contact, also that the person left, is not."""
    asked = int(arguments["contact"])
    for contact_id in mirror.moves.known_as().get(asked, (asked,)):
        mirror.standings.store(contact_id, Standing(left_at=mirror.standings.of(contact_id).left_at))
        mirror.contacts.record(contact_id, now, RESUMED)


def _validate(
    mirror: Mirror, policy_of: Callable[[str], ReminderPolicy], arguments: dict[str, Any], now: datetime
) -> None:
    from cardsync.annotate.conclude import conclude

    on = datetime.fromisoformat(arguments["on"])
    for contact_id in arguments["contacts"]:
        mirror.contacts.validate(int(contact_id), tuple(WorkField), on, now, "validated")
        asked = _open_question(mirror, int(contact_id))
        if asked and answers(asked, on):
            conclude(mirror, asked, Ending.CONFIRMED, policy_of(""), now)


def answers(asked: Asked, on: datetime) -> bool:
    """Whether a card that was right on that day answers the question: asked then or before, by the same clock."""
    return on.date() >= asked.asked_at.astimezone(on.tzinfo).date()


def _release(
    mirror: Mirror, policy_of: Callable[[str], ReminderPolicy], arguments: dict[str, Any], now: datetime
) -> None:
    shown = arguments.get("shown")
    for problem in mirror.problems.release(None if shown is None else frozenset(map(tuple, shown))):
        _accept(mirror, problem)
    mirror.evidence.try_again()


def _accept(mirror: Mirror, problem: Problem) -> None:
    """The owner has seen it: what tripped a guard is the truth, what was refused may be tried again."""
    if problem.kind is ProblemKind.VIP_LOSS and problem.book_id is not None:
        mirror.cycles.set_book_fact(problem.book_id, members.ACCEPTED, "yes")
        members.set_resolved(mirror, problem.book_id, ())
    if problem.kind is ProblemKind.LISTING and problem.reason == EMPTY and problem.book_id is not None:
        mirror.cycles.set_book_fact(problem.book_id, ACCEPTED, "yes")
    if problem.kind is ProblemKind.QUARANTINED and problem.book_id is not None:
        mirror.books.list_again(problem.book_id)
    if problem.kind is ProblemKind.LOGIN:
        mirror.accounts.refuse(problem.account, None)


_VERBS = {"answer": _answer, "resume": _resume, "validate": _validate, "release": _release}
