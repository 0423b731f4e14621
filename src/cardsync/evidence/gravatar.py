"""Gravatar: the company on the public profile of an address (API 3.0, ``GET /v3/profiles/{hash}``)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime

from cardsync.assess.organisations import Aliases
from cardsync.evidence.foreign import Foreign, Text, parsed
from cardsync.evidence.profile import says_of
from cardsync.evidence.secret import Secret, bearer
from cardsync.model import Evidence
from cardsync.sources import About, Consulted, Need, Subject, Web

_API = "https://api.gravatar.com"
_MOST_ADDRESSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GravatarOptions:
    """``key``: of a free developer account; it adds the day of the last edit, and 1000 requests an hour for 100."""

    key: Secret | None = field(default=None, repr=False)


class _Profile(Foreign):
    hash: Text
    company: Text = ""
    is_organization: bool = False
    last_profile_edit: AwareDatetime | None = None


class Gravatar:
    """Looks at the profiles of the addresses on the card, the personal ones first: those outlive a job."""

    def __init__(self, options: GravatarOptions, *, aliases: Aliases = ()) -> None:
        self._key = options.key
        self._aliases = aliases

    @property
    def about(self) -> About:
        """See ``Source``."""
        return About(
            name="gravatar",
            sends=(
                "A SHA-256 hash of each e-mail address on the card, to Gravatar (Automattic). Whoever has a list of "
                "addresses can guess which one a hash is of."
            ),
            hosts=("api.gravatar.com",),
            needs=frozenset({Need.PERSONAL_EMAIL, Need.WORK_EMAIL, Need.ORGANISATION}),
            monthly=2000,
            apart=timedelta(seconds=4 if self._key else 36),  # 1000, or 100, an hour
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``; the first profile with a company is all that is read."""
        evidence = []
        for subject in subjects:
            stored = subject.first(Need.ORGANISATION)
            if stored and (said := await self._said(subject, stored, web, now)):
                evidence.append((subject.id, said))
        return Consulted(evidence=evidence)

    async def _said(self, subject: Subject, stored: str, web: Web, now: datetime) -> Evidence | None:
        addresses = (*subject.values.get(Need.PERSONAL_EMAIL, ()), *subject.values.get(Need.WORK_EMAIL, ()))
        headers = await bearer(self._key)
        for digest in list(dict.fromkeys(digest_of(a) for a in addresses if "@" in a))[:_MOST_ADDRESSES]:
            page = await web.get(f"{_API}/v3/profiles/{digest}", accept="application/json", headers=headers)
            profile = parsed(page, _Profile, "Gravatar") if page else None
            if profile is None or profile.hash != digest or profile.is_organization or not profile.company.strip():
                continue
            return says_of(
                "gravatar",
                stored,
                profile.company,
                now=now,
                aliases=self._aliases,
                about="Gravatar",
                asserted_at=profile.last_profile_edit,
                url=f"https://gravatar.com/{digest}",
            )
        return None


def digest_of(address: str) -> str:
    """The identifier of an address: SHA-256 of it, trimmed and in lower case, in hexadecimal."""
    return hashlib.sha256(address.strip().lower().encode("utf-8", "replace")).hexdigest()
