"""Group cards: Apple's (``X-ADDRESSBOOKSERVER-KIND:group``) and vCard 4's (RFC 6350, sections 6.1.4 and 6.6.5)."""

from cardsync.model import Group, uid_key
from cardsync.vcard.document import Document

_MEMBER = frozenset({"MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"})


def group_of(document: Document) -> Group | None:
    """The group that this card is, or None; a group that lists itself is not its own member."""
    if not document.is_group:
        return None
    key = uid_key(document.text("UID"))
    line = document.first("N")
    name = document.text("FN") or next(iter(line.parts()), "") if line else document.text("FN")
    members = {uid_key(line.text()) for line in document.lines if line.name in _MEMBER}
    return Group(uid_key=key, name=" ".join(name.split()), members=frozenset(members - {key, ""}))
