"""The seam of evidence: what a source declares, is shown of a contact, may fetch, and gives back.

A source is one object with ``about`` and ``look`` (``Source``), and knows nothing of mirror, config or clock.  A
plug-in is a package with an entry point in the group ``cardsync.sources`` that names a callable: it takes the keys of
its table ``[sources.plugins.NAME]`` as a mapping, and gives a ``Source``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from cardsync.errors import CardsyncError
from cardsync.model import Evidence

API_VERSION = 1

ANY_HOST = "*"
"""In ``About.hosts``: the hosts of the card's own domains and URLs."""


class Need(StrEnum):
    """What of a card a source may be shown; whatever it does not declare it never sees."""

    NAME = "name"
    ORGANISATION = "organisation"
    TITLE = "title"
    WORK_EMAIL = "work_email"  # without those at free-mail providers
    PERSONAL_EMAIL = "personal_email"
    WORK_DOMAIN = "work_domain"  # of the work e-mail, lower case, never a free-mail provider's
    WORK_URL = "work_url"
    URL = "url"  # every URL on the card, profiles with others too, without query and fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a source is, and what leaves the house with it.

    ``sends`` is one sentence for the owner; ``hosts`` are all that it contacts (``ANY_HOST``: those on the card).
    ``scans``: it looks at all contacts at once, from a ``cursor`` on; else at one contact after the other, each again
    ``every`` so long, give or take a quarter.  ``monthly``: requests a calendar month, at most; ``apart``: between two.
    """

    name: str
    sends: str
    hosts: tuple[str, ...]
    needs: frozenset[Need]
    private: bool = False  # asks nobody but the owner's own servers and files
    scans: bool = False
    every: timedelta = timedelta(days=30)
    monthly: int = 1000
    apart: timedelta = timedelta(seconds=1)
    api_version: int = API_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A contact as a source sees it: ``values`` hold what it declared to need, and only what the card has."""

    id: int
    values: Mapping[Need, tuple[str, ...]] = field(default_factory=dict)

    def first(self, need: Need) -> str | None:
        """The first value, or None."""
        return next(iter(self.values.get(need, ())), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted:
    """What one look gave: evidence by the subject's id.

    Of a look at one contact the evidence is complete: what an earlier look found and this one did not is over, unless
    ``unchanged`` (304: all that was found still holds), or found at one of the URLs ``unseen``, which failed this time.
    A scan adds events only, unless it is ``complete``: what an earlier one found, of whichever contact, and this one
    did not is over then.  ``cursor`` is what to hand in next time, ``more`` that there is more to read at once.
    """

    evidence: Sequence[tuple[int, Evidence]] = ()
    unchanged: bool = False
    cursor: Mapping[str, Any] | None = None
    more: bool = False
    complete: bool = False
    unseen: frozenset[str] = frozenset()


class SourceFailed(CardsyncError):
    """No evidence, for now: the source is down, refused or blocked.

    The message goes to ``cardsync sources`` and the log: no value of a card, no secret.  ``wait``: how long it asked to
    be left alone; None: as long as we think right.
    """

    def __init__(self, message: str, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One redirect: the status that sent us on, and where to."""

    status: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer: ``url`` is the last one, after the ``hops``; ``text`` the decoded body, '' unless text or JSON."""

    url: str
    status: int
    content_type: str
    text: str
    headers: Mapping[str, str]  # lower-case names
    hops: tuple[Hop, ...] = ()


class Web(Protocol):
    """The guarded client, bound to the hosts and limits that a source declared."""

    async def get(
        self, url: str, *, accept: str, headers: Mapping[str, str] | None = None, key: str = ""
    ) -> Page | None:
        """One GET, redirects followed; None: not modified since the last look with this ``key``.

        ``key`` '' makes it unconditional.  Any status is an answer but 401, 403, 429 and 5xx, which raise
        ``SourceFailed``, as do a refused address, robots.txt, a full quota, a bot wall and a server that is away.
        """
        ...


class Source(Protocol):
    """One source of evidence."""

    @property
    def about(self) -> About:
        """The same at all times."""
        ...

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """At one subject, or of a source that ``scans`` at all; raises ``SourceFailed``.

        Whatever else it raises is logged by its type alone, and counts as a failure of this source only.
        """
        ...
