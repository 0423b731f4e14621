"""``answer``, ``resume``, ``release``, ``notes remove``, ``backup``, ``restore``."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardsync import process
from cardsync.cli import output
from cardsync.cli.common import (
    alone,
    ask_for,
    ask_whether,
    dry_run_option,
    exclusive,
    json_option,
    opened,
    say_leaving,
    settings_of,
    somebody_answers,
)
from cardsync.words import count

if TYPE_CHECKING:
    from cardsync.app import App
    from cardsync.errors import StateProblem
    from cardsync.records import Preview

_TIMES = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")
_MOMENTS = ("%Y-%m-%d", *_TIMES, *(f"{each}%z" for each in _TIMES), "%Y-%m-%dT%H:%M:%S.%f%z")  # the last: from --json


@click.command()
@click.argument("name")
@click.argument("word", type=click.Choice(["ok", "left", "later", "never", "retired"]))
@click.option("--days", type=click.IntRange(1, 3650), help="With later: for how long.")
@dry_run_option
@click.pass_context
def answer(context: click.Context, *, name: str, word: str, days: int | None, dry_run: bool) -> None:
    """Answer for a contact here, instead of on the phone."""
    from cardsync import report

    if days is not None and word != "later":
        raise click.UsageError("--days goes with later only.")
    with opened(context) as app:
        person = report.find_person(app, name)
        asked = report.standing_question(app, person)
        if dry_run:
            output.say(f"would answer {word} for {person.name}")
            return
        ask_for(app, "answer", {"contact": person.id, "account": person.account, "answer": word, "days": days})
        output.say(f"answered {word} for {person.name}")
        say_leaving(1 if asked else 0, left=word == "left")


@click.command()
@click.argument("name")
@dry_run_option
@click.pass_context
def resume(context: click.Context, *, name: str, dry_run: bool) -> None:
    """Ask about a contact again: never, retired, later and every wait after a question are over."""
    from cardsync import report

    with opened(context) as app:
        person = report.find_person(app, name)
        known_as = app.mirror.moves.known_as(person.account)[person.id]
        held = any(app.mirror.standings.of(each).holds(app.clock()) for each in known_as)
        if not held and not app.mirror.commands.waiting():  # an answer that still waits may hold the contact back
            output.say(f"Nothing was holding {person.name} back: cardsync explain says more.")
            return
        if not dry_run:
            ask_for(app, "resume", {"contact": person.id})
        output.say(f"{'would resume' if dry_run else 'resumed'} {person.name}")


@click.command()
@dry_run_option
@json_option
@click.pass_context
def release(context: click.Context, *, dry_run: bool, as_json: bool) -> None:
    """Clear every guard: you have looked, and things are as they should be."""
    from cardsync import needs

    with opened(context) as app:
        with app.mirror.transaction():
            rows, shown = [*needs.stored(app), *needs.sources(app)], app.mirror.problems.shown()
        if not dry_run:
            ask_for(app, "release", {"shown": shown})
    if as_json:
        output.as_json(_marked(rows, dry_run=dry_run))
        return
    output.table(
        ("problem", "account", "book", "card", "what"),
        [(row["kind"], row["account"], row["book"], row["name"] or row["card"], row["detail"]) for row in rows],
    )
    output.say(f"{'would release' if dry_run else 'released'} {len(rows)}")


@click.group()
def notes() -> None:
    """Our questions in the notes."""


@notes.command()
@dry_run_option
@json_option
@click.pass_context
def remove(context: click.Context, *, dry_run: bool, as_json: bool) -> None:
    """Take every question out of every card."""
    from cardsync import report, undo
    from cardsync.outcome import shared_exit_code

    with exclusive(context) as app:
        found, previews = process.run(undo.remove_notes(app, dry_run=dry_run))
        names = [report.name_of(app, preview.book_id, preview.href) for preview in previews]
    if as_json:
        output.as_json(_marked(found, dry_run=dry_run))
    else:
        for preview, name in zip(previews, names, strict=True):
            output.diff(preview.before, preview.after, name)
        for row in found:
            counts = ", ".join(f"{number} {_would(what, dry_run=dry_run)}" for what, number in row["counts"].items())
            output.say(f"{row['account']} / {row['book']}: {row['error'] or counts}")
    sys.exit(shared_exit_code([row["exit_code"] for row in found]))


@click.command()
@click.option("--output", "folder", type=click.Path(path_type=Path), help="A folder; default: state_dir/backups.")
@dry_run_option
@json_option
@click.pass_context
def backup(context: click.Context, *, folder: Path | None, dry_run: bool, as_json: bool) -> None:
    """Export every address book to a .vcf file, and copy the database.

    Where the database cannot be used, the address books are exported all the same.
    """
    from cardsync import undo
    from cardsync.outcome import PARTIAL, shared_exit_code

    with _whole_or_bare(context) as (app, unusable):
        found = process.run(undo.back_up(app, folder or app.settings.state_dir / "backups", dry_run=dry_run))
    if unusable:
        found[-1].update(error=str(unusable), exit_code=unusable.exit_code)
    if as_json:
        output.as_json(_marked(found, dry_run=dry_run))
    else:
        for row in found:
            error = row["error"].removeprefix(f"{row['what'].split(' / ')[0]}: ")
            output.say(
                f"{row['what']}: {error or row['path'] or row['note'] or 'would be backed up'}"
                + (f" ({count(row['cards'], 'card')})" if row["cards"] else "")
            )
    # the database can always be copied: it does not turn a refused login into a partial backup
    code = shared_exit_code([row["exit_code"] for row in found if row["what"] != "database"])
    sys.exit(code or (PARTIAL if unusable else 0))


@contextmanager
def _whole_or_bare(context: click.Context) -> "Iterator[tuple[App, StateProblem | None]]":
    """The app, or one without a database, and why."""
    from cardsync.app import App
    from cardsync.errors import StateProblem

    settings = settings_of(context, level="error")
    with ExitStack() as closing:
        unusable = None
        try:
            app = App.open(settings)
            closing.callback(app.mirror.close)
            app.mirror.database.check()
        except StateProblem as error:
            app, unusable = App.bare(settings), error
            closing.callback(app.mirror.close)
        if app.notice:
            output.say(app.notice, err=True)
        yield app, unusable


_AT = (
    "The version kept before our first write since then, by your clock ([schedule] timezone) or at the offset given; "
    "edits until that write are in it."
)


@click.command()
@click.argument("name", required=False)
@click.option("--at", type=click.DateTime(_MOMENTS), metavar="DATE[THH:MM[:SS][+HH:MM]]", help=_AT)
@click.option("--yes", is_flag=True, help="Do not ask before writing; without a terminal it must be said.")
@dry_run_option
@json_option
@click.pass_context
def restore(
    context: click.Context, *, name: str | None, at: datetime | None, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Put a card back to the version that was kept before a write, after showing what changes.

    With --at and no NAME: every card that was written since then. With neither: list what is kept.
    The version of a card that was deleted is written to a file, to be imported.
    """
    from cardsync import report, undo
    from cardsync.outcome import shared_exit_code

    if name is None and at is None:
        with opened(context) as app:
            _list_kept(app, as_json=as_json)
        return
    if asks := not (yes or dry_run):
        _check_somebody_answers(context, name)
    with opened(context) as app:
        moment = at.replace(tzinfo=at.tzinfo or app.zone) if at else None
        with alone(app):
            people = [report.find_person(app, name)] if name else report.written_since(app, moment or app.clock())
            if not dry_run:
                process.run(undo.settle(app, people))
            rows, previews = process.run(undo.restore(app, people, moment, dry_run=True))
        if asks or not as_json:
            _show_what_changes(app, previews, err=as_json)
        if not dry_run:  # also where nothing is left to write: an earlier try may have been cut off right after it
            if asks and previews:
                ask_whether(f"Put {len(previews)} back?")
            with alone(app):
                rows, _ = process.run(undo.restore(app, people, moment, dry_run=False, shown=previews))
    if as_json:
        found = _marked(rows, dry_run=dry_run)
        output.as_json(found[0] if name else found)
    else:
        for row in rows:
            output.say(f"{row['name']}: {row['error'] or _restored(app, row, dry_run=dry_run)}")
        if not rows:
            output.say("No card was written since then: nothing to put back.")
    sys.exit(shared_exit_code([row["exit_code"] for row in rows]))


