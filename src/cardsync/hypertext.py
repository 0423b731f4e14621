"""httpx without its command line, for which it imports rich and pygments.

Import httpx from nowhere else.
"""

from cardsync.lean import without

with without("rich", "pygments"):
    import httpx

__all__ = ["httpx"]
