"""``cardsync check``: each step of discovery and login, then a cycle on a copy that writes nothing."""

from contextlib import closing
from dataclasses import replace
from typing import Any

from cardsync.app import App
from cardsync.carddav.client import Step
from cardsync.cycles import cycle
from cardsync.errors import CardsyncError
from cardsync.needs import held, no_vips, shared
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
        return _result(app, name, steps, error=str(error), exit_code=error.exit_code, asked=0)
    done = await cycle(app, dry_run=True, account=name)  # rights and books as they are today
    with closing(done.mirror):
        seen = replace(app, mirror=done.mirror)
        report = done.reports[0]
        return _result(
            seen, name, steps, error=report.error, exit_code=done.exit_code, asked=report.counts.get("asked", 0)
        )


def _result(app: App, name: str, steps: tuple[Step, ...], *, error: str, exit_code: int, asked: int) -> dict[str, Any]:
    books, turns = app.mirror.books.of(name), app.turns(name)
    wishes = [wish for book in books for wish in app.mirror.assessments.wishes(book.id).values()]
    return {
        "account": name,
        "steps": [{"what": step.what, "url": step.where, "outcome": step.outcome} for step in steps],
        "books": [
            {
                "book": book.found.display_name,
                "cards": app.mirror.books.count(book.id),
                "vips": len(app.mirror.books.vips(book.id)),
                "written": book.found.writable
                and app.settings.accounts[name].write != "never"
                and not held(app, book.id),
                "held": held(app, book.id),
                "read_only_reason": book.found.read_only_reason or _chosen(app, name),
                "groups": list(existing_groups(app.mirror, book)),
            }
            for book in books
        ],
        "vips": len(wishes),
        "worth_asking": sum(wish.kind is not None for wish in wishes),
        "would_ask": asked,
        "in_line": sum(1 for _ in turns.due(turns.books())),
        "spent": list(turns.budget().spent),
        "problems": [
            *(detail for _, detail in shared(app, name)),
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
