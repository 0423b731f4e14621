"""``cardsync demo``: the whole loop on an invented address book, told day by day, and checked line by line."""

import shlex
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from cardsync.app import database_of
from cardsync.demo import evidence, show
from cardsync.demo.addressbook import AddressBookFixture, people
from cardsync.demo.days import DAYS, Days, Time
from cardsync.demo.phone import Phone
from cardsync.demo.place import A_WEEK, emptied, write_config
from cardsync.demo.server import DemoServer, serving
from cardsync.demo.witness import Witness, WitnessedApp
from cardsync.mirror import Mirror
from cardsync.observe.log import configure
from cardsync.settings.load import load

SEED, CONTACTS, VIPS = 6, 320, 40


def tell(*, directory: str | None, keep: bool) -> int:
    """Tell the story; 0, or 1 where any line of it is not as it should be.

    ``directory``: where config, server and state are left; None: one below the user's cache directory.  ``keep``: wait
    for Ctrl-C before the server is stopped.  Raises ``CardsyncError``; a ``KeyboardInterrupt`` stops the server
    and goes through.
    """
    configure("error", "auto")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first_day = today - timedelta(days=DAYS)
    book = people(SEED, CONTACTS, VIPS, now=first_day)
    with emptied(directory) as place, serving(book.cards, place / "server") as server:
        config = write_config(place, server)
        click.secho(
            "cardsync demo: a server, an address book and a phone, all of it invented and on this machine", bold=True
        )
        show.said("server", f"Radicale at {server.url}")
        show.said("contacts", f"{CONTACTS}, {VIPS} of them in the list VIP, in Apple's form")
        show.said("config", f"{config} ({A_WEEK} questions a week instead of 3, for a shorter story)")
        with _days(config, book, server, first_day) as days:
            good = days.tell()
            name = days.asked_last
        chapter = evidence.tell(place / "evidence", today)
        _what_to_try(config, name, chapter, keep=keep)
        if keep:
            threading.Event().wait()
    return 0 if good and chapter.good else 1


@contextmanager
def _days(config: Path, book: AddressBookFixture, server: DemoServer, first_day: datetime) -> Iterator[Days]:
    settings = load(config, {})
    time = Time(now=first_day)
    with Phone(
        book_url=server.book_url, username=server.username, password=server.password, clock=lambda: time.now
    ) as phone:
        mirror = Mirror.open(database_of(settings))
        app = WitnessedApp(settings=settings, mirror=mirror, environ={}, clock=lambda: time.now, witness=Witness())
        try:
            yield Days(app=app, book=book, server=server, phone=phone, time=time)
        finally:
            mirror.close()


def _what_to_try(config: Path, name: str, chapter: evidence.Outcome, *, keep: bool) -> None:
    show.heading("Try it")
    command, of_evidence = (f"{_this_command()} --config {shlex.quote(str(each))}" for each in (config, chapter.config))
    for rest in ("status", "vip", f"explain {shlex.quote(name)}"):
        click.echo(f"  {command} {rest}")
    click.echo(f"  {of_evidence} explain {shlex.quote(chapter.name)}")
    if keep:
        click.echo(f"  {command} sync")
        click.echo("The server runs until you press Ctrl-C.")
    else:
        click.echo("The server is stopped; with --keep it goes on, and sync works too.")


def _this_command() -> str:
    """What to type to run this cardsync."""
    if shutil.which("cardsync"):
        return "cardsync"
    program = Path(sys.argv[0])
    return shlex.quote(str(program)) if program.name == "cardsync" else f"{shlex.quote(sys.executable)} -m cardsync"
