"""Telling the owner, by a real daemon: ntfy, a webhook, SMTP and Apprise on loopback, and the ping."""

import asyncio
import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from cardsync.alarms import Message
from cardsync.observe import notify
from household import PEOPLE, Household, until
from servers.loopback import Loopback, Request, Response, serve
from servers.process import free_port

SECRET = "tk_" + "s" * 20


@dataclass
class Post:
    """What waits for messages."""

    status: int = 200
    broken: str = ""
    loopback: Loopback | None = None

    def __call__(self, request: Request) -> Response:
        return Response(500 if request.path == self.broken else self.status)

    @property
    def url(self) -> str:
        assert self.loopback
        return str(self.loopback.origin)

    def got(self, path: str) -> list[Request]:
        assert self.loopback
        return [request for request in list(self.loopback.requests) if request.path == path]


@pytest.fixture
def post() -> Iterator[Post]:
    made = Post()
    with serve(made) as made.loopback:
        yield made


@dataclass
class Mails:
    """A mail server that keeps what it gets."""

    kept: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        self.kept.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mails() -> Iterator[tuple[Mails, int]]:
    handler, port = Mails(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


def quiet(house: Household) -> None:
    """The server refuses the login from now on."""
    house.proxy.before = lambda request: Response(401)


def cycle(house: Household, daemon: Any, times: int, event: str) -> None:
    daemon.send(signal.SIGHUP)
    daemon.wait_for(event, times)


def test_a_refused_login_is_told_by_every_way_once_and_names_nobody(
    house: Household, post: Post, mails: tuple[Mails, int]
) -> None:
    house.fill()
    (house.home / "token").write_text(SECRET + "\n")
    house.configure(
        "[notify]", f'ping = "{post.url}/ping"', f'apprise = ["json://{post.url.removeprefix("http://")}/apprise"]',
        "[notify.ntfy]", f'url = "{post.url}/topic"', f'token_file = "{house.home}/token"',
        "[notify.webhook]", f'url = "{post.url}/hook"',
        "[notify.email]", 'host = "127.0.0.1"', f"port = {mails[1]}", 'tls = "none"', 'sender = "a@home.example"',
        'to = "b@home.example"',
    )  # fmt: skip
    daemon = house.daemon()
    daemon.wait_for("cycle")
    until(lambda: post.got("/ping"), "the ping of a cycle that went well")
    quiet(house)
    cycle(house, daemon, 1, "account failed")
    until(lambda: post.got("/topic") and post.got("/hook") and mails[0].kept and post.got("/apprise"), "all ways")
    until(lambda: post.got("/ping/fail"), "the ping of one that failed")
    (told,) = post.got("/topic")
    assert told.headers["title"] == "cardsync: 1 thing needs you"
    assert told.headers["authorization"] == f"Bearer {SECRET}"
    assert told.body.decode().splitlines()[0].startswith("home: the server refuses the login")
    assert json.loads(post.got("/hook")[0].body)["title"] == told.headers["title"]
    mail = message_from_bytes(mails[0].kept[0])
    assert (mail["From"], mail["To"], mail["Subject"]) == ("a@home.example", "b@home.example", told.headers["title"])
    cycle(house, daemon, 2, "account failed")
    until(lambda: len(post.got("/ping/fail")) == 2, "the next cycle")
    assert daemon.stop() == 0
    assert len(post.got("/topic")) == len(post.got("/hook")) == len(mails[0].kept) == len(post.got("/apprise")) == 1
    sent = b"".join(request.body for request in post.loopback.requests) + mails[0].kept[0]  # type: ignore[union-attr]
    assert not [word for name in PEOPLE for word in name.split() if word.encode() in sent]
    assert not [word for word in (SECRET, "/topic", "/hook") if word in daemon.text]


def test_a_way_that_fails_is_tried_at_the_next_cycle_and_stops_none(house: Household, post: Post) -> None:
    house.fill()
    house.configure("[notify.ntfy]", f'url = "{post.url}/topic"')
    quiet(house)
    post.status = 500
    daemon = house.daemon()
    assert daemon.wait_for("not told")["what"] == "It answers 500."
    post.status = 200
    cycle(house, daemon, 2, "account failed")
    until(lambda: len(post.got("/topic")) == 2, "the second try")
    cycle(house, daemon, 3, "account failed")
    assert daemon.stop() == 0
    assert len(post.got("/topic")) == 2


def test_with_include_names_and_a_parked_card_the_contact_is_named(house: Household, post: Post) -> None:
    house.fill()
    house.configure("[notify]", "include_names = true", "[notify.webhook]", f'url = "{post.url}/hook"')

    def refuses(request: Request) -> Response | None:
        return Response(403) if request.method == "PUT" else None

    house.proxy.before = refuses
    daemon = house.daemon()
    until(lambda: post.got("/hook"), "the message")
    text = json.loads(post.got("/hook")[0].body)["text"]
    assert any(name in text for name in PEOPLE)
    assert daemon.stop() == 0


def test_in_quiet_hours_nobody_is_told_and_after_them_what_still_stands_is(house: Household, post: Post) -> None:
    house.fill()
    way, hour = ["[notify.ntfy]", f'url = "{post.url}/topic"'], datetime.now(UTC).hour
    house.configure("[notify]", f'quiet_hours = "{hour}-{(hour + 2) % 24}"', *way)
    quiet(house)
    daemon = house.daemon()
    daemon.wait_for("account failed")
    cycle(house, daemon, 2, "account failed")
    assert post.got("/topic") == []
    house.configure(*way)
    quiet(house)
    cycle(house, daemon, 3, "account failed")
    until(lambda: post.got("/topic"), "the message after the quiet hours")
    assert daemon.stop() == 0
    assert not daemon.events("not told")


@pytest.mark.parametrize("well", [True, False])
def test_notify_test_says_which_way_took_it(house: Household, post: Post, well: bool) -> None:
    post.status = 200 if well else 403
    house.configure(
        "[notify.ntfy]", f'url = "{post.url}/topic"', "[notify.email]", 'host = "127.0.0.1"', "port = 9",
        'sender = "a@home.example"', 'to = "b@home.example"', 'password = "x"', 'username = "u"',
    )  # fmt: skip
    done = house.cardsync("notify", "test")
    assert done.exit_code == 1
    assert ("ntfy: sent\n" in done.stdout) is well
    assert ("ntfy: It answers 403.\n" in done.stderr) is not well
    assert "email: The mail server did not take it (ConnectionRefusedError).\n" in done.stderr
    assert not house.state.exists()


def test_the_digest_is_shown_and_sent_once_a_week(house: Household, post: Post) -> None:
    house.fill()
    house.ok("sync")
    shown = house.ok("notify", "digest").splitlines()
    assert shown[0] == "cardsync: the week"
    assert shown[1] == "home: 1 question asked, 1 open; ended: none."
    assert shown[-1] == "No problems."
    house.configure("[notify]", 'digest = "weekly"', "[notify.ntfy]", f'url = "{post.url}/topic"')
    daemon = house.daemon()
    daemon.wait_for("cycle")
    cycle(house, daemon, 2, "cycle")
    assert daemon.stop() == 0
    assert post.got("/topic") == []  # switched on in the middle of a week
    with house.writable() as database:
        database.execute("UPDATE meta SET value = '2026-W01' WHERE name = 'digest ntfy'")
    daemon = house.daemon()
    daemon.wait_for("cycle")
    cycle(house, daemon, 2, "cycle")
    cycle(house, daemon, 3, "cycle")
    assert daemon.stop() == 0
    assert [request.headers["title"] for request in post.got("/topic")] == ["cardsync: the week"]


def test_a_way_that_fails_gets_it_later_though_another_one_took_it(house: Household, post: Post) -> None:
    house.fill()
    house.configure("[notify.ntfy]", f'url = "{post.url}/topic"', "[notify.webhook]", f'url = "{post.url}/broken"')
    quiet(house)
    post.broken = "/broken"
    daemon = house.daemon()
    assert daemon.wait_for("not told")["way"] == "webhook"
    post.broken = ""
    cycle(house, daemon, 2, "account failed")
    until(lambda: len(post.got("/broken")) == 2, "the second try")
    assert daemon.stop() == 0
    assert len(post.got("/topic")) == 1
    assert post.url not in house.ok("config", "show").replace(house.proxy.origin, "")


class Tarpit:
    """A mail server that greets without end, and a web server whose answer has none."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.ended, self.reached = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                self.reached.set()
                threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while not self.ended.wait(0.05):
                client.sendall(self.said)

    def close(self) -> None:
        self.ended.set()
        self.listening.close()


@pytest.fixture
def tarpit(request: pytest.FixtureRequest) -> Iterator[Tarpit]:
    made = Tarpit(request.param)
    yield made
    made.close()


@pytest.mark.parametrize("tarpit", [b"220-and so on\r\n"], indirect=True)
async def test_a_mail_server_that_never_ends_its_greeting_is_given_up(
    tarpit: Tarpit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "_IN_ALL", 1.0)
    way = notify.Email(
        host="127.0.0.1", port=tarpit.port, tls="none", sender="a@x.example", to="b@x.example", username=None,
        password=lambda: None,
    )  # fmt: skip
    sending = asyncio.ensure_future(way.send(Message(title="t", text="t")))
    assert await asyncio.to_thread(tarpit.reached.wait, 10)
    ours = [each for each in threading.enumerate() if each.name == "own"]
    assert ours
    with pytest.raises(notify.NotSent, match="took more than"):
        await sending
    for each in ours:  # cut off, it ends
        await asyncio.to_thread(each.join, 10)
    assert not any(each.is_alive() for each in ours)


ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 200_000


@pytest.mark.parametrize("tarpit", [ENDLESS], indirect=True)
async def test_an_answer_without_end_is_not_read(tarpit: Tarpit) -> None:
    way = notify.Webhook(url=f"http://127.0.0.1:{tarpit.port}/", token=lambda: None)
    async with asyncio.timeout(10):
        await way.send(Message(title="t", text="t"))
