"""Listing and mirror -> what to fetch, what to forget, and whether to believe it.  Pure."""

from collections.abc import Mapping

from cardsync.policy import GuardPolicy
from cardsync.records import Known
from cardsync.resources import Listing, PullPlan
from cardsync.words import count


def plan(listing: Listing, known: Mapping[str, Known]) -> PullPlan:
    """Compare ETags.  An object without an ETag is fetched whenever it is listed."""
    fetch = tuple(
        href for href, etag in listing.etags.items() if etag is None or href not in known or known[href].etag != etag
    )
    gone = known.keys() - listing.etags.keys() if listing.complete else listing.removed & known.keys()
    if listing.unchanged:
        fetch, gone = (), set()
    changed = sum(_replaced(listing.etags[href], known.get(href)) for href in fetch)
    return PullPlan(fetch=fetch, remove=tuple(sorted(gone)), changed=changed + len(gone))


def _replaced(etag: str | None, known: Known | None) -> bool:
    """Whether a known version gave way to another; without both ETags nobody can tell."""
    return known is not None and etag is not None and known.etag is not None


def is_gone(href: str, listing: Listing) -> bool:
    """Whether the listing says that the server has no such object, known or not."""
    return href in listing.removed or (listing.complete and not listing.unchanged and href not in listing.etags)


def unbelievable(listing: Listing, known: Mapping[str, Known]) -> str | None:
    """Why a listing is not acted upon, or None."""
    if listing.complete and not listing.unchanged and known and not listing.etags:
        were = "was" if len(known) == 1 else "were"
        return f"The server listed an empty address book where {count(len(known), 'card')} {were} before."
    return None


def too_much(pull: PullPlan, known_count: int, guards: GuardPolicy) -> bool:
    """Whether so many known cards changed or went at once that writing pauses."""
    return pull.changed >= guards.mass_change_min and pull.changed > guards.mass_change_share * known_count
