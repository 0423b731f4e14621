"""How many multigets are under way at once, and how they end."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from cardsync.carddav.client import CardDAVClient, Connection
from cardsync.carddav.connection import AuthScheme
from cardsync.errors import Throttled
from cardsync.resources import AddressBook, Fetched, SyncMethod
from servers.dav import found, multistatus
from servers.loopback import Loopback, Request, Response, serve

CARD = "BEGIN:VCARD&#13;\nVERSION:3.0&#13;\nUID:1&#13;\nEND:VCARD&#13;\n"
HREFS = [f"/b/{number}.vcf" for number in range(600)]
DIGEST = Response(401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5')])


class Server:
    """Answers each multiget with its cards; remembers how many were under way at once."""

    def __init__(self, answer: Callable[[Request], Response | None]) -> None:
        self.most = 0
        self._answer = answer
        self._under_way = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        try:
            return self._answer(request) or objects(request)
        finally:
            with self._lock:
                self._under_way -= 1


def objects(request: Request) -> Response:
    hrefs = [part.split("</D:href>")[0] for part in request.body.decode().split("<D:href>")[1:]]
    data = f'<D:getetag>"1"</D:getetag><C:address-data>{CARD}</C:address-data>'
    return multistatus(*(found(href, data) for href in hrefs))


def begins_with(number: int, request: Request) -> bool:
    return f"<D:href>/b/{number}.vcf<".encode() in request.body


async def fetched(server: Loopback, auth: AuthScheme = "auto") -> list[Fetched]:
    book = AddressBook(
        account="a", href=f"{server.origin}/b/", display_name="b", method=SyncMethod.COLLECTION, writable=True
    )
    connection = Connection(
        account="a", url=server.origin, username="jo", password="invented", auth=auth, allow_http=True
    )
    async with CardDAVClient(connection) as client:
        return [batch async for batch in client.fetch(book, HREFS)]


async def test_after_the_first_reply_two_are_under_way_and_never_more() -> None:
    both = threading.Barrier(2)

    def answer(request: Request) -> None:
        if not begins_with(0, request) and not begins_with(500, request):  # the four between come in pairs
            both.wait(10)

    server = Server(answer)
    with serve(server) as running:
        batches = await fetched(running)
    assert server.most == 2
    assert not both.broken
    assert sorted(one.href for batch in batches for one in batch.objects) == sorted(HREFS)
    assert {request.headers["accept-encoding"] for request in running.requests} == {"identity"}


async def test_digest_counts_its_requests_so_that_one_follows_the_other() -> None:
    server = Server(lambda request: None if "authorization" in request.headers else DIGEST)
    with serve(server) as running:
        batches = await fetched(running, "digest")
    assert sum(len(batch.objects) for batch in batches) == len(HREFS)
    assert server.most == 1


async def test_a_pause_that_one_reply_asks_for_ends_the_other_request_too() -> None:
    both, over = threading.Barrier(2), threading.Event()

    def answer(request: Request) -> Response | None:
        if begins_with(0, request):
            return None
        both.wait(10)
        if begins_with(100, request):
            return Response(429, headers=[("Retry-After", "90")])
        over.wait(10)
        return None

    with serve(Server(answer)) as running:
        with pytest.raises(Throttled):
            await fetched(running)
        over.set()
        assert len(running.requests) == 3
    assert asyncio.all_tasks() == {asyncio.current_task()}
