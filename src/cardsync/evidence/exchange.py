"""One request and its answer, bounded in time, in bytes on the wire and in bytes unpacked."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpcore

from cardsync import __version__
from cardsync.evidence.bodies import ACCEPTED, Unpacker, Unreadable, is_text, text_of
from cardsync.evidence.dial import NotPublic, TooMuch, Unresolved
from cardsync.evidence.vetting import Target
from cardsync.hypertext import httpx
from cardsync.sources import Hop

PROJECT = "https://cardsync.example"
USER_AGENT = f"cardsync/{__version__} (+{PROJECT})"
BODY_LIMIT = 1 << 20  # bytes, decoded

_ERROR_PAGE = 1 << 16  # bytes; as much as is read of a page that is none
_HEAD_LIMIT, _MOST_FIELDS = 32_768, 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

TROUBLE = (
    TimeoutError,
    OSError,
    ssl.SSLError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpx.HTTPError,
    NotPublic,
    TooMuch,
    Unreadable,
    Unresolved,
)
"""What ``exchange`` raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``headers`` with lower-case names; ``text`` '' unless it is some; ``hops`` led to ``at``."""

    at: Target
    status: int
    headers: Mapping[str, str]
    text: str = ""
    hops: tuple[Hop, ...] = ()

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as it stands there; None: it is none."""
        return self.headers.get("location") if self.status in _REDIRECTS else None


async def exchange(
    client: httpx.AsyncClient, target: Target, headers: Mapping[str, str], *, any_type: bool = False
) -> Answer:
    """One GET; ``any_type``: read the body as text whatever it calls itself.  Raises ``TROUBLE``."""
    url = httpx.URL(scheme=target.scheme, host=target.host, port=target.port, raw_path=target.path.encode("ascii"))
    ours = {"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED, "Connection": "close"}
    response = await client.send(client.build_request("GET", url, headers={**headers, **ours}), stream=True)
    try:
        answer = Answer(at=target, status=response.status_code, headers=_fields(response.headers))
        content_type = answer.headers.get("content-type", "")
        if answer.location is not None or not (any_type or is_text(content_type)):
            return answer
        return replace(answer, text=text_of(await _body(response), content_type))
    finally:
        await response.aclose()


def _fields(headers: httpx.Headers) -> dict[str, str]:
    if len(headers.raw) > _MOST_FIELDS or sum(len(name) + len(value) for name, value in headers.raw) > _HEAD_LIMIT:
        raise TooMuch
    if len(set(headers.get_list("location"))) > 1:
        raise Unreadable
    return {name: headers.get_list(name)[0] for name in headers if name != "set-cookie"}


async def _body(response: httpx.Response) -> bytes:
    unpacker = Unpacker(response.headers.get("content-encoding", ""))
    body = bytearray()
    async for chunk in response.aiter_raw():
        for piece in unpacker.pieces(chunk):
            body += piece
            if not response.is_success and len(body) > _ERROR_PAGE:
                return bytes(body)
            if len(body) > BODY_LIMIT:
                raise TooMuch
    unpacker.close()
    return bytes(body)


def told(error: BaseException) -> str:
    """What went wrong, to follow the name of whom we asked."""
    if isinstance(error, NotPublic):
        return "has an address that is not on the public internet"
    if isinstance(error, Unresolved):
        return "has no address in DNS"
    if isinstance(error, TooMuch):
        return "sends more than any page needs"
    if isinstance(error, Unreadable):
        return "packs its answer in a way that cannot be read"
    if isinstance(error, TimeoutError | httpcore.TimeoutException):
        return "did not answer in time"
    return "has no valid TLS certificate" if _is_tls(error) else "cannot be reached"


def _is_tls(error: BaseException | None) -> bool:
    """Whether TLS is what it came from; that TLS waits for bytes is no error of it."""
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            return True
        error = error.__cause__ or error.__context__
    return False
