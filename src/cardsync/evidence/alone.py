"""Blocking work of a source, in a thread of its own.

Not ``asyncio.to_thread``: the threads of the loop are few, and look up the names of the CardDAV servers, too.
"""

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from cardsync.sources import SourceFailed

T = TypeVar("T")
_under_way: dict[Hashable, "Future[Any]"] = {}


async def alone(whose: Hashable, work: Callable[[], T], give_up: Callable[[], None], seconds: float) -> T:
    """What ``work`` gives; raises what it raises, and ``SourceFailed`` after ``seconds``.

    ``give_up`` ends work that nobody waits for any more.  Until it has ended no other begins for ``whose``, so that
    one thread of each hangs at most.
    """
    before = _under_way.get(whose)
    if before is not None and not before.done():
        raise SourceFailed("The look before this one has not ended yet; the next one tries again.")
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # what runs cannot be cancelled, only given up
    _under_way[whose] = done
    threading.Thread(target=_run, args=(work, done), daemon=True, name="source").start()
    try:
        async with asyncio.timeout(seconds) as limit:
            return await asyncio.wrap_future(done)
    except TimeoutError:
        if not limit.expired():
            raise
        raise SourceFailed(f"One look took more than {seconds:.0f} s; the next one tries again.") from None
    finally:
        if done.done():
            del _under_way[whose]  # and with it what was found
        else:
            give_up()


def _run(work: Callable[[], T], done: "Future[T]") -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        done.set_exception(error)
    else:
        done.set_result(result)
