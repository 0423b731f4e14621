"""Who is a VIP: membership by group card, CATEGORIES or address book, and the guard against losing them.

Names of groups compare case-insensitively, in NFC and without surrounding space; UIDs as ``uid_key`` makes them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cardsync.model import Group
from cardsync.stream_safe import same_name


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMembership:
    """What a card, other than a group card, says about its groups; ``uid_key`` as ``model.uid_key`` makes it."""

    uid_key: str
    categories: tuple[str, ...] = ()


def vips(
    wanted: Iterable[str], groups: Iterable[Group], cards: Iterable[CardMembership], book_name: str
) -> Mapping[str, tuple[str, ...]]:
    """The VIPs of one address book: uid key -> the wanted groups it is in, spelt and ordered as in the config.

    Only cards of the book count: members that it does not hold, and group cards, are left out.
    """
    groups = tuple(groups)
    spelt = {same_name(name): name for name in reversed(tuple(wanted))}  # of two spellings the first one stays
    group_cards = {group.uid_key for group in groups}
    by_member: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        if (key := same_name(group.name)) in spelt:
            for member in group.members:
                by_member[member].add(key)
    whole_book = {same_name(book_name)} & spelt.keys()
    found: dict[str, tuple[str, ...]] = {}
    for card in cards:
        if card.uid_key in group_cards:
            continue
        keys = whole_book | by_member.get(card.uid_key, set())
        keys |= {key for category in card.categories if (key := same_name(category)) in spelt}
        if keys:
            found[card.uid_key] = tuple(name for key, name in reversed(spelt.items()) if key in keys)
    return found


def existing(groups: Iterable[Group], cards: Iterable[CardMembership], book_name: str) -> tuple[str, ...]:
    """All names that a group of the config could have in this book, for "no VIP group: these exist"; sorted."""
    names = [book_name, *(group.name for group in groups)]
    names += [category for card in cards for category in card.categories]
    spelt = {same_name(name): name.strip() for name in reversed(names) if name.strip()}
    return tuple(spelt[key] for key in sorted(spelt))


def lost(
    before: frozenset[str],
    after: frozenset[str],
    *,
    share: float,
    minimum: int,
    vanished: bool = False,
) -> bool:
    """Whether a group lost so many members at once that it looks like a sync accident.

    More than the ``share`` of them, and at least the ``minimum``.
    ``vanished``: the group card itself is gone; that freezes a group of any size, for nobody deletes a list to take
    one person off it.  A list that is still there and merely empty is judged by the number of those who left:
    taking the only two VIPs off it is an ordinary edit, and removes their reminders.
    """
    left = len(before - after)
    if vanished and left:
        return True
    return left >= minimum and left > share * len(before)
