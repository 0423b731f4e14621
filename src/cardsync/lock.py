"""Locks between processes on one state directory (flock: the kernel frees them when a process dies)."""

import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cardsync.errors import LockHeld, StateProblem
from cardsync.mirror.database import private_directory

_POLL = 0.2  # seconds; another process's flock gives no event
_GLANCE = 0.1  # seconds; a look whether the lock is held takes far less
_DAEMON = "daemon.lock"


@contextmanager
def daemon_lock(state: Path) -> Iterator[None]:
    """One daemon per state directory; raises ``LockHeld``."""
    for patience in (_GLANCE, _GLANCE, 0.0):  # somebody may be looking whether one runs
        with _locked(state / _DAEMON, wait=False) as held:
            if held:
                os.utime(state / _DAEMON)
                yield
                return
        time.sleep(patience)
    raise LockHeld(f"Another cardsync runs on {state}. Stop it first, or use another state_dir.")


def daemon_since(state: Path) -> datetime | None:
    """Since when a daemon runs on the state directory; None where none does."""
    try:
        descriptor = os.open(state / _DAEMON, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateProblem(f"{state / _DAEMON} cannot be opened: {error.strerror}. Be the daemon's user.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    finally:
        os.close(descriptor)
    return None


@contextmanager
def cycle_lock(state: Path, *, wait: bool = True) -> Iterator[bool]:
    """One cycle (or restore, or removal) at a time; without ``wait``, yields whether it was had."""
    with _locked(state / "cycle.lock", wait=wait) as held:
        yield held


@asynccontextmanager
async def cycle_turn(state: Path, waits: Callable[[], None] | None = None) -> AsyncIterator[None]:
    """``cycle_lock``, waited for without blocking the loop; ``waits`` is called once if that takes time."""
    import asyncio  # not for who only looks

    while True:
        with cycle_lock(state, wait=False) as held:
            if held:
                yield
                return
        if waits:
            waits()
            waits = None
        await asyncio.sleep(_POLL)


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[bool]:
    private_directory(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateProblem(f"{path} cannot be opened: {error.strerror}. Check state_dir and its rights.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            raise StateProblem(
                f"{path} cannot be locked: {error.strerror}. Put state_dir on a disk of this machine."
            ) from error
        yield True
    finally:
        os.close(descriptor)
