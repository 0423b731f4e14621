"""The guarded client on an internet of its own: what it asks, whom it connects to, and what it refuses."""

import asyncio
import ssl
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address

import pytest

from cardsync.evidence.exchange import USER_AGENT
from cardsync.evidence.vetting import Address, public
from cardsync.sources import About, Page, SourceFailed
from servers.loopback import Request, Response
from servers.sites import PUBLIC, Internet, Pages, Site, any_site, internet, page, redirect

JANE = frozenset({"jane.example"})


def api(*hosts: str) -> About:
    return any_site(name="api", hosts=hosts)


async def got(net: Internet, url: str, about: About | None = None, **given: str) -> Page | None:
    async with net.client() as client:
        web = client.bound(about or any_site(), JANE if about is None else frozenset())
        return await web.get(url, accept=given.pop("accept", "text/html"), **given)  # type: ignore[arg-type]


async def whole(net: Internet, url: str, about: About | None = None) -> Page:
    found = await got(net, url, about)
    assert found
    return found


# ---------------------------------------------------------------- what it sends


async def test_a_page_comes_with_its_text_and_we_say_who_we_are_and_nothing_else() -> None:
    with internet({"jane.example": Pages({"/about": page("Hi", ETag='"1"', Set_Cookie="a=b")})}) as net:
        found = await whole(net, "https://jane.example/about?utm=1&id=2#top")
        sent = net.secure.requests[-1]
    assert (found.status, found.text, found.url, found.hops) == (200, "Hi", "https://jane.example/about", ())
    assert found.headers["etag"] == '"1"'
    assert "set-cookie" not in found.headers
    assert sent.path == "/about"
    assert USER_AGENT.startswith("cardsync/")
    assert "(+http" in USER_AGENT
    assert sent.headers == {
        "host": "jane.example",
        "accept": "text/html",
        "user-agent": USER_AGENT,
        "accept-encoding": "gzip, deflate",
        "connection": "close",
    }


async def test_neither_proxies_nor_netrc_nor_cookies_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("default login me password secret", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with internet({"jane.example": Pages({"/": page(Set_Cookie="id=1; Path=/"), "/b": page()})}) as net:
        async with net.client() as client:
            web = client.bound(any_site(), JANE)
            for path in ("/", "/b"):
                await web.get(f"https://jane.example{path}", accept="text/html")
        for request in net.secure.requests:
            assert not {"cookie", "authorization", "proxy-authorization"} & set(request.headers)
    assert {host for host, _ in net.inner.dialled} == {str(PUBLIC)}


async def test_a_query_is_a_protocols_under_well_known_and_an_apis() -> None:
    finger = "/.well-known/webfinger?resource=acct:jane@jane.example"
    with internet({"jane.example": Pages({finger: page("1")}), "api.example": Pages({"/u?a=b": page("2")})}) as net:
        assert (await whole(net, f"https://jane.example{finger}")).text == "1"
        assert (await whole(net, "https://api.example/u?a=b", api("api.example"))).text == "2"


async def test_a_source_chooses_no_host_and_its_token_goes_to_its_own_origin_only() -> None:
    sites = {"api.example": Pages({"/": redirect("https://two.example/")}), "two.example": Pages({"/": page()})}
    with internet(sites) as net:
        async with net.client() as client:
            given = {"Authorization": "Bearer x", "Host": "evil.example", "Cookie": "a", "User-Agent": "b"}
            web = client.bound(api("api.example", "two.example"))
            await web.get("https://api.example/", accept="application/json", headers=given)
        first, second = net.secure.requests
    assert first.headers["authorization"] == "Bearer x"
    assert "authorization" not in second.headers
    for request in (first, second):
        assert request.headers["user-agent"] == USER_AGENT
        assert request.headers["accept"] == "application/json"
        assert "cookie" not in request.headers
    assert net.asked() == ["https://api.example/", "https://two.example/"]


# ---------------------------------------------------------------- whom it connects to


@pytest.mark.parametrize(
    "bad", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]
)
@pytest.mark.parametrize("beside", [[], ["93.184.216.34"]])
async def test_a_name_with_any_address_that_is_not_public_is_not_connected_to(bad: str, beside: list[str]) -> None:
    with internet({"jane.example": Pages({"/": page()})}) as net:
        net.names.answers["jane.example"] = [[*beside, bad]]
        with pytest.raises(SourceFailed, match="not on the public internet"):
            await got(net, "https://jane.example/")
        assert net.inner.dialled == []


