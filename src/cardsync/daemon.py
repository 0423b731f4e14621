"""The daemon: one asyncio process, APScheduler, and the signals.

SIGTERM and SIGINT finish the card in hand and end with 0; SIGHUP reads the config again and keeps the
old one if the new one is bad.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING

from cardsync import cycles
from cardsync.alarms import Stuck
from cardsync.app import App, utc_now
from cardsync.consulting import Beside, unseen
from cardsync.errors import CardsyncError, ConfigError, StateProblem, where
from cardsync.lock import cycle_lock, cycle_turn, daemon_lock
from cardsync.logs import get_logger
from cardsync.observe.systemd import Supervisor
from cardsync.outcome import Cycle
from cardsync.records import CONFIG_REFUSED
from cardsync.schedule import Due
from cardsync.settings.model import Settings
from cardsync.settings.observe import host_and_port
from cardsync.settings.secrets import end_commands, given
from cardsync.words import count

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    from cardsync.observe.page import Page

log = get_logger("cardsync.daemon")
DRAIN = timedelta(seconds=8)
"""How long a card in hand may take after SIGTERM; what is cut off then, the journal settles at the next start."""
WATCH = timedelta(minutes=1)
"""How soon it is seen that the clock was set back, by a clock that nobody sets."""

_HEAD_START = 2.0  # seconds that the first cycle has until the rest is loaded: its first request goes before
_THE_REST = ("annotate.export", "annotate.stage", "annotate.stray", "assess.stage", "evidence.stage", "telling")

_NOBODY = Supervisor()


def _load_the_rest() -> None:
    """What is imported where it is used: an upgrade below a daemon must not make it one half old and one half new."""
    for module in _THE_REST:
        import_module(f"cardsync.{module}")


class Daemon:
    """Runs cycles until told to stop."""

    def __init__(
        self,
        settings: Settings,
        reload: Callable[[], Settings],
        clock: Callable[[], datetime] = utc_now,
        supervisor: Supervisor = _NOBODY,
    ) -> None:
        self._settings = settings
        self._reload = reload
        self._stop = asyncio.Event()
        self._clock = clock
        self._app: App  # while it runs
        self._scheduler: AsyncIOScheduler | None = None
        self._cycle: asyncio.Task[object] | None = None
        self._again = False
        self._beside = Beside()
        self._supervisor = supervisor
        self._page: Page | None = None
        self._opening: asyncio.Future[None] | None = None
        self._stuck = Stuck()
        self._telling: list[asyncio.Future[None]] = []
        self._ways = asyncio.Lock()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; raises ``LockHeld`` when another daemon works here."""
        with daemon_lock(self._settings.state_dir):
            self._app = App.open(self._settings, clock=self._clock)
            with cycle_lock(self._settings.state_dir, wait=False) as free:
                if free:  # a cycle that was killed did not end; a container's next daemon has the same number
                    self._app.mirror.cycles.over()
            self._app.mirror.cycles.set_fact(CONFIG_REFUSED, "")
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop.set)
            loop.add_signal_handler(signal.SIGHUP, self._read_again)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # one that came meanwhile, too
            if self._settings.schedule.run_on_start:
                self._cycle = asyncio.ensure_future(self._run_cycle())
            if self._app.notice:
                log.warning("the database is new", what=self._app.notice)
            log.info("started", accounts=len(self._settings.accounts))
            self._opening = asyncio.ensure_future(self._serve_page())  # its token may take its time; cycles do not wait
            self._supervisor.ready()
            try:
                await self._begin_schedule()
                await self._watch()
            finally:
                await self._end()

    async def _end(self) -> None:
        log.info("stopping")
        self._supervisor.stopping()
        if self._scheduler:
            self._scheduler.pause()
        await self._drain()
        await self._beside.end(timedelta())
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
        await self._end_page()
        end_commands()
        self._app.mirror.close()
        log.info("stopped")

    async def _begin_schedule(self) -> None:
        """Once the first cycle is over, or on its way; at once where there is none."""
        stop = asyncio.ensure_future(self._stop.wait())
        if self._cycle:
            await asyncio.wait({stop, self._cycle}, timeout=_HEAD_START, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if self._stop.is_set():
            return
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from apscheduler.triggers.base import BaseTrigger

        BaseTrigger.register(Due)  # it has all of one, and ``add_job`` asks for no more
        self._scheduler = AsyncIOScheduler(timezone=self._app.zone)
        self._schedule(self._scheduler, at_once=self._again)  # where the config was read again just now
        self._scheduler.start()
        _load_the_rest()

    def _schedule(self, scheduler: "AsyncIOScheduler", *, at_once: bool) -> None:
        """One job: never two cycles at once, and one for all those that were missed."""
        scheduler.add_job(
            self._run_cycle,
            trigger=Due(self._settings.schedule, self._app.zone),
            id="cycle",
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            **({"next_run_time": self._app.clock()} if at_once else {}),
        )

    async def _watch(self) -> None:
        """Until told to stop."""
        every = min(WATCH, self._supervisor.watchdog or WATCH)
        while not self._stop.is_set():
            self._supervisor.alive()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), every.total_seconds())
            if self._scheduler:
                self._heed_the_clock(self._scheduler)

    def _heed_the_clock(self, scheduler: "AsyncIOScheduler") -> None:
        """A cycle that was planned while the clock was ahead is planned anew."""
        job, now = scheduler.get_job("cycle"), self._app.clock()
        latest = job.trigger.latest(now) if job else None
        if latest and job.next_run_time and job.next_run_time > latest:
            job.modify(next_run_time=job.trigger.get_next_fire_time(None, now))
            log.info("the clock was set back, the next cycle is planned anew")

    # ------------------------------------------------------------ cycles

    async def _run_cycle(self) -> None:
        """A cycle, and another one if the config was read again meanwhile; none beside one that is not over."""
        if self._cycle and not self._cycle.done() and self._cycle is not asyncio.current_task():
            return
        self._cycle = asyncio.current_task()
        self._again = True
        while self._again and not self._stop.is_set():
            self._again = False
            await self._one_cycle()

    async def _one_cycle(self) -> None:
        done: Cycle | None = None
        try:
            await self._beside.begin(self._app)
            async with _free_cycle(self._app):
                ask = not unseen(self._app)
                done = await cycles.cycle(self._app, scheduled=True, ask=ask)
            if not ask:
                await self._beside.begin(self._app)  # now there is somebody to look for
            self._supervisor.status(_told(done))
        except CardsyncError as error:
            log.error("cycle failed", error=type(error).__name__, what=str(error))  # noqa: TRY400 - a traceback's text may hold names
        except asyncio.CancelledError:  # by ``_drain``; the scheduler would print it as an error of the job
            log.info("cycle cut short")
        except Exception as error:  # the daemon goes on
            log.error("cycle crashed", error=type(error).__name__)  # noqa: TRY400 - a traceback's text may hold names
            log.debug("cycle crashed", exc_info=True)
        if not self._stop.is_set() and self._settings.notify.is_on:
            self._telling = [each for each in self._telling if not each.done()]
            self._telling.append(asyncio.ensure_future(self._tell(done)))  # no cycle waits for a way that hangs

    async def _tell(self, done: Cycle | None) -> None:
        """The owner, of what the cycle came to (None: it did not end), once what was told before is."""
        from cardsync import telling

        try:
            await telling.pinged(self._app, done)
            if not self._ways.locked():
                async with self._ways:
                    self._stuck = await telling.after(self._app, done, self._stuck)
        except asyncio.CancelledError:
            log.info("telling cut short")
        except Exception as error:  # noqa: BLE001 - the daemon goes on
            log.error("the owner is not told", error=type(error).__name__)  # noqa: TRY400 - as above

    async def _drain(self) -> None:
        """End the cycle: at once where it reads, after the write in hand where it writes."""
        if self._cycle and not self._cycle.done():
            self._cycle.cancel()
            await asyncio.wait({self._cycle}, timeout=DRAIN.total_seconds())
        for each in self._telling:
            each.cancel()
        if self._telling:
            await asyncio.wait(self._telling, timeout=DRAIN.total_seconds())

    # ------------------------------------------------------------ config

    def _read_again(self) -> None:
        self._supervisor.reloading()
        try:
            self._take()
        finally:
            self._supervisor.ready()

    def _take(self) -> None:
        try:
            settings = self._reload()
        except ConfigError as error:
            self._keep_old(str(error), *error.problems)
            return
        except Exception as error:  # noqa: BLE001 - a mistake of ours
            self._keep_old(f"a mistake in cardsync itself: {type(error).__name__} at {where(error)}")
            return
        if settings.state_dir != self._settings.state_dir:
            self._keep_old("state_dir cannot change while the daemon runs. Restart it.")
            return
        try:
            self._app.mirror.cycles.set_fact(CONFIG_REFUSED, "")
            for account in settings.accounts:
                self._app.mirror.accounts.forget_discovery(account)
        except StateProblem as error:
            self._keep_old(str(error))
            return
        self._settings = settings
        self._again = True
        self._app = replace(self._app, settings=settings, notice="")
        self._beside.heed(settings)
        if self._scheduler:
            self._schedule(self._scheduler, at_once=True)
        self._opening = asyncio.ensure_future(self._serve_page(after=self._opening))
        log.info("config read again")

    async def _serve_page(self, after: "asyncio.Future[None] | None" = None) -> None:
        """``[http]``, instead of what was served before; where it cannot be opened, cycles go on without it."""
        if after:
            await asyncio.wait({after})
        if self._page:
            await asyncio.to_thread(self._page.close)
            self._page = None
        if self._settings.http.listen is None:
            return
        from cardsync import monitor
        from cardsync.observe.page import Page

        host, port = host_and_port(self._settings.http.listen)
        try:
            token = await asyncio.to_thread(given, ("http",), self._settings.http, "token")
            self._page = await asyncio.to_thread(lambda: Page(host, port, token, monitor.routes(self._app)))
        except CardsyncError as error:
            log.error("the page is not there", what=str(error))  # noqa: TRY400 - a sentence of ours
        else:
            log.info("listening", host=host, port=self._page.port)

    async def _end_page(self) -> None:
        if self._opening:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        if self._page:
            await asyncio.to_thread(self._page.close)

    def _keep_old(self, *problems: str) -> None:
        log.error("config refused, the old one stays", problems=problems)
        with suppress(StateProblem):
            self._app.mirror.cycles.set_fact(CONFIG_REFUSED, f"{self._app.clock():%Y-%m-%d %H:%M} UTC")


def _told(done: Cycle) -> str:
    """One line of counts."""
    asked = sum(report.counts.get("asked", 0) for report in done.reports)
    failed = sum(bool(report.error) for report in done.reports)
    ended = f"Last cycle at {done.started:%Y-%m-%d %H:%M} UTC: {count(asked, 'question')} asked"
    return f"{ended}, {count(failed, 'account')} failed." if failed else f"{ended}."


@asynccontextmanager
async def _free_cycle(app: App) -> AsyncIterator[None]:
    """The lock against `sync`, `restore` and the like of other processes.

    What these queued meanwhile is carried out after it.
    """
    try:
        async with cycle_turn(app.settings.state_dir):
            yield
    finally:
        app.carry_out_waiting()
