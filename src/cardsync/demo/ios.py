"""What iOS makes of a card when it saves an edit, and how the Contacts app shows one."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cardsync.demo.apple import Line, components, parse, unescape, write

_ORDER = (
    "VERSION", "PRODID", "N", "FN", "NICKNAME", "ORG", "TITLE", "EMAIL", "TEL", "ADR", "NOTE", "URL", "BDAY",
)  # fmt: skip
_LAST = ("PHOTO", "REV", "UID")
_PREFERRED = ("EMAIL", "TEL", "ADR", "URL")
_COUNTRIES = {"germany": "de", "united kingdom": "gb", "france": "fr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IOS:
    r"""A release: ``escapes_colons`` is the old habit of writing ``\:`` into text values."""

    release: str
    escapes_colons: bool = False

    @property
    def user_agent(self) -> str:
        """The User-Agent of its CardDAV client."""
        return f"iOS/{self.release} dataaccessd/1.0"


IOS_18 = IOS(release="18.1")
IOS_6 = IOS(release="6.1.3", escapes_colons=True)


def rewritten(lines: Sequence[Line], *, now: datetime, ios: IOS = IOS_18) -> bytes:
    """``lines`` as iOS stores them after any edit.

    New PRODID and REV; telephone numbers re-formatted, without a change of digits; the first
    e-mail, telephone, address and URL preferred; addresses in a group with their country's code; groups
    numbered anew; properties in iOS's order; folded anew.
    """
    kept = [line for line in lines if line.name not in ("PRODID", "REV")]
    kept.append(Line(name="PRODID", value=f"-//Apple Inc.//iOS {ios.release}//EN"))
    kept.append(Line(name="REV", value=f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"))
    bundles = sorted(_bundles(kept), key=_rank)
    preferred = _preferred(bundles)
    renumbered = _renumbered(tuple(_retouched(line, line in preferred, ios) for line in each) for each in bundles)
    return write(renumbered)


def as_iphone_shows(card: bytes) -> str:
    """A contact as the Contacts app shows it: name, company, fields, notes; plain text.

    A note ends at an unescaped ``;``, as it does on the phone.
    """
    lines = parse(card)
    values = {line.name: line for line in reversed(lines)}
    shown = [values["FN"].text() if "FN" in values else "No Name"]
    if "TITLE" in values:
        shown.append(values["TITLE"].text())
    organisation = [part for part in components(values["ORG"].value) if part] if "ORG" in values else []
    if organisation:
        shown.append(" - ".join(reversed(organisation)))
    shown.extend(("[photo]",) if "PHOTO" in values else ())
    shown.extend(_fields(lines))
    if "NOTE" in values:
        note = re.match(r"(?:[^\\;]|\\.)*", values["NOTE"].value, re.DOTALL)
        shown.extend(("notes", *(f"  {line}" for line in unescape(note[0] if note else "").split("\n"))))
    return "\n".join(line.rstrip() for line in shown) + "\n"


def _fields(lines: Sequence[Line]) -> Iterator[str]:
    labels = {
        each.group: each.value.removeprefix("_$!<").removesuffix(">!$_") for each in lines if each.name == "X-ABLABEL"
    }
    for name, fallback in (
        ("TEL", "phone"),
        ("EMAIL", "email"),
        ("URL", "url"),
        ("ADR", "address"),
        ("BDAY", "birthday"),
    ):
        for line in lines:
            if line.name == name:
                kinds = [each for each in line.types if each in ("WORK", "HOME", "CELL", "FAX")]
                label = labels.get(line.group, "") or " ".join(kinds).replace("CELL", "mobile") or fallback
                parts = [part for part in components(line.value) if part]
                yield f"{label.lower()}  {', '.join(parts)}".replace("\n", ", ")


def _is_label(line: Line) -> bool:
    return line.name in ("X-ABLABEL", "X-ABADR")


def _bundles(lines: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """Each property with the labels of its group, which move and are numbered together; no orphaned labels."""
    groups = {line.group: [each for each in lines if each.group == line.group] for line in lines if line.group}
    for line in lines:
        if not _is_label(line):
            yield (line, *(each for each in groups.get(line.group, ()) if _is_label(each)))


def _rank(bundle: tuple[Line, ...]) -> int:
    name = bundle[0].name
    if name in _ORDER:
        return _ORDER.index(name)
    return len(_ORDER) + (1 + _LAST.index(name) if name in _LAST else 0)


def _preferred(bundles: Sequence[tuple[Line, ...]]) -> list[Line]:
    """The lines that are to be ``pref``: of each property the one that is, else the first."""
    chosen = []
    for name in _PREFERRED:
        lines = [each[0] for each in bundles if each[0].name == name]
        chosen.extend([line for line in lines if "pref" in line.types][:1] or lines[:1])
    return chosen


def _retouched(line: Line, preferred: bool, ios: IOS) -> Line:
    value = _telephone(line.value) if line.name == "TEL" else line.value
    if ios.escapes_colons and line.name in ("NOTE", "URL", "TITLE", "ORG", "FN"):
        value = re.sub(r"(?<!\\):", r"\\:", value)
    if line.name not in _PREFERRED:
        return replace(line, value=value)
    types = [each for each in line.types if each != "pref"]
    if line.name == "EMAIL" and "INTERNET" not in types:
        types.insert(0, "INTERNET")
    if line.name == "TEL" and not {"VOICE", "FAX"} & set(types):
        types.append("VOICE")
    return replace(line, value=value, types=(*types, "pref") if preferred else tuple(types))


def _renumbered(bundles: Iterable[tuple[Line, ...]]) -> Iterator[Line]:
    number = 0
    for bundle in bundles:
        main, *labels = bundle
        if main.name == "ADR" and not any(line.name == "X-ABADR" for line in labels):
            labels.append(Line(name="X-ABADR", value=_country(main)))
        group = ""
        if labels:
            number += 1
            group = f"item{number}"
        yield from (replace(line, group=group) for line in (main, *labels))


def _country(address: Line) -> str:
    return _COUNTRIES.get(components(address.value)[-1].casefold(), "us")


def _telephone(number: str) -> str:
    """A North American number as iOS formats it; others keep their digits and lose hyphens and dots."""
    if found := re.fullmatch(r"(\+1|)\D*(\d{3})\D*(\d{3})\D*(\d{4})", number.strip()):
        country, area, exchange, line = found.groups()
        return f"{country} ({area}) {exchange}-{line}".strip()
    return re.sub(r"[-.\s/]+", " ", number).strip()
