"""What the looking commands show, as plain dictionaries: the same for a table and for ``--json``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from sqlite3 import Row
from typing import TYPE_CHECKING, Any

from cardsync import needs
from cardsync.app import App
from cardsync.errors import NoSuchName
from cardsync.mirror.database import iso, moment, unpack
from cardsync.model import Contact, ContactKind
from cardsync.records import Asked
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan

if TYPE_CHECKING:
    from cardsync.assess.judge import Judge

NEXT = 5
"""How many of those who are next in line are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A contact that the mirror knows by name."""

    id: int
    account: str
    book_id: int
    book: str
    uid_key: str
    name: str
    groups: tuple[str, ...]


def people(app: App) -> list[Person]:
    """All that are or were VIPs, in the accounts and books that there are."""
    return [_person(row) for row in app.mirror.contacts.named() if row["account"] in app.settings.accounts]


def written_since(app: App, since: datetime) -> list[Person]:
    """Those whose card was written at or after a moment, so that a version from before is kept."""
    return [
        person
        for person in people(app)
        if any(
            moment(version["at"]) >= since for version in app.mirror.journal.versions(person.book_id, person.uid_key)
        )
    ]


def find_person(app: App, name: str) -> Person:
    """The one contact of that NAME or UID, else by a part of it, ACCOUNT/ before it or not.

    Raises ``NoSuchName`` with what to type instead.
    """
    everyone = people(app)
    wanted = name.strip().casefold()
    hits = [person for person in everyone if wanted in _names(person)]
    hits = hits or [person for person in everyone if _in_part(person, wanted)]
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise NoSuchName(f"{len(hits)} contacts match: {', '.join(_apart(hits)[:8])}. Type more, or one of these.")
    parts = {
        part: person.name for person in everyone for part in (person.name.casefold(), *person.name.casefold().split())
    }
    import difflib

    known = sorted({parts[near] for near in difflib.get_close_matches(wanted, parts, n=3, cutoff=0.6)})
    hint = f" Did you mean {' or '.join(known)}?" if known else _who_is_known(app)
    raise NoSuchName(f"No VIP of that name.{_no_account(app, name) or hint}")


def _in_part(person: Person, wanted: str) -> bool:
    name, own = person.name.casefold(), f"{person.account.casefold()}/"
    parts = {wanted, wanted.removeprefix(own).strip()}
    return any(part and part in name for part in parts)


def _who_is_known(app: App) -> str:
    if not app.mirror.cycles.last():
        return " No cycle has read the names yet: cardsync sync."
    groups = " or ".join(app.settings.groups)
    return f" Known by name is who is or was in {groups}; cardsync vip lists the names."


def _no_account(app: App, name: str) -> str:
    """What to say where an ACCOUNT/ stands before the name that is none of the config."""
    account, slash, _ = name.strip().partition("/")
    if not slash or account.casefold() in {known.casefold() for known in app.settings.accounts}:
        return ""
    return f" Before the / stands no account of the config; it has: {', '.join(app.settings.accounts)}."


def name_of(app: App, book_id: int, href: str) -> str:
    """The name on a card, or the end of its href where we do not know it."""
    return app.mirror.books.name_at(book_id, href) or href.rsplit("/", 1)[-1]


def _names(person: Person) -> set[str]:
    names = {person.name.casefold(), person.uid_key}
    return names | {f"{person.account.casefold()}/{name}" for name in names}


def _apart(hits: Sequence[Person]) -> list[str]:
    """The shortest names that tell them from one another: the name, with its account, or the UID."""
    for shown in (
        [hit.name for hit in hits],
        [f"{hit.account}/{hit.name}" for hit in hits],
        [hit.uid_key for hit in hits],
    ):
        if len({name.casefold() for name in shown}) == len(hits):
            return shown
    return [f"{hit.account}/{hit.uid_key}" for hit in hits]


def _person(row: Row) -> Person:
    return Person(
        id=row["id"],
        account=row["account"],
        book_id=row["book_id"],
        book=row["book"],
        uid_key=row["uid_key"],
        name=row["name"],
        groups=tuple(unpack(row["groups"])) if row["groups"] else (),
    )


# ---------------------------------------------------------------- status


def status(app: App) -> dict[str, Any]:
    """The last cycle, the books, the open questions and what needs the owner."""
    last = app.mirror.cycles.last()
    return {
        "last_cycle": {**last["report"], "finished_at": last["finished_at"].isoformat()} if last else None,
        "accounts": [_account(app, name) for name in app.settings.accounts],
        "questions": questions(app),
        "problems": needs.all_of(app),
    }


def _account(app: App, name: str) -> dict[str, Any]:
    until, _ = app.mirror.accounts.pause(name)
    turns = app.turns(name)
    names = {person.id: person.name for person in people(app)}
    return {
        "account": name,
        "may_ask_now": (budget := turns.budget()).left,
        "spent": list(budget.spent),
        "next": [names[card.contact_id] for _, card in islice(turns.due(turns.books()), NEXT)],
        "not_before": until.isoformat() if until and until > app.clock() else None,
        "books": [
            {
                "book": book.found.display_name,
                "cards": app.mirror.books.count(book.id),
                "vips": len(app.mirror.books.vips(book.id)),
                "written": book.found.writable
                and app.settings.accounts[name].write != "never"
                and not needs.held(app, book.id),
                "held": needs.held(app, book.id),
                "read_only_reason": book.found.read_only_reason,
                "synced_by": book.found.method.value,
            }
            for book in app.mirror.books.of(name)
        ],
    }


def questions(app: App) -> list[dict[str, Any]]:
    """The blocks that stand on cards."""
    return [
        {
            "name": person.name,
            "account": person.account,
            "asked_at": asked.asked_at.isoformat(),
            "question": asked.block.split("\n")[0],
            "ended": asked.ending.value if asked.ending else None,
        }
        for person in people(app)
        for asked in app.mirror.questions.of(person.id)
        if asked.standing
    ]


# ---------------------------------------------------------------- VIPs


def assessed(app: App, person: Person, judge: "Judge") -> tuple[datetime | None, dict[str, Any] | None]:
    """(when, what), as ``Assessments.of``: as of now, where the card is in a list of the config."""
    card = next(iter(app.mirror.books.cards(person.book_id, contact_id=person.id)), None)
    if card is None or not judge.knows(card.groups):
        return app.mirror.assessments.of(person.id)
    from cardsync.assess.stage import as_stored

    found, wish = judge(contact_of(scan(card.data)), app.mirror.contacts.memory(person.id), card.groups)
    return judge.now, as_stored(found, wish)


def nothing_to_watch(contact: Contact) -> str | None:
    """What makes a card one on which there is nothing to watch: nobody's, or without work details."""
    if contact.kind is ContactKind.COMPANY:
        return COMPANY_CARD
    return None if contact.work else NO_WORK_DETAILS


