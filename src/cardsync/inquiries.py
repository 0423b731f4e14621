"""The sources of evidence that the config names: built here and nowhere else, each with what it may know."""

import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from cardsync.errors import CardsyncError, ConfigError
from cardsync.settings.model import Settings
from cardsync.settings.sources import Sources
from cardsync.settings.table import Table, keys_of

if TYPE_CHECKING:
    from cardsync.assess.domains import Domains
    from cardsync.sources import Source

GROUP = "cardsync.sources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A source of the config; ``error`` is why it cannot be used."""

    name: str
    source: "Source | None" = None
    error: str = ""
    plugin: bool = False


def named(settings: Settings, but: Container[str] = ()) -> Iterator[Named]:
    """All that the config names, in its model's order, plug-ins last; one that cannot be built stops no other.

    ``but``: those that the caller has.
    """
    return (build() for name, build in _ways(settings).items() if name not in but)


def one_named(settings: Settings, name: str) -> Named | None:
    """The one of that name, and no other is built; None where the config does not name it."""
    build = _ways(settings).get(name)
    return build() if build else None


def names(settings: Settings) -> tuple[str, ...]:
    """The names of all; none is built."""
    return tuple(_ways(settings))


def _ways(settings: Settings) -> Mapping[str, Callable[[], Named]]:
    """By name: what builds it."""
    tables = {name: getattr(settings.sources, name) for name in keys_of(Sources) if name != "plugins"}
    own = {
        name: partial(_built, name, partial(_BUILDERS[name], table, settings), plugin=False)
        for name, table in tables.items()
        if table is not None
    }
    plugins = settings.sources.plugins.items()
    return own | {
        name: partial(_built, name, partial(_plugin, name, given), plugin=True)
        for name, given in plugins
        if name not in own
    }


def _built(name: str, build: Callable[[], "Source"], *, plugin: bool) -> Named:
    try:
        return Named(name=name, source=build(), plugin=plugin)
    except CardsyncError as error:
        return Named(name=name, error=str(error), plugin=plugin)
    except Exception as error:  # noqa: BLE001 - a plug-in's constructor is not ours; its text may hold a secret
        return Named(name=name, error=f"It could not be built ({type(error).__name__}).", plugin=plugin)


def _plugin(name: str, options: Mapping[str, Any]) -> "Source":
    from importlib.metadata import entry_points

    from cardsync.evidence.checked import checked_about
    from cardsync.sources import API_VERSION

    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        there = ", ".join(sorted({entry.name for entry in entry_points(group=GROUP)})) or "none"
        raise ConfigError(f"No package here has a source of that name; installed: {there}.")
    source: Source = found[0].load()(options)
    if wrong := checked_about(source.about):
        raise ConfigError(f"A mistake in this source: {wrong}.")
    if source.about.api_version != API_VERSION:
        raise ConfigError(f"It was made for version {source.about.api_version} of the seam; this is {API_VERSION}.")
    if source.about.name != name:
        raise ConfigError("It calls itself by another name than its entry point.")
    return source


@dataclass(slots=True, kw_only=True)
class _Secret:
    """A password or token, read when its source needs it, in that one's thread, and kept for one run of looks."""

    name: str
    table: Table
    key: str
    _said: str = field(default="", repr=False)
    _until: float = 0.0

    def __call__(self) -> str:
        """Raises ``SourceFailed``."""
        from cardsync.settings import secrets
        from cardsync.sources import SourceFailed

        if not self._said or time.monotonic() >= self._until:
            try:
                self._said = secrets.given(("sources", self.name), self.table, self.key) or ""
            except ConfigError as error:
                raise SourceFailed(str(error)) from None
            self._until = time.monotonic() + _KEPT.total_seconds()
        return self._said


_KEPT = timedelta(minutes=10)


# ---------------------------------------------------------------- built in; each is imported when it is used


def _mailbox(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.mailbox import Mailbox, MailboxOptions

    options = MailboxOptions(
        host=table.host,
        port=table.port,
        username=table.username,
        password=_Secret(name="mailbox", table=table, key="password"),
        tls=table.tls,
        ca_file=table.ca_file,
        folders=table.folders,
        since=table.since,
        authserv_id=table.authserv_id,
    )
    return Mailbox(options, aliases=settings.organisations.aliases, domains=_domains(settings))


def _calendar(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.caldav_objects import CalendarOptions
    from cardsync.evidence.calendar import Calendar

    options = CalendarOptions(
        url=table.url if "://" in table.url else f"https://{table.url}",
        username=table.username,
        password=_Secret(name="calendar", table=table, key="password"),
        since=table.since,
        ca_file=table.ca_file,
        allow_http=table.allow_http,
        addresses=table.addresses,
    )
    return Calendar(options, aliases=settings.organisations.aliases, domains=_domains(settings))


def _linkedin(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.linkedin_export import LinkedInExport, LinkedInOptions

    return LinkedInExport(LinkedInOptions(folder=table.folder), aliases=settings.organisations.aliases)


def _dns(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.dns import Dns, DnsOptions

    return Dns(DnsOptions(nameservers=table.nameservers, doh_url=table.doh_url))


def _web(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.web import WebPages

    return WebPages(aliases=settings.organisations.aliases, domains=_domains(settings))


def _github(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.github import GitHub, GitHubOptions

    return GitHub(GitHubOptions(token=_token("github", table)), aliases=settings.organisations.aliases)


def _orcid(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.orcid import Orcid

    return Orcid(aliases=settings.organisations.aliases)


def _gravatar(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.gravatar import Gravatar, GravatarOptions

    return Gravatar(GravatarOptions(key=_token("gravatar", table)), aliases=settings.organisations.aliases)


def _gleif(table: Any, settings: Settings) -> "Source":
    from cardsync.evidence.gleif import Gleif

    return Gleif(aliases=settings.organisations.aliases)


def _token(name: str, table: Any) -> _Secret | None:
    from cardsync.settings.secrets import is_given

    return _Secret(name=name, table=table, key="token") if is_given(table, "token") else None


def _domains(settings: Settings) -> "Domains":
    return settings.organisations.domains


_BUILDERS: Mapping[str, Callable[[Any, Settings], "Source"]] = {
    "mailbox": _mailbox,
    "calendar": _calendar,
    "linkedin_export": _linkedin,
    "dns": _dns,
    "web": _web,
    "github": _github,
    "orcid": _orcid,
    "gravatar": _gravatar,
    "gleif": _gleif,
}