async def test_a_name_that_is_public_first_and_private_next_is_never_followed_there() -> None:
    with internet({"jane.example": Pages({"/robots.txt": page("")})}) as net:
        net.names.answers["jane.example"] = [["93.184.216.34"], ["127.0.0.1"]]
        with pytest.raises(SourceFailed, match="not on the public internet"):  # robots.txt came from the first
            await got(net, "https://jane.example/")
        assert net.inner.dialled == [("93.184.216.34", 443)]
        assert net.names.asked == ["jane.example"] * 2  # once for each connection


async def test_only_the_vetted_address_is_connected_to_and_nothing_below_resolves_again() -> None:
    """On real sockets, seen by the interpreter's own audit."""
    import sys

    seen: list[tuple[str, object]] = []
    watching = True

    def audit(event: str, args: tuple[object, ...]) -> None:
        if watching and event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
            seen.append((event, args[1] if event == "socket.connect" else args[0]))

    sys.addaudithook(audit)

    def loopback(address: Address) -> bool:
        return address == ip_address("127.0.0.77") or public(address)

    with internet({"api.example": Pages({})}) as net:
        net.names.answers["api.example"] = [["127.0.0.77"], ["127.0.0.1"]]
        net.real = net.inner.real
        async with net.client(loopback) as client:
            for _ in range(2):
                with suppress(SourceFailed):  # nobody listens there, or the second name is refused
                    await client.bound(api("api.example")).get("https://api.example/", accept="*/*")
                net.clock.forward(hours=1)
    watching = False
    assert seen == [("socket.connect", ("127.0.0.77", 443))]


async def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    with internet({"api.example": Pages({"/": page("Hi")})}) as net:
        net.names.answers["api.example"] = [["93.184.216.1", "93.184.216.2"]]
        net.inner.deaf.add("93.184.216.1")
        assert (await whole(net, "https://api.example/", api("api.example"))).text == "Hi"
        assert net.inner.dialled == [("93.184.216.1", 443), ("93.184.216.2", 443)]


async def test_a_name_without_an_address_fails() -> None:
    with internet({"jane.example": Pages({})}) as net:
        net.names.answers["jane.example"] = [[]]
        with pytest.raises(SourceFailed, match="no address in DNS"):
            await got(net, "https://jane.example/")


async def test_a_certificate_of_another_name_is_refused() -> None:
    with internet({"jane.example": Pages({"/": page()})}, certified=["other.example"]) as net:
        with pytest.raises(SourceFailed, match="TLS certificate"):
            await got(net, "https://jane.example/")
        assert net.secure.requests == []


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with internet({"jane.example": Pages({"/": page()})}) as net:
        net.tls = ssl.create_default_context()
        with pytest.raises(SourceFailed, match="TLS certificate"):
            await got(net, "https://jane.example/")
        assert net.secure.requests == []


@pytest.mark.parametrize(
    "url", ["https://jane.example:8443/", "https://u@jane.example/", "https://127.0.0.1/", "file:///etc/passwd"]
)
async def test_an_odd_url_is_not_even_resolved(url: str) -> None:
    with internet({"jane.example": Pages({})}) as net:
        with pytest.raises(SourceFailed):
            await got(net, url)
        assert net.names.asked == []


