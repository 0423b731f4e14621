"""Words that more than one room of the house prints."""


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 card``, ``2 cards``; ``plural`` where an s behind the noun does not make it."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
