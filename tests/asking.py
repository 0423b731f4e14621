"""A note with a question in it, and what one reading makes of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cardsync.annotate.read import read
from cardsync.annotate.removal import without
from cardsync.model import QuestionKind, WorkField
from cardsync.policy import Position
from cardsync.records import Asked, Ending

TOP, BOTTOM = Position.TOP, Position.BOTTOM
QUESTION = "VIPcheck: still VP Sales at Acme? (last sure Mar 2024)"
HINT = "Type: ok / left / later / never"
BLOCK = f"{QUESTION}\n{HINT}"
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def compose(block: str, user_text: str, position: Position) -> str:
    """The note that shows ``block`` beside the user's text."""
    if not user_text:
        return block
    return block + "\n\n" + user_text if position is Position.TOP else user_text + "\n\n" + block


def asked(
    user_text: str = "",
    position: Position = TOP,
    *,
    kind: QuestionKind = QuestionKind.STILL,
    block: str = BLOCK,
) -> Asked:
    return Asked(
        id=1,
        contact_id=1,
        href="/jo.vcf",
        kind=kind,
        fields=(WorkField.ORGANISATION,),
        slots={},
        block=block,
        user_text=user_text,
        position=position,
        asked_at=NOW - timedelta(days=1),
    )


@dataclass(frozen=True, kw_only=True)
class Read:
    """``left``: the note once the block is out."""

    ending: Ending | None
    left: str
    standing: bool
    delay: timedelta | None
    suggestion: str


def reading(note: str, question: Asked, edited: frozenset[WorkField] = frozenset()) -> Read:
    found = read(question, note, edited)
    return Read(
        ending=found.ending,
        left=without(note, found.cut),
        standing=found.standing,
        delay=found.delay,
        suggestion=found.suggestion,
    )
