"""The proxy does what its catalogue says, and cardsync comes through all of it: the short form of the long run."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from requests.auth import _basic_auth_str

from servers import Running
from servers.fault_proxy import FaultProxy, Kind, Reply, Request, Strike, faulty
from servers.fixtures import start
from torture.card_faults import DAMAGE
from torture.fault_scene import WAITS, cards
from torture.faults import CATALOGUE, HONEST, Case, Stage
from torture.frame import Report
from torture.wire_faults import Fault

BY_NAME = {fault.name: fault for fault in CATALOGUE}
CARD = cards()["Ann"]
_NAMES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"'
_BODIES = {
    Kind.DISCOVERY: ("PROPFIND", "0", f"<propfind {_NAMES}><prop><current-user-principal/></prop></propfind>"),
    Kind.MARKER: ("PROPFIND", "0", f"<propfind {_NAMES}><prop><sync-token/></prop></propfind>"),
    Kind.LISTING: ("PROPFIND", "1", f"<propfind {_NAMES}><prop><getetag/></prop></propfind>"),
    Kind.ETAG: ("PROPFIND", "0", f"<propfind {_NAMES}><prop><getetag/></prop></propfind>"),
    Kind.FIRST_SYNC: ("REPORT", "1", f"<sync-collection {_NAMES}><sync-token/>%s</sync-collection>"),
    Kind.SYNC: ("REPORT", "1", f"<sync-collection {_NAMES}><sync-token>TOKEN</sync-token>%s</sync-collection>"),
    Kind.MULTIGET: ("REPORT", "0", f"<C:addressbook-multiget {_NAMES}>%s</C:addressbook-multiget>"),
}
_SYNC = "<sync-level>1</sync-level><prop><getetag/></prop>"
_DATA = "<prop><getetag/><C:address-data/></prop>"


@dataclass(slots=True)
class Client:
    """Asks as a CardDAV client does, one connection for each request, and says what it saw."""

    server: Running
    proxy: FaultProxy
    book: str = ""
    token: str = ""

    def __post_init__(self) -> None:
        self.book = urlsplit(self.server.book_url).path

    def sees(self, kind: Kind) -> Reply | str:
        """The reply, or the name of what broke."""
        url = urlsplit(self.server.book_url)
        connection = HTTPConnection(url.netloc, timeout=10)
        try:
            connection.request(*self._request(kind))
            answer = connection.getresponse()
            return Reply(status=answer.status, headers=tuple(answer.getheaders()), body=answer.read())
        except (HTTPException, OSError) as error:
            return type(error).__name__
        finally:
            connection.close()

    def _request(self, kind: Kind) -> tuple[str, str, bytes, dict[str, str]]:
        login = {"Authorization": _basic_auth_str(self.server.username.encode(), self.server.password.encode())}
        if kind is Kind.GET:
            return "GET", f"{self.book}Ann.vcf", b"", login
        if kind is Kind.PUT:
            return "PUT", f"{self.book}Ann.vcf", CARD, {**login, "Content-Type": "text/vcard; charset=utf-8"}
        method, depth, body = _BODIES[kind]
        hrefs = "".join(f"<href>{self.book}{name}.vcf</href>" for name in ("Eve", "Ann"))
        body = body.replace("%s", _DATA + hrefs if kind is Kind.MULTIGET else _SYNC).replace("TOKEN", self.token)
        headers = {**login, "Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        return method, self.book + ("Ann.vcf" if kind is Kind.ETAG else ""), body.encode(), headers

    def struck(self, name: str, kind: Kind) -> Reply | str:
        """What it sees under that fault, which must have found something to do."""
        fault = BY_NAME[name]
        self.proxy.director = lambda request: (name, fault.strike) if request.kind in fault.kinds else None
        try:
            seen = self.sees(kind)
            self.proxy.settle()
            assert [struck for struck, _ in self.proxy.struck] == [name], (name, kind)
            return seen
        finally:
            self.proxy.heal()
            self.proxy.struck.clear()

    def stored(self) -> bytes:
        return self.server.get_card("Ann.vcf")

    def whole(self, name: str, kind: Kind) -> Reply:
        seen = self.struck(name, kind)
        assert isinstance(seen, Reply), seen
        return seen


def parsed(reply: Reply) -> ET.Element:
    return ET.fromstring(reply.body)  # noqa: S314 - the server is ours


def named(reply: Reply | str) -> list[str]:
    """The last segments of a multistatus's hrefs."""
    assert isinstance(reply, Reply)
    return [node.text or "" for node in parsed(reply).iter("{DAV:}href")]


