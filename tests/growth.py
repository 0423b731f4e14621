"""How time grows with the size of an input, by the processor's clock: the same on a busy machine."""

import time
from collections.abc import Callable

TIMES = 4
LINEAR = 3.0 * TIMES  # what is quadratic takes TIMES * TIMES as long


def growth(make: Callable[[int, int], Callable[[], object]], size: int, repeat: int = 5) -> float:
    """How many times as long ``TIMES`` as much takes: the best of a few, each with an input of its own.

    ``make(size, turn)`` prepares and returns what is timed; caches know no input of another turn.
    """
    return _best(make, TIMES * size, repeat) / _best(make, size, repeat)


def _best(make: Callable[[int, int], Callable[[], object]], size: int, repeat: int) -> float:
    spent = []
    for turn in range(repeat):
        act = make(size, turn)
        start = time.process_time_ns()
        act()
        spent.append(max(1, time.process_time_ns() - start))
    return min(spent)
