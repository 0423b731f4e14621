"""The wheel, as ``pipx install`` puts it somewhere: an editable install hides what it lacks."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from household import Household

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([*PIP, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)])
    (made,) = folder.glob("cardsync-*.whl")
    return made


def run(command: list[str], **env: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ, **env}, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    there = {name for name in ZipFile(wheel).namelist() if name.startswith("cardsync/")}
    ours = {str(path.relative_to(SOURCE)) for path in (SOURCE / "cardsync").rglob("*") if path.is_file()}
    assert there == {name for name in ours if "__pycache__" not in name}
    assert "cardsync/py.typed" in there


def test_what_it_installs_makes_a_cycle(wheel: Path, house: Household, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    run([*PIP, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)])
    env = house.env(PYTHONPATH=str(target))
    assert run([sys.executable, "-c", "import cardsync; print(cardsync.__file__)"], **env).startswith(str(target))
    house.fill()
    program = str(target / "bin" / "cardsync")
    told = run([sys.executable, program, "--config", str(house.config), "sync"], **env)
    assert "asked 1" in told
    assert sum(b"VIPcheck" in card for card in house.cards().values()) == 1
