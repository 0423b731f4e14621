"""``bench/cards.py`` on any folder: it counts, it finds what is wrong, and it never crashes."""

import subprocess
import sys
from pathlib import Path

from builders import card

BENCH = Path(__file__).parents[3] / "bench" / "cards.py"


def test_a_folder_of_anything_is_counted(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "good.VCF").write_bytes(card("NOTE:hello"))
    (tmp_path / "old.vcf").write_bytes(card(version="2.1"))
    (tmp_path / "empty.vcf").write_bytes(b"")
    (tmp_path / "junk.vcf").write_bytes(bytes(range(256)) * 4096)
    (tmp_path / "hostile.vcf").write_bytes(card("TEL;TYPE=" + "a," * 500_000))
    with (tmp_path / "huge.vcf").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    (tmp_path / "other.txt").write_bytes(b"no card")
    done = subprocess.run([sys.executable, BENCH, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    figures = dict(line.split(" = ") for line in done.stdout.splitlines())
    assert (figures["cards"], figures["accepted"], figures["refused"], figures["crashes"]) == ("6", "1", "5", "0")
    refusals = {name: figures[name] for name in figures if name.startswith("refused.")}
    assert refusals == {
        "refused.too-large": "1",
        "refused.unreadable": "2",
        "refused.unscannable-line": "1",
        "refused.version": "1",
    }


def test_help_and_a_missing_folder(tmp_path: Path) -> None:
    helped = subprocess.run([sys.executable, BENCH, "--help"], capture_output=True, text=True, check=False)
    missing = subprocess.run([sys.executable, BENCH, tmp_path / "no"], capture_output=True, text=True, check=False)
    assert (helped.returncode, missing.returncode) == (0, 2)
    assert "DIR" in helped.stdout
