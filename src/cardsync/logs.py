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
        _set_up()
        from cardsync.structured import structlog

        return getattr(structlog.get_logger(self._name), method)


get_logger = Logger

_waiting: list[Callable[[], None]] = []


def before_the_first_line(configure: Callable[[], None]) -> None:
    """Set logging up only when something is logged."""
    _waiting[:] = [configure]


def _set_up() -> None:
    while _waiting:
        _waiting.pop()()


def bound(**context: str) -> AbstractContextManager[None]:
    """All lines that are logged meanwhile tell this, too."""
    from cardsync.structured import structlog

    return structlog.contextvars.bound_contextvars(**context)
