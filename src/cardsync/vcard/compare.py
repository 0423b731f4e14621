"""What a server changed of a card, other than by legal re-writing."""

from collections import Counter

from cardsync.vcard.document import Document
from cardsync.vcard.lines import ContentLine, split, unescape

_STRUCTURED = frozenset({"N", "ADR", "ORG", "GENDER", "CLIENTPIDMAP"})
_CASELESS = frozenset({"TYPE", "ENCODING", "VALUE", "CHARSET"})

_Siblings = frozenset[tuple[str, str]]
_Content = tuple[str, frozenset[tuple[str, frozenset[str]]], tuple[str, ...], int]


def differences(
    sent: Document, got: Document, *, ignore: frozenset[str] = frozenset({"REV", "PRODID"}), note: bool = True
) -> tuple[str, ...]:
    """What was "lost ...", "added ..." or "changed ...", by the property's name, sorted; never a value.

    Folding, line ends, the order of lines and parameters, the case of names and types, quoting, the way of
    escaping, the names of groups (not what they label) and empty last components may differ.  NOTE is
    compared by its text; ``note=False`` leaves it to the caller.  A structural fault that only one of the two
    has comes first, as ``refusal``'s reason word.
    """
    skipped = ignore if note else ignore | {"NOTE"}
    known: dict[_Siblings, int] = {}
    before, after = _contents(sent, skipped, known), _contents(got, skipped, known)
    gone, new = {content[0] for content in before - after}, {content[0] for content in after - before}
    found = [f"lost {name}" for name in gone - new] + [f"added {name}" for name in new - gone]
    found += [f"changed {name}" for name in gone & new]
    faults = [] if got.fault == sent.fault else [got.fault or sent.fault]
    return (*faults, *sorted(found))


def same_card(one: bytes, other: bytes) -> bool:
    """Whether two servings are the same bytes but for line ends, which XML does not keep."""
    return one.replace(b"\r\n", b"\n").strip() == other.replace(b"\r\n", b"\n").strip()


def _contents(document: Document, ignore: frozenset[str], known: dict[_Siblings, int]) -> Counter[_Content]:
    """All properties as they compare; the label beside a grouped one is part of it, as a number in ``known``."""
    grouped: dict[str, set[tuple[str, str]]] = {}
    for line in document.lines:
        if line.group and line.name.startswith("X-AB"):
            grouped.setdefault(line.group, set()).add((line.name, line.text()))
    labels = {group: known.setdefault(frozenset(found), len(known) + 1) for group, found in grouped.items()}
    return Counter(
        (line.name, _params(line), _value(line), 0 if line.name.startswith("X-AB") else labels.get(line.group, 0))
        for line in document.lines
        if line.name not in ignore
    )


def _params(line: ContentLine) -> frozenset[tuple[str, frozenset[str]]]:
    params = {name: frozenset(values) for name, values in line.params.items() if any(values)}
    for name in _CASELESS & params.keys():
        params[name] = frozenset(part.strip().lower() for value in params[name] for part in value.split(","))
    if params.get("ENCODING") == frozenset({"base64"}):
        params["ENCODING"] = frozenset({"b"})
    if params.get("CHARSET") == frozenset({"utf-8"}):
        del params["CHARSET"]
    return frozenset(params.items())


def _value(line: ContentLine) -> tuple[str, ...]:
    if line.name == "CATEGORIES":
        return tuple(unescape(part) for part in split(line.characters(), ","))
    if line.name in _STRUCTURED:
        parts = [unescape(part) for part in split(line.characters(), ";")]
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
        return tuple(parts)
    return (line.text(),)
