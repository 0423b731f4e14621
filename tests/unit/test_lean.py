"""What a daemon on a small machine does not load, and what still works without it."""

import subprocess
import sys

import pytest

from cardsync.lean import without


def test_a_daemon_loads_neither_rich_nor_pygments_and_both_are_there_for_whoever_wants_them() -> None:
    code = (
        "import cardsync.daemon, cardsync.app, cardsync.carddav.client, cardsync.consulting, sys; "
        "assert not {'rich', 'pygments', 'caldav', 'prometheus_client'} & set(sys.modules), sorted(sys.modules); "
        "import rich.table, pygments"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_package_that_is_loaded_already_stays() -> None:
    with without("json", "no_such_package"):
        import json

        assert json.dumps(1) == "1"
        with pytest.raises(ImportError):
            __import__("no_such_package")
    assert "no_such_package" not in sys.modules
