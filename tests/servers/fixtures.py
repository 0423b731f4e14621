"""Fixtures: every server once for the whole run, a book of its own for every test that asks for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers import Running, start_converting, start_icloud_shaped, start_radicale, start_sabre, start_xandikos

ALL_SERVERS = ("radicale", "xandikos", "sabre", "icloud-shaped", "converting")


@contextmanager
def start(name: str, folder: Path) -> Iterator[Running]:
    """Start a server by name."""
    starters = {
        "radicale": lambda: start_radicale(folder),
        "xandikos": lambda: start_xandikos(folder),
        "sabre": lambda: start_sabre(folder),
        "icloud-shaped": start_icloud_shaped,
        "converting": start_converting,
    }
    with starters[name]() as server:
        yield server


@pytest.fixture(scope="session", params=ALL_SERVERS)
def carddav_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Each of the servers in turn, kept for the run."""
    with start(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture
def server(carddav_server: Running) -> Running:
    """Each of the servers in turn, its book empty."""
    for name in carddav_server.list_cards():
        carddav_server.delete_card(name)
    return carddav_server
