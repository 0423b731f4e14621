"""The owner's calendar as a source, on Radicale and Xandikos, and on servers that mean harm."""

import asyncio
import gzip
import logging
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import pytest
import trustme

from cardsync.evidence import calendar
from cardsync.evidence.alone import alone
from cardsync.evidence.caldav_objects import CalendarOptions
from cardsync.evidence.calendar import Calendar
from cardsync.evidence.guarded_session import may_go
from cardsync.model import EvidenceKind
from cardsync.sources import Consulted, Need, SourceFailed, Subject
from replay import answering
from servers import Running
from servers.calendars import OwnCalendar, meeting
from servers.fixtures import start
from servers.loopback import Request, Response, serve

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
JO = Subject(
    id=1,
    values={
        Need.NAME: ("Jo Ruiz",),
        Need.ORGANISATION: ("Acme GmbH",),
        Need.WORK_EMAIL: ("jo@acme.example",),
    },
)
AL = Subject(id=2, values={Need.NAME: ("Al Bo",), Need.ORGANISATION: ("Bo AG",), Need.WORK_EMAIL: ("al@bo.example",)})


@pytest.fixture(scope="session", params=("radicale", "xandikos"))
def calendar_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Each of the two, kept for the run."""
    with start(request.param, tmp_path_factory.mktemp(f"calendar-{request.param}")) as server:
        yield server


@pytest.fixture
def shelf(calendar_server: Running) -> Iterator[OwnCalendar]:
    """An empty calendar."""
    home = "owner" if calendar_server.name == "radicale" else "user/calendars"
    made = OwnCalendar(calendar_server, f"{calendar_server.url}{home}/meetings/")
    made.make()
    yield made
    made.remove()


def options(url: str, **changes: Any) -> CalendarOptions:
    values: dict[str, Any] = {"username": "owner", "password": "a pass:wörd", "allow_http": True}
    values |= {"addresses": ("Owner@Home.example",)} | changes
    return CalendarOptions(url=url, **values)


async def looked(
    url: str, *subjects: Subject, cursor: Mapping[str, Any] | None = None, now: datetime = NOW, **changes: Any
) -> Consulted:
    with answering({}, ()) as web:
        return await Calendar(options(url, **changes)).look(subjects or (JO, AL), cursor or {}, web, now)


async def test_answered_invitations_are_found_on_a_real_server(shelf: OwnCalendar) -> None:
    shelf.invite("met", NOW - timedelta(days=20), "Jo Ruiz", "JO@acme.example")
    shelf.invite("met-before", NOW - timedelta(days=70), "Jo Ruiz", "jo@acme.example")
    shelf.invite("asked", NOW - timedelta(days=2), "Al Bo", "al@bo.example", "NEEDS-ACTION")
    shelf.invite("too-old", NOW - timedelta(days=400), "Al Bo", "al@bo.example")
    found = await looked(shelf.server.url)
    assert [(contact, said.kind, said.happened_at) for contact, said in found.evidence] == [
        (1, EvidenceKind.MET, datetime(2026, 11, 3, 9, tzinfo=UTC))
    ]


async def test_a_new_address_is_found_on_a_real_server(shelf: OwnCalendar) -> None:
    shelf.invite("moved", NOW - timedelta(days=9), "Jo Ruiz", "jo@initech.example")
    assert [(contact, said.kind, said.suggested) for contact, said in (await looked(shelf.server.url)).evidence] == [
        (1, EvidenceKind.NEW_ADDRESS, "initech.example")
    ]


async def test_invitations_of_others_say_nothing_on_a_real_server(shelf: OwnCalendar) -> None:
    day = NOW - timedelta(days=9)
    shelf.invite("met", day, "Jo Ruiz", "jo@acme.example", organizer="spam@evil.example")
    shelf.invite("moved", day, "Jo Ruiz", "jo@initech.example", organizer="jo@initech.example")
    assert (await looked(shelf.server.url)).evidence == []


async def test_a_later_look_reads_what_is_new_and_of_a_new_contact_everything(shelf: OwnCalendar) -> None:
    shelf.invite("long-ago", NOW - timedelta(days=100), "Jo Ruiz", "jo@acme.example")
    first = await looked(shelf.server.url, JO)
    assert len(first.evidence) == 1
    later = NOW + timedelta(days=30)
    shelf.invite("new", NOW + timedelta(days=20), "Jo Ruiz", "jo@acme.example")
    again = await looked(shelf.server.url, JO, cursor=first.cursor, now=later)
    assert [said.happened_at for _, said in again.evidence] == [datetime(2026, 12, 13, 9, tzinfo=UTC)]
    quiet = await looked(shelf.server.url, JO, cursor=again.cursor, now=later + timedelta(days=60))
    assert len(quiet.evidence) == 1  # of the two weeks before the last look: answers come late
    assert (await looked(shelf.server.url, JO, cursor=quiet.cursor, now=later + timedelta(days=61))).evidence == []
    shelf.invite("al", NOW - timedelta(days=90), "Jo Ruiz", "al@bo.example")
    found = await looked(shelf.server.url, JO, AL, cursor=again.cursor, now=later)
    assert sorted(contact for contact, _ in found.evidence) == [1, 2]


async def test_a_series_without_end_is_not_expanded_here(shelf: OwnCalendar) -> None:
    shelf.invite("daily", NOW - timedelta(days=30), "Jo Ruiz", "jo@acme.example", more="RRULE:FREQ=DAILY\n")
    found = await looked(shelf.server.url, JO)
    assert [said.happened_at for _, said in found.evidence] == [datetime(2026, 10, 24, 9, tzinfo=UTC)]


async def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    with start("radicale", tmp_path) as server:
        with pytest.raises(SourceFailed, match="password") as failed:
            await looked(server.url, password="s3cret-word")
        assert "s3cret-word" not in str(failed.value)


async def test_nothing_of_it_reaches_a_log(shelf: OwnCalendar, caplog: pytest.LogCaptureFixture) -> None:
    shelf.invite("met", NOW - timedelta(days=20), "Jo Ruiz", "jo@acme.example")
    library = logging.getLogger("caldav")
    library.propagate = True
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "caldav"):
        await looked(shelf.server.url)
    told = [record for record in caplog.records if record.name.partition(".")[0] == "caldav"]
    assert told == []
    assert not any(word in caplog.text for word in ("secret", "acme", "wörd", "w%C3%B6rd"))


# ---------------------------------------------------------------- servers that mean harm

_PROPFIND = """<?xml version="1.0"?><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:response>
<D:href>{}</D:href><D:propstat><D:prop>{}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
</D:multistatus>"""


def multistatus(href: str, prop: str) -> Response:
    return Response(207, _PROPFIND.format(href, prop).encode(), [("Content-Type", "application/xml")])


def calendars_at(home: str, addresses: str = "", event: str = "BEGIN:VCALENDAR") -> Callable[[Request], Response]:
    """A server that says that the calendars are at ``home``, and wants Basic."""

    def answer(request: Request) -> Response:
        if "authorization" not in request.headers:
            return Response(401, headers=[("WWW-Authenticate", 'Basic realm="x"')])
        if b"calendar-user-address-set" in request.body:
            return multistatus("/me/", f"<C:calendar-user-address-set>{addresses}</C:calendar-user-address-set>")
        if b"current-user-principal" in request.body:
            return multistatus("/", "<D:current-user-principal><D:href>/me/</D:href></D:current-user-principal>")
        if b"calendar-home-set" in request.body:
            return multistatus("/me/", f"<C:calendar-home-set><D:href>{home}</D:href></C:calendar-home-set>")
        if request.method == "PROPFIND":
            return multistatus("/cal/", "<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>")
        return multistatus("/cal/1.ics", f"<C:calendar-data>{event}</C:calendar-data>")

    return answer


async def test_a_plain_server_of_that_shape_is_read() -> None:
    with serve(calendars_at("/cal/")) as server:
        assert (await looked(server.origin + "/")).evidence == []
        assert {request.method for request in server.requests} == {"PROPFIND", "REPORT"}


_HREFS = "<D:href>/principals/me/</D:href><D:href>mailto:Owner@home.example</D:href>"


@pytest.mark.parametrize(
    ("hrefs", "changes"),
    [
        (_HREFS, {"addresses": ()}),
        (_HREFS.replace("<D:href>mailto", '<D:href preferred="x">mailto'), {"addresses": ("owner@home.example",)}),
        ("", {"addresses": (), "username": "owner@home.example"}),
        ("nonsense<D:x/>", {"addresses": ("owner@home.example",)}),
    ],
)
async def test_the_owner_s_addresses_are_the_server_s_the_login_and_those_set(
    hrefs: str, changes: dict[str, Any]
) -> None:
    met = meeting("1", NOW - timedelta(days=22), "Jo Ruiz", "jo@acme.example")
    with serve(calendars_at("/cal/", hrefs, met)) as server:
        assert [contact for contact, _ in (await looked(server.origin + "/", **changes)).evidence] == [1]


async def test_a_server_that_knows_no_address_of_the_owner_s_is_told_of() -> None:
    with (
        serve(calendars_at("/cal/", "<D:href>/principals/me/</D:href>")) as server,
        pytest.raises(SourceFailed, match="Set addresses in"),
    ):
        await looked(server.origin + "/", addresses=())


@pytest.mark.parametrize("form", ["{}/cal/", "http://localhost:{port}/cal/"])
async def test_calendars_on_another_origin_get_no_login(form: str) -> None:
    with serve(calendars_at("/cal/")) as other:
        with (
            serve(calendars_at(form.format(other.origin, port=other.port))) as server,
            pytest.raises(SourceFailed, match="another one"),
        ):
            await looked(server.origin + "/")
        assert other.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_origin_is_not_followed(status: int) -> None:
    with serve(calendars_at("/cal/")) as other:

        def away(_: Request) -> Response:
            return Response(status, headers=[("Location", f"http://localhost:{other.port}/")])

        with serve(away) as server, pytest.raises(SourceFailed, match="another one"):
            await looked(server.origin + "/")
        assert other.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_within_the_server_keeps_method_and_body(status: int) -> None:
    inner = calendars_at("/cal/")

    def answer(request: Request) -> Response:
        if request.path == "/":
            return Response(status, headers=[("Location", "/dav/")])
        return inner(request)

    with serve(answer) as server:
        await looked(server.origin + "/")
        assert {request.method for request in server.requests} == {"PROPFIND", "REPORT"}


async def test_a_redirect_in_circles_ends() -> None:
    with (
        serve(lambda _: Response(301, headers=[("Location", "/")])) as server,
        pytest.raises(SourceFailed, match="circles"),
    ):
        await looked(server.origin + "/")


_ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c SYSTEM "file:///etc/hostname">]><D:multistatus xmlns:D="DAV:"><D:response>&b;&c;
</D:response></D:multistatus>"""


