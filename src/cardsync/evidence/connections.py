"""``Connections.csv`` as LinkedIn writes it, and as a spreadsheet makes it: bytes -> rows."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_BEGINS = "first name"
_COLUMNS = ("URL", "Email Address", "Company")
_PREAMBLE = 50  # lines; there are three
_MOST_ROWS = 100_000
_ENCODINGS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Unreadable(Exception):
    """Why the file cannot be used, as the second half of a sentence, with what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What we read of one connection; '' where the row has nothing."""

    url: str
    email: str
    company: str


def rows(data: bytes) -> Iterator[Row]:
    """Every row below the header, which begins with ``First Name``; what stands above it is skipped.

    Raises ``Unreadable``: no such header, a column is missing, or quotes that never end.
    """
    text = _decoded(data)
    start = _header_start(text)
    body = text[start:]
    reader = csv.DictReader(io.StringIO(body, newline=""), delimiter=_delimiter(body), skipinitialspace=True)
    try:
        names = {(name or "").strip().casefold(): name for name in reader.fieldnames or ()}
        if missing := [column for column in _COLUMNS if column.casefold() not in names]:
            raise Unreadable(f"it has no column {missing[0]}. Export the connections once more.")
        for count, row in enumerate(reader):
            if count >= _MOST_ROWS:
                raise Unreadable("it has more rows than LinkedIn allows connections.")
            yield Row(
                **{field: _value(row, names[name.casefold()]) for field, name in zip(_FIELDS, _COLUMNS, strict=True)}
            )
    except csv.Error:
        raise Unreadable("its quotes or lines are broken. Export the connections once more.") from None


_FIELDS = ("url", "email", "company")


def _value(row: Mapping[str, str | None], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _decoded(data: bytes) -> str:
    named = next((encoding for mark, encoding in _ENCODINGS.items() if data.startswith(mark)), None)
    try:
        return data.decode(named or "utf-8")
    except UnicodeError:
        if named:
            raise Unreadable("its text is damaged. Export the connections once more.") from None
        return data.decode("cp1252", "replace")  # a spreadsheet saved it


def _header_start(text: str) -> int:
    at = 0
    for _ in range(_PREAMBLE):
        stop = text.find("\n", at)
        if text[at : at + 40].lstrip('\ufeff" \t').casefold().startswith(_BEGINS):
            return at
        if stop < 0:
            break
        at = stop + 1
    raise Unreadable(
        "no line begins with First Name. Put LinkedIn's own Connections.csv there, exported with English as language."
    )


def _delimiter(body: str) -> str:
    header = body.partition("\n")[0]
    return max(",;\t", key=header.count)
