"""Whether two names mean the same organisation.  In doubt the verdict is *unknown*, never *different*.

Plain string scores mislead: Deutsche Bank and Deutsche Bahn are 92 % alike, IBM and its full name 12 %.  So words
are compared, not letters, once everything that only decorates a name is off.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache, lru_cache, wraps
from itertools import islice
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from cardsync.assess.words import COUNTRIES, JOINING_WORDS, NO_EMPLOYER
from cardsync.stream_safe import normalized

Aliases = Collection[Collection[str]]
"""``[organisations] aliases``: each a set of names that the owner says mean one organisation."""


class Verdict(StrEnum):
    """What a comparison found; only ``DIFFERENT`` ever counts against a card."""

    SAME = "same"
    RELATED = "related"  # one is a part of the other, as far as names tell
    RENAMED = "renamed"  # a former name, from a registry
    DIFFERENT = "different"
    UNKNOWN = "unknown"


CERTAIN = frozenset({Verdict.SAME, Verdict.RENAMED, Verdict.RELATED})
"""The verdicts that say "no contradiction"."""

_WORD, _LETTERS = re.compile(r"[a-z0-9]+"), re.compile(r"[a-z]+")
_BETWEEN = re.compile(r"\s*[/|,()]\s*|\s+at\s+")
_INNER = re.compile(r"(?<=\w)['\u2019.](?=\w)")  # O'Reilly, U.S.
_USUAL = 500  # characters of a name whose words are kept in mind
_LONGEST = 200  # characters of a name, and ...
_MOST_PARTS = 8  # ... names in one: comparing takes time by the square of either
_SURE, _DOUBTFUL = 0.88, 0.74  # similarity of two words that differ by a slip: 1 letter of 9; 1 letter of 4


P = ParamSpec("P")
Result = TypeVar("Result")


def remembered(function: Callable[Concatenate[str, P], Result]) -> Callable[Concatenate[str, P], Result]:
    """Its results for names that are no longer than names are: those of a hostile book would fill the memory."""
    cached: Any = lru_cache(maxsize=8192)(function)

    def call(name: str, /, *more: P.args, **options: P.kwargs) -> Result:
        found: Result = (cached if len(name) <= _USUAL else function)(name, *more, **options)
        return found

    return wraps(function)(call)


def compare(a: str, b: str, aliases: Aliases = ()) -> Verdict:
    """The verdict on two names of organisations, as people type them."""
    if _one_group(a, b, aliases):
        return Verdict.SAME
    left, right = spellings(a), spellings(b)
    if not left or not right or no_employer(a) or no_employer(b):
        equal = normalized("NFKC", a).casefold().strip() == normalized("NFKC", b).casefold().strip()
        return Verdict.SAME if equal and a.strip() else Verdict.UNKNOWN
    verdicts = {_compare_words(x, y) for x in left for y in right}
    for verdict in (Verdict.SAME, Verdict.RELATED, Verdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return Verdict.UNKNOWN if too_long(a) or too_long(b) else Verdict.DIFFERENT


@remembered
def spellings(name: str) -> frozenset[tuple[str, ...]]:
    """The words of a name in every way it may be meant; empty where Latin letters do not carry it.

    Lower case, accents and umlauts folded, legal forms off; the parts around ``/ | , at ( )``
    are spellings of their own.  Of a name that is ``too_long`` only the beginning counts.
    """
    if not _latin(name):
        return frozenset()
    found = set()
    for part in islice(_parts(_beginning(name)), _MOST_PARTS + 1):
        once = _without_form(part)
        bare = (_without_form(once) if once != part else once) or part  # twice: Acme Holding GmbH & Co. KG
        for spelt in folded(bare):
            found.add(tuple(_WORD.findall(spelt)))
    found.discard(())
    return frozenset(found)


def _without_form(name: str) -> str:
    """The name without its legal form: cleanco's ``basename``, which would try each form on every name."""
    from cleanco import clean  # type: ignore[import-untyped]  # has no types; 8 ms, and only some commands compare names

    name = clean.strip_tail(name)
    plain = name.lower() if name.isascii() else clean.normalized(name)
    words = set(map(clean.strip_punct, plain.split()))
    forms = sorted(form for word in words & _legal_forms().keys() for form in _legal_forms()[word])
    return str(clean.custom_basename(name, [form for _, form in forms])) if forms else " ".join(name.split())


@cache
def _legal_forms() -> Mapping[str, Sequence[tuple[int, tuple[int, list[str]]]]]:
    """The legal forms that cleanco knows, by their last word, each with its place in cleanco's order."""
    from cleanco import prepare_default_terms

    by_last: dict[str, list[tuple[int, tuple[int, list[str]]]]] = {}
    for place, form in enumerate(prepare_default_terms()):
        by_last.setdefault(form[1][-1], []).append((place, form))
    return by_last


@remembered
def too_long(name: str) -> bool:
    """Whether it holds more than a name of an organisation: what is not looked at may be what two names share."""
    if len(normalized("NFKC", name).strip()) > _LONGEST:
        return True
    return len(list(_parts(_beginning(name)))) > _MOST_PARTS + 1


