"""Locks between processes on one state directory (flock: the kernel frees them when a process dies)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardsync.errors import LockHeld, StateProblem
from cardsync.mirror.database import private_directory


@contextmanager
def daemon_lock(state: Path) -> Iterator[None]:
    """One daemon per state directory; raises ``LockHeld``."""
    with _locked(state / "daemon.lock", wait=False) as held:
        if not held:
            raise LockHeld(f"Another cardsync runs on {state}. Stop it first, or use another state_dir.")
        yield


@contextmanager
def cycle_lock(state: Path, *, wait: bool = True) -> Iterator[bool]:
    """One cycle (or restore, or removal) at a time; without ``wait``, yields whether it was had."""
    with _locked(state / "cycle.lock", wait=wait) as held:
        yield held


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
