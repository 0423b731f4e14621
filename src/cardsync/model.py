"""The values that flow from cards to questions.  All frozen; times are aware UTC datetimes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# ---------------------------------------------------------------- cards


class WorkField(StrEnum):
    """The work details that cardsync watches over."""

    ORGANISATION = "organisation"
    DEPARTMENT = "department"
    TITLE = "title"
    ROLE = "role"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    ADDRESS = "address"

    @property
    def in_words(self) -> str:
        """For the owner."""
        return {WorkField.EMAIL: "work e-mail", WorkField.URL: "work URL"}.get(self, self.value)


class ContactKind(StrEnum):
    """What a card stands for."""

    PERSON = "person"
    COMPANY = "company"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What the decisions need of a card.

    ``work`` holds display values in the card's order, without empty ones; a field that the card lacks
    has no key.  ``personal_emails`` are all others, ``urls`` all of them, profiles too.  ``note`` is the first NOTE,
    decoded.  ``revised`` is REV, which bounds the age only where ``bumps_rev`` (the last client to write it
    is known to set REV at every edit).
    """

    uid: str
    name: str
    given_name: str
    kind: ContactKind
    work: Mapping[WorkField, tuple[str, ...]]
    personal_emails: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    note: str = ""
    revised: datetime | None = None
    bumps_rev: bool = False

    def first(self, which: WorkField) -> str | None:
        """The first value of a work field, or None."""
        values = self.work.get(which, ())
        return values[0] if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group card: its name and its members' UIDs as ``uid_key`` makes them."""

    uid_key: str
    name: str
    members: frozenset[str]


# ---------------------------------------------------------------- evidence


APART = timedelta(days=7)
"""Between two sights of what counts only when it was seen twice."""


class Says(StrEnum):
    """What a piece of evidence says of a value on the card."""

    USED = "used"  # the contact used it on that day: validated
    AGREES = "agrees"  # somebody else has the same
    DIFFERS = "differs"  # somebody has another: ``suggested``
    GONE = "gone"  # the address, the domain or the page is no more
    MOVED = "moved"  # the organisation goes by another name or domain: ``suggested``


