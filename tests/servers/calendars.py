"""A calendar of the owner's own on a running server."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from requests.auth import HTTPBasicAuth

from servers.running import Running

_EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//x//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:{day}
DTSTART:{day}
DTEND:{day}
SUMMARY:A secret plan
ORGANIZER:mailto:{organizer}
ATTENDEE;CN="{name}";PARTSTAT={answer}:mailto:{address}
{more}END:VEVENT
END:VCALENDAR
"""


def meeting(
    uid: str,
    day: datetime,
    name: str,
    address: str,
    answer: str = "ACCEPTED",
    organizer: str = "owner@home.example",
    more: str = "",
) -> str:
    """A meeting with one guest, as it lies on a server; ``more`` are whole lines of it."""
    return _EVENT.format(
        uid=uid, day=f"{day:%Y%m%dT090000Z}", name=name, address=address, answer=answer, organizer=organizer, more=more
    ).replace("\n", "\r\n")


@dataclass(frozen=True, slots=True)
class OwnCalendar:
    """Empty once it is made."""

    server: Running
    url: str

    def make(self) -> None:
        """MKCALENDAR (RFC 4791, section 5.3.1)."""
        self._ask("MKCALENDAR", self.url)

    def invite(
        self,
        uid: str,
        day: datetime,
        name: str,
        address: str,
        answer: str = "ACCEPTED",
        organizer: str = "owner@home.example",
        more: str = "",
    ) -> None:
        """A meeting of that day, and what its one guest answered."""
        text = meeting(uid, day, name, address, answer, organizer, more)
        headers = {"Content-Type": "text/calendar; charset=utf-8"}
        self._ask("PUT", f"{self.url}{uid}.ics", data=text.encode(), headers=headers)

    def remove(self) -> None:
        """With all that is in it."""
        self._ask("DELETE", self.url)

    def _ask(self, method: str, url: str, **rest: Any) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.auth = HTTPBasicAuth(self.server.username.encode(), self.server.password.encode())
            session.request(method, url, timeout=30, **rest).raise_for_status()