async def test_a_host_that_is_neither_declared_nor_on_the_card_is_not_asked() -> None:
    with internet({"*": Pages({"/": page()}), "jane.example": Pages({})}) as net:
        for url, about in (("https://other.example/", None), ("https://jane.example/", api("api.example"))):
            with pytest.raises(SourceFailed, match="did not declare"):
                await got(net, url, about)
        assert net.names.asked == []


async def test_other_hosts_of_the_cards_own_domain_may_be_asked() -> None:
    with internet({"www.jane.example": Pages({"/": page("Hi")})}) as net:
        assert (await whole(net, "https://www.jane.example/")).text == "Hi"


# ---------------------------------------------------------------- redirects


async def test_redirects_are_followed_and_told_to_another_domain_too() -> None:
    sites = {
        "jane.example": Pages({"/": redirect("/home", 308), "/home": redirect("https://new.example/jane?x=1#a", 302)}),
        "new.example": Pages({"/jane?x=1": page("Hi")}),
    }
    with internet(sites) as net:
        found = await whole(net, "https://jane.example/")
    assert [(hop.status, hop.url) for hop in found.hops] == [
        (308, "https://jane.example/home"),
        (302, "https://new.example/jane?x=1"),
    ]
    assert (found.url, found.status, found.text) == ("https://new.example/jane?x=1", 200, "Hi")


async def test_http_may_become_https_and_never_the_other_way_round() -> None:
    with internet(
        {
            "jane.example": lambda request: (
                page("Hi") if request.port == net.secure.port else redirect("https://jane.example/")
            )
        }
    ) as net:
        assert (await whole(net, "http://jane.example/")).text == "Hi"
    with internet({"jane.example": Pages({"/": redirect("http://jane.example/")})}) as net:
        with pytest.raises(SourceFailed, match="gives up encryption"):
            await got(net, "https://jane.example/")
        assert net.plain.requests == []


BAD_PLACES = [
    "http://169.254.169.254/latest/meta-data/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://2130706433/",
    "https://router.local/",
    "https://localhost/",
    "https://rebound.example/",
    "https://new.example:22/",
    "https://admin:admin@new.example/",
    "file:///etc/passwd",
    "https://new.example\\@jane.example/",
]


@pytest.mark.parametrize("place", BAD_PLACES)
async def test_a_redirect_to_where_nobody_should_go_is_not_followed(place: str) -> None:
    with internet({"jane.example": Pages({"/": redirect(place)}), "*": Pages({"/": page("secret")})}) as net:
        net.names.answers["rebound.example"] = [["192.168.1.1"]]
        with pytest.raises(SourceFailed):
            await got(net, "https://jane.example/")
        assert {host for host, _ in net.inner.dialled} == {str(PUBLIC)}
        assert [url for url in net.asked() if "jane" not in url] == []


async def test_an_api_never_leaves_its_hosts() -> None:
    with internet(
        {"api.example": Pages({"/": redirect("https://www.api.example/")}), "www.api.example": Pages({})}
    ) as net:
        with pytest.raises(SourceFailed, match="did not declare"):
            await got(net, "https://api.example/", api("api.example"))
        assert net.asked() == ["https://api.example/"]


async def test_five_redirects_are_followed_and_no_sixth() -> None:
    def site(last: int) -> Pages:
        return Pages({f"/{n}": redirect(f"/{n + 1}") if n < last else page("Hi") for n in range(last + 1)})

    with internet({"jane.example": site(5)}) as net:
        assert len((await whole(net, "https://jane.example/0")).hops) == 5
    with internet({"jane.example": site(6)}) as net, pytest.raises(SourceFailed, match="in circles"):
        await got(net, "https://jane.example/0")


# ---------------------------------------------------------------- statuses, walls


@pytest.mark.parametrize("status", [200, 204, 400, 404, 406, 410, 418, 451])
async def test_most_statuses_are_answers(status: int) -> None:
    with internet({"jane.example": Pages({"/": page("Hi" if status != 204 else "", status)})}) as net:
        assert (await whole(net, "https://jane.example/")).status == status


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504, 520])
async def test_a_refusal_and_trouble_are_no_answers(status: int) -> None:
    with (
        internet({"jane.example": Pages({"/": page("Hi", status)})}) as net,
        pytest.raises(SourceFailed, match=str(status)),
    ):
        await got(net, "https://jane.example/")


