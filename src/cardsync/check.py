"""``cardsync check``: each step of discovery and login, then a cycle on a copy that writes nothing."""

from dataclasses import replace
from typing import Any

from cardsync.app import App
from cardsync.carddav.client import Step
from cardsync.errors import CardsyncError, LoginRefused
from cardsync.needs import no_vips, shared
from cardsync.pull.members import existing_groups
from cardsync.records import ProblemKind


async def check_account(app: App, name: str) -> dict[str, Any]:
    """What was tried, what was found, and what would be written; redacted, nothing is changed."""
    steps: tuple[Step, ...] = ()
    try:
        async with app.server(name) as server:
            try:
                await server.discover()
            finally:
                steps = server.steps
    except CardsyncError as error:
        return _result(app, name, steps, error=str(error), exit_code=error.exit_code)
    only = app.settings.model_copy(update={"accounts": {name: app.settings.accounts[name]}})
    scratch = replace(app, settings=only, mirror=app.mirror.copy())
    scratch.mirror.accounts.forget_discovery(name)  # rights and books as they are today
    done = await scratch.cycle(dry_run=True)
    report = done.reports[0]
    if report.exit_code == LoginRefused.exit_code:  # the copy knows; we have to as well, for it is not tried again
        await app.admission(name).failed(LoginRefused(report.error))
    return _result(replace(app, mirror=done.mirror), name, steps, error=report.error, exit_code=done.exit_code)


def _result(app: App, name: str, steps: tuple[Step, ...], *, error: str, exit_code: int) -> dict[str, Any]:
    books = app.mirror.books.of(name)
    wishes = [wish for book in books for wish in app.mirror.assessments.wishes(book.id).values()]
    return {
        "account": name,
        "steps": [{"what": step.what, "url": step.where, "outcome": step.outcome} for step in steps],
        "books": [
            {
                "book": book.found.display_name,
                "cards": app.mirror.books.count(book.id),
                "vips": len(app.mirror.books.vips(book.id)),
                "written": book.found.writable and app.settings.accounts[name].write != "never",
                "read_only_reason": book.found.read_only_reason or _chosen(app, name),
                "groups": list(existing_groups(app.mirror, book)),
            }
            for book in books
        ],
        "vips": len(wishes),
        "worth_asking": sum(wish.kind is not None for wish in wishes),
        "problems": [
            *shared(app, name),
            *(
                problem.detail
                for problem in app.mirror.problems.all(name)
                if not problem.href and problem.kind is not ProblemKind.LOGIN
            ),
        ],
        "hint": no_vips(app, name) if books and not wishes else "",
        "error": error,
        "exit_code": exit_code,
    }


def _chosen(app: App, name: str) -> str:
    return 'write = "never" in the config' if app.settings.accounts[name].write == "never" else ""
