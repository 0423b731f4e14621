"""Cards in Apple's hand: vCard 3.0 lines as iOS and iCloud spell them.

The demo's address book and its phone write with this, and only they: it shares nothing with
``cardsync.vcard``, so that a mistake there is not repeated here.  It is written by hand because vobject's
serializer sorts the lines, merges the types into one parameter and upper-cases it, which iOS does not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FOLD_OCTETS = 75  # RFC 2426, section 2.6, without the line break
_ESCAPED = {"n": "\n", "N": "\n"}
_MIXED_CASE = {"X-ABLABEL": "X-ABLabel", "X-ABSHOWAS": "X-ABShowAs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One unfolded content line; ``value`` is escaped as it stands on the card.

    ``name`` is upper-case, ``types`` are the TYPE values (upper-case but ``pref``), ``parameters`` the
    other parameters as spelt, ``group`` is "" or like ``item1``.
    """

    name: str
    value: str
    types: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    group: str = ""

    def text(self) -> str:
        """The value of a plain text property, unescaped."""
        return unescape(self.value)


def escape(text: str) -> str:
    r"""``text`` as a TEXT value: ``\``, ``,``, ``;`` and line breaks escaped (RFC 2426, section 4)."""
    for plain, escaped in (("\\", "\\\\"), (",", "\\,"), (";", "\\;"), ("\r\n", "\\n"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return text


def unescape(value: str) -> str:
    r"""The text that a value stands for; an unknown escape such as old iOS's ``\:`` is its character."""
    text, rest = [], iter(value)
    for character in rest:
        if character == "\\":
            escaped = next(rest, "\\")
            text.append(_ESCAPED.get(escaped, escaped))
        else:
            text.append(character)
    return "".join(text)


def components(value: str) -> list[str]:
    """The unescaped components of a structured value (N, ORG, ADR), split at bare ``;``."""
    parts, start, escaped = [], 0, False
    for at, character in enumerate(value):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ";":
            parts.append(value[start:at])
            start = at + 1
    return [unescape(part) for part in (*parts, value[start:])]


def structured(parts: Iterable[str]) -> str:
    """``parts`` as one structured value."""
    return ";".join(escape(part) for part in parts)


def parse(card: bytes) -> list[Line]:
    """The content lines between BEGIN and END; ``ValueError`` if ``card`` is not one vCard."""
    text = card.replace(b"\r\n", b"\n").replace(b"\n ", b"").replace(b"\n\t", b"").decode()
    lines = [_line(line) for line in text.split("\n") if line]
    if len(lines) < 2 or (lines[0].name, lines[-1].name) != ("BEGIN", "END"):
        raise ValueError("not a vCard")
    return lines[1:-1]


def write(lines: Iterable[Line]) -> bytes:
    """One card: CRLF, folded at 75 octets."""
    folded = "".join(fold(_spelt(line)) for line in lines)
    return f"BEGIN:VCARD\r\n{folded}END:VCARD\r\n".encode()


def fold(line: str) -> str:
    """``line`` with its line break, folded between characters so that no part is above 75 octets."""
    if len(line) <= FOLD_OCTETS and line.isascii():
        return line + "\r\n"
    if line.isascii():
        rest = range(FOLD_OCTETS, len(line), FOLD_OCTETS - 1)
        return "\r\n ".join((line[:FOLD_OCTETS], *(line[at : at + FOLD_OCTETS - 1] for at in rest))) + "\r\n"
    parts, part, room = [], "", FOLD_OCTETS
    for character in line:
        room -= len(character.encode())
        if room < 0:
            parts.append(part)
            part, room = "", FOLD_OCTETS - 1 - len(character.encode())
        part += character
    return "\r\n ".join((*parts, part)) + "\r\n"


def _spelt(line: Line) -> str:
    head = ".".join(filter(None, (line.group, _MIXED_CASE.get(line.name, line.name))))
    return ";".join((head, *line.parameters, *(f"type={each}" for each in line.types))) + ":" + line.value


def _line(line: str) -> Line:
    head, value = _cut_outside_quotes(line)
    name, *parameters = head.split(";")
    group, _, bare = name.rpartition(".")
    types: list[str] = []
    others = []
    for parameter in parameters:
        key, separator, word = parameter.partition("=")
        if not separator:  # vCard 2.1's bare types live on in servers' copies
            types.append(key)
        elif key.upper() == "TYPE" and word.upper() != "JPEG":
            types.extend(word.strip('"').split(","))
        else:
            others.append(parameter)
    return Line(
        name=bare.upper(), value=value, types=_in_apples_case(types), parameters=tuple(others), group=group.lower()
    )


def _in_apples_case(types: Sequence[str]) -> tuple[str, ...]:
    spelt = [each.lower() if each.lower() == "pref" else each.upper() for each in types]
    return tuple(sorted(dict.fromkeys(spelt), key="pref".__eq__))


def _cut_outside_quotes(line: str) -> tuple[str, str]:
    quoted = False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == ":" and not quoted:
            return line[:at], line[at + 1 :]
    raise ValueError("a line without a value")
