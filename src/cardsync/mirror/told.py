"""What the owner was told, and when."""

from collections.abc import Iterable
from datetime import datetime

from cardsync.mirror.database import Database, iso, moment


class Told:
    """By the key of an alarm."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> dict[str, datetime]:
        """When each was told last."""
        return {row["alarm"]: moment(row["at"]) for row in self._db.rows("SELECT alarm, at FROM told")}

    def tell(self, keys: Iterable[str], now: datetime) -> None:
        """These were told just now."""
        with self._db.transaction():
            for key in keys:
                self._db.execute("INSERT OR REPLACE INTO told (alarm, at) VALUES (?, ?)", (key, iso(now)))

    def forget(self, keys: Iterable[str]) -> None:
        """These are over."""
        with self._db.transaction():
            for key in keys:
                self._db.execute("DELETE FROM told WHERE alarm = ?", (key,))
