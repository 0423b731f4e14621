"""structlog on stderr: console on a terminal, JSON or logfmt elsewhere; no names, notes, hrefs or secrets."""

import logging
import sys
from typing import Literal

from cardsync.logs import structlog

Format = Literal["auto", "console", "json", "logfmt"]
_QUIET = ("httpx", "httpcore", "apscheduler", "imapclient")  # they log URLs, which hold user names, and mail


def configure(level: str, form: Format) -> None:
    """Set up logging for this process."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor
    if console:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    elif form == "logfmt":
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