COMPANY_CARD = "company card"
NO_WORK_DETAILS = "no work details"


def leaving(app: App, persons: Iterable[Person], on: datetime) -> int:
    """How many questions leave their cards at the next cycle, if these cards were right on that day."""
    from cardsync import commands

    standing = filter(None, (standing_question(app, person) for person in persons))
    return sum(asked.ending is not None or commands.answers(asked, on) for asked in standing)


def standing_question(app: App, person: Person) -> Asked | None:
    """The question on the card, ended or not."""
    return next((asked for asked in app.mirror.questions.of(person.id) if asked.standing), None)


def history(app: App, person: Person) -> dict[str, Any]:
    """Everything that happened, oldest first, and the versions kept."""
    return {
        "name": person.name,
        "account": person.account,
        "events": _events(app, person),
        "questions": [
            {
                "asked_at": asked.asked_at.isoformat(),
                "question": asked.block,
                "ending": asked.ending.value if asked.ending else None,
                "ended_at": asked.ended_at.isoformat() if asked.ended_at else None,
            }
            for asked in app.mirror.questions.of(person.id)
        ],
        "versions": [
            {"at": version["at"], "why": version["why"]}
            for version in app.mirror.journal.versions(person.book_id, person.uid_key)
        ],
    }


def _events(app: App, person: Person) -> list[dict[str, Any]]:
    """What is in the history, and what was asked; a question that was found on the card is in the history."""
    asked = [
        {"at": iso(asked.asked_at), "what": "asked", "field": None, "old": "", "new": asked.block.split("\n")[0]}
        for asked in app.mirror.questions.of(person.id)
        if (asked.standing or asked.ending) and not asked.adopted
    ]
    return sorted([*app.mirror.contacts.history(person.id), *asked], key=lambda event: event["at"])
