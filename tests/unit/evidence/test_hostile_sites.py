"""Sites that send too much, too slowly, or something else than a page."""

import gzip
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

import pytest

from cardsync.evidence.exchange import BODY_LIMIT
from cardsync.sources import Page, SourceFailed
from servers.loopback import Response
from servers.sites import Pages, any_site, internet, page

API = any_site(name="api", hosts=("api.example",))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


async def answer(response: Response, patience: float = 15.0) -> Page:
    with internet({"api.example": Pages({"/": response})}) as net:
        async with net.client(patience=patience) as client:
            found = await client.bound(API).get("https://api.example/", accept="*/*")
    assert found
    return found


def raw(*parts: bytes, again: bytes = b"", pause: float = 0.0) -> Response:
    """Sends ``parts``, then ``again`` until nobody listens."""

    def send(wire: BufferedIOBase) -> None:
        wire.writelines(parts)
        while again:
            wire.write(again)
            time.sleep(pause)

    return Response(raw=send)


# ---------------------------------------------------------------- too much


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_a_packed_page_comes_unpacked(pack: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if pack is gzip.compress else "deflate"
    html = b"<p>Hi</p>" * 10_000
    assert (await answer(page(pack(html), content_encoding=encoding))).text == html.decode()


async def test_a_page_of_the_longest_length_comes_whole_and_a_longer_one_not_at_all() -> None:
    assert len((await answer(page(b"x" * BODY_LIMIT))).text) == BODY_LIMIT
    for response in (
        page(b"x" * (BODY_LIMIT + 1)),
        page(gzip.compress(bytes(BODY_LIMIT + 1)), content_encoding="gzip"),
    ):
        with pytest.raises(SourceFailed, match="more than any page needs"):
            await answer(response)


async def test_a_body_without_end_is_left() -> None:
    with pytest.raises(SourceFailed, match="more than any page needs"):
        await answer(raw(HEAD + b"\r\n", again=b"x" * 10_000))


async def test_a_long_page_of_an_error_is_cut_and_still_an_answer() -> None:
    found = await answer(page(b"x" * (BODY_LIMIT * 2), 404))
    assert found.status == 404
    assert len(found.text) < 200_000


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the measure is Linux's")
def test_a_bomb_of_200_mb_takes_less_than_20_mb_of_memory() -> None:
    bench = Path(__file__).parents[3] / "bench" / "bomb.py"
    told = subprocess.run([sys.executable, bench], capture_output=True, text=True, check=True, timeout=110).stdout
    figures = dict(line.split(" = ") for line in told.splitlines())
    assert float(figures["bomb_decoded_mb"]) >= 200
    assert float(figures["bomb_peak_above_base_mb"]) < 20
    assert float(figures["bare_client_peak_above_base_mb"]) > 20  # so that the measure shows that it measures


async def test_headers_without_end_are_left() -> None:
    with pytest.raises(SourceFailed):
        await answer(raw(HEAD, again=b"X-Filler: " + b"x" * 1000 + b"\r\n"))


async def test_one_header_without_end_is_left() -> None:
    with pytest.raises(SourceFailed):
        await answer(raw(HEAD + b"X-Filler: ", again=b"x" * 1000))


@pytest.mark.parametrize("fields", [[("X-A", "x" * 40_000)], [(f"X-{n}", "x") for n in range(300)]])
async def test_more_headers_than_any_page_needs_are_left(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(SourceFailed, match="more than any page needs"):
        await answer(Response(200, b"", fields))


async def test_interim_answers_without_end_are_left() -> None:
    with pytest.raises(SourceFailed, match="more than any page needs"):
        await answer(raw(again=b"HTTP/1.1 100 Continue\r\n\r\n" * 500))


async def test_empty_chunks_of_packed_nothing_without_end_are_left() -> None:
    chunked = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    empty = zlib.compressobj(wbits=31)
    start = empty.compress(b"") + empty.flush(zlib.Z_SYNC_FLUSH)
    nothing = b"\0\0\0\xff\xff" * 1000  # empty stored blocks
    with pytest.raises(SourceFailed, match="more than any page needs"):
        await answer(
            raw(chunked, b"%x\r\n%s\r\n" % (len(start), start), again=b"%x\r\n%s\r\n" % (len(nothing), nothing))
        )


# ---------------------------------------------------------------- too slow


@pytest.mark.parametrize(
    "response",
    [
        Response(raw=lambda _wire: time.sleep(5)),
        raw(HEAD + b"\r\n<p>", again=b"x", pause=0.05),
        raw(HEAD, again=b"X-Slow: 1\r\n", pause=0.05),
        raw(again=b"H", pause=0.05),
        raw(again=b"HTTP/1.1 102 Processing\r\n\r\n", pause=0.05),
    ],
    ids=["nothing", "body", "headers", "start", "interim"],
)
async def test_a_site_that_trickles_is_left_in_time(response: Response) -> None:
    with pytest.raises(SourceFailed, match="in time"):
        await answer(response, patience=0.7)


async def test_redirects_share_the_time_that_one_page_has() -> None:
    def slow(path: str) -> Response:
        def send(wire: BufferedIOBase) -> None:
            time.sleep(0.4)
            wire.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % path.encode())

        return Response(raw=send)

    pages = {"/": slow("/1"), "/1": slow("/2"), "/2": slow("/3"), "/3": page()}
    with internet({"api.example": Pages(pages)}) as net:
        async with net.client(patience=1.0) as client:
            with pytest.raises(SourceFailed, match="in time"):
                await client.bound(API).get("https://api.example/", accept="*/*")
        assert "https://api.example/3" not in net.asked()


# ---------------------------------------------------------------- something else


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "application/octet-stream", "", "video/mp4"])
async def test_what_is_no_text_is_not_read(kind: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n" % kind.encode()
    found = await answer(raw(head, again=b"x" * 10_000))
    assert (found.status, found.text) == (200, "")


@pytest.mark.parametrize(
    "response",
    [
        raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Type: text/html\r\n\r\nshort"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        raw(b"HTTP/9.9 999999 What\r\n\r\n"),
        raw(b"\0" * 5000),
        raw(b"HTTP/1.1 301 Moved\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"),
        page(b"not packed", content_encoding="gzip"),
        page(gzip.compress(b"x" * 5000)[:-20], content_encoding="gzip"),
        page(b"x", content_encoding="br"),
        page(gzip.compress(gzip.compress(b"x")), content_encoding="gzip, gzip"),
    ],
)
async def test_what_is_no_answer_of_http_is_a_failure_and_nothing_worse(response: Response) -> None:
    with pytest.raises(SourceFailed):
        await answer(response)
