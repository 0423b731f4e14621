"""What the owner is told of a database that cannot be used: what is wrong, what to do, and what that costs."""

import errno
from pathlib import Path

ERRNO = {
    errno.ENOSPC: "SQLITE_FULL",
    errno.EDQUOT: "SQLITE_FULL",
    errno.EROFS: "SQLITE_READONLY",
    errno.EACCES: "SQLITE_READONLY",
    errno.EPERM: "SQLITE_READONLY",
    errno.ENAMETOOLONG: "SQLITE_CANTOPEN",
}
"""By the system's number of an error: SQLite's name of the same."""

_LOCKED = "{where} is locked by another program. Stop it, and try again."
_DAMAGED = (
    "{where} is damaged. Move it away with the files beside it that begin like it, and {then}: the questions on the "
    "cards are found and adopted, but {lost} are lost. The address book was not touched."
)
_LOST = "answers, history, kept versions and the count of what was asked lately"
_READ_ONLY = "{where} cannot be written. Give this user the right to it, or set state_dir."
_FULL = "The disk of {where} is full. Nothing was lost. Free some space, and try again."
_SENTENCES = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_ERROR": _DAMAGED,  # a table or column that is not there: its own description is damaged
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_FULL": _FULL,
    "SQLITE_IOERR_SHMSIZE": _FULL,
    "SQLITE_IOERR": "The disk of {where} fails. Nothing was lost. See to the disk, and try again.",
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_CANTOPEN": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
}


def sentence(name: str, path: Path | None, error: Exception | None) -> str:
    """For SQLite's name of an error, whose first two words are the kind."""
    why = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    unknown = f"{{where}} cannot be used: {why}. It is under state_dir of the config."
    kind = "_".join(name.split("_")[:2])
    text = _SENTENCES.get(name, _SENTENCES.get(kind, unknown))
    copy = newest_copy(path) if path else None
    then = f"put the newest copy in its place ({copy})" if copy else "start again (there is no copy in backups/)"
    lost = f"{_LOST}, of the time since the copy," if copy else _LOST
    where = str(path) if path else "the database"
    return text.replace("{then}", then).replace("{lost}", lost).replace("{where}", where)


def newest_copy(path: Path) -> Path | None:
    """The newest copy that ``cardsync backup`` left in its own folder."""
    try:
        copies = sorted((path.parent / "backups").glob(f"{path.stem}-*{path.suffix}"))
    except OSError:
        return None
    return copies[-1] if copies else None


def newer(path: Path, have: int, knows: int, before: Path) -> str:
    """For a file of a newer version; ``before`` is where that one left a copy when it changed the form."""
    copy = (
        f" Or go back to what was known before that: move it away with the files beside it that begin like it, and put "
        f"the copy that the newer one made then in its place ({before})."
        if before.exists()
        else ""
    )
    return (
        f"{path} was written by a newer cardsync (schema {have}, this one knows {knows}). "
        f"Install that version again.{copy}"
    )


def anew(path: Path) -> str:
    """For a new database where there was one: what is in ``backups`` beside it tells."""
    copy = newest_copy(path)
    back = f" To go on with the newest copy instead, stop cardsync and put it in its place ({copy})." if copy else ""
    return (
        f"{path} is new, though there are backups beside it: if one was here, {_LOST} are lost with it. "
        f"The questions on the cards are found and adopted.{back}"
    )
