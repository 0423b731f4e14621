"""``cardsync check``: each step of discovery and login, then a cycle on a copy that writes nothing."""

from dataclasses import replace
from typing import Any

from cardsync.app import App
from cardsync.carddav.client import Step
from cardsync.errors import CardsyncError
from cardsync.report import groups_of


async def check_account(app: App, name: str) -> dict[str, Any]:
    """What was tried, what was found, and what would be written; redacted, nothing is changed."""
    steps: tuple[Step, ...] = ()
    try:
        await app.check_refused(name)
        async with app.server(name) as server:
            try:
                await server.discover()
            finally:
                steps = server.steps
    except CardsyncError as error:
        await app.failed(name, error, app.clock())
        return _result(app, name, steps, error=str(error), exit_code=error.exit_code)
    only = app.settings.model_copy(update={"accounts": {name: app.settings.accounts[name]}})
    done = await replace(app, settings=only).cycle(dry_run=True)
    report = done.reports[0]
    return _result(replace(app, mirror=done.mirror), name, steps, error=report.error, exit_code=report.exit_code)


def _result(app: App, name: str, steps: tuple[Step, ...], *, error: str, exit_code: int) -> dict[str, Any]:
    books = app.mirror.books.of(name)
    wishes = [wish for book in books for wish in app.mirror.contacts.wishes(book.id).values()]
    return {
        "account": name,
        "steps": [{"what": step.what, "url": step.where, "outcome": step.outcome} for step in steps],
        "books": [
            {
                "book": book.found.display_name,
                "cards": app.mirror.books.count(book.id),
                "vips": len(app.mirror.books.vips(book.id)),
                "written": book.found.writable and app.settings.accounts[name].write != "never",
                "read_only_reason": book.found.read_only_reason or 'write = "never"',
                "groups": list(groups_of(app, book)),
            }
            for book in books
        ],
        "vips": len(wishes),
        "worth_asking": sum(wish.kind is not None for wish in wishes),
        "error": error,
        "exit_code": exit_code,
    }
