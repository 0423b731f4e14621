"""What no single key can tell; on the raw data, so that these errors show together with those of ``refusal``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from cardsync.settings.keys import Path
from cardsync.settings.model import PASSWORD_FORMS, TOKEN_FORMS
from cardsync.settings.observe import is_loopback, is_loopback_url
from cardsync.stream_safe import same_name

CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong at a path, and what to do."""

    path: Path
    message: str


def credential(account: str, environ: Mapping[str, str]) -> File | None:
    """The systemd credential that has the account's name, if there is one."""
    directory = environ.get(CREDENTIALS_VARIABLE)
    found = File(directory) / account if directory else None
    try:
        return found if found is not None and found.is_file() else None
    except OSError:  # a directory that this user may not enter, or no name for a file
        return None


def findings(data: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Finding, ...]:
    """All that is wrong across keys in the merged config."""
    found: list[Finding] = []
    for name, account in _tables(data, "accounts"):
        found += _account(("accounts", name), account, has_credential=credential(name, environ) is not None)
    for table in ("accounts", "groups"):
        found += _twins(table, [name for name, _ in _tables(data, table)])
    for name, source in _tables(data, "sources"):
        found += _source(("sources", name), source)
    found += _page(_mapping(data.get("http")))
    for name, way in _tables(data, "notify"):
        for forms in (PASSWORD_FORMS, TOKEN_FORMS):
            found += _one_of(("notify", name), [key for key in forms if key in way], forms)
        if any(key in way for key in TOKEN_FORMS) and not is_loopback_url(way.get("url")):
            found += _plain_http(("notify", name), way, TOKEN_FORMS[0])
    return tuple(found)


def _page(http: Mapping[str, Any]) -> Iterable[Finding]:
    given = [key for key in TOKEN_FORMS if key in http]
    yield from _one_of(("http",), given, TOKEN_FORMS)
    if not given and http.get("listen") and not is_loopback(http["listen"]):
        forms = ", ".join(TOKEN_FORMS)
        message = f"can be reached from elsewhere, and there is no token; allowed: 127.0.0.1, or one of {forms}"
        yield Finding(path=("http", "listen"), message=message)


def _account(path: Path, account: Mapping[str, Any], *, has_credential: bool) -> Iterable[Finding]:
    passwords = [key for key in PASSWORD_FORMS if key in account]
    tokens = [key for key in TOKEN_FORMS if key in account]
    yield from _one_of(path, passwords, PASSWORD_FORMS)
    yield from _one_of(path, tokens, TOKEN_FORMS)
    yield from _login(path, account, passwords, tokens, has_credential=has_credential)
    yield from _plain_http(path, account, PASSWORD_FORMS[0])


def _source(path: Path, source: Mapping[str, Any]) -> Iterable[Finding]:
    for forms in (PASSWORD_FORMS, TOKEN_FORMS):
        yield from _one_of(path, [key for key in forms if key in source], forms)
    if path[-1] in LOGINS:
        if not any(key in source for key in PASSWORD_FORMS):
            yield Finding(path=path, message=f"has no password; allowed: one of {', '.join(PASSWORD_FORMS)}")
        if "username" not in source:
            yield Finding(path=(*path, "username"), message="is missing; allowed: a text in quotes")
        yield from _plain_http(path, source, PASSWORD_FORMS[0])


LOGINS = ("mailbox", "calendar")
"""The sources that log in."""


def _one_of(path: Path, given: list[str], forms: tuple[str, ...]) -> Iterable[Finding]:
    for key in given[1:]:
        yield Finding(path=(*path, key), message=f"is given besides {given[0]}; allowed: one of {', '.join(forms)}")


def _login(
    path: Path, account: Mapping[str, Any], passwords: list[str], tokens: list[str], *, has_credential: bool
) -> Iterable[Finding]:
    auth = account.get("auth", "auto")
    if passwords and tokens:
        yield Finding(
            path=(*path, tokens[0]), message=f"is given besides {passwords[0]}; allowed: a password or a token"
        )
    if auth == "none":
        for key in (*passwords, *tokens):
            yield Finding(path=(*path, key), message='is of no use with auth = "none"; remove one of the two')
        return
    wants_token = auth == "bearer" or bool(tokens)
    if wants_token and passwords and not tokens:
        yield Finding(
            path=(*path, passwords[0]), message='is no token; auth = "bearer" needs one of ' + ", ".join(TOKEN_FORMS)
        )
    if tokens and auth in ("basic", "digest"):
        yield Finding(path=(*path, "auth"), message="does not go with a token; allowed: auto, bearer")
    if not (passwords or tokens or has_credential):
        forms = TOKEN_FORMS if wants_token else PASSWORD_FORMS
        yield Finding(
            path=path, message=f"has no {'token' if wants_token else 'password'}; allowed: one of {', '.join(forms)}"
        )
    if not wants_token and auth != "digest" and ":" in str(account.get("username", "")):
        yield Finding(
            path=(*path, "username"),
            message="holds a colon, at which a Basic login ends the name (RFC 7617); allowed: a text in quotes "
            'without :, or auth = "digest"',
        )
    if not wants_token and "username" not in account:
        yield Finding(path=(*path, "username"), message='is missing; allowed: a text in quotes, or auth = "none"')


_FOR_ALL_TO_READ = "would send the {what} for all to read; allowed: https://, or allow_http = true besides it"


def _plain_http(path: Path, account: Mapping[str, Any], what: str) -> Iterable[Finding]:
    allowed = account.get("allow_http") is True or str(account.get("allow_http")).lower() in ("true", "1", "yes", "on")
    if allowed:
        return
    if _is_http(account.get("url")):
        yield Finding(path=(*path, "url"), message=_FOR_ALL_TO_READ.format(what=what))
    origins = account.get("trusted_origins")
    for index, origin in enumerate(origins if isinstance(origins, list) else ()):
        if _is_http(origin):
            yield Finding(path=(*path, "trusted_origins", index), message=_FOR_ALL_TO_READ.format(what=what))


def _is_http(value: object) -> bool:
    return isinstance(value, str) and value.lower().startswith("http://")


def _twins(table: str, names: list[str]) -> Iterable[Finding]:
    seen: set[str] = set()
    for name in names:
        form = same_name(name)
        if form in seen:
            yield Finding(path=(table, name), message="is there twice: neither case nor outer spaces count")
        seen.add(form)


def _tables(data: Mapping[str, Any], key: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return [(name, table) for name, table in _mapping(data.get(key)).items() if isinstance(table, dict)]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