@pytest.mark.parametrize(
    "response",
    [
        Response(500),
        Response(503, headers=[("Retry-After", "9" * 400)]),
        Response(429, headers=[("Retry-After", "-5")]),
        Response(403),
        Response(404),
        Response(200, b"<html>login</html>", [("Content-Type", "text/html")]),
        Response(207, b"<", [("Content-Type", "application/xml")]),
        Response(207, b"", [("Content-Type", "application/xml")]),
        Response(207, _ENTITIES, [("Content-Type", "application/xml")]),
        Response(207, b"<a>" * 100_000, [("Content-Type", "application/xml")]),
        Response(207, gzip.compress(b"<a/>" * 1_000_000), [("Content-Encoding", "gzip")]),
        Response(207, b"x" * 100, cut=10),
        Response(301, headers=[("Location", "http://[")]),
        Response(301, headers=[("Location", "http://user:pass@127.0.0.1:1/")]),
    ],
)
async def test_a_server_in_trouble_is_a_failure_in_one_sentence(response: Response) -> None:
    with serve(lambda _: response) as server:
        try:
            found = await looked(server.origin + "/")
        except SourceFailed as failed:
            assert str(failed).endswith(".")
            assert failed.wait is None or timedelta(0) < failed.wait <= timedelta(days=1)
        else:
            assert found.evidence == []


