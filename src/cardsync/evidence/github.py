"""GitHub: the company that the contact's public profile names (REST, ``GET /users/{login}``)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime

from cardsync.assess.organisations import Aliases
from cardsync.evidence.foreign import Foreign, Text, key_of, parsed
from cardsync.evidence.profile import path_at, says_of
from cardsync.evidence.secret import Secret, bearer
from cardsync.model import Evidence
from cardsync.sources import About, Consulted, Need, Subject, Web

_LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
_ACCEPT = "application/vnd.github+json"
_API = "https://api.github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubOptions:
    """``token`` may be any token without scopes: it lifts the limit from 60 requests an hour to 5000."""

    token: Secret | None = field(default=None, repr=False)


class _User(Foreign):
    login: Text
    type: Text = "User"
    company: Text | None = None
    updated_at: AwareDatetime | None = None


class GitHub:
    """Looks at the profile whose URL is on the card."""

    def __init__(self, options: GitHubOptions, *, aliases: Aliases = ()) -> None:
        self._token = options.token
        self._aliases = aliases

    @property
    def about(self) -> About:
        """See ``Source``."""
        return About(
            name="github",
            sends="The login name in a github.com URL on the card, to GitHub.",
            hosts=("api.github.com",),
            needs=frozenset({Need.URL, Need.ORGANISATION}),
            monthly=2000,
            apart=timedelta(seconds=1 if self._token else 60),  # 60 an hour without a token
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``."""
        evidence = []
        headers = {"X-GitHub-Api-Version": "2022-11-28", **await bearer(self._token)}
        for subject in subjects:
            login, stored = login_of(subject.values.get(Need.URL, ())), subject.first(Need.ORGANISATION)
            if not login or not stored:
                continue
            key = key_of("github", subject.id, login, stored, sorted(map(sorted, self._aliases)))
            page = await web.get(f"{_API}/users/{login}", accept=_ACCEPT, headers=headers, key=key)
            if page is None:
                return Consulted(unchanged=True)
            said = self._said(parsed(page, _User, "GitHub"), login, stored, now)
            if said:
                evidence.append((subject.id, said))
        return Consulted(evidence=evidence)

    def _said(self, user: _User | None, login: str, stored: str, now: datetime) -> Evidence | None:
        if user is None or user.type != "User" or user.login.casefold() != login.casefold():
            return None
        return says_of(
            "github",
            stored,
            user.company,
            now=now,
            aliases=self._aliases,
            about="GitHub",
            asserted_at=user.updated_at,
            url=f"https://github.com/{login}",
        )


def login_of(urls: Sequence[str]) -> str | None:
    """The login in the only profile URL among ``urls``; None: there is none, or several differ."""
    paths = [path for url in urls if (path := path_at(url, "github.com")) is not None]
    logins = {path[0].casefold() for path in paths if len(path) == 1 and _LOGIN.fullmatch(path[0])}
    return logins.pop() if len(logins) == 1 else None
