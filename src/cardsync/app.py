"""Composition root: the only place that builds clients, mirror and policies from the config."""

import asyncio
import hashlib
import os
import random
import secrets
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from cardsync import commands
from cardsync.annotate.writer import Preview
from cardsync.assess.judge import Judge
from cardsync.assess.stage import Assess
from cardsync.carddav.throttle import LONGEST_PAUSE
from cardsync.cycle import AccountCycle, AccountReport
from cardsync.errors import CardsyncError, ConfigError, LoginRefused, OriginRefused, Throttled, Unreachable
from cardsync.mirror import Mirror
from cardsync.policy import GuardPolicy, ReminderPolicy
from cardsync.records import Problem, ProblemKind
from cardsync.settings.model import Settings
from cardsync.settings.policies import group_policies, reminder_policy, zone
from cardsync.settings.secrets import Secret, resolve
from cardsync.tidy import Keep, tidy

if TYPE_CHECKING:
    from cardsync.carddav.client import CardDAVClient, Connection

log = structlog.get_logger("cardsync.cycle")
PARTIAL = 3
_REACHED_BY = {"url", "username", "auth", "ca_file", "allow_http", "address_books", "trusted_origins", "write"}
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


def utc_now() -> datetime:
    """The real clock; tests and the demo hand in another."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A finished cycle of all accounts; ``mirror`` is the one that it worked on (a dry run's is a copy)."""

    started: datetime
    reports: tuple[AccountReport, ...]
    mirror: Mirror
    previews: tuple[Preview, ...] = ()

    @property
    def exit_code(self) -> int:
        """See ``shared_exit_code``; a book or card that failed makes a cycle partial."""
        return shared_exit_code([report.exit_code or (PARTIAL if _left_out(report) else 0) for report in self.reports])

    def as_json(self) -> dict[str, Any]:
        """Counts only."""
        return {
            "started_at": self.started.isoformat(),
            "exit_code": self.exit_code,
            "accounts": [report.as_json() for report in self.reports],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything behind the commands; the mirror is opened by whoever makes it."""

    settings: Settings
    mirror: Mirror
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Callable[[], datetime] = utc_now

    @classmethod
    def open(cls, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> "App":
        """With the mirror of ``state_dir``; raises ``StateProblem``."""
        return cls(settings=settings, mirror=Mirror.open(database_of(settings)), clock=clock)

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
        )

    def assess(self) -> None:
        """Assess anew what an answer, an edit or the config changed, without a server."""
        now = self.clock()
        for name in self.settings.accounts:
            Assess(mirror=self.mirror, account=name, judge=self.judge(name, now), now=now).run()

    # ------------------------------------------------------------ servers

    @asynccontextmanager
    async def server(self, account: str) -> AsyncIterator["CardDAVClient"]:
        """A client of the account's server; raises ``ConfigError`` where its secret cannot be had."""
        from cardsync.carddav.client import CardDAVClient  # a third of the start of the commands that only look

        secret = await asyncio.to_thread(resolve, account, self.settings.accounts[account], self.environ)
        async with CardDAVClient(self._connection(account, secret)) as client:
            yield client

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
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> Cycle:
        """All accounts, each on its own: one that fails does not stop the others.

        A dry run works on a copy of the mirror and PUTs nothing.  A scheduled cycle leaves alone the
        accounts whose server was away a moment ago.
        """
        now = self.clock()
        app = replace(self, mirror=self.mirror.copy()) if dry_run else self
        previews: list[Preview] = []
        commands.carry_out(app.mirror, app.reminders, now)
        reports = await asyncio.gather(
            *(
                self._account(name, app.mirror, now, scheduled, previews if dry_run else None, progress)
                for name in app.settings.accounts
            )
        )
        done = Cycle(started=now, reports=tuple(reports), previews=tuple(previews), mirror=app.mirror)
        if not dry_run:
            commands.carry_out(self.mirror, self.reminders, now)
            self.mirror.cycles.record(now, self.clock(), done.as_json())
            keep = Keep(versions=self.settings.undo.keep_versions, backups=self.settings.undo.keep_backups)
            tidy(self.mirror, self.settings.state_dir / "backups", keep, now)
        return done

    async def _account(
        self,
        name: str,
        mirror: Mirror,
        now: datetime,
        scheduled: bool,
        previews: list[Preview] | None,
        progress: Callable[[int, int], None],
    ) -> AccountReport:
        """One account on ``mirror``; what failed is remembered in our own, after a dry run too."""
        try:
            self._note_settings(name, mirror)
            await self.admit(name, now, scheduled=scheduled)
            async with self.server(name) as server:
                report = await AccountCycle(
                    server=server,
                    mirror=mirror,
                    account=name,
                    judge=self.judge(name, now),
                    reminders=self.reminders(name),
                    guards=GuardPolicy(**self.settings.guards.model_dump()),
                    zone=self.zone,
                    backups=self.settings.state_dir / "backups",
                    write=self.settings.accounts[name].write != "never",
                    now=now,
                    previews=previews,
                    progress=progress,
                ).run()
        except CardsyncError as error:
            await self.failed(name, error, now)
            # other sentences may hold the names of books
            what = {"what": str(error)} if isinstance(error, LoginRefused | Unreachable | OriginRefused) else {}
            log.warning("account failed", account=name, error=type(error).__name__, **what)
            return AccountReport(account=name, error=str(error), exit_code=error.exit_code)
        except Exception as error:
            # the other accounts go on; the text of an error that we did not foresee may hold anything
            crash = f"{type(error).__name__} at {_where(error)}"
            log.error("account crashed", account=name, error=crash)  # noqa: TRY400 - a traceback's text may hold names
            log.debug("account crashed", account=name, exc_info=True)
            return AccountReport(account=name, error=f"{name}: a mistake in cardsync itself: {crash}.", exit_code=1)
        mirror.accounts.hold_off(name, None, 0)
        mirror.problems.solved(ProblemKind.LOGIN, name)
        log.info("cycle", account=name, **report.counts, **{f"ended_{k}": n for k, n in report.endings.items()})
        return report

    def _note_settings(self, name: str, mirror: Mirror) -> None:
        """Another address, user or choice of books: what was discovered and the wait of old are void."""
        account = self.settings.accounts[name]
        used = account.model_dump_json(include=_REACHED_BY)
        if mirror.cycles.fact(f"settings:{name}") == used:
            return
        mirror.accounts.forget_discovery(name)
        if mirror.accounts.pause(name)[1]:
            mirror.accounts.hold_off(name, None, 0)
        mirror.cycles.set_fact(f"settings:{name}", used)

    async def admit(self, name: str, now: datetime, *, scheduled: bool = False) -> None:
        """Whether the server may be asked now.  Raises ``Throttled`` or ``LoginRefused``.

        A pause that the server asked for binds every command; our own back-off only what nobody waits for.
        """
        self._check_pause(name, now, scheduled)
        await self._check_refused(name)

    def _check_pause(self, name: str, now: datetime, scheduled: bool) -> None:
        until, failures = self.mirror.accounts.pause(name)
        asked_by_server = failures == 0
        if until and until - LONGEST_PAUSE <= now < until and (scheduled or asked_by_server):  # else the clock was set
            raise Throttled(f"{name}: the server is left alone until {until:%Y-%m-%d %H:%M} UTC.", until - now)

    async def failed(self, name: str, error: CardsyncError, now: datetime) -> None:
        """What is remembered of a failure, so that a restart does not forget it."""
        until, failures = self.mirror.accounts.pause(name)
        if isinstance(error, LoginRefused):
            if not self.mirror.accounts.refused_key(name):
                self.mirror.accounts.refuse(name, await self._login_key(name))
                self.mirror.problems.report(
                    Problem(kind=ProblemKind.LOGIN, account=name, reason="login", detail=str(error), since=now)
                )
        elif isinstance(error, Throttled):
            if not (until and until - LONGEST_PAUSE <= now < until):
                self.mirror.accounts.hold_off(name, now + error.wait, 0)
        elif isinstance(error, Unreachable):
            wait = min(_FIRST_WAIT * 2 ** min(failures, 10), _LONGEST_WAIT)
            self.mirror.accounts.hold_off(name, now + wait * random.uniform(0.8, 1.2), failures + 1)  # noqa: S311 - jitter

    # ------------------------------------------------------------ a login that was refused

    async def _check_refused(self, name: str) -> None:
        """One try for each password: servers lock accounts out.  Raises ``LoginRefused``."""
        key = self.mirror.accounts.refused_key(name)
        if key is None:
            return
        if key == await self._login_key(name):
            raise LoginRefused(
                f"{name}: the server refused this login before, so it was not tried again. "
                "Change the user name or the password in the config, or run: cardsync release."
            )
        self.mirror.accounts.refuse(name, None)

    async def _login_key(self, name: str) -> str:
        """A slow salted hash of what we log in with: tells a changed password, and tells nothing else."""
        salt = self.mirror.cycles.fact("salt")
        if not salt:
            salt = secrets.token_hex(16)
            self.mirror.cycles.set_fact("salt", salt)
        account = self.settings.accounts[name]
        try:
            secret = await asyncio.to_thread(resolve, name, account, self.environ)
        except ConfigError:
            secret = Secret()
        parts = "\0".join([account.url, account.username or "", secret.password or "", secret.token or ""])
        return hashlib.scrypt(parts.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


def shared_exit_code(codes: Sequence[int]) -> int:
    """0, or the code of the failure that all share, or 3."""
    failed = {code for code in codes if code}
    if not failed:
        return 0
    return failed.pop() if len(failed) == 1 and all(codes) else PARTIAL


def _left_out(report: AccountReport) -> bool:
    return any(report.counts.get(what) for what in ("failed_books", "quarantined", "parked"))


def _where(error: BaseException) -> str:
    """The last line of ours that it went through."""
    frames = ((frame.f_globals.get("__name__", ""), line) for frame, line in traceback.walk_tb(error.__traceback__))
    ours = [f"{module}:{line}" for module, line in frames if module.startswith("cardsync")]
    return ours[-1]


def database_of(settings: Settings) -> Path:
    """Where the mirror lies."""
    return settings.state_dir / "cardsync.db"
