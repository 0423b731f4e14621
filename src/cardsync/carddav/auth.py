"""Challenges and their answers: Basic (RFC 7617), Digest (RFC 7616), Bearer (RFC 6750)."""

import hashlib
import re
import secrets
from base64 import b64encode
from dataclasses import dataclass, field

from cardsync.carddav.connection import Connection
from cardsync.carddav.hrefs import Location, Origin, request_target

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's "token", not a secret
_TOKEN68 = r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))"  # what Negotiate and the like put there instead of parameters
_PART = re.compile(rf'({_TOKEN})(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|\s+{_TOKEN68})?')
_HASHES = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a 401; scheme and parameter names in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(values: list[str]) -> list[Challenge]:
    """The challenges of all WWW-Authenticate fields, several to a field or not (RFC 9110, section 11.6.1)."""
    found: list[Challenge] = []
    for value in values:
        for match in _PART.finditer(value[:8192]):
            name, quoted, bare = match.groups()
            if quoted is None and bare is None:
                found.append(Challenge(name.lower()))
            elif found:
                found[-1].parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
    return found


class Login:
    """The credentials of one account, and how each origin wants them.

    Over https Basic is sent unasked: it saves a request a cycle, TLS protects it, and Digest would add
    nothing but MD5.  Over plain http (only where the owner allowed it) Digest goes before Basic, so there
    we ask first, unless the other end is this very machine.  For a mail address we always ask
    first: the host of a mail domain is not yet the address book's.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asks_first = "@" in connection.url and "://" not in connection.url
        self._chosen: dict[Origin, Challenge] = {}
        self._counts: dict[str, int] = {}
        self._proved: set[Origin] = set()
        self._refused: set[tuple[Origin, str]] = set()
        self._renewed: set[Origin] = set()  # where the nonce was taken anew since the last success

    def authorization(self, method: str, at: Location) -> str | None:
        """The Authorization field for a request, or None while the server has to ask first."""
        challenge = self._chosen.get(at.origin) or self._unasked(at.origin)
        if challenge is None:
            return None
        if challenge.scheme == "bearer":
            return f"Bearer {self._connection.bearer_token}"
        user, password = self._connection.username, self._connection.password or ""
        if challenge.scheme == "basic":
            return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")
        return self._digest(challenge.parameters, method, at)

    def _unasked(self, origin: Origin) -> Challenge | None:
        if self._asks_first or not self.usable:
            return None
        if self._connection.bearer_token and self._connection.auth in {"auto", "bearer"}:
            return Challenge("bearer")
        local = origin.host in {"localhost", "127.0.0.1", "[::1]"}
        wanted = self._connection.auth == "basic" or (self._connection.auth == "auto" and self._has_password)
        return Challenge("basic") if wanted and (origin.scheme == "https" or local) else None

    @property
    def usable(self) -> bool:
        """Whether there is a secret at all."""
        return self._has_password or bool(self._connection.bearer_token)

    @property
    def _has_password(self) -> bool:
        return self._connection.password is not None

    def numbers(self, origin: Origin) -> bool:
        """Whether requests to the origin carry a count, so that one overtaken on the way looks like a replay."""
        chosen = self._chosen.get(origin)
        return chosen is not None and chosen.scheme == "digest"

    def succeeded(self, origin: Origin) -> None:
        """The origin took our answer, so a later 401 of a Digest is about its nonce."""
        self._proved.add(origin)
        self._renewed.discard(origin)

    def learn(self, origin: Origin, sent: str | None, challenges: list[Challenge]) -> bool:
        """Take in a 401.  True: there is an answer that was not tried yet; once False, never again."""
        if not self.usable:
            return False
        choice = self._choose(origin, challenges)
        tried = (sent or "").partition(" ")[0].lower()
        self._refused.add((origin, tried))
        if choice is None:
            return False
        if (origin, choice.scheme) in self._refused:  # also one before the last: no scheme gets a second try
            again = tried == choice.scheme == "digest"
            fresh_nonce = again and origin in self._proved
            stale = again and choice.parameters.get("stale", "").lower() == "true"
            if not (fresh_nonce or stale) or origin in self._renewed:
                return False
            self._renewed.add(origin)
        self._chosen[origin] = choice
        return True

    def _choose(self, origin: Origin, challenges: list[Challenge]) -> Challenge | None:
        order = ["bearer"] if self._connection.bearer_token else []
        if self._has_password:
            order += ["basic", "digest"] if origin.scheme == "https" else ["digest", "basic"]
        if self._connection.auth != "auto":
            order = [scheme for scheme in order if scheme == self._connection.auth]
        offered = challenges or [Challenge("basic")]  # a 401 without a challenge: some proxies drop it
        usable = [one for one in offered if one.scheme != "digest" or _digest_hash(one.parameters)]
        return next((one for scheme in order for one in usable if one.scheme == scheme), None)

    def _digest(self, parameters: dict[str, str], method: str, at: Location) -> str:
        nonce, realm = parameters.get("nonce", ""), parameters.get("realm", "")
        count = self._counts[nonce] = self._counts.get(nonce, 0) + 1
        fields = {
            "username": self._connection.username,
            "realm": realm,
            "nonce": nonce,
            "uri": request_target(at.path).decode("ascii"),
            "response": "",
        }
        extra = {"cnonce": secrets.token_hex(8), "nc": f"{count:08x}"} if "qop" in parameters else {}
        fields["response"] = self._digest_response(parameters, method, fields, extra)
        fields |= {name: parameters[name] for name in ("opaque",) if name in parameters}
        shown = [f'{name}="{_quoted(value)}"' for name, value in fields.items()]
        if "algorithm" in parameters:
            shown.append(f"algorithm={parameters['algorithm']}")
        if extra:
            shown.append(f'qop=auth, nc={extra["nc"]}, cnonce="{extra["cnonce"]}"')
        return "Digest " + ", ".join(shown)

    def _digest_response(
        self, parameters: dict[str, str], method: str, fields: dict[str, str], extra: dict[str, str]
    ) -> str:
        name = _digest_hash(parameters) or "md5"  # ``_choose`` takes no challenge without one

        def of(*parts: str) -> str:
            return hashlib.new(name, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

        secret = of(fields["username"], fields["realm"], self._connection.password or "")
        if parameters.get("algorithm", "").lower().endswith("-sess"):
            secret = of(secret, fields["nonce"], extra.get("cnonce", ""))
        middle = (extra["nc"], extra["cnonce"], "auth") if extra else ()
        return of(secret, fields["nonce"], *middle, of(method, fields["uri"]))


def _digest_hash(parameters: dict[str, str]) -> str | None:
    offers_auth = "auth" in re.split(r"[\s,]+", parameters.get("qop", "auth").lower())
    name = parameters.get("algorithm", "md5").lower().removesuffix("-sess")
    return _HASHES.get(name) if offers_auth else None


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def app_password_hint(host: str, path: str) -> str:
    """What usually stands behind a refused login, by provider."""
    if host == "icloud.com" or host.endswith(".icloud.com"):
        return "iCloud wants an app-specific password: make one at account.apple.com, under Sign-In and Security."
    if "fastmail" in host or "messagingengine" in host:
        return "Fastmail wants the full address and an app password: Settings, Privacy & Security, App passwords."
    if "google" in host:
        return "Google wants an OAuth2 bearer token; a password is not taken."
    if "/remote.php" in path:
        return "With two-factor login Nextcloud wants an app password: Settings, Security, Devices & sessions."
    return "Check user name and password; with two-factor login most providers want an app password."
