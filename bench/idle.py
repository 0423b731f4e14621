"""What a daemon costs while it waits: ``python bench/idle.py [--contacts N] [--seconds S]``; ``name = value`` lines.

A real daemon on Radicale: its memory and processor time between two cycles, how long it takes from its start to the
first request, and how long ``status`` takes; beside them a bare interpreter that imports the same modules.
A figure carries its limit as a comment; ``missed`` names those that were not held.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from compileall import compile_dir
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import cardsync
from cardsync.demo.addressbook import people
from cardsync.demo.place import write_config
from cardsync.demo.server import serving
from pull import Results

IMPORTS = (
    "import sys, cardsync.cli.work, cardsync.daemon, cardsync.app, cardsync.carddav.client, "
    "apscheduler.schedulers.asyncio, cardsync.settings.load"
)
LIBRARIES = "import structlog, httpx, apscheduler.schedulers.asyncio, click, sqlite3"
TICK = os.sysconf("SC_CLK_TCK")
ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--vips", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=60.0, help="of idleness")
    given = parser.parse_args()
    results = Results()
    compiled()
    book = people(1, given.contacts, given.vips, now=datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="cardsync-bench-") as temporary:
        folder = Path(temporary)
        with serving(book.cards, folder / "server") as server:
            config = write_config(folder, server)
            results.show("contacts", given.contacts)
            measure(config, given.seconds, results)
    print(f"missed = {', '.join(results.missed) or 'none'}")


def compiled() -> None:
    """As an installed package is, whatever the environment says about writing bytecode."""
    compile_dir(Path(cardsync.__file__).parent, quiet=1)


def measure(config: Path, seconds: float, results: Results) -> None:
    with daemon(config) as (process, log):
        wait_for(log, "cycle")
        first = resident(process.pid)
        before = processor(process.pid)
        time.sleep(seconds)  # idleness is what is measured
        used = processor(process.pid) - before
        results.show("rss_after_first_pull_mb", first)
        results.show("idle_cpu_percent", 100 * used / seconds, at_most=0.1)
    with daemon(config) as (process, log):  # as it runs for years: the first pull was another process
        wait_for(log, "cycle")
        results.show("idle_rss_mb", resident(process.pid), at_most=60)
    results.show("bare_imports_rss_mb", bare())
    results.show("start_to_first_request_seconds", median(first_request(config) for _ in range(ROUNDS)), at_most=0.5)
    results.show("status_seconds", median(timed([*command(config), "status"]) for _ in range(ROUNDS)), at_most=0.3)
    for name, code in (("python", "pass"), ("libraries", LIBRARIES), ("imports", IMPORTS)):
        results.show(f"bare_{name}_seconds", median(timed([sys.executable, "-c", code]) for _ in range(ROUNDS)))


def command(config: Path) -> list[str]:
    return [sys.executable, "-m", "cardsync", "--config", str(config)]


@contextmanager
def daemon(config: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    log = config.with_name(f"daemon-{time.monotonic_ns()}.log")
    environ = {**os.environ, "CARDSYNC_LOG__FORMAT": "json"}
    with log.open("wb") as sink:
        process = subprocess.Popen([*command(config), "run"], stderr=sink, env=environ)
    try:
        yield process, log
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(log: Path, event: str) -> None:
    end = time.monotonic() + 1800  # the first pull, on a slow machine
    while time.monotonic() < end:
        lines = log.read_text("utf-8").splitlines()
        if any(json.loads(line)["event"] == event for line in lines if line.endswith("}")):
            return
        time.sleep(0.05)
    raise TimeoutError(event)


def resident(pid: int) -> float:
    """Megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def processor(pid: int) -> float:
    """Seconds of user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def bare() -> float:
    """Megabytes of an interpreter that imports what the daemon does."""
    code = f"{IMPORTS}; print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) / 1024


def first_request(config: Path) -> float:
    """Seconds from the start of the process until it connects: a server that is not there makes it say so."""
    start = time.monotonic()
    with daemon(config) as (process, _):
        while not connected(process.pid):
            time.sleep(0.002)
        return time.monotonic() - start


def connected(pid: int) -> bool:
    """Whether the process has a TCP socket."""
    try:
        links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
        table = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return False
    return bool({f"socket:[{line.split()[9]}]" for line in table}.intersection(links))


def timed(words: list[str]) -> float:
    start = time.monotonic()
    subprocess.run(words, capture_output=True, check=True)
    return time.monotonic() - start


if __name__ == "__main__":
    main()
