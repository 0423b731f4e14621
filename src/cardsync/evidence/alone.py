"""Blocking work of a source, in a thread of its own."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from cardsync.own_thread import StillBusy, TookTooLong, in_own_thread
from cardsync.sources import SourceFailed

T = TypeVar("T")


async def alone(whose: Hashable, work: Callable[[], T], give_up: Callable[[], None], seconds: float | None = None) -> T:
    """See ``in_own_thread``; raises ``SourceFailed`` where it takes more than ``seconds``, or goes on still."""
    try:
        return await in_own_thread(whose, work, give_up, seconds)
    except StillBusy:
        raise SourceFailed("The look before this one has not ended yet; the next one tries again.") from None
    except TookTooLong:
        raise SourceFailed(f"One look took more than {seconds:.0f} s; the next one tries again.") from None
