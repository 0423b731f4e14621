"""Words that more than one room of the house prints."""


def percent(share: float) -> str:
    """A probability; nothing is quite sure."""
    return "> 99%" if 0.99 < share < 1 else "< 1%" if 0 < share < 0.01 else f"{share:.0%}"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 card``, ``2 cards``; ``plural`` where an s behind the noun does not make it."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


_DOORS = ("carddav", "commands", "http", "notify")
LOG_PARTS = tuple(sorted((*_DOORS, "card", "clock", "cycle", "daemon", "evidence", "problems", "pull")))
"""What of the log may have a level of its own: the loggers' names behind ``cardsync.``."""

LEAVES = "The question leaves the card at the next cycle."
LEAVES_FOR = "The question leaves the card at the next cycle, for one that asks where the contact is now."
"""What follows an answer that was not given on the phone; the second, on ``left``."""
