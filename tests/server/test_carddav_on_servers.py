"""The adapter against every server: what a user would miss if it went wrong."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast
from urllib.parse import unquote

import pytest

from cardsync.carddav.client import CardDAVClient, Connection
from cardsync.errors import LoginRefused, ServerProblem, TokenRefused
from cardsync.resources import AddressBook, AddressObject, Fetched, PutResult, SyncMethod
from servers import Running, Told, start_converting

ODD_NAMES = ("plain.vcf", "a b.vcf", "a+b.vcf", "a%40b.vcf", "a@b.vcf", "ü.vcf", "a~b.vcf", "a&b.vcf", "x%2520y.vcf")


def card(uid: str, note: str = "", version: str = "3.0") -> bytes:
    lines = ["BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}", "N:Ruiz;Jo;;;", "FN:Jo Ruiz"]
    lines += [f"NOTE:{note}"] if note else []
    return "".join(f"{line}\r\n" for line in [*lines, "END:VCARD"]).encode()


def connection(server: Running, **changes: Any) -> Connection:
    given: dict[str, Any] = {
        "account": "home",
        "url": server.url,
        "username": server.username,
        "password": server.password,
        "allow_http": True,
        "trusted_origins": server.trusted_origins,
    }
    return Connection(**(given | changes))


def same_path(one: str, other: str) -> bool:
    return unquote(one).rstrip("/") == unquote(other).rstrip("/")


async def gathered(client: CardDAVClient, book: AddressBook, hrefs: list[str]) -> Fetched:
    objects: list[AddressObject] = []
    gone: set[str] = set()
    failed: dict[str, str] = {}
    async with aclosing(cast("Any", client.fetch(book, hrefs))) as batches:
        async for batch in batches:
            objects += batch.objects
            gone |= batch.gone
            failed |= batch.failed
    return Fetched(objects=tuple(objects), gone=frozenset(gone), failed=failed)


def normalised(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").strip()


@pytest.fixture
async def client(server: Running) -> AsyncIterator[CardDAVClient]:
    async with CardDAVClient(connection(server)) as made:
        yield made


@pytest.fixture
async def book(server: Running, client: CardDAVClient) -> AddressBook:
    books = await client.discover()
    return next(book for book in books if same_path(book.href, server.book_url))


async def test_discovery_finds_the_book_and_tells_each_step_without_naming_the_user(
    server: Running, client: CardDAVClient, book: AddressBook
) -> None:
    assert book.writable, book.read_only_reason
    told = " ".join(f"{step.what} {step.where} {step.outcome}" for step in client.steps)
    assert "answers" in told
    assert server.username not in told
    assert server.password not in told


async def test_the_books_own_url_leads_to_it_as_well(server: Running) -> None:
    origins = (*server.trusted_origins, server.url)
    async with CardDAVClient(connection(server, url=server.book_url, trusted_origins=origins)) as client:
        books = await client.discover()
    assert any(same_path(book.href, server.book_url) for book in books)


async def test_a_book_that_the_config_names_and_the_server_lacks_is_told_with_those_that_exist(server: Running) -> None:
    async with CardDAVClient(connection(server, address_books=("No such book",))) as client:
        with pytest.raises(ServerProblem, match=r"'No such book'.*It has: '"):
            await client.discover()


async def test_a_book_can_be_chosen_by_name_and_by_path(server: Running, book: AddressBook) -> None:
    path = "/" + server.book_url.split("/", 3)[3]
    for name in (book.display_name.upper(), path, path.rstrip("/")):
        async with CardDAVClient(connection(server, address_books=(name,))) as client:
            assert [found.href for found in await client.discover()] == [book.href]


async def test_everything_is_listed_and_fetched_as_the_other_client_sees_it(
    server: Running, client: CardDAVClient, book: AddressBook
) -> None:
    for number, name in enumerate(ODD_NAMES):
        server.put_card(name, card(f"odd-{number}", "Grüße\\, 😀"))
    listed = await client.changes(book, None)
    assert listed.complete
    assert len(listed.etags) == len(ODD_NAMES)
    everything = await gathered(client, book, list(listed.etags))
    assert not everything.failed
    assert not everything.gone
    by_multiget = {one.href: one.data for one in everything.objects}
    assert set(by_multiget) == set(listed.etags)
    served = sorted(normalised(server.get_card(name)) for name in ODD_NAMES)
    assert sorted(map(normalised, by_multiget.values())) == served
    for href, data in by_multiget.items():
        got = await client.get(book, href)
        assert got is not None, href
        assert normalised(got.data) == normalised(data)
        assert got.etag == listed.etags[href]


async def test_odd_names_can_be_written_and_land_in_their_own_card(
    server: Running, client: CardDAVClient, book: AddressBook
) -> None:
    for number, name in enumerate(ODD_NAMES):
        server.put_card(name, card(f"odd-{number}"))
    for href in (await client.listing(book)).etags:
        got = await client.get(book, href)
        assert got is not None
        assert got.etag is not None
        changed = got.data.replace(b"FN:Jo Ruiz", b"FN:Jo Ruiz\r\nNOTE:asked")
        answer = await client.put(book, href, changed, got.etag)
        assert answer.result is PutResult.STORED, (href, answer)
    assert len(server.list_cards()) == len(ODD_NAMES)
    assert all(b"NOTE:asked" in server.get_card(name) for name in ODD_NAMES)


async def test_changes_name_what_was_added_changed_and_deleted_and_nothing_else(
    server: Running, client: CardDAVClient, book: AddressBook
) -> None:
    for name in ("stays.vcf", "changes.vcf", "goes.vcf"):
        server.put_card(name, card(name))
    before = await client.changes(book, None)
    server.put_card("changes.vcf", card("changes.vcf", "new"))
    server.put_card("comes.vcf", card("comes.vcf"))
    server.delete_card("goes.vcf")
    after = await client.changes(book, before.marker)
    if after.complete:
        gone = set(before.etags) - set(after.etags)
        touched = {href for href, etag in after.etags.items() if before.etags.get(href) != etag}
    else:
        gone, touched = set(after.removed), set(after.etags)
    assert {href.rpartition("/")[2] for href in gone} == {"goes.vcf"}
    assert {href.rpartition("/")[2] for href in touched} == {"changes.vcf", "comes.vcf"}
    assert after.marker != before.marker


async def test_nothing_new_is_told_as_nothing(server: Running, client: CardDAVClient, book: AddressBook) -> None:
    server.put_card("one.vcf", card("one"))
    before = await client.changes(book, None)
    assert before.marker
    again = await client.changes(book, before.marker)
    assert not again.complete
    assert not again.etags
    assert not again.removed


async def test_a_ctag_is_taken_for_a_proof_only_where_it_is_a_hash(
    server: Running, client: CardDAVClient, book: AddressBook
) -> None:
    """Radicale's is; from then on every single change has to show, however quickly it comes."""
    before = await client.changes(book, None)
    quiet = await client.changes(book, before.marker)
    assert quiet.unchanged is (server.name == "radicale" or book.method is SyncMethod.CTAG)
    marker = quiet.marker
    for round_ in range(5):
        server.put_card("one.vcf", card("one", f"version {round_}"))
        after = await client.changes(book, marker)
        assert "one.vcf" in {href.rpartition("/")[2] for href in after.etags}
        assert not (await client.changes(book, after.marker)).removed
        marker = after.marker
    server.delete_card("one.vcf")
    gone = await client.changes(book, marker)
    assert "one.vcf" in {href.rpartition("/")[2] for href in gone.removed} or gone.etags == {}


