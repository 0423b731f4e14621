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
    changed = sum(href in known and known[href].gave_way_to(listing.etags[href]) for href in fetch)
    return PullPlan(fetch=fetch, remove=tuple(sorted(gone)), changed=changed + len(gone))


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


def mass_change(pull: PullPlan, known_count: int) -> str:
    """What happened, and the way out: the guard stays until the release, whatever is put right."""
    gone = len(pull.remove)
    edited = pull.changed - gone
    of = f" of {count(known_count, 'card')}"
    parts = [f"{edited}{of} changed"] if edited else []
    parts += [f"{gone}{'' if edited else of} {'is' if gone == 1 else 'are'} gone"] if gone else []
    return f"{' and '.join(parts)} at once. {_UNTIL}"


_UNTIL = (
    "Every note stays as it is until you say that you have looked: cardsync release. "
    "Before that, put right on the phone or the server what is wrong there."
)
