"""What the commands share: the config, the app, dates and names."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardsync.cli.output import say

if TYPE_CHECKING:
    from cardsync.app import App
    from cardsync.settings.model import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")


def somebody_answers() -> bool:
    """Whether there is a terminal to ask at."""
    return bool(sys.stdin and sys.stdin.isatty())


def settings_of(context: click.Context, *, level: str | None = None, log_later: bool = False) -> "Settings":
    """The valid config, with logging set up (``level``: what is logged unless the command line says so).

    ``log_later``: at the first line of ours, for no library is used that logs by itself.
    """
    from cardsync.logs import before_the_first_line, get_logger, set_up
    from cardsync.settings.load import read

    loaded = read(context.obj.config_path, os.environ)
    own, parts = context.obj.log_level
    log = loaded.settings.log

    def configure() -> None:
        from cardsync.observe.log import configure

        configure(own or level or log.level, log.format, {**log.parts, **parts} if own or not level else parts)

    before_the_first_line(configure)
    if not log_later:
        set_up()
    for warning in (*loaded.warnings, *loaded.missing):
        if level:
            say(f"warning: {warning}", err=True)
        else:  # the daemon's stderr is its log
            get_logger("cardsync.daemon").warning("config", what=warning)
    return loaded.settings


@contextmanager
def opened(context: click.Context, *, look: bool = False, asks: bool = False) -> Iterator["App"]:
    """The app on its mirror; a command that only looks makes none.  ``asks``: it speaks to a server all the same."""
    from cardsync.app import App

    settings = settings_of(context, level="error", log_later=look and not asks)
    app = App.look(settings) if look else App.open(settings)
    if app.notice:
        say(app.notice, err=True)
    try:
        yield app
    finally:
        app.mirror.close()


@contextmanager
def exclusive(context: click.Context) -> Iterator["App"]:
    """The app while no cycle runs; waits for the end of one that does."""
    with opened(context) as app, alone(app):
        yield app


@contextmanager
def alone(app: "App") -> Iterator[None]:
    """No cycle runs meanwhile, and what was queued meanwhile is carried out after it; never held while one is asked."""
    try:
        with _turn(app.settings.state_dir):
            yield
    finally:
        app.carry_out_waiting()


@contextmanager
def _turn(state: Path) -> Iterator[None]:
    from cardsync.lock import cycle_lock

    with cycle_lock(state, wait=False) as at_once:
        if at_once:
            yield
            return
    say_waiting()
    with cycle_lock(state):
        yield


def say_waiting() -> None:
    """Another process has the lock."""
    say("waiting for the running cycle to end ...", err=True)


def ask_for(app: "App", verb: str, arguments: dict[str, Any]) -> None:
    """Queue a command, and carry it out at once unless another process works; else that one does at its end.

    Raises ``CardsyncError`` where it was carried out and failed.
    """
    from cardsync import commands
    from cardsync.errors import CardsyncError

    commands.check(verb, arguments)
    asked = app.mirror.commands.queue(verb, arguments, app.clock())
    if not app.carry_out_waiting():
        say("Another cardsync works here; it carries this out at its end.", err=True)
    elif app.mirror.commands.has_failed(asked):
        raise CardsyncError("Nothing was changed: this failed by a mistake in cardsync itself.")


def say_leaving(questions: int, *, left: bool = False) -> None:
    """What becomes of so many questions that were answered here, ``left`` or otherwise."""
    from cardsync.words import LEAVES, LEAVES_FOR

    if questions == 1:
        say(LEAVES_FOR if left else LEAVES)
    elif questions:
        say(f"{questions} questions leave their cards at the next cycle.")


@contextmanager
def progress() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing when piped."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading cards", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def ask_whether(question: str) -> None:
    """A no ends the command with 1."""
    if not click.confirm(question, err=True):
        say("Nothing was changed.", err=True)
        sys.exit(1)
