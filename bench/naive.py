"""A second, slow and simple vCard reader that shares nothing with cardsync's: the benchmarks' and tests' witness."""

from collections.abc import Callable

_ESCAPES = {"n": "\n", "N": "\n", ",": ",", ";": ";", "\\": "\\", ":": ":", '"': '"'}


def physical_lines(data: bytes) -> list[bytes]:
    """Lines without their ends, the empty one behind the last line end left out."""
    lines = [line[:-1] if line[-1:] == b"\r" else line for line in data.split(b"\n")]
    return lines[:-1] if lines and not lines[-1] else lines


def content_lines(data: bytes) -> list[bytes]:
    """Unfolded lines."""
    lines: list[list[bytes]] = []
    for line in physical_lines(data):
        if lines and line[:1] in {b" ", b"\t"}:
            lines[-1].append(line[1:])
        else:
            lines.append([line])
    return [b"".join(pieces) for pieces in lines]


def colon(line: bytes) -> int:
    """Where the head of an unfolded line ends: the first colon outside double quotes."""
    at = 0
    for number, piece in enumerate(line.split(b'"')):
        if number % 2 == 0 and b":" in piece:
            return at + piece.index(b":")
        at += len(piece) + 1
    return len(line)


def name(line: bytes) -> str:
    """The property name of an unfolded line, upper case, without group and parameters."""
    head = line[: colon(line)].decode("utf-8", "replace").upper()
    return head.split(";")[0].split(".")[-1]


def note(data: bytes) -> str | None:
    """The text of the first NOTE; None without one."""
    for line in content_lines(data):
        if name(line) == "NOTE":
            return unescaped(line[colon(line) + 1 :].decode())
    return None


def others(data: bytes) -> list[bytes]:
    """All unfolded lines but the first NOTE, in order."""
    lines = content_lines(data)
    first = next((i for i, line in enumerate(lines) if name(line) == "NOTE"), len(lines))
    return lines[:first] + lines[first + 1 :]


def unescaped(text: str) -> str:
    """Backslash pairs undone, one character after the other."""
    out, at = [], 0
    while at < len(text):
        pair = text[at] == "\\" and text[at + 1 : at + 2] in _ESCAPES and at + 1 < len(text)
        out.append(_ESCAPES[text[at + 1]] if pair else text[at])
        at += 2 if pair else 1
    return "".join(out)


def _refolded(data: bytes, newline: bytes, cut: Callable[[bytes], list[bytes]]) -> bytes:
    lines = ((newline + b" ").join(cut(line)) for line in content_lines(data))
    return newline.join(lines) + newline


def _at_characters(line: bytes) -> list[bytes]:
    pieces, current = [], b""
    for character in line.decode("utf-8", "surrogateescape"):
        octets = character.encode("utf-8", "surrogateescape")
        if len(current) + len(octets) > 74:
            pieces.append(current)
            current = b""
        current += octets
    return [*pieces, current]


def _at_octets(size: int) -> Callable[[bytes], list[bytes]]:
    return lambda line: [line[at : at + size] for at in range(0, len(line), size)] or [b""]


def refoldings(data: bytes) -> dict[str, bytes]:
    """The same card as other clients would fold it, all of them legal (RFC 6350, section 3.2)."""
    return {
        "characters": _refolded(data, b"\r\n", _at_characters),
        "octets": _refolded(data, b"\r\n", _at_octets(73)),  # inside characters, too
        "short": _refolded(data, b"\n", _at_octets(3)),  # inside heads and escapes, too
        "none": _refolded(data, b"\n", lambda line: [line]),
    }