def _beginning(name: str) -> str:
    """The name, or as many of its first words as fit; of one that is a single word its first letters."""
    name = normalized("NFKC", name).strip()
    if len(name) <= _LONGEST:
        return name
    return name[:_LONGEST].rsplit(None, 1)[0]


def initials(words: tuple[str, ...]) -> str:
    """The acronym that a name makes, without its joining words."""
    return "".join(word[0] for word in words if word not in JOINING_WORDS)


@remembered
def no_employer(name: str) -> bool:
    """Whether a name says that there is none: self-employed, retired ..."""
    words = _LETTERS.findall(folded(name)[0])
    return bool(words) and all(word in NO_EMPLOYER for word in words)


def synonyms(name: str, aliases: Aliases) -> frozenset[str]:
    """The name and all that the owner calls equal to it."""
    return _synonyms(name, tuple(map(tuple, aliases))) if aliases else frozenset({name})


@remembered
def _synonyms(name: str, aliases: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    index = _index(aliases)
    keys = {key for words in spellings(name) for key in _forms(words).finds}
    return frozenset({name}.union(*(group for key in keys for group in index.get(key, ()))))


@lru_cache(maxsize=8)
def _index(aliases: tuple[tuple[str, ...], ...]) -> Mapping[object, Sequence[tuple[str, ...]]]:
    """The groups of equal names by all that finds one of them."""
    index: dict[object, list[tuple[str, ...]]] = {}
    for group in aliases:
        for key in {key for name in group for words in spellings(name) for key in _forms(words).found_by}:
            index.setdefault(key, []).append(group)
    return index


def _one_group(a: str, b: str, aliases: Aliases) -> bool:
    return any(compare(other, b) is Verdict.SAME for other in synonyms(a, aliases) - {a})


def _parts(name: str) -> Iterator[str]:
    yield name
    for part in _BETWEEN.split(name):
        if sum(map(str.isalnum, part)) >= 2 and part != name:
            yield part


@remembered
def folded(name: str) -> tuple[str, ...]:
    """Without case and accents; German umlauts both ways (Müller: muller, mueller)."""
    name = normalized("NFKC", name).casefold().translate(_LIGATURES)
    name = _INNER.sub("", name)
    if name.isascii():
        return name, name
    plain = "".join(c for c in normalized("NFKD", name) if not unicodedata.combining(c))
    spelt = normalized("NFKD", name.translate(_UMLAUTS))
    return plain, "".join(c for c in spelt if not unicodedata.combining(c))


_LIGATURES = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "\u0131": "i", "&": " "})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def _latin(name: str) -> bool:
    if name.isascii():
        return any(map(str.isalnum, name))
    letters = [c for c in normalized("NFKC", name) if c.isalnum()]
    return bool(letters) and all(not c.isalpha() or unicodedata.name(c, "").startswith("LATIN") for c in letters)


def _compare_words(a: tuple[str, ...], b: tuple[str, ...]) -> Verdict:
    if _same_words(a, b):
        return Verdict.SAME
    mine, others = set(a) - JOINING_WORDS, set(b) - JOINING_WORDS
    if mine == others:
        return Verdict.SAME
    if mine - COUNTRIES == others - COUNTRIES != set():  # Siemens in two countries, but also Air France and Air India
        return Verdict.UNKNOWN if mine & COUNTRIES and others & COUNTRIES else Verdict.SAME
    if mine & others and (mine < others or others < mine):
        return Verdict.RELATED
    return _slip(sorted(mine - others), sorted(others - mine))


def _same_words(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    return not _forms(a).finds.isdisjoint(_forms(b).found_by)


class _Forms(NamedTuple):
    """What a name is known by: the same words in any order, or as one word, or an acronym of two letters or more."""

    finds: frozenset[object]
    found_by: frozenset[object]


@lru_cache(maxsize=8192)
def _forms(words: tuple[str, ...]) -> _Forms:
    ordered, joined = sorted(words), "".join(words)
    acronyms = [short for short in {initials(words), "".join(word[0] for word in words)} if len(short) >= 2]
    own = {("words", *ordered), ("whole", joined)}
    return _Forms(
        finds=frozenset(own | {("short", joined)} | {("whole", short) for short in acronyms}),
        found_by=frozenset(own | {("short", short) for short in acronyms}),
    )


def _slip(a: list[str], b: list[str]) -> Verdict:
    """The verdict where the words that are not common may be one word with a slip of the finger."""
    if len(a) != 1 or len(b) != 1 or min(len(a[0]), len(b[0])) < 5:
        return Verdict.DIFFERENT
    from rapidfuzz.distance import OSA  # 50 ms, rarely needed

    likeness = OSA.normalized_similarity(a[0], b[0])
    if likeness >= _SURE:
        return Verdict.SAME
    return Verdict.UNKNOWN if likeness >= _DOUBTFUL else Verdict.DIFFERENT