async def test_a_304_that_nobody_asked_for_is_no_answer() -> None:
    with (
        internet({"jane.example": Pages({"/": Response(304)})}) as net,
        pytest.raises(SourceFailed, match="nobody asked"),
    ):
        await got(net, "https://jane.example/")


WALLS = [
    page("", 404, cf_mitigated="challenge"),
    page("Hi", 200, cf_mitigated="challenge"),
    redirect("/x"),
    page("<html><head><title>Just a moment...</title>"),
    page("<title>Attention Required! | Cloudflare</title>", 404),
    page("<title>Pardon Our Interruption</title>"),
    page("", 202, x_amzn_waf_action="challenge"),
    page("<script src=/_Incapsula_Resource?x></script>"),
    page("<meta http-equiv=refresh content='0;/.well-known/sgcaptcha/?r=%2F'>"),
]
WALLS[2].headers.append(("cf-mitigated", "challenge"))


@pytest.mark.parametrize("wall", WALLS)
async def test_a_bot_wall_is_no_answer_at_any_status(wall: Response) -> None:
    with internet({"jane.example": Pages({"/": wall})}) as net, pytest.raises(SourceFailed, match="robot"):
        await got(net, "https://jane.example/")


async def test_an_article_about_walls_is_none() -> None:
    html = "<title>My blog</title>Just a moment... verify you are human" + "<p>text</p>" * 20_000 + "px-captcha"
    with internet({"jane.example": Pages({"/": page(html)})}) as net:
        assert (await whole(net, "https://jane.example/")).text == html


# ---------------------------------------------------------------- pauses, quotas, turns


@pytest.mark.parametrize(
    ("status", "fields", "minutes"),
    [
        (429, {"retry_after": "7200"}, 120),
        (503, {"retry_after": "Mon, 23 Nov 2026 14:00:00 GMT"}, 120),
        (429, {"retry_after": "1"}, 1),
        (429, {"retry_after": "0"}, 1),
        (429, {"retry_after": "Mon, 23 Nov 2020 14:00:00 GMT"}, 1),
        (429, {"retry_after": "99999999999999999999"}, 7 * 24 * 60),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1795442400"}, 120),
    ],
)
async def test_a_pause_that_was_asked_for_is_kept(status: int, fields: dict[str, str], minutes: int) -> None:
    with internet({"api.example": Pages({"/": page("", status, **fields)})}) as net:
        async with net.client() as client:
            web = client.bound(api("api.example"))
            with pytest.raises(SourceFailed) as failed:
                await web.get("https://api.example/", accept="*/*")
            assert failed.value.wait == timedelta(minutes=minutes)
            net.clock.forward(seconds=minutes * 60 - 1)
            with pytest.raises(SourceFailed, match="left alone") as failed:
                await web.get("https://api.example/", accept="*/*")
            assert failed.value.wait == timedelta(seconds=1)
            net.clock.forward(seconds=2)
            with pytest.raises(SourceFailed, match=str(status)):
                await web.get("https://api.example/", accept="*/*")
        assert len(net.asked()) == 2


async def test_a_host_in_trouble_is_left_alone_longer_each_time_and_others_are_not() -> None:
    trouble = True
    sites: dict[str, Site] = {
        "a.example": lambda _r: page("", 500) if trouble else page(),
        "b.example": Pages({"/": page()}),
    }
    with internet(sites) as net:
        async with net.client() as client:
            web = client.bound(api("a.example", "b.example"))
            for asked, pause in enumerate((1, 2, 4, 8), start=1):
                with pytest.raises(SourceFailed, match="500"):
                    await web.get("https://a.example/", accept="*/*")
                net.clock.forward(minutes=pause, seconds=-1)
                with pytest.raises(SourceFailed, match="left alone"):
                    await web.get("https://a.example/", accept="*/*")
                assert len([url for url in net.asked() if "a.example" in url]) == asked
                assert await web.get("https://b.example/", accept="*/*")
                net.clock.forward(seconds=2)
            trouble = False
            for _ in range(2):
                assert await web.get("https://a.example/", accept="*/*")
            trouble = True
            with pytest.raises(SourceFailed, match="500"):
                await web.get("https://a.example/", accept="*/*")
            net.clock.forward(minutes=1, seconds=1)  # what was before its good answer is forgotten
            with pytest.raises(SourceFailed, match="500"):
                await web.get("https://a.example/", accept="*/*")


