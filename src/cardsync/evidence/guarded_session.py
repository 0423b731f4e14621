"""The HTTP below the CalDAV library: one origin, no redirect elsewhere, no proxy, no more than is bearable.

The library's own (niquests) follows redirects, takes proxies and logins from the environment and asks certificate
authorities about revocations; it would send the login to any absolute href.
"""

import re
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from cardsync import __version__
from cardsync.evidence.secret import Secret, read
from cardsync.evidence.tls import trusted
from cardsync.evidence.wire import ERRORS, Overdue, Wire, WireTransport
from cardsync.hypertext import httpx
from cardsync.sources import SourceFailed

LARGEST = 20_000_000  # bytes of one answer
MOST = 200_000_000  # bytes of one look
SECONDS = 100.0  # of one look; less than it is waited for, so that the reason can be told
_HOPS = 5
_OURS = {"Accept-Encoding": "identity", "User-Agent": f"cardsync/{__version__}"}
_REDIRECTS = frozenset({301, 302, 307, 308})  # the method stays: there is no form to post
_BUSY = "The calendar server has trouble of its own, or asks to be left alone; it is asked again later."
_ENDLESS = "The calendar server sends more, or more slowly, than a calendar is worth. Set a shorter since."
_UNTRUSTED = (
    "The calendar server's certificate is not trusted, or is that of another host. Check url in [sources.calendar], or "
    "name its certificate authority: ca_file."
)
_TROUBLE = "The calendar server cannot be reached, or broke off. Check url in [sources.calendar]."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the library reads of an answer."""

    url: str
    status_code: int
    reason: str
    headers: httpx.Headers
    content: bytes

    @property
    def text(self) -> str:
        """For its error messages only."""
        return self.content[:1000].decode("utf-8", "replace")


class GuardedSession:
    """Stands in for the library's session; ``request`` raises ``SourceFailed``."""

    def __init__(self, url: str, username: str, password: Secret, ca_file: Path | None, wire: Wire) -> None:
        self._home = urlsplit(url)
        secure = self._home.scheme == "https"
        context = trusted(ca_file, table="calendar") if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.Client(
            auth=_Login(username, password),
            transport=WireTransport(wire, context),
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        """See the library's session."""
        self._client.close()

    def request(
        self, method: str, url: str, data: bytes | str = b"", headers: Mapping[str, str] | None = None, **_: object
    ) -> Answer:
        """One request, and where it is sent on within the server."""
        for _hop in range(_HOPS + 1):
            url = self._checked(url)
            answer = self._once(method, url, data, {**(headers or {}), **_OURS})
            if answer.status_code == 429 or answer.status_code >= 500:
                raise SourceFailed(_BUSY, _wait(answer.headers.get("retry-after", "")))
            if answer.status_code not in _REDIRECTS or "location" not in answer.headers:
                return answer
            url = self._onward(url, answer.headers["location"])
        raise SourceFailed("The calendar server redirects in circles. Check url in [sources.calendar].")

    def _once(self, method: str, url: str, data: bytes | str, headers: Mapping[str, str]) -> Answer:
        try:
            with self._client.stream(method, url, content=data, headers=headers) as response:
                return Answer(
                    url=url,
                    status_code=response.status_code,
                    reason=response.reason_phrase,
                    headers=response.headers,
                    content=self._body(response),
                )
        except Overdue:
            raise SourceFailed(_ENDLESS) from None
        except ERRORS as error:
            raise SourceFailed(_UNTRUSTED if _is_of_the_certificate(error) else _TROUBLE) from None

    def _body(self, response: httpx.Response) -> bytes:
        """Never decompressed: a small body may unfold to a huge one."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise SourceFailed("The calendar server compresses what was not to be compressed; it is not read.")
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > LARGEST:
                raise SourceFailed(_ENDLESS)
        return bytes(body)

    def _checked(self, url: str) -> str:
        if not may_go(self._home.geturl(), url):
            raise SourceFailed(
                "The calendar server leads to another one, which gets no login. If that is yours, name it as url in "
                "[sources.calendar]."
            )
        return url

    def _onward(self, at: str, location: str) -> str:
        """Where a redirect leads; behind a proxy servers name http, or a wrong port, of the host that was asked."""
        try:
            to, here = urlsplit(urljoin(at, location)), urlsplit(at)
            if to.hostname == here.hostname:
                to = to._replace(scheme=here.scheme, netloc=here.netloc)
        except ValueError:
            raise SourceFailed("The calendar server redirects to something that is no address.") from None
        return to.geturl()


def _is_of_the_certificate(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


class _Login(httpx.Auth):
    """No login before the server says which kind it wants (RFC 9110, section 11)."""

    def __init__(self, username: str, password: Secret) -> None:
        self._username, self._password = username, password
        self._chosen: httpx.Auth | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._chosen is None:
            response = yield request
            if response.status_code != 401:
                return
            digest = "digest" in response.headers.get("www-authenticate", "").lower()
            self._chosen = (httpx.DigestAuth if digest else httpx.BasicAuth)(self._username, read(self._password))
        yield from self._chosen.auth_flow(request)


def may_go(home: str, url: str) -> bool:
    """Whether the login for ``home`` may go to ``url``: to the same origin, or from host to host within iCloud."""
    try:
        same = _origin(url) == _origin(home) or (_icloud(url) and _icloud(home))
        return same and "@" not in urlsplit(url).netloc
    except ValueError:
        return False


def _wait(text: str) -> timedelta | None:
    """Retry-After in seconds (RFC 9110, section 10.2.3), a day at most; as a date it is left to our own pace."""
    seconds = int(text) if re.fullmatch(r"[0-9]{1,9}", text.strip()) else 0
    return timedelta(seconds=min(seconds, 86_400)) or None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _icloud(url: str) -> bool:
    """Each account lives on a host of its own there (``p42-caldav.icloud.com``)."""
    scheme, host, port = _origin(url)
    return scheme == "https" and port == 443 and f".{host}".endswith(".icloud.com")
