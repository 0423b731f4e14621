"""From a mail address, by DNS, to the books; and what makes a book read-only."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import dns.asyncresolver
import dns.message
import dns.rrset
import pytest
import stamina

from cardsync.carddav import xml
from cardsync.carddav.books import address_book
from cardsync.carddav.client import CardDAVClient, Connection
from cardsync.carddav.hrefs import parse_url
from cardsync.carddav.service import Service, find_services
from cardsync.errors import OriginRefused, ServerProblem, Unreachable
from cardsync.resources import SyncMethod
from servers.dav import found, multistatus
from servers.loopback import Response, serve

ZONE = {
    ("_carddavs._tcp.home.test.", "SRV"): ["10 1 8443 spare.dav.test.", "0 1 443 dav.test."],
    ("_carddavs._tcp.home.test.", "TXT"): ['"path=/dav/"'],
    ("_carddavs._tcp.odd.test.", "SRV"): ["0 1 443 a\\032b.test.", "10 1 443 dav.test."],
    ("_carddavs._tcp.none.test.", "SRV"): ["0 0 0 ."],
}


class _NameServer(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        reply = dns.message.make_response(query)
        if records := ZONE.get((question.name.to_text(), kind)):
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), addr)


@pytest.fixture
async def resolver() -> AsyncIterator[dns.asyncresolver.Resolver]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_NameServer, local_addr=("127.0.0.1", 0))
    made = dns.asyncresolver.Resolver(configure=False)
    made.nameservers = ["127.0.0.1"]
    made.port = transport.get_extra_info("sockname")[1]
    yield made
    transport.close()


async def test_dns_names_the_services_the_preferred_first(resolver: dns.asyncresolver.Resolver) -> None:
    assert await find_services("home.test", resolver) == (
        Service(host="dav.test", port=443, path="/dav/"),
        Service(host="spare.dav.test", port=8443, path="/dav/"),
    )
    assert await find_services("none.test", resolver) == ()
    assert await find_services("nowhere.test", resolver) == ()


async def test_a_host_that_only_dns_names_gets_nothing_and_the_owner_is_told_which_to_pin(
    resolver: dns.asyncresolver.Resolver,
) -> None:
    connection = Connection(account="home", url="jo@home.test", username="jo@home.test", password="secret")
    async with CardDAVClient(connection, resolver=resolver) as client:
        with pytest.raises(OriginRefused) as caught:
            await client.discover()
    assert caught.value.origin == "https://dav.test"
    assert 'trusted_origins = ["https://dav.test"]' in str(caught.value)
    assert any("dav.test:443" in step.outcome for step in client.steps)


async def test_a_host_that_cannot_be_one_is_passed_over(resolver: dns.asyncresolver.Resolver) -> None:
    connection = Connection(account="home", url="jo@odd.test", username="jo@odd.test", password="secret")
    async with CardDAVClient(connection, resolver=resolver) as client:
        with pytest.raises(OriginRefused) as caught:
            await client.discover()
    assert caught.value.origin == "https://dav.test"


# ---------------------------------------------------------------- a part that fails

BOOK = "<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype><D:displayname>{}</D:displayname>"
MARKER = "<CS:getctag>1</CS:getctag>"
HOMES = "<C:addressbook-home-set><D:href>/one/</D:href><D:href>/two/</D:href></C:addressbook-home-set>"
WHOLE = {
    "/": multistatus(found("/", "<D:current-user-principal><D:href>/principal/</D:href></D:current-user-principal>")),
    "/principal/": multistatus(found("/principal/", HOMES)),
    "/one/": multistatus(found("/one/", ""), found("/one/b/", BOOK.format("One") + MARKER)),
    "/two/": multistatus(found("/two/", ""), found("/two/b/", BOOK.format("Two"))),  # tells its marker only when asked
    "/two/b/": multistatus(found("/two/b/", MARKER)),
}


async def discovered(parts: Mapping[str, Response]) -> dict[str, SyncMethod]:
    """The books by name, and how each tells its changes."""
    with serve(lambda request: parts.get(request.path, Response(404))) as server:
        connection = Connection(account="a", url=f"{server.origin}/", username="u", password="p", allow_http=True)
        async with CardDAVClient(connection) as client:
            return {book.display_name: book.method for book in await client.discover()}


@pytest.mark.parametrize("part", ["/principal/", "/two/", "/two/b/"])
@pytest.mark.parametrize(
    "trouble", [Response(500), Response(502), Response(207, b"<cut"), Response(200), multistatus()]
)
async def test_a_part_that_fails_is_no_proof_that_a_book_is_gone(part: str, trouble: Response) -> None:
    with stamina.set_testing(True), pytest.raises((ServerProblem, Unreachable)):
        await discovered({**WHOLE, part: trouble})


@pytest.mark.parametrize("code", [403, 404, 410])
async def test_what_the_server_says_is_not_there_is_not(code: int) -> None:
    assert await discovered(WHOLE) == {"One": SyncMethod.CTAG, "Two": SyncMethod.CTAG}
    assert await discovered({**WHOLE, "/two/": Response(code)}) == {"One": SyncMethod.CTAG}
    assert await discovered({**WHOLE, "/two/b/": Response(code)}) == {"One": SyncMethod.CTAG, "Two": SyncMethod.LISTING}


# ---------------------------------------------------------------- what makes a book


def answer(properties: str) -> xml.Answer:
    answers: list[xml.Answer] = []
    kind = "" if "resourcetype" in properties else "<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype>"
    document = (
        '<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:OC="http://owncloud.org/ns"'
        f' xmlns:CS="http://calendarserver.org/ns/">{found("/b/", kind + properties)}</D:multistatus>'
    )
    reader = xml.MultistatusReader(answers.append, 1 << 20)
    reader.feed(document.encode())
    reader.close()
    return answers[0]


def made(properties: str, url: str = "https://dav.example.org/jo/Work%20%26%20more/", **changes: Any) -> Any:
    connection = Connection(account="home", url=url, username="jo", password="x", **changes)
    return address_book(connection, parse_url(url), answer(properties), parse_url("https://dav.example.org/p/jo/"))


def privileges(*names: str) -> str:
    inner = "".join(f"<D:privilege><D:{name}/></D:privilege>" for name in names)
    return f"<D:current-user-privilege-set>{inner}</D:current-user-privilege-set>"


def test_a_book_without_a_name_is_called_after_its_path() -> None:
    assert made("").display_name == "Work & more"
    assert made("<D:displayname>Friends</D:displayname>").display_name == "Friends"


def test_privileges_decide_where_the_server_names_any() -> None:
    assert made("").writable
    assert made(privileges("read", "write-content")).writable
    refused = made(privileges("read"), write_anyway=True)
    assert not refused.writable
    assert "no right to write" in refused.read_only_reason
    assert not made("<D:current-user-privilege-set/>").writable


@pytest.mark.parametrize(
    "properties",
    [
        "<D:resourcetype><D:collection/><C:addressbook/><CS:shared/></D:resourcetype>",
        "<D:share-access><D:read-write/></D:share-access>",
        "<D:share-access><D:shared-owner/></D:share-access>",
        "<D:owner><D:href>/p/kim/</D:href></D:owner>",
        "<OC:owner-principal>principals/users/kim</OC:owner-principal>",
    ],
)
def test_a_shared_book_is_read_only_unless_the_owner_says_otherwise(properties: str) -> None:
    assert "shared" in made(properties).read_only_reason
    assert made(properties, write_anyway=True).writable


@pytest.mark.parametrize(
    "properties",
    [
        "<D:share-access><D:not-shared/></D:share-access>",
        "<D:owner><D:href>/principals/users/JO</D:href></D:owner>",
        "<D:owner/>",
        "<OC:owner-principal>principals/users/jo</OC:owner-principal>",
    ],
)
def test_the_owners_own_book_is_not_taken_for_a_shared_one(properties: str) -> None:
    assert made(properties).writable


def test_google_is_read_only_with_its_reason() -> None:
    book = made("", "https://www.googleapis.com/carddav/v1/principals/x/lists/default/")
    assert "If-Match" in book.read_only_reason


def test_how_a_book_tells_its_changes() -> None:
    one = "<D:supported-report><D:report>{}</D:report></D:supported-report>"
    report = f"<D:supported-report-set>{one}</D:supported-report-set>"
    assert made(report.format("<D:sync-collection/>")).method is SyncMethod.COLLECTION
    assert made(report.format("<D:expand-property/>") + "<CS:getctag>1</CS:getctag>").method is SyncMethod.CTAG
    assert made("<D:sync-token>t</D:sync-token>").method is SyncMethod.COLLECTION
    assert made("").method is SyncMethod.LISTING


def test_sizes_and_versions() -> None:
    offered = "<C:supported-address-data>{}</C:supported-address-data><C:max-resource-size>262144</C:max-resource-size>"
    three = '<C:address-data-type content-type="text/vcard" version="3.0"/>'
    only_three = made(offered.format(three))
    assert (only_three.may_convert, only_three.max_resource_size) == (False, 262144)
    assert made(offered.format(three + three.replace("3.0", "4.0"))).may_convert
    assert made("<C:max-resource-size>lots</C:max-resource-size>").max_resource_size is None
    for digits in ("9" * 30, "9" * 5000, "0"):
        assert made(f"<C:max-resource-size>{digits}</C:max-resource-size>").max_resource_size is None