@pytest.fixture(scope="module")
def filled(radicale: Running) -> Running:
    book = radicale.make_book("proxied", "proxied")
    for key, card in cards().items():
        book.put_card(f"{key}.vcf", card)
    return book


@pytest.fixture
def client(filled: Running) -> Iterator[Client]:
    with faulty(filled) as (proxied, proxy):
        client = Client(proxied, proxy)
        filled.put_card("Ann.vcf", CARD)
        first = client.sees(Kind.FIRST_SYNC)
        assert isinstance(first, Reply)
        client.token = parsed(first).findtext("{DAV:}sync-token") or ""
        filled.put_card("Eve.vcf", cards()["Eve"].replace(b"VP Sales", b"CRO"))
        filled.put_card("Eve.vcf", cards()["Eve"])
        filled.put_card("Ann.vcf", CARD.replace(b"VP Sales", b"CRO"))
        yield client


# ---------------------------------------------------------------- the proxy


def test_every_fault_of_the_catalogue_is_injected_and_seen_by_the_client(client: Client) -> None:
    unseen = {"late", "closed right after the response", "a PUT sent twice, the first answer"}
    asked = {kind: client.sees(kind) for kind in (*_BODIES, Kind.GET)}
    assert len(BY_NAME) == len(CATALOGUE)
    for fault in CATALOGUE:
        for kind in sorted(fault.kinds - {Kind.PUT}):
            if fault.name == "cut inside the request's body" and kind is Kind.GET:
                continue  # has none
            seen = client.struck(fault.name, kind)
            assert fault.name in unseen or _without_date(seen) != _without_date(asked[kind]), (fault.name, kind)
        if Kind.PUT in fault.kinds and fault.name != "cut inside the body":
            client.struck(fault.name, Kind.PUT)
            client.sees(Kind.PUT)


def _without_date(seen: Reply | str) -> Reply | str:
    return seen if isinstance(seen, str) else seen.with_header("Date", None)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("cut before it is forwarded", False),
        ("cut inside the request's body", False),
        ("cut after it is forwarded", True),
        ("closed after it is forwarded", True),
        ("cut inside the status line", True),
        ("cut inside the headers", True),
    ],
)
def test_a_cut_comes_before_or_after_the_server_has_taken_the_card(client: Client, name: str, taken: bool) -> None:
    before = client.stored()
    assert isinstance(client.struck(name, Kind.PUT), str)
    assert (client.stored() != before) == taken


@pytest.mark.parametrize("status", [403, 412, 500, 502, 503, 504])
def test_a_put_that_was_taken_is_answered_with_an_error(client: Client, status: int) -> None:
    before = client.stored()
    assert client.whole(f"{status} to a PUT that was taken", Kind.PUT).status == status
    assert client.stored() != before


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_put_that_was_not_taken_is_answered_with_success(client: Client, status: int) -> None:
    before = client.stored()
    assert client.whole(f"{status} to a PUT that was not taken", Kind.PUT).status == status
    assert client.stored() == before


def test_a_reply_is_cut_inside_its_body(client: Client) -> None:
    assert client.struck("cut inside the body", Kind.GET) in {"IncompleteRead", "ConnectionResetError"}


def test_two_pages_are_the_whole_listing(client: Client) -> None:
    fault = BY_NAME["507: a page and its rest"]
    everything = sorted(named(client.sees(Kind.FIRST_SYNC)))
    client.proxy.director = lambda request: (fault.name, fault.strike)
    first = client.sees(Kind.FIRST_SYNC)
    client.token = "urn:page-two"
    second = client.sees(Kind.SYNC)
    assert sorted([*named(first)[1:], *named(second)]) == everything
    assert named(first)[0] == client.book
    assert named(first)[1:] and named(second)


def test_a_token_that_is_not_known_gives_everything(client: Client) -> None:
    changed = named(client.sees(Kind.SYNC))
    assert len(named(client.struck("the token unknown: everything", Kind.SYNC))) > len(changed) > 0


