"""``[sources.*]``: a source is on when its table is there."""

from datetime import timedelta
from typing import Annotated, get_args

from cardsync.settings import values as v
from cardsync.settings.logins import MailServer, Private, Token
from cardsync.settings.table import Table, key, keys_of


class Mailbox(MailServer):
    """Your own mail: who wrote, and what bounced.  Reads header fields and delivery reports; nothing leaves."""

    folders: Annotated[v.Texts, v.Rule(allowed='a list of folders as ["INBOX"]', not_empty=True)] = key(
        default=("INBOX",), description="Folders to read."
    )
    since: v.LongDuration = key(default=timedelta(days=365), description="How far back the first scan goes.")
    authserv_id: v.OptionalText = key(
        default=None,
        description="Name under which your own server notes its checks: the first word of Authentication-Results in"
        " your mail. Needed.",
        examples=["mx.example.org"],
    )


class Calendar(Private):
    """Your own calendars: who answered an invitation, and from which address.  Nothing leaves."""

    url: v.ServerAddress = key(
        description="Address of the CalDAV server.", examples=["https://dav.example.org/calendars/me/"]
    )
    allow_http: v.Switch = key(default=False, description="Allow http://, which sends the password for all to read.")
    since: v.LongDuration = key(default=timedelta(days=180), description="How far back the first look goes.")
    addresses: Annotated[tuple[v.MailAddress, ...], v.Rule(allowed='a list of addresses as ["me@example.org"]')] = key(
        default=(),
        description="Mail addresses under which you invite, if the server does not know them.",
        examples=[["me@example.org"]],
    )


class LinkedInExport(Table):
    """A folder for the ``Connections.csv`` of LinkedIn's own export.  Nothing leaves."""

    folder: v.AbsolutePath = key(description="The folder where you drop the file.", examples=["/config/linkedin"])


class Dns(Table):
    """Whether the domains of the work e-mails exist and take mail.  Sends the domains to your resolver."""

    nameservers: Annotated[tuple[v.IpAddress, ...], v.Rule(allowed='a list of addresses as ["192.0.2.53"]')] = key(
        default=(), description="Addresses of resolvers; empty: those of this machine.", examples=[["192.0.2.53"]]
    )
    doh_url: Annotated[str | None, v.WEB_ADDRESS] = key(
        default=None,
        description="A resolver over HTTPS (JSON) instead.",
        examples=["https://cloudflare-dns.com/dns-query"],
    )


class Web(Table):
    """Visits the sites of the work domains and the pages on the cards, once a month, as their robots.txt allows."""


class GitHub(Token):
    """Profiles whose URL is on the card.  Sends their names to api.github.com."""


class Orcid(Table):
    """Employments of researchers whose ORCID iD is on the card.  Sends the iD to pub.orcid.org."""


class Gravatar(Token):
    """Profiles by e-mail.  Sends a hash of each address to api.gravatar.com, and such a hash can be guessed."""


class Gleif(Table):
    """The register of legal entities.  Sends the names of the organisations to api.gleif.org."""


class Sources(Table):
    """Evidence from beside the card; each source is off until its table is here."""

    mailbox: Mailbox | None = key(default=None)
    calendar: Calendar | None = key(default=None)
    linkedin_export: LinkedInExport | None = key(default=None)
    dns: Dns | None = key(default=None)
    web: Web | None = key(default=None)
    github: GitHub | None = key(default=None)
    orcid: Orcid | None = key(default=None)
    gravatar: Gravatar | None = key(default=None)
    gleif: Gleif | None = key(default=None)
    plugins: Annotated[dict[str, dict[str, v.Json]], v.Rule(allowed="tables [sources.plugins.NAME]")] = key(
        default_factory=dict,
        description="Sources of other packages, by entry point. A plug-in is code, and no sandbox holds it.",
    )


def sends_of(name: str) -> str:
    """What a source is and sends, in a line or two."""
    table = get_args(keys_of(Sources)[name].annotation)[0]  # of ``Table | None``
    return " ".join((table.__doc__ or "").replace("``", "").split())
