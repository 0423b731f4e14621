"""What all parts share: the options of a run, and the report that they print."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from servers import Running

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "faults": "every fault of the wire at every request of a cycle, on each server",
        "kills": "SIGKILL at every step of the daemon, on each server",
        "races": "a phone that edits while the daemon writes, on each server",
        "fuzz": "scanner, block, multistatus and settings fed with anything",
        "hostile": "servers and cards that mean harm",
    }
)
"""Each part is a module ``torture.NAME`` with ``run(options, report)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``rounds`` is what the part makes of it: races, inputs, seeds; everything follows from ``seed``.

    ``servers``: the running servers that the parts on real servers go through, one after the other; ``memory``: what
    can run on a server in memory does so first.
    """

    seed: int
    rounds: int
    folder: Path
    servers: tuple[Running, ...] = ()
    memory: bool = True


@dataclass(slots=True)
class Report:
    """Figures add up over servers; a failure names what is needed to see it again (part, server, seed, step).

    ``tell`` hears of each failure at once: a long run is worth something before its end.
    """

    tell: Callable[[str], None] = lambda _failure: None
    figures: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def count(self, name: str, value: int = 1) -> None:
        """Add to a figure; 0 makes it appear."""
        self.figures[name] += value

    def fail(self, figure: str, what: str) -> None:
        """Something that must not happen did: count it under its figure, and say how to see it again."""
        self.count(figure)
        self.failures.append(what)
        self.tell(what)

    def lines(self) -> list[str]:
        """``name = value``, in the order in which the figures appeared."""
        return [f"{name} = {value}" for name, value in self.figures.items()]
