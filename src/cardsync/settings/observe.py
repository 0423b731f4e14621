"""``[http]`` and ``[notify]``: what watches the daemon, and how it tells the owner."""

import re
from typing import Annotated, Literal

from cardsync.settings import values as v
from cardsync.settings.logins import MailServer, Token
from cardsync.settings.table import Table, key

_LISTEN = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})"
_LOOPBACK = r"localhost|127(?:\.[0-9]{1,3}){3}|::1"


def _parse_listen(value: object) -> object:
    if not isinstance(value, str) or value == "":
        return value or None
    found = re.fullmatch(_LISTEN, value)
    if found is None or not 0 <= int(found["port"]) <= 65535:
        raise ValueError("is no address to listen on")
    return value


def host_and_port(listen: str) -> tuple[str, int]:
    """Of a valid ``listen``, without the brackets of IPv6."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def is_loopback(listen: object) -> bool:
    """Whether nobody but this machine reaches it; also of what is not valid."""
    return not isinstance(listen, str) or bool(re.fullmatch(_LOOPBACK, listen.rpartition(":")[0].strip("[]")))


def is_loopback_url(url: object) -> bool:
    """Whether a request to it stays on this machine; not where it is no text."""
    from urllib.parse import urlsplit

    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:  # brackets that do not match
        return False
    return host is not None and bool(re.fullmatch(_LOOPBACK, host))


class Listening(Table):
    """Where a page is."""

    listen: Annotated[
        str | None,
        v.Rule(
            allowed='a host and a port as "127.0.0.1:9380", or "" for none',
            read=_parse_listen,
            schema={"type": "string"},
        ),
    ] = key(
        default=None,
        description="Address and port. All but loopback needs a token, which all but /healthz wants to see then.",
        examples=["127.0.0.1:9380"],
    )


class Http(Token, Listening):
    """A page for what watches the daemon: /healthz, /readyz and, for Prometheus, /metrics.  Counts, nobody's name."""


# ---------------------------------------------------------------- telling the owner


SecretAddress = Annotated[v.Hidden, v.WEB_ADDRESS]


class Sent(Table):
    """How a message goes."""

    allow_http: v.Switch = key(default=False, description="Allow a token with http://, which sends it for all to read.")


class Topic(Sent):
    """Where a message goes."""

    url: SecretAddress = key(
        description="Address of the topic: whoever knows it can read along.",
        examples=["https://ntfy.sh/a-long-random-topic"],
    )


class Ntfy(Token, Topic):
    """A topic of ntfy.sh, or of an ntfy server of your own."""


class Hook(Sent):
    """Where a message goes."""

    url: SecretAddress = key(description="Where to.", examples=["https://hooks.example.org/cardsync"])


class Webhook(Token, Hook):
    """A POST of JSON: {"title": ..., "text": ...}."""


class Email(MailServer):
    """A mail, by the SMTP server of your provider."""

    sender: v.MailAddress = key(description="From whom.", examples=["me@example.org"])
    to: v.MailAddress = key(description="To whom.", examples=["me@example.org"])


class Notify(Table):
    """Whom to tell what needs you: a login refused, a guard, a card that is not written, a server that stays away."""

    ntfy: Ntfy | None = key(default=None)
    webhook: Webhook | None = key(default=None)
    email: Email | None = key(default=None)
    apprise: Annotated[tuple[v.Hidden, ...], v.Rule(allowed="a list of Apprise URLs in quotes")] = key(
        default=(),
        description="Any of the services of Apprise, by its URLs: pip install '.[apprise]' in the source's folder.",
        examples=[["tgram://bottoken/ChatID"]],
    )
    ping: Annotated[SecretAddress | None, v.Rule(allowed="a URL in quotes")] = key(
        default=None,
        description="A URL that is asked for after each cycle, so that its silence tells of a dead daemon; with /fail "
        "behind it where no cycle ended, a login is refused, or a server is away for over a day.",
        examples=["https://hc-ping.com/your-uuid"],
    )
    digest: Literal["never", "weekly"] = key(
        default="never", description="What was asked, answered and validated, in counts, each Monday."
    )
    quiet_hours: v.Hours = key(
        default=None, description="Hours of the day in which nobody is told anything.", examples=["22-7"]
    )
    include_names: v.Switch = key(
        default=False, description="Name contacts in what is sent, which then leaves the house."
    )

    @property
    def is_on(self) -> bool:
        """Whether there is any way."""
        return bool(self.ping or self.ntfy or self.webhook or self.email or self.apprise)