class EvidenceKind(StrEnum):
    """What was seen; each has a sentence of its own."""

    WROTE = "wrote"  # mail came from the address
    MET = "met"  # an invitation was answered from the address
    BOUNCE = "bounce"  # mail to the address came back for good
    NEW_ADDRESS = "new-address"  # the contact writes from another organisation's domain
    ROW = "row"  # a row of an export
    NO_DOMAIN = "no-domain"  # NXDOMAIN
    NO_MAIL = "no-mail"  # null MX (RFC 7505)
    PAGE_GONE = "page-gone"
    REDIRECT = "redirect"  # to another registrable domain, for good
    PROFILE = "profile"  # what the contact wrote of herself
    ENDED = "ended"  # a dated end that is past
    REGISTRY = "registry"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a source says of the value ``stored`` of the field ``claim``.

    ``likelihood_ratio`` = P(seen | the value is stale) / P(seen | right), ``employer_ratio`` the same for the
    employment as a whole (None: as much).  ``match``, in [0, 1]: P(it is about this contact).  ``happened_at`` is the
    day of an event (a mail, a meeting); without it, it is a state that was seen to hold from ``first_observed_at``
    until ``observed_at``.  ``asserted_at``: when whoever says it wrote it; ``valid_from``, ``valid_to``: the time that
    it is about.  ``twice``: nothing until seen on two looks at least seven days apart.  ``about`` is what the sentence
    names: the host of a site, the name of a service.
    """

    source: str
    kind: EvidenceKind
    family: str
    claim: WorkField
    says: Says
    stored: str
    observed_at: datetime
    first_observed_at: datetime
    likelihood_ratio: float = 1.0
    employer_ratio: float | None = None
    match: float = 1.0
    suggested: str = ""
    about: str = ""
    happened_at: datetime | None = None
    asserted_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    url: str = ""
    twice: bool = False


# ---------------------------------------------------------------- memory of one VIP


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMemory:
    """What the mirror knows of one work field.

    ``first_seen``: when we first saw this value; ``changed_at``: when it replaced another one (None:
    it was there at first sight); ``previous``: the display values it replaced; ``validated_at``: when
    the user edited or confirmed it.
    """

    values: tuple[str, ...]
    first_seen: datetime
    changed_at: datetime | None = None
    previous: tuple[str, ...] = ()
    validated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An observed change of the organisation, ``old`` being the last one that the card named; perhaps a respelling."""

    at: datetime
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the mirror knows of one VIP.

    ``moves`` are all observed changes from one organisation to another, oldest first.
    ``changed_at`` is when we last saw the user change anything on the card (None: never), ``unchanged_since`` what
    REV said at first sight, where it bounds the age of what was on the card then.  ``left_at`` is when the owner
    said that the contact left the organisation that the card still names.  ``evidence`` is what sources beside the
    card say.
    """

    first_seen: datetime
    changed_at: datetime | None = None
    unchanged_since: datetime | None = None
    left_at: datetime | None = None
    fields: Mapping[WorkField, FieldMemory] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()
    evidence: tuple[Evidence, ...] = ()


# ---------------------------------------------------------------- assess


class SignalKind(StrEnum):
    """What a card, alone or with its history, says about itself, or a source about it."""

    MISSING = "missing"  # organisation or title is not on the card
    FOREIGN_DOMAIN = "foreign-domain"  # the work e-mail does not belong to the organisation
    HALF_UPDATED = "half-updated"  # the organisation changed, other work fields did not
    TWO_ORGANISATIONS = "two-organisations"  # work addresses of two organisations
    OUTSIDE = "outside"  # what a source beside the card says


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """``likelihood_ratio`` = P(seen | stale) / P(seen | right); 1 says nothing.

    ``fields`` are those in doubt, ``values`` what a question may quote, ``since`` when it began.  ``family``: those
    that may copy one another.  ``match``, in [0, 1]: P(it is about this contact) times how fresh it is.
    ``employer_ratio`` is what it says of the employer (None: the same).  ``evidence`` is what it came from, if from a
    source.
    """

    kind: SignalKind
    fields: tuple[WorkField, ...]
    likelihood_ratio: float
    reason: str
    values: tuple[str, ...] = ()
    since: datetime | None = None
    family: str = "card"
    match: float = 1.0
    employer_ratio: float | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One sentence of an explanation, the factor by which it changed the odds, and P(stale) after it.

    That is of the employer until the title is reckoned with.  ``kind`` is "age", "employer", "owner", "title" or that
    of a signal; ``source`` is where evidence is from.
    """

    sentence: str
    kind: str = ""
    source: str = ""
    factor: float | None = None  # None: the prior itself, or no effect on the odds
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """How probable it is that the employment on the card is no longer right.

    ``probability`` is P(stale) in [0, 1], of employer or title; ``prior`` the same by time alone.  ``start`` is P(the
    employer is another one) before all signals (what the owner said outdoes age), ``employer`` the same by time alone,
    ``title`` P(the title is another one though the employer is the same; 0 where the card names none).  ``last_sure``
    is the last date on which the employer was known to be right (None: never confirmed), ``age`` the time that the
    prior reckoned with.  ``history`` is what this person adds to what is learnt from all VIPs, ``gain`` how many years
    an answer is good for, as that of a card that is as doubtful by time alone, ``claims`` P(right) of each detail.
    """

    probability: float
    prior: float
    age: timedelta
    reasons: tuple[Reason, ...]
    signals: tuple[Signal, ...] = ()
    last_sure: datetime | None = None
    history: "JobHistory | None" = None
    gain: float = 1.0
    start: float = 0.0
    employer: float = 0.0
    title: float = 0.0
    claims: Mapping[WorkField, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHistory:
    """Changes of employer that we saw, and how many the tables expect in the time for which we know."""

    changes: float
    expected: float


class QuestionKind(StrEnum):
    """The templates; each has its text, and its words, in every language."""

    STILL = "still"
    SEEN = "seen"  # the same, for what a source saw: it may come though the other was asked lately
    HALF_UPDATED = "half-updated"
    MISSING = "missing"
    FOLLOW_UP = "follow-up"
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What we would ask about one VIP: ``fields`` are named in it, ``slots`` fill its template.

    ``probability`` is what was said of the work details being stale (None: nothing).
    """

    kind: QuestionKind
    fields: tuple[WorkField, ...]
    slots: Mapping[str, str]
    score: float  # weight x P(stale) x gain; ranks the contacts
    reason: str
    probability: float | None = None


# ---------------------------------------------------------------- words


def uid_key(uid: str) -> str:
    """The form in which UIDs compare: without ``urn:uuid:`` and case, nor an ``:ABPerson`` tail."""
    key = uid.strip().casefold()
    return key.removeprefix("urn:uuid:").removesuffix(":abperson")
