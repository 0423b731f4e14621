"""Which question, if any, an assessment is worth; unobtrusive: budgets and dates of earlier questions come after."""

import math
from datetime import datetime, timedelta

from cardsync.assess.evidence import sentence
from cardsync.assess.fuse import probability_without
from cardsync.model import (
    Assessment,
    Contact,
    ContactKind,
    Evidence,
    EvidenceKind,
    Memory,
    Question,
    QuestionKind,
    Signal,
    SignalKind,
    WorkField,
)
from cardsync.policy import GroupPolicy, ReminderPolicy

MISMATCHES = frozenset({SignalKind.FOREIGN_DOMAIN, SignalKind.TWO_ORGANISATIONS})
"""Signals that add weight but never trigger a question."""

WORTH_SAYING = timedelta(days=90)  # "unchanged since" a more recent day is no news


def question(
    contact: Contact,
    memory: Memory,
    assessment: Assessment,
    policy: GroupPolicy,
    reminders: ReminderPolicy,
    now: datetime,
) -> Question | None:
    """The question that pays, or None.  Slots hold raw values; an absent one has no key; dates are ISO days."""
    if contact.kind is not ContactKind.PERSON:
        return None
    score = policy.weight * assessment.probability * assessment.gain
    if memory.left_at:
        return _follow_up(contact, score)
    found = {signal.kind: signal for signal in assessment.signals}
    due = bool(contact.work) and probability_without(assessment, MISMATCHES) >= policy.ask_above
    half = found.get(SignalKind.HALF_UPDATED)
    if half and half.since and now - half.since < reminders.half_updated_after:
        return None  # perhaps she is still at it
    if due and half:
        return _half_updated(half, score, assessment.probability)
    if due and (bounced := _bounced(contact, assessment, score)):
        return bounced
    if due and (asked := _still(contact, memory, assessment, found, score, now)):
        return asked
    if reminders.ask_missing and (due or not contact.work) and (missing := found.get(SignalKind.MISSING)):
        slots = {"given_name": contact.given_name or contact.name}
        return Question(
            kind=QuestionKind.MISSING, fields=missing.fields, slots=slots, score=score, reason=missing.reason
        )
    return None


def _follow_up(contact: Contact, score: float) -> Question:
    """Where is Jo now: after the owner said that the person left the organisation that the card names."""
    organisation = contact.first(WorkField.ORGANISATION) or ""
    return Question(
        kind=QuestionKind.FOLLOW_UP,
        fields=(WorkField.ORGANISATION,),
        slots={"organisation": organisation, "given_name": contact.given_name or contact.name},
        score=score,
        reason="You said that the contact left; the card names the old organisation.",
    )


def _half_updated(half: Signal, score: float, probability: float) -> Question:
    organisation, old = half.values
    slots = {"organisation": organisation, "old_organisation": old}
    if half.since:
        slots["since"] = _day(half.since)
    return Question(
        kind=QuestionKind.HALF_UPDATED,
        fields=half.fields,
        slots=slots,
        score=score,
        reason=half.reason,
        probability=probability,
    )


def telling(assessment: Assessment) -> Evidence | None:
    """The evidence that speaks most against the card; None where none says much."""
    against = [
        (math.log(signal.likelihood_ratio) * signal.match, signal.evidence)
        for signal in assessment.signals
        if signal.evidence and signal.likelihood_ratio > 1
    ]
    weight, best = max(against, key=lambda pair: pair[0], default=(0.0, None))
    return best if weight >= MUCH else None


MUCH = math.log(2.0)
"""Log-odds that are worth a word in the question."""


def _bounced(contact: Contact, assessment: Assessment, score: float) -> Question | None:
    best = telling(assessment)
    if best is None or best.kind is not EvidenceKind.BOUNCE or best.happened_at is None:
        return None
    return Question(
        kind=QuestionKind.BOUNCED,
        fields=(WorkField.EMAIL, WorkField.ORGANISATION),
        slots={
            "address": best.stored,
            "happened_at": _day(best.happened_at),
            "given_name": contact.given_name or contact.name,
        },
        score=score,
        reason=sentence(best),
        probability=assessment.probability,
    )


_REMARKS = {  # by what was seen: the remark that the question makes of it
    EvidenceKind.NEW_ADDRESS: "writes_from",
    EvidenceKind.REDIRECT: "leads_to",
    EvidenceKind.ROW: "says",
    EvidenceKind.PROFILE: "says",
    EvidenceKind.REGISTRY: "says",
    EvidenceKind.OTHER: "says",
    EvidenceKind.ENDED: "ended",
    EvidenceKind.NO_DOMAIN: "no_domain",
    EvidenceKind.NO_MAIL: "no_domain",
}


def _seen(assessment: Assessment) -> dict[str, str]:
    """The slots of what a source saw: the name of its remark, and what that says."""
    best = telling(assessment)
    remark = _REMARKS.get(best.kind) if best else None
    if best is None or remark is None or (remark == "says" and not best.suggested):
        return {}
    slots = {"remark": remark, "value": best.suggested, "source": best.about or best.source}
    if remark in {"leads_to", "no_domain"}:
        slots["source"] = best.about or best.stored.rpartition("@")[2]
    return {name: value for name, value in slots.items() if value}


def _still(
    contact: Contact,
    memory: Memory,
    assessment: Assessment,
    found: dict[SignalKind, Signal],
    score: float,
    now: datetime,
) -> Question | None:
    """Ask "still VP Sales at Acme?"; None where the card names neither title nor organisation."""
    slots = {}
    fields = []
    title = next((which for which in (WorkField.TITLE, WorkField.ROLE) if which in contact.work), None)
    for slot, which in (("title", title), ("organisation", WorkField.ORGANISATION)):
        if which and (value := contact.first(which)):
            slots[slot] = value
            fields.append(which)
    if not fields:
        return None
    remark = _seen(assessment)
    if remark:
        slots |= remark
    elif mismatch := found.get(SignalKind.FOREIGN_DOMAIN):
        slots["domain"] = mismatch.values[0]
    elif mismatch := found.get(SignalKind.TWO_ORGANISATIONS):
        slots["domain"] = mismatch.values[-1]
    if "domain" in slots:  # the question names it then, so that an ok is about it
        fields.append(WorkField.EMAIL)
    slots |= _since(contact, memory, assessment, now)
    return Question(
        kind=QuestionKind.SEEN if "remark" in slots else QuestionKind.STILL,
        fields=tuple(fields),
        slots=slots,
        score=score,
        reason=_main_reason(assessment),
        probability=assessment.probability,
    )


def _main_reason(assessment: Assessment) -> str:
    """The step that adds most to P(stale), with what the age is known by if it is one of time alone."""
    before, best, most = 0.0, assessment.reasons[0], 0.0
    for reason in assessment.reasons:
        if reason.probability is not None:
            best, most = (reason, reason.probability - before) if reason.probability - before > most else (best, most)
            before = reason.probability
    age = assessment.reasons[0]
    return f"{age.sentence} {best.sentence}" if best.kind == "employer" else best.sentence


def _since(contact: Contact, memory: Memory, assessment: Assessment, now: datetime) -> dict[str, str]:
    if assessment.last_sure:
        return {"last_sure": _day(assessment.last_sure)}
    seen = [memory.first_seen, *([contact.revised] if contact.revised and contact.bumps_rev else [])]
    return {"unchanged_since": _day(min(seen))} if now - min(seen) >= WORTH_SAYING else {}


def _day(date: datetime) -> str:
    return date.date().isoformat()  # strftime does not pad years
