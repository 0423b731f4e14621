"""config/cardsync.service, as systemd itself reads it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "config" / "cardsync.service"
MOST = "20"  # tenths: below 2 is wanted

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """With a program that is there."""
    text = UNIT.read_text("utf-8")
    assert "/opt/cardsync/bin/cardsync" in text
    made = tmp_path / UNIT.name
    made.write_text(text.replace("/opt/cardsync/bin/cardsync", f"{sys.executable} -m cardsync"), "utf-8")
    return made


@pytest.mark.parametrize("asked", [["verify"], ["security", "--offline=true", f"--threshold={MOST}"]])
def test_systemd_takes_it_and_finds_it_hardened(unit: Path, asked: list[str]) -> None:
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *asked, str(unit)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert UNIT.name not in done.stderr  # a key that it does not know is told of there
