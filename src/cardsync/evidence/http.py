"""The guarded client: the only way in which sources reach the web.

A URL on a card is foreign input.  It may name the owner's router, redirect to a cloud's metadata, change its address
between two look-ups, or send a bomb; whatever it does, the worst that comes of it is *no evidence*.
"""

import asyncio
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol

import httpcore

from cardsync.assess.domains import registrable
from cardsync.evidence import dial
from cardsync.evidence.exchange import TROUBLE, Answer, exchange, told
from cardsync.evidence.pace import Pace, asked_pause
from cardsync.evidence.robots import Robots
from cardsync.evidence.tls import trusted
from cardsync.evidence.vetting import Refused, Target, Vetter, redirected, vetted
from cardsync.evidence.walls import is_wall
from cardsync.hypertext import httpx
from cardsync.sources import ANY_HOST, About, Hop, Page, SourceFailed, Web

PATIENCE = 15.0  # seconds for all of one GET on the wire, redirects included

_MOST_HOPS = 5
_NEVER = frozenset({"linkedin.com", "lnkd.in", "licdn.com"})
_CONDITIONS = ("If-None-Match", "If-Modified-Since")
_OURS = re.compile(  # header fields that a source does not choose
    r"accept(-encoding)?|connection|content-length|cookie|host|if-(modified-since|none-match)|t(e|railer|ransfer-encoding)"
    r"|upgrade|user-agent",
    re.IGNORECASE,
)
_SENT_BACK = re.compile(r"[\x20-\x7e]{1,200}")  # of an ETag or a date


class Validators(Protocol):
    """Keeps what makes a GET conditional (RFC 9110, section 8.8): ``(etag, last_modified)``, '' for none."""

    def get(self, source: str, key_hash: str) -> tuple[str, str] | None:
        """What was kept under the hash, a SHA-256 in hex."""
        ...

    def set(self, source: str, key_hash: str, etag: str, last_modified: str) -> None:
        """Keep it; both '': what was kept is no longer so."""
        ...