async def test_a_host_that_cannot_be_reached_is_left_alone() -> None:
    with internet({"api.example": Pages({"/": page()})}) as net:
        net.inner.deaf.add(str(PUBLIC))
        async with net.client() as client:
            web = client.bound(api("api.example"))
            for told in ("in time", "left alone", "left alone"):
                with pytest.raises(SourceFailed, match=told):
                    await web.get("https://api.example/", accept="*/*")
            assert len(net.inner.dialled) == 1
            net.inner.deaf.clear()
            net.clock.forward(minutes=1, seconds=1)
            assert await web.get("https://api.example/", accept="*/*")


async def test_a_refused_page_does_not_shut_out_the_others_of_its_host() -> None:
    with internet({"api.example": Pages({"/a": page("", 403), "/b": page("Hi")})}) as net:
        async with net.client() as client:
            web = client.bound(api("api.example"))
            with pytest.raises(SourceFailed, match="403"):
                await web.get("https://api.example/a", accept="*/*")
            assert await web.get("https://api.example/b", accept="*/*")


async def test_no_request_is_sent_once_the_months_are_used_up() -> None:
    with internet({"api.example": Pages({"/": redirect("/b"), "/b": page()})}) as net:
        net.quota.left = 3
        async with net.client() as client:
            web = client.bound(api("api.example"))
            assert await web.get("https://api.example/", accept="*/*")
            with pytest.raises(SourceFailed, match="used up"):  # its redirect
                await web.get("https://api.example/", accept="*/*")
        assert len(net.asked()) == 3


async def test_one_request_is_in_flight_per_host_and_several_over_all() -> None:
    import threading

    busy: dict[str, int] = {}
    most: dict[str, int] = {}
    lock, both = threading.Lock(), threading.Barrier(2, timeout=20)

    def site(request: Request) -> Response:
        host = request.headers["host"]
        with lock:
            busy[host] = busy.get(host, 0) + 1
            most[host] = max(most.get(host, 0), busy[host])
        if request.path == "/meet":
            both.wait()  # passed only if the two hosts are asked at once
        with lock:
            busy[host] -= 1
        return page()

    with internet({"a.example": site, "b.example": site}) as net:
        async with net.client() as client:
            web = client.bound(api("a.example", "b.example"))
            urls = [f"https://{host}.example/{path}" for host in "ab" for path in ("meet", "1", "2", "3")]
            assert all(await asyncio.gather(*(web.get(url, accept="*/*") for url in urls)))
    assert most == {"a.example": 1, "b.example": 1}


async def test_some_time_passes_between_two_requests_of_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    about = any_site(name="slow", hosts=("a.example", "b.example"), apart=timedelta(seconds=0.3))
    with internet({"a.example": Pages({"/": page()}), "b.example": Pages({"/": page()})}) as net:
        async with net.client() as client:
            loop = asyncio.get_running_loop()
            start = loop.time()
            for host in ("a", "b", "a"):
                assert await client.bound(about).get(f"https://{host}.example/", accept="*/*")
            assert loop.time() - start >= 0.55


# ---------------------------------------------------------------- conditional GET


