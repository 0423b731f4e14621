"""``[sources.*]``: a source is on when its table is there."""

from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import Field, JsonValue

from cardsync.settings import values as v
from cardsync.settings.table import Table


class Private(Table):
    """A login on a server of the owner's own."""

    username: v.OptionalText = Field(default=None, description="Login name.", examples=["me@example.org"])
    password: v.Secret = Field(default=None, description="The password itself.", examples=["xxxx-xxxx"])
    password_file: v.OptionalPath = Field(
        default=None, description="File with the password in its first line.", examples=["/run/secrets/mail"]
    )
    password_command: v.OptionalArgv = Field(
        default=None, description="Command that prints the password, run without a shell.", examples=[["pass", "mail"]]
    )
    password_env_file: v.OptionalPath = Field(
        default=None,
        description="File of NAME=value lines with CARDSYNC_SOURCES__NAME__PASSWORD in it.",
        examples=["/run/secrets/cardsync.env"],
    )
    ca_file: v.OptionalPath = Field(
        default=None, description="Certificates to trust, for a server of your own.", examples=["/config/home-ca.pem"]
    )


class Mailbox(Private):
    """Your own mail: who wrote, and what bounced.  Reads header fields and delivery reports; nothing leaves."""

    host: v.Host = Field(description="The IMAP server.", examples=["imap.example.org"])
    port: Annotated[int | None, v.Allowed("a port from 1 to 65535")] = Field(
        default=None,
        strict=True,
        ge=1,
        le=65535,
        description="Its port; 993, or 143 where TLS begins later.",
        examples=[993],
    )
    tls: Literal["tls", "starttls", "none"] = Field(
        default="tls", description='How the connection is kept private; "none" sends the password for all to read.'
    )
    folders: Annotated[v.Texts, v.Allowed('a list of folders as ["INBOX"]')] = Field(
        default=("INBOX",), min_length=1, description="Folders to read."
    )
    since: v.LongDuration = Field(default=timedelta(days=365), description="How far back the first scan goes.")
    authserv_id: v.OptionalText = Field(
        default=None,
        description="Name under which your own server notes its checks: the first word of Authentication-Results in"
        " your mail. Needed.",
        examples=["mx.example.org"],
    )


class Calendar(Private):
    """Your own calendars: who answered an invitation, and from which address.  Nothing leaves."""

    url: v.ServerAddress = Field(
        description="Address of the CalDAV server.", examples=["https://dav.example.org/calendars/me/"]
    )
    allow_http: v.Switch = Field(default=False, description="Allow http://, which sends the password for all to read.")
    since: v.LongDuration = Field(default=timedelta(days=180), description="How far back the first look goes.")
    addresses: Annotated[tuple[v.MailAddress, ...], v.Allowed('a list of addresses as ["me@example.org"]')] = Field(
        default=(),
        description="Mail addresses under which you invite, if the server does not know them.",
        examples=[["me@example.org"]],
    )


class LinkedInExport(Table):
    """A folder for the ``Connections.csv`` of LinkedIn's own export.  Nothing leaves."""

    folder: v.AbsolutePath = Field(description="The folder where you drop the file.", examples=["/config/linkedin"])


class Dns(Table):
    """Whether the domains of the work e-mails exist and take mail.  Sends the domains to your resolver."""

    nameservers: Annotated[tuple[v.IpAddress, ...], v.Allowed('a list of addresses as ["192.0.2.53"]')] = Field(
        default=(), description="Addresses of resolvers; empty: those of this machine.", examples=[["192.0.2.53"]]
    )
    doh_url: v.OptionalText = Field(
        default=None,
        description="A resolver over HTTPS (JSON) instead.",
        examples=["https://cloudflare-dns.com/dns-query"],
    )


class Web(Table):
    """Visits the sites of the work domains and the pages on the cards, once a month, as their robots.txt allows."""


class GitHub(Table):
    """Profiles whose URL is on the card.  Sends their names to api.github.com."""

    token: v.Secret = Field(default=None, description="Any token without scopes lifts the limit.", examples=["xxxx"])
    token_file: v.OptionalPath = Field(
        default=None, description="File with the token in its first line.", examples=["/run/secrets/github"]
    )
    token_command: v.OptionalArgv = Field(
        default=None, description="Command that prints the token, run without a shell.", examples=[["pass", "github"]]
    )
    token_env_file: v.OptionalPath = Field(
        default=None,
        description="File of NAME=value lines with CARDSYNC_SOURCES__GITHUB__TOKEN in it.",
        examples=["/run/secrets/cardsync.env"],
    )


class Orcid(Table):
    """Employments of researchers whose ORCID iD is on the card.  Sends the iD to pub.orcid.org."""


class Gravatar(Table):
    """Profiles by e-mail.  Sends a hash of each address to api.gravatar.com, and such a hash can be guessed."""

    token: v.Secret = Field(default=None, description="The key of a free account.", examples=["xxxx"])
    token_file: v.OptionalPath = Field(
        default=None, description="File with the key in its first line.", examples=["/run/secrets/gravatar"]
    )
    token_command: v.OptionalArgv = Field(
        default=None, description="Command that prints the key, run without a shell.", examples=[["pass", "gravatar"]]
    )
    token_env_file: v.OptionalPath = Field(
        default=None,
        description="File of NAME=value lines with CARDSYNC_SOURCES__GRAVATAR__TOKEN in it.",
        examples=["/run/secrets/cardsync.env"],
    )


class Gleif(Table):
    """The register of legal entities.  Sends the names of the organisations to api.gleif.org."""


class Sources(Table):
    """Evidence from beside the card; each source is off until its table is here."""

    mailbox: Mailbox | None = Field(default=None)
    calendar: Calendar | None = Field(default=None)
    linkedin_export: LinkedInExport | None = Field(default=None)
    dns: Dns | None = Field(default=None)
    web: Web | None = Field(default=None)
    github: GitHub | None = Field(default=None)
    orcid: Orcid | None = Field(default=None)
    gravatar: Gravatar | None = Field(default=None)
    gleif: Gleif | None = Field(default=None)
    plugins: Annotated[dict[str, dict[str, JsonValue]], v.Allowed("tables [sources.plugins.NAME]")] = Field(
        default_factory=dict,
        description="Sources of other packages, by entry point. A plug-in is code, and no sandbox holds it.",
    )


def sends_of(name: str) -> str:
    """What a source is and sends, in a line or two."""
    table = get_args(Sources.model_fields[name].annotation)[0]  # of ``Table | None``
    return " ".join((table.__doc__ or "").replace("``", "").split())
