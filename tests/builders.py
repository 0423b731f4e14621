"""Cards for tests, as bytes."""

from collections.abc import Iterable


def card(
    *lines: str, version: str = "3.0", uid: str = "3F2A-77", name: str = "Ruiz;Jo;;;", newline: str = "\r\n"
) -> bytes:
    """A card that may be edited, with ``lines`` (folded or not, their folds in any form) between FN and UID."""
    family, given, *_ = name.split(";")
    head = ["BEGIN:VCARD", f"VERSION:{version}", f"N:{name}", f"FN:{given} {family}"]
    return joined([*head, *lines, f"UID:{uid}", "END:VCARD"], newline)


def apple_group(name: str, members: Iterable[str], *, uid: str = "G-1") -> bytes:
    """A group card as the iPhone writes it."""
    members = (f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{member}" for member in members)
    head = ["BEGIN:VCARD", "VERSION:3.0", f"N:{name};;;;", f"FN:{name}", "X-ADDRESSBOOKSERVER-KIND:group"]
    return joined([*head, *members, f"UID:{uid}", "END:VCARD"], "\r\n")


def joined(lines: Iterable[str], newline: str) -> bytes:
    """The lines, each with its end; ``\\n`` within a line (before a fold's space) becomes the line end too."""
    return "".join(line.replace("\n", newline) + newline for line in lines).encode()
