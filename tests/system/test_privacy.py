"""What is said, logged and left behind while everything goes wrong: nothing of a contact, no secret, no open file.

Every private text of the fixture is a word that nobody else says.
"""

import json
import os
import re
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result

from builders import apple_group
from cardsync import roster
from cardsync.demo.phone import Phone
from household import GROUP, Daemon, Household
from servers.loopback import Request, Response

HUP = signal.SIGHUP
KEYS = ("Quizzle", "Wombax", "Yarrowby", "Flimnod", "Grumwick", "Hexaplum", "Jibberly", "Krozzant")
PASSWORD, WRONG, TOKEN = "pw-Ziggurat-77", "pw-Xylofon-88", "tok-Obelix-99"
SPOKEN = ("Vantablu", "Umbrellic")  # typed on the phone


def private(key: str) -> bytes:
    """A card on which each property has its own word."""
    lines = (
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"N:{key}son;{key};;;",
        f"FN:{key} {key}son",
        f"NOTE:likes {key}marmalade",
        f"ORG:{key}corp;{key}dept",
        f"TITLE:{key}master",
        f"EMAIL;TYPE=WORK:{key.lower()}.mail@{key.lower()}corp.example",
        f"TEL;TYPE=WORK:+99 {sum(key.encode())}5551",
        f"ADR;TYPE=WORK:;;7 {key}lane;{key}ville;;;",
        f"URL:https://{key.lower()}corp.example/{key}page",
        "REV:2019-03-01T10:00:00Z",
        f"UID:UID-{key}",
        "END:VCARD",
        "",
    )
    return "\r\n".join(lines).encode()


def secret_of(text: str, *, etags: set[str], books: tuple[str, ...] = ()) -> list[str]:
    """Whatever is private in ``text``."""
    words = {*KEYS, *SPOKEN, PASSWORD, WRONG, TOKEN, *etags, *books, *(f"{sum(key.encode())}5551" for key in KEYS)}
    return [word for word in words if word.casefold() in text.casefold()]


class Listener:
    """All that commands said, and the ETags that went over the wire."""

    def __init__(self, house: Household) -> None:
        self.house = house
        self.etags: set[str] = set()
        house.proxy.after = self.overhear

    def overhear(self, _request: Request, response: Response) -> Response:
        told = [value for name, value in response.headers if name.lower() == "etag"]
        told += re.findall(r"getetag>([^<]+)<", response.body.decode("utf-8", "replace"))
        self.etags |= {etag.replace("&quot;", "").strip('"') for etag in told}
        return response

    def silent(self, *command: str, code: int | None = None) -> Result:
        """A command that is not meant to show contacts shows none."""
        done = self.house.cardsync(*command)
        assert code is None or done.exit_code == code, (command, done.output)
        assert secret_of(done.output, etags=self.etags) == [], (command, done.output)
        return done

    def spoken(self, *command: str) -> Result:
        """One that is meant to: on stdout, and no secret."""
        done = self.house.cardsync(*command)
        assert secret_of(done.stderr, etags=self.etags) == [], (command, done.stderr)
        assert not {PASSWORD, WRONG, TOKEN} & set(re.findall(r"[\w-]+", done.stdout))
        assert not any(etag in done.stdout for etag in self.etags)
        return done


@pytest.fixture
def told(house: Household) -> Iterator[Listener]:
    """A house with private people, under a umask that keeps nobody out."""
    for key in KEYS:
        house.server.put_card(f"href-{key}.vcf", private(key))
    house.server.put_card(GROUP, apple_group("VIP", [f"UID-{key}" for key in KEYS]))
    house.configure(*PLENTY)
    before = os.umask(0)
    try:
        yield Listener(house)
    finally:
        os.umask(before)


PLENTY = ("[reminders]", "max_new_per_day = 6", "max_new_per_week = 9", "max_open = 9")


def phone(house: Household) -> Phone:
    server = house.server
    return Phone(book_url=server.book_url, username=server.username, password=server.password)


def spoiled(house: Household) -> Callable[[Request], Response | None]:
    """The first PUT is refused, the second meets an edit, the fifth is damaged on its way."""
    seen: list[str] = []

    def trouble(request: Request) -> Response | None:
        name = request.path.rpartition("/")[2]
        if request.method != "PUT" or name in seen:
            return None
        seen.append(name)
        if len(seen) == 1:
            return Response(403, f"<p>{SPOKEN[1]} may not write</p>".encode(), [("X-Reason", SPOKEN[1])])
        if len(seen) == 2:
            house.server.put_card(
                name, house.server.get_card(name).replace(b"VERSION:3.0\r\n", b"VERSION:3.0\r\nX-A:1\r\n")
            )
        if len(seen) == 5:
            house.server.put_card(name, re.sub(rb"(?m)^TEL.*\r\n", b"", request.body))
            return Response(204)
        return None

    return trouble


