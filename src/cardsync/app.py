"""Composition root: the only place that builds clients, mirror and policies from the config.

What a command that looks does not use is imported where it is used.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from cardsync.errors import CardsyncError
from cardsync.mirror import Mirror
from cardsync.mirror.database import Database, is_there
from cardsync.mirror.sentences import anew
from cardsync.policy import ReminderPolicy
from cardsync.settings.model import Settings
from cardsync.settings.policies import group_policies, reminder_policy, zone

if TYPE_CHECKING:
    from cardsync.admission import Admission
    from cardsync.annotate.turns import Turns
    from cardsync.assess.judge import Judge
    from cardsync.carddav.client import CardDAVClient, Connection
    from cardsync.evidence.http import GuardedClient
    from cardsync.evidence.kept import Kept
    from cardsync.settings.secrets import Secret

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
        lost = not is_there(path) and any((settings.state_dir / "backups").glob("*"))
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

    def judge(self, account: str, now: datetime) -> "Judge":
        """The assess room under this config."""
        from cardsync.assess.judge import Judge
        from cardsync.assess.survival import pace_of
        from cardsync.inquiries import names

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

    def turns(self, account: str) -> "Turns":
        """Who of the account is asked next."""
        from cardsync.annotate.turns import Turns

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
        from cardsync.assess.stage import Assess

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
        from cardsync import commands
        from cardsync.lock import cycle_lock

        while self.mirror.commands.waiting():
            with cycle_lock(self.settings.state_dir, wait=False) as held:
                if not held:
                    return False
                commands.carry_out(self.mirror, self.reminders, self.clock())
                self.assess()
        return True

    # ------------------------------------------------------------ servers

    def admission(self, account: str) -> "Admission":
        """The door to the account's server."""
        from cardsync.admission import Admission

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
        from cardsync.carddav.client import CardDAVClient

        return CardDAVClient(connection)

    def _connection(self, name: str, secret: "Secret") -> "Connection":
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


def database_of(settings: Settings) -> Path:
    """Where the mirror lies."""
    return settings.state_dir / "cardsync.db"
