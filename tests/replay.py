"""Recorded shapes of foreign answers (``tests/samples``), served on loopback, and a plain client for sources."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx

from cardsync.sources import Page, SourceFailed
from servers.loopback import Loopback, Request, Response, serve

SAMPLES = Path(__file__).parent / "samples"

Answers = Mapping[str, Response | Callable[[Request], Response]]


def sample(name: str) -> Response:
    """A recorded answer, with the status and the headers of the manifest."""
    manifest = json.loads((SAMPLES / "MANIFEST.json").read_text("utf-8"))
    entry = next(one for one in manifest["samples"] if one["file"] == name)
    headers = [("Content-Type", entry["content_type"]), *entry.get("headers", {}).items()]
    return Response(status=entry["status"], body=(SAMPLES / name).read_bytes(), headers=headers)


def as_json(value: object, status: int = 200, etag: str = "") -> Response:
    """An answer of our own."""
    headers = [("Content-Type", "application/json")] + ([("ETag", etag)] if etag else [])
    return Response(status=status, body=json.dumps(value).encode(), headers=headers)


@dataclass(slots=True)
class PlainWeb:
    """A ``Web`` without guards that sends every request for one of ``hosts`` to the loopback server."""

    server: Loopback
    hosts: tuple[str, ...]
    _etags: dict[str, str] = field(default_factory=dict)

    async def get(
        self, url: str, *, accept: str, headers: Mapping[str, str] | None = None, key: str = ""
    ) -> Page | None:
        """See ``Web``."""
        parts = urlsplit(url)
        assert parts.scheme == "https" and parts.hostname in self.hosts, "a host that the source did not declare"
        sent = {**(headers or {}), "Accept": accept}
        if key in self._etags:
            sent["If-None-Match"] = self._etags[key]
        async with httpx.AsyncClient(trust_env=False) as client:
            at = f"{self.server.origin}{parts.path}" + (f"?{parts.query}" if parts.query else "")
            answer = await client.get(at, headers=sent)
        if answer.status_code == 304:
            return None
        if answer.status_code in {401, 403, 429} or answer.status_code >= 500:
            raise SourceFailed("refused")
        if key and "etag" in answer.headers:
            self._etags[key] = answer.headers["etag"]
        return Page(
            url=url,
            status=answer.status_code,
            content_type=answer.headers.get("content-type", ""),
            text=answer.text,
            headers={name.lower(): value for name, value in answer.headers.items()},
        )


@contextmanager
def answering(answers: Answers, hosts: tuple[str, ...]) -> Iterator[PlainWeb]:
    """Serve ``answers`` by path, or by the value of ``name`` in the query (DNS); 304 where the ETag matches."""

    def answer(request: Request) -> Response:
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query))
        known = answers.get(f"{query.get('name')} {query.get('type')}") or answers.get(parts.path)
        found = known(request) if callable(known) else known or Response(status=404)
        etag = dict(found.headers).get("ETag")
        if etag and request.headers.get("if-none-match") == etag:
            return Response(status=304, headers=[("ETag", etag)])
        return found

    with serve(answer) as server:
        yield PlainWeb(server, hosts)
