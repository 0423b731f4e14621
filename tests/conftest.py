"""Makes ``tests/`` importable, so that every suite can start the servers of ``tests/servers``."""

import signal

import pytest

pytest_plugins = ["servers.fixtures", "household"]


def pytest_configure(config: pytest.Config) -> None:
    """What the tests start inherits an ignored SIGINT (``nohup pytest &`` of a script), and Ctrl-C is tested."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
