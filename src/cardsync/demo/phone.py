"""A phone: a second CardDAV client, which edits cards as a person does on an iPhone.

It shares no code with cardsync's own client and scanner, so that it can witness what they did.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

from cardsync.demo.apple import Line, escape, parse, structured
from cardsync.demo.ios import IOS, IOS_18, rewritten
from cardsync.errors import ServerProblem
from cardsync.hypertext import httpx

ATTEMPTS = 4  # the first and three more, when somebody else wrote in between
_NAMES = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
_CARDS = """<C:addressbook-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">
<prop><getetag/><C:address-data/></prop><C:filter/></C:addressbook-query>"""
_ADDRESS_DATA = "{urn:ietf:params:xml:ns:carddav}address-data"
_MEMBER = "X-ADDRESSBOOKSERVER-MEMBER"


@dataclass(slots=True, kw_only=True)
class Phone:
    """The Contacts app with one account.

    ``book_url`` ends with a slash; contacts are named by their resource name in it.  ``clock`` gives
    the time that the phone writes into REV.  Every edit is a GET and a PUT with ``If-Match``, and
    raises ``ServerProblem`` if the server does not take it.
    """

    book_url: str
    username: str
    password: str = field(repr=False)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ios: IOS = IOS_18
    label: str = "VIPcheck"
    http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = {"User-Agent": self.ios.user_agent, "Accept-Encoding": "identity"}
        self.http = httpx.Client(auth=(self.username, self.password), headers=headers, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    # ------------------------------------------------------------ reading

    def names(self) -> tuple[str, ...]:
        """Names of all cards in the book, sorted."""
        listing = self._listing("PROPFIND", _NAMES)
        return tuple(sorted(name for each in listing if (name := self._name(each))))

    def cards(self) -> dict[str, bytes]:
        """All cards of the book by name, in one request; XML makes each line end LF."""
        found = {self._name(each): each.findtext(".//" + _ADDRESS_DATA) for each in self._listing("REPORT", _CARDS)}
        return {name: card.encode() for name, card in sorted(found.items()) if card}

    def card(self, name: str) -> bytes:
        """The card as the server serves it."""
        return self._get(name)[0]

    def note(self, name: str) -> str:
        """The note as text, "" without one."""
        return next((line.text() for line in parse(self.card(name)) if line.name == "NOTE"), "")

    # ------------------------------------------------------------ answers in the note

    def type_below_block(self, name: str, word: str) -> None:
        """Type a line directly below the block."""
        self._edit_block(name, lambda block: [*block, word])

    def type_inside(self, name: str, word: str) -> None:
        """Type a line between the block's lines."""
        self._edit_block(name, lambda block: [block[0], word, *block[1:]])

    def type_on_last_line(self, name: str, word: str) -> None:
        """Go on typing where the block's last line ends."""
        self._edit_block(name, lambda block: [*block[:-1], f"{block[-1]} {word}"])

    def type_at_end(self, name: str, word: str) -> None:
        """Tap behind the whole note and type on a new line."""
        self.edit_note(name, lambda note: f"{note}\n{word}")

    def write_free_text(self, name: str, text: str) -> None:
        """Write a sentence behind the question, on its line."""
        self._edit_block(name, lambda block: [f"{block[0]} {text}", *block[1:]])

    def delete_block(self, name: str) -> None:
        """Delete the block and the empty line behind it."""
        self._edit_block(name, lambda block: [])

    def edit_note(self, name: str, change: Callable[[str], str]) -> None:
        """Replace the note's text by ``change`` of it."""

        def edit(lines: list[Line]) -> list[Line]:
            before = next((line.text() for line in lines if line.name == "NOTE"), "")
            return _with_value(lines, "NOTE", escape(change(before)))

        self.edit(name, edit)

    # ------------------------------------------------------------ edits of fields

    def edit_field(self, name: str, which: str, value: str | Sequence[str], *, kind: str = "WORK") -> None:
        """Set the first ``which`` (TITLE, ORG, EMAIL, TEL, URL, ADR ...), of type ``kind`` where it has types.

        A sequence is a structured value: ``("Company", "Department")`` for ORG.  "" deletes the field.
        """
        raw = escape(value) if isinstance(value, str) else structured(value)
        self.edit(name, lambda lines: _with_value(lines, which.upper(), raw, kind))

    def set_birthday(self, name: str, day: date) -> None:
        """Set the birthday."""
        self.edit(name, lambda lines: _with_value(lines, "BDAY", day.isoformat()))

    def set_photo(self, name: str, jpeg: bytes) -> None:
        """Take a new photo."""
        photo = Line(name="PHOTO", parameters=("ENCODING=b", "TYPE=JPEG"), value=base64.b64encode(jpeg).decode())
        self.edit(name, lambda lines: [*(line for line in lines if line.name != "PHOTO"), photo])

    # ------------------------------------------------------------ lists and deletion

    def add_to_group(self, group: str, uid: str) -> None:
        """Put the contact with this UID into the list whose card is named ``group``."""
        member = Line(name=_MEMBER, value=f"urn:uuid:{uid}")
        self.edit(group, lambda lines: [*_without_member(lines, uid), member])

    def remove_from_group(self, group: str, uid: str) -> None:
        """Take the contact with this UID out of the list whose card is named ``group``."""
        self.edit(group, lambda lines: _without_member(lines, uid))

    def delete_contact(self, name: str) -> None:
        """Delete the contact."""
        _, etag = self._get(name)
        _expect(self.http.delete(self.book_url + name, headers={"If-Match": etag}), 200, 204)

    def add_contact(self, name: str, card: bytes) -> None:
        """Create a contact from a card; one with that name must not exist."""
        headers = {"If-None-Match": "*", "Content-Type": "text/vcard; charset=utf-8"}
        _expect(self.http.put(self.book_url + name, content=card, headers=headers), 201, 204)

    # ------------------------------------------------------------ how

    def edit(self, name: str, change: Callable[[list[Line]], list[Line]]) -> None:
        """Apply ``change`` to the card's lines and store the card as iOS would write it."""
        for _ in range(ATTEMPTS):
            card, etag = self._get(name)
            changed = rewritten(change(parse(card)), now=self.clock(), ios=self.ios)
            headers = {"If-Match": etag, "Content-Type": "text/vcard; charset=utf-8"}
            reply = self.http.put(self.book_url + name, content=changed, headers=headers)
            if reply.status_code != httpx.codes.PRECONDITION_FAILED:
                return _expect(reply, 200, 201, 204)
        raise ServerProblem("The phone's edit met another one each time; it gave up.")

    def _edit_block(self, name: str, change: Callable[[list[str]], list[str]]) -> None:
        """Change the lines from the label's to the next empty one, which is what a person sees as the block."""

        def edit(note: str) -> str:
            lines = note.split("\n")
            start = next((at for at, line in enumerate(lines) if line.startswith(self.label)), None)
            if start is None:
                raise ServerProblem("There is no question in the note.")
            stop = next((at for at in range(start, len(lines)) if not lines[at].strip()), len(lines))
            block = change(lines[start:stop])
            after = lines[stop:] if block else lines[stop + 1 :]
            return "\n".join((*lines[:start], *block, *after))

        self.edit_note(name, edit)

    def _listing(self, method: str, body: str) -> list[ET.Element]:
        headers = {"Depth": "1", "Content-Type": "application/xml; charset=utf-8"}
        reply = self.http.request(method, self.book_url, content=body, headers=headers)
        _expect(reply, 207)
        # a server of the demo or of the tests
        return ET.fromstring(reply.content).findall("{DAV:}response")  # noqa: S314

    def _name(self, response: ET.Element) -> str:
        return urlsplit(urljoin(self.book_url, response.findtext("{DAV:}href"))).path.rpartition("/")[2]

    def _get(self, name: str) -> tuple[bytes, str]:
        reply = self.http.get(self.book_url + name)
        _expect(reply, 200)
        return reply.content, reply.headers.get("ETag") or self._etag(name)

    def _etag(self, name: str) -> str:
        """Asked for by itself: some servers leave it out now and then."""
        reply = self.http.request("PROPFIND", self.book_url + name, headers={"Depth": "0"})
        _expect(reply, 207)
        return ET.fromstring(reply.content).findtext(".//{DAV:}getetag", "")  # noqa: S314 - as above


def _with_value(lines: list[Line], name: str, value: str, kind: str = "") -> list[Line]:
    """``lines`` with another value of the first ``name`` of that kind, or a new line; "" takes it out."""
    typed = name in ("EMAIL", "TEL", "URL", "ADR")
    for at, line in enumerate(lines):
        if line.name == name and (not typed or _is(lines, line, kind)):
            changed = [replace(line, value=value)] if value else []
            return lines[:at] + changed + lines[at + 1 :]
    return [*lines, Line(name=name, value=value, types=(kind,) if typed else ())] if value else lines


def _is(lines: Sequence[Line], line: Line, kind: str) -> bool:
    """Tell whether a line is of a kind by its type or by its label."""
    labels = (each.value.strip("_$!<>") for each in lines if line.group and each.group == line.group)
    return kind in line.types or kind.casefold() in (label.casefold() for label in labels)


def _without_member(lines: Sequence[Line], uid: str) -> list[Line]:
    return [line for line in lines if line.name != _MEMBER or uid.casefold() not in line.value.casefold()]


def _expect(reply: httpx.Response, *statuses: int) -> None:
    if reply.status_code not in statuses:
        raise ServerProblem(f"The phone's {reply.request.method} was answered with {reply.status_code}.")
