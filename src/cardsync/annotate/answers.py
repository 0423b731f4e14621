"""Answer words: what one typed line means.  Every language's words are always understood."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from cardsync.annotate.normal import plain
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
    QuestionKind.SEEN: frozenset(AnswerKind),
    QuestionKind.HALF_UPDATED: frozenset(AnswerKind) - {AnswerKind.LEFT},
    QuestionKind.MISSING: frozenset({AnswerKind.LATER, AnswerKind.NEVER, AnswerKind.RETIRED}),
    QuestionKind.FOLLOW_UP: frozenset({AnswerKind.LATER, AnswerKind.NEVER, AnswerKind.RETIRED}),
    QuestionKind.BOUNCED: frozenset(AnswerKind) - {AnswerKind.OK},
}
"""The words that each question offers; another word is no answer to it."""

_WORDS = {
    AnswerKind.OK: (
        "ok|okay|o.k|still|still there|still right|yes|yes it is|yep|yup|correct|right|true|confirmed|unchanged"
        "|✓|✔|✅|☑|👍|👌"
        "|ja|noch|stimmt|stimmt noch|passt|passt noch|richtig|korrekt|immer noch|noch da|unverändert"
        "|oui|toujours|toujours là|c'est bon|correcte|exact|d'accord|inchangé"
        "|si|sí|sigue|sigue igual|correcto|todavía|aún|vale|confirmado"
        "|sim|ainda|certo|correto|continua|confirmo"
    ),
    AnswerKind.LEFT: (
        "left|moved|moved on|gone|has left|no|no longer|not any more|not anymore"
        "|weg|gewechselt|ausgeschieden|nicht mehr|nein"
        "|parti|partie|plus là|non"
        "|se fue|se ha ido|ya no|salió"
        "|saiu|mudou|não mais|já não|não"
    ),
    AnswerKind.LATER: (
        "later|snooze|not now|später|spaeter|nicht jetzt|plus tard|pas maintenant"
        "|más tarde|mas tarde|luego|ahora no|mais tarde|depois|agora não"
    ),
    AnswerKind.NEVER: "never|skip|nie|niemals|überspringen|jamais|nunca|nunca más|omitir|ignorer|ignorar|pular",
    AnswerKind.RETIRED: (
        "retired|pensioniert|in pension|in rente|rente|im ruhestand|ruhestand"
        "|retraité|retraitée|à la retraite|en retraite|retraite"
        "|jubilado|jubilada|aposentado|aposentada|reformado|reformada"
    ),
}
_UNITS = {
    1: "d|day|days|tag|tage|tagen|t|jour|jours|j|día|días|dia|dias",
    7: "w|week|weeks|wk|wks|woche|wochen|semaine|semaines|sem|semana|semanas",
    30: "m|month|months|mo|mon|monat|monate|monaten|mois|mes|meses|mês",
    365: "y|year|years|jahr|jahre|jahren|an|ans|année|années|a|año|años|ano|anos",
}
_NUMBERS = {
    1: "a|an|one|ein|eine|einem|einen|einer|un|une|una|uno|um|uma",
    2: "two|zwei|deux|dos|dois|duas",
    3: "three|drei|trois|tres|três",
    4: "four|vier|quatre|cuatro|quatro",
    5: "five|fünf|fuenf|cinq|cinco",
    6: "six|sechs|seis",
    7: "seven|sieben|sept|siete|sete",
    8: "eight|acht|huit|ocho|oito",
    9: "nine|neun|neuf|nueve|nove",
    10: "ten|zehn|dix|diez|dez",
    11: "eleven|elf|onze|once",
    12: "twelve|zwölf|zwoelf|douze|doce|doze",
}
_ASSENT = "ok|okay|yes|yep|yup|ja|oui|sí|sim"
"""What may open a longer yes: ``yes, still there``, ``ok ok``.  A ``si`` without its accent may be an *if*."""
_SO = (
    "she is|he is|they are|it is|she still is|he still is|they still are|still is|it still is"
    "|that's right|that is right"
    "|ist sie|ist er|sie ist es|er ist es|noch immer|ist noch da|ist noch so|so ist es|das stimmt|das passt"
    "|c'est ça|c'est exact|elle y est|il y est|elle y est toujours|il y est toujours"
    "|sigue ahí|sigue allí|sigue allá|así es|es correcto"
    "|continua lá|ainda está lá|está certo|é isso"
)
"""What says yes behind such a word only."""
_LONGEST = timedelta(days=5 * 365)
_LINE_BOUND = 60  # characters; longer lines are never one answer word
AROUND = " .!,:/\"'-*()"  # may stand about an answer; a "?" makes it none
_GLAD = frozenset("✓✔✅☑👍👌🙂😀😃😄😁😊☺😉🙏👏🎉💯❤♥✨")  # may go with an ok; other pictures may doubt it
_KINDS = {plain(word): kind for kind, words in _WORDS.items() for word in words.split("|")}
_OPEN = frozenset(map(plain, _ASSENT.split("|")))
_YES = frozenset(map(plain, _SO.split("|"))) | {word for word, kind in _KINDS.items() if kind is AnswerKind.OK}
_DAYS = {plain(word): days for days, words in _UNITS.items() for word in words.split("|")}
_COUNTS = {plain(word): count for count, words in _NUMBERS.items() for word in words.split("|")}
_DELAYED = re.compile(
    r"(?P<word>[^\d]+?)[,.:]? ?(?:\b(?:in|for|um|en|dans|de|em|por|dentro de|daqui a) )?"
    rf"(?:(?P<digits>\d+) ?|\b(?P<number>{'|'.join(_COUNTS)}) )(?P<unit>[^\W\d]+)"
)
_ASSENTED = re.compile(r"(?P<open>[^\W\d]+)(?P<comma>[,.!])? (?P<more>.+)")


def parse_answer(line: str) -> Answer | None:
    """What a whole line says, or None where it is anything but one answer word.

    ``later`` may name a time: ``later 3m`` (months), ``snooze 2 weeks``, ``später zehn Tage``; five years at most,
    and a time of zero is the default.
    """
    if len(line) > _LINE_BOUND:
        return None
    text = plain(line).strip(AROUND)
    if (kind := _KINDS.get(text)) is not None:
        return Answer(kind=kind)
    pictures = {c for c in text if unicodedata.category(c) in {"So", "Sk"}}
    words = " ".join("".join(" " if c in pictures else c for c in text).split()).strip(AROUND)
    meant = _meant(words) if words else _meant(min(_shapes(pictures), default=""))
    if meant is None or (meant.kind is AnswerKind.OK and not _shapes(pictures) <= _GLAD):
        return None
    return meant


def _shapes(pictures: set[str]) -> set[str]:
    """Pictures without the colours of skin."""
    return {c for c in pictures if not "\U0001f3fb" <= c <= "\U0001f3ff"}


def _meant(text: str) -> Answer | None:
    if (kind := _KINDS.get(text)) is not None:
        return Answer(kind=kind)
    if _says_yes(text):
        return Answer(kind=AnswerKind.OK)
    delayed = _DELAYED.fullmatch(text)
    if delayed is None or _KINDS.get(delayed["word"].strip()) is not AnswerKind.LATER:
        return None
    days = _DAYS.get(delayed["unit"])
    if days is None:
        return None
    count = min(int(delayed["digits"]), _LONGEST.days) if delayed["digits"] else _COUNTS[delayed["number"]]
    return Answer(kind=AnswerKind.LATER, delay=min(timedelta(days=days * count), _LONGEST) or None)


def _says_yes(text: str) -> bool:
    """As it is said aloud: a yes, and another one behind it."""
    if text == "o. k":  # as it is dictated
        return True
    said = _ASSENTED.fullmatch(text)
    if said is None or said["more"] not in _YES:
        return False
    return said["open"] in _OPEN or (said["open"] == "si" and said["comma"] is not None)
