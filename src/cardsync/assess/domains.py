"""Whether a domain, of a work e-mail or URL, is an organisation's own.

The contradiction is what is expensive: said wrongly it is a nag without a reason.  So *different* is what is left
when a name and a domain have nothing in common at all, not even a first letter, and never under ``.org``, where
projects live whose people work elsewhere (measured by ``bench/organisations.py``).
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import idna

from cardsync.assess.organisations import (
    Aliases,
    Verdict,
    compare,
    folded,
    initials,
    no_employer,
    remembered,
    spellings,
    synonyms,
    too_long,
)
from cardsync.assess.words import ANYBODYS_LABELS, FREE_MAIL, GENERIC_WORDS, JOINING_WORDS, TENANTS

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

Domains = Mapping[str, Collection[str]]
"""``[organisations] domains``: organisation -> its domains, as the owner says."""

_LONGEST = 253  # characters of a domain (RFC 1035, section 2.3.4)
_A_DOMAIN = re.compile(r"[^\s@/:]+\.[^\s@/:]+")
_ENDINGS = re.compile(r"(inc|corp|group|labs?|tech)$")  # what a domain adds to a name that was taken
_OF_ANYBODY = GENERIC_WORDS | JOINING_WORDS


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_encoded_idn=False)  # ``_normal`` decodes; the encoded list takes twice the time


def _normal(domain: str) -> str:
    domain = domain.strip().strip(".").lower()
    return in_letters(domain) or domain


def in_letters(domain: str) -> str:
    """A lower-case domain in letters instead of punycode (IDNA 2008: a sharp s is no ss); '' for punycode of none."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain) if len(domain) <= _LONGEST else ""
    except UnicodeError:
        return ""


def to_show(domain: str) -> str:
    """A domain as nobody mistakes it for another: letters of other scripts, which look like ours, in punycode."""
    if all(char.isascii() or unicodedata.name(char, "").startswith("LATIN ") for char in domain):
        return domain
    try:
        return idna.encode(domain).decode("ascii")
    except UnicodeError:
        return domain.encode("ascii", "replace").decode("ascii")


@remembered
def _split(domain: str) -> tuple[tuple[str, ...], str]:
    """Labels left of the public suffix, and the suffix."""
    domain = _normal(domain)
    if len(domain) > _LONGEST or not _A_DOMAIN.fullmatch(domain) or ".." in domain:
        return (), ""
    suffix = _suffixes().publicsuffix(domain) or ""
    body = domain.removesuffix(suffix).strip(".")
    labels = tuple(body.split(".")) if body else ()
    if len(labels) > 1 and (tenants := f"{labels[-1]}.{suffix}") in TENANTS:
        return labels[:-1], tenants
    return labels, suffix


def registrable(domain: str) -> str | None:
    """The domain that someone registered (``mail.acme.co.uk`` -> ``acme.co.uk``); None: a bare suffix, or no domain."""
    labels, suffix = _split(domain)
    return f"{labels[-1]}.{suffix}" if labels else None


@remembered
def is_free_mail(domain: str) -> bool:
    """Whether anyone can have an address there."""
    own = registrable(domain)
    return own in FREE_MAIL or _normal(domain) in FREE_MAIL


