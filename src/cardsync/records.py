"""What the mirror remembers, as it hands it out.  All frozen; times are aware UTC datetimes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cardsync.model import QuestionKind, WorkField
from cardsync.policy import Position
from cardsync.resources import AddressBook, opaque


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """An address book that the mirror knows.

    ``marker`` is the sync token or ctag of what the mirror holds; ``listed_at`` the last comparison of
    all ETags; ``exported_at`` the export that precedes the first write; ``exact`` whether the server was
    seen to store bytes as sent (None: not seen yet).
    """

    id: int
    found: AddressBook
    marker: str | None = None
    listed_at: datetime | None = None
    exported_at: datetime | None = None
    exact: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the mirror knows of one address object, without its bytes."""

    href: str
    etag: str | None
    uid_key: str

    def gave_way_to(self, etag: str | None) -> bool:
        """Whether it was another version; without both ETags nobody can tell."""
        if self.etag is None or etag is None:
            return False
        moved = self.etag.startswith(ELSEWHERE)  # another proxy may mark it
        return opaque(self.etag.removeprefix(ELSEWHERE)) != opaque(etag) if moved else self.etag != etag


ELSEWHERE = "elsewhere "
"""Before the ETag of an object whose book is at another origin now: it is fetched, and compared with that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An address object as the pull read it; ``data`` is None where its bytes are not kept."""

    href: str
    etag: str | None
    uid_key: str
    is_group: bool
    categories: tuple[str, ...]
    data: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VipCard:
    """A VIP's address object as mirrored: ``data`` as it was last served (line ends may be LF)."""

    contact_id: int
    book_id: int
    uid_key: str
    name: str
    href: str
    etag: str | None
    data: bytes
    groups: tuple[str, ...]


class Pause(StrEnum):
    """Why a contact is not asked about until ``cardsync resume``."""

    NEVER = "never"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a contact stands with us: pauses, and when it may be asked about again.

    ``not_before`` binds every question (dismissed, later); ``left_at`` is when the owner said that the
    person left; ``ended`` is when the last question of each kind ended.
    """

    pause: Pause | None = None
    not_before: datetime | None = None
    dismissals: int = 0
    left_at: datetime | None = None
    ended: Mapping[QuestionKind, datetime] = field(default_factory=dict)

    def holds(self, now: datetime) -> bool:
        """Whether anything here may keep a question away, now or after the next dismissal."""
        waits = self.not_before is not None and now < self.not_before
        return bool(self.pause or waits or self.dismissals or self.ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The question that an assessment found worth asking (kind None: none), and its rank among the others."""

    kind: QuestionKind | None
    score: float


class Ending(StrEnum):
    """How a question ended."""

    EDITED = "edited"  # the user edited a work field
    CONFIRMED = "confirmed"  # ok
    LEFT = "left"
    SNOOZED = "later"
    NEVER = "never"
    RETIRED = "retired"
    DISMISSED = "dismissed"  # the block was deleted
    NOTED = "noted"  # free text in the block
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # the contact left the group, `notes remove`, or another block of ours stood there
    SETTLED = "settled"  # a source saw the address in use: nothing is left to ask


SEEN_IN_USE = "seen in use"
"""The line of the history that says that a source validated a detail."""

ANSWER = "answer: "
"""How a line of the history begins that says how a question ended."""

UNSAID = frozenset({Ending.EXPIRED, Ending.WITHDRAWN, Ending.SETTLED})
"""The clock and the lists ended the question, not the owner: what is typed in its block answers all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A block that we wrote, beside the owner's text of then; ``standing``: it is, to our knowledge, on the card."""

    block: str
    user_text: str
    position: Position
    standing: bool = False

    def is_in(self, note: str) -> bool:
        """Whether it stands there to the letter, and is not the owner's."""
        return note.count(self.block) > self.user_text.count(self.block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that was written, or is about to be.

    ``block`` and ``user_text`` are the two parts of the note as we wrote it, on the card at ``href`` ('' if that
    is not known), ``beside`` the texts of its other notes.  ``standing``: the block is (to our knowledge) on the card,
    also after the question ended and until it is taken out.
    """

    id: int
    contact_id: int
    href: str
    kind: QuestionKind
    fields: tuple[WorkField, ...]
    slots: Mapping[str, str]
    block: str
    user_text: str
    position: Position
    asked_at: datetime
    beside: tuple[str, ...] = ()
    ending: Ending | None = None
    ended_at: datetime | None = None
    standing: bool = True
    adopted: bool = False

    def is_in(self, note: str) -> bool:
        """Whether it stands there to the letter, and is not the owner's."""
        return note.count(self.block) > self.user_text.count(self.block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A journalled write: what stood there, what we send, and which questions it opens and closes.

    ``put_etag``: of one that an earlier attempt left open, the ETag under which its PUT was said to be stored;
    ``damaged``: what the server was seen to have made of it.
    """

    id: int
    book_id: int
    href: str
    contact_id: int | None
    etag: str
    before: bytes
    after: bytes
    opens: int | None = None
    removes: int | None = None
    put_etag: str | None = None
    damaged: bytes | None = None

    @property
    def restores(self) -> bool:
        """A contact's card as it was: it came for no question, and may have brought one back."""
        return self.contact_id is not None and self.opens is None and self.removes is None


class ProblemKind(StrEnum):
    """What keeps a card, a book or an account from going on."""

    QUARANTINED = "quarantined"  # a card that cannot be read
    PARKED = "parked"  # a card that is not written
    MASS_CHANGE = "mass-change"  # guard: too much changed at once
    VIP_LOSS = "vip-loss"  # guard: the VIP group shrank or vanished
    WRITING_STOPPED = "writing-stopped"  # the server damaged a card
    LISTING = "listing"  # a listing that was not believed
    STRAY = "stray-question"  # a block of ours on a card that is in no list
    LOGIN = "login"  # refused; not tried again until the config changes


GUARDS = (ProblemKind.VIP_LOSS, ProblemKind.MASS_CHANGE, ProblemKind.WRITING_STOPPED)
"""Those that hold a whole address book until ``cardsync release``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that needs the owner, or that explains why nothing happens; ``href`` '' is the whole book."""

    kind: ProblemKind
    account: str
    reason: str
    detail: str
    since: datetime
    book_id: int | None = None
    href: str = ""
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a dry run would have written."""

    book_id: int
    href: str
    before: bytes
    after: bytes
    why: str


CONFIG_REFUSED = "config refused"
"""The fact that the daemon goes on by an older config, and since when."""
