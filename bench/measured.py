"""Run a program and tell what it cost: ``python bench/measured.py REPORT PROGRAM [ARGUMENT ...]``.

Writes ``{"seconds": wall, "cpu": user + system, "megabytes": peak, "code": exit}`` to the file REPORT.  A process of
its own, and small: the peak that the kernel tells wait4 begins with that of the process which the child was
forked from, and the harness holds an address book.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    report, program = Path(sys.argv[1]), sys.argv[2:]
    start = time.perf_counter()
    child = os.posix_spawnp(program[0], program, os.environ)
    _, status, used = os.wait4(child, 0)
    cost = {
        "seconds": time.perf_counter() - start,
        "cpu": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / 1024,  # the kernel tells KiB
        "code": os.waitstatus_to_exitcode(status),
    }
    report.write_text(json.dumps(cost))


if __name__ == "__main__":
    main()
