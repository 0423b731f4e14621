"""What a clock left behind that was ahead for a while."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cardsync.logs import get_logger
from cardsync.mirror import Mirror

log = get_logger("cardsync.clock")
NEVER_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
"""No cycle of ours ran earlier: machines without a battery begin in 1970 or 2000."""
_FAR = timedelta(days=1)


def set_right(mirror: Mirror, now: datetime) -> None:
    """Before a cycle: what it would take for not yet due until years from now is taken for done just now."""
    if was_ahead(mirror.cycles.began(), now):
        mirror.marks.pull_back(now)
        log.warning("the clock was ahead for a while, its marks are pulled back")


def was_ahead(began: Sequence[datetime], now: datetime) -> bool:
    """Whether some of the latest cycles ran by a clock that was ahead.  Pure.

    Or it is ``now`` that is behind: then most cycles ran later, or they follow upon it without a gap.  In doubt it is
    not believed: dates that were true must not be lost.
    """
    ahead = [at for at in began if at > now]
    if not ahead or now < NEVER_BEFORE:
        return False
    return min(ahead) - now > _FAR and 2 * len(ahead) < len(began)
