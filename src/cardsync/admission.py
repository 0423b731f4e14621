"""Whether an account's server may be asked now, and what is remembered of a failure across restarts."""

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cardsync.carddav.throttle import LONGEST_PAUSE
from cardsync.errors import CardsyncError, LoginRefused, Throttled, Unreachable
from cardsync.mirror import Mirror
from cardsync.records import Problem, ProblemKind
from cardsync.settings.model import Account
from cardsync.settings.secrets import Secret, resolve, slow_hash

_REACHED_BY = ("url", "username", "auth", "ca_file", "allow_http", "address_books", "trusted_origins", "write")
_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)


def note_settings(mirror: Mirror, name: str, account: Account) -> None:
    """Another address, user or choice of books: what was discovered and the wait of old are void."""
    reached_by = {key: getattr(account, key) for key in _REACHED_BY}
    used = json.dumps(reached_by, ensure_ascii=False, separators=(",", ":"), default=str)
    if mirror.cycles.fact(f"settings:{name}") == used:
        return
    mirror.accounts.forget_discovery(name)
    if mirror.accounts.pause(name)[1]:
        mirror.accounts.hold_off(name, None, 0)
    mirror.cycles.set_fact(f"settings:{name}", used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The door to one account's server."""

    mirror: Mirror
    name: str
    account: Account
    environ: Mapping[str, str]
    now: datetime

    async def check(self, *, scheduled: bool) -> None:
        """Raises ``Throttled`` or ``LoginRefused`` where the server is to be left alone.

        Also ``ConfigError`` where a login was refused and the secret cannot be had now.
        A pause that the server asked for binds every command; our own back-off only what nobody waits for.
        """
        until, failures = self.mirror.accounts.pause(self.name)
        asked_by_server = failures == 0
        if until and self._lasts(until) and (scheduled or asked_by_server):
            wait = until - self.now
            raise Throttled(f"{self.name}: the server is left alone until {until:%Y-%m-%d %H:%M} UTC.", wait)
        await self._check_refused()

    def _lasts(self, until: datetime | None) -> bool:
        """Whether that pause is not over; one that is longer than any pause means that the clock was set back."""
        return until is not None and until - LONGEST_PAUSE <= self.now < until

    def failed(self, error: CardsyncError, secret: Secret) -> None:
        """Remember a failure of a login with ``secret``."""
        if isinstance(error, LoginRefused):
            if not self.mirror.accounts.refused_key(self.name):
                self.mirror.accounts.refuse(self.name, self._login_key(secret))
                self.mirror.problems.report(
                    Problem(
                        kind=ProblemKind.LOGIN, account=self.name, reason="login", detail=str(error), since=self.now
                    )
                )
        elif isinstance(error, Throttled):
            self._hold_off(self.now + error.wait, 0)
        elif isinstance(error, Unreachable):
            failures = self.mirror.accounts.pause(self.name)[1]
            wait = min(_FIRST_WAIT * 2 ** min(failures, 10), _LONGEST_WAIT)
            jitter = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
            self._hold_off(self.now + wait * jitter, failures + 1)

    def _hold_off(self, until: datetime, failures: int) -> None:
        """Nothing shortens a pause that the server asked for; our own back-off gives way to one."""
        before, failed = self.mirror.accounts.pause(self.name)
        if before and self._lasts(before) and failed == 0:
            until, failures = max(before, until), 0
        self.mirror.accounts.hold_off(self.name, until, failures)

    # ------------------------------------------------------------ a login that was refused

    async def _check_refused(self) -> None:
        """One try for each password: servers lock accounts out.

        Raises ``LoginRefused``, or ``ConfigError`` where the secret cannot be had: it may be the refused one.
        """
        key = self.mirror.accounts.refused_key(self.name)
        if key is None:
            return
        if key == self._login_key(await self.secret()):
            raise LoginRefused(
                f"{self.name}: the server refused this login before, so it was not tried again. "
                "Change the user name or the password in the config, or run: cardsync release."
            )
        self.mirror.accounts.refuse(self.name, None)

    async def secret(self) -> Secret:
        """What we log in with; raises ``ConfigError``."""
        return await asyncio.to_thread(resolve, self.name, self.account, self.environ)

    def _login_key(self, secret: Secret) -> str:
        """The slow hash of what we log in with."""
        parts = "\0".join([self.account.url, self.account.username or "", secret.password or "", secret.token or ""])
        return slow_hash(parts, self.mirror.cycles.salt())
