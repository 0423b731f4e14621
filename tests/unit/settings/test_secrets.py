"""Every way to give a password, and what is said when it fails: never what was read."""

import sys
from pathlib import Path
from typing import Any

import pytest

from cardsync.errors import ConfigError
from cardsync.settings import secrets
from cardsync.settings.model import Account
from cardsync.settings.reading import table_of
from cardsync.settings.secrets import Secret, resolve


def account(**given: Any) -> Account:
    return table_of(Account, {"url": "https://dav.example.com", "username": "jo", **given})


def problem(given: Account, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve("home", given, environ or {})
    assert "s3cret" not in str(caught.value)
    return str(caught.value).removesuffix(".")


def printing(text: str, code: int = 0) -> list[str]:
    return [sys.executable, "-c", f"import sys; sys.stdout.write({text!r}); sys.exit({code})"]


def test_every_form_gives_its_first_line(tmp_path: Path) -> None:
    file = tmp_path / "home"
    file.write_bytes("pä ss\r\nsecond\n".encode())
    env_file = tmp_path / ".env"
    env_file.write_text("# comment\nOTHER=1\nexport CARDSYNC_ACCOUNTS__HOME__PASSWORD='pä ss'\n")
    assert resolve("home", account(password="pä ss"), {}) == Secret(password="pä ss")
    assert resolve("home", account(password_file=str(file)), {}) == Secret(password="pä ss")
    assert resolve("home", account(password_command=printing("pä ss\nsecond\n")), {}) == Secret(password="pä ss")
    assert resolve("home", account(password_env_file=str(env_file)), {}) == Secret(password="pä ss")
    assert resolve("home", account(token_file=str(file)), {}) == Secret(token="pä ss")
    assert resolve("home", account(), {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == Secret(password="pä ss")
    assert resolve("home", account(auth="none"), {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == Secret()


def test_a_file_is_read_at_each_use(tmp_path: Path) -> None:
    file = tmp_path / "home"
    given = account(password_file=str(file))
    file.write_text("one")
    assert resolve("home", given, {}).password == "one"
    file.write_text("two")
    assert resolve("home", given, {}).password == "two"


def test_failures_name_account_key_and_reason_only(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\ns3cret\n")
    assert problem(account(password_file=str(tmp_path / "gone"))) == (
        "accounts.home.password_file: the file cannot be read: No such file or directory"
    )
    assert problem(account(password_file=str(empty))) == "accounts.home.password_file: its first line is empty"
    assert problem(account(password_command=printing("s3cret", code=3))) == (
        f"accounts.home.password_command: {sys.executable} ended with exit code 3"
    )
    assert problem(account(password_command=["/no/such/program", "s3cret"])) == (
        "accounts.home.password_command: /no/such/program cannot be run: No such file or directory"
    )
    assert problem(account(password_env_file=str(empty))) == (
        "accounts.home.password_env_file: the file sets no CARDSYNC_ACCOUNTS__HOME__PASSWORD"
    )


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 0.2)
    hangs = account(password_command=[sys.executable, "-c", "import time; time.sleep(60)"])
    assert "took longer than" in problem(hangs)


def test_no_shell_looks_at_a_command(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    given = account(password_command=[*printing("x"), f"; touch {marker}"])
    assert resolve("home", given, {}).password == "x"
    assert not marker.exists()


def test_secrets_do_not_show_in_repr() -> None:
    given = account(password="s3cret")
    assert "s3cret" not in repr(given) + repr(resolve("home", given, {}))
