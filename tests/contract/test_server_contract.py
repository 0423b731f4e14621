"""What the stages rely on: the server in memory and the real client on a real server behave alike."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest

from cardsync.carddav.client import CardDAVClient, Connection
from cardsync.errors import TokenRefused
from cardsync.ports import Server
from cardsync.resources import AddressBook, AddressObject, Fetched, PutResult
from in_memory import HOME, MemoryServer, person
from servers import Running, start_xandikos

JO, AL, EVE = person("Jo"), person("Al"), person("Eve")


class InMemory:
    def __init__(self) -> None:
        self.server = MemoryServer()

    def put(self, name: str, data: bytes) -> None:
        self.server.write(HOME + name, data)

    def delete(self, name: str) -> None:
        self.server.delete(HOME + name)

    def data(self, name: str) -> bytes:
        return self.server.cards[HOME + name]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Server]:
        yield self.server


class OnXandikos:
    def __init__(self, running: Running) -> None:
        self.running = running

    def put(self, name: str, data: bytes) -> None:
        self.running.put_card(name, data)

    def delete(self, name: str) -> None:
        self.running.delete_card(name)

    def data(self, name: str) -> bytes:
        return self.running.get_card(name)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Server]:
        url, user, password = self.running.url, self.running.username, self.running.password
        connection = Connection(account="home", url=url, username=user, password=password, allow_http=True)
        async with CardDAVClient(connection) as client:
            yield client


@pytest.fixture(scope="module")
def xandikos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start_xandikos(tmp_path_factory.mktemp("xandikos")) as running:
        yield running


@pytest.fixture(params=["memory", "xandikos"])
def both(request: pytest.FixtureRequest) -> InMemory | OnXandikos:
    """Each of the two with three cards."""
    if request.param == "memory":
        made: InMemory | OnXandikos = InMemory()
    else:
        running: Running = request.getfixturevalue("xandikos")
        for name in running.list_cards():
            running.delete_card(name)
        made = OnXandikos(running)
    for name, data in (("jo.vcf", JO), ("al.vcf", AL), ("eve.vcf", EVE)):
        made.put(name, data)
    return made


async def all_of(server: Server, book: AddressBook, hrefs: list[str]) -> Fetched:
    objects: list[AddressObject] = []
    gone: set[str] = set()
    failed: dict[str, str] = {}
    async with aclosing(server.fetch(book, hrefs)) as batches:
        async for batch in batches:
            objects += batch.objects
            gone |= batch.gone
            failed |= batch.failed
    return Fetched(objects=tuple(objects), gone=frozenset(gone), failed=failed)


def run(both: InMemory | OnXandikos, story: Callable[[Server, AddressBook, dict[str, str]], Awaitable[None]]) -> None:
    """Tell ``story(server, book, hrefs by name)``."""

    async def told() -> None:
        async with both.open() as server:
            (book,) = [found for found in await server.discover() if found.writable]
            listing = await server.listing(book)
            await story(server, book, {href.rpartition("/")[2]: href for href in listing.etags})

    asyncio.run(told())


def test_a_listing_names_every_card_and_its_marker_leads_to_nothing_new(both: InMemory | OnXandikos) -> None:
    async def story(server: Server, book: AddressBook, hrefs: dict[str, str]) -> None:
        assert hrefs.keys() == {"jo.vcf", "al.vcf", "eve.vcf"}
        first = await server.changes(book, None)
        assert first.complete
        assert first.etags.keys() == set(hrefs.values())
        again = await server.changes(book, first.marker)
        assert (dict(again.etags), again.removed, again.marker) == ({}, frozenset(), first.marker)

    run(both, story)


def test_changes_name_the_new_the_edited_and_the_removed_and_nothing_else(both: InMemory | OnXandikos) -> None:
    async def story(server: Server, book: AddressBook, hrefs: dict[str, str]) -> None:
        before = await server.changes(book, None)
        both.put("jo.vcf", person("Jo", "now with a note"))
        both.put("kim.vcf", person("Kim"))
        both.delete("al.vcf")
        delta = await server.changes(book, before.marker)
        assert not delta.complete
        assert {href.rpartition("/")[2] for href in delta.etags} == {"jo.vcf", "kim.vcf"}
        assert delta.removed == {hrefs["al.vcf"]}
        assert delta.etags[hrefs["jo.vcf"]] != before.etags[hrefs["jo.vcf"]]
        assert delta.marker != before.marker

    run(both, story)


def test_a_marker_from_elsewhere_is_refused(both: InMemory | OnXandikos) -> None:
    async def story(server: Server, book: AddressBook, hrefs: dict[str, str]) -> None:
        with pytest.raises(TokenRefused):
            await server.changes(book, "http://elsewhere.test/sync/17")

    run(both, story)


def test_a_fetch_accounts_for_every_href(both: InMemory | OnXandikos) -> None:
    async def story(server: Server, book: AddressBook, hrefs: dict[str, str]) -> None:
        both.delete("eve.vcf")
        found = await all_of(server, book, list(hrefs.values()))
        assert found.gone == {hrefs["eve.vcf"]}
        assert not found.failed
        etags = (await server.listing(book)).etags
        assert {one.href: one.etag for one in found.objects} == etags
        by_href = {one.href: one.data.replace(b"\r\n", b"\n") for one in found.objects}
        assert by_href[hrefs["jo.vcf"]] == JO.replace(b"\r\n", b"\n")

    run(both, story)


def test_a_put_needs_the_version_that_it_names(both: InMemory | OnXandikos) -> None:
    async def story(server: Server, book: AddressBook, hrefs: dict[str, str]) -> None:
        href = hrefs["jo.vcf"]
        got = await server.get(book, href)
        assert got is not None
        assert got.etag
        assert (got.data, await server.stored(book, got)) == (JO, got)
        done = await server.put(book, href, person("Jo", "one"), got.etag)
        assert done.result is PutResult.STORED
        late = await server.put(book, href, person("Jo", "two"), got.etag)
        assert late.result is PutResult.CONFLICT
        assert both.data("jo.vcf") == person("Jo", "one")

    run(both, story)


def test_a_card_that_is_gone_is_none_and_never_made_again(both: InMemory | OnXandikos) -> None:
    async def story(server: Server, book: AddressBook, hrefs: dict[str, str]) -> None:
        href = hrefs["jo.vcf"]
        got = await server.get(book, href)
        assert got is not None
        both.delete("jo.vcf")
        assert await server.get(book, href) is None
        answer = await server.put(book, href, JO, got.etag or "")
        assert answer.result in {PutResult.GONE, PutResult.CONFLICT}
        assert href not in (await server.listing(book)).etags

    run(both, story)
