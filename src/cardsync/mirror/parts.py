"""Files in the making: locked while the process that makes them lives, removed when it does not."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

SUFFIX = ".cardsync-part"
"""Ours alone: a folder that the owner chose for backups may hold other programs' ``.part`` files."""
_PRIVATE = 0o600


def begin(part: Path) -> int:
    """A new private file, locked until its descriptor is closed; raises ``FileExistsError`` for a taken name."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    _lock(descriptor)
    if not part.exists():  # swept away between the two
        os.close(descriptor)
        raise FileExistsError(part.name)
    return descriptor


def sweep(folder: Path) -> None:
    """Remove what a process that was killed has left here, with SQLite's own file beside it."""
    for part in folder.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            descriptor = os.open(part, os.O_RDWR | os.O_CLOEXEC)
            try:
                if _lock(descriptor):
                    part.unlink()
                    part.with_name(f"{part.name}-journal").unlink(missing_ok=True)
            finally:
                os.close(descriptor)


def sync_directory(folder: Path) -> None:
    """Make a new name as durable as what it names."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Where a file system knows no locks nothing is swept."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
