"""All accounts, each on its own: the mirror, the servers and the config together make a cycle."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_hex

from cardsync import commands
from cardsync.admission import note_settings
from cardsync.app import LONGEST_CYCLE, App
from cardsync.clock import set_right
from cardsync.cycle import AccountCycle, AccountReport
from cardsync.errors import CardsyncError, ConfigError, LoginRefused, OriginRefused, Unreachable, where
from cardsync.logs import bound, get_logger
from cardsync.mirror import Mirror
from cardsync.outcome import Cycle
from cardsync.policy import GuardPolicy
from cardsync.records import Preview, ProblemKind
from cardsync.settings.policies import group_policies
from cardsync.tidy import Keep, tidy

log = get_logger("cardsync.cycle")
_TOLD = (ConfigError, LoginRefused, Unreachable, OriginRefused)
"""Whose sentences may be logged."""


async def cycle(
    app: App,
    *,
    dry_run: bool = False,
    scheduled: bool = False,
    account: str | None = None,
    ask: bool = True,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Cycle:
    """Pull, assess and annotate each account on its own: one that fails does not stop the others.

    A dry run works on a copy of the mirror, for the caller to close, and PUTs nothing.  A scheduled cycle leaves
    alone the accounts whose server was away a moment ago; one of an ``account`` is of that one, whose books are
    discovered again.  ``ask``: not where the sources have seen nobody yet, so that the first question is not about
    somebody who just wrote.
    """
    names = (account,) if account else tuple(app.settings.accounts)
    with bound(cycle=token_hex(3)):
        run = _Run(
            mirror=app.mirror.copy() if dry_run else app.mirror,
            now=app.clock(),
            scheduled=scheduled,
            previews=[] if dry_run else None,
            progress=progress,
            ask=ask,
        )
        if account:
            run.mirror.accounts.forget_discovery(account)
        if dry_run:
            return await _cycle(app, names, run)
        app.mirror.cycles.begin(run.now, os.getpid())
        try:
            done = await _cycle(app, names, run)
            app.mirror.cycles.record(run.now, app.clock(), done.as_json())
            keep = Keep(versions=app.settings.undo.keep_versions, backups=app.settings.undo.keep_backups)
            tidy(app.mirror, app.settings.state_dir / "backups", keep, run.now)
            return done
        finally:
            app.mirror.cycles.over()


async def _cycle(app: App, names: Sequence[str], run: "_Run") -> Cycle:
    set_right(run.mirror, run.now)
    run.mirror.accounts.only(app.settings.accounts)
    commands.carry_out(run.mirror, app.reminders, run.now)
    reports = await asyncio.gather(*(_account(app, name, run) for name in names))
    return Cycle(started=run.now, reports=tuple(reports), previews=tuple(run.previews or ()), mirror=run.mirror)


async def _account(app: App, name: str, run: "_Run") -> AccountReport:
    """One account; what failed is remembered in our own mirror, after a dry run too."""
    try:
        async with _cycle_of(app, name, run) as one:
            report = await one.run()
    except CardsyncError as error:
        # other sentences may hold the names of books
        what = {"what": str(error)} if isinstance(error, _TOLD) else {}
        log.warning("account failed", account=name, error=type(error).__name__, **what)
        run.mirror.cycles.failing(name, run.now)
        return AccountReport(account=name, error=str(error), exit_code=error.exit_code)
    except Exception as error:
        # the other accounts go on; the text of an error that we did not foresee may hold anything
        crash = f"{type(error).__name__} at {where(error)}"
        log.error("account crashed", account=name, error=crash)  # noqa: TRY400 - a traceback's text may hold names
        log.debug("account crashed", account=name, exc_info=True)
        run.mirror.cycles.failing(name, run.now)
        return AccountReport(account=name, error=f"{name}: a mistake in cardsync itself: {crash}.", exit_code=1)
    run.mirror.accounts.synced(name, app.clock())
    run.mirror.cycles.failing(name, None)
    run.mirror.problems.solved(ProblemKind.LOGIN, name)
    log.info("cycle", account=name, **report.counts, **{f"ended_{k}": n for k, n in report.endings.items()})
    return report


async def pull_only(app: App, name: str, mirror: Mirror, progress: Callable[[int, int], None]) -> None:
    """Pull one account into ``mirror``, and do nothing else.  Raises what a pull raises."""
    async with _cycle_of(app, name, _Run(mirror=mirror, now=app.clock(), progress=progress)) as one:
        await one.pull.run()


@asynccontextmanager
async def _cycle_of(app: App, name: str, run: "_Run") -> AsyncIterator[AccountCycle]:
    note_settings(run.mirror, name, app.settings.accounts[name])
    reminders = app.reminders(name)
    async with app.server(name, scheduled=run.scheduled) as server, _bounded(name):
        yield AccountCycle(
            server=server,
            mirror=run.mirror,
            account=name,
            wanted=tuple(policy.name for policy in group_policies(app.settings)),
            judge=lambda: app.judge(name, run.now),
            reminders=reminders if run.ask else replace(reminders, max_new_per_day=0),
            guards=GuardPolicy(**app.settings.guards.as_dict()),
            zone=app.zone,
            backups=app.settings.state_dir / "backups",
            write=app.settings.accounts[name].write != "never",
            now=run.now,
            previews=run.previews,
            progress=run.progress,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """How a cycle goes about its accounts; with ``previews``, a dry run on a copy of the mirror."""

    mirror: Mirror
    now: datetime
    scheduled: bool = False
    previews: list[Preview] | None = None
    progress: Callable[[int, int], None]
    ask: bool = True


@asynccontextmanager
async def _bounded(account: str) -> AsyncIterator[None]:
    """No server holds the other accounts for ever; what was read until then stays, and a write in hand is verified."""
    try:
        async with asyncio.timeout(LONGEST_CYCLE.total_seconds()) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        hours = LONGEST_CYCLE / timedelta(hours=1)
        raise Unreachable(f"{account}: a cycle took the server over {hours:g} hours; it goes on later.") from None
