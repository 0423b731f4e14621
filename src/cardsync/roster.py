"""``cardsync vip``: all VIPs in one table."""

from datetime import datetime
from typing import Any

from cardsync.app import App
from cardsync.assess.judge import Judge
from cardsync.explain import before_its_turn
from cardsync.report import Person, assessed, nothing_to_watch, people, standing_question
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan


def vips(app: App) -> list[dict[str, Any]]:
    """All VIPs, most probably stale first; cards that say nothing of where somebody works come last."""
    rows = []
    now = app.clock()
    judges = {name: app.judge(name, now) for name in app.settings.accounts}
    everyone = [person for person in people(app) if person.groups]
    for person in everyone:
        _, stored = assessed(app, person, judges[person.account])
        nothing = _nothing_to_watch(app, person)
        state = app.mirror.standings.of(person.id)
        open_ = standing_question(app, person)
        until = _until(app, person, stored, judges[person.account])
        rows.append(
            {
                "name": person.name,
                "uid": person.uid_key,
                "account": person.account,
                "book": person.book,
                "groups": list(person.groups),
                "probability_stale": stored["probability"] if stored and not nothing else None,
                "last_sure": stored["last_sure"] if stored and not nothing else None,
                "question": open_.block.split("\n")[0] if open_ else None,
                "ended": open_.ending.value if open_ and open_.ending else None,
                "paused": state.pause.value if state.pause else None,
                "not_before": until.isoformat() if until and until > now else None,
                "nothing_to_watch": nothing,
            }
        )
    return sorted(
        rows, key=lambda row: (row["nothing_to_watch"] is not None, -(row["probability_stale"] or 0.0), row["name"])
    )


def _nothing_to_watch(app: App, person: Person) -> str | None:
    """One card at a time: all of them, with their photos, may be a gigabyte."""
    cards = app.mirror.books.cards(person.book_id, contact_id=person.id)
    return nothing_to_watch(contact_of(scan(cards[0].data))) if cards else None


def _until(app: App, person: Person, stored: dict[str, Any] | None, judge: Judge) -> datetime | None:
    """The day before which the contact is not asked; None: there is a question, or no such day."""
    found = before_its_turn(app, person, stored, judge)
    return found.until if found and found.state != "asked" else None
