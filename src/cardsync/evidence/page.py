"""What a web page says of people: h-cards (microformats2) and JSON-LD (schema.org).

Pure, and bounded in time and memory whatever the page holds: it is foreign.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from lxml import etree

_MOST_TEXT = 1 << 20  # characters of a page
_MOST_PROPERTIES = 2_000
_MOST_SCRIPTS, _MOST_JSON, _MOST_NODES = 20, 1 << 18, 5_000
_MOST_PEOPLE = 50
_MOST_VALUES = 11  # of a property: one more than is believed of a person's employers
_DEEPEST, _LONGEST_CLASS = 100, 1_000  # elements about one, characters
_LONGEST = 80  # characters of a value, as in a question

_TITLE: Any = etree.XPath("string((//title)[1])", smart_strings=False)
_WORDS: Any = etree.XPath(
    "(//body//text()[not(parent::script or parent::style)])[position() <= 400]", smart_strings=False
)
_PASSWORD: Any = etree.XPath("boolean(//input[@type='password'])")
_PROPERTIES: Any = etree.XPath(f"(//*[contains(@class, 'p-')])[position() <= {_MOST_PROPERTIES}]")

_PARKED = re.compile(
    r"domain (?:name )?(?:is|may be) for sale|is for sale|buy this domain|this domain is parked|domain parking"
    r"|parked (?:free|domain)|domain zu verkaufen|steht zum verkauf|ce domaine est . vendre|future home of something",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"\s*(?:log ?in|sign ?in|anmeld\w*|anmelden|connexion|iniciar sesi.n|entrar|single sign[- ]on|before you continue"
    r"|cookie consent|consent)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on a page, and what it says she does; values in one line each."""

    name: str
    organisations: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: ``parked``: nobody's page, kept for its domain; ``login``: a door and no page."""

    people: tuple[Person, ...] = ()
    parked: bool = False
    login: bool = False
    modified: datetime | None = None


def read(text: str) -> Reading:
    """Read a page; never raises."""
    tree = _parsed(text)
    if tree is None:
        return Reading()
    nodes = tuple(_nodes(_documents(tree)))
    title = _value(_TITLE(tree)[:300], 300)
    return Reading(
        people=tuple(islice(_people(tree, nodes), _MOST_PEOPLE)),
        parked=bool(_PARKED.search(title) or _PARKED.search(_visible(tree))),
        login=bool(_LOGIN.match(title)) or bool(_PASSWORD(tree)),
        modified=next(filter(None, (_moment(node.get("dateModified")) for node in nodes)), None),
    )