@pytest.mark.parametrize(
    ("status", "after", "wait"),
    [(503, "120", timedelta(minutes=2)), (429, "9" * 9, timedelta(days=1)), (500, "", None), (503, "soon", None)],
)
async def test_a_busy_server_is_left_alone_as_long_as_it_asks(status: int, after: str, wait: timedelta | None) -> None:
    with (
        serve(lambda _: Response(status, headers=[("Retry-After", after)])) as server,
        pytest.raises(SourceFailed, match="later") as failed,
    ):
        await looked(server.origin + "/")
    assert failed.value.wait == wait


@pytest.mark.parametrize(
    ("home", "url", "allowed"),
    [
        ("https://cal.example/dav/", "https://CAL.example:443/x", True),
        ("https://cal.example/", "https://cal.example:8443/", False),
        ("https://cal.example/", "http://cal.example/", False),
        ("https://cal.example/", "https://evil.example/", False),
        ("https://cal.example/", "https://cal.example@evil.example/", False),
        ("https://cal.example/", "https://x:y@cal.example/", False),
        ("https://caldav.icloud.com/", "https://p42-caldav.icloud.com:443/", True),
        ("https://caldav.icloud.com/", "https://p42-caldav.icloud.com:8443/", False),
        ("https://caldav.icloud.com/", "https://eviliicloud.com/", False),
        ("https://cal.example/", "https://p42-caldav.icloud.com/", False),
        ("https://cal.example/", "https://[", False),
    ],
)
def test_the_login_goes_to_one_server_only(home: str, url: str, allowed: bool) -> None:
    assert may_go(home, url) is allowed


