"""``python -m torture [PART ...] [--seed S] [--rounds N] [--server NAME ...] [--url URL --user U --password-file F]``.

Prints ``name = value`` lines, what fails on stderr as it comes, and ends with 1 if anything did.  With ``--url`` it
runs on a server that is already there, in a new address book of its own beside the one at URL.
"""

import argparse
import importlib
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import structlog

from servers import Running
from servers.fixtures import start
from torture.frame import PARTS, Options, Report

SERVERS = ("radicale", "xandikos", "sabre")


def main() -> int:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--server", action="append", help=f"name of a server that is started; default {SERVERS}")
    parser.add_argument("--url", help="the URL of an address book on a server of yours")
    parser.add_argument("--user", default="")
    parser.add_argument("--password-file", type=Path)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # stdout is for figures
    unknown = set(given.parts) - PARTS.keys()
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="cardsync-torture-") as folder, ExitStack() as stack:
        servers = tuple(stack.enter_context(server) for server in _servers(given, Path(folder)))
        failed = False
        for part in given.parts or PARTS:
            report = Report(tell=lambda failure: print(failure, file=sys.stderr, flush=True))
            options = Options(
                seed=given.seed,
                rounds=given.rounds,
                folder=Path(folder) / part,
                servers=servers,
                memory=not (given.server or given.url),
            )
            options.folder.mkdir()
            try:
                importlib.import_module(f"torture.{part}").run(options, report)
            finally:  # also when it is stopped
                print(f"part = {part}", f"seed = {given.seed}", *report.lines(), sep="\n", flush=True)
            failed |= bool(report.failures)
    return int(failed)


def _servers(given: argparse.Namespace, folder: Path) -> Iterator[AbstractContextManager[Running]]:
    if given.url:
        yield _yours(given)
        return
    for name in given.server or SERVERS:
        own = folder / f"server-{name}"
        own.mkdir()
        yield start(name, own)


@contextmanager
def _yours(given: argparse.Namespace) -> Iterator[Running]:
    password = given.password_file.read_text().splitlines()[0] if given.password_file else ""
    server = Running(name="yours", url=given.url, username=given.user, password=password, book_url=given.url)
    yield server.make_book(f"torture-{uuid4().hex[:8]}", "torture")


if __name__ == "__main__":
    sys.exit(main())
