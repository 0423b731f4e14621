"""Answer words: what one typed line means.  Every language's words are always understood."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from cardsync.model import QuestionKind


class AnswerKind(StrEnum):
    """What the owner can say with one word."""

    OK = "ok"
    LEFT = "left"
    LATER = "later"
    NEVER = "never"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One understood answer; ``delay`` only with LATER, None meaning the default."""

    kind: AnswerKind
    delay: timedelta | None = None


OFFERED = {
    QuestionKind.STILL: frozenset(AnswerKind),
    QuestionKind.HALF_UPDATED: frozenset(AnswerKind) - {AnswerKind.LEFT},
    QuestionKind.MISSING: frozenset({AnswerKind.LATER, AnswerKind.NEVER, AnswerKind.RETIRED}),
    QuestionKind.FOLLOW_UP: frozenset({AnswerKind.LATER, AnswerKind.NEVER, AnswerKind.RETIRED}),
}
"""The words that each question offers; another word is no answer to it."""

_WORDS = {
    AnswerKind.OK: (
        "ok|okay|o.k|still|still there|still right|yes|yes it is|yep|yup|correct|right|true|confirmed|unchanged|✓|✔|✅|☑|👍|👌"
        "|ja|noch|stimmt|passt|richtig|korrekt|immer noch|noch da"
        "|oui|toujours|c'est bon|correcte|exact|d'accord"
        "|si|sí|sigue|sigue igual|correcto|todavía|vale"
        "|sim|ainda|certo|correto|continua"
    ),
    AnswerKind.LEFT: (
        "left|moved|moved on|gone|has left|no|no longer|not any more|not anymore"
        "|weg|gewechselt|ausgeschieden|nicht mehr|nein"
        "|parti|partie|plus là|non"
        "|se fue|se ha ido|ya no|salió"
        "|saiu|mudou|não mais|já não|não"
    ),
    AnswerKind.LATER: "later|snooze|not now|später|spaeter|nicht jetzt|plus tard|más tarde|mas tarde|luego|mais tarde|depois",
    AnswerKind.NEVER: "never|skip|nie|niemals|überspringen|jamais|nunca|nunca más|omitir|ignorar|pular",
    AnswerKind.RETIRED: (
        "retired|pensioniert|in rente|rente|im ruhestand|ruhestand|retraité|retraitée|à la retraite|retraite"
        "|jubilado|jubilada|aposentado|aposentada|reformado|reformada"
    ),
}
_UNITS = {
    1: "d|day|days|tag|tage|tagen|t|jour|jours|j|día|días|dia|dias",
    7: "w|week|weeks|woche|wochen|semaine|semaines|sem|semana|semanas",
    30: "m|month|months|mo|monat|monate|monaten|mois|mes|meses|mês",
    365: "y|year|years|jahr|jahre|jahren|an|ans|année|années|a|año|años|ano|anos",
}
_LONGEST = timedelta(days=5 * 365)
_LINE_BOUND = 60  # characters; longer lines are never one answer word


def plain(text: str) -> str:
    """The form in which typed text compares: one space, straight quotes, no case, NFKC."""
    text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY)
    return " ".join(text.split()).casefold()


_TYPOGRAPHY = {
    **dict.fromkeys(map(ord, "‘’‚‛′´`"), "'"),
    **dict.fromkeys(map(ord, "“”„‟″«»"), '"'),
    **dict.fromkeys(map(ord, "‐‑‒–—−"), "-"),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f\u00ad"), None),
}
_KINDS = {plain(word): kind for kind, words in _WORDS.items() for word in words.split("|")}
_DAYS = {plain(word): days for days, words in _UNITS.items() for word in words.split("|")}
_DELAYED = re.compile(r"(?P<word>[^\d]+?) (?:(?:in|for|um|en|dans|de) )?(?P<count>\d{1,4}) ?(?P<unit>[^\W\d]+)")


def parse_answer(line: str) -> Answer | None:
    """What a whole line says, or None where it is anything but one answer word.

    ``later`` may name a time: ``later 3m`` (months), ``snooze 2 weeks``, ``später 10 Tage``.
    """
    if len(line) > _LINE_BOUND:
        return None
    text = plain(line).strip(" .!,\"'")
    kind = _KINDS.get(text)
    if kind is not None:
        return Answer(kind=kind)
    delayed = _DELAYED.fullmatch(text)
    if delayed is None or _KINDS.get(delayed["word"]) is not AnswerKind.LATER:
        return None
    days = _DAYS.get(delayed["unit"])
    count = int(delayed["count"])
    if days is None or count == 0:
        return None
    return Answer(kind=AnswerKind.LATER, delay=min(timedelta(days=days * count), _LONGEST))
