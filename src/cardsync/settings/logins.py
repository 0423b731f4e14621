"""What several tables say of a login: a password or a token, in one of four forms, and a mail server."""

from typing import Annotated, Literal

from cardsync.settings import values as v
from cardsync.settings.table import Table, key


class Token(Table):
    """A token, in one of four forms."""

    token: v.Secret = key(default=None, description="The token itself.", examples=["xxxxxxxx"])
    token_file: v.OptionalPath = key(
        default=None, description="File with the token in its first line.", examples=["/run/secrets/token"]
    )
    token_command: v.OptionalArgv = key(
        default=None, description="Command that prints the token, run without a shell.", examples=[["pass", "token"]]
    )
    token_env_file: v.OptionalPath = key(
        default=None,
        description="File of NAME=value lines, as in the environment: CARDSYNC_NOTIFY__NTFY__TOKEN=... for "
        "[notify.ntfy].",
        examples=["/run/secrets/cardsync.env"],
    )


class Private(Table):
    """A login on a server of the owner's own."""

    username: v.OptionalText = key(default=None, description="Login name.", examples=["me@example.org"])
    password: v.Secret = key(default=None, description="The password itself.", examples=["xxxx-xxxx"])
    password_file: v.OptionalPath = key(
        default=None, description="File with the password in its first line.", examples=["/run/secrets/mail"]
    )
    password_command: v.OptionalArgv = key(
        default=None, description="Command that prints the password, run without a shell.", examples=[["pass", "mail"]]
    )
    password_env_file: v.OptionalPath = key(
        default=None,
        description="File of NAME=value lines, as in the environment: CARDSYNC_SOURCES__MAILBOX__PASSWORD=... for "
        "[sources.mailbox].",
        examples=["/run/secrets/cardsync.env"],
    )
    ca_file: v.OptionalPath = key(
        default=None, description="Certificates to trust, for a server of your own.", examples=["/config/home-ca.pem"]
    )


class MailServer(Private):
    """A server of mail, to read it (IMAP) or to send it (SMTP)."""

    host: v.Host = key(description="The mail server.", examples=["mail.example.org"])
    port: Annotated[int | None, v.Rule(allowed="a port from 1 to 65535", ge=1, le=65535)] = key(
        default=None,
        description="Its port; IMAP 993 (143 where TLS begins later), SMTP 465 (587).",
        examples=[993],
    )
    tls: Literal["tls", "starttls", "none"] = key(
        default="tls", description='How the connection is kept private; "none" sends the password for all to read.'
    )
