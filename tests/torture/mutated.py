"""Bytes that were damaged as disks, programs and people damage them; all of it follows from a ``Random``."""

import re
from collections.abc import Callable, Sequence
from random import Random

_SPECIAL = b"\r\n \t:;,\\\"'=^.\0\x0b\x0c\x1b\x7f\x80\x85\xa8\xc2\xc3\xe2\xed\xff<>&[]{}#-_0aA"
_FOLD = re.compile(rb"\r?\n[ \t]")
_HUGE = (300, 5_000, 70_000)

Mutation = Callable[[Random, bytes], bytes]


def listed(text: str) -> tuple[str, ...]:
    """The parts between bars."""
    return tuple(text.split("|"))


def mutated(rng: Random, data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], *, gently: bool) -> bytes:
    """``data`` after one to four mutations; ``gently``: only such as other clients do to good data, too.

    ``others`` are what it is spliced with, ``tokens`` what means something where it may come to stand.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        if not gently and rng.random() < 0.1:
            data = data[: _place(rng, data)] + (other := rng.choice(others))[_place(rng, other) :]
        elif rng.random() < 0.25:
            at = _place(rng, data)
            data = data[:at] + rng.choice(tokens) + data[at:]
        else:
            data = rng.choice(GENTLE if gently or rng.random() < 0.3 else ROUGH)(rng, data)
    return data


def _place(rng: Random, data: bytes) -> int:
    return rng.randint(0, len(data))


def _slice(rng: Random, data: bytes) -> tuple[int, int]:
    start = _place(rng, data)
    return start, min(len(data), start + rng.choice((1, 2, 8, 60, 400, 4000)))


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True) if b"\n" in data else [data]


# ---------------------------------------------------------------- as clients do


def refolded(rng: Random, data: bytes) -> bytes:
    """Folds at any places, inside characters and escapes."""
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    for at in sorted((_place(rng, data) for _ in range(rng.randint(1, 6))), reverse=True):
        data = data[:at] + newline + rng.choice((b" ", b"\t")) + data[at:]
    return data


def unfolded(rng: Random, data: bytes) -> bytes:
    """No folds at all."""
    return _FOLD.sub(b"", data)


def other_line_ends(rng: Random, data: bytes) -> bytes:
    """CRLF to LF, or back."""
    plain = data.replace(b"\r\n", b"\n")
    return plain if b"\r\n" in data else plain.replace(b"\n", b"\r\n")


def moved_line(rng: Random, data: bytes) -> bytes:
    """Two lines change places."""
    lines = _lines(data)
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def other_case(rng: Random, data: bytes) -> bytes:
    """A piece in the other case."""
    start, stop = _slice(rng, data)
    return data[:start] + data[start:stop].swapcase() + data[stop:]


def typed(rng: Random, data: bytes) -> bytes:
    """A few characters of any script, typed somewhere."""
    at = _place(rng, data)
    text = "".join(rng.choice(" :;,\\\t\"'=^äß日🙂é\u0301\u2028\x85\u202e\u200bxyz") for _ in range(rng.randint(1, 90)))
    return data[:at] + text.encode() + data[at:]


# ---------------------------------------------------------------- as nobody should


def flipped(rng: Random, data: bytes) -> bytes:
    """Some bytes are others."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.choice(_SPECIAL) if rng.random() < 0.7 else rng.randrange(256)
    return bytes(changed)


def deleted(rng: Random, data: bytes) -> bytes:
    """A piece is gone."""
    start, stop = _slice(rng, data)
    return data[:start] + data[stop:]


def repeated(rng: Random, data: bytes) -> bytes:
    """A piece is there again, or again and again."""
    start, stop = _slice(rng, data)
    piece = data[start:stop]
    times = rng.choice((1, 1, 2, 40)) if rng.random() < 0.9 else rng.choice(_HUGE) // max(1, len(piece))
    return data[:stop] + piece * times + data[stop:]


def truncated(rng: Random, data: bytes) -> bytes:
    """Cut off."""
    return data[: _place(rng, data)]


def line_deleted(rng: Random, data: bytes) -> bytes:
    """A line is gone."""
    lines = _lines(data)
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def line_repeated(rng: Random, data: bytes) -> bytes:
    """A line is there twice."""
    lines = _lines(data)
    at = rng.randrange(len(lines))
    return b"".join([*lines[:at], lines[at], *lines[at:]])


def huge_line(rng: Random, data: bytes) -> bytes:
    """A line in which a piece goes on and on."""
    at = _place(rng, data)
    piece = bytes(rng.choice(_SPECIAL) for _ in range(rng.randint(1, 3))).replace(b"\n", b"")
    return data[:at] + piece * (rng.choice(_HUGE) // max(1, len(piece))) + data[at:]


def other_charset(rng: Random, data: bytes) -> bytes:
    """Some or all of it is not UTF-8."""
    match rng.randrange(4):
        case 0:
            return b"\xef\xbb\xbf" + data
        case 1:
            return data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-16-be", "utf-7")))
        case 2:
            return data.decode("utf-8", "replace").encode("latin-1", "replace")
        case _:
            start, stop = _slice(rng, data)
            damaged = data[start:stop].decode("latin-1").encode("utf-8")  # encoded twice
            return data[:start] + damaged + data[stop:]


GENTLE: tuple[Mutation, ...] = (refolded, unfolded, other_line_ends, moved_line, other_case, typed)
ROUGH: tuple[Mutation, ...] = (
    flipped,
    deleted,
    repeated,
    truncated,
    line_deleted,
    line_repeated,
    huge_line,
    other_charset,
)
