"""Web: the contact's own pages and her employer's home page, as they stand on the card."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from cardsync.assess.domains import Domains, registrable
from cardsync.assess.organisations import Aliases
from cardsync.assess.words import PROFILE_HOSTS
from cardsync.evidence.claims import organisation_moved, page_gone, profile
from cardsync.evidence.page import read
from cardsync.evidence.sites import GONE, Seen, gone, moved_to, root_of
from cardsync.evidence.vetting import Refused, vetted, with_scheme
from cardsync.model import Evidence
from cardsync.sources import ANY_HOST, About, Consulted, Need, SourceFailed, Subject, Web

_WEEK = timedelta(days=7)
_MOST, _MOST_KEPT = 2, 2000  # pages of a kind on one card; of all
_ACCEPT = "text/html, text/*;q=0.5"


class WebPages:
    """Visits pages, each once a week at most, whosever card it stands on; keeps what it read there, not the page."""

    def __init__(self, *, aliases: Aliases = (), domains: Domains | None = None) -> None:
        self._aliases = aliases
        self._domains = domains or {}
        self._kept: dict[str, Seen] = {}

    @property
    def about(self) -> About:
        """See ``Source``."""
        return About(
            name="web",
            sends="Nothing but the visit: to the site of the work domain and the pages on the card, "
            "which see your IP address.",
            hosts=(ANY_HOST,),
            needs=frozenset({Need.WORK_DOMAIN, Need.WORK_URL, Need.URL, Need.NAME, Need.ORGANISATION, Need.TITLE}),
            monthly=5000,
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``."""
        found = [(subject.id, await self._look(subject, web, now)) for subject in subjects]
        return Consulted(
            evidence=tuple((id_, one) for id_, told in found if told for one in told[0]),
            unchanged=bool(found) and all(told is None for _, told in found),
            unseen=frozenset(url for _, told in found if told for url in told[1]),
        )

    async def _look(self, subject: Subject, web: Web, now: datetime) -> tuple[list[Evidence], set[str]] | None:
        """The evidence on one contact, and the pages that were not seen; None: no page has changed.

        Raises ``SourceFailed`` if a site failed and the others say nothing: it is asked again soon.
        """
        pages = _pages(subject)
        key = _key(subject, now)
        results = {url: await self._visit(url, web, now, key) for url in pages.all()}
        if results and all(result is None for result in results.values()):
            return None
        for url in [url for url, result in results.items() if result is None]:
            results[url] = await self._visit(url, web, now)  # another one changed, and the evidence is told as a whole
        for url in pages.work:
            result = results.get(url)
            if isinstance(result, Seen) and result.status in GONE and root_of(url) not in results:
                results[root_of(url)] = await self._visit(root_of(url), web, now)
        seen = {url: one for url, one in results.items() if isinstance(one, Seen)}
        evidence = await asyncio.to_thread(self._evidence, subject, pages, seen)  # to compare names takes a while, too
        failed = {url: result for url, result in results.items() if isinstance(result, SourceFailed)}
        if failed and not evidence:  # told without its pause, which is that site's and not the source's
            failure = next(iter(failed.values()))
            raise SourceFailed(str(failure)) from failure
        return evidence, {*failed, *(url for url in pages.work if root_of(url) in failed)}

    async def _visit(self, url: str, web: Web, now: datetime, key: str = "") -> Seen | SourceFailed | None:
        kept = self._kept.get(url)
        if kept and now - _WEEK < kept.when <= now:
            return kept
        try:
            page = await web.get(url, accept=_ACCEPT, key=key and f"{url}\n{key}")
        except SourceFailed as failure:
            return failure
        if page is None:
            return None
        reading = await asyncio.to_thread(read, page.text)  # a hostile page takes a while
        seen = Seen(asked=url, url=page.url, status=page.status, when=now, hops=page.hops, reading=reading)
        self._kept.pop(url, None)  # so that the oldest stand first
        self._kept[url] = seen
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return seen

    def _evidence(self, subject: Subject, pages: "_Pages", seen: Mapping[str, Seen]) -> list[Evidence]:
        name, organisation, title = map(subject.first, (Need.NAME, Need.ORGANISATION, Need.TITLE))
        found: list[Evidence | None] = []
        root = seen.get(pages.root or "")
        domain = moved_to(root) if root else None
        if root and domain and organisation:
            found.append(organisation_moved(organisation, domain, root, aliases=self._aliases, domains=self._domains))
        for url, stored in pages.work.items():
            page, house = seen.get(url), seen.get(root_of(url))
            if page and house and gone(page, house):
                found.append(page_gone(stored, page))
        for url in pages.all():
            if name and url in seen and seen[url].status == 200:
                found += profile(name, organisation, title, seen[url], self._aliases)
        return _once(one for one in found if one)


def _once(evidence: Iterable[Evidence]) -> list[Evidence]:
    """One of each claim and kind: two of her pages that say one thing are one."""
    found: dict[tuple[object, ...], Evidence] = {}
    for one in evidence:
        found.setdefault((one.kind, one.claim, one.says, one.stored), one)
    return list(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    """What to visit: ``work`` and ``own`` pages, each with the URL as the card has it."""

    root: str | None
    work: Mapping[str, str]
    own: Mapping[str, str]

    def all(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*([self.root] if self.root else []), *self.work, *self.own]))


def _pages(subject: Subject) -> _Pages:
    work = _tidy(subject.values.get(Need.WORK_URL, ()))
    own = {url: stored for url, stored in _tidy(subject.values.get(Need.URL, ())).items() if url not in work}
    root = next(iter(_tidy(f"https://{domain}/" for domain in subject.values.get(Need.WORK_DOMAIN, ()))), None)
    return _Pages(root=root, work=dict(islice(work.items(), _MOST)), own=dict(islice(own.items(), _MOST)))


def _tidy(urls: Iterable[str]) -> dict[str, str]:
    """URL as it is asked for -> as it stands on the card; without profiles with others and what is no page."""
    found: dict[str, str] = {}
    for stored in urls:
        try:
            target = vetted(with_scheme(stored))
        except Refused:
            continue
        if registrable(target.host) not in PROFILE_HOSTS | {None}:
            found.setdefault(target.origin + target.path.partition("?")[0], stored)
    return found


def _key(subject: Subject, now: datetime) -> str:
    """Another as soon as the card says other things, and each quarter: so that no 304 keeps anything alive for ever."""
    said = [value for need in sorted(subject.values) for value in subject.values[need]]
    return "\n".join([str(subject.id), f"{now.year}.{(now.month - 1) // 3}", *said])
