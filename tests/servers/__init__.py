"""CardDAV servers for the tests: real ones in processes of their own, and two of our own shape.

Each ``start_*`` is a context manager that gives a ``Running``; several can run at once.
"""

from servers.converting import Told, start_converting
from servers.icloud_shaped import start_icloud_shaped
from servers.real import start_radicale, start_sabre, start_xandikos
from servers.running import Running

__all__ = [
    "Running",
    "Told",
    "start_converting",
    "start_icloud_shaped",
    "start_radicale",
    "start_sabre",
    "start_xandikos",
]
