"""What pulling a book costs: ``python bench/pull.py [--contacts N] [--vips M]``; one ``name = value`` line each.

Against Radicale with Apple-like contacts, side by side in one run, taking turns: cardsync, a bare httpx loop that
only downloads (same batches, same Accept-Encoding; ``bare_gzip`` is the same with httpx's default), and vdirsyncer.
Every contestant is a process of its own.  A ratio carries its limit as a comment; ``missed`` names those that
were not held.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from cardsync.demo.addressbook import LARGE_PHOTOS, Photos, people
from cardsync.demo.server import DemoServer, serving
from contestants import Bare, Cardsync, Cost, Vdirsyncer

QUESTIONS = 5
TURNS, CYCLES = 3, 3  # of the unchanged cycle: turns of each contestant, rounds within one process


class Results:
    """Prints each figure as it comes and remembers the limits that were missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def show(self, name: str, value: float, *, at_most: float | None = None, at_least: float | None = None) -> None:
        """Print one figure with its limit, if it has one."""
        limit = ""
        if at_most is not None:
            limit = f"  # at most {at_most:g}"
        if at_least is not None:
            limit = f"  # at least {at_least:g}"
        if (at_most is not None and value > at_most) or (at_least is not None and value < at_least):
            self.missed.append(name)
        print(f"{name} = {value:.4g}{limit}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--vips", type=int, default=150)
    parser.add_argument("--photo-share", type=float, default=LARGE_PHOTOS.share, help="of the contacts, 0 to 1")
    parser.add_argument("--photo-bytes", type=int, default=LARGE_PHOTOS.size, help="mean size of a photo")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each contestant; medians are shown")
    parser.add_argument("--peers-only", action="store_true", help="leave cardsync out: what is there to beat")
    given = parser.parse_args()
    photos = Photos(share=given.photo_share, size=given.photo_bytes)
    book = people(1, given.contacts, given.vips, now=datetime.now(UTC), photos=photos)
    results = Results()
    results.show("contacts", given.contacts)
    results.show("vips", given.vips)
    results.show("card_kilobytes", sum(map(len, book.cards.values())) / len(book.cards) / 1000)
    with tempfile.TemporaryDirectory(prefix="cardsync-bench-") as temporary:
        folder = Path(temporary)
        with serving(book.cards, folder / "server") as server:
            del book
            measure(server, folder, given.rounds, results, peers_only=given.peers_only)
    print(f"missed = {', '.join(results.missed) or 'none'}")


def measure(server: DemoServer, folder: Path, rounds: int, results: Results, *, peers_only: bool) -> None:
    bare, gzip = Bare(server=server, folder=folder), Bare(server=server, folder=folder, encoding="gzip, deflate")
    vdirsyncer, cardsync = Vdirsyncer(server=server, folder=folder), Cardsync(server=server, folder=folder)
    token = bare.first_pull().printed.strip()  # also fills the server's caches, which is slow and nobody's merit
    pulls: dict[str, Callable[[], Cost]] = {
        "bare": bare.first_pull,
        "bare_gzip": gzip.first_pull,
        "vdirsyncer": vdirsyncer.first_pull,
    }
    syncs: dict[str, Callable[[], Cost]] = {"vdirsyncer": vdirsyncer.unchanged}
    if not peers_only:
        pulls["cardsync"], syncs["cardsync"] = cardsync.first_pull, cardsync.unchanged
    first_pull(pulls, rounds, results)
    unchanged(syncs, bare, token, rounds, results)
    if not peers_only:
        unchanged_cycle(cardsync, bare, token, syncs["vdirsyncer"], results)
        changed_notes(cardsync, server, results)


def first_pull(pulls: dict[str, Callable[[], Cost]], rounds: int, results: Results) -> None:
    costs = in_turns(pulls, rounds)
    seconds = {name: median(cost.seconds for cost in each) for name, each in costs.items()}
    megabytes = {name: median(cost.megabytes for cost in each) for name, each in costs.items()}
    for name in pulls:
        results.show(f"first_pull_seconds.{name}", seconds[name])
        results.show(f"first_pull_cpu_seconds.{name}", median(cost.cpu for cost in costs[name]))
        results.show(f"first_pull_megabytes.{name}", megabytes[name])
    if "cardsync" in pulls:
        results.show("first_pull_vs_bare", seconds["cardsync"] / seconds["bare"], at_most=1.2)
        results.show("first_pull_vs_bare_gzip", seconds["cardsync"] / seconds["bare_gzip"], at_most=1.2)
        results.show("first_pull_vdirsyncer_vs_cardsync", seconds["vdirsyncer"] / seconds["cardsync"], at_least=1.3)
        results.show("first_pull_memory_vs_vdirsyncer", megabytes["cardsync"] / megabytes["vdirsyncer"], at_most=0.7)


def unchanged(syncs: dict[str, Callable[[], Cost]], bare: Bare, token: str, rounds: int, results: Results) -> None:
    """Whole processes, start-up included, on a book in which nothing changed."""
    costs = in_turns({"bare": lambda: bare.unchanged(token, 1), **syncs}, rounds)
    for name, each in costs.items():
        results.show(f"unchanged_process_seconds.{name}", median(cost.seconds for cost in each))
        results.show(f"unchanged_process_megabytes.{name}", median(cost.megabytes for cost in each))


def unchanged_cycle(
    cardsync: Cardsync, bare: Bare, token: str, vdirsyncer: Callable[[], Cost], results: Results
) -> None:
    """One cycle of a running daemon against the bare request of a running loop and a run of vdirsyncer."""
    seen = len(cardsync.server.requests())
    cycles: list[float] = []
    requests: list[float] = []
    peers: list[float] = []
    asked = 0
    for _ in range(TURNS):
        cycles += map(float, cardsync.unchanged_in_process(CYCLES).printed.split())
        asked += len(cardsync.server.requests()) - seen
        requests += map(float, bare.unchanged(token, CYCLES).printed.split())
        peers.append(vdirsyncer().seconds)
        seen = len(cardsync.server.requests())
    cycle, request = median(cycles), median(requests)
    results.show("unchanged_requests_per_book", asked / len(cycles), at_most=1)
    results.show("unchanged_seconds.bare", request)
    results.show("unchanged_seconds.cardsync", cycle)
    results.show("unchanged_vs_bare", cycle / request, at_most=1.15)
    results.show("unchanged_vdirsyncer_vs_cardsync", median(peers) / cycle, at_least=4)


def changed_notes(cardsync: Cardsync, server: DemoServer, results: Results) -> None:
    before = server.requests()
    cardsync.ask(QUESTIONS)
    methods = Counter(server.requests()[len(before) :])
    assert methods["PUT"], "cardsync asked nothing"
    results.show("changed_notes", methods["PUT"])
    results.show("gets_per_changed_note", methods["GET"] / methods["PUT"], at_most=2)


def in_turns(contestants: dict[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            costs[name].append(contestant())
    return costs


if __name__ == "__main__":
    main()
