"""What is printed of one thing and of several."""

import pytest

from cardsync.words import count


@pytest.mark.parametrize(
    ("number", "nouns", "said"),
    [
        (0, ("card",), "0 cards"),
        (1, ("card",), "1 card"),
        (2, ("VIP",), "2 VIPs"),
        (1, ("entry", "entries"), "1 entry"),
        (3, ("entry", "entries"), "3 entries"),
    ],
)
def test_one_is_no_plural(number: int, nouns: tuple[str, ...], said: str) -> None:
    assert count(number, *nouns) == said
