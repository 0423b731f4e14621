"""Hops, credentials, refusals and faults, on loopback servers that do what no real one does on demand."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from cardsync.carddav.client import CardDAVClient, Connection
from cardsync.carddav.hrefs import parse_url
from cardsync.carddav.origins import Trust
from cardsync.carddav.throttle import pause
from cardsync.errors import (
    CertificateRefused,
    ConfigError,
    ListingFailed,
    LoginRefused,
    NotCardDAV,
    OriginRefused,
    ServerProblem,
    Throttled,
    TokenRefused,
    Unreachable,
)
from cardsync.resources import AddressBook, Fetched, PutResult, SyncMethod
from servers.dav import found, multistatus, status
from servers.loopback import Request, Response, serve

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nN:A;B;;;\r\nFN:B A\r\nEND:VCARD\r\n"


def client(url: str, **changes: Any) -> CardDAVClient:
    given: dict[str, Any] = {
        "account": "home",
        "url": url,
        "username": "owner",
        "password": "secret",
        "allow_http": True,
    }
    return CardDAVClient(Connection(**(given | changes)))


def book(origin: str, method: SyncMethod = SyncMethod.COLLECTION, **changes: Any) -> AddressBook:
    given: dict[str, Any] = {"account": "home", "display_name": "b", "method": method, "writable": True}
    return AddressBook(href=f"{origin}/b/", **(given | changes))


def replies(*made: Response) -> Callable[[Request], Response]:
    """One after the other, the last one for ever."""
    left = list(made)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


def etag(path: str, value: str = '"1"') -> str:
    return found(path, f"<D:getetag>{value}</D:getetag>")


# ---------------------------------------------------------------- where credentials go


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_keeps_method_body_and_credentials_on_its_own_origin(code: int) -> None:
    with serve(
        lambda r: Response(code, headers=[("Location", "/b/")]) if r.path == "/" else multistatus(found("/b/", ""))
    ) as server:
        async with client(server.origin) as made:
            with pytest.raises(NotCardDAV):
                await made.discover()
        first, second = server.requests[:2]
        assert (second.method, second.body, second.path) == ("PROPFIND", first.body, "/b/")
        assert second.headers["authorization"] == first.headers["authorization"]


async def test_a_redirect_to_another_origin_is_refused_and_nothing_is_sent_there() -> None:
    with (
        serve(lambda _r: multistatus()) as foreign,
        serve(lambda _r: Response(301, headers=[("Location", f"{foreign.origin}/")])) as server,
    ):
        async with client(server.origin.replace("127.0.0.1", "localhost")) as made:
            with pytest.raises(OriginRefused, match="trusted_origins") as caught:
                await made.discover()
        assert caught.value.origin == foreign.origin
        assert foreign.requests == []


async def test_an_absolute_home_set_on_another_origin_gets_nothing_until_it_is_pinned() -> None:
    with serve(lambda _r: multistatus(found("/", ""))) as foreign:
        home = f"<C:addressbook-home-set><D:href>{foreign.origin}/h/</D:href></C:addressbook-home-set>"
        with serve(lambda r: multistatus(found("/", home)) if r.path == "/" else Response(404)) as server:
            async with client(server.origin) as made:
                with pytest.raises(OriginRefused):
                    await made.discover()
            assert foreign.requests == []
            async with client(server.origin, trusted_origins=(foreign.origin,)) as made:
                with pytest.raises(NotCardDAV):
                    await made.discover()
            assert foreign.asked()[0] == "PROPFIND /h/"
            assert "authorization" in foreign.requests[0].headers


def trust(url: str, *pinned: str) -> Trust:
    return Trust(
        Connection(account="a", url=url, username="u", password="p", trusted_origins=pinned, allow_http="http:" in url)
    )


def test_icloud_and_nobody_else_may_send_us_to_its_other_hosts() -> None:
    icloud = trust("https://contacts.icloud.com")
    icloud.check(parse_url("https://p42-contacts.icloud.com:443/").origin)
    for url in (
        "https://icloud.com.evil.example/",
        "https://evilicloud.com/",
        "http://p42-contacts.icloud.com/",
        "https://p42-contacts.icloud.com:8443/",
    ):
        with pytest.raises(ServerProblem):
            icloud.check(parse_url(url).origin)
    with pytest.raises(OriginRefused):
        trust("https://dav.example.org").check(parse_url("https://p42-contacts.icloud.com/").origin)


def test_behind_a_proxy_a_wrong_scheme_or_port_of_the_same_host_leads_back_to_the_way_we_came() -> None:
    made = trust("https://cloud.example.org")
    at = parse_url("https://cloud.example.org/.well-known/carddav")
    for target in (
        "http://cloud.example.org/dav/",
        "https://cloud.example.org:8080/dav/",
        "/dav/",
        "https://u:p@cloud.example.org/dav/",
    ):
        assert str(made.redirected(at, target)) == "https://cloud.example.org/dav/"


def test_https_never_leads_to_http() -> None:
    with pytest.raises(OriginRefused):
        trust("https://a.example", "http://b.example").redirected(parse_url("https://a.example/"), "http://b.example/")


async def test_redirects_in_circles_end() -> None:
    with serve(lambda _r: Response(302, headers=[("Location", "/again/")])) as server:
        async with client(server.origin) as made:
            with pytest.raises(ServerProblem, match="circles"):
                await made.listing(book(server.origin))
        assert len(server.requests) == 6


async def test_without_allow_http_nothing_is_sent_in_the_clear() -> None:
    with serve(lambda _r: multistatus()) as server:
        async with client(server.origin, allow_http=False) as made:
            with pytest.raises(ServerProblem, match="allow_http"):
                await made.discover()
        assert server.requests == []


# ---------------------------------------------------------------- login


async def test_a_refused_password_is_tried_once_by_a_client() -> None:
    with serve(lambda _r: Response(401, headers=[("WWW-Authenticate", 'Basic realm="x"')])) as server:
        async with client(server.origin) as made:
            for _ in range(3):
                with pytest.raises(LoginRefused):
                    await made.discover()
            with pytest.raises(LoginRefused):
                await made.put(book(server.origin), "/b/1.vcf", CARD, '"1"')
        assert len(server.requests) == 1


async def test_no_cookie_is_kept() -> None:
    with serve(lambda _r: Response(207, multistatus().body, [("Set-Cookie", "a=b; Path=/")])) as server:
        async with client(server.origin) as made:
            for _ in range(2):
                with pytest.raises(ListingFailed):
                    await made.listing(book(server.origin))
        assert all("cookie" not in request.headers for request in server.requests)


# ---------------------------------------------------------------- pauses, faults


@given(st.one_of(st.none(), st.text(max_size=40), st.integers().map(str), st.datetimes().map(lambda d: d.ctime())))
def test_a_pause_is_never_absurd(value: str | None) -> None:
    wait = pause(503, value, NOW)
    assert wait is not None
    assert timedelta(minutes=1) <= wait <= timedelta(hours=2)


def test_a_pause_is_taken_as_seconds_and_as_a_date() -> None:
    assert pause(429, "120", NOW) == timedelta(minutes=2)
    assert pause(503, "Fri, 01 May 2026 12:30:00 GMT", NOW) == timedelta(minutes=30)
    assert pause(429, "0", NOW) == timedelta(minutes=1)
    assert pause(429, "Fri, 01 May 2099 12:30:00 GMT", NOW) == timedelta(hours=2)
    assert pause(500, "120", NOW) is None


@pytest.mark.parametrize("code", [429, 503])
async def test_a_server_that_wants_a_pause_is_not_asked_again(code: int) -> None:
    with serve(lambda _r: Response(code, headers=[("Retry-After", "600")])) as server:
        async with client(server.origin) as made:
            with pytest.raises(Throttled) as caught:
                await made.changes(book(server.origin), "t")
            assert caught.value.wait == timedelta(minutes=10)
            answer = await made.put(book(server.origin), "/b/1.vcf", CARD, '"1"')
        assert (answer.result, answer.wait) == (PutResult.BUSY, timedelta(minutes=10))
        assert len(server.requests) == 2


async def test_a_connection_that_breaks_once_does_not_fail_a_listing() -> None:
    whole = multistatus(found("/b/", ""), etag("/b/1.vcf"))
    with serve(replies(Response(207, whole.body, cut=200), whole)) as server:
        async with client(server.origin) as made:
            listed = await made.changes(book(server.origin, SyncMethod.LISTING), None)
    assert list(listed.etags) == ["/b/1.vcf"]


async def test_a_server_that_ends_the_connection_after_each_redirect_is_followed_all_the_same() -> None:
    whole = multistatus(etag("/b/1.vcf"))
    answers = [Response(301, headers=[("Location", "/b/")]), Response(207, whole.body, cut=200), whole]
    last: list[str] = []

    def one(request: Request) -> Response:
        """What follows a redirect on its connection breaks."""
        kind = 0 if request.path == "/old/" else 1 if last[-1:] == ["/old/"] else 2
        last.append(request.path)
        return answers[kind]

    with serve(one) as server:
        async with client(server.origin) as made:
            moved = replace(book(server.origin, SyncMethod.LISTING), href=f"{server.origin}/old/")
            await made.listing(moved)
    assert last == ["/old/", "/b/", "/b/"]


async def test_a_put_whose_connection_breaks_is_sent_once_and_not_known() -> None:
    with serve(lambda _r: Response(200, b"x" * 100, cut=10)) as server:
        async with client(server.origin) as made:
            answer = await made.put(book(server.origin), "/b/1.vcf", CARD, '"1"')
        assert answer.result is PutResult.UNKNOWN
        assert server.asked() == ["PUT /b/1.vcf"]


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with serve(lambda _r: Response()) as server:
        origin = server.origin
    async with client(origin) as made:
        with pytest.raises(Unreachable):
            await made.discover()
        with pytest.raises(Unreachable):
            await made.put(book(origin), "/b/1.vcf", CARD, '"1"')


async def test_a_server_that_does_not_answer_in_time_is_unreachable() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    over = asyncio.Event()
    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with client(origin, read_timeout=0.05) as made:
        with pytest.raises(Unreachable, match="in time"):
            await made.listing(book(origin))
    over.set()
    listener.close()
    await listener.wait_closed()


async def test_a_page_that_is_no_carddav_is_told_as_such() -> None:
    with serve(lambda _r: Response(200, b"<html>Welcome</html>")) as server:
        async with client(server.origin) as made:
            with pytest.raises(NotCardDAV):
                await made.discover()


# ---------------------------------------------------------------- TLS


async def test_a_foreign_certificate_is_refused_until_ca_file_names_its_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    with serve(lambda _r: multistatus(found("/b/", ""), etag("/b/1.vcf")), context) as server:
        async with client(server.origin) as made:
            with pytest.raises(CertificateRefused, match="ca_file"):
                await made.discover()
        assert server.requests == []
        async with client(server.origin, ca_file=pem) as made:
            assert (await made.listing(book(server.origin, SyncMethod.LISTING))).etags == {"/b/1.vcf": '"1"'}


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing", "utf-8")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(ConfigError, match="ca_file"):
            client("https://dav.example.org", ca_file=tmp_path / name)


# ---------------------------------------------------------------- listings


@pytest.mark.parametrize(
    "reply",
    [
        Response(200, b""),
        Response(207, b""),
        Response(204),
        Response(500),
        Response(207, b"<html/>"),
        multistatus(),
        multistatus(found("/b/", ""), etag("/b/1.vcf"), status("/b/", 507)),
        Response(207, multistatus(etag("/b/1.vcf")).body[:-20]),
    ],
)
async def test_a_listing_that_cannot_be_believed_is_a_failure_and_never_an_empty_book(reply: Response) -> None:
    with serve(lambda _r: reply) as server:
        async with client(server.origin) as made:
            for method in SyncMethod:
                with pytest.raises(ListingFailed):
                    await made.listing(book(server.origin, method))
            with pytest.raises(ListingFailed):
                await made.changes(book(server.origin, SyncMethod.CTAG), "c")


@pytest.mark.parametrize("code", [400, 404, 405, 409, 410, 412, 415, 500, 501, 507])
async def test_any_refusal_of_a_report_with_a_token_means_list_again(code: int) -> None:
    with serve(lambda r: Response(code) if r.method == "REPORT" else multistatus(found("/b/", ""))) as server:
        async with client(server.origin) as made:
            with pytest.raises(TokenRefused):
                await made.changes(book(server.origin), "t")


async def test_a_forbidden_report_is_about_the_token_only_if_it_says_so() -> None:
    with serve(lambda _r: Response(403)) as server:
        async with client(server.origin) as made:
            with pytest.raises(ServerProblem) as caught:
                await made.changes(book(server.origin), "t")
    assert not isinstance(caught.value, TokenRefused)


async def test_a_book_that_is_gone_is_told_as_gone() -> None:
    with serve(lambda _r: Response(404)) as server:
        async with client(server.origin) as made:
            for method in SyncMethod:
                with pytest.raises(ServerProblem, match="not there any more"):
                    await made.changes(book(server.origin, method), "t")
                with pytest.raises(ServerProblem, match="not there any more"):
                    await made.listing(book(server.origin, method))


async def test_pages_are_followed_until_the_last_one() -> None:
    pages = (
        multistatus(etag("/b/1.vcf"), etag("/b/2.vcf"), status("/b/", 507), token="p1"),
        multistatus(etag("/b/1.vcf", '"2"'), status("/b/2.vcf", 404), token="p2"),
    )
    with serve(replies(*pages)) as server:
        async with client(server.origin) as made:
            listed = await made.changes(book(server.origin), "p0")
    assert listed.etags == {"/b/1.vcf": '"2"'}
    assert listed.removed == {"/b/2.vcf"}
    assert listed.marker == "p2"
    assert [b"p0" in r.body or b"p1" in r.body for r in server.requests] == [True, True]


async def test_pages_without_end_are_a_failure() -> None:
    with serve(lambda _r: multistatus(status("/b/", 507), token="same")) as server:
        async with client(server.origin) as made:
            with pytest.raises(ListingFailed):
                await made.changes(book(server.origin), "t")
        assert len(server.requests) == 2


async def test_strange_hrefs_of_a_listing_are_left_out() -> None:
    strange = ("/b/", "/b/sub/", "/b/../c/1.vcf", "https://evil.example/b/1.vcf", "/c/1.vcf", "/b/a%0Ab")
    with serve(lambda _r: multistatus(*map(etag, strange), etag("/b/1.vcf"))) as server:
        async with client(server.origin) as made:
            assert list((await made.listing(book(server.origin, SyncMethod.LISTING))).etags) == ["/b/1.vcf"]


async def test_an_equal_ctag_costs_one_request() -> None:
    with serve(lambda _r: multistatus(found("/b/", "<CS:getctag>c1</CS:getctag>"))) as server:
        async with client(server.origin) as made:
            listed = await made.changes(book(server.origin, SyncMethod.CTAG), "c1")
        assert listed.unchanged
        assert server.asked() == ["PROPFIND /b/"]


async def test_no_change_costs_one_request() -> None:
    with serve(lambda _r: multistatus(token="t1")) as server:
        async with client(server.origin) as made:
            await made.changes(book(server.origin), "t1")
        assert server.asked() == ["REPORT /b/"]
        assert server.requests[0].headers["depth"] == "1"


# ---------------------------------------------------------------- multiget


def objects(*paths: str) -> Response:
    return multistatus(
        *(found(p, f'<D:getetag>"1"</D:getetag><C:address-data>{CARD.decode()}</C:address-data>') for p in paths)
    )


async def fetched(made: CardDAVClient, where: AddressBook, hrefs: list[str]) -> list[Fetched]:
    return [batch async for batch in made.fetch(where, hrefs)]


def poisoned(bad: str, reply: Callable[[], Response]) -> Callable[[Request], Response]:
    """One card makes every multiget that holds it fail; a GET of it is an empty body."""

    def answer(request: Request) -> Response:
        if request.method == "GET":
            return Response(200, b"" if request.path == bad else b"single", [("ETag", '"1"')])
        if bad.encode() in request.body:
            return reply()
        return objects(*(part.split("</D:href>")[0] for part in request.body.decode().split("<D:href>")[1:]))

    return answer


@pytest.mark.parametrize(
    "reply",
    [
        lambda: Response(500),
        lambda: Response(413),
        lambda: Response(404),
        lambda: Response(207, b"<D:multistatus xmlns:D='DAV:'>\x01</D:multistatus>"),
        lambda: Response(207, objects("/b/1.vcf").body, cut=80),
    ],
)
async def test_one_bad_card_is_quarantined_and_the_others_arrive(reply: Callable[[], Response]) -> None:
    hrefs = [f"/b/{number}.vcf" for number in range(20)]
    with serve(poisoned("/b/7.vcf", reply)) as server:
        async with client(server.origin) as made:
            batches = await fetched(made, book(server.origin), hrefs)
    assert {href: "empty" in why for batch in batches for href, why in batch.failed.items()} == {"/b/7.vcf": True}
    assert sorted(one.href for batch in batches for one in batch.objects) == sorted(set(hrefs) - {"/b/7.vcf"})


async def test_what_a_reply_leaves_out_is_asked_for_singly() -> None:
    def answer(request: Request) -> Response:
        if request.method == "REPORT":
            return objects("/b/1.vcf", "/b/not-asked.vcf")
        return Response(200, CARD, [("ETag", '"2"')]) if request.path == "/b/2.vcf" else Response(404)

    with serve(answer) as server:
        async with client(server.origin) as made:
            (batch,) = await fetched(made, book(server.origin), ["/b/1.vcf", "/b/2.vcf", "/b/3.vcf"])
    assert [one.href for one in batch.objects] == ["/b/1.vcf", "/b/2.vcf"]
    assert batch.gone == {"/b/3.vcf"}


async def test_hrefs_are_spelt_in_a_multiget_as_the_server_spelt_them_and_matched_in_any_spelling() -> None:
    hrefs = ["/b/a%40b&c.vcf", "/b/x%2fy.vcf", "/b/ü.vcf"]
    with serve(lambda _r: objects("/b/a@b&c.vcf", "/b/x%2Fy.vcf", "/b/%C3%BC.vcf")) as server:
        async with client(server.origin) as made:
            (batch,) = await fetched(made, book(server.origin), hrefs)
        for href in hrefs:
            assert f"<D:href>{href.replace('&', '&amp;')}</D:href>".encode() in server.requests[0].body
    assert [one.href for one in batch.objects] == hrefs


async def test_the_next_batch_is_asked_for_before_one_is_handed_out() -> None:
    hrefs = [f"/b/{number}.vcf" for number in range(250)]

    second = threading.Event()

    def answer(request: Request) -> Response:
        if b"/b/100.vcf" in request.body:
            second.set()
        return objects(*(part.split("</D:href>")[0] for part in request.body.decode().split("<D:href>")[1:]))

    with serve(answer) as server:
        async with client(server.origin) as made:
            batches = made.fetch(book(server.origin), hrefs)
            first = await anext(batches)
            assert len(first.objects) == 100
            # the loop stands still here, as it does while a batch goes into the database
            assert second.wait(10)
            assert len([batch async for batch in batches]) == 2
        assert len(server.requests) == 3


async def test_a_consumer_that_stops_leaves_no_task_behind() -> None:
    hrefs = [f"/b/{number}.vcf" for number in range(300)]
    with serve(lambda _r: objects("/b/1.vcf")) as server:
        async with client(server.origin) as made:
            batches: Any = made.fetch(book(server.origin), hrefs)
            await anext(batches)
            await batches.aclose()
            assert asyncio.all_tasks() == {asyncio.current_task()}


# ---------------------------------------------------------------- GET and PUT


@pytest.mark.parametrize("given_etag", ['"1"', 'W/"1"', "unquoted", '"1-gzip"', '"ü"'])
async def test_put_sends_exactly_the_etag_and_the_bytes_once(given_etag: str) -> None:
    with serve(lambda _r: Response(204)) as server:
        async with client(server.origin) as made:
            answer = await made.put(book(server.origin), "/b/a%2Fb%40.vcf", CARD, given_etag)
        (request,) = server.requests
    assert answer.result is PutResult.STORED
    assert (request.method, request.path, request.body) == ("PUT", "/b/a%2Fb%40.vcf", CARD)
    assert request.headers["if-match"] == given_etag
    assert request.headers["content-type"] == "text/vcard; charset=utf-8"
    assert request.headers["content-length"] == str(len(CARD))


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (200, PutResult.STORED),
        (201, PutResult.STORED),
        (202, PutResult.UNKNOWN),
        (301, PutResult.REFUSED),
        (403, PutResult.REFUSED),
        (404, PutResult.GONE),
        (409, PutResult.REFUSED),
        (410, PutResult.GONE),
        (412, PutResult.CONFLICT),
        (413, PutResult.REFUSED),
        (415, PutResult.REFUSED),
        (423, PutResult.BUSY),
        (500, PutResult.BUSY),
        (502, PutResult.BUSY),
        (507, PutResult.REFUSED),
    ],
)
async def test_what_a_server_says_to_a_put(code: int, result: PutResult) -> None:
    with serve(lambda _r: Response(code, headers=[("Location", "/c/")])) as server:
        async with client(server.origin) as made:
            answer = await made.put(book(server.origin), "/b/1.vcf", CARD, '"1"')
        assert (answer.result, answer.status) == (result, code)
        assert server.asked() == ["PUT /b/1.vcf"]


async def test_a_read_only_book_is_not_written() -> None:
    with serve(lambda _r: Response(204)) as server:
        async with client(server.origin) as made:
            answer = await made.put(book(server.origin, writable=False), "/b/1.vcf", CARD, '"1"')
        assert answer.result is PutResult.REFUSED
        assert server.requests == []


async def test_a_card_without_etag_gets_one_only_if_it_certainly_belongs_to_the_bytes() -> None:
    etags = iter(['"1"', '"1"', '"2"', '"3"'])

    def answer(request: Request) -> Response:
        return Response(200, CARD) if request.method == "GET" else multistatus(etag("/b/1.vcf", next(etags)))

    with serve(answer) as server:
        async with client(server.origin) as made:
            steady = await made.get(book(server.origin), "/b/1.vcf")
            moving = await made.get(book(server.origin), "/b/1.vcf")
    assert steady is not None
    assert moving is not None
    assert (steady.etag, moving.etag) == ('"1"', None)


async def test_get_asks_for_the_plain_bytes_and_bounds_them() -> None:
    with serve(lambda _r: Response(200, b"x" * (11 << 20), [("ETag", '"1"')])) as server:
        async with client(server.origin) as made:
            with pytest.raises(ServerProblem, match="larger"):
                await made.get(book(server.origin), "/b/1.vcf")
        assert server.requests[0].headers["accept-encoding"] == "identity"
