"""``account move``, ``account forget``."""

import click

from cardsync import process
from cardsync.cli import output
from cardsync.cli.common import (
    alone,
    ask_whether,
    dry_run_option,
    exclusive,
    json_option,
    opened,
    progress,
    somebody_answers,
)
from cardsync.words import count


@click.group()
def account() -> None:
    """What is remembered of an account that moved, or is no more."""


@account.command()
@click.argument("old")
@click.argument("new", required=False)
@dry_run_option
@json_option
@click.pass_context
def move(context: click.Context, *, old: str, new: str | None, dry_run: bool, as_json: bool) -> None:
    """Carry over what is remembered of the account OLD to NEW, another account of the config, by UID.

    Without NEW: the account kept its name in the config, and has another server now.
    History, answers and waits go on there. Nothing is written to a server. A copy of the state is kept first.
    """
    from cardsync import accounts

    with exclusive(context) as app, progress() as shown:
        done = process.run(accounts.move(app, old, new or old, dry_run=dry_run, progress=shown))
    if as_json:
        output.as_json(done)
        return
    would = "would carry over" if dry_run else "carried over"
    output.say(f"{would} {count(done['contacts'], 'contact')} to {done['to']}")
    if done["left"]:
        output.say(
            f"{count(done['left'], 'contact')} of {old} stayed behind: no card of {done['to']} has the UID of one. "
            f"cardsync account forget {old} drops what is remembered of them."
        )
    if done["backup"]:
        output.say(f"the state as it was: {done['backup']}")


@account.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask before; without a terminal it must be said.")
@dry_run_option
@json_option
@click.pass_context
def forget(context: click.Context, *, name: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Drop what is remembered of an account's address books that are not there any more.

    Answers, history and the kept versions of cards go. Exports in state_dir/backups stay, and a copy of the state is
    kept there first.
    """
    from cardsync import accounts

    asks = not (yes or dry_run)
    with opened(context) as app:
        found = accounts.forget(app, name, dry_run=True)
        if asks and not somebody_answers():
            raise click.UsageError(
                "Nobody can be asked here, so nothing was dropped. Say --yes, or look with --dry-run."
            )
        if asks:
            what = f"{count(found['contacts'], 'contact')} of {name}: answers, history and the kept versions of cards"
            ask_whether(f"Forget all of {what}?")
        if not dry_run:
            with alone(app):
                found = accounts.forget(app, name, dry_run=False)
    if as_json:
        output.as_json(found)
        return
    output.say(f"{'would forget' if dry_run else 'forgot'} {count(found['contacts'], 'contact')} of {name}")
    if found["backup"]:
        output.say(f"the state as it was: {found['backup']}")
