"""Composition root: the only place that builds clients, mirror and policies from the config."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from cardsync import commands
from cardsync.admission import Admission, note_settings
from cardsync.annotate.turns import Turns
from cardsync.annotate.writer import Preview
from cardsync.assess.judge import Judge
from cardsync.assess.stage import Assess
from cardsync.assess.survival import pace_of
from cardsync.clock import set_right
from cardsync.cycle import AccountCycle, AccountReport
from cardsync.errors import CardsyncError, ConfigError, LoginRefused, OriginRefused, Unreachable, where
from cardsync.inquiries import names
from cardsync.lock import cycle_lock
from cardsync.logs import get_logger, structlog
from cardsync.mirror import Mirror
from cardsync.mirror.database import Database
from cardsync.mirror.sentences import anew
from cardsync.outcome import Cycle
from cardsync.policy import GuardPolicy, ReminderPolicy
from cardsync.records import ProblemKind
from cardsync.settings.model import Settings
from cardsync.settings.policies import group_policies, reminder_policy, zone
from cardsync.settings.secrets import Secret
from cardsync.tidy import Keep, tidy

if TYPE_CHECKING:
    from cardsync.carddav.client import CardDAVClient, Connection
    from cardsync.evidence.http import GuardedClient
    from cardsync.evidence.kept import Kept

log = get_logger("cardsync.cycle")
_TOLD = (ConfigError, LoginRefused, Unreachable, OriginRefused)
"""Whose sentences may be logged."""
LONGEST_CYCLE = timedelta(hours=2)
"""Of one account; 100,000 contacts take a slow server less."""


def utc_now() -> datetime:
    """The real clock; tests and the demo hand in another."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything behind the commands; the mirror is opened by whoever makes it."""

    settings: Settings
    mirror: Mirror
    notice: str = ""  # for the owner, once
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Callable[[], datetime] = utc_now
    make_client: Callable[["Kept"], "GuardedClient"] | None = None  # no setting reaches it: it decides what is public

    @classmethod
    def open(cls, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> "App":
        """With the mirror of ``state_dir``; raises ``StateProblem``."""
        path = database_of(settings)
        lost = not path.exists() and any((settings.state_dir / "backups").glob("*"))
        return cls(settings=settings, mirror=Mirror.open(path), clock=clock, notice=anew(path) if lost else "")

    @classmethod
    def bare(cls, settings: Settings) -> "App":
        """Without a database: for what needs none where there is none that can be used."""
        return cls(settings=settings, mirror=Mirror(Database.empty()))

    @classmethod
    def look(cls, settings: Settings) -> "App":
        """As ``open``, for commands that only look: no state directory is made for them."""
        return cls(settings=settings, mirror=Mirror.look(database_of(settings)))

    @property
    def zone(self) -> tzinfo:
        """``schedule.timezone``, or the machine's."""
        return zone(self.settings)

    def reminders(self, account: str) -> ReminderPolicy:
        """The account's ``[reminders]``."""
        return reminder_policy(self.settings, account)

    def judge(self, account: str, now: datetime) -> Judge:
        """The assess room under this config."""
        organisations = self.settings.organisations
        return Judge(
            policies={policy.name: policy for policy in group_policies(self.settings)},
            reminders=self.reminders(account),
            assumed_age=self.settings.freshness.assumed_age,
            aliases=organisations.aliases,
            domains=organisations.domains,
            now=now,
            pace=pace_of(self.mirror.assessments.job_history()),
            sources=names(self.settings),
        )

    def turns(self, account: str) -> Turns:
        """Who of the account is asked next."""
        return Turns(
            mirror=self.mirror,
            account=account,
            policy=self.reminders(account),
            zone=self.zone,
            now=self.clock(),
            write=self.settings.accounts[account].write != "never",
        )

    def assess(self) -> None:
        """Assess anew what an answer, an edit or the config changed, without a server."""
        now = self.clock()
        for name in self.settings.accounts:
            Assess(mirror=self.mirror, account=name, judge=self.judge(name, now), now=now).run()

    @asynccontextmanager
    async def guard(self, monthly: Mapping[str, int]) -> AsyncIterator["GuardedClient"]:
        """The one client of all sources; ``monthly`` are their quotas, which may grow meanwhile."""
        from cardsync.evidence.http import GuardedClient
        from cardsync.evidence.kept import Kept
        from cardsync.evidence.vetting import public

        kept = Kept(mirror=self.mirror, monthly=monthly, clock=self.clock)
        if self.make_client:
            client = self.make_client(kept)
        else:
            client = GuardedClient(vetter=public, validators=kept, quota=kept, clock=self.clock)
        try:
            yield client
        finally:
            await client.aclose()

    def carry_out_waiting(self) -> bool:
        """Carry out the queue; False: another process has the cycle's lock, and does so once it let go of it."""
        while self.mirror.commands.waiting():
            with cycle_lock(self.settings.state_dir, wait=False) as held:
                if not held:
                    return False
                commands.carry_out(self.mirror, self.reminders, self.clock())
                self.assess()
        return True

    # ------------------------------------------------------------ servers

    def admission(self, account: str) -> Admission:
        """The door to the account's server."""
        own = self.settings.accounts[account]
        return Admission(mirror=self.mirror, name=account, account=own, environ=self.environ, now=self.clock())

    @asynccontextmanager
    async def server(self, account: str, *, scheduled: bool = False) -> AsyncIterator["CardDAVClient"]:
        """A client of the account's server; what fails is remembered.  Raises also what ``Admission.check`` does."""
        door = self.admission(account)
        await door.check(scheduled=scheduled)
        secret = await door.secret()
        try:
            async with self.client(self._connection(account, secret)) as client:
                yield client
        except CardsyncError as error:
            self.admission(account).failed(error, secret)  # the time may have gone on by hours
            raise

    def client(self, connection: "Connection") -> "CardDAVClient":
        """Whatever speaks to the server."""
        from cardsync.carddav.client import CardDAVClient  # a third of the start of the commands that only look

        return CardDAVClient(connection)

    def _connection(self, name: str, secret: Secret) -> "Connection":
        from cardsync.carddav.client import Connection

        account = self.settings.accounts[name]
        return Connection(
            account=name,
            url=account.url,
            username=account.username or "",
            password=secret.password,
            bearer_token=secret.token,
            auth="auto" if account.auth == "none" else account.auth,
            ca_file=account.ca_file,
            allow_http=account.allow_http,
            trusted_origins=account.trusted_origins,
            address_books=account.address_books,
            write_anyway=account.write == "always",
        )

    # ------------------------------------------------------------ a cycle

    async def cycle(
        self,
        *,
        dry_run: bool = False,
        scheduled: bool = False,
        account: str | None = None,
        ask: bool = True,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> Cycle:
        """All accounts, each on its own: one that fails does not stop the others.

        A dry run works on a copy of the mirror, for the caller to close, and PUTs nothing.  A scheduled cycle leaves
        alone the accounts whose server was away a moment ago; one of an ``account`` is of that one, whose books are
        discovered again.  ``ask``: not where the sources have seen nobody yet, so that the first question is not about
        somebody who just wrote.
        """
        names = (account,) if account else tuple(self.settings.accounts)
        with structlog.contextvars.bound_contextvars(cycle=token_hex(3)):
            run = _Run(
                mirror=self.mirror.copy() if dry_run else self.mirror,
                now=self.clock(),
                scheduled=scheduled,
                previews=[] if dry_run else None,
                progress=progress,
                ask=ask,
            )
            if account:
                run.mirror.accounts.forget_discovery(account)
            if dry_run:
                return await self._cycle(names, run)
            self.mirror.cycles.begin(run.now, os.getpid())
            try:
                done = await self._cycle(names, run)
                self.mirror.cycles.record(run.now, self.clock(), done.as_json())
                keep = Keep(versions=self.settings.undo.keep_versions, backups=self.settings.undo.keep_backups)
                tidy(self.mirror, self.settings.state_dir / "backups", keep, run.now)
                return done
            finally:
                self.mirror.cycles.over()

    async def _cycle(self, names: Sequence[str], run: "_Run") -> Cycle:
        set_right(run.mirror, run.now)
        run.mirror.accounts.only(self.settings.accounts)
        commands.carry_out(run.mirror, self.reminders, run.now)
        reports = await asyncio.gather(*(self._account(name, run) for name in names))
        return Cycle(started=run.now, reports=tuple(reports), previews=tuple(run.previews or ()), mirror=run.mirror)

    async def _account(self, name: str, run: "_Run") -> AccountReport:
        """One account; what failed is remembered in our own mirror, after a dry run too."""
        try:
            async with self._cycle_of(name, run) as cycle:
                report = await cycle.run()
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
        run.mirror.accounts.synced(name, self.clock())
        run.mirror.cycles.failing(name, None)
        run.mirror.problems.solved(ProblemKind.LOGIN, name)
        log.info("cycle", account=name, **report.counts, **{f"ended_{k}": n for k, n in report.endings.items()})
        return report

    async def read(self, name: str, mirror: Mirror, progress: Callable[[int, int], None]) -> None:
        """Pull one account into ``mirror``, and do nothing else.  Raises what a pull raises."""
        async with self._cycle_of(name, _Run(mirror=mirror, now=self.clock(), progress=progress)) as cycle:
            await cycle.pull.run()

    @asynccontextmanager
    async def _cycle_of(self, name: str, run: "_Run") -> AsyncIterator[AccountCycle]:
        note_settings(run.mirror, name, self.settings.accounts[name])
        reminders = self.reminders(name)
        async with self.server(name, scheduled=run.scheduled) as server, _bounded(name):
            yield AccountCycle(
                server=server,
                mirror=run.mirror,
                account=name,
                judge=self.judge(name, run.now),
                reminders=reminders if run.ask else replace(reminders, max_new_per_day=0),
                guards=GuardPolicy(**asdict(self.settings.guards)),
                zone=self.zone,
                backups=self.settings.state_dir / "backups",
                write=self.settings.accounts[name].write != "never",
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
        async with asyncio.timeout(LONGEST_CYCLE.total_seconds()) as bound:
            yield
    except TimeoutError:
        if not bound.expired():
            raise
        hours = LONGEST_CYCLE / timedelta(hours=1)
        raise Unreachable(f"{account}: a cycle took the server over {hours:g} hours; it goes on later.") from None


def database_of(settings: Settings) -> Path:
    """Where the mirror lies."""
    return settings.state_dir / "cardsync.db"
