"""Consult the sources of the config about the VIPs that the mirror knows: beside the cycles, never in their way."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cardsync.app import App
from cardsync.clock import NEVER_BEFORE
from cardsync.errors import StateProblem
from cardsync.inquiries import Named, named, names
from cardsync.logs import get_logger
from cardsync.mirror.evidence import SCANNED
from cardsync.model import Contact
from cardsync.settings.model import Settings
from cardsync.settings.secrets import print_of
from cardsync.settings.sources import Sources
from cardsync.settings.table import Table, keys_of
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan

if TYPE_CHECKING:
    from cardsync.evidence.http import GuardedClient
    from cardsync.evidence.stage import Counts
    from cardsync.sources import Source, Subject

log = get_logger("cardsync.evidence")
_FAILED_WITH = "source failed with "
HEAD_START = timedelta(seconds=5)
"""What a cycle waits for the sources that are quick; the others go on beside it, and count in the next one."""


async def consult(app: App, sources: Iterable[Named] | None = None) -> "dict[str, Counts]":
    """One run on its own; see ``Holding.consult``.  ``sources``: others than the config's."""
    holding = Holding(app.settings, sources)
    try:
        return await holding.consult(app)
    finally:
        await holding.aclose()


class Holding:
    """The sources of one config and their client, held from run to run: they remember pages, robots.txt and pauses.

    ``sources``: others than the config's.
    """

    def __init__(self, settings: Settings, sources: Iterable[Named] | None = None) -> None:
        self.settings = settings
        self._given = sources is not None
        self._named = {each.name: each for each in sources or ()}
        self._monthly: dict[str, int] = {}  # the client's too
        self._guard: GuardedClient | None = None
        self._open = AsyncExitStack()

    async def aclose(self) -> None:
        """Close the client."""
        await self._open.aclose()

    async def consult(self, app: App, *, at_once: bool = False) -> "dict[str, Counts]":
        """All sources at once, each on its own; by name what they did.  Raises nothing of theirs, but ``StateProblem``.

        ``app`` is of the same settings and mirror each time.  ``at_once``: somebody waits for what is new at home, so
        the private ones are asked though they are not due.
        """
        if app.clock() < NEVER_BEFORE:
            log.warning("sources not asked, the clock is not set yet")
            return {}
        await self._heed_changes(app)
        usable = await self._usable(app)
        if not usable:
            return {}
        self._monthly |= {name: source.about.monthly for name, source in usable.items()}
        if self._guard is None:
            self._guard = await self._open.enter_async_context(app.guard(self._monthly))
        from cardsync.evidence.stage import Consult

        vips = known_vips(app)
        runs = {
            name: Consult(
                mirror=app.mirror,
                source=source,
                guard=self._guard,
                vips=vips,
                hosts=hosts_of,
                clock=app.clock,
                aliases=app.settings.organisations.aliases,
                domains=app.settings.organisations.domains,
                at_once=at_once and source.about.private,
            ).run()
            for name, source in usable.items()
        }
        done = dict(zip(runs, await _all(runs.values()), strict=True))
        await self._remember_failures(app)
        return done

    async def _heed_changes(self, app: App) -> None:
        """A source that failed under other settings, or another file with its password, is asked at once."""
        for name, print_ in (await self._prints(app)).items():
            if (before := app.mirror.cycles.fact(f"{_FAILED_WITH}{name}")) and before != print_:
                app.mirror.evidence.try_again(name)
                app.mirror.cycles.set_fact(f"{_FAILED_WITH}{name}", "")

    async def _remember_failures(self, app: App) -> None:
        for name, print_ in (await self._prints(app)).items():
            app.mirror.cycles.set_fact(f"{_FAILED_WITH}{name}", print_)

    async def _prints(self, app: App) -> dict[str, str]:
        """Of those that failed at their last run."""
        tables = {name: getattr(self.settings.sources, name, None) for name in names(self.settings)}
        failed = {
            name: table
            for name, table in tables.items()
            if isinstance(table, Table) and app.mirror.evidence.state(name, app.clock()).error
        }
        salt = app.mirror.cycles.salt()
        return {name: await asyncio.to_thread(print_of, table, salt) for name, table in failed.items()}

    async def _usable(self, app: App) -> "dict[str, Source]":
        if not self._given:
            # in a thread, since a password command may take its time
            self._named |= await asyncio.to_thread(_built, self.settings, self._well(app))
        for each in self._named.values():
            if each.error:
                app.mirror.evidence.failed(each.name, app.clock(), each.error, app.clock())
                log.warning("source not usable", source=each.name)
        return {each.name: each.source for each in self._named.values() if each.source}

    def _well(self, app: App) -> frozenset[str]:
        """Those that need not be built anew: of one that failed, a key or file may have been set right meanwhile."""
        state, now = app.mirror.evidence.state, app.clock()
        return frozenset(name for name, each in self._named.items() if each.source and not state(name, now).error)