def _check_somebody_answers(context: click.Context, name: str | None) -> None:
    """A NAME that is nobody's is told first: it would stay so with --yes."""
    from cardsync import report

    if somebody_answers():
        return
    if name:
        with opened(context, look=True) as app:
            report.find_person(app, name)
    raise click.UsageError("Nobody can be asked here, so nothing was written. Say --yes, or look with --dry-run.")


def _show_what_changes(app: "App", previews: Iterable["Preview"], *, err: bool) -> None:
    from cardsync import report, versions

    for preview in previews:
        output.diff(preview.before, preview.after, report.name_of(app, preview.book_id, preview.href), err=err)
        if versions.takes_back_more(app, preview):
            output.say(_MORE, err=err)


_MORE = "This takes back more than our note: what was edited on the card since then is as it was before, too."


def _marked(rows: Iterable[dict[str, Any]], *, dry_run: bool) -> list[dict[str, Any]]:
    """For ``--json``: each row says whether anything was done."""
    return [{**row, "dry_run": dry_run} for row in rows]


def _restored(app: "App", row: dict[str, Any], *, dry_run: bool) -> str:
    """What became of it, and which version that is about."""
    done = "nothing to put back" if row["outcome"] == "nothing" else _would(row["outcome"], dry_run=dry_run)
    kept = output.with_zone(row["kept_at"], app.zone)
    return f"{done}; this is the version kept on {kept}, before: {row['kept_before']}"


def _would(outcome: str, *, dry_run: bool) -> str:
    return f"would be {outcome}" if dry_run and outcome == "written" else outcome


def _list_kept(app: "App", *, as_json: bool) -> None:
    from cardsync import report

    rows: list[dict[str, Any]] = [
        {"name": person.name, "account": person.account, **version}
        for person in report.people(app)
        for version in report.history(app, person)["versions"]
    ]
    if as_json:
        output.as_json(rows)
    else:
        shown = [(row["name"], output.local(row["at"], app.zone), row["why"]) for row in rows]
        output.table(("contact", "kept", "before"), shown)
