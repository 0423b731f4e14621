"""Whether all that should go on goes on: the daemon, its schedule, each account, each source."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from cardsync import needs
from cardsync.app import LONGEST_CYCLE, App
from cardsync.inquiries import names
from cardsync.lock import daemon_since
from cardsync.outcome import PARTIAL
from cardsync.records import CONFIG_REFUSED
from cardsync.schedule import Due
from cardsync.words import count

SLACK = timedelta(minutes=5)
"""How much later than planned a cycle may begin: a busy machine, a cycle of another process before it."""


class State(StrEnum):
    """Of one part; ``NEEDS_YOU`` goes on as far as it can, and nothing but the owner or time mends it."""

    OK = "ok"
    NEEDS_YOU = "needs-you"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part, and one sentence without anybody's name."""

    part: str
    state: State
    detail: str

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What tells whether cycles go on.

    ``running_since``: None where no daemon runs.  ``began``: of a cycle that is under way, ``ended`` of the newest that
    is not.  ``next_latest`` is when the next one begins at the latest (None: never again).
    """

    running_since: datetime | None
    ended: datetime | None
    began: datetime | None
    next_latest: datetime | None


def exit_code(parts: Sequence[Part]) -> int:
    """1 where a part failed, 3 where one needs the owner, else 0."""
    states = {part.state for part in parts}
    return 1 if State.FAILED in states else PARTIAL if State.NEEDS_YOU in states else 0


def daemon(times: Times, now: datetime) -> Part:
    """Whether a daemon runs, and begins cycles as planned."""
    if times.running_since is None:
        return _NONE_RUNS
    since = f"runs since {_minute(times.running_since)}"
    if times.began:
        busy = now - times.began
        state = State.FAILED if busy > LONGEST_CYCLE + SLACK else State.OK
        detail = f"It {since}; a cycle is under way since {_minute(times.began)}."
        return Part(part="daemon", state=state, detail=detail)
    if times.next_latest and now > times.next_latest + SLACK:
        late = f"a cycle was due by {_minute(times.next_latest)} and did not end"
        return Part(part="daemon", state=State.FAILED, detail=f"It {since}, but {late}. Restart it, and read its log.")
    ended = f"last cycle {_minute(times.ended)}" if times.ended else "no cycle yet"
    return Part(part="daemon", state=State.OK, detail=f"It {since}; {ended}.")


def runs(state: Path) -> Part:
    """Whether a daemon runs, where the config cannot tell when its cycles are due."""
    since = daemon_since(state)
    if since is None:
        return _NONE_RUNS
    detail = f"It runs since {_minute(since)}, by an older config: cardsync config check."
    return Part(part="daemon", state=State.OK, detail=detail)


_NONE_RUNS = Part(part="daemon", state=State.FAILED, detail="No daemon runs on state_dir: cardsync run.")


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


# ---------------------------------------------------------------- what the state directory tells


def parts(app: App, *, only_daemon: bool = False) -> list[Part]:
    """All parts, the daemon first."""
    running = daemon(times_of(app), app.clock())
    return [running] if only_daemon else [running, _config(app), *_accounts(app), *_sources(app)]


def times_of(app: App) -> Times:
    """As the lock, the config and the mirror tell them."""
    now, last, since = app.clock(), app.mirror.cycles.last(), daemon_since(app.settings.state_dir)
    since = min(since, now) if since else None  # the clock may have been ahead
    schedule, ended = app.settings.schedule, min(last["finished_at"], now) if last else None
    begun = app.mirror.cycles.begun()
    counted_from = max((at for at in (since, ended) if at), default=None)
    planned = Due(schedule, app.zone).latest(counted_from) if counted_from else None
    if since and schedule.run_on_start and (ended is None or ended < since):
        planned = since
    return Times(
        running_since=since, ended=ended, began=begun[0] if begun and _lives(begun[1]) else None, next_latest=planned
    )


def _lives(pid: int) -> bool:
    """Whether the process that began the cycle is still there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _config(app: App) -> Part:
    """What is in the config and nowhere else, and so of no account: a list that nobody is in."""
    refused = app.mirror.cycles.fact(CONFIG_REFUSED)
    if refused and daemon_since(app.settings.state_dir):
        detail = (
            f"It was changed and refused, and the daemon goes on by the old one, since {refused}: its log tells why."
        )
        return Part(part="config", state=State.NEEDS_YOU, detail=detail)
    empty = [row for row in needs.all_of(app) if row["kind"] == needs.EMPTY_GROUP]
    if not empty:
        seen = any(app.mirror.accounts.synced_at(name) for name in app.settings.accounts)
        told = "Each list that it names has somebody in it." if seen else "Its lists are looked for in the first cycle."
        return Part(part="config", state=State.OK, detail=told)
    detail = f"{count(len(empty), 'list')} with nobody in it: cardsync status --problems."
    return Part(part="config", state=State.NEEDS_YOU, detail=detail)


def _accounts(app: App) -> Iterator[Part]:
    """Each account: when it was synced last, and how many problems of which kind wait for the owner."""
    found = needs.all_of(app)
    for name in app.settings.accounts:
        kinds = Counter(row["kind"] for row in found if row["account"] == name and row["kind"] != needs.SOURCE)
        synced = app.mirror.accounts.synced_at(name)
        last = f"last synced {_minute(synced)}" if synced else "never synced"
        told = ", ".join(kind if n == 1 else f"{n} x {kind}" for kind, n in sorted(kinds.items()))
        detail = f"{last}; {told}: cardsync status --problems." if told else f"{last}."
        state = State.NEEDS_YOU if told or not synced else State.OK
        yield Part(part=f"account {name}", state=state, detail=detail[0].upper() + detail[1:])


def _sources(app: App) -> Iterator[Part]:
    """Each source of evidence that is on."""
    failed = {row["account"] for row in needs.sources(app)}
    for name in names(app.settings):
        state = State.NEEDS_YOU if name in failed else State.OK
        detail = "It failed: cardsync sources." if name in failed else "No failure at its last run."
        yield Part(part=f"source {name}", state=state, detail=detail)
