"""Ways to the owner: ntfy, a webhook, a mail, Apprise, and a ping that tells of life.

Nothing is sent anywhere but to the addresses of the config; redirects are not followed.
"""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

from cardsync import __version__
from cardsync.alarms import Message
from cardsync.errors import CardsyncError
from cardsync.hypertext import httpx
from cardsync.own_thread import StillBusy, TookTooLong, in_own_thread

_SECONDS = 20.0  # of one step
_IN_ALL = 90.0
Secret = Callable[[], str | None]
"""Reads a password or token; raises ``ConfigError``."""


class NotSent(CardsyncError):
    """A way to the owner that failed; the sentence says why, and holds no address and no secret."""


class Channel(Protocol):
    """One way."""

    @property
    def name(self) -> str:
        """As the config has it."""
        ...

    async def send(self, message: Message) -> None:
        """Raises ``NotSent``, ``ConfigError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ntfy:
    """https://docs.ntfy.sh/publish/."""

    url: str = field(repr=False)
    token: Secret = field(repr=False)
    name: str = "ntfy"

    async def send(self, message: Message) -> None:
        """See ``Channel``."""
        await _post(self.url, self.token, content=message.text.encode(), headers={"Title": message.title})


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A POST of JSON: ``{"title": ..., "text": ...}``."""

    url: str = field(repr=False)
    token: Secret = field(repr=False)
    name: str = "webhook"

    async def send(self, message: Message) -> None:
        """See ``Channel``."""
        await _post(self.url, self.token, json={"title": message.title, "text": message.text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """By SMTP (RFC 5321), with TLS from the start, after STARTTLS, or without."""

    host: str
    port: int
    tls: str
    sender: str
    to: str
    username: str | None
    password: Secret = field(repr=False)
    ca_file: Path | None = None
    name: str = "email"

    async def send(self, message: Message) -> None:
        """See ``Channel``."""
        line = _Line()
        await _alone(self.name, lambda: self._send(message, line), line.cut)

    def _send(self, message: Message, line: "_Line") -> None:
        password = self.password()
        try:
            mail = self._mail(message)
            with self._connected(line) as server:
                if self.username and password is not None:
                    server.login(self.username, password)
                server.send_message(mail)
        except smtplib.SMTPAuthenticationError:
            raise NotSent("The mail server refuses user name or password.") from None
        except ssl.SSLCertVerificationError:
            raise NotSent("The mail server's certificate is not trusted; name its authority: ca_file.") from None
        except (OSError, smtplib.SMTPException, ValueError, IndexError) as error:  # two of them: it cannot be encoded
            raise NotSent(f"The mail server did not take it ({type(error).__name__}).") from None

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.sender, self.to, message.title
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text + "\n")
        return mail

    def _connected(self, line: "_Line") -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_file) if self.tls != "none" else None
        if self.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(timeout=_SECONDS, context=context)
        else:
            server = smtplib.SMTP(timeout=_SECONDS)
        line.hold(server)
        server._host = self.host  # type: ignore[attr-defined]  # the name for TLS, as the constructor would set it
        server.connect(self.host, self.port)
        if self.tls == "starttls":
            server.starttls(context=context)
        return server


@dataclass(frozen=True, slots=True, kw_only=True)
class Apprise:
    """All the services of https://github.com/caronc/apprise, which is an extra."""

    urls: tuple[str, ...] = field(repr=False)
    name: str = "apprise"

    async def send(self, message: Message) -> None:
        """See ``Channel``."""
        await _alone(self.name, lambda: self._send(message), lambda: None)

    def _send(self, message: Message) -> None:
        try:
            import apprise
        except ImportError:
            raise NotSent("Apprise is not installed: pip install '.[apprise]' in the source's folder.") from None
        sending = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
        if not all(sending.add(url) for url in self.urls):
            raise NotSent("One of the URLs in notify.apprise is none that Apprise knows.")
        if not sending.notify(title=message.title, body=message.text):
            raise NotSent("Apprise could not deliver it to all.")


async def ping(url: str, *, failed: bool) -> None:
    """Tell what waits for it that a cycle ended; raises ``NotSent``."""
    await _request("GET", httpx.URL(url).copy_with(path=f"{httpx.URL(url).path.rstrip('/')}/fail") if failed else url)


async def _post(url: str, token: Secret, **body: object) -> None:
    secret = await asyncio.to_thread(token)
    headers = {**(body.pop("headers", None) or {}), **({"Authorization": f"Bearer {secret}"} if secret else {})}  # type: ignore[dict-item]
    await _request("POST", url, headers=headers, **body)


async def _request(method: str, url: str | httpx.URL, **more: Any) -> None:
    try:
        async with (
            httpx.AsyncClient(
                trust_env=False, timeout=_SECONDS, headers={"User-Agent": f"cardsync/{__version__}"}
            ) as client,
            client.stream(method, url, **more) as reply,
        ):  # its status is enough
            well, status = reply.is_success, reply.status_code
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise NotSent(f"It cannot be reached ({type(error).__name__}).") from None
    if not well:
        raise NotSent(f"It answers {status}.")


class _Line:
    """A connection that another thread may cut."""

    def __init__(self) -> None:
        self._server: smtplib.SMTP | None = None
        self._over = False

    def hold(self, server: smtplib.SMTP) -> None:
        """From now on it can be cut."""
        self._server = server
        if self._over:
            raise TimeoutError

    def cut(self) -> None:
        """Whatever waits for the other side ends."""
        self._over = True
        connection = getattr(self._server, "sock", None)
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


async def _alone(name: str, work: Callable[[], None], give_up: Callable[[], None]) -> None:
    try:
        await in_own_thread(("notify", name), work, give_up, _IN_ALL)
    except StillBusy:
        raise NotSent("The message before this one is still on its way.") from None
    except TookTooLong:
        raise NotSent(f"It took more than {_IN_ALL:.0f} s.") from None