async def test_a_server_that_sends_without_end_is_cut_off() -> None:
    endless = Response(207, b"x" * 21_000_000, [("Content-Type", "application/xml")])
    with serve(lambda _: endless) as server, pytest.raises(SourceFailed, match="more"):
        await looked(server.origin + "/")


class Trickle:
    """A byte now and then, for ever; ``left`` is set when nobody listens any more, ``begun`` when somebody does."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.begun, self.left = threading.Event(), threading.Event()

    def __call__(self, stream: BufferedIOBase) -> None:
        self.begun.set()
        try:
            stream.write(self.head)
            while True:
                stream.write(b"a")
                time.sleep(0.02)
        except OSError:
            self.left.set()
            raise


_HEADERS = b"HTTP/1.1 207 Multi-Status\r\nX-Slow: "
_BODY = b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 9000000\r\n\r\n"
_REFUSAL = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 9000000\r\n\r\n'


@pytest.mark.timeout(60)
@pytest.mark.parametrize("head", [b"", _HEADERS, _BODY])
async def test_a_server_that_trickles_ends_with_the_time_of_a_look(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar, "SECONDS", 0.5)
    trickle = Trickle(head)
    with serve(lambda _: Response(raw=trickle)) as server, pytest.raises(SourceFailed, match=r"slowly|broke off"):
        await looked(server.origin + "/")
    assert trickle.left.wait(30)


@pytest.mark.timeout(60)
async def test_what_stands_in_a_refusal_is_not_read() -> None:
    trickle, inner = Trickle(_REFUSAL), calendars_at("/cal/")

    def answer(request: Request) -> Response:
        return inner(request) if "authorization" in request.headers else Response(raw=trickle)

    with serve(answer) as server:
        assert (await looked(server.origin + "/")).evidence == []
    assert trickle.left.wait(30)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_look_that_is_given_up_hangs_up_and_keeps_nobody_else_waiting(scheme: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    trickle = Trickle(_HEADERS)
    pool = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(pool)
    with serve(lambda _: Response(raw=trickle), tls if scheme == "https" else None) as server:
        look = asyncio.create_task(looked(server.origin + "/", ca_file=tmp_path / "ca.pem"))
        while not trickle.begun.is_set():
            assert not look.done(), look
            await asyncio.sleep(0.01)
        async with asyncio.timeout(60):  # a connection by name, as every other part of the house makes
            await asyncio.get_running_loop().getaddrinfo("localhost", 80)
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
        assert trickle.left.wait(60)


@pytest.mark.timeout(60)
async def test_no_second_look_begins_while_one_that_was_given_up_goes_on() -> None:
    ending = threading.Event()
    first = asyncio.create_task(alone("a calendar", ending.wait, lambda: None))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(SourceFailed, match="not ended"):
        await alone("a calendar", ending.wait, lambda: None)
    ending.set()
    while True:
        try:
            assert await alone("a calendar", lambda: True, lambda: None)
        except SourceFailed:
            await asyncio.sleep(0.01)
        else:
            break


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://x.example/", "cal.example", "https://", "https://["])
async def test_a_url_that_is_not_encrypted_or_none_is_refused_before_any_request(url: str) -> None:
    with pytest.raises(SourceFailed, match="must begin with https"):
        await looked(url, allow_http=False)


async def test_a_digest_login_never_sends_the_password() -> None:
    inner = calendars_at("/cal/")

    def answer(request: Request) -> Response:
        if not request.headers.get("authorization", "").startswith("Digest"):
            challenge = 'Digest realm="x", nonce="n", qop="auth", algorithm=SHA-256'
            return Response(401, headers=[("WWW-Authenticate", challenge)])
        return inner(request)

    with serve(answer) as server:
        await looked(server.origin + "/")
        assert not any("Basic" in request.headers.get("authorization", "") for request in server.requests)


async def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy, nor a netrc, nor the library's own variables, of which one writes all traffic to files."""
    from caldav.lib import error

    monkeypatch.setattr(error, "debug_dump_communication", True)  # PYTHON_CALDAV_COMMDUMP
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login x password y\n")
    for name, value in {
        "HTTP_PROXY": "http://127.0.0.1:9/",
        "ALL_PROXY": "http://127.0.0.1:9/",
        "NETRC": str(tmp_path / "netrc"),
        "CALDAV_URL": "http://127.0.0.1:9/",
    }.items():
        monkeypatch.setenv(name, value)
    with serve(calendars_at("/cal/")) as server:
        await looked(server.origin + "/")
        assert server.requests
    assert names_in(tmp_path) == ["netrc"]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
