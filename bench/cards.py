"""What cardsync would do to a folder of cards: ``python bench/cards.py DIR``.

For all .vcf files below DIR, one card each: how many are accepted, how many refused and why, and how often an accepted
card breaks one of the promises that are made about the edit of its note, with several blocks and both positions.
Prints ``name = value`` lines.  ``slowest_ms`` is the slowest single call of ours; the speeds are ratios against vobject
on the same cards in the same run.  Exit code 1 if a promise is broken or anything crashes, else 0.
"""

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import naive
from cardsync.errors import CardRefused
from cardsync.policy import Position
from cardsync.vcard.compare import differences
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import fragile, peek, refusal, scan
from cardsync.vcard.groups import group_of
from cardsync.vcard.note import SEPARATOR, cut, insert, note_text

T = TypeVar("T")
BLOCKS = (
    "VIPcheck: still VP Sales at Acme? (last sure Mar 2024)\nType: ok / left / later / never",
    "VIPcheck: noch „Leiterin, Süd“ bei C:\\Größe & Co? 日本電気株式会社の部長ですか 🙂🙂🙂\nTippen:     ok / nie\nx",
    "VIPcheck: ?",
)
PROMISES = (
    "remove_insert_identity",
    "insert_idempotent",
    "update_is_remove_plus_insert",
    "other_lines_unchanged",
    "new_lines_within_75_octets",
    "valid_utf8",
    "independent_parser_reads_note",
    "refolding_then_remove_keeps_note",
)
LARGEST = 32 * 1024 * 1024  # bytes; no server takes such a card, so it is not even read
LARGE = 128 * 1024  # bytes; one block is enough for such a card: the witness is slow
SAMPLE = 300  # cards whose reading is timed against vobject's


class Slowest:
    """Times every call of ours."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def call(self, function: Callable[[], T]) -> T:
        """What ``function`` returns, timed."""
        start = time.perf_counter()
        try:
            return function()
        finally:
            self.seconds = max(self.seconds, time.perf_counter() - start)


def remove(data: bytes, block: str, position: Position) -> bytes:
    """The card without ``block`` and its separator: the inverse of ``insert``, byte for byte.

    A separator that has become shorter is tolerated; a card without that block comes back unchanged.
    """
    text = note_text(scan(data))
    if text in {block, block + SEPARATOR}:
        return cut(data, [(0, len(text))])
    if position is Position.TOP and text.startswith(block + "\n"):
        return cut(data, [(0, len(block) + (2 if text.startswith(SEPARATOR, len(block)) else 1))])
    if position is Position.BOTTOM and text.endswith("\n" + block):
        start = len(text) - len(block)
        return cut(data, [(start - (2 if text.endswith(SEPARATOR, 0, start) else 1), len(text))])
    return data


def broken_promises(data: bytes, block: str, position: Position, slowest: Slowest) -> Iterator[str]:
    """The promises that an edit of this accepted card breaks."""
    after = slowest.call(lambda: insert(data, block, position))
    if slowest.call(lambda: remove(after, block, position)) != data:
        yield "remove_insert_identity"
    if insert(after, block, position) != after:
        yield "insert_idempotent"
    if insert(remove(after, block, position), BLOCKS[0], position) != insert(data, BLOCKS[0], position):
        yield "update_is_remove_plus_insert"
    if naive.others(after) != naive.others(data):
        yield "other_lines_unchanged"
    if too_long(data, after):
        yield "new_lines_within_75_octets"
    if invalid_utf8(after) > invalid_utf8(data):
        yield "valid_utf8"
    before = naive.note(data)
    if naive.note(after) != intended(before, block, position):
        yield "independent_parser_reads_note"
    if any(naive.note(remove(other, block, position)) != before for other in naive.refoldings(after).values()):
        yield "refolding_then_remove_keeps_note"


def intended(note: str | None, block: str, position: Position) -> str:
    """The note that shows the block beside the user's text."""
    if note is None:
        return block
    return note + SEPARATOR + block if note and position is Position.BOTTOM else block + SEPARATOR + note