async def test_a_garbage_token_never_passes_for_no_changes(
    server: Running, client: CardDAVClient, book: AddressBook
) -> None:
    server.put_card("one.vcf", card("one"))
    try:
        listed = await client.changes(book, "http://example.org/no-token-of-yours")
    except TokenRefused:
        listed = await client.listing(book)
    assert [href.rpartition("/")[2] for href in listed.etags] == ["one.vcf"]


async def test_a_listing_has_a_marker_that_changes_go_on_from(
    server: Running, client: CardDAVClient, book: AddressBook
) -> None:
    server.put_card("one.vcf", card("one"))
    listed = await client.listing(book)
    assert listed.complete
    server.put_card("two.vcf", card("two"))
    after = await client.changes(book, listed.marker)
    assert "two.vcf" in {href.rpartition("/")[2] for href in after.etags}


async def test_every_href_asked_for_is_accounted_for(server: Running, client: CardDAVClient, book: AddressBook) -> None:
    for name in ("one.vcf", "two.vcf", "three.vcf"):
        server.put_card(name, card(name))
    hrefs = sorted((await client.listing(book)).etags)
    missing = hrefs[0].replace("one.vcf", "none.vcf").replace("three.vcf", "none.vcf")
    everything = await gathered(client, book, [*hrefs, missing, "/elsewhere/x.vcf"])
    assert sorted(one.href for one in everything.objects) == hrefs
    assert everything.gone == {missing}
    assert set(everything.failed) == {"/elsewhere/x.vcf"}


async def test_a_put_over_an_edit_that_we_did_not_see_changes_nothing(
    server: Running, client: CardDAVClient, book: AddressBook
) -> None:
    server.put_card("one.vcf", card("one"))
    (href,) = (await client.listing(book)).etags
    got = await client.get(book, href)
    assert got is not None
    assert got.etag
    server.put_card("one.vcf", card("one", "from the phone"))
    answer = await client.put(book, href, got.data, got.etag)
    assert answer.result is PutResult.CONFLICT
    assert b"NOTE:from the phone" in server.get_card("one.vcf")


