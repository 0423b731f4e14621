"""The calendar objects of a time, of all calendars of a login (RFC 4791, sections 6.2, 7.8), and whose login it is."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cardsync.evidence.guarded_session import GuardedSession
from cardsync.evidence.secret import Secret
from cardsync.evidence.wire import Wire
from cardsync.sources import SourceFailed

if TYPE_CHECKING:
    from caldav.davclient import DAVClient

_MOST_CALENDARS = 50
_MOST_ADDRESSES = 100
_QUERY = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="{}" end="{}"/>
</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarOptions:
    """``url``: the server, with https:// (http:// only with ``allow_http``); ``since``: how far the first look goes.

    ``addresses``: under which the owner invites, besides those that the server knows.
    """

    url: str
    username: str
    password: Secret = field(repr=False)
    since: timedelta = timedelta(days=180)
    ca_file: Path | None = None
    allow_http: bool = False
    addresses: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The host of ``url``."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""


class Calendars:
    """One login, and all that is asked over ``wire``; close it after use."""

    def __init__(self, options: CalendarOptions, wire: Wire) -> None:
        """Raises ``SourceFailed``; nothing is sent yet."""
        self._options = options
        self._client = _client(options, wire)

    def close(self) -> None:
        """Of no more use then."""
        self._client.close()

    def owner(self) -> frozenset[str]:
        """The owner's addresses: as set, the login if it is one, and what the server says (RFC 6638, section 2.4.1).

        Raises ``SourceFailed``, also if there is none.
        """
        with _told():
            known = {*self._options.addresses, self._options.username, *self._known_to_server()}
        found = frozenset(one.strip().lower().removeprefix("mailto:") for one in known if "@" in one)
        if not found:
            raise SourceFailed(
                "The calendar server does not say which mail addresses are yours, so that your own invitations cannot "
                "be told from those of strangers. Set addresses in [sources.calendar]."
            )
        return found

    def _known_to_server(self) -> list[str]:
        from caldav.lib.error import AuthorizationError

        try:
            found = self._client.get_principal().calendar_user_address_set()
        except (AuthorizationError, SourceFailed):
            raise
        except Exception:  # noqa: BLE001 - the server has no such property, or nonsense in it
            return []
        texts = found if isinstance(found, list) else []  # it is typed for its asynchronous client, too
        return [one for one in texts if one][:_MOST_ADDRESSES]

    def objects(self, times: Sequence[tuple[datetime, datetime]]) -> Iterator[bytes]:
        """Every object with an event in one of ``times`` (start, stop), some twice.  Raises ``SourceFailed``.

        The queries are sent as they are: the library's ``search`` would parse each object, and expand its recurrences
        here, of which a hostile one has millions.
        """
        with _told():
            for calendar in self._client.get_calendars()[:_MOST_CALENDARS]:
                for start, stop in times:
                    yield from _report(self._client, str(calendar.url), _QUERY.format(_utc(start), _utc(stop)))


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong in the library, as a sentence."""
    from caldav.lib.error import AuthorizationError

    try:
        yield
    except AuthorizationError:
        raise SourceFailed(
            "The calendar server does not accept user name and password. Check them in [sources.calendar]; with "
            "two-factor login most providers want an app password."
        ) from None
    except SourceFailed:
        raise
    except Exception:  # noqa: BLE001 - whatever the library trips over, our part in it is one sentence
        raise SourceFailed("The calendar server answers with something that is no CalDAV. Check its url.") from None


def _report(client: "DAVClient", url: str, query: str) -> Iterator[bytes]:
    from caldav.lib.error import AuthorizationError

    try:
        response = client.report(url, query, depth=1)
    except AuthorizationError:  # a shared calendar of which only the free times are ours to see
        return
    for found in response.parse_calendar_query():
        if found.calendar_data:
            yield found.calendar_data.encode("utf-8", "replace")


def _client(options: CalendarOptions, wire: Wire) -> "DAVClient":
    """The library's client, on our session; it knows no login, so that none can go astray."""
    if not options.url.startswith(("https://", "http://") if options.allow_http else "https://") or not options.host:
        raise SourceFailed(
            "url in [sources.calendar] must begin with https://; http:// is taken with allow_http = true."
        )
    from caldav.davclient import DAVClient
    from caldav.lib import error

    error.debug_dump_communication = False  # a variable of the environment would have it write all to /tmp
    for name in ("caldav", "caldav.response", "caldav.discovery"):
        logger = logging.getLogger(name)  # tells of what it reads, with the contents
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
    client = DAVClient(url=options.url, enable_rfc6764=False)
    client.session.close()
    client.session = GuardedSession(  # type: ignore[assignment]  # it needs no more than request and close
        options.url, options.username, options.password, options.ca_file, wire
    )
    return client


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