def domain_belongs(organisation: str, domain: str, *, aliases: Aliases = (), domains: Domains | None = None) -> Verdict:
    """Whether ``domain`` is the organisation's own: the config decides where it says so, else the letters."""
    labels, suffix = _split(domain)
    if not labels or is_free_mail(domain) or no_employer(organisation):
        return Verdict.UNKNOWN
    names = synonyms(organisation, aliases)
    letters = tuple(folded(label)[0] for label in labels)
    if domains and _configured(names, domain, domains):
        return Verdict.SAME
    verdicts = {_alike(words, letters, suffix) for name in names for words in spellings(name)}
    for verdict in (Verdict.SAME, Verdict.RELATED, Verdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    sure = verdicts and not any(map(too_long, names))  # no verdict: a name in another script
    return Verdict.DIFFERENT if sure else Verdict.UNKNOWN


def surely_another(organisation: str, domain: str, *, aliases: Aliases = (), domains: Domains | None = None) -> bool:
    """Whether a contradiction is sure enough to be said aloud: name and domain share no two letters in a row.

    Under ``.com`` it never is: companies buy others together with their names.
    """
    if domain_belongs(organisation, domain, aliases=aliases, domains=domains) is not Verdict.DIFFERENT:
        return False
    labels, suffix = _split(domain)
    label = folded(labels[-1])[0].replace("-", "")
    names = ("".join(words) for name in synonyms(organisation, aliases) for words in spellings(name))
    return suffix != "com" and not any(_share_two(name, label) for name in names)


def _share_two(name: str, label: str) -> bool:
    return any(name[i : i + 2] in label for i in range(len(name) - 1))


def _configured(names: Iterable[str], domain: str, domains: Domains) -> bool:
    domain = _normal(domain)
    return any(
        domain == own or domain.endswith(f".{own}")
        for key, listed in domains.items()
        if any(compare(name, key) is Verdict.SAME for name in names)
        for own in map(_normal, listed)
    )


@lru_cache(maxsize=8192)
def _alike(words: tuple[str, ...], labels: tuple[str, ...], suffix: str) -> Verdict:
    plain = [label.replace("-", "") for label in labels]
    joined = "".join(words)
    core = [word for word in words if word not in _OF_ANYBODY] or list(words)
    whole = "".join(plain) + suffix.replace(".", "")
    if whole == joined or {joined, "".join(core)} & set(plain):
        return Verdict.SAME
    forms = {
        form for label in (*labels, *plain) for form in (label, label.split("-")[0], _ENDINGS.sub("", label)) if form
    }
    if any(_derived(form, words, "".join(core)) for form in forms):
        return Verdict.RELATED
    if any(len(word) >= 4 and word in label for word in core for label in plain):
        return Verdict.RELATED
    return Verdict.UNKNOWN if suffix == "org" or _maybe(words, core, plain) else Verdict.DIFFERENT


def _derived(label: str, words: tuple[str, ...], core: str) -> bool:
    """A label made of the name: its beginning, a longer form of it, its acronym, or a contraction (tapsys, gslab)."""
    joined = "".join(words)
    acronym = initials(words)
    return (
        (len(label) >= 2 and joined.startswith(label))
        or (len(core) >= 2 and label.startswith(core))
        or (len(core) >= 4 and core in label)
        or (len(label) >= 4 and label in joined)
        or (len(acronym) >= 2 and label.startswith(acronym))
        or label in words
        or _contracted(label, words)
        or _contracted(label, tuple(word for word in words if word not in JOINING_WORDS))
    )


def _contracted(label: str, words: tuple[str, ...]) -> bool:
    """Whether a label is beginnings of words in their order, the first word's and at least one other's (socgen)."""
    if not words or label[:1] != words[0][0]:
        return False
    alone = set(range(1, _common(label, words[0]) + 1))  # where the first word's beginnings end
    ends: set[int] = set()  # and those of two words or more
    for word in words[1:]:
        starts = alone | ends
        ends |= {start + length for start in starts for length in range(1, _common(label[start:], word) + 1)}
    return len(label) in ends


def _common(one: str, other: str) -> int:
    """How many first characters are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _maybe(words: tuple[str, ...], core: list[str], labels: list[str]) -> bool:
    """Whether too little is known to say that they differ: an abbreviation of anything, or a word that is anybody's."""
    own = labels[-1]
    return (
        not own  # nothing but hyphens
        or not own.isascii()
        or own in ANYBODYS_LABELS
        or any(own[0] == word[0] for word in words[:1] + tuple(core[:1]))
        or (len(own) <= 4 and own[0] in {word[0] for word in words})
        or any(len(word) >= 3 and word in label for word in core for label in labels)
    )
