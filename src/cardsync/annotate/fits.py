"""Whether a block that was found on a card asks about that card, and about which of its fields.  Pure."""

from itertools import islice, product

from cardsync.annotate.normal import plain
from cardsync.annotate.recognise import Recognised
from cardsync.annotate.render import one_line
from cardsync.annotate.texts import AND, FIELD_WORDS
from cardsync.model import Contact, QuestionKind, WorkField

_MANY = 50  # pairs of an organisation and a title that a card may name


def fields_of(found: Recognised, contact: Contact) -> tuple[WorkField, ...]:
    """The fields of the card that an ``ok`` to the block confirms; none, where it names other values than the card.

    Such a block was pasted from another card, or the card was edited since: an ``ok`` to it says nothing of this one.
    """
    if found.kind in {QuestionKind.STILL, QuestionKind.SEEN}:
        named = _named(found, contact)
        return named + _domain(found, contact) if named else ()
    if found.kind is QuestionKind.HALF_UPDATED:
        return _listed(found) if _named(found, contact) else ()
    return (WorkField.ORGANISATION,)  # no ok is an answer to it


def _named(found: Recognised, contact: Contact) -> tuple[WorkField, ...]:
    """The fields whose values the question gives, if they are the card's."""
    slots = [slot for slot in _WHICH if slot in found.template.slots]
    values = [[(which, value) for which in _WHICH[slot] for value in contact.work.get(which, ())] for slot in slots]
    for pairs in islice(product(*values), _MANY):
        shown: dict[str, str] = {slot: one_line(value) for slot, (_, value) in zip(slots, pairs, strict=True)}
        less = {slot: value.rstrip(".") for slot, value in shown.items()}  # a full stop may join the sentence's own
        if any(found.template.says(found.question, known) for known in (shown, less)):
            return tuple(which for which, _ in pairs)
    return ()


_WHICH = {"title": (WorkField.TITLE, WorkField.ROLE), "organisation": (WorkField.ORGANISATION,)}


def _domain(found: Recognised, contact: Contact) -> tuple[WorkField, ...]:
    domain = found.template.values(found.question).get("domain")
    mails = map(plain, contact.work.get(WorkField.EMAIL, ()))
    return (WorkField.EMAIL,) if domain and any(mail.endswith(domain) for mail in mails) else ()


def _listed(found: Recognised) -> tuple[WorkField, ...]:
    """The fields that a half-updated card's question lists."""
    language = found.template.language
    listed = found.template.values(found.question).get("fields", "")
    words = {part.strip() for part in listed.replace(f" {AND[language]} ", ", ").split(",")}
    return tuple(which for which, word in FIELD_WORDS[language].items() if plain(word) in words)
