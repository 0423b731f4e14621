"""Question -> the two lines that the phone shows."""

import unicodedata
from collections.abc import Mapping
from datetime import date

from cardsync.annotate.texts import AND, FIELD_WORDS, MONTHS, TEMPLATES
from cardsync.model import Question, QuestionKind, ReminderPolicy, WorkField

VALUE_BOUND = 80  # characters of a card's value that enter a question

_HINTS = {
    QuestionKind.STILL: "hint_still",
    QuestionKind.HALF_UPDATED: "hint_half_updated",
    QuestionKind.MISSING: "hint_missing",
    QuestionKind.FOLLOW_UP: "hint_follow_up",
}


def one_line(value: str) -> str:
    """A card's value made harmless: one line, no ``;``, no control or format characters, 80 characters."""
    spaced = "".join(" " if unicodedata.category(c) in {"Zl", "Zp", "Zs"} or c in "\t\r\n" else c for c in value)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    line = " ".join(kept.replace(";", ",").split())
    return line if len(line) <= VALUE_BOUND else line[: VALUE_BOUND - 1].rstrip() + "…"


def render(question: Question, policy: ReminderPolicy, today: date) -> str:
    """The block for a question: label and question on the first line, what to type on the second."""
    texts = {**TEMPLATES[policy.language], **policy.texts}
    slots = _slots(question, policy.language, today)
    sentences = [_fill(texts[name], slots) for name in _templates(question, slots)]
    return f"{policy.label}: {' '.join(sentences)}\n{_fill(texts[_HINTS[question.kind]], slots)}"


def _templates(question: Question, slots: Mapping[str, str]) -> list[str]:
    match question.kind:
        case QuestionKind.STILL:
            return [_still(slots), *_remarks(question.slots)]
        case QuestionKind.HALF_UPDATED:
            return ["half_updated_one" if len(question.fields) == 1 else "half_updated_many"]
        case QuestionKind.MISSING:
            return ["missing"]
        case QuestionKind.FOLLOW_UP:
            return ["follow_up_from" if slots["organisation"] else "follow_up"]


def _still(slots: Mapping[str, str]) -> str:
    if slots["title"] and slots["organisation"]:
        return "still"
    return "still_at" if slots["organisation"] else "still_as"


def _remarks(raw: Mapping[str, str]) -> list[str]:
    """At most one remark in brackets: the address is more telling than the date."""
    return next(([name] for name in ("domain", "last_sure", "unchanged_since") if raw.get(name)), [])


def _slots(question: Question, language: str, today: date) -> dict[str, str]:
    raw = question.slots
    dated = next((raw[name] for name in ("since", "last_sure", "unchanged_since") if raw.get(name)), "")
    values = {
        "title": raw.get("title", ""),
        "organisation": raw.get("organisation", ""),
        "old_organisation": raw.get("old_organisation", ""),
        "domain": raw.get("domain", ""),
        "name": raw.get("given_name", ""),
    }
    return {
        **{name: one_line(value) for name, value in values.items()},
        "month": _month(date.fromisoformat(dated[:10]), language, today) if dated else "",
        "fields": _listed(question.fields, language),
    }


def _month(day: date, language: str, today: date) -> str:
    name = MONTHS[language][day.month - 1]
    return name if day.year == today.year else f"{name} {day.year}"


def _listed(fields: tuple[WorkField, ...], language: str) -> str:
    words = [FIELD_WORDS[language][which] for which in fields]
    return f" {AND[language]} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _fill(template: str, slots: Mapping[str, str]) -> str:
    """``str.replace`` and not ``str.format``: a value may hold braces, a config's template anything."""
    head, brace, tail = template.partition("{fields}")
    fields = slots["fields"]
    if brace and (not head or head.endswith(". ")):
        fields = fields[:1].upper() + fields[1:]
    return _named(head, slots) + (fields if brace else "") + _named(tail, slots)


def _named(template: str, slots: Mapping[str, str]) -> str:
    """Slots filled in one pass, so that a value which looks like a slot stays what it is."""
    parts = template.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, closing, rest = part.partition("}")
        filled.append(slots[name] + rest if closing and name in slots else "{" + part)
    return "".join(filled)