def _built(settings: Settings, but: frozenset[str]) -> dict[str, Named]:
    return {each.name: each for each in named(settings, but)}


async def _all(runs: "Iterable[Coroutine[Any, Any, Counts]]") -> "list[Counts]":
    """None goes on alone: where one cannot write, or we stumble, the others end before the client is closed."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run) for run in runs]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def known_vips(app: App) -> dict[int, Contact]:
    """By contact, the VIPs of the accounts and groups of the config, but those of whom the owner wants no questions."""
    wanted = set(app.settings.groups)
    found: dict[int, Contact] = {}
    for account in app.settings.accounts:
        for book in app.mirror.books.of(account):
            for card in app.mirror.books.cards_of(book.id, app.mirror.contacts.ids(book.id)):
                if wanted.intersection(card.groups) and app.mirror.moves.is_wanted(card.contact_id):
                    found[card.contact_id] = contact_of(scan(card.data))
    return found


def unseen(app: App) -> bool:
    """Whether a source that looks at all contacts at once, as mailbox and calendar do, has not looked yet."""
    wanted = [name for name in SCANS if getattr(app.settings.sources, name, None)]
    left = [name for name in wanted if not app.mirror.cycles.fact(f"{SCANNED}{name}")]
    return any(not app.mirror.evidence.state(name, app.clock()).error for name in left)


SCANS = ("mailbox", "calendar", "linkedin_export")
"""The sources for whose first look the first question waits."""


def hosts_of(subject: "Subject") -> frozenset[str]:
    """Which hosts of hers a source may visit."""
    from cardsync.evidence.vetting import hosts_on

    return hosts_on(subject)


# ---------------------------------------------------------------- beside the cycles


class Beside:
    """The one run of the sources that may be under way; sources and client are held until the config is another."""

    def __init__(self) -> None:
        self._task: asyncio.Task[dict[str, Counts]] | None = None
        self._holding: Holding | None = None

    def heed(self, settings: Settings) -> None:
        """A run under another config ends: nothing more is asked that the owner no longer wants asked."""
        if self._holding and self._holding.settings != settings:
            self.stop()
            log.info("sources stopped, the config changed")

    async def begin(self, app: App, wait: timedelta = HEAD_START, *, at_once: bool = False) -> None:
        """Begin a run unless one of this config goes on; give it ``wait`` before the cycle.  ``at_once``: as above."""
        if self._holding and self._holding.settings != app.settings:
            await self.end(timedelta())
        if not any(_configured(app)):
            return
        self._holding = self._holding or Holding(app.settings)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(_guarded(self._holding, app, at_once=at_once))
        await asyncio.wait({self._task}, timeout=wait.total_seconds())

    def stop(self) -> None:
        """End the run at once, for who cannot wait: no source is asked any more, and what it wrote down stays."""
        if self._task:
            self._task.cancel()

    async def end(self, wait: timedelta) -> "Mapping[str, Counts]":
        """What the run did; after ``wait`` it is cut off, and what it wrote down stays.  The client is closed."""
        task, self._task = self._task, None
        holding, self._holding = self._holding, None
        try:
            return await _ended(task, wait) if task else {}
        finally:
            if holding:
                await holding.aclose()


async def _ended(task: "asyncio.Task[dict[str, Counts]]", wait: timedelta) -> "Mapping[str, Counts]":
    await asyncio.wait({task}, timeout=wait.total_seconds())
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    return {} if task.cancelled() else task.result()


async def _guarded(holding: Holding, app: App, *, at_once: bool) -> "dict[str, Counts]":
    try:
        return await holding.consult(app, at_once=at_once)
    except StateProblem as error:
        log.error("sources not asked", error=type(error).__name__, what=str(error))  # noqa: TRY400 - a sentence for the owner
        return {}
    except Exception as error:  # noqa: BLE001 - a mistake of ours in the evidence must not stop a cycle
        log.error("sources crashed", error=type(error).__name__)  # noqa: TRY400 - a traceback's text may hold names
        return {}


def _configured(app: App) -> Iterable[object]:
    return (table for name in keys_of(Sources) if (table := getattr(app.settings.sources, name)))
