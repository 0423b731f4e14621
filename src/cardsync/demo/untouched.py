"""Whether two versions of a card differ in anything but the note; by the phone's own parser."""

from collections import Counter

from cardsync.demo.apple import Line, components, parse

Property = tuple[str, str, frozenset[str], frozenset[str], tuple[str, ...]]


def properties(card: bytes) -> Counter[Property]:
    """Every property but NOTE: group, name, types, parameters, value; nothing of order, case of types or folding."""
    return Counter(_property(line) for line in parse(card) if line.name != "NOTE")


def note_of(card: bytes) -> str:
    """The note as text, "" without one."""
    return next((line.text() for line in parse(card) if line.name == "NOTE"), "")


def _property(line: Line) -> Property:
    types = frozenset(each.upper() for each in line.types)
    return line.group, line.name, types, frozenset(line.parameters), tuple(components(line.value))
