"""What needs the owner: problems that are stored, and what the last cycle and the groups of the config tell."""

import shlex
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cardsync.app import App
from cardsync.inquiries import names
from cardsync.pull.members import existing_groups, resolved
from cardsync.records import GUARDS, ProblemKind
from cardsync.stream_safe import same_name
from cardsync.words import count

FAILED, EMPTY_GROUP, SHARED_BOOK, MOVED = "cycle-failed", "empty-group", "shared-book", "account-moved"
"""Kinds of what no release clears: it goes when a cycle finds it mended."""
SOURCE = "source-failed"
"""A source of evidence that gives nothing; a release lifts its wait."""
KINDS = (*(kind.value for kind in ProblemKind), FAILED, EMPTY_GROUP, SHARED_BOOK, MOVED, SOURCE)
"""All that a row's ``kind`` may be."""


def all_of(app: App) -> list[dict[str, Any]]:
    """All of it, in the form of ``stored``."""
    last = app.mirror.cycles.last()
    if last is None:
        return [*stored(app), *sources(app)]
    since = last["finished_at"].isoformat()
    told = [_row(FAILED, name, error, since) for name, error in _failed(app, last["report"]["accounts"])]
    told += [_row(EMPTY_GROUP, "", detail, since, about=group) for group, detail in _empty_groups(app)]
    for name in app.settings.accounts:
        told += [_row(SHARED_BOOK, name, detail, since, about=book) for book, detail in shared(app, name)]
    told += [_row(MOVED, new, detail, since, about=old) for old, new, detail in _moved(app)]
    return [*stored(app), *told, *sources(app)]


def stored(app: App) -> list[dict[str, Any]]:
    """Those that are stored until they are solved or released, with name and end of the address of the card.

    Not of an account or a book that is not there any more.
    """
    there = {book.id for name in app.settings.accounts for book in app.mirror.books.of(name)}
    return [
        {
            "kind": problem.kind.value,
            "account": problem.account,
            "book": app.mirror.books.book(problem.book_id).found.display_name if problem.book_id else None,
            "card": problem.href.rsplit("/", 1)[-1] or None,
            "name": app.mirror.books.name_at(problem.book_id or 0, problem.href),
            "about": None,
            "reason": problem.reason,
            "detail": problem.detail,
            "since": problem.since.isoformat(),
        }
        for problem in app.mirror.problems.all()
        if problem.account in app.settings.accounts and (problem.book_id is None or problem.book_id in there)
    ]


def sources(app: App) -> list[dict[str, Any]]:
    """The sources of the config that failed at their last run, and when they are tried again."""
    found = []
    for name in names(app.settings):
        state = app.mirror.evidence.state(name, app.clock())
        if state.error and state.last_run:
            waits = state.not_before if state.not_before and state.not_before > app.clock() else None
            again = f" It is tried again after {waits:%Y-%m-%d %H:%M} UTC, or after: cardsync release." if waits else ""
            found.append(_row(SOURCE, name, f"{state.error}{again}", state.last_run.isoformat()))
    return found


def held(app: App, book_id: int) -> str | None:
    """The guard because of which nothing is written to a book until ``cardsync release``."""
    kinds = (kind for kind in GUARDS if "" in app.mirror.problems.of_book(book_id, kind))
    return next((kind.value for kind in kinds), None)


def _row(kind: str, account: str, detail: str, since: str, *, about: str | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "account": account,
        "book": None,
        "card": None,
        "name": None,
        "about": about,
        "reason": kind,
        "detail": detail,
        "since": since,
    }


def _failed(app: App, accounts: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The accounts of the config that the last cycle ended early for, and why; a refused login is a problem already."""
    refused = {problem.account for problem in app.mirror.problems.all() if problem.kind is ProblemKind.LOGIN}
    for report in accounts:
        name = report["account"]
        if report.get("error") and name in app.settings.accounts and name not in refused:
            yield name, f"The last cycle failed. {report['error'].removeprefix(f'{name}: ')}"


def shared(app: App, account: str) -> Iterator[tuple[str, str]]:
    """(name, sentence) of each book that an account before this one in the config has, too: both would ask."""
    writing = [name for name, each in app.settings.accounts.items() if each.write != "never"]
    if account not in writing:
        return
    before = writing[: writing.index(account)]
    books = {book.found.href: name for name in before for book in app.mirror.books.of(name)}
    for book in app.mirror.books.of(account):
        if other := books.get(book.found.href):
            yield book.found.display_name, _SHARED.format(book=book.found.display_name, other=other)


_SHARED = (
    "The address book {book} is also one of {other}, and each would ask about the same cards. "
    'Leave it to one of them: address_books, or write = "never".'
)


def _moved(app: App) -> Iterator[tuple[str, str, str]]:
    """(old, new, what to do) of the accounts that contacts are in whose history is with books that are left behind."""
    for (old, new), contacts in Counter((each.account, each.new) for each in app.mirror.moves.left()).items():
        command = f"cardsync account move {shlex.join(dict.fromkeys((old, new)))}"
        yield old, new, _MOVED.format(contacts=count(contacts, "contact"), old=old, command=command)


_MOVED = (
    "What is remembered of {contacts}, answers among it, belongs to an address book that {old} has no more, by that "
    "name of the account in the config at least. {command} takes it along."
)


def _empty_groups(app: App) -> Iterator[tuple[str, str]]:
    """(name, sentence) of each group of the config that nobody is in, once all books were looked through for it."""
    accounts = [app.mirror.books.of(name) for name in app.settings.accounts]
    books = [book for of in accounts for book in of]
    wanted = tuple(app.settings.groups)
    if not all(accounts) or not all(resolved(app.mirror, book.id, wanted) for book in books):
        return
    filled = {name for book in books for names in app.mirror.books.vips(book.id).values() for name in names}
    if filled.issuperset(wanted):
        return
    existing = {name for book in books for name in existing_groups(app.mirror, book)}
    for name in wanted:
        if name not in filled:
            yield name, _nobody(name, existing)


def _nobody(group: str, existing: set[str]) -> str:
    if same_name(group) in {same_name(name) for name in existing}:
        return f"Nobody is in the group {group}. Put people into it on the phone, or name another in the config."
    return _not_there(group, existing)


def _not_there(group: str, existing: set[str]) -> str:
    there = f"These exist: {', '.join(sorted(existing))}. " if existing else ""
    return f"Nobody is in a group named {group}. {there}Make that list on the phone, or name another in the config."


def no_vips(app: App, account: str) -> str:
    """What to tell an owner whose lists were not found in an account."""
    if not app.mirror.accounts.synced_at(account):
        return "No cycle of it ended well yet, so its lists are not known: cardsync sync."
    return _not_there(
        " or ".join(app.settings.groups),
        {name for book in app.mirror.books.of(account) for name in existing_groups(app.mirror, book)},
    )