def too_long(before: bytes, after: bytes) -> list[bytes]:
    """New physical lines of more than 75 octets that are not what a line was that had been longer before."""
    old, new = Counter(naive.physical_lines(before)), Counter(naive.physical_lines(after))
    long = [line for line in old if len(line) > 75]
    return [
        line
        for line in new - old
        if len(line) > 75
        and not any(len(line) <= len(was) and (was.startswith(line) or was.endswith(line[5:])) for was in long)
    ]


def invalid_utf8(data: bytes) -> int:
    """How many physical lines are no UTF-8 by themselves."""
    return sum(line.decode("utf-8", "replace").encode() != line for line in naive.physical_lines(data))


def read_all(data: bytes, slowest: Slowest) -> CardRefused | None:
    """Every reading function of ours on one card; why it must not be edited."""
    document = slowest.call(lambda: scan(data))
    slowest.call(lambda: peek(data))
    contact = slowest.call(lambda: contact_of(document))
    for read in (lambda: work_keys(contact), lambda: group_of(document), lambda: fragile(document)):
        slowest.call(read)
    if slowest.call(lambda: differences(document, document)):
        raise AssertionError("a card differs from itself")
    return slowest.call(lambda: refusal(document))


class TooSlowError(Exception):
    """vobject did not come back."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def speeds(cards: list[bytes]) -> dict[str, float]:
    """How much faster than ``vobject.readOne`` ours read the cards that vobject reads in half a second."""
    import vobject

    ours: dict[str, Callable[[bytes], object]] = {
        "scan": scan,
        "peek": peek,
        "note_text": lambda data: note_text(scan(data)),
    }
    spent: Counter[str] = Counter()
    for data in cards[:: len(cards) // SAMPLE + 1]:
        try:
            start = time.perf_counter()
            with time_limit(0.5):
                vobject.readOne(data.decode())
        except Exception:  # noqa: BLE001, S112 - it raises whatever comes to its mind; such a card is not timed
            continue
        spent["vobject"] += time.perf_counter() - start  # type: ignore[assignment] # a Counter adds up floats as well
        for name, function in ours.items():
            start = time.perf_counter()
            function(data)
            spent[name] += time.perf_counter() - start  # type: ignore[assignment] # as above
    return {name: spent["vobject"] / spent[name] if spent[name] else 0.0 for name in ours}


def paths(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".vcf" and path.is_file())


def report(folder: Path) -> int:
    """Print the figures; the exit code."""
    refusals: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    slowest, accepted, cards, crashes = Slowest(), [], 0, 0
    for path in paths(folder):
        cards += 1
        try:
            if path.stat().st_size > LARGEST:
                refusals["too-large"] += 1
                continue
            data = path.read_bytes()
            refused = read_all(data, slowest)
            if refused is None:
                accepted.append(data)
                for block in BLOCKS if len(data) <= LARGE else BLOCKS[:1]:
                    for position in Position:
                        broken.update(broken_promises(data, block, position, slowest))
            else:
                refusals[refused.reason] += 1
        except CardRefused as refused:
            refusals[refused.reason] += 1
        except OSError:
            refusals["unreadable-file"] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this program looks for
            crashes += 1
            print(f"{path}: {type(error).__name__}", file=sys.stderr)
    figures: dict[str, object] = {"cards": cards, "accepted": len(accepted), "refused": sum(refusals.values())}
    figures |= {f"refused.{reason}": refusals[reason] for reason in sorted(refusals)}
    figures |= {name: broken[name] for name in PROMISES}
    figures |= {"crashes": crashes, "slowest_ms": f"{slowest.seconds * 1000:.1f}"}
    figures |= {f"{name}_speed_vs_vobject": f"{ratio:.1f}" for name, ratio in speeds(accepted).items()}
    for name, value in figures.items():
        print(f"{name} = {value}")
    return 1 if crashes or broken.total() else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of single .vcf files, read recursively")
    folder: Path = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"no such folder: {folder}")
    return report(folder)


if __name__ == "__main__":
    sys.exit(main())
