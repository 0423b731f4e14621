"""What a site lets robots read (RFC 9309), asked for at most once a day."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from protego import Protego

TOKEN = "cardsync"  # noqa: S105 - what RFC 9309 calls the name by which a robots.txt addresses us
_KEPT = timedelta(days=1)
_MOST_TEXT, _LONGEST_LINE = 1 << 19, 1_000  # characters; RFC 9309, section 2.5
_MOST_HOSTS = 5_000

Fetch = Callable[[], Awaitable[tuple[int, str]]]
"""GETs the site's robots.txt: status and text; raises ``SourceFailed`` for 429, 5xx and a site that does not answer."""


@dataclass(frozen=True, slots=True)
class _Known:
    rules: Protego
    until: datetime


class Robots:
    """The rules of all hosts, in memory."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def allow(self, host: str, url: str, fetch: Fetch, now: datetime) -> bool:
        """Whether we may GET ``url`` at ``host``; raises ``SourceFailed`` where its robots.txt cannot be had."""
        async with self._asking.setdefault(host, asyncio.Lock()):
            known = self._known.get(host)
            if known is None or not now < known.until <= now + _KEPT:
                known = _Known(await asyncio.to_thread(_rules, *await fetch()), now + _KEPT)
                self._known.pop(host, None)  # so that the oldest stand first
                self._known[host] = known
                self._forget()
        return await asyncio.to_thread(known.rules.can_fetch, url, TOKEN)  # a hostile one takes a while

    def _forget(self) -> None:
        while len(self._known) > _MOST_HOSTS:
            host = next(iter(self._known))
            del self._known[host]
            if not self._asking[host].locked():
                del self._asking[host]


def _rules(status: int, text: str) -> Protego:
    """2xx: as it says; 4xx: everything is allowed (RFC 9309, section 2.3.1)."""
    lines = [line[:_LONGEST_LINE] for line in text[:_MOST_TEXT].splitlines()] if 200 <= status < 300 else []
    return Protego.parse("\n".join(lines))
