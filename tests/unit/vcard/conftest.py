"""The witness reader lies with the benchmark that uses it too, the builders with all tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]