def test_no_command_says_what_is_on_a_card_while_everything_goes_wrong(
    told: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = told.house
    house.proxy.before = spoiled(house)
    told.silent("sync", code=3)
    house.proxy.before = lambda request: None
    with phone(house) as hand:
        asked = house.asked_about()
        hand.type_below_block(asked[0], "ok")
        hand.write_free_text(asked[-1], f"now Chief at {SPOKEN[0]}")
    unread(house, "href-Wombax.vcf")
    told.silent("sync")
    kinds = {kind for (kind,) in house.rows("SELECT kind FROM problem")}
    assert {"parked", "writing-stopped", "quarantined"} <= kinds
    for command in (("check",), ("backup",), ("config", "check"), ("config", "show"), ("sync", "--json")):
        told.silent(*command)
    for command in (
        ("status",),
        ("status", "--problems"),
        ("release",),
        ("vip",),
        ("history", f"{KEYS[0]} {KEYS[0]}son"),
    ):
        told.spoken(*command)
    told.spoken("explain", f"{KEYS[0]} {KEYS[0]}son")
    private_files(house)

    house.proxy.before = lambda request: None
    house.server.put_card(GROUP, apple_group("VIP", [f"UID-{KEYS[0]}"]))
    told.silent("sync")
    assert "vip-loss" in {kind for (kind,) in house.rows("SELECT kind FROM problem")}
    told.silent("notes", "remove", "--json")
    house.configure(*PLENTY, account={"password_file": None, "password": WRONG})
    for refused in ("sync", "check", "backup"):
        told.silent(refused, code=11)
    house.configure(*PLENTY, account={"url": "http://127.0.0.1:9/"})
    told.silent("sync", code=12)
    for mistake in ({"pasword": PASSWORD}, {"token": TOKEN}, {"password": [PASSWORD]}, {"allow_http": PASSWORD}):
        house.configure(account=mistake)
        told.silent("sync", code=10)
        told.silent("config", "check", code=10)

    house.configure()
    monkeypatch.setattr(roster, "people", mistaken)
    done = told.spoken("vip")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "a mistake in cardsync itself: KeyError at cardsync." in done.stderr
    private_files(house)


def mistaken(_app: object) -> list[object]:
    raise KeyError(f"{KEYS[0]} {KEYS[0]}son", PASSWORD)


def unread(house: Household, name: str) -> None:
    """A card that nobody can read."""
    data = house.server.get_card(name)

    def garbled(request: Request) -> Response | None:
        answer = house.proxy.forwarded(request)
        body = answer.body.replace(b"BEGIN:VCARD", b"(null)")
        return Response(answer.status, body, answer.headers) if b"UID-Wombax" in body else answer

    house.server.put_card(name, data.replace(b"Wombaxmaster", b"Wombaxleader"))
    house.proxy.before = garbled


# ---------------------------------------------------------------- the daemon


def test_the_daemon_says_nothing_of_contacts_and_its_process_shows_no_secret(told: Listener) -> None:
    house = told.house
    house.proxy.before = spoiled(house)
    daemon = house.daemon()
    daemon.wait_for("cycle")
    private_files(house)
    assert {path.name for path in house.state.iterdir()} >= {"cardsync.db-wal", "cardsync.db-shm", "daemon.lock"}
    shown = title(daemon)
    with crashing(house):
        daemon.send(HUP)
        crash = daemon.wait_for("account crashed")
    assert crash["error"].startswith("TypeError at cardsync.")
    (house.home / "password").write_text(WRONG)
    daemon.send(HUP)
    daemon.wait_for("account failed")
    house.configure(account={"pasword": PASSWORD})
    daemon.send(HUP)
    daemon.wait_for("config refused, the old one stays")
    assert daemon.stop() == 0
    books = (house.book, f"{house.server.username}/", house.server.password)
    assert secret_of(daemon.text, etags=told.etags, books=books) == []
    assert secret_of(shown, etags=told.etags, books=books[2:]) == []
    assert "Traceback" not in daemon.text
    private_files(house)


def title(daemon: Daemon) -> str:
    """What ``ps`` shows of it."""
    place = Path(f"/proc/{daemon.process.pid}")
    if not place.exists():
        pytest.skip("no /proc here")
    return (place / "cmdline").read_text("utf-8") + (place / "comm").read_text("utf-8")


@contextmanager
def crashing(house: Household) -> Iterator[None]:
    """Rows of ours that nobody foresaw, with a name in them."""
    with house.writable() as database:
        database.execute("UPDATE work_field SET shown = ?, previous = ?, keys = ?", (json.dumps([[KEYS[0]]]),) * 3)
        database.execute("UPDATE address_book SET marker = NULL, listed_at = NULL")
    for key in KEYS:
        house.server.put_card(f"href-{key}.vcf", private(key).replace(b"master", b"leader"))
    yield


def private_files(house: Household) -> None:
    """Files have mode 0600, folders 0700, whatever the umask."""
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (house.state, *house.state.rglob("*"))}
    wrong = {path.name: oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)}
    assert wrong == {}
    assert any(path.parent.name == "backups" for path in modes)
