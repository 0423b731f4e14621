"""A folder in memory where there is one: hundreds of databases are made here, and none outlives its test."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the system's, and only looked for


@pytest.fixture
def folder() -> Iterator[Path]:
    """Gone at the end of the test."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as path:
        yield Path(path)
