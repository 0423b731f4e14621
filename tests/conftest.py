"""Makes ``tests/`` importable, so that every suite can start the servers of ``tests/servers``."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["servers.fixtures", "household"]

# The same examples on every machine, however busy it is; ``make torture`` and HYPOTHESIS_PROFILE=any look for new ones.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_configure(config: pytest.Config) -> None:
    """What the tests start inherits an ignored SIGINT (``nohup pytest &`` of a script), and Ctrl-C is tested."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
