"""Races: other clients edit cards at any point of our cycles; what people typed stays, and nothing is read into it."""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from servers import Running
from torture.frame import Options, Report
from torture.grounds import Ground, in_memory, on_server
from torture.oracle import FIGURES
from torture.race import Race

ROUNDS = 250  # of one race: a book of its own, so that a failure is soon there again
_ONE_AT_A_TIME = frozenset({"xandikos"})  # answers 500 to one of two clients that write at once, and goes on to
_LANGUAGES = ("en", "de", "fr", "es", "pt")


def run(options: Options, report: Report) -> None:
    """In memory, if no server was chosen, and on each of the servers: ``rounds`` each."""
    for figure in FIGURES:
        report.count(figure, 0)
    for server in (*((None,) if options.memory else ()), *options.servers):
        for number in range(-(-options.rounds // ROUNDS)):
            rounds = min(ROUNDS, options.rounds - number * ROUNDS)
            race(server, options, report, number, rounds)


def race(server: Running | None, options: Options, report: Report, number: int, rounds: int) -> None:
    """One race of a run; every fourth one on a real server is with threads, which no seed repeats."""
    seed = f"{options.seed}-{server.name if server else 'memory'}-{number}"
    position = "bottom" if number % 3 == 2 else "top"
    folder = options.folder / seed
    folder.mkdir()
    with ExitStack() as stack:
        ground = stack.enter_context(_ground(server, folder, position, _LANGUAGES[number % 5]))
        one = Race(ground, report, seed)
        if server and number % 4 == 3 and server.name not in _ONE_AT_A_TIME:
            one.run_at_once(rounds)
        else:
            one.run(rounds)


def _ground(server: Running | None, folder: Path, position: str, language: str) -> AbstractContextManager[Ground]:
    if server:
        return on_server(server, folder, position, language)
    return in_memory(folder, position, language)
