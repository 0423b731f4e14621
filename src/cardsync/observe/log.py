"""structlog on stderr: console on a terminal, JSON or logfmt elsewhere; no names, notes, hrefs or secrets."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Literal

from cardsync.structured import structlog

Format = Literal["auto", "console", "json", "logfmt"]
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET = ("httpx", "httpcore", "apscheduler", "imapclient", "apprise")  # they log URLs, which hold user names, and mail


def configure(level: str, form: Format, parts: Mapping[str, str] | None = None) -> None:
    """Set up logging for this process; ``parts`` are levels of their own, by part."""
    terminal = sys.stderr.isatty()
    console = form == "console" or (form == "auto" and terminal)
    renderer: structlog.typing.Processor
    if console:
        renderer = structlog.dev.ConsoleRenderer(colors=terminal and not os.environ.get("NO_COLOR"))
    elif form == "logfmt":
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    least = {f"cardsync.{part}": LEVELS[each] for part, each in (parts or {}).items()}
    structlog.configure(
        processors=[
            _Threshold(LEVELS[level], least),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(min([LEVELS[level], *least.values()])),
        logger_factory=_named,
        cache_logger_on_first_use=False,
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)


class _Named(structlog.WriteLogger):
    """Knows the part that it is of."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


def _named(*given: str) -> _Named:
    return _Named(given[0] if given else "")


class _Threshold:
    """Drops what is below the level of its part."""

    def __init__(self, level: int, least: Mapping[str, int]) -> None:
        self._level = level
        self._least = least

    def __call__(self, logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if LEVELS.get(method, logging.ERROR) < self._least.get(getattr(logger, "name", ""), self._level):
            raise structlog.DropEvent
        return event
