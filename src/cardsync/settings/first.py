"""The first config: what ``cardsync init`` writes, from a provider's habits and the owner's answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cardsync.settings.toml import toml_key, toml_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """``url`` may hold ``{host}``, which is asked for.  ``wants``: which kind of password, and where it is made."""

    url: str
    login: str
    wants: str


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "icloud": Provider(
            url="https://contacts.icloud.com",
            login="Apple account (mail address)",
            wants="an app-specific password: account.apple.com, Sign-In and Security, App-Specific Passwords",
        ),
        "fastmail": Provider(
            url="https://carddav.fastmail.com/",
            login="Fastmail address",
            wants="an app password for contacts: Settings, Privacy & Security, App passwords",
        ),
        "nextcloud": Provider(
            url="https://{host}/remote.php/dav/",
            login="Nextcloud user name",
            wants="an app password: Settings, Security, Devices & sessions",
        ),
        "mailbox": Provider(
            url="https://dav.mailbox.org/carddav/",
            login="mailbox.org address",
            wants="the password, or an application password where two-factor login is on",
        ),
        "synology": Provider(
            url="https://{host}/carddav/", login="Synology user name", wants="the password of that user"
        ),
        "other": Provider(url="{host}", login="user name", wants="the password, or an app password"),
    }
)
"""By the word that the owner types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """All that the config says; ``secret`` is the key of one form of password with its value."""

    account: str
    url: str
    username: str
    secret: tuple[str, str | Sequence[str]]
    state_dir: str
    groups: Sequence[str]
    language: str = "en"
    ca_file: str = ""
    allow_http: bool = False


def address_of(provider: str, given: str) -> str:
    """The URL of the server; what the owner gave may be a host or a whole URL."""
    if "://" in given:
        return given
    return PROVIDERS[provider].url.format(host=given) if given else PROVIDERS[provider].url


def text_of(first: First, books: Iterable[str] = (), others: Iterable[str] = ()) -> str:
    """The file; ``books`` are those of the account, ``others`` the lists on the phone that are not in it."""
    return "\n".join([*_head(first), *_account(first, books), *_groups(first.groups, others), *_rest(first), ""])


def _head(first: First) -> list[str]:
    return [
        "# The config of cardsync, begun by: cardsync init. Every key there is: cardsync config sample",
        "# After an edit: cardsync config check; a daemon reads it again on SIGHUP.",
        f"state_dir = {toml_value(first.state_dir)}    # database, backups, lock",
        "",
    ]


def _account(first: First, books: Iterable[str]) -> list[str]:
    key, value = first.secret
    lines = [
        f"[accounts.{toml_key(first.account)}]",
        f"url = {toml_value(first.url)}",
        f"username = {toml_value(first.username)}",
        f"{key} = {toml_value(value)}",
    ]
    if first.ca_file:
        lines.append(f"ca_file = {toml_value(first.ca_file)}    # certificate authority of your own")
    if first.allow_http:
        lines.append("allow_http = true    # the password crosses your network for all to read")
    names = list(books)
    if len(names) > 1:
        lines.append(f"#address_books = {toml_value(names)}    # only some of them; without this key all")
    return [*lines, ""]


def _groups(groups: Sequence[str], others: Iterable[str]) -> list[str]:
    lines = ["# The lists on the phone whose members are asked about."]
    for name in groups:
        lines += [
            f"[groups.{toml_key(name)}]",
            '#stratum = "technology"    # how long jobs last there: general, technology, management ...',
            "#weight = 1.0    # how much this list matters beside others",
            "",
        ]
    more = list(others)
    return [*lines, *([f"# There are also: {', '.join(map(toml_value, more))}", ""] if more else [])]


def _rest(first: First) -> list[str]:
    return [
        "[reminders]",
        f"language = {toml_value(first.language)}    # of the questions: en, de, fr, es, pt",
        '#label = "VIPcheck"    # their first word: search for it on the phone',
        "#max_new_per_day = 1",
        "#max_new_per_week = 3",
        "",
        "[schedule]",
        '#sync = "15m"    # or a cron expression',
        '#timezone = "Europe/Berlin"',
    ]
