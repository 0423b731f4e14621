"""``cardsync config`` as the owner runs it: every error with its line, never a value."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cardsync.cli import main

CANARY = "hunter2"  # stands wherever a value is wrong; must never be printed

GOOD = """\
[accounts.home]
url = "https://dav.example.com/"
username = "jo"
password_file = "/run/secrets/home"
"""


def cardsync(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "cardsync", *arguments],
        env={**kept, "HOME": "/nonexistent", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BROKEN = {
    "syntax: no quotes": (
        GOOD + f"[log]\nlevel = {CANARY}\n",
        ["6: column 9: invalid value; allowed: TOML"],
    ),
    "syntax: a string without end": (
        GOOD + f'[log]\nlevel = "{CANARY}\nformat = "json"\n',
        ["6: column 17: illegal character; allowed: TOML"],
    ),
    "syntax: twice": (
        GOOD + f'username = "{CANARY}"\n',
        ["5: column 21: cannot overwrite a value; allowed: TOML"],
    ),
    "unknown keys name the nearest": (
        GOOD + f'[reminder]\nlabel = "{CANARY}"\n[schedule]\nsynk = "{CANARY}"\n',
        [
            "5: reminder: is not known; did you mean reminders?",
            "8: schedule.synk: is not known; did you mean schedule.sync?",
        ],
    ),
    "a key in the wrong table": (
        f'label = "{CANARY}"\n' + GOOD,
        ["1: label: is not known; did you mean reminders.label?"],
    ),
    "no account": (
        '[log]\nlevel = "info"\n',
        ["1: accounts: is missing; allowed: tables [accounts.NAME]"],
    ),
    "two passwords": (
        GOOD + f'password = "{CANARY}"\npassword_command = ["{CANARY}"]\n',
        [
            "4: accounts.home.password_file: is given besides password",
            "6: accounts.home.password_command: is given besides password",
        ],
    ),
    "no password, no url": (
        f'[accounts.home]\nusername = "{CANARY}"\n',
        ["1: accounts.home: has no password", "1: accounts.home.url: is missing"],
    ),
    "http": (
        GOOD.replace("https://dav", f"http://{CANARY}"),
        ["2: accounts.home.url: would send the password for all to read; allowed: https://, or allow_http = true"],
    ),
    "a password in the address": (
        GOOD.replace("https://", f"https://jo:{CANARY}@"),
        ["2: accounts.home.url: holds a user name or a password"],
    ),
    "wrong kinds": (
        f'state_dir = "{CANARY}"\n' + GOOD + f'allow_http = "{CANARY}"\naddress_books = [\n  "a",\n  7,\n]\n',
        [
            "1: state_dir: is no absolute path; allowed: an absolute path",
            "6: accounts.home.allow_http: is of the wrong kind; allowed: true or false",
            '9: accounts.home.address_books[1]: is of the wrong kind; allowed: a list of texts as ["a", "b"]',
        ],
    ),
    "texts where TOML has types": (
        GOOD.replace("https", "http") + 'allow_http = "yes"\n[reminders]\nmax_open = "19"\nask_missing = 1\n'
        '[groups.VIP]\nweight = "2"\n',
        [
            "5: accounts.home.allow_http: is of the wrong kind; allowed: true or false",
            "7: reminders.max_open: is of the wrong kind; allowed: a whole number, 0 or more",
            "8: reminders.ask_missing: is of the wrong kind; allowed: true or false",
            "10: groups.VIP.weight: is of the wrong kind; allowed: a number above 0",
        ],
    ),
    "numbers out of bounds": (
        GOOD + "[groups.VIP]\nweight = -1\n[reminders]\nmax_open = -1\n[freshness]\nask_above = 20\n",
        [
            "6: groups.VIP.weight: is too small; allowed: a number above 0",
            "8: reminders.max_open: is too small; allowed: a whole number, 0 or more",
            "10: freshness.ask_above: is too large; allowed: a number from 0 to 1",
        ],
    ),
    "durations, cron, zone, hours": (
        GOOD
        + f'sync = "{CANARY} * * * *"\n'
        + f'[schedule]\nsync = "61 * * * *"\njitter = "{CANARY}"\ntimezone = "{CANARY}"\n'
        + f'[reminders]\nhours = "8-{CANARY}"\nexpire_after = 45\n',
        [
            "5: accounts.home.sync: is not known; did you mean schedule.sync?",
            "7: schedule.sync: is no cron expression that can be followed; allowed: a duration",
            '8: schedule.jitter: is no duration; allowed: a duration as "15m"',
            "9: schedule.timezone: is not a time zone that this machine knows; allowed: a name",
            "11: reminders.hours: is no span of hours; allowed: two hours of the day",
            "12: reminders.expire_after: is no duration: it needs quotes and a unit; allowed: a duration",
        ],
    ),
    "words": (
        GOOD + f'write = "{CANARY}"\n[reminders]\nlabel = "{CANARY}:"\nlanguage = "{CANARY}"\nposition = "middle"\n',
        [
            "5: accounts.home.write: is none of the words that are known; allowed: one of auto, never, always",
            "7: reminders.label: is no label; allowed: one word",
            "8: reminders.language: is none of the words that are known; allowed: one of en, de, fr, es, pt",
            "9: reminders.position: is none of the words that are known; allowed: one of top, bottom",
        ],
    ),
    "strata and aliases": (
        GOOD
        + f'[groups]\nVIP = {{ stratum = "{CANARY}" }}\nBoard.stratum.median_years = "{CANARY}"\n'
        + f'[organisations]\naliases = [\n  ["Meta", "Facebook"],\n  "{CANARY}",\n]\n',
        [
            "6: groups.VIP.stratum: is no stratum that is known; allowed: general, technology, management",
            "7: groups.Board.stratum.median_years: is of the wrong kind; allowed: a number",
            "11: organisations.aliases[1]: is of the wrong kind; allowed: a list of lists",
        ],
    ),
    "sentences": (
        GOOD + f'[reminders.texts]\nstil = "{CANARY}"\nstill = "{{{CANARY}}}"\nmissing = "{CANARY};"\n',
        [
            "6: reminders.texts.stil: is not known; did you mean still?",
            "7: reminders.texts.still: has a slot in braces that is not known; allowed: one line without ;",
            "8: reminders.texts.missing: is no sentence on one line; allowed: one line without ;",
        ],
    ),
    "a source": (
        GOOD + f'[sources.mailbox]\nhost = "{CANARY}"\n[sources.githup]\n[sources.linkedin_export]\nfolder = "x"\n',
        [
            "5: sources.mailbox: has no password; allowed: one of password, password_file",
            "5: sources.mailbox.username: is missing",
            "7: sources.githup: ",
            "9: sources.linkedin_export.folder: is no absolute path",
        ],
    ),
    "a name that cannot be": (
        GOOD + f'[accounts."my home"]\nurl = "dav.example.com"\nusername = "jo"\npassword = "{CANARY}"\n',
        ['5: accounts."my home": is no name for a table; allowed: letters, digits'],
    ),
    "a list without a name": (
        GOOD + '[groups." "]\nweight = 2\n[groups."VIP\\u001f"]\n[groups."a\\rb"]\n[groups."a\\u0085b"]\n',
        [
            '5: groups." ": is no name for a table; allowed: the name of a list on the phone',
            "7: groups.",
            "8: groups.",
            "9: groups.",
        ],
    ),
    "two spellings of one list": (
        GOOD + '[groups."\u00e9"]\n[groups."e\u0301"]\n',
        ["6: groups."],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_error_has_file_line_key_and_what_is_allowed(name: str, tmp_path: Path) -> None:
    text, expected = BROKEN[name]
    path = tmp_path / "cardsync.toml"
    path.write_text(text, encoding="utf-8")
    done = cardsync("--config", str(path), "config", "check")
    assert done.returncode == 10
    assert done.stdout == ""
    found = done.stderr.splitlines()[1:]
    assert len(found) == len(expected), done.stderr
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(f"{path}:{start}"), line
    assert CANARY not in done.stderr


def test_errors_of_file_and_environment_come_together(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.toml"
    path.write_text(GOOD + "[reminders]\nmax_open = -1\n")
    done = cardsync(
        "config",
        "check",
        CARDSYNC_CONFIG=str(path),
        CARDSYNC_REMINDERS__LANGUAGE=CANARY,
        CARDSYNC_ACOUNTS__HOME__PASSWORD=CANARY,
        CARDSYNC_GROUPS="{" + CANARY,
    )
    assert done.returncode == 10
    assert [line.split(": ")[0] for line in done.stderr.splitlines()[1:]] == [
        f"{path}:6",
        "CARDSYNC_REMINDERS__LANGUAGE",
        "CARDSYNC_ACOUNTS__HOME__PASSWORD",
        "CARDSYNC_GROUPS",
    ]
    assert "did you mean CARDSYNC_ACCOUNTS__HOME__PASSWORD?" in done.stderr
    assert CANARY not in done.stderr


def test_a_good_config_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.toml"
    (tmp_path / "home").write_text("s3cret\n")
    path.write_text(GOOD.replace("/run/secrets/home", str(tmp_path / "home")))
    done = cardsync("--config", str(path), "config", "check")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: ok (1 account, 1 group)\n", "")


@pytest.mark.parametrize("key", ["password_file", "ca_file"])
def test_a_file_that_is_not_there_is_an_error_of_the_check_and_a_warning_elsewhere(tmp_path: Path, key: str) -> None:
    path = tmp_path / "cardsync.toml"
    (tmp_path / "home").write_text("s3cret\n")
    good = f'state_dir = "{tmp_path}/state"\n' + GOOD.replace("/run/secrets/home", str(tmp_path / "home"))
    lines = [line for line in good.splitlines() if not line.startswith(key)]
    path.write_text("\n".join([*lines, f'{key} = "{tmp_path}/nowhere"']))
    done = cardsync("--config", str(path), "config", "check")
    assert (done.returncode, done.stdout) == (10, "")
    line = f"{path}:{len(lines) + 1}: accounts.home.{key}: the file that it names is not there, or is a directory"
    assert done.stderr.splitlines() == ["cardsync: The config names 1 file that cannot be used.", line]
    status = cardsync("--config", str(path), "status")
    assert (status.returncode, status.stderr) == (0, f"warning: {line}\n")


def test_no_config_says_where_it_was_looked_for(tmp_path: Path) -> None:
    done = cardsync("config", "check", XDG_CONFIG_HOME=str(tmp_path))
    assert done.returncode == 10
    assert str(tmp_path / "cardsync" / "cardsync.toml") in done.stderr
    assert "/etc/cardsync/cardsync.toml" in done.stderr


def test_show_hides_secrets_and_tells_origins(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.toml"
    path.write_text(GOOD.replace('password_file = "/run/secrets/home"', f'password = "{CANARY}"'))
    text = cardsync("--config", str(path), "config", "show", CARDSYNC_LOG__LEVEL="debug")
    assert text.returncode == 0
    assert re.search(rf'^accounts\.home\.password = "\*\*\*" +# {path}:4$', text.stdout, re.MULTILINE)
    assert re.search(r'^log\.level = "debug" +# CARDSYNC_LOG__LEVEL$', text.stdout, re.MULTILINE)
    assert re.search(r'^reminders\.label = "VIPcheck" +# default$', text.stdout, re.MULTILINE)
    rows = json.loads(cardsync("--config", str(path), "config", "show", "--json").stdout)
    assert {"key": "accounts.home.password", "value": "***", "origin": f"{path}:4"} in rows
    assert CANARY not in text.stdout + json.dumps(rows)


def test_sample_and_schema_are_printed_without_a_config(tmp_path: Path) -> None:
    sample = cardsync("config", "sample", XDG_CONFIG_HOME=str(tmp_path))
    (tmp_path / "cardsync.toml").write_text(sample.stdout)
    done = cardsync("--config", str(tmp_path / "cardsync.toml"), "config", "check")
    assert [line.split(": ")[1] for line in done.stderr.splitlines()[1:]] == ["accounts.icloud.password_file"]
    schema = cardsync("config", "schema", XDG_CONFIG_HOME=str(tmp_path))
    assert json.loads(schema.stdout)["title"] == "cardsync.toml"


def test_the_version_needs_no_pydantic() -> None:
    code = "import sys; from cardsync.cli import main; main(['--version'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint({"pydantic", "httpx", "lxml", "apscheduler", "rich", "sqlite3", "asyncio"})


@pytest.mark.parametrize("command", [["status"], ["vip"], ["healthcheck"], ["config", "check"]])
def test_who_only_looks_loads_neither_pydantic_nor_what_speaks_to_servers(command: list[str], tmp_path: Path) -> None:
    good = GOOD.replace("/run/secrets/home", "/dev/null")
    (tmp_path / "cardsync.toml").write_text(f'state_dir = "{tmp_path}"\n{good}')
    code = (
        "import sys; from cardsync.cli import main\ntry:"
        f" main(['--config', '{tmp_path}/cardsync.toml', *{command}], standalone_mode=False)\n"
        "except SystemExit: pass\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint({"pydantic", "httpx", "lxml", "apscheduler", "rich", "structlog", "asyncio"})


def test_a_variable_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.toml"
    path.write_text(GOOD)
    variables = {"CARDSYNC_ACCOUNTS__HOME__PASSWORD": "gr\udcfcn", "CARDSYNC_ACCOUNTS": r'{"\ud800": {}}'}
    for name, value in variables.items():
        done = cardsync("--config", str(path), "config", "check", **{name: value})
        assert done.returncode == 10
        assert "no text" in done.stderr or "a name that is none" in done.stderr


def test_a_command_whose_output_nobody_takes_ends_as_ever(tmp_path: Path) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-", "| head -1", ">/dev/full"):
        command = f"{sys.executable} -m cardsync config sample {closed}"
        shell = ["bash", "-o", "pipefail", "-c", command]
        done = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        assert done.returncode in ({0, 1} if "head" in closed else {int("full" in closed)}), (closed, done)
        assert done.stderr == ("cardsync: No space left on device.\n" if "full" in closed else "")


def test_no_secret_is_shown_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.toml"
    path.write_text(
        f'{GOOD}[notify]\napprise = ["{CANARY}://x"]\n'
        f'[sources.plugins.own]\nlogins = [{{ token = "{CANARY}", name = "me" }}]\n'
        f'pwd = "{CANARY}"\nurl = "https://u:{CANARY}@h.example/"\n[organisations.domains]\nfoo_command = []\n'
    )
    for form in ([], ["--json"]):
        shown = cardsync("--config", str(path), "config", "show", *form).stdout
        assert CANARY not in shown
        assert "***" in shown
        assert '"me"' in shown


def test_each_secret_in_a_config_that_all_can_read_is_warned_of_and_never_shown(tmp_path: Path) -> None:
    config = tmp_path / "cardsync.toml"
    config.write_text(
        f'state_dir = "{tmp_path}"\n[accounts.home]\nurl = "https://a.example"\nusername = "me"\n'
        f'password = "{CANARY}"\n[http]\nlisten = "127.0.0.1:1"\ntoken = "{CANARY}"\n'
        f'[notify]\nping = "https://p.example/{CANARY}"\n[notify.ntfy]\nurl = "https://n.example/{CANARY}"\n'
        f'token = "{CANARY}"\n'
    )
    config.chmod(0o644)
    done = CliRunner().invoke(main, ["--config", str(config), "config", "check"])
    assert done.exit_code == 0, done.output
    warned = re.findall(r":(\d+): ([a-z.]+): everybody on this machine can read it", done.output)
    assert sorted(key for _, key in warned) == [
        "accounts.home.password", "http.token", "notify.ntfy.token", "notify.ntfy.url", "notify.ping",
    ]  # fmt: skip
    assert CANARY not in done.output


@pytest.mark.parametrize(("url", "well"), [("http://n.example/t", False), ("http://127.0.0.1:1/t", True)])
def test_a_token_for_all_to_read_must_be_allowed(tmp_path: Path, url: str, well: bool) -> None:
    config = tmp_path / "cardsync.toml"
    config.write_text(
        f'state_dir = "{tmp_path}"\n[accounts.home]\nurl = "https://a.example"\nauth = "none"\n'
        f'[notify.ntfy]\nurl = "{url}"\ntoken = "x"\n'
    )
    config.chmod(0o600)
    done = CliRunner().invoke(main, ["--config", str(config), "config", "check"])
    assert (done.exit_code == 0) is well
    assert ("notify.ntfy.url: would send the token for all to read" in done.output) is not well
