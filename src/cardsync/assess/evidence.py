"""What sources beside the card say, as signals: what still stands, how fresh it is, and one sentence for each."""

from datetime import datetime, timedelta

from cardsync.assess.organisations import CERTAIN, Aliases, compare
from cardsync.model import APART, Contact, Evidence, EvidenceKind, Memory, Says, Signal, SignalKind, WorkField

_HALF_LIFE = timedelta(days=730)  # of an event, of what somebody wrote, of a state that nobody saw again


def outside(contact: Contact, memory: Memory, aliases: Aliases, now: datetime) -> tuple[Signal, ...]:
    """The signals of all evidence that is about what the card says now and that no answer settled."""
    return tuple(
        _signal(each, memory, now)
        for each in memory.evidence
        if counts(each, now) and _stands(each, contact, memory, aliases)
    )


def counts(each: Evidence, now: datetime) -> bool:
    """Whether it says anything: what must be seen twice was, with seven days between."""
    if each.twice and each.observed_at - each.first_observed_at < APART:
        return False
    return each.happened_at is None or each.happened_at <= now


def _stands(each: Evidence, contact: Contact, memory: Memory, aliases: Aliases) -> bool:
    """Whether the card still has the value, and nobody confirmed or changed it since."""
    if each.stored and not any(_same(each, value, aliases) for value in contact.work.get(each.claim, ())):
        return False
    since = _since(each)
    settled = [memory.fields[which].validated_at for which in _settling(each, contact) if which in memory.fields]
    return all(date is None or date < since for date in settled)


def _since(each: Evidence) -> datetime:
    """From when on an answer settles it: a doubt is settled though it is seen again, support is new each time."""
    return _said_at(each) if each.says is Says.AGREES else each.happened_at or each.first_observed_at


_ASKED_OF_ALL = (EvidenceKind.NO_DOMAIN, EvidenceKind.NO_MAIL)  # gone, but the question asks whether all still holds


def _settling(each: Evidence, contact: Contact) -> tuple[WorkField, ...]:
    """The fields of which a confirmation or an edit answers it."""
    if each.says is Says.USED:
        return ()
    if each.kind is EvidenceKind.NEW_ADDRESS:  # who still uses the old one as well has not left
        return (WorkField.EMAIL, *_asked_about(contact))
    if each.says is Says.GONE and each.kind not in _ASKED_OF_ALL:
        return (each.claim,)
    asked = _asked_about(contact)
    return (each.claim, *asked) if each.says is Says.GONE else asked


def _asked_about(contact: Contact) -> tuple[WorkField, ...]:
    """What an ok to a question about the employment confirms."""
    return (WorkField.ORGANISATION,) if WorkField.ORGANISATION in contact.work else (WorkField.TITLE, WorkField.ROLE)


def _same(each: Evidence, value: str, aliases: Aliases) -> bool:
    if each.claim is WorkField.ORGANISATION:
        return value.casefold() == each.stored.casefold() or compare(each.stored, value, aliases) in CERTAIN
    if each.claim is WorkField.URL:
        return _bare(value) == _bare(each.stored)
    return value.strip().casefold() == each.stored.strip().casefold()


def _bare(url: str) -> str:
    """A URL as it compares: without scheme, query, fragment and a last slash."""
    return url.partition("#")[0].partition("?")[0].rpartition("://")[2].rstrip("/").casefold()


def freshness(each: Evidence, now: datetime) -> float:
    """In (0, 1]: half of it is gone two years after it happened, was written, or was last seen."""
    return float(0.5 ** (max(now - _said_at(each), timedelta()) / _HALF_LIFE))


def _said_at(each: Evidence) -> datetime:
    """When it happened, was written, or was last seen."""
    return each.happened_at or each.asserted_at or each.observed_at


def _employer_ratio(each: Evidence, memory: Memory) -> float | None:
    """What it says of the employer: nothing any more, once that was set or confirmed since."""
    held = memory.fields.get(WorkField.ORGANISATION)
    sure = held.validated_at if held else None
    if each.says is Says.USED or (sure and sure >= _since(each)):
        return 1.0
    return each.employer_ratio


def _signal(each: Evidence, memory: Memory, now: datetime) -> Signal:
    return Signal(
        kind=SignalKind.OUTSIDE,
        fields=(each.claim,),
        likelihood_ratio=1.0 if each.says is Says.USED else each.likelihood_ratio,
        reason=sentence(each),
        values=(each.suggested or each.stored,),
        since=each.happened_at or each.first_observed_at,
        family=each.family,
        match=max(0.0, min(1.0, each.match)) * freshness(each, now),
        employer_ratio=_employer_ratio(each, memory),
        evidence=each,
    )


# ---------------------------------------------------------------- sentences


_SENTENCES = {
    EvidenceKind.WROTE: "Mail came from {stored} on {day}.",
    EvidenceKind.MET: "An invitation to {stored} was answered, on {day} at the earliest.",
    EvidenceKind.BOUNCE: "Mail to {stored} came back for good on {day}.",
    EvidenceKind.NEW_ADDRESS: "The contact used an address at {suggested} on {day}.",
    EvidenceKind.NO_DOMAIN: "The domain of {stored} does not exist; {seen}.",
    EvidenceKind.NO_MAIL: "The domain of {stored} takes no mail; {seen}.",
    EvidenceKind.PAGE_GONE: "The page {stored} is gone, though its site is there; {seen}.",
    EvidenceKind.REDIRECT: "{about} leads to {suggested} for good; {seen}.",
    EvidenceKind.ENDED: "{about} says that this employment ended{ended}.",
}


def sentence(each: Evidence) -> str:
    """For the owner, in the command line: what was seen, and when."""
    about = each.about or each.source
    template = _SENTENCES.get(each.kind)
    if template is None:
        return _said(each, about)
    return template.format(
        stored=each.stored,
        suggested=each.suggested,
        about=about,
        day=_day(_said_at(each)),
        seen=_seen(each),
        ended=f" on {_day(each.valid_to)}" if each.valid_to else "",
    )


def _said(each: Evidence, about: str) -> str:
    written = f", written on {_day(each.asserted_at)}" if each.asserted_at else ""
    if each.says in {Says.AGREES, Says.USED}:
        return f"{about} says the same{written}."
    if each.says is Says.GONE:
        return f"{about} says that {each.stored} is no more{written}."
    return f"{about} says {each.suggested or 'something else'}{written}."


def _seen(each: Evidence) -> str:
    first, last = _day(each.first_observed_at), _day(each.observed_at)
    return f"seen on {last}" if first == last else f"seen from {first} to {last}"


def _day(date: datetime) -> str:
    return date.date().isoformat()