class Quota(Protocol):
    """Counts the requests of a calendar month, all of them: redirects and robots.txt too."""

    def take(self, source: str, now: datetime) -> bool:
        """Whether the source may send one more; it is counted then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """``reach``: the hosts that it may lead to; None: any, as their robots.txt allows."""

    about: About
    headers: Mapping[str, str]
    validators: Validators
    reach: Callable[[str], bool] | None = None
    key: str = ""
    robots: bool = False  # it asks for a robots.txt itself

    def name(self, target: Target) -> str:
        """For messages: a host that stands on a card is not told."""
        return target.host if target.host in self.about.hosts else "A site"


@dataclass(slots=True)
class _Patience:
    """The seconds that are left of one GET; waiting for a turn costs none."""

    left: float

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            async with asyncio.timeout(max(self.left, 0.0)):
                yield
        finally:
            self.left -= loop.time() - start


class GuardedClient:
    """One for all sources, of one event loop.

    ``vetter`` says which addresses are public, and is ``vetting.public`` outside of tests.  ``inner`` makes the
    connections, ``tls`` the context for them.
    """

    def __init__(
        self,
        *,
        vetter: Vetter,
        validators: Validators,
        quota: Quota,
        resolver: dial.Resolver = dial.resolve,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        tls: Callable[[], ssl.SSLContext] = trusted,
        inner: httpcore.AsyncNetworkBackend | None = None,
        patience: float = PATIENCE,
    ) -> None:
        network = dial.GuardedNetwork(vetter, resolver, inner or httpcore.AnyIOBackend())
        self._client = httpx.AsyncClient(
            transport=dial.GuardedTransport(network, tls),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=None,
        )
        self._validators = validators
        self._quota = quota
        self._clock = clock
        self._patience = patience
        self._pace = Pace()
        self._robots = Robots()

    async def aclose(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    def bound(self, about: About, hosts: frozenset[str] = frozenset(), validators: Validators | None = None) -> Web:
        """The client as one source may use it for one contact.

        Without ``ANY_HOST`` it reaches the hosts of ``about`` only.  With it, also ``hosts`` (``vetting.hosts_on``),
        whatever else belongs to their registrable domains, and where redirects lead from there; but only as their
        robots.txt allows.  ``validators``: instead of the client's, for whoever keeps them with what was read.
        """
        return _Bound(self._get, about, hosts, validators or self._validators)

    async def _get(self, target: Target, ask: _Ask) -> Answer | None:
        """Follow redirects from ``target``; None: not modified."""
        patience = _Patience(self._patience)
        here, hops = target, tuple[Hop, ...]()
        while True:
            if ask.reach is None:
                await self._heed(here, ask)
            conditions = self._conditions(ask, here, hops)
            answer = await self._once(here, ask, {**ask.headers, **conditions}, patience)
            self._judge(answer, ask, conditional=bool(conditions))
            if conditions and answer.status != 304:  # else what comes back one day would count as unchanged since today
                ask.validators.set(ask.about.name, _hash(ask.key, here, hops), "", "")
            if answer.location is None:
                return self._kept(replace(answer, hops=hops), ask)
            here = self._next(answer, ask, hops)
            hops = (*hops, Hop(status=answer.status, url=here.url))
            if here.origin != target.origin:
                ask = replace(ask, headers={"Accept": ask.headers["Accept"]})  # no credentials for others

    def _next(self, answer: Answer, ask: _Ask, hops: tuple[Hop, ...]) -> Target:
        name = ask.name(answer.at)
        if len(hops) == _MOST_HOPS:
            raise SourceFailed(f"{name} redirects in circles.")
        with _refusing():
            target = redirected(answer.at, answer.location or "")
        if ask.reach is not None and not ask.reach(target.host):
            raise SourceFailed(f"{name} redirects to a host that the source did not declare.")
        return target

    async def _heed(self, target: Target, ask: _Ask) -> None:
        """Who does not want visits by robots; raises for them."""
        if registrable(target.host) in _NEVER:
            raise SourceFailed("LinkedIn is not read by programs.")
        if ask.robots:
            return

        async def fetch() -> tuple[int, str]:
            fields = {"Accept": "text/plain, */*;q=0.1"}
            asked = _Ask(about=ask.about, headers=fields, validators=ask.validators, robots=True)
            answer = await self._get(replace(target, path="/robots.txt"), asked)
            return (answer.status, answer.text) if answer else (404, "")

        if not await self._robots.allow(target.host, target.url, fetch, self._clock()):
            raise SourceFailed("A site's robots.txt does not let us read the page.")

    # ------------------------------------------------------------ conditions

    def _conditions(self, ask: _Ask, here: Target, hops: tuple[Hop, ...]) -> dict[str, str]:
        kept = ask.validators.get(ask.about.name, _hash(ask.key, here, hops)) if ask.key else None
        return {name: value for name, value in zip(_CONDITIONS, kept or ("", ""), strict=True) if value}

    def _kept(self, answer: Answer, ask: _Ask) -> Answer | None:
        if answer.status == 304:
            return None
        fields = [answer.headers.get(name, "").strip() for name in ("etag", "last-modified")]
        etag, modified = (value if _SENT_BACK.fullmatch(value) else "" for value in fields)
        if ask.key and answer.status == 200 and (etag or modified):
            ask.validators.set(ask.about.name, _hash(ask.key, answer.at, answer.hops), etag, modified)
        return answer

    # ------------------------------------------------------------ one request

    async def _once(self, target: Target, ask: _Ask, headers: Mapping[str, str], patience: _Patience) -> Answer:
        name = ask.name(target)
        async with self._pace.turn(ask.about, target.host):
            wait = self._pace.left_alone(target.host, self._clock())
            if wait is not None:
                raise SourceFailed(f"{name} failed or asked for a pause, and is left alone for now.", wait)
            if not self._quota.take(ask.about.name, self._clock()):
                raise SourceFailed("The requests of this month are used up.")
            try:
                async with patience.spend():
                    return await exchange(self._client, target, headers, any_type=ask.robots)
            except TROUBLE as error:
                if not isinstance(error, dial.NotPublic):
                    self._pace.failed(target.host, self._clock())
                raise SourceFailed(f"{name} {told(error)}.") from error

    def _judge(self, answer: Answer, ask: _Ask, *, conditional: bool) -> None:
        """Raise for an answer that says nothing of the page."""
        name, now = ask.name(answer.at), self._clock()
        if is_wall(answer.headers, answer.text) and not ask.robots:
            raise SourceFailed(f"{name} wants to know whether we are a robot, which we are.")
        refused = answer.status in {401, 403}
        if answer.status == 429 or answer.status >= 500 or (refused and not ask.robots):
            wait = asked_pause(answer.headers, now)
            if wait or not refused:  # a refusal may be of this page only
                self._pace.failed(answer.at.host, now, wait)
            raise SourceFailed(f"{name} answers with status {answer.status}.", wait)
        if answer.status == 304 and not conditional:
            raise SourceFailed(f"{name} says that nothing changed, which nobody asked.")
        self._pace.answered(answer.at.host)


@dataclass(frozen=True, slots=True)
class _Bound:
    """``Web`` for one source and one contact."""

    _get: Callable[[Target, _Ask], Awaitable[Answer | None]]
    about: About
    hosts: frozenset[str]
    validators: Validators

    async def get(
        self, url: str, *, accept: str, headers: Mapping[str, str] | None = None, key: str = ""
    ) -> Page | None:
        """See ``Web.get``.

        With ``ANY_HOST`` a query is left out, but under ``/.well-known/``, where it is a protocol's and not the card's.
        """
        with _refusing():
            target = vetted(url)
        anywhere = ANY_HOST in self.about.hosts
        if not (self._declared(target.host) or (anywhere and self._on_card(target.host))):
            raise SourceFailed("The source asked for a host that it did not declare.")
        if anywhere and not target.path.startswith("/.well-known/"):
            target = replace(target, path=target.path.partition("?")[0])
        given = {name: value for name, value in (headers or {}).items() if not _OURS.fullmatch(name)}
        reach = None if anywhere else self._declared
        fields = {"Accept": accept, **given}
        ask = _Ask(about=self.about, headers=fields, validators=self.validators, reach=reach, key=key)
        answer = await self._get(target, ask)
        return None if answer is None else _page(answer)

    def _declared(self, host: str) -> bool:
        return host in self.about.hosts

    def _on_card(self, host: str) -> bool:
        return host in self.hosts or registrable(host) in {registrable(own) for own in self.hosts} - {None}


def _page(answer: Answer) -> Page:
    return Page(
        url=answer.at.url,
        status=answer.status,
        content_type=answer.headers.get("content-type", ""),
        text=answer.text,
        headers=answer.headers,
        hops=answer.hops,
    )


def _hash(key: str, here: Target, hops: tuple[Hop, ...]) -> str:
    """With the way to the page: a site that moved house with all its ETags is not unchanged."""
    way = (key, *(f"{hop.status} {hop.url}" for hop in hops), here.url)
    return hashlib.sha256("\n".join(way).encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise SourceFailed(str(error)) from error
