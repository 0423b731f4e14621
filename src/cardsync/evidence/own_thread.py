"""A thread of a source's own: one that hangs takes none from the pool that names, secrets and the mirror share."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from cardsync.sources import SourceFailed

T = TypeVar("T")


class OwnThread(Generic[T]):
    """Runs one piece of blocking work at a time; ``name`` is the source's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = False

    async def run(self, work: Callable[[], T], give_up: Callable[[], None]) -> T:
        """What ``work`` gives or raises; ``give_up`` is called when nobody waits for it any more, and must end it.

        Raises ``SourceFailed`` while work that was given up has not ended yet.
        """
        if self._busy:
            raise SourceFailed(f"The last look of {self._name} has not ended yet; it is tried again later.")
        self._busy = True
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def worker() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                tell = _told(done.set_exception, error, done)
            else:
                tell = _told(done.set_result, result, done)
            self._busy = False
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell)

        threading.Thread(target=worker, name=f"source-{self._name}", daemon=True).start()
        try:
            return await done
        finally:
            if done.cancelled():
                give_up()


def _told(tell: Callable[[Any], None], what: object, done: "asyncio.Future[Any]") -> Callable[[], None]:
    return lambda: None if done.done() else tell(what)
