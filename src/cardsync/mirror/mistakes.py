"""A card over which cardsync itself stumbles is left out of the cycle, and told of; the other cards go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from cardsync.errors import CardRefused, CardsyncError
from cardsync.logs import get_logger
from cardsync.mirror import Mirror
from cardsync.records import Problem, ProblemKind, VipCard

log = get_logger("cardsync.card")
MISTAKE = "mistake"
"""The reason of a card that is left out until the next cycle."""


def why_left_out(error: Exception) -> str:
    """The sentence for the owner.  Raises what is no matter of one card: the server's, the database's."""
    if isinstance(error, CardRefused):
        return str(error)
    if isinstance(error, CardsyncError):
        raise error
    name = type(error).__name__  # the text of an error that we did not foresee may hold anything
    log.error("card left out", error=name)
    return f"A mistake in cardsync itself ({name}): the card is left out of this cycle, the others are not."


def left_out(mirror: Mirror, book_id: int) -> frozenset[str]:
    """The hrefs of the cards that this cycle leaves out."""
    parked = mirror.problems.of_book(book_id, ProblemKind.PARKED)
    return frozenset(href for href, problem in parked.items() if problem.reason == MISTAKE)


@contextmanager
def alone(mirror: Mirror, account: str, card: VipCard, now: datetime) -> Iterator[None]:
    """What is decided about one card: a mistake of ours parks this card, and is swallowed."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - what we did not foresee stops no other card
        problem = Problem(
            kind=ProblemKind.PARKED,
            account=account,
            reason=MISTAKE,
            detail=why_left_out(error),
            since=now,
            book_id=card.book_id,
            href=card.href,
            etag=card.etag,
        )
        mirror.problems.report(problem)
