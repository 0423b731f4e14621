"""A scanned card as the ``Contact`` that the decisions need, and the form in which its values compare."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cardsync.model import Contact, ContactKind, WorkField
from cardsync.stream_safe import normalized
from cardsync.vcard.document import Document
from cardsync.vcard.lines import ContentLine
from cardsync.vcard.note import note_text

_TYPED = {
    "EMAIL": WorkField.EMAIL,
    "TEL": WorkField.PHONE,
    "URL": WorkField.URL,
    "ADR": WorkField.ADDRESS,
}
_WORK_LABELS = frozenset(
    {
        "work",
        "office",
        "business",
        "company",
        "job",
        "arbeit",
        "büro",
        "buero",
        "firma",
        "geschäftlich",
        "dienstlich",
        "travail",
        "bureau",
        "professionnel",
        "trabajo",
        "oficina",
        "empresa",
        "trabalho",
        "escritório",
        "lavoro",
        "ufficio",
        "werk",
        "kantoor",
    }
)
_HOME_LABELS = frozenset(
    {"home", "private", "privat", "zuhause", "domicile", "casa", "hogar", "maison", "particulier", "thuis"}
)
_NO_CALLS = frozenset({"fax", "pager", "telefax", "beeper", "localizador"})
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_", re.DOTALL)
_BUMPS_REV = re.compile(r"Apple Inc\.//(?:iOS|iPadOS|iPhone OS|macOS|Mac OS X|Address Book)\b", re.IGNORECASE)
_SCHEME_AND_HOST = re.compile(r"(?:([a-z][a-z0-9+.-]*+):(?://)?)?+([^/?#]*+)(.*)", re.IGNORECASE | re.DOTALL)
_EXTENSION = re.compile(r"extension|ext|x(?=\d)")

_Work = dict[WorkField, dict[str, None]]  # the values in the card's order, each once


def contact_of(document: Document) -> Contact:
    """Who this is and where she works; reads any card that scans, whether or not it may be written."""
    labels = _labels(document)
    work: _Work = {}
    personal_emails: dict[str, None] = {}
    urls = (_display(line) for line in document.lines if line.name in {"URL", "X-SOCIALPROFILE"})
    for line in document.lines:
        if line.name in _TYPED:
            value = _display(line)
            if _is_work(line, labels):
                _add(work, _TYPED[line.name], value)
            elif line.name == "EMAIL" and value:
                personal_emails[value] = None
        elif line.name == "ORG":
            organisation, *departments = (_one_line(part) for part in line.parts())
            _add(work, WorkField.ORGANISATION, organisation)
            _add(work, WorkField.DEPARTMENT, ", ".join(filter(None, departments)))
        elif line.name in {"TITLE", "ROLE"}:
            _add(work, WorkField(line.name.lower()), _one_line(line.text()))
    name, given_name = _names(document, work, personal_emails)
    return Contact(
        uid=document.text("UID"),
        name=name,
        given_name=given_name,
        kind=_kind(document),
        work={which: tuple(values) for which, values in work.items()},
        personal_emails=tuple(personal_emails),
        urls=tuple(dict.fromkeys(filter(None, urls))),
        note=note_text(document),
        revised=_moment(document.text("REV")),
        bumps_rev=_BUMPS_REV.search(document.text("PRODID")) is not None,
    )


def comparable(which: WorkField, value: str) -> str:
    """The form in which two values of a work field are equal if only a phone or server re-formatted them."""
    text = _one_line(normalized("NFC", value))
    match which:
        case WorkField.PHONE:
            text = _EXTENSION.sub("", text.casefold().removeprefix("tel:"))
            return "".join(str(unicodedata.digit(c, c)) for c in text if c.isalnum()) or text
        case WorkField.EMAIL:
            return text.casefold().removeprefix("mailto:")
        case WorkField.URL:
            match = _SCHEME_AND_HOST.fullmatch(text)
            assert match is not None  # noqa: S101 - the pattern's last part takes anything
            scheme, host, path = match.groups()
            return f"{(scheme or 'http').lower()}://{host.lower()}{path.rstrip('/')}"
        case WorkField.ADDRESS:
            return ", ".join(filter(None, (part.strip() for part in text.split(","))))
        case _:
            return text.rstrip("; ")


def work_keys(contact: Contact) -> dict[WorkField, frozenset[str]]:
    """The ``comparable`` forms of each work field that the contact has."""
    return {which: frozenset(comparable(which, value) for value in values) for which, values in contact.work.items()}


def _add(work: _Work, which: WorkField, value: str) -> None:
    if value:
        work.setdefault(which, {})[value] = None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _labels(document: Document) -> Mapping[str, str]:
    """Apple's labels by group: ``item1.X-ABLabel:_$!<Work>!$_`` speaks of the other ``item1.`` properties."""
    labels: dict[str, str] = {}
    for line in document.all("X-ABLABEL"):
        text = line.text().strip()
        apple = _APPLE_LABEL.fullmatch(text)
        labels.setdefault(line.group, (apple[1] if apple else text).casefold())
    return labels


def _is_work(line: ContentLine, labels: Mapping[str, str]) -> bool:
    label = frozenset(re.findall(r"\w+", labels.get(line.group, ""))) if line.group else frozenset()
    if line.name == "TEL" and (line.types | label) & _NO_CALLS:
        return False
    if label & _WORK_LABELS:
        return True
    return "work" in line.types and not label & _HOME_LABELS


def _display(line: ContentLine) -> str:
    match line.name:
        case "ADR":
            return ", ".join(filter(None, (_one_line(part) for part in line.parts())))
        case "TEL":
            return _one_line(line.text()).removeprefix("tel:")
        case "EMAIL":
            return _one_line(line.text()).removeprefix("mailto:")
        case _:
            return _one_line(line.text())


def _names(document: Document, work: _Work, emails: Iterable[str]) -> tuple[str, str]:
    """The name shown, from FN or what else there is, and the given name (or the name again without one)."""
    line = document.first("N")
    family, given, *_ = (*(_one_line(part) for part in (line.parts() if line else ())), "", "")
    others = [*work.get(WorkField.ORGANISATION, ()), *work.get(WorkField.EMAIL, ()), *emails]
    name = _one_line(document.text("FN")) or f"{given} {family}".strip() or next(iter(others), "")
    return name, given or name


def _kind(document: Document) -> ContactKind:
    if document.is_group:
        return ContactKind.GROUP
    company = document.text("X-ABSHOWAS").upper() == "COMPANY" or document.text("KIND").lower() == "org"
    return ContactKind.COMPANY if company else ContactKind.PERSON


def _moment(text: str) -> datetime | None:
    """REV (RFC 6350, section 6.7.4) in its basic, extended and date-only forms; without a zone it is UTC.

    Before 1970 it is some program's idea of "never".
    """
    try:
        moment = datetime.fromisoformat(text.upper())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= 1970 else None
