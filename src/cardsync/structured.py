"""structlog without rich, which it imports for tracebacks that we never print, at half of its time and memory.

Import structlog from nowhere else.
"""

from cardsync.lean import without

with without("rich"):
    import structlog

__all__ = ["structlog"]
