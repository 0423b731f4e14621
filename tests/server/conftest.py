"""The loop's home on two kinds of server: one that syncs by token and keeps bytes, and one without sync-collection."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from loop import OWN, Home, Make, home_on, person
from servers import Running
from servers.fixtures import start


@pytest.fixture(scope="session", params=("xandikos", "sabre"))
def loop_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Each of the two, kept for the run."""
    with start(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture
def home(loop_server: Running, tmp_path: Path) -> Iterator[Make]:
    """Makes a home with these cards (a VIP named Jo, if none are given), these VIPs (all) and this config."""
    with ExitStack() as stack:

        def make(cards: Mapping[str, bytes] | None = None, vips: list[str] | None = None, **config: Any) -> Home:
            cards = cards or {"Jo": person("Jo", OWN)}
            return stack.enter_context(home_on(loop_server, tmp_path, cards, vips, **config))

        yield make
