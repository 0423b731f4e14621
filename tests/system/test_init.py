"""``cardsync init``: from nothing to a config that works, on a real server, by options and at a terminal."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builders import apple_group
from household import Household, until


def options(house: Household, **other: str | None) -> list[str]:
    given: dict[str, str | None] = {
        "provider": "other",
        "server": f"{house.proxy.origin}/",
        "username": house.server.username,
        "password-file": str(house.home / "password"),
        "state-dir": str(house.state),
        "allow-http": "",
        **other,
    }
    return [word for name, value in given.items() if value is not None for word in (f"--{name}", value) if word]


@pytest.fixture
def bare(house: Household) -> Household:
    """A filled book, and no config yet."""
    house.fill()
    house.config.unlink()
    return house


def test_by_options_it_finds_books_and_lists_and_writes_a_config_that_works(bare: Household) -> None:
    bare.server.put_card("board.vcf", apple_group("Board", ["UID-0"], uid="BOARD"))
    done = bare.cardsync("init", *options(bare))
    assert done.exit_code == 0, done.stderr
    (lists,) = re.findall("lists: (.*)\n", done.stderr)  # of all books of the account, which other tests fill
    assert {"Board", "VIP"} <= set(lists.split(", "))
    assert f"wrote {bare.config}, for you alone (mode 0600)\n" in done.stdout
    assert bare.config.stat().st_mode & 0o777 == 0o600
    text = bare.config.read_text()
    assert "[groups.VIP]" in text
    assert re.search('# There are also: .*"Board"', text)
    assert bare.server.password not in text
    assert not bare.state.exists()  # it only looked
    assert ": ok (1 account, 1 group)" in bare.ok("config", "check")
    bare.ok("sync")
    assert bare.rows("SELECT count(*) FROM question")[0][0] >= 1  # other tests fill other books of the account


def test_nothing_is_overwritten_and_nothing_is_asked_without_a_terminal(bare: Household) -> None:
    bare.config.write_text("mine")
    done = bare.cardsync("init", *options(bare))
    assert done.exit_code == 10
    assert "There is a config already, and init overwrites none." in done.stderr
    assert bare.config.read_text() == "mine"
    bare.config.unlink()
    for missing in ("provider", "server", "username"):
        done = bare.cardsync("init", *options(bare, **{missing: None}))
        assert done.exit_code == 2
        assert f"Without a terminal --{missing} must be said." in done.stderr
    done = bare.cardsync("init", *options(bare, **{"password-file": str(bare.home / "no" / "file")}))
    assert (done.exit_code, "There is no file" in done.stderr) == (2, True)
    assert not (bare.home / "no").exists()
    assert bare.cardsync("init", *options(bare, **{"password-command": "pass 'x"})).exit_code == 2
    assert bare.cardsync("init", *options(bare, **{"allow-http": None})).exit_code == 2
    assert not bare.config.exists()


@pytest.mark.parametrize(
    ("other", "code", "said"),
    [
        ({"username": "nobody"}, 11, "does not accept the login"),
        ({"server": "http://127.0.0.1:9/"}, 12, "127.0.0.1:9"),
        ({"server": "https://no host/"}, 10, "accounts.home.url: is no address of a server"),
    ],
)
def test_what_does_not_work_is_told_and_writes_nothing(
    bare: Household, other: dict[str, str], code: int, said: str
) -> None:
    done = bare.cardsync("init", *options(bare, **other))
    assert done.exit_code == code, done.stderr
    assert said in done.stderr
    assert not bare.config.exists()
    assert bare.server.password not in done.stdout + done.stderr


def test_at_a_terminal_it_asks_and_the_password_goes_into_a_private_file(bare: Household) -> None:
    kept = bare.home / "kept" / "password"
    command = bare.command("init", *options(bare, provider=None, username=None, **{"password-file": str(kept)}))
    for password, code in (("wrong", 11), (bare.server.password, 0)):
        talk = Talk(command, bare.env())
        talk.answer("provider", "other")
        talk.answer("user name", bare.server.username)
        talk.answer("password", password)
        assert talk.ended() == code, talk.text
        assert password not in talk.text
        assert kept.exists() is bare.config.exists() is (code == 0)
    assert kept.read_text() == f"{bare.server.password}\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    bare.ok("sync")


def test_a_config_that_cannot_be_written_leaves_no_password_behind(bare: Household) -> None:
    kept = bare.home / "kept"
    command = [sys.executable, "-m", "cardsync", "--config", "/proc/nope/c.toml", "init"]
    talk = Talk([*command, *options(bare, **{"password-file": str(kept)})], bare.env())
    talk.answer("password", bare.server.password)
    assert talk.ended() == 10, talk.text
    assert "The file cannot be written." in talk.text
    assert not kept.exists()


class Talk:
    """A command at a terminal of its own."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(command, env={**env, "TERM": "dumb"}, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.text = ""

    def answer(self, question: str, word: str) -> None:
        seen = len(self.text)
        until(lambda: question in self._read()[seen:], f"{question!r} in {self.text!r}")
        os.write(self._master, f"{word}\n".encode())

    def _read(self) -> str:
        while select.select([self._master], [], [], 0.05)[0]:
            try:
                self.text += os.read(self._master, 4096).decode()
            except OSError:
                break
        return self.text

    def ended(self) -> int:
        end = time.monotonic() + 30
        while self._process.poll() is None and time.monotonic() < end:
            self._read()
        self._read()
        os.close(self._master)
        return self._process.wait(timeout=5)


@pytest.mark.parametrize("provider", ["icloud", "fastmail", "nextcloud", "mailbox", "synology"])
def test_each_providers_address_is_one_that_the_config_takes(provider: str, tmp_path: Path) -> None:
    """The provider itself is not there to be asked: what is checked is the file that would be tried."""
    code = (
        "import sys; from cardsync.settings.first import First, address_of, text_of; "
        "print(text_of(First(account=sys.argv[1], url=address_of(sys.argv[1], 'cloud.example'), username='me', "
        "secret=('password', 'x'), state_dir='/tmp/x', groups=('VIP', 'My List')), ['A', 'B'], ['C']))"
    )
    config = tmp_path / "cardsync.toml"
    made = subprocess.run([sys.executable, "-c", code, provider], capture_output=True, text=True, check=True)
    config.write_text(made.stdout)
    config.chmod(0o600)
    command = [sys.executable, "-m", "cardsync", "--config", str(config), "config", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == f"{config}: ok (1 account, 2 groups)\n", done.stderr
