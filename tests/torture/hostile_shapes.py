"""Cards that mean harm, with what is to become of each: asked about like any other, or refused with a reason."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from asking import BLOCK
from builders import apple_group
from loop import person

ESCAPES = "\x1b]8;;https://evil.example\x07\x1b[38;5;99m\x9b31m\u202e\u200b\u2066"
"""A link, a bell, colours in seven and eight bits, what turns a line round, and what shows nothing."""

NAMES = "names"  # the UID of the card whose every value holds them


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """``reason`` "": the card is asked about; "adopted": a block stands on it already."""

    card: bytes
    reason: str = ""


def hostile(size: int) -> Mapping[str, Hostile]:
    """By UID; the large ones have about ``size`` bytes, those that people really have up to ten times as much."""
    many = size // 50
    asked = {
        "lines": person("lines", None, *(f"X-LINE-{at}:a line of hers" for at in range(5 * many))),
        "types": person("types", "hi", f"TEL;TYPE={'a,' * (size // 2)}a:+49 30 1"),
        "photo": person("photo", "hi", f"PHOTO;ENCODING=b;TYPE=JPEG:{_photo(8 * size)}"),
        "long": person("long", "All work and no play, all day. " * (size // 6)),
        "folds": person("folds", None, raw_note="x" + "\n y" * (size // 40)),
        "labels": person("labels", "VIPcheck: call her\nType: ok\nCheck: still there?\n" * (size // 100)),
        "categories": person("categories", None, "CATEGORIES:" + ",".join(f"C{at}" for at in range(many // 2))),
        "organisation": person("organisation").replace(
            b"ORG:Acme Robotics;Sales", b"ORG:" + b"Acme\\;\x1b[2J " * (size // 100) + b";Sales"
        ),
        NAMES: _replaced(
            person(NAMES, f"{ESCAPES}mine"),
            {"FN:names Ruiz": f"FN:Nam{ESCAPES}es\\nRuiz", "TITLE:": f"TITLE:{ESCAPES}", "ORG:": f"ORG:{ESCAPES}"},
        ),
        "separators": _replaced(
            person("separators", "a\u2028b\x85c\x0bd\x0ce"), {"TITLE:VP": "TITLE:VP\u2028\x85\x0b\x0c"}
        ),
        "two-notes": person("two-notes", "first", "NOTE:second"),
        "colons": person("colons", None, raw_note="::: :"),
        "../../../outside": person("../../../outside", "hi"),
        "line\\nX-Injected: yes": person("line\\nX-Injected: yes", "hi"),
    }
    refused = {
        "nul": (person("nul").replace(b"VP Sales", b"VP\0Sales"), "nul"),
        "nested": (person("nested", None, "BEGIN:VCARD", "FN:Inner", "END:VCARD"), "nested"),
        "several": (person("several") + person("another"), "several-cards"),
        "encoded": (person("encoded", None, "NOTE;ENCODING=QUOTED-PRINTABLE:a=20b"), "note-encoding"),
        "charset": (person("charset", None, "NOTE;CHARSET=ISO-8859-1:a"), "note-charset"),
        "bare-cr": (person("bare-cr").replace(b"VP Sales", b"VP\rSales"), "bare-cr"),
        "latin": (person("latin").replace(b"VP Sales", b"VP S\xe4les"), "not-utf8"),
        "mixed": (person("mixed").replace(b"VP Sales\r\n", b"VP Sales\n"), "mixed-line-ends"),
        "no-end": (person("no-end").replace(b"END:VCARD\r\n", b""), "no-end"),
        "backslash": (person("backslash", None, raw_note="a\\"), "note-backslash"),
        "ours": (person("ours", BLOCK), "adopted"),
        "copies": (person("copies", f"mine\n\n{BLOCK}\n\n{BLOCK}\n\nmine too"), "adopted"),
    }
    return {uid: Hostile(card=card) for uid, card in asked.items()} | {
        uid: Hostile(card=card, reason=reason) for uid, (card, reason) in refused.items()
    }


def group(members: list[str], size: int) -> bytes:
    """The list VIP: with itself, members twice and in another case, and as many unknown ones as there is room for."""
    unknown = (f"{at:08x}-0000-4000" for at in range(size // 10))
    return apple_group("VIP", [*unknown, "G-1", *members, *members, *(uid.upper() for uid in members)], uid="G-1")


def _photo(size: int) -> str:
    text = base64.b64encode(bytes(size * 3 // 4)).decode()
    return "\n ".join(text[at : at + 70] for at in range(0, len(text), 70))


def _replaced(card: bytes, values: Mapping[str, str]) -> bytes:
    for old, new in values.items():
        card = card.replace(f"\r\n{old}".encode(), f"\r\n{new}".encode())
    return card
