"""Question -> the two lines that the phone shows."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

from cardsync.annotate.texts import AND, FIELD_WORDS, HINTS, MONTHS, REMARKS, TEMPLATES
from cardsync.model import Question, QuestionKind, WorkField
from cardsync.policy import ReminderPolicy

VALUE_BOUND = 80  # characters of a card's value that enter a question

UNKNOWN = "…"  # where a slot has no value

_SLOT = re.compile(r"(\{[a-z_]+\})")
_BLANK = frozenset({"Cc", "Zl", "Zp", "Zs"})
_NONE = frozenset({"Cf", "Cs", "Co", "Cn"})
_SEMICOLONS = str.maketrans({";": ",", "\u037e": ","})  # iOS cuts a note there; U+037E is the same to Unicode


def one_line(value: str) -> str:
    """A card's value made harmless: one line, no ``;``, no control or format characters, 80 characters."""
    line = _clean(value)
    return line if len(line) <= VALUE_BOUND else line[: VALUE_BOUND - 1].rstrip() + "…"


def render(question: Question, policy: ReminderPolicy, today: date) -> str:
    """The block for a question: label and question on the first line, what to type on the second."""
    texts = {**TEMPLATES[policy.language], **policy.texts}
    slots = _slots(question, policy.language, today)
    sentences = [_fill(texts[name], slots) for name in _templates(question, slots)]
    return f"{_clean(policy.label)}: {_clean(' '.join(sentences))}\n{_clean(_fill(texts[HINTS[question.kind]], slots))}"


def _clean(text: str) -> str:
    spaced = (" " if unicodedata.category(c) in _BLANK else c for c in text)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in _NONE)
    words = " ".join(kept.translate(_SEMICOLONS).split())
    while words and unicodedata.category(words[0])[0] == "M":  # it would join the character before it
        words = words[1:].lstrip()
    return words


def _templates(question: Question, slots: Mapping[str, str]) -> list[str]:
    match question.kind:
        case QuestionKind.STILL | QuestionKind.SEEN:
            return [_still(slots), *_remarks(question.slots)]
        case QuestionKind.HALF_UPDATED:
            return ["half_updated_one" if len(question.fields) == 1 else "half_updated_many"]
        case QuestionKind.MISSING:
            return ["missing"]
        case QuestionKind.FOLLOW_UP:
            return ["follow_up_from" if slots["organisation"] else "follow_up"]
        case QuestionKind.BOUNCED:
            return ["bounced"]


def _still(slots: Mapping[str, str]) -> str:
    if slots["title"] and slots["organisation"]:
        return "still"
    return "still_at" if slots["organisation"] else "still_as"


def _remarks(raw: Mapping[str, str]) -> list[str]:
    """At most one remark in brackets: what a source saw, else the address, else the date."""
    seen = raw.get("remark", "")
    return [seen] if seen in REMARKS else next(([name] for name in REMARKS if raw.get(name)), [])


def _slots(question: Question, language: str, today: date) -> dict[str, str]:
    raw = question.slots
    dated = next((raw[name] for name in ("since", "last_sure", "unchanged_since") if raw.get(name)), "")
    values = {
        "title": raw.get("title", ""),
        "organisation": raw.get("organisation", ""),
        "old_organisation": raw.get("old_organisation", ""),
        "domain": raw.get("domain", ""),
        "name": raw.get("given_name", ""),
        "address": raw.get("address", ""),
        "source": raw.get("source", ""),
        "value": raw.get("value", ""),
    }
    happened = raw.get("happened_at", "")
    return {
        **{name: one_line(value) for name, value in values.items()},
        "month": _month(date.fromisoformat(dated[:10]), language, today) if dated else "",
        "day": _day(date.fromisoformat(happened[:10]), language, today) if happened else "",
        "fields": _listed(question.fields, language),
    }


def _month(day: date, language: str, today: date) -> str:
    name = MONTHS[language][day.month - 1]
    return name if day.year == today.year else f"{name} {day.year}"


def _day(day: date, language: str, today: date) -> str:
    """``3 May``, with its year unless that is this one."""
    month = _month(day, language, today)
    return f"{day.day}. {month}" if language == "de" else f"{day.day} {month}"


def _listed(fields: tuple[WorkField, ...], language: str) -> str:
    words = [FIELD_WORDS[language][which] for which in fields]
    return f" {AND[language]} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _fill(template: str, slots: Mapping[str, str]) -> str:
    """A template with its slots filled in one pass: a value may look like a slot, a config's text hold anything."""
    filled = ""
    for part in _SLOT.split(template):
        name = part[1:-1]
        if part[:1] != "{" or name not in slots:
            filled += part[1:] if filled.endswith(".") and part.startswith(".") else part
        elif name == "fields" and (not filled or filled.endswith(". ")):
            filled += slots[name][:1].upper() + slots[name][1:]
        else:
            filled += slots[name] if slots[name].strip(".") else UNKNOWN  # a dot would join the sentence's own
    return filled
