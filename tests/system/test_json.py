"""docs/json.md against what the commands print with ``--json``: every key with its type, and none that is stale."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from cardsync import needs
from cardsync.model import QuestionKind
from cardsync.records import Ending
from household import Household

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
ZORA, BASIL, ODILE = "Zora Quillfeather", "Basil Thackwell", "Odile Marchbanks"
CONFIG = (
    "[notify.webhook]",
    'url = "http://127.0.0.1:9/"',  # nobody is there
    "[groups.VIP]",
    "[groups.Board]",  # nobody is in it
    "[reminders]",
    "max_new_per_day = 2",
    "[sources.linkedin_export]",
    'folder = "{folder}"',
)
LINKEDIN = (
    "First Name,Last Name,URL,Email Address,Company,Position,Connected On\r\n"
    "Odile,Marchbanks,https://www.linkedin.com/in/odile,odile.marchbanks@globex.example,Umbrella,Buyer,01 Mar 2020\r\n"
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT.*[+]00:00")
UNSEEN = {
    "sync": {"accounts[].error", "sources.*.errors[]", "sources.*.waits"},
    "check": {"[].problems[]"},
    "status": {"last_cycle.accounts[].error", "questions[].ended"},
    "sources": {"[].hosts[]"},
}
"""What this household has no occasion for."""


def documented() -> dict[str, dict[str, str]]:
    """By command: path -> type."""
    sections: dict[str, dict[str, str]] = {}
    for part in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        if name := re.match(r"`(.*?)`", part):
            rows = re.findall(r"^\| (`.*?) \| (.*?) \|", part, re.MULTILINE)
            sections[name[1]] = {path: kind for paths, kind in rows for path in re.findall(r"`(.*?)`", paths)}
    one = sections["sync"]
    sections["status"] |= {f"last_cycle.{key}": one[key] for key in one if not key.startswith(("sources", "dry_run"))}
    sections["status"] |= sections["status --problems"]
    evidence = {key: kind for key, kind in sections["sources test SOURCE"].items() if key.startswith("found[]")}
    sections["explain NAME"] |= {
        key.replace("found[]", "evidence[]"): kind for key, kind in evidence.items() if key != "found[].contact"
    }
    return sections


def leaves(value: Any, path: str, known: dict[str, str]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and known.get(path) != "any":
        for each in value:
            yield from leaves(each, f"{path}[]", known)
    elif isinstance(value, dict):
        free = any(key.startswith(f"{path}.*") for key in known)
        if path in known:
            yield path, value
            if known[path] == "any":
                return
        for key, each in value.items():
            yield from leaves(each, f"{path}.{'*' if free else key}".lstrip("."), known)
    else:
        yield path, value


def is_a(value: Any, kind: str) -> bool:
    return any(TYPES[each](value) for each in re.split(r", | or ", kind))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and bool(TIME.fullmatch(value)) and bool(datetime.fromisoformat(value))


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and len(value) == len("2026-03-02") and bool(date.fromisoformat(value))


TYPES: dict[str, Callable[[Any], bool]] = {
    "any": lambda value: True,
    "null": lambda value: value is None,
    "text": lambda value: isinstance(value, str),
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "table": lambda value: isinstance(value, dict),
    "number": _is_number,
    "share": lambda value: _is_number(value) and 0 <= value <= 1,
    "time": _is_time,
    "day": _is_day,
}


@pytest.fixture
def house(house: Household) -> Household:
    house.fill()
    folder = house.home / "linkedin"
    folder.mkdir()
    (folder / "Connections.csv").write_text(LINKEDIN, "utf-8")
    house.configure(*(line.format(folder=folder) for line in CONFIG))
    return house


def test_the_page_tells_every_key_and_type(house: Household) -> None:
    known = documented()
    seen: dict[str, set[str]] = {command: set() for command in known}

    def run(command: str, *arguments: str, exit_code: int = 0) -> Any:
        done = house.cardsync(*arguments, "--json")
        assert done.exit_code == exit_code, (arguments, done.stdout, done.stderr)
        shown = json.loads(done.stdout)
        for path, value in leaves(shown, "", known[command]):
            assert path in known[command], f"{command}: {path} is not in docs/json.md"
            kind = known[command][path]
            assert is_a(value, kind), f"{command}: {path} is {value!r}, not {kind}"
            seen[command].add(path)
        return shown

    def look() -> None:
        run("status", "status")
        run("status --problems", "status", "--problems")
        run("vip", "vip")
        for name in (ZORA, BASIL, ODILE):
            run("explain NAME", "explain", name)
            run("history NAME", "history", name)
        run("calibration", "calibration")
        run("restore", "restore")

    run("check", "check")
    run("sync", "sync")
    look()
    run("healthcheck", "healthcheck", exit_code=1)
    run("sources", "sources")
    run("sources test SOURCE", "sources", "test", "linkedin_export")
    (named, *_) = house.asked_about()
    house.server.put_card(named, house.server.get_card(named).replace(b"TITLE:Head of Sails", b"TITLE:Admiral"))
    run("sync", "sync")
    run("status", "status")
    house.ok("answer", ZORA, "left")
    house.ok("answer", BASIL, "ok")
    house.ok("vip", "validate", ODILE)
    run("sync", "sync")
    look()
    run("backup", "backup")
    run("restore NAME", "restore", ZORA, "--yes")
    run("restore NAME", "restore", ZORA, "--yes", "--dry-run")
    run("notes remove", "notes", "remove")
    run("notify digest", "notify", "digest")
    run("notify test", "notify", "test", exit_code=1)
    run("config show", "config", "show")
    look()
    text = house.config.read_text()
    house.config.write_text(text.replace("[accounts.home]", "[accounts.cloud]"))
    run("account move OLD [NEW]", "account", "move", "home", "cloud")
    house.config.write_text(text.replace("[accounts.home]", "[accounts.other]"))
    run("account forget NAME", "account", "forget", "cloud", "--yes")
    for command, paths in known.items():
        missing = paths.keys() - seen[command] - UNSEEN.get(command, set())
        assert not missing, f"{command}: docs/json.md tells of {sorted(missing)}, which nothing printed"


@pytest.mark.parametrize("words", [needs.KINDS, tuple(Ending), tuple(QuestionKind)])
def test_the_page_names_each_word(words: tuple[str, ...]) -> None:
    page = PAGE.read_text("utf-8")
    assert [word for word in words if f"`{word}`" not in page] == []
