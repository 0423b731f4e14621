"""What the daemon's page answers: ``/healthz``, ``/readyz``, ``/metrics``.

Each asks the mirror over a connection of its own: SQLite's belong to one thread.
"""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial

from cardsync import __version__, health, needs
from cardsync.app import App, database_of
from cardsync.errors import StateProblem
from cardsync.health import Part, State
from cardsync.inquiries import named, names
from cardsync.mirror import Mirror
from cardsync.observe.metrics import CONTENT_TYPE, Facts, OfAccount, OfSource, exposition
from cardsync.observe.page import Reply, Route


def routes(app: App) -> Mapping[str, Route]:
    """By path.  Whether the daemon works may be known to all who reach the page; the rest needs the token."""
    return {
        "/healthz": Route(answer=partial(_parts, app, only_daemon=True), free=True),
        "/readyz": Route(answer=partial(_parts, app, only_daemon=False)),
        "/metrics": Route(answer=partial(_metrics, app, _monthly(app))),
    }


def _parts(app: App, *, only_daemon: bool) -> Reply:
    """200 where all is well, else 503, with the parts as JSON."""
    try:
        with closing(Mirror.look(database_of(app.settings))) as mirror:
            found = health.parts(replace(app, mirror=mirror), only_daemon=only_daemon)
    except StateProblem:
        found = [Part(part="database", state=State.FAILED, detail="The database cannot be used: cardsync status.")]
    well = not health.exit_code(found)
    body = json.dumps({"ok": well, "parts": [part.as_json() for part in found]}) + "\n"
    return Reply(status=200 if well else 503, content_type="application/json", body=body.encode())


def _metrics(app: App, monthly: Mapping[str, int]) -> Reply:
    try:
        with closing(Mirror.look(database_of(app.settings))) as mirror:
            told = exposition(facts(replace(app, mirror=mirror), monthly))
    except StateProblem:
        return Reply(status=503, content_type="text/plain", body=b"the database cannot be used\n")
    return Reply(status=200, content_type=CONTENT_TYPE, body=told)


def _monthly(app: App) -> Mapping[str, int]:
    """How many requests each source may make in a month."""
    return {each.name: each.source.about.monthly for each in named(app.settings) if each.source}


def facts(app: App, monthly: Mapping[str, int]) -> Facts:
    """All that ``/metrics`` tells."""
    last = app.mirror.cycles.last()
    found = health.parts(app)
    well = {part.part: part.state is State.OK for part in found}
    return Facts(
        version=__version__,
        well=well["daemon"],
        cycles=app.mirror.figures.cycles(),
        ended_at=last["finished_at"] if last else None,
        lasted=(last["finished_at"] - last["started_at"]).total_seconds() if last else None,
        problems=Counter(row["kind"] for row in needs.all_of(app)),
        accounts={name: _of_account(app, name, well=well[f"account {name}"]) for name in app.settings.accounts},
        sources={
            name: OfSource(
                well=well[f"source {name}"],
                used=app.mirror.evidence.state(name, app.clock()).used,
                monthly=monthly.get(name, 0),
            )
            for name in names(app.settings)
        },
    )


def _of_account(app: App, name: str, *, well: bool) -> OfAccount:
    books, figures = app.mirror.books.of(name), app.mirror.figures
    return OfAccount(
        well=well,
        synced_at=app.mirror.accounts.synced_at(name),
        contacts=sum(app.mirror.books.count(book.id) for book in books),
        vips=sum(len(app.mirror.books.vips(book.id)) for book in books),
        questions=figures.questions(name),
        stale=figures.stale(name),
    )
