"""Fuzzed cards: damaged real ones, damaged invented ones, and large ones."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING

import cards as bench
import naive
from asking import BLOCK, asked
from builders import apple_group
from builders import card as built
from cardsync.annotate import read
from cardsync.annotate.recognise import recognise
from cardsync.errors import CardRefused
from cardsync.policy import Position
from cardsync.vcard.compare import differences
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan
from cardsync.vcard.note import insert, note_text
from torture import one_card
from torture.mutated import listed, mutated

if TYPE_CHECKING:
    from torture.fuzz import Cpu

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
REASONS = frozenset(
    listed(
        "unreadable|too-large|nul|bare-cr|mixed-line-ends|not-utf8|nested|several-cards|no-end|unscannable-line|version"
        "|group|no-name|no-formatted-name|no-uid|note-encoding|note-charset|note-altid|note-value|note-backslash"
        "|note-head-folded"
    )
)
"""Why a card is not written, as the owner may come to read it."""

WITNESSED = 64 << 10  # bytes; the witness reader is slow, and a larger card is no other case
_TOKENS = tuple(
    token.replace("\n", "\r\n").encode()
    for token in listed(
        "\nNOTE:x, y\n|\nitem1.NOTE;LANGUAGE=en:\n|\nNOTE;ENCODING=QUOTED-PRINTABLE:a=\n|BEGIN:VCARD\n|\nEND:VCARD\n"
        "|\nVERSION:3.0\n|\nVERSION:4.0\n|\nUID:urn:uuid:1\n|\nFN:Jo\n|\nN:;;;;\n|\nX-ADDRESSBOOKSERVER-KIND:group\n"
        "|\nCATEGORIES:VIP,a\\,b\n|;CHARSET=ISO-2022-JP|;CHARSET=utf-7|;VALUE=uri|;ALTID=1|;ENCODING=b|;TYPE=a,b,"
        '|\\n|\\\\|\\;|^n|^|"|":|=\n|=C3|\n |\n\t|item1.|\nX-ABLabel:_$!<Work>!$_\n|\nREV:99999-13-45T99\n|\nKIND:org\n'
        "|\nREV:0001-01-01T00:00:00Z\n|\nPRODID:-//Apple Inc.//iOS 17.4//EN\n"
        "|\nTEL;TYPE=WORK:tel:²x3\n|\nURL;TYPE=WORK:h://[::\n|\nORG:a;b\\;c;\n|\u2028|\x85|\x0b|\x0c|\u202e"
    )
)


@cache
def seeds() -> tuple[bytes, ...]:
    """The real cards, where they are, and invented ones."""
    invented = (
        built(newline="\n"),
        built("NOTE:hello\\, you", version="4.0"),
        built("item1.NOTE;LANGUAGE=de:Grüße aus 日本\n  und so\\nweiter", "item1.X-ABLabel:_$!<Work>!$_"),
        built("NOTE:", "NOTE:second", "ORG:Acme;Sales", "TITLE:VP", "EMAIL;TYPE=WORK:a@acme.example"),
        built("PHOTO;ENCODING=b:" + "QUJD" * 60, "CATEGORIES:VIP,Friends", "REV:2017-05-01T12:00:00Z", newline="\n"),
        apple_group("VIP", ["1", "2", "g-1"]),
    )
    real = sorted(path for path in CORPUS.rglob("*") if path.suffix == ".vcf") if CORPUS.is_dir() else ()
    return (*invented, *(path.read_bytes() for path in real))


def card(rng: Random, cpu: "Cpu", _folder: Path) -> str:
    """A damaged card: refused with a documented reason, or all that is promised of a card that is written."""
    gently = rng.random() < 0.5
    start = rng.choice(seeds()[:6] if rng.random() < 0.4 else seeds())
    data = mutated(rng, start, seeds(), _TOKENS, gently=gently)
    try:
        refused = bench.read_all(data, cpu)
    except CardRefused as error:
        refused = error
    if refused is not None:
        assert refused.reason in REASONS, f"no documented reason: {refused.reason}"
        assert str(refused).endswith("."), f"no sentence: {refused}"
        return "refused"
    _check_contact(data)
    one_card.assessed(data, cpu)
    _check_promises(rng, data, cpu)
    one_card.compared(data, cpu)
    return "accepted"


def _check_contact(data: bytes) -> None:
    contact = contact_of(scan(data))
    shown = [contact.name, contact.given_name, *(value for values in contact.work.values() for value in values)]
    assert not any("\n" in text or "\r" in text for text in shown), "a value has two lines"
    assert all(all(values) for values in contact.work.values()), "an empty value"


def _check_promises(rng: Random, data: bytes, cpu: "Cpu") -> None:
    if len(data) > WITNESSED:
        return
    block, position = rng.choice(bench.BLOCKS), rng.choice(list(Position))
    try:
        broken = list(bench.broken_promises(data, block, position, cpu))
    except CardRefused as refused:  # what is known only where the block would stand
        assert refused.reason == "note-head-folded", refused.reason
        return
    assert not broken, ", ".join(broken)
    document = scan(data)
    for how, other in naive.refoldings(data).items():
        assert not differences(document, scan(other)), f"another folding ({how}) is taken for a difference"


def read_and_edit(data: bytes, cpu: "Cpu") -> None:
    """Everything that a cycle does with one card, and the edit undone."""
    if bench.read_all(data, cpu) is None:
        one_card.assessed(data, cpu)
        one_card.compared(data, cpu)
        block = BLOCK.replace("Acme", "Initech")  # one that is not on the card already
        after = cpu.call(lambda: insert(data, block, Position.TOP))
        assert cpu.call(lambda: bench.remove(after, block, Position.TOP)) == data, (
            "remove(insert(card)) is another card"
        )
        question, now = asked(note_text(scan(data)), block=block), note_text(scan(after))
        cpu.call(lambda: read.read(question, now, frozenset()))
        cpu.call(lambda: recognise(now, ["VIPcheck"], {}))


LETTERS = "a" * 60
IPHONE = "PRODID:-//Apple Inc.//iOS 17.4//EN\n"


def _filled(before: str, piece: str, behind: str = "") -> Callable[[int], bytes]:
    return lambda size: built(before + piece * (size // len(piece.encode())) + behind)


def _numbered(line: str) -> Callable[[int], bytes]:
    """Lines of which no two are the same."""
    return lambda size: built(*(line.replace("{}", str(at)) for at in range(size // (len(line) + 6))))


SHAPES: Mapping[str, Callable[[int], bytes]] = MappingProxyType(
    {
        "a photo": _filled("PHOTO;ENCODING=b:", "QUJDREVG" * 9 + "\n "),
        "lines": _filled("X-A:b\n", "X-ABCDEF:abc def ghi jkl\n", "X-A:b"),
        "types": _filled("TEL;TYPE=", "a,", "a:1"),
        "parameters": _filled("TEL", ";A=b", ":1"),
        "a note": _filled("NOTE:", "All work and no play\\, "),
        "a note of escapes": _filled("NOTE:", "\\n\\\\"),
        "a note of folds": _filled("NOTE:x", "\n y"),
        "a note of our blocks": _filled("NOTE:", BLOCK.replace("\n", "\\n") + "\\n\\n"),
        "a note of labels": _filled("NOTE:", "VIPcheck: \\n"),
        "an organisation": _filled("ORG:", "a\\;b;"),
        "an organisation of words": _filled(f"EMAIL;TYPE=WORK:jo@{LETTERS}c.com\nORG:", f"{LETTERS} "),
        "an organisation of parts": _filled("TITLE:VP\nORG:", "Ab/Cd at "),
        "organisations": _filled("TITLE:VP\n", "ORG:Acme;Sales\n", "X-A:b"),
        "addresses": _numbered("EMAIL;TYPE=WORK:a@mail.initech-{}.example"),
        "a domain": _filled("ORG:Acme\nEMAIL;TYPE=WORK:jo@", "a.", "example"),
        "a revision in the year 1": _filled(f"{IPHONE}REV:0001-01-01T00:00:00Z\nORG:Acme\nX-A:", "b "),
        "properties": _numbered("X-{}:abc def ghi jkl"),
        "numbers": _numbered("TEL;TYPE=WORK,A{}:+1 555 {}"),
        "one UID many times": _filled("X-A:b\n", "UID:urn:uuid:3F2A-77\n", "X-A:b"),
        "categories": _filled("CATEGORIES:x", ",VIP-x"),
        "quoted-printable": _filled("X-Q;ENCODING=QUOTED-PRINTABLE:", "=41=\n", "x"),
        "members": lambda size: apple_group("VIP", (f"{at:08x}-0000" for at in range(size // 60))),
    }
)
"""Cards whose size, in bytes, is about what was asked for."""
