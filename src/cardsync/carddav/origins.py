"""Where credentials may go: the configured origin, iCloud's own hosts, and what the owner pinned."""

from cardsync.carddav.connection import Connection
from cardsync.carddav.hrefs import Location, Origin, parse_url, resolve
from cardsync.errors import OriginRefused, ServerProblem


class Trust:
    """The origins of one account.  Requests go to no other, with or without credentials."""

    def __init__(self, connection: Connection) -> None:
        self._account = connection.account
        self._allow_http = connection.allow_http
        self.configured = configured_location(connection.url)
        self._trusted = {self.configured.origin, *(parse_url(url).origin for url in connection.trusted_origins)}
        self._icloud = _is_icloud(self.configured.origin)

    def __contains__(self, origin: Origin) -> bool:
        upgraded = origin.scheme == "https" and origin.port == 443 and Origin("http", origin.host, 80) in self._trusted
        return origin in self._trusted or upgraded or (self._icloud and _is_icloud(origin))

    def check(self, origin: Origin) -> None:
        """Raises ``OriginRefused`` for an origin that is not trusted, ``ServerProblem`` for plain http."""
        if origin not in self:
            raise OriginRefused(
                f"The server of account {self._account!r} leads to {origin}, which is not the configured server. "
                f'If it is yours, add trusted_origins = ["{origin}"] to [accounts.{self._account}].',
                str(origin),
            )
        if origin.scheme == "http" and not self._allow_http:
            raise ServerProblem(
                f"{origin} is not encrypted: password and contacts could be read on the way. Use https, or set "
                f"allow_http = true in [accounts.{self._account}] if the network is your own."
            )

    def redirected(self, at: Location, target: str) -> Location:
        """Where a redirect leads.  Raises ``OriginRefused``.

        Behind a proxy Nextcloud names ``http://`` or a wrong port of the same host: the way that we came
        stays, only the path is taken over.
        """
        try:
            to = resolve(at, target)
        except ValueError:
            raise ServerProblem(f"{at.origin} redirects to something that is no address.") from None
        if to.origin != at.origin and to.origin.host == at.origin.host and to.origin not in self:
            return Location(at.origin, to.path)
        if at.origin.scheme == "https" and to.origin.scheme == "http":
            if to.origin.host == at.origin.host:
                return Location(at.origin, to.path)
            raise OriginRefused(
                f"{at.origin} redirects to {to.origin}, from https to http; that is refused.", str(to.origin)
            )
        self.check(to.origin)
        return to


def configured_location(url: str) -> Location:
    """The place that the config's ``url`` names: a URL, a host (https), or the domain of a mail address."""
    try:
        return parse_url(url if "://" in url else f"https://{url.rpartition('@')[2]}")
    except ValueError:
        raise ServerProblem(
            "The account's url is not an address: give https://..., a host name or a mail address."
        ) from None


def _is_icloud(origin: Origin) -> bool:
    host = origin.host
    return origin.scheme == "https" and origin.port == 443 and (host == "icloud.com" or host.endswith(".icloud.com"))
