"""``run``, ``sync``, ``check``, ``demo``."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from cardsync import process
from cardsync.cli import output
from cardsync.cli.common import dry_run_option, json_option, opened, progress, say_waiting, settings_of
from cardsync.words import count

if TYPE_CHECKING:
    from cardsync.app import App
    from cardsync.evidence.stage import Counts
    from cardsync.outcome import Cycle


@click.command()
@click.pass_context
def run(context: click.Context) -> None:
    """Run the daemon: a cycle at start, then on schedule."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # waits: it would end us
    from cardsync.daemon import Daemon
    from cardsync.observe.systemd import Supervisor

    supervisor = Supervisor.take(os.environ, os.getpid())
    process.run(Daemon(settings_of(context), lambda: settings_of(context), supervisor=supervisor).run())


@click.command()
@dry_run_option
@json_option
@click.pass_context
def sync(context: click.Context, *, dry_run: bool, as_json: bool) -> None:
    """One cycle now; --dry-run shows the diff of every card that it would write."""
    with opened(context) as app, progress() as shown:
        done, sources = process.run(_synced(app, shown, dry_run=dry_run))
        with closing(done.mirror) if dry_run else nullcontext():
            if as_json:
                counted = {name: asdict(counts) for name, counts in sources.items()}
                output.as_json({**done.as_json(), "sources": counted, "dry_run": dry_run})
            else:
                _print_cycle(app, done, dry_run=dry_run)
                _print_sources(sources)
    sys.exit(done.exit_code)


def _print_sources(sources: Mapping[str, "Counts"]) -> None:
    for name, counts in sources.items():
        if counts.waits:
            output.say(f"{name}: {counts.waits}")
            continue
        output.say(
            f"{name}: {count(counts.looked, 'contact')} looked at, {counts.found} found, "
            f"{counts.validated} seen in use{(counts.errors and f'; {counts.errors[-1]}') or ''}"
        )


async def _synced(
    app: "App", shown: Callable[[int, int], None], *, dry_run: bool
) -> tuple["Cycle", Mapping[str, "Counts"]]:
    """The sources first, as long as they are quick; a dry run asks none.  Only the cycle keeps others from theirs."""
    from cardsync.consulting import Beside, known_vips, unseen
    from cardsync.lock import cycle_lock

    beside = Beside()
    if not dry_run:
        await beside.begin(app, _QUICK, at_once=True)
    ask = dry_run or not unseen(app)
    done = await _one_cycle(app, shown, dry_run=dry_run, ask=ask)
    if not ask and known_vips(app):
        await beside.begin(app, _SLOW)
        done = (await _one_cycle(app, shown, ask=not unseen(app))).following(done)
    sources = await beside.end(_SLOW)
    if sources:
        with cycle_lock(app.settings.state_dir, wait=False) as held:
            if held:  # else the cycle that goes on elsewhere, or the next one, does so
                app.assess()
        app.carry_out_waiting()
    return done, sources


async def _one_cycle(
    app: "App", shown: Callable[[int, int], None], *, dry_run: bool = False, ask: bool = True
) -> "Cycle":
    from cardsync.cycles import cycle
    from cardsync.lock import cycle_turn

    try:
        async with cycle_turn(app.settings.state_dir, say_waiting):
            return await cycle(app, dry_run=dry_run, ask=ask, progress=shown)
    finally:
        app.carry_out_waiting()


_QUICK, _SLOW = timedelta(minutes=1), timedelta(minutes=5)


def _print_cycle(app: "App", done: "Cycle", *, dry_run: bool) -> None:
    from cardsync.inquiries import names
    from cardsync.needs import no_vips
    from cardsync.records import ProblemKind
    from cardsync.report import name_of

    if dry_run and names(app.settings):
        output.say("A dry run asks no source: what one finds may change whom it asks about, and how.")
    app = replace(app, mirror=done.mirror)
    for preview in done.previews:
        output.say(f"would {preview.why}:")
        output.diff(preview.before, preview.after, name_of(app, preview.book_id, preview.href))
    for report in done.reports:
        if report.error:
            output.say(f"{report.account}: {report.error.removeprefix(f'{report.account}: ')}", err=True)
            continue
        counts = report.counts
        ended = ", ".join(f"{count} {name}" for name, count in sorted(report.endings.items())) or "none"
        verb = "would ask" if dry_run else "asked"
        output.say(
            f"{report.account}: {count(counts['fetched'], 'card')} read, {count(counts['vips'], 'VIP')}, "
            f"{verb} {counts['asked']}, "
            f"questions ended: {ended}, taken out: {counts['taken_out']}"
        )
        for key, what in (("parked", "not written"), ("quarantined", "unreadable"), ("later", "left for later")):
            if counts[key]:
                output.say(f"{report.account}: {count(counts[key], 'card')} {what}, see: cardsync status --problems")
        if not counts["vips"]:
            output.say(f"{report.account}: {no_vips(app, report.account)}", err=True)
    for problem in app.mirror.problems.all():
        if not problem.href and problem.kind is not ProblemKind.LOGIN:
            output.say(f"{problem.account}: {problem.detail}", err=True)


@click.command()
@json_option
@click.pass_context
def check(context: click.Context, *, as_json: bool) -> None:
    """Try each step of discovery and login, and show books, groups and what would be written."""
    from cardsync.check import check_account
    from cardsync.outcome import shared_exit_code

    with opened(context) as app:
        found = [process.run(check_account(app, name)) for name in app.settings.accounts]
    if as_json:
        output.as_json(found)
    else:
        for account in found:
            _print_check(account)
    sys.exit(shared_exit_code([account["exit_code"] for account in found]))


def _print_check(account: dict[str, Any]) -> None:
    click.secho(account["account"], bold=True)
    for step in account["steps"]:
        output.say(f"  {step['what']}: {step['url']} - {step['outcome']}")
    for book in account["books"]:
        state = "as last seen" if account["error"] else _state(book)
        output.say(f"  book {book['book']}: {count(book['cards'], 'card')}, {count(book['vips'], 'VIP')}, {state}")
        output.say(f"    groups: {', '.join(book['groups']) or 'none'}")
    for problem in (*account["problems"], account["hint"], account["error"]):
        if problem:
            output.say(f"  {problem}", err=True)
    if account["error"]:
        return
    shows = "; cardsync sync --dry-run shows it" if account["would_ask"] else ""
    limits = " and ".join(f"reminders.{key}" for key in account["spent"])
    line = f"; {account['in_line']} more in line{limits and f' ({limits})'}" if account["in_line"] else ""
    output.say(f"  of {count(account['vips'], 'VIP')} it would ask about {account['would_ask']} now{shows}{line}")


def _state(book: dict[str, Any]) -> str:
    if book["written"]:
        return "can be written"
    if book["read_only_reason"]:
        return f"read only: {book['read_only_reason']}"
    return f"not written ({book['held']}) until: cardsync release"


@click.command()
@click.option("--keep", is_flag=True, help="Leave the embedded server running until Ctrl-C.")
@click.option("--directory", type=click.Path(), default=None, help="Where to leave the demo's config and state.")
def demo(*, keep: bool, directory: str | None) -> None:
    """Show the whole loop on an embedded server with an invented address book."""
    from cardsync.demo.story import tell

    sys.exit(tell(directory=directory, keep=keep))