async def test_an_unchanged_page_is_told_as_such_for_the_same_key_only() -> None:
    def site(request: Request) -> Response:
        if request.headers.get("if-none-match") == '"1"':
            return Response(304)
        return page("Hi", etag='"1"', last_modified="Sun, 20 Sep 2026 10:11:12 GMT")

    with internet({"api.example": site}) as net:
        about = api("api.example")
        for key, changed in (("jane", True), ("jane", False), ("john", True), ("", True), ("jane", False)):
            assert (await got(net, "https://api.example/", about, key=key) is not None) == changed
        assert net.secure.requests[1].headers["if-modified-since"] == "Sun, 20 Sep 2026 10:11:12 GMT"
    assert all(len(key) == 64 and "jane" not in key for _, key in net.kept.fields)


async def test_a_site_that_moved_house_with_its_etags_is_not_unchanged() -> None:
    def same(request: Request) -> Response:
        return Response(304) if "if-none-match" in request.headers else page("Hi", etag='"1"')

    moved = False
    sites = {"jane.example": lambda r: redirect("https://new.example/") if moved else same(r), "new.example": same}
    with internet(sites) as net:
        assert await got(net, "https://jane.example/", key="k")
        assert await got(net, "https://jane.example/", key="k") is None
        moved = True
        found = await got(net, "https://jane.example/", key="k")
        assert found
        assert found.hops
        assert await got(net, "https://jane.example/", key="k") is None


async def test_a_page_that_comes_back_is_not_unchanged_since_it_was_away() -> None:
    answers = {"there": page("Hi", etag='"1"'), "gone": page("", 404), "bare": page("Ho")}
    now = "there"

    def site(request: Request) -> Response:
        if now == "there" and request.headers.get("if-none-match") == '"1"':
            return Response(304)
        return answers[now]

    with internet({"api.example": site}) as net:
        for now in ("there", "gone", "there", "bare", "there"):  # noqa: B007 - the site reads it
            assert await got(net, "https://api.example/", api("api.example"), key="k")
        assert await got(net, "https://api.example/", api("api.example"), key="k") is None


async def test_what_is_no_page_and_odd_validators_are_not_kept() -> None:
    sites = {
        "api.example": Pages({"/gone": page("", 404, etag='"1"'), "/odd": page("", 200, etag='"' + "x" * 5000 + '"')})
    }
    with internet(sites) as net:
        for path in ("gone", "odd"):
            assert await got(net, f"https://api.example/{path}", api("api.example"), key="k")
        assert net.kept.fields == {}


# ---------------------------------------------------------------- robots.txt


async def test_robots_txt_decides_for_us_by_our_name_and_is_asked_for_once_a_day() -> None:
    rules = "User-agent: *\nDisallow: /\n\nUser-agent: cardsync\nDisallow: /private\n"
    sites = {"jane.example": Pages({"/robots.txt": page(rules), "/": page(), "/b": page(), "/private/x": page()})}
    with internet(sites) as net:
        async with net.client() as client:
            web = client.bound(any_site(), JANE)
            for path in ("", "b"):
                assert await web.get(f"https://jane.example/{path}", accept="*/*")
            with pytest.raises(SourceFailed, match="robots"):
                await web.get("https://jane.example/private/x", accept="*/*")
            assert net.asked().count("https://jane.example/robots.txt") == 1
            assert "https://jane.example/private/x" not in net.asked()
            net.clock.forward(days=1, seconds=1)
            assert await web.get("https://jane.example/", accept="*/*")
            assert net.asked().count("https://jane.example/robots.txt") == 2


@pytest.mark.parametrize(
    "rules",
    [
        "User-agent: *\nDisallow: /*\n",
        "User-agent: *\nDisallow: /*.html$\n",
        "User-agent: *\nAllow: /\nDisallow: /team/\n",
        "User-agent: *\nDisallow: /a\n\nUser-agent: *\nDisallow: /team\n",
        "User-agent: cardsync\n\nDisallow: /\n",
    ],
)
async def test_robots_txt_is_read_as_rfc_9309_says(rules: str) -> None:
    sites = {"jane.example": Pages({"/robots.txt": page(rules), "/team/jane.html": page()})}
    with internet(sites) as net:
        async with net.client() as client:
            with pytest.raises(SourceFailed, match="robots"):
                await client.bound(any_site(), JANE).get("https://jane.example/team/jane.html", accept="*/*")


