"""How fast assessing is: ``python bench/assess.py [--vips N]``; CPU time from a warm mirror against its limit.

The cards are pulled from Radicale twice, every fifth half-updated in between, each with an employer of its own and
every third with a foreign address.  Then they are assessed, with their questions, and stored: by fresh processes,
imports and word lists included, and by running ones, as a daemon does once a day.
"""

import argparse
import asyncio
import logging
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import structlog

from cardsync.app import App
from cardsync.cycles import pull_only
from cardsync.demo.place import ACCOUNT, write_config
from cardsync.demo.server import serving
from cardsync.settings.load import load
from idle import compiled

LIMIT = 1.0  # s of CPU for 1,000 VIPs
ROUNDS = 5
ALIASES = "\n[organisations]\naliases = [{}]\n".format(", ".join(f'["Globex {n}", "Hooli {n}"]' for n in range(10)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vips", type=int, default=1000)
    parser.add_argument("--config", type=Path, help="assess what this one's mirror holds, and print the seconds")
    given = parser.parse_args()
    if given.config:
        print(*cpu_of_assessing(given.config))
        return
    compiled()
    fresh, running = ratios_to_limit(given.vips)
    print(f"assess_1000_vips_cpu_ratio_to_limit.running_process = {running:.4f}")
    print(f"assess_1000_vips_cpu_ratio_to_limit.fresh_process = {fresh:.4f}")


def ratios_to_limit(vips: int) -> tuple[float, float]:
    """Of a fresh process and of one that has assessed before, for 1,000 VIPs: medians."""
    with tempfile.TemporaryDirectory(prefix="cardsync-bench-") as temporary:
        config = warm_mirror(Path(temporary), vips)
        command = [sys.executable, str(Path(__file__)), "--config", str(config)]
        runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(ROUNDS)]
    seconds = [tuple(map(float, run.stdout.split())) for run in runs]
    first, second = (median(each) * 1000 / vips / LIMIT for each in zip(*seconds, strict=True))
    return first, second


def warm_mirror(folder: Path, vips: int) -> Path:
    """A config and, beside it, the mirror of a book of which every fifth card was half-updated."""
    cards = {f"u{n}.vcf": card(n, employer(n)) for n in range(vips)}
    with serving({**cards, "vip.vcf": group(vips)}, folder / "server") as server:
        config = write_config(folder, server, ALIASES)
        pull(config)
        book = next((folder / "server").rglob("u0.vcf")).parent
        for n in range(0, vips, 5):
            (book / f"u{n}.vcf").write_bytes(card(n, f"Vandelay {n}"))
        pull(config)
    return config


def pull(config: Path) -> None:
    app = App.open(load(config, {}))
    with closing(app.mirror):
        asyncio.run(pull_only(app, ACCOUNT, app.mirror, lambda done, of: None))


def cpu_of_assessing(config: Path) -> tuple[float, float]:
    """Seconds of CPU for all VIPs of that config, the first time and the second."""
    app = App.open(load(config, {}))
    seconds = []
    with closing(app.mirror):
        for _ in range(2):
            app.mirror.assessments.forget_all(ACCOUNT)
            start = time.process_time()
            app.assess()
            seconds.append(time.process_time() - start)
    return seconds[0], seconds[1]


def employer(n: int) -> str:
    return f"{chr(65 + n % 26)}{n:x} Dynamics & Sons GmbH"


def card(n: int, organisation: str) -> bytes:
    """A VIP; every third address is foreign."""
    host = f"{employer(n).split(maxsplit=1)[0].lower()}-dynamics" if n % 3 else f"initech{n}"
    return vcard(
        f"UID:u{n}",
        f"FN:Jo Ruiz {n}",
        f"N:Ruiz {n};Jo;;;",
        f"ORG:{organisation};",
        f"TITLE:Head of Things {n}",
        f"EMAIL;type=INTERNET;type=WORK:jo{n}@{host}.example",
        "TEL;type=WORK;type=VOICE:+1 555 0100",
        f"item1.URL;type=WORK:https://www.{host}.example/team/{n}",
        "item1.X-ABLabel:_$!<Work>!$_",
        f"EMAIL;type=INTERNET;type=HOME:jo.ruiz{n}@mail.example",
        "REV:2025-06-01T10:00:00Z",
    )


def group(vips: int) -> bytes:
    members = [f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:u{n}" for n in range(vips)]
    return vcard("UID:vip", "FN:VIP", "N:VIP;;;;", "X-ADDRESSBOOKSERVER-KIND:group", *members)


def vcard(*lines: str) -> bytes:
    return "\r\n".join(("BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD", "")).encode()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    main()
