"""Which NOTE of a card a question stands in: another client may have put its own before it, or joined them.  Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from cardsync.annotate.block import Found, find
from cardsync.annotate.normal import letters, plain
from cardsync.records import Asked
from cardsync.vcard.document import scan
from cardsync.vcard.note import note_texts

_MANY = 8  # letters, which no owner types in our order by chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The ``nth`` NOTE of a card, '' where it has none; ``asked`` is the question beside all of it that is the owner's.

    ``others`` are the texts of the other notes.
    """

    text: str
    asked: Asked
    nth: int = 0
    others: tuple[str, ...] = ()

    @property
    def found(self) -> Found | None:
        """What stands of the question there; None: nothing."""
        return find(self.text, self.asked.block, self.asked.user_text, self.asked.position)

    @property
    def to_the_letter(self) -> bool:
        """Whether all of it stands there as we wrote it."""
        return self.asked.is_in(self.text)

    @property
    def asks(self) -> bool:
        """Whether its first line stands there as we wrote it, and is not the owner's."""
        line = self.asked.block.split("\n")[0]
        return self.text.count(line) > self.asked.user_text.count(line)

    @property
    def likely(self) -> bool:
        """Whether a line of it is there, or more than a word behind its label, that the owner's text has not."""
        block, users = self.asked.block, self.asked.user_text
        known, own = ({letters(line) for line in text.splitlines()} for text in (block, users))
        label, found = letters(block.partition(":")[0]) + ":", self.found
        there = {letters("".join(self.text[a:b] for a, b in line)) for line in found.ours} if found else set()
        return any(line in known or len(line.removeprefix(label)) >= _MANY for line in there - own)


def note_with(asked: Asked, data: bytes) -> Note:
    """The NOTE that holds the question, the first one if none does.  Raises CardRefused for what is no card.

    In one that stood there before we asked, or that may be such a one, edited, nothing but the whole question is ours.
    """
    texts = note_texts(scan(data))
    nth = _which(asked, texts) if len(texts) > 1 else 0
    text, others = (texts[nth], (*texts[:nth], *texts[nth + 1 :])) if texts else ("", ())
    there = frozenset(others)
    gone = [old for old in asked.beside if old not in there]
    return Note(text=text, asked=_joined(asked, text, gone), nth=nth, others=others)


def _which(asked: Asked, texts: Sequence[str]) -> int:
    beside = frozenset(asked.beside)
    most = max(text.count(asked.block) for text in (asked.user_text, *beside))
    label = plain(asked.block.partition(":")[0])
    loosely = not any(label in plain(old) for old in beside)
    for nth, text in enumerate(texts):
        if text.count(asked.block) > most:
            return nth
    return next((nth for nth, text in enumerate(texts) if loosely and _stands(asked, text, beside)), 0)


def _stands(asked: Asked, text: str, beside: Collection[str]) -> bool:
    if text in beside:
        return False
    found = find(text, asked.block, asked.user_text, asked.position)
    return found is not None and found.whole


def _joined(asked: Asked, note: str, gone: Sequence[str]) -> Asked:
    """Notes that are ``gone`` may have been joined with this one: then their texts are the owner's from before."""
    if not gone:
        return asked
    users, rest = asked.user_text, note.replace(asked.block, "", 1)
    own = {letters(line) for line in users.splitlines()} | {""}
    there = {letters(line) for line in rest.splitlines()} - own
    for text in filter(str.strip, gone):
        at = rest.rfind(text.strip())
        if at >= 0 or there & {letters(line) for line in text.splitlines()}:
            first = 0 <= at < rest.find(asked.user_text.strip())
            users = "\n".join(filter(None, (text, users) if first else (users, text)))
    return asked if users == asked.user_text else replace(asked, user_text=users)