async def test_a_deleted_card_is_never_created_again(server: Running, client: CardDAVClient, book: AddressBook) -> None:
    server.put_card("one.vcf", card("one"))
    (href,) = (await client.listing(book)).etags
    got = await client.get(book, href)
    assert got is not None
    assert got.etag
    server.delete_card("one.vcf")
    answer = await client.put(book, href, got.data, got.etag)
    assert answer.result in {PutResult.GONE, PutResult.CONFLICT}
    assert await client.get(book, href) is None
    assert server.list_cards() == []


@pytest.mark.parametrize("etag", ["*", "", " * ", '"a", *', '"a"\r\nX-Injected: 1'])
async def test_a_put_without_a_real_condition_is_not_sent(
    server: Running, client: CardDAVClient, book: AddressBook, etag: str
) -> None:
    server.put_card("one.vcf", card("one"))
    (href,) = (await client.listing(book)).etags
    answer = await client.put(book, href, card("one", "overwritten"), etag)
    assert answer.result is PutResult.REFUSED
    assert b"overwritten" not in server.get_card("one.vcf")


async def test_a_wrong_password_is_refused_with_a_hint(server: Running) -> None:
    if server.name == "xandikos":
        pytest.skip("Xandikos has no login here")
    async with CardDAVClient(connection(server, password="wrong")) as client:
        with pytest.raises(LoginRefused, match="app password"):
            await client.discover()
        with pytest.raises(LoginRefused):
            await client.discover()


async def test_more_cards_than_fit_in_a_batch_come(server: Running, client: CardDAVClient, book: AddressBook) -> None:
    count = 110 if server.name in {"radicale", "icloud-shaped", "converting"} else 25
    for number in range(count):
        server.put_card(f"{number}.vcf", card(f"uid-{number}", "x" * 300))
    listed = await client.changes(book, None)
    everything = await gathered(client, book, list(listed.etags))
    assert len(everything.objects) == count
    assert not everything.failed


class TestConversion:
    """A server that stores 4.0 and serves 3.0 under the same ETag."""

    async def _got(self, client: CardDAVClient, version: str, running: Running) -> tuple[AddressBook, AddressObject]:
        running.put_card("one.vcf", card("one", version=version))
        (book,) = await client.discover()
        (href,) = (await client.listing(book)).etags
        got = await client.get(book, href)
        assert got is not None
        return book, got

    async def test_the_stored_form_is_proved_by_its_md5_and_written_as_it_is(self) -> None:
        with start_converting() as running:
            async with CardDAVClient(connection(running)) as client:
                book, got = await self._got(client, "4.0", running)
                assert b"VERSION:3.0" in got.data
                stored = await client.stored(book, got)
                assert stored is not None
                assert stored.data == card("one", version="4.0")
                assert stored.etag is not None
                after = card("one", "asked", version="4.0")
                answer = await client.put(book, stored.href, after, stored.etag)
                assert answer.result is PutResult.STORED
                assert running.get_card("one.vcf", "application/x-stored") == after
                seen = await client.get(book, stored.href)
                assert seen is not None
                assert seen.data == after  # the GET after the PUT asks for the version that is stored

    async def test_a_stored_3_0_card_is_not_taken_for_its_upgrade(self) -> None:
        with start_converting() as running:
            async with CardDAVClient(connection(running)) as client:
                book, got = await self._got(client, "3.0", running)
                stored = await client.stored(book, got)
                assert stored is not None
                assert stored.data == card("one")

    async def test_without_a_proof_nothing_may_be_written(self) -> None:
        with start_converting(md5_etags=False) as running:
            async with CardDAVClient(connection(running)) as client:
                book, got = await self._got(client, "4.0", running)
                assert await client.stored(book, got) is None

    async def test_a_length_that_both_forms_have_proves_nothing_where_more_than_the_version_differs(self) -> None:
        with start_converting(md5_etags=False, told=Told.TRUTH) as running:
            async with CardDAVClient(connection(running)) as client:
                book, _ = await self._got(client, "3.0", running)
                lines = ["X-ADDRESSBOOKSERVER-KIND:x", *["PHOTO;ENCODING=b;TYPE=JPEG:/9j/"] * 10, "END:VCARD"]
                running.put_card("one.vcf", card("one").replace(b"END:VCARD", "\r\n".join(lines).encode()))
                forms = {len(running.get_card("one.vcf", f"text/vcard; version={v}")) for v in ("3.0", "4.0")}
                assert len(forms) == 1
                got = await client.get(book, "/dav/owner/contacts/one.vcf")
                assert got is not None
                assert await client.stored(book, got) is None


async def test_a_write_costs_no_get_more_where_nothing_converts(book: AddressBook, server: Running) -> None:
    assert book.may_convert == (server.name == "converting")
