"""Blocking work in a thread of its own.

Not ``asyncio.to_thread``: the threads of the loop are few, and look up names and read secrets, too.
"""

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_under_way: dict[Hashable, "Future[Any]"] = {}


class StillBusy(Exception):
    """Work that was given up goes on."""


class TookTooLong(Exception):
    """Work was given up."""


async def in_own_thread(
    whose: Hashable, work: Callable[[], T], give_up: Callable[[], None], seconds: float | None = None
) -> T:
    """What ``work`` gives; raises what it raises, and ``TookTooLong`` after ``seconds``.

    ``give_up`` ends work that nobody waits for any more.  Until it has ended no other begins for ``whose``
    (``StillBusy``), so that one thread of each hangs at most.
    """
    before = _under_way.get(whose)
    if before is not None and not before.done():
        raise StillBusy
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # what runs cannot be cancelled, only given up
    _under_way[whose] = done
    threading.Thread(target=_run, args=(work, done), daemon=True, name="own").start()
    try:
        async with asyncio.timeout(seconds) as limit:
            return await asyncio.wrap_future(done)
    except TimeoutError:
        if not limit.expired():
            raise
        raise TookTooLong from None
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
