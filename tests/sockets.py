"""Whatever this process connects to or looks up, below every library: by an audit hook, which nothing can take off."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_open: list[set[str]] = []
_hooked: list[bool] = []


def place_of(event: str, given: tuple[Any, ...]) -> str | None:
    """``host:port`` of a look-up, a connection or a datagram; None: another event."""
    if event == "socket.getaddrinfo":
        place: Any = given[:2]
    elif event in {"socket.connect", "socket.sendto"}:
        place = given[1]
    else:
        return None
    return f"{place[0]}:{place[1]}" if isinstance(place, tuple) else str(place)


@contextmanager
def contacted() -> Iterator[set[str]]:
    """The places that were contacted within the block, by this process's own servers' clients too."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_note)
    places: set[str] = set()
    _open.append(places)
    try:
        yield places
    finally:
        _open.remove(places)


def _note(event: str, given: tuple[Any, ...]) -> None:
    if _open and event.startswith("socket.") and (place := place_of(event, given)):
        for places in _open:
            places.add(place)
