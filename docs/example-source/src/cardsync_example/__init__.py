"""The staff page of one organisation: whoever of its people is no longer named there has probably left.

``[sources.plugins.staff_page]`` takes ``url`` (the page) and ``organisation`` (its name, as on the cards).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import About, Consulted, Need, Source, SourceFailed, Subject, Web

NAME = "staff_page"


class StaffPage:
    """Looks for the contact's name on the page."""

    def __init__(self, url: str, organisation: str) -> None:
        self._url = url
        self._organisation = organisation

    @property
    def about(self) -> About:
        """What it sends, and to whom: the guarded client holds it to these hosts and limits."""
        return About(
            name=NAME,
            sends="Nothing of a card: it fetches one page, and looks for names on it here.",
            hosts=(urlsplit(self._url).hostname or "",),
            needs=frozenset({Need.NAME, Need.ORGANISATION}),
            every=timedelta(days=30),
            monthly=100,
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """One contact at a time; the page is asked for conditionally by none, so that each look is its own."""
        (subject,) = subjects
        name, organisation = subject.first(Need.NAME), subject.first(Need.ORGANISATION)
        if not name or organisation != self._organisation:
            return Consulted()
        page = await web.get(self._url, accept="text/html")
        if page is None or page.status != 200 or not page.text:
            raise SourceFailed("The staff page could not be read.")
        there = name.casefold() in page.text.casefold()
        seen = Evidence(
            source=NAME,
            kind=EvidenceKind.OTHER,
            family="staff page",
            claim=WorkField.ORGANISATION,
            says=Says.AGREES if there else Says.DIFFERS,
            stored=organisation,
            about="the staff page",
            likelihood_ratio=0.39 if there else 8.0,
            observed_at=now,
            first_observed_at=now,
            twice=not there,
            url=self._url,
        )
        return Consulted(evidence=[(subject.id, seen)])


def make(options: Mapping[str, Any]) -> Source:
    """What the entry point names; ``options`` are the keys of its table."""
    return StaffPage(str(options["url"]), str(options["organisation"]))
