"""A household for each test, on one Radicale."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from household import Household, household

from servers import Running, start_radicale


@pytest.fixture(scope="session")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start_radicale(tmp_path_factory.mktemp("radicale")) as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, radicale: Running) -> Iterator[Household]:
    with household(tmp_path, radicale) as house:
        yield house
