"""The log of each part; structlog is loaded at the first line, for most commands log none."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


class Logger:
    """The log of one part, by the methods of structlog's: ``log.info("event", key=value)``."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        set_up()
        from cardsync.structured import structlog

        return getattr(structlog.get_logger(self._name), method)


def get_logger(name: str) -> Logger:
    """That of the part ``name``."""
    return Logger(name)


_waiting: list[Callable[[], None]] = []


def before_the_first_line(configure: Callable[[], None]) -> None:
    """How logging is to be set up, instead of what was to be before."""
    _waiting[:] = [configure]


def set_up() -> None:
    """Do so now, if it was not done yet."""
    while _waiting:
        _waiting.pop()()


def bound(**context: str) -> AbstractContextManager[None]:
    """All lines that are logged meanwhile tell this, too."""
    from cardsync.structured import structlog

    return structlog.contextvars.bound_contextvars(**context)
