"""From what the owner typed to address books: RFC 6764, then principal and home sets (RFC 6352, section 7.1)."""

import ipaddress
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cardsync.carddav import xml
from cardsync.carddav.books import (
    BOOK_PROPERTIES,
    MARKER_PROPERTIES,
    address_book,
    chosen,
    is_address_book,
    reports_changes,
)
from cardsync.carddav.connection import Connection
from cardsync.carddav.hrefs import Location, collection, href_key, parse_url, redacted, resolve
from cardsync.carddav.listing import propfind
from cardsync.carddav.wire import Wire
from cardsync.errors import (
    CardsyncError,
    LoginRefused,
    NotCardDAV,
    OriginRefused,
    ServerProblem,
    Throttled,
    Unreachable,
)
from cardsync.resources import AddressBook

if TYPE_CHECKING:
    import dns.asyncresolver

    from cardsync.carddav.service import Service

_PRINCIPAL = f"{xml.DAV}current-user-principal"
_HOME_SET = f"{xml.CARDDAV}addressbook-home-set"
_WELL_KNOWN = "/.well-known/carddav"
_NOT_THERE = frozenset({403, 404, 410})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of discovery: what was asked, where (redacted), and how it ended, in a few words."""

    what: str
    where: str
    outcome: str


@dataclass(frozen=True, slots=True)
class _Start:
    """What a first PROPFIND found: where it ended, who we are, and home sets named right there."""

    at: Location
    principal: Location | None
    homes: tuple[Location, ...]


class Discovery:
    """One run of discovery; ``steps`` grows as it goes, also when it fails."""

    def __init__(self, wire: Wire, connection: Connection, resolver: "dns.asyncresolver.Resolver | None") -> None:
        self._wire = wire
        self._connection = connection
        self._resolver = resolver
        self._problems: list[CardsyncError] = []
        self.steps: list[Step] = []

    async def run(self) -> tuple[AddressBook, ...]:
        """All books that the config wants.  Raises what ``ports.Server.discover`` may."""
        async for what, at in self._candidates():
            start = await self._start(what, at)
            books = await self._books(start) if start else []
            if books:
                return chosen(self._connection, books)
        raise self._nothing_found()

    async def _candidates(self) -> AsyncIterator[tuple[str, Location]]:
        configured = self._wire.trust.configured
        is_mail = "@" in self._connection.url and "://" not in self._connection.url
        if not is_mail:
            yield "the configured address", configured
        yield "the well-known address", Location(configured.origin, _WELL_KNOWN)
        for service in await self._services(configured.origin.host):
            try:
                at = parse_url(f"https://{service.host}:{service.port}{service.path or _WELL_KNOWN}")
            except ValueError:  # DNS allows any bytes in a name
                continue
            yield "the host that DNS names", at
            if service.path is None:
                yield "the host that DNS names", Location(at.origin, "/")
        if is_mail or configured.path != "/":
            yield "the server's root", Location(configured.origin, "/")

    async def _services(self, host: str) -> "tuple[Service, ...]":
        if not _has_dns(host):
            return ()
        from cardsync.carddav.service import find_services  # few accounts need DNS, and its import is slow

        services = await find_services(host, self._resolver)
        names = ", ".join(f"{service.host}:{service.port}" for service in services)
        self._note("DNS: SRV _carddavs._tcp", host, names or "no such record")
        return services

    async def _start(self, what: str, at: Location) -> _Start | None:
        """PROPFIND Depth 0; None when it leads nowhere, and the next candidate is to be tried."""
        asked = (xml.RESOURCETYPE, _PRINCIPAL, _HOME_SET)
        found = await self._propfind(what, at, "0", asked)
        if found is None:
            return None
        final, answers = found
        answer = answers[0]
        principals = self._resolved(final, answer, _PRINCIPAL)
        homes = self._resolved(final, answer, _HOME_SET)
        return _Start(final, principals[0] if principals else None, homes)

    async def _books(self, start: _Start) -> list[AddressBook]:
        """Of all homes, or none: what fails in part is no reason to take the other books for gone."""
        homes = start.homes
        if not homes and start.principal:
            homes = await self._home_sets(start.principal)
        named = bool(homes)
        found: dict[object, AddressBook] = {}
        for home in homes or (start.at,):  # Synology names no principal: the address itself is the home
            for book in await self._books_in(home, start.principal, named=named):
                at = parse_url(book.href)
                found.setdefault((at.origin, href_key(at.path)), book)
        return list(found.values())

    async def _home_sets(self, principal: Location) -> tuple[Location, ...]:
        found = await self._propfind("the principal", principal, "0", (_HOME_SET,), named=True)
        return self._resolved(found[0], found[1][0], _HOME_SET) if found else ()

    async def _books_in(self, home: Location, principal: Location | None, *, named: bool) -> list[AddressBook]:
        found = await self._propfind("the address book home", collection(home), "1", BOOK_PROPERTIES, named=named)
        if found is None:
            return []
        final, answers = found
        books = []
        for answer in filter(is_address_book, answers):
            try:
                at = resolve(final, answer.href)
                self._wire.trust.check(at.origin)
            except (ValueError, OriginRefused):
                self._note("an address book", redacted(final), "its address is on a foreign origin: left out")
                continue
            whole = answer if reports_changes(answer) else await self._with_markers(at, answer)
            books.append(address_book(self._connection, at, whole, principal))
        self._note("address books", redacted(final), f"{len(books)} found")
        return books

    async def _with_markers(self, at: Location, answer: xml.Answer) -> xml.Answer:
        found = await self._propfind("the address book", collection(at), "0", MARKER_PROPERTIES, named=True)
        return replace(answer, properties={**answer.properties, **found[1][0].properties}) if found else answer

    def _resolved(self, base: Location, answer: xml.Answer, name: str) -> tuple[Location, ...]:
        """The hrefs in a property; those on origins that credentials must not go to are noted as problems."""
        value = answer.properties.get(name)
        found = []
        for href in value.hrefs() if value else []:
            try:
                at = resolve(base, href)
                self._wire.trust.check(at.origin)
            except ValueError:
                continue
            except ServerProblem as problem:
                self._fail(name.rpartition("}")[2], base, problem)
            else:
                found.append(at)
        return tuple(found)

    async def _propfind(
        self, what: str, at: Location, depth: str, names: Iterable[str], *, named: bool = False
    ) -> tuple[Location, list[xml.Answer]] | None:
        """None: nothing is there, or not for us.

        Of what the server ``named`` itself only that it says so proves this; all else is trouble, and raised.
        """
        try:
            reply, answers = await propfind(self._wire, at, depth, names)
        except (LoginRefused, Throttled) as problem:
            self._fail(what, at, problem)
            raise
        except (ServerProblem, Unreachable) as problem:
            self._fail(what, at, problem)
            if named and not isinstance(problem, OriginRefused):  # which no next cycle mends
                raise
            return None
        self._note(what, redacted(reply.at), "answers" if answers else f"no DAV answer ({reply.status})")
        if named and not answers and reply.status not in _NOT_THERE:
            raise ServerProblem(f"The server answered {reply.status} for {what}. Nothing was changed.")
        return (reply.at, answers) if answers else None

    def _note(self, what: str, where: str, outcome: str) -> None:
        self.steps.append(Step(what=what, where=where, outcome=outcome))

    def _fail(self, what: str, at: Location, problem: CardsyncError) -> None:
        self._problems.append(problem)
        self._note(what, redacted(at), str(problem))

    def _nothing_found(self) -> CardsyncError:
        """The most telling of what went wrong: a refused origin, then an unreachable server, then neither."""
        for kind in (OriginRefused, Unreachable):
            for problem in self._problems:
                if isinstance(problem, kind):
                    return problem
        plain_http = next((one for one in self._problems if "allow_http" in str(one)), None)
        return plain_http or NotCardDAV(
            f"No CardDAV address book was found for account {self._connection.account!r} at "
            f"{self._wire.trust.configured.origin}. Check the address; cardsync check tells where it was sought."
        )


def _has_dns(host: str) -> bool:
    if "." not in host or host.endswith((".local", ".localhost")):
        return False
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False
