"""Looking at the sources: how each stands, and a try of one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from cardsync.app import App
from cardsync.assess.evidence import sentence
from cardsync.errors import NoSuchName, StateProblem
from cardsync.evidence.checked import checked
from cardsync.evidence.subjects import subject
from cardsync.inquiries import Named, named, names, one_named
from cardsync.model import Evidence
from cardsync.settings.sources import Sources, sends_of
from cardsync.settings.table import keys_of
from cardsync.sources import ANY_HOST, Page, SourceFailed, Web


def listed(app: App) -> list[dict[str, Any]]:
    """Every source, on or off, for ``cardsync sources``."""
    counts, on = app.mirror.evidence.counts(), {each.name: each for each in named(app.settings)}
    rows = [_row(app, each, counts.get(each.name, 0)) for each in on.values()]
    off = [name for name in _OWN if name not in on]
    return rows + [{**_OFF, "name": name, "sends": sends_of(name), "evidence": counts.get(name, 0)} for name in off]


_OWN = [name for name in keys_of(Sources) if name != "plugins"]
_OFF: dict[str, Any] = {
    "on": False, "plugin": False, "private": None, "hosts": [], "monthly": 0, "used": 0,
    "last_run": None, "not_before": None, "evidence": 0, "error": "",
}  # fmt: skip


def _row(app: App, each: Named, evidence: int) -> dict[str, Any]:
    state, about = app.mirror.evidence.state(each.name, app.clock()), each.source.about if each.source else None
    return {
        "name": each.name,
        "on": True,
        "plugin": each.plugin,
        "private": about.private if about else None,
        "sends": about.sends if about else "",
        "hosts": ["the hosts on the cards" if host == ANY_HOST else host for host in (about.hosts if about else ())],
        "monthly": about.monthly if about else 0,
        "used": state.used,
        "last_run": state.last_run.isoformat() if state.last_run else None,
        "not_before": state.not_before.isoformat() if state.not_before else None,
        "evidence": evidence,
        "error": each.error or state.error,
    }


def _not_on(name: str, on: Sequence[str]) -> str:
    """Why a source cannot be tried, and what to do."""
    if name in _OWN:
        others = ", ".join(on) or "none"
        return f"The source {name} is off; on are: {others}. A table [sources.{name}] in the config turns it on."
    near = next((own for own in [*on, *_OWN] if own.startswith(name)), None)
    near = near or next(iter(get_close_matches(name, [*on, *_OWN], n=1)), None)
    hint = f"Did you mean {near}?" if near else f"There are: {', '.join([*_OWN, *(set(on) - set(_OWN))])}."
    return f"No source has the name {name}. {hint} A plug-in's table is [sources.plugins.NAME]."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a try of one source gave; ``found`` by contact, as ``--json`` shows it."""

    looked: int = 0
    found: tuple[tuple[int, dict[str, Any]], ...] = ()
    error: str = ""


async def tried(app: App, name: str, contact_id: int | None) -> Tried:
    """Ask one source about one contact (a scanning one about all), and keep nothing.

    Raises ``NoSuchName``, ``StateProblem``.
    """
    from cardsync.consulting import hosts_of, known_vips

    chosen = one_named(app.settings, name)
    if chosen is None:
        raise NoSuchName(_not_on(name, names(app.settings)))
    if chosen.source is None:
        return Tried(error=chosen.error)
    source, vips = chosen.source, known_vips(app)
    able = [found for id_, contact in vips.items() if (found := subject(id_, contact, source.about.needs))]
    if contact_id is not None:
        able = [each for each in able if each.id == contact_id]
    if not vips and not app.mirror.cycles.last():
        return Tried(error="No cycle has read the VIPs yet: cardsync sync.")
    if not able:
        return Tried(error="Nobody in the list has on the card what it looks for.")
    subjects = able if source.about.scans else able[:1]
    async with app.guard({name: source.about.monthly}) as guard:
        try:
            web = _Afresh(guard.bound(source.about, hosts_of(subjects[0]) if not source.about.scans else frozenset()))
            got = checked(await source.look(subjects, {}, web, app.clock()), name)
        except StateProblem:  # of the database: none of the source's
            raise
        except SourceFailed as error:
            return Tried(looked=len(subjects), error=str(error))
        except Exception as error:  # noqa: BLE001 - a plug-in's fault; its text may hold what it was shown
            return Tried(looked=len(subjects), error=f"It stumbled ({type(error).__name__}): a mistake in this source.")
    return Tried(looked=len(subjects), found=tuple((id_, shown(each)) for id_, each in got.evidence))


@dataclass(frozen=True, slots=True)
class _Afresh:
    """``Web`` without conditions: what a try read is kept nowhere, so that "not modified since" would hide it."""

    web: Web

    async def get(
        self, url: str, *, accept: str, headers: Mapping[str, str] | None = None, key: str = ""
    ) -> Page | None:
        return await self.web.get(url, accept=accept, headers=headers)


def shown(each: Evidence) -> dict[str, Any]:
    """A piece of evidence as ``--json`` has it."""
    moments = ("observed_at", "first_observed_at", "happened_at", "asserted_at", "valid_from", "valid_to")
    return {
        "sentence": sentence(each),
        **{key: value.isoformat() if key in moments and value else value for key, value in asdict(each).items()},
    }
