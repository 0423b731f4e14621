"""What it says of a contact's card that her pages are as they are (pure)."""

import re
from collections.abc import Iterator, Sequence

from cardsync.assess.domains import Domains, domain_belongs, to_show
from cardsync.assess.organisations import CERTAIN, Aliases, Verdict, compare, folded, initials
from cardsync.assess.words import HONORIFICS
from cardsync.evidence.page import Person
from cardsync.evidence.profile import past
from cardsync.evidence.sites import Seen, host_of
from cardsync.model import Evidence, EvidenceKind, Says, WorkField

GONE, GONE_EMPLOYER = 8.0, 3.0
MOVED = 5.0
DIFFERS, AGREES = 8.0, 0.39
SAME_NAME = 0.95  # P(the page is hers | it stands on her card and bears her name)

_MOST = 10  # employers that a page may name for one person and be sure; titles that are compared


def page_gone(stored: str, page: Seen) -> Evidence:
    """That the work page ``stored`` is no more; nothing until seen twice."""
    return Evidence(
        source="web",
        kind=EvidenceKind.PAGE_GONE,
        family="web",
        claim=WorkField.URL,
        says=Says.GONE,
        stored=stored,
        observed_at=page.when,
        first_observed_at=page.when,
        likelihood_ratio=GONE,
        employer_ratio=GONE_EMPLOYER,
        about=host_of(page.asked),
        url=page.asked,
        twice=True,
    )


def organisation_moved(
    organisation: str, domain: str, root: Seen, *, aliases: Aliases = (), domains: Domains | None = None
) -> Evidence | None:
    """That the employer's site moved to ``domain``; None where that is known to be the organisation's own."""
    if domain_belongs(organisation, domain, aliases=aliases, domains=domains) in CERTAIN:
        return None
    return Evidence(
        source="web",
        kind=EvidenceKind.REDIRECT,
        family="web",
        claim=WorkField.ORGANISATION,
        says=Says.MOVED,
        stored=organisation,
        observed_at=root.when,
        first_observed_at=root.when,
        likelihood_ratio=MOVED,
        suggested=to_show(domain),
        about=host_of(root.asked),
        url=root.asked,
    )


def profile(name: str, organisation: str | None, title: str | None, page: Seen, aliases: Aliases) -> Iterator[Evidence]:
    """What a page says of the person of that name.  Where it is not sure of the employer, nothing.

    A title is looked at only beside an employer that agrees: with another one it is another's title anyway.
    """
    people = [person for person in page.reading.people if same_name(person.name, name)]
    told = _once(value for person in people for value in person.organisations)
    if not organisation or not told or len(told) > _MOST:
        return
    verdict = _of_all([compare(organisation, one, aliases) for one in told])
    if verdict is Verdict.DIFFERENT:
        yield _says(WorkField.ORGANISATION, organisation, told[0], page)
    if verdict is not Verdict.SAME:
        return
    yield _says(WorkField.ORGANISATION, organisation, "", page)
    titles = _once(_titles(people, organisation, aliases))[:_MOST]
    if title and titles:
        verdict = _of_all([compare_titles(title, one) for one in titles])
        if verdict in {Verdict.SAME, Verdict.DIFFERENT}:
            yield _says(WorkField.TITLE, title, titles[0] if verdict is Verdict.DIFFERENT else "", page)


def _titles(people: Sequence[Person], organisation: str, aliases: Aliases) -> Iterator[str]:
    for person in people:
        if any(compare(organisation, one, aliases) in CERTAIN for one in person.organisations):
            yield from person.titles


def _once(values: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _of_all(verdicts: Sequence[Verdict]) -> Verdict:
    """One that agrees is enough, and all must differ."""
    if any(verdict in CERTAIN for verdict in verdicts):
        return Verdict.SAME
    return Verdict.DIFFERENT if all(verdict is Verdict.DIFFERENT for verdict in verdicts) else Verdict.UNKNOWN


def _says(claim: WorkField, stored: str, suggested: str, page: Seen) -> Evidence:
    ratio = DIFFERS if suggested else AGREES
    return Evidence(
        source="web",
        kind=EvidenceKind.PROFILE,
        family="profile",
        claim=claim,
        says=Says.DIFFERS if suggested else Says.AGREES,
        stored=stored,
        observed_at=page.when,
        first_observed_at=page.when,
        likelihood_ratio=ratio,
        employer_ratio=1.0 if claim is WorkField.TITLE else None,  # people are promoted where they are
        match=SAME_NAME,
        suggested=suggested,
        about=host_of(page.asked),
        asserted_at=past(page.reading.modified, page.when),
        url=page.asked,
    )


# ---------------------------------------------------------------- names and titles


def same_name(a: str, b: str) -> bool:
    """Whether two names are made of the same words, at least two; without accents, case and honorifics."""
    return any(len(x) >= 2 and x == y for x in _name_words(a) for y in _name_words(b))


def _name_words(name: str) -> list[list[str]]:
    return [
        sorted(word for word in re.findall(r"[^\W_]+", spelt) if word not in HONORIFICS) for spelt in folded(name[:200])
    ]


def compare_titles(a: str, b: str) -> Verdict:
    """``SAME``: the same words, or their initials; ``DIFFERENT``: no word in common; else ``UNKNOWN``."""
    x, y = (re.findall(r"[a-z0-9]+", folded(title[:200])[0]) for title in (a, b))
    if not x or not y:
        return Verdict.UNKNOWN
    if sorted(x) == sorted(y) or "".join(x) in _shortened(y) or "".join(y) in _shortened(x):
        return Verdict.SAME
    return Verdict.UNKNOWN if set(x) & set(y) or _another_tongue(a, b) else Verdict.DIFFERENT


def _shortened(words: list[str]) -> set[str]:
    return {initials(tuple(words)), "".join(word[0] for word in words)}


def _another_tongue(a: str, b: str) -> bool:
    """A title with letters beyond ASCII may be a translation of one without."""
    return a.isascii() != b.isascii()
