"""CardDAV over HTTP: the adapter behind ``ports.Server``."""
