"""Makes ``tests/`` importable, so that every suite can start the servers of ``tests/servers``."""

pytest_plugins = ["servers.fixtures", "household"]