def _parsed(text: str) -> Any:
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=False, no_network=True, remove_comments=True, remove_pis=True, recover=True
    )
    try:
        return etree.fromstring(text[:_MOST_TEXT].encode("utf-8", "replace").replace(b"\0", b""), parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None


def _people(tree: Any, nodes: Iterable[Mapping[str, Any]]) -> Iterator[Person]:
    yield from _cards(tree)
    known = list(nodes)
    by_id = {node["@id"]: node for node in known if isinstance(node.get("@id"), str) and len(node) > 1}
    for node in known:
        name = _name(node) if "Person" in _types(node) else ""
        if name:
            organisations = _organisations(node.get("worksFor"), by_id)
            yield Person(name=name, organisations=organisations, titles=_titles(node.get("jobTitle")))


def _visible(tree: Any) -> str:
    """The words of a small page; a large one is not parked."""
    pieces = _WORDS(tree)
    return " ".join(pieces) if len(pieces) < 400 and sum(map(len, pieces)) < 5_000 else ""


def _value(text: str, longest: int = _LONGEST) -> str:
    """In one line, without control characters and semicolons; '' if it is too long to be a name."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[:2000]).replace(";", " ").split())
    return line if len(line) <= longest else ""


# ---------------------------------------------------------------- h-card


def _cards(tree: Any) -> Iterator[Person]:
    """People by their h-card (https://microformats.org/wiki/h-card); of nested ones each has its own properties."""
    found: dict[Any, dict[str, list[str]]] = {}
    for element in _PROPERTIES(tree):
        names = {"p-name", "p-org", "p-job-title"}.intersection(_classes(element))
        above = islice(element.iterancestors(), _DEEPEST) if names else ()
        card = next((one for one in above if _is_microformat(one)), None)
        if card is not None and "h-card" in _classes(card):
            for name in names:
                found.setdefault(card, {}).setdefault(name, []).append(_value(_text(element)))
    for values in found.values():
        name = next(filter(None, values.get("p-name", ())), "")
        if name:
            organisations, titles = (tuple(filter(None, values.get(key, ()))) for key in ("p-org", "p-job-title"))
            yield Person(name=name, organisations=organisations, titles=titles)


def _is_microformat(element: Any) -> bool:
    return any(name.startswith("h-") for name in _classes(element))


def _classes(element: Any) -> list[str]:
    """The first of them: a page may give an element a megabyte."""
    return (element.get("class") or "")[:_LONGEST_CLASS].split()


def _text(element: Any) -> str:
    for tag, attribute in (("data", "value"), ("input", "value"), ("abbr", "title"), ("img", "alt")):
        if element.tag == tag and element.get(attribute):
            return str(element.get(attribute))
    if _is_microformat(element):  # an employer with a card of its own
        inner = islice(element.iterdescendants(), 50)
        element = next((one for one in inner if "p-name" in _classes(one)), element)
    return " ".join(piece[:200] for piece in islice(element.itertext(), 50))


# ---------------------------------------------------------------- JSON-LD


def _documents(tree: Any) -> Iterator[Any]:
    for script in islice(tree.iter("script"), 1000):
        if (script.get("type") or "").partition(";")[0].strip().lower() != "application/ld+json":
            continue
        text = (script.text or "").strip()
        if len(text) <= _MOST_JSON:
            try:
                yield json.loads(text, strict=False)
            except (ValueError, RecursionError):
                continue


def _nodes(documents: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """All objects, from ``@graph``, lists and properties, in the order of the page."""
    waiting = list(islice(documents, _MOST_SCRIPTS))[::-1]
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            value = list(islice(value.values(), _MOST_NODES))
        if isinstance(value, list):
            waiting += [inner for inner in value[:_MOST_NODES][::-1] if isinstance(inner, dict | list)]


def _types(node: Mapping[str, Any]) -> set[str]:
    return {str(kind).rpartition("/")[2].rpartition(":")[2] for kind in _list(node.get("@type"))}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value[:_MOST_VALUES] if isinstance(value, list) else [value]


def _name(node: Mapping[str, Any]) -> str:
    for value in _list(node.get("name")):
        if isinstance(value, str) and _value(value):
            return _value(value)
    parts = [node.get(key) for key in ("givenName", "familyName")]
    return _value(" ".join(part for part in parts if isinstance(part, str))) if all(parts) else ""


def _organisations(value: Any, by_id: Mapping[str, Mapping[str, Any]], *, inside: bool = False) -> tuple[str, ...]:
    """Names of employers: text, an object or a reference to one, or a role around them that has not ended."""
    found: list[str] = []
    for one in _list(value):
        if isinstance(one, str):
            found.append(_value(one))
        elif isinstance(one, dict):
            whole = by_id.get(str(one.get("@id")), one) if len(one) == 1 else one
            if whole.get("worksFor") is not None and not inside:
                found += () if whole.get("endDate") else _organisations(whole["worksFor"], by_id, inside=True)
            else:
                found.append(_name(whole))
    return tuple(dict.fromkeys(filter(None, found)))


def _titles(value: Any) -> tuple[str, ...]:
    found = (
        _value(one) if isinstance(one, str) else _name(one) if isinstance(one, dict) else "" for one in _list(value)
    )
    return tuple(filter(None, found))


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
