"""Runs Radicale for as long as whoever started it holds the other end of its standard input.

``python -m cardsync.demo.tethered ARGUMENTS``: a killed demo cannot stop its server, so the server watches the
pipe, which the kernel closes with the process.
"""

import os
import runpy
import sys
import threading


def _until_the_pipe_closes() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_until_the_pipe_closes, daemon=True).start()
    runpy.run_module("radicale", run_name="__main__", alter_sys=True)
