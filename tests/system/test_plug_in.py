"""The example package of docs/plug-ins.md, installed as anybody would, and run through the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from household import Household

EXAMPLE = Path(__file__).parents[2] / "docs" / "example-source"
TABLE = (
    "[sources.plugins.staff_page]",
    'url = "https://www.initrode.example/people"',
    'organisation = "Initrode"',
    'token = "not to be shown"',
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the package in it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for path in EXAMPLE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = source / path.relative_to(EXAMPLE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(target), str(source)], check=True, capture_output=True, timeout=100)
    return target


def env(installed: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH", ""))))}


def test_the_example_is_found_and_says_what_it_sends(house: Household, installed: Path) -> None:
    house.configure(*TABLE)
    house.fill()
    house.ok("sync", "--dry-run")
    done = house.process("sources", "--json", **env(installed))
    assert done.returncode == 0, done.stderr
    (row,) = (row for row in json.loads(done.stdout) if row["on"])
    assert (row["name"], row["plugin"], row["hosts"], row["error"]) == (
        "staff_page", True, ["www.initrode.example"], "",
    )  # fmt: skip
    shown = house.process("config", "show", **env(installed))
    assert "not to be shown" not in shown.stdout
    assert "www.initrode.example" in shown.stdout


def test_a_plug_in_that_is_not_installed_is_said_and_stops_nothing(house: Household) -> None:
    house.configure(*TABLE)
    house.fill()
    house.ok("sync")
    (row,) = (row for row in json.loads(house.ok("sources", "--json")) if row["on"])
    assert "No package here has a source of that name" in row["error"]


def test_its_failures_are_its_own(house: Household, installed: Path) -> None:
    house.configure(*TABLE)
    house.fill()
    house.ok("sync")
    done = house.process("sync", **env(installed))  # the host has no address
    assert done.returncode == 0, done.stderr
    (row,) = (row for row in json.loads(house.process("sources", "--json", **env(installed)).stdout) if row["on"])
    assert row["last_run"] or row["error"]
    tried = house.process("sources", "test", "staff_page", **env(installed))
    assert tried.returncode == 1
    assert "Traceback" not in tried.stdout + tried.stderr