async def test_linkedins_own_shortener_is_linkedin() -> None:
    with internet({"lnkd.in": Pages({"/jane": page()})}) as net:
        async with net.client() as client:
            with pytest.raises(SourceFailed, match="LinkedIn is not read by programs"):
                await client.bound(any_site(), frozenset({"lnkd.in"})).get("https://lnkd.in/jane", accept="*/*")
        assert net.asked() == []


async def test_at_once_asked_pages_of_a_host_share_one_robots_txt() -> None:
    with internet({"jane.example": Pages({f"/{n}": page() for n in range(5)})}) as net:
        async with net.client() as client:
            web = client.bound(any_site(), JANE)
            assert all(await asyncio.gather(*(web.get(f"https://jane.example/{n}", accept="*/*") for n in range(5))))
        assert net.asked().count("https://jane.example/robots.txt") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_without_a_robots_txt_all_is_allowed(status: int) -> None:
    with internet({"jane.example": Pages({"/robots.txt": page("Disallow", status), "/": page("Hi")})}) as net:
        assert (await whole(net, "https://jane.example/")).text == "Hi"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_robots_txt_that_cannot_be_had_refuses_all(status: int) -> None:
    with internet({"jane.example": Pages({"/robots.txt": page("", status), "/": page("Hi")})}) as net:
        with pytest.raises(SourceFailed):
            await got(net, "https://jane.example/")
        assert net.asked() == ["https://jane.example/robots.txt"]


async def test_the_host_that_a_redirect_leads_to_is_asked_too() -> None:
    sites = {
        "jane.example": Pages({"/": redirect("https://new.example/")}),
        "new.example": Pages({"/robots.txt": page("User-agent: *\nDisallow: /"), "/": page()}),
    }
    with internet(sites) as net:
        with pytest.raises(SourceFailed, match="robots"):
            await got(net, "https://jane.example/")
        assert "https://new.example/" not in net.asked()


async def test_linkedin_is_never_asked_for_anything() -> None:
    sites: dict[str, Site] = {
        "jane.example": Pages({"/": redirect("https://de.linkedin.com/in/jane")}),
        "de.linkedin.com": Pages({"/in/jane": page()}),
    }
    with internet(sites) as net:
        async with net.client() as client:
            web = client.bound(any_site(), JANE | {"de.linkedin.com"})
            for url in ("https://jane.example/", "https://de.linkedin.com/in/jane"):
                with pytest.raises(SourceFailed, match="LinkedIn"):
                    await web.get(url, accept="*/*")
        assert not [url for url in net.asked() if "linkedin" in url]


async def test_an_api_has_no_robots_txt() -> None:
    with internet({"api.example": Pages({"/": page()})}) as net:
        await whole(net, "https://api.example/", api("api.example"))
        assert net.asked() == ["https://api.example/"]


# ---------------------------------------------------------------- messages


async def test_no_message_names_what_stands_on_a_card() -> None:
    secret = "jane-secret.example"
    sites = {
        secret: Pages(
            {
                "/robots.txt": page("User-agent: *\nDisallow: /robots-say-no"),
                "/403": page("", 403),
                "/r": redirect("http://10.0.0.1/"),
            }
        )
    }
    with internet(sites) as net:
        async with net.client() as client:
            web = client.bound(any_site(), frozenset({secret}))
            for url in (
                f"https://{secret}/403",
                f"https://{secret}/r",
                f"https://{secret}:1/",
                f"https://{secret}/robots-say-no",
                "https://x.example/",
            ):
                with pytest.raises(SourceFailed) as failed:
                    await web.get(url, accept="*/*")
                assert "secret" not in str(failed.value)
                assert "example" not in str(failed.value)
