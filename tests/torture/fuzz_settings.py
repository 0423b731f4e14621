"""Fuzzed configs: a TOML file and variables, damaged; every error is a sentence with a place."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from cardsync.errors import ConfigError
from cardsync.schedule import Due
from cardsync.settings import reading, values
from cardsync.settings.effective import effective
from cardsync.settings.load import Loaded, read
from cardsync.settings.policies import group_policies, reminder_policy, zone
from cardsync.settings.sample import sample
from cardsync.settings.table import Table
from cardsync.settings.toml import toml_value
from torture.mutated import listed, mutated

if TYPE_CHECKING:
    from torture.fuzz import Cpu

_GOOD = """\
state_dir = "/data"
[accounts.Home]
url = "https://dav.example.com/"
username = "jo"
password_command = ["pass", 'home']
address_books = ["Friends", 'Wörk']
reminders = { label = "Check", max_open = 7 }
[groups."Board of X"]
weight = 2.5
stratum = { median_years = 7.5 }
[schedule]
sync = "0 7 * * mon-fri"
timezone = "Europe/Berlin"
[reminders]
hours = "8-21"
past_labels = [
  "Old",  # of 2024
]
texts.follow_up = \"\"\"where is {name} now?\"\"\"
[freshness]
ask_above = 0.20
[organisations]
aliases = [["Meta", "Facebook"]]
domains = { "Acme" = ["acme.example", "acme.io"] }
"""
_PLAIN = "\n".join(
    line.removeprefix("# ") if " = " in line else line for line in sample().splitlines() if not line.startswith("# [so")
)
_TOKENS = tuple(
    token.encode()
    for token in listed(
        "\n[a.b]\n|\n[[a]]\n|[|]|{|}|\"|\"\"\"|'''|'|=| = |,|#|\n|\r\n|\\|\\u0000|\\U0010FFFF|\\x|.|true|inf|nan|1e999"
        '|0x_|1979-05-27T07:32:00Z|9999-99-99|accounts|groups|Home|\n__proto__ = 1\n|\n_x = 1\n|\n"" = 1\n'
        "|\n'a.b'.c = 1\n"
        "|-1|1_000|\u202e|\x1b[2J|\0|[[[[[[[[|{a={a={a=|;|{title}|{title!r}|{0}|~nobody/x|~/x|../x"
    )
)
_VARIABLES = listed(
    "REMINDERS__LANGUAGE|REMINDERS__HOURS|REMINDERS__TEXTS|REMINDERS__TEXTS__STILL|SCHEDULE__SYNC|SCHEDULE__TIMEZONE"
    "|SCHEDULE__JITTER|UNDO__KEEP_VERSIONS|UNDO__KEEP_BACKUPS|REMINDERS__ASK_AGAIN_AFTER|FRESHNESS__ASSUMED_AGE"
    "|STATE_DIR|ACCOUNTS__HOME__PASSWORD|ACCOUNTS__HOME__URL|ACCOUNTS__HOME__CA_FILE|ACCOUNTS"
    "|ACCOUNTS__HOME|ACCOUNTS__NEW__URL|ACCOUNTS__HOME__ADDRESS_BOOKS|ACCOUNTS__HOME__TRUSTED_ORIGINS|GROUPS|GROUPS__VIP"
    "|GROUPS__VIP__STRATUM|GROUPS__BOARD_OF_X__WEIGHT|ORGANISATIONS__ALIASES|ORGANISATIONS__DOMAINS|LOG__LEVEL"
    "|GUARDS__MASS_CHANGE_SHARE|SOURCES|SOURCES__X|__|A__|X___Y|REMINDERS|LOG|ACCOUNTS__HOME__REMINDERS__POSITION"
)
_VALUES = listed(
    "1|0|-1|true|nan|inf|1e400|15m|1h30m|100y|9999y|999999y999999y999999y"
    "|²m|٣d|0|8-21|24-0|00-99|0 7 * * mon-fri|*/0 * * * *|* * * * 1-8/9"
    "|0 0 30 2 *"
    "|@daily|a b c d e|1-0 1-0 1-0 1-0 1-0|* * * * sun-sat/2|last * last * *|Europe/Berlin|../../etc|/etc/localtime|UTC"
    '|["a"]|{"a": 1}|[[["a"]]]|{a = 1}|[1, 2|{|[|""|\'|https://x/|http://[::|https://u:p@x/|jo@example.org|x y|/a/b|~/x'
    "|~nobody/x|/a\0b|\udcff|{title}|{title|}|{title!r:>9}|VIP;|\u202e|\x1b[2J|md5|top"
)
_NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
_DOTS = 300  # in a line; tomllib takes quadratic time for a key of thousands of parts
_KINDS = (values.Sync, values.Duration, values.Hours)


def settings(rng: Random, cpu: "Cpu", folder: Path) -> str:
    """A damaged config: a ``ConfigError`` whose every line has a place, or settings that can be used and shown."""
    _check_values(rng, cpu)
    file = folder / "cardsync.toml"
    base = rng.choice((_GOOD, _GOOD, _PLAIN)).encode()
    data = mutated(rng, base, [_PLAIN.encode(), _GOOD.encode()], _TOKENS, gently=rng.random() < 0.5)
    file.write_bytes(base if any(line.count(b".") > _DOTS for line in data.split(b"\n")) else data)
    environ = {f"CARDSYNC_{rng.choice(_VARIABLES)}": _value(rng) for _ in range(rng.choice((0, 0, 1, 2, 4)))}
    try:
        loaded = cpu.call(lambda: read(file, environ))
    except ConfigError as error:
        assert error.problems, "an error without a line"
        for line in error.problems:
            assert line.startswith((f"{file}:", "CARDSYNC_", "environment:", "searched:")), f"without a place: {line}"
        return "refused"
    _use(loaded)
    return "accepted"


def _value(rng: Random) -> str:
    value = rng.choice(_VALUES)
    if rng.random() < 0.3:
        value = mutated(rng, value.encode("utf-8", "surrogateescape"), [b"x"], _TOKENS, gently=False).decode(
            "utf-8", "surrogateescape"
        )
    return value


def _use(loaded: Loaded) -> None:
    """All that the daemon and ``config show`` do with settings."""
    for account in (*loaded.settings.accounts, "gone"):
        reminder_policy(loaded.settings, account)
    group_policies(loaded.settings)
    where = zone(loaded.settings)
    Due(loaded.settings.schedule, where).get_next_fire_time(None, _NOW.astimezone(where))
    _check_durations(loaded.settings)
    for row in effective(loaded):
        assert "\n" not in toml_value(row.value), f"{row.key}: a value of two lines"
        json.dumps(row.value)


def _check_durations(value: object) -> None:
    """All that settings hold are added to today, and taken from it."""
    if isinstance(value, timedelta):
        assert _NOW - value <= _NOW <= _NOW + value
    elif isinstance(value, Table):
        _check_durations(value.as_dict())
    elif isinstance(value, dict):
        for each in value.values():
            _check_durations(each)


def _check_values(rng: Random, cpu: "Cpu") -> None:
    """Durations, hours and cron expressions: read or refused, and shown as what reads back."""
    text = rng.choice((_value(rng), " ".join(_value(rng) for _ in range(5))))
    for kind in _KINDS:
        try:
            found = cpu.call(lambda kind=kind: reading.read(kind, text))  # type: ignore[misc]
        except reading.Doubt:
            continue
        _check_durations(found)
        assert reading.read(kind, reading.shown(kind, found)) == found, f"shown as another value: {text!r}"
