"""How a command runs its work and ends.

Ctrl-C is clean at any moment, and no thread that still waits, for a server, a name or a password command, holds it.
"""

import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """As ``asyncio.run``, which waits for all threads at its end; this one leaves them behind.

    Ctrl-C waits until the work has begun: before, asyncio would leave behind a task that it never began.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    async def begun() -> Result:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return await work

    try:
        with asyncio.Runner() as runner:
            loop, threads = runner.get_loop(), ThreadPoolExecutor()
            loop.set_default_executor(threads)
            try:
                return runner.run(begun())
            finally:
                loop.set_default_executor(ThreadPoolExecutor())  # that the runner may wait for: it has none
                threads.shutdown(wait=False, cancel_futures=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heed_a_stop() -> None:
    """The first process of a container ignores SIGTERM until it says what to do; any other ends by it."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda number, frame: os._exit(128 + number))


def leave(code: int) -> NoReturn:
    """End the process with ``code`` at once: Python would wait for threads that were left behind, and take long itself.

    All that has to be closed, with-statements have closed; the rest is memory, which the system has back quicker.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the reader is gone; what cannot be written, click tells of
            if stream is not None:  # closed before the start
                stream.flush()
    os._exit(code)
