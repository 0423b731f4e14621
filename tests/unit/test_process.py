"""Ctrl-C while a command's work is about to begin: it ends without a word of asyncio's."""

import subprocess
import sys

INTERRUPTED_BEFORE_IT_BEGAN = """
import asyncio, signal
from cardsync.process import run

call_soon = asyncio.BaseEventLoop.call_soon

def interrupted(self, *arguments, **named):
    asyncio.BaseEventLoop.call_soon = call_soon
    signal.raise_signal(signal.SIGINT)
    return call_soon(self, *arguments, **named)

async def work():
    await asyncio.sleep(3600)

asyncio.BaseEventLoop.call_soon = interrupted
try:
    run(work())
except KeyboardInterrupt:
    print("interrupted", signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_ctrl_c_before_the_work_began_is_clean_and_leaves_the_signal_as_it_was() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_BEFORE_IT_BEGAN], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted False\n", "")
