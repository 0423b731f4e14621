"""``notify test``, ``notify digest``."""

import sys
from dataclasses import asdict

import click

from cardsync import process
from cardsync.cli import output
from cardsync.cli.common import json_option, opened


@click.group()
def notify() -> None:
    """The ways by which the owner is told what needs them."""


@notify.command("test")
@json_option
@click.pass_context
def notify_test(context: click.Context, *, as_json: bool) -> None:
    """Send a word by each way of [notify], and say which took it."""
    from cardsync import telling

    with opened(context, look=True, asks=True) as app:
        found = process.run(telling.test(app))
    if as_json:
        output.as_json([{"way": way, "error": error} for way, error in found])
    else:
        for way, error in found:
            output.say(f"{way}: {error or 'sent'}", err=bool(error))
        if not found:
            output.say("No way is in the config: [notify.ntfy], [notify.webhook], [notify.email] or notify.apprise.")
    sys.exit(int(not found or any(error for _, error in found)))


@notify.command()
@json_option
@click.pass_context
def digest(context: click.Context, *, as_json: bool) -> None:
    """Print the week in counts, as notify.digest sends it, and send nothing."""
    from cardsync import telling

    with opened(context, look=True, asks=True) as app:
        week = telling.week(app, app.clock())
    if as_json:
        output.as_json(asdict(week))
        return
    for line in (week.title, *week.text.split("\n")):
        output.say(line)
