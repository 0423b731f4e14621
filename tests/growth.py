"""How time grows with the size of an input, by the processor's clock: the same on a busy machine."""

import gc
import time
from collections.abc import Callable
from statistics import median

TIMES = 8
LINEAR = 3.0 * TIMES  # what is quadratic takes TIMES * TIMES as long


def growth(make: Callable[[int, int], Callable[[], object]], size: int, repeat: int = 5) -> float:
    """How many times as long ``TIMES`` as much takes: the median of a few, each with an input of its own.

    ``make(size, turn)`` prepares and returns what is timed; caches know no input of another turn.  The small and the
    large one of a turn run one after the other, for a machine that others use is slow for seconds.  No garbage is
    collected meanwhile: that takes time by all that the tests before left in memory.
    """

    def spent(size: int, turn: int) -> int:
        act = make(size, turn)
        gc.collect()
        gc.disable()
        try:
            start = time.process_time_ns()
            act()
            return max(1, time.process_time_ns() - start)
        finally:
            gc.enable()

    return median(spent(TIMES * size, turn) / spent(size, turn) for turn in range(repeat))
