"""Scanner, note, answers, multistatus, header fields and settings, fed with anything.

Only the documented errors come out, what is accepted keeps every promise, and each input takes linear time and memory.
Every input follows from (seed, kind, step), which is what a failure names: ``one(kind, step, options, report)`` is it
again.  ``rounds`` is the number of inputs of each kind; at the end of a long run come the cards of 10 MB.
"""

import time
import traceback
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import TypeVar

import cards as bench
from torture import fuzz_cards, fuzz_notes, fuzz_replies, fuzz_settings
from torture.frame import Options, Report

T = TypeVar("T")
Check = Callable[[Random, "Cpu", Path], str]
KINDS: Mapping[str, Check] = MappingProxyType(
    {
        "cards": fuzz_cards.card,
        "notes": fuzz_notes.note,
        "multistatus": fuzz_replies.multistatus,
        "headers": fuzz_replies.headers,
        "settings": fuzz_settings.settings,
    }
)
"""Each makes one input, feeds it, and tells if it was "accepted" or "refused"; AssertionError: a broken promise."""

LONG_RUN = 1000  # rounds, from which on the large cards are worth their time
_LARGE = 10_000_000  # bytes
_SECONDS = 45.0  # of the processor, for _LARGE bytes in one call of ours; the one after a PUT reads three cards
_ALWAYS = 2.0  # seconds that any call may take: a busy machine, a first use
_RATIO = 24  # of the time for 8 times as much; linear is 8
_MEMORY = 90  # times the input; a fold of three bytes is some objects while it is undone


@dataclass(slots=True)
class Cpu(bench.Slowest):
    """Times every call of ours by the processor's clock."""

    seconds: float = field(default=0.0)

    def call(self, function: Callable[[], T]) -> T:
        """What ``function`` returns, timed."""
        start = time.process_time()
        try:
            return function()
        finally:
            self.seconds = max(self.seconds, time.process_time() - start)


def run(options: Options, report: Report) -> None:
    """All kinds, and at the end of a long run the large cards."""
    inputs(options, report)
    if options.rounds >= LONG_RUN:
        large_cards(options, report, _LARGE)


def inputs(options: Options, report: Report) -> None:
    """``rounds`` inputs of each kind."""
    for name in (*(f"fuzzed_{kind}" for kind in KINDS), "accepted", "refused"):
        report.count(name, 0)
    for name in ("crashes", "invariant_violations", "slow_inputs"):
        report.count(name, 0)
    for kind in KINDS:
        for step in range(options.rounds):
            one(kind, step, options, report)


def one(kind: str, step: int, options: Options, report: Report) -> None:
    """One input, the same for the same seed."""
    rng = Random(f"{options.seed}:{kind}:{step}")
    cpu = Cpu()
    where = f"fuzz: {kind}, seed {options.seed}, step {step}"
    report.count(f"fuzzed_{kind}")
    try:
        report.count(KINDS[kind](rng, cpu, options.folder))
    except AssertionError as error:
        report.fail("invariant_violations", f"{where}: {_told(error)}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this program looks for
        report.fail("crashes", f"{where}: {_told(error)}")
    if cpu.seconds > _ALWAYS:
        report.fail("slow_inputs", f"{where}: {cpu.seconds:.1f} s")


def _told(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}: {str(error)[:300]}"


# ---------------------------------------------------------------- large cards


def large_cards(options: Options, report: Report, size: int) -> None:
    """Each shape of a hostile card of ``size`` bytes: time, its growth from an eighth on, and memory (at a quarter)."""
    for figure in ("large_cards", "slow_inputs", "hungry_inputs", "crashes", "invariant_violations"):
        report.count(figure, 0)
    for name, shape in fuzz_cards.SHAPES.items():
        where = f"fuzz: large card {name!r}, {size} bytes"
        report.count("large_cards")
        try:
            small, large = _spent(shape(size // 8)), _spent(shape(size))
            peak = _peak(shape(size // 4))
        except AssertionError as error:
            report.fail("invariant_violations", f"{where}: {_told(error)}")
            continue
        except Exception as error:  # noqa: BLE001 - as above
            report.fail("crashes", f"{where}: {_told(error)}")
            continue
        if large > _ALWAYS + _SECONDS * size / _LARGE or large > _ALWAYS + _RATIO * small:
            report.fail("slow_inputs", f"{where}: {small:.2f} s for an eighth, {large:.2f} s for all")
        if peak > _MEMORY * (size // 4):
            report.fail("hungry_inputs", f"{where}: {peak / (size // 4):.0f} times the input")


def _spent(data: bytes) -> float:
    """Seconds of the slowest call of ours."""
    cpu = Cpu()
    fuzz_cards.read_and_edit(data, cpu)
    return cpu.seconds


def _peak(data: bytes) -> int:
    tracemalloc.start()
    try:
        fuzz_cards.read_and_edit(data, Cpu())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