@pytest.mark.parametrize(
    ("form", "etag"), [("weak", 'W/"x"'), ("unquoted", "x"), ("missing", None), ("-gzip", '"x-gzip"'), ("a star", "*")]
)
def test_etags_come_in_other_forms_in_headers_and_in_xml(client: Client, form: str, etag: str | None) -> None:
    plain = client.sees(Kind.GET)
    assert isinstance(plain, Reply)
    opaque = (plain.header("ETag") or "").strip('"')
    wanted = etag and etag.replace("x", opaque, 1)
    assert client.whole(f"ETag {form} in a header", Kind.GET).header("ETag") == wanted
    told = parsed(client.whole(f"ETag {form} in XML", Kind.ETAG)).findtext(".//{DAV:}getetag")
    assert told == wanted


@pytest.mark.parametrize("name", [name for name in DAMAGE if name not in {"cut in half", "as (null)", "as nothing"}])
def test_a_card_is_stored_and_served_as_something_else(client: Client, name: str) -> None:
    served = client.whole(f"a card served {name}", Kind.GET)
    assert served.body == DAMAGE[name](client.stored()) != client.stored()
    client.struck(f"a card stored {name}", Kind.PUT)
    damaged = client.stored()
    client.sees(Kind.PUT)
    assert damaged != client.stored()


# ---------------------------------------------------------------- cardsync behind it


@dataclass(slots=True)
class Deck:
    """Each fault once, at the first request that it applies to."""

    left: list[Fault] = field(default_factory=list)

    def __call__(self, request: Request) -> tuple[str, Strike] | None:
        fault = next((fault for fault in self.left if request.kind in fault.kinds), None)
        if fault is None:
            return None
        self.left.remove(fault)
        return fault.name, fault.strike

    def waits(self) -> Iterator[timedelta]:
        """Cycles enough for those that end one."""
        for number in range(6):
            if self.left:
                yield WAITS[number % 2]


@pytest.fixture
def stage(radicale: Running, folder: Path) -> Stage:
    return Stage(radicale.make_book(f"b{folder.name.lower()}", "faulty"), folder, 7, Report())


def decks(size: int) -> list[Deck]:
    """All honest faults but those that end a cycle, mixed and dealt; of these, the two pauses."""
    pauses = {"429, Retry-After: an hour", "503, Retry-After: 10^30"}
    faults = [fault for fault in HONEST if not fault.stops or fault.name in pauses]
    random.Random(7).shuffle(faults)
    return [Deck(faults[start : start + size]) for start in range(0, len(faults), size)]


def test_many_faults_in_a_row_lose_and_double_nothing(stage: Stage) -> None:
    for number, deck in enumerate(decks(22)):
        stage.through(deck, deck.waits(), f"deck {number}")
    assert stage.report.failures == []
    assert stage.report.figures["faults_injected"] > 75


ALONE = [
    Case(fault=BY_NAME["401"], second=True, number=3),
    Case(fault=BY_NAME["a multiget with 404 for its last card"], second=True),
    Case(fault=BY_NAME["a listing without its last members"], second=True),
    Case(fault=BY_NAME["cards in a multiget as (null)"], second=False, lasting=True),
    Case(fault=BY_NAME["a card served for another"], second=True, lasting=True),
    Case(fault=BY_NAME["a card served with its note cut at a comma"], second=True, number=1),
    Case(fault=BY_NAME["a card stored with its note cut at a comma"], second=True, number=1),
    Case(fault=BY_NAME["a card stored without its title"], second=True, lasting=True),
]


@pytest.mark.parametrize("case", ALONE, ids=str)
def test_a_lie_a_loss_or_a_lockout_harms_no_card(stage: Stage, case: Case) -> None:
    stage.strike(case)
    assert stage.report.failures == []


@pytest.mark.parametrize("name", ["cut before it is forwarded", "502", "403 to a PUT"])
def test_a_fault_at_one_card_does_not_keep_the_others_waiting(stage: Stage, name: str) -> None:
    assert stage.strike(Case(fault=BY_NAME[name], second=True, lasting=True, only="Ann.vcf"))
    assert stage.report.failures == []


@pytest.mark.parametrize("name", ["xandikos", "sabre"])
def test_other_servers_behind_the_proxy_fare_no_worse(folder: Path, name: str) -> None:
    with start(name, folder / "server") as server:
        stage = Stage(server, folder / "runs", 7, Report())
        deck = decks(22)[1]
        stage.through(deck, deck.waits(), "deck")
    assert stage.report.failures == []
    assert stage.report.figures["faults_injected"] > 10
