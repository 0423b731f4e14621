"""Part "hostile": servers that mean harm, over real sockets; whole cycles and ``check`` of two accounts.

Whatever one server sends, the cycle ends in bounded time and memory with one sentence and an exit code; the mirror
keeps what it has, nothing is written, no other server hears the password, and the other account goes on.
"""

import asyncio
import importlib
import importlib.util
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from cardsync.app import App
from cardsync.carddav.client import Connection
from cardsync.check import check_account
from cardsync.cycle import AccountReport
from cardsync.cycles import cycle
from cardsync.outcome import Cycle
from cardsync.settings.model import Settings
from cardsync.settings.reading import table_of
from cardsync.settings.secrets import Secret
from loop import Clock, fill, meaning, note_of, person
from servers import Running
from servers.converting import start_converting
from servers.loopback import Loopback, Response, serve
from torture.frame import Options, Report
from torture.hostile_scenarios import Scenario, scenarios
from torture.hostile_server import HostileServer, hostile_server

FIGURES = (
    "hostile_scenarios",
    "requests_with_credentials_to_a_foreign_origin",
    "requests_to_a_foreign_origin",
    "cycles_crashed",
    "scenarios_that_hung",
    "scenarios_that_took_too_much_memory",
    "mirrors_emptied",
    "cards_harmed",
    "other_accounts_stopped",
    "logins_tried_again",
    "scenarios_that_ended_otherwise",
    "accounts_that_did_not_recover",
)
PEOPLE = ("Jo", "Kim", "Lee", "Max", "Nia", "Ole")
LONGEST = 20.0  # seconds for a cycle; the slowest answer that is read to its end takes half
MOST_MEMORY = 160 << 20


class ImpatientApp(App):
    """With times that a test can wait for, where the hostile account waits for nothing else."""

    impatient = False

    def _connection(self, name: str, secret: Secret) -> Connection:
        made = super()._connection(name, secret)
        if name == "good" or not ImpatientApp.impatient:
            return made
        return replace(made, read_timeout=0.4, request_timeout=0.8)


def run(options: Options, report: Report) -> None:
    """``rounds``: how many scenarios, evenly spread, at most; 100 or more are all."""
    for name in FIGURES:
        report.count(name, 0)
    with stage(options.folder) as there:
        all_of_them = list(scenarios(there.foreign.origin.replace("127.0.0.1", "localhost")))
        step = 1 if options.rounds >= 100 else max(1, len(all_of_them) // max(1, options.rounds))
        for scenario in all_of_them[options.seed % step :: step]:
            play(there, scenario, report)
    if importlib.util.find_spec("torture.hostile_cards"):
        importlib.import_module("torture.hostile_cards").run(options, report)


_HELD = (
    "SELECT address_object.href FROM address_object JOIN address_book ON address_book.id = book_id WHERE account = ?"
)


@dataclass(slots=True)
class Stage:
    """The hostile server, a good one, one that must hear nothing, and the state after a cycle that went well."""

    folder: Path
    hostile: HostileServer
    good: Running
    foreign: Loopback
    clock: Clock
    cards: Mapping[str, bytes] = field(default_factory=dict)

    def app(self, state: str, *, write: bool = False) -> App:
        accounts = {
            name: {
                "url": server.url,
                "username": server.username,
                "password": server.password,
                "allow_http": True,
                "write": "auto" if write and name == "hostile" else "never",
            }
            for name, server in (("hostile", self.hostile.running), ("good", self.good))
        }
        given = {"state_dir": self.folder / state, "accounts": accounts, "guards": {"mass_change_min": 100}}
        settings = table_of(Settings, given)
        return ImpatientApp.open(settings, clock=self.clock)

    def known(self, app: App) -> set[str]:
        """The hrefs of all cards that the mirror holds, also in a book that a server no longer names."""
        return {row[0] for row in app.mirror.database.rows(_HELD, ("hostile",))}


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Both accounts synced once; on each a card was edited since."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(start_converting()) for _ in range(2))
        hostile = stack.enter_context(hostile_server(first))
        foreign = stack.enter_context(serve(lambda _request: Response(404)))
        there = Stage(folder, hostile, second, foreign, Clock())
        for server in (first, second):
            fill(server, {key: person(key) for key in PEOPLE})
        app = there.app("base")
        with capture_logs():
            assert asyncio.run(cycle(app)).exit_code == 0
        app.mirror.close()
        for server in (first, second):
            server.put_card("Jo.vcf", person("Jo", "tea"))
        there.cards = {name: first.get_card(name) for name in first.list_cards()}
        yield there


# ---------------------------------------------------------------- one scenario


def play(there: Stage, scenario: Scenario, report: Report) -> None:
    """``check``, a cycle, and one after the server came to its senses."""
    report.count("hostile_scenarios")
    failures: list[tuple[str, str]] = []
    state = f"s{report.figures['hostile_scenarios']}"
    shutil.copytree(there.folder / "base", there.folder / state)
    there.clock.now += scenario.point.after
    app = there.app(state, write=scenario.point.writes)
    try:
        with capture_logs() as logs:
            failures += _under_attack(there, app, scenario)
            there.hostile.attack = None
            failures += _afterwards(there, app)
        said = repr(logs)
        failures += [("cards_harmed", f"the log says {word!r}") for word in (*PEOPLE, "converted") if word in said]
    finally:
        there.hostile.attack = None
        app.mirror.close()
        shutil.rmtree(there.folder / state)
        there.clock.now -= scenario.point.after
    failures += _foreign(there)
    for figure, what in failures:
        report.fail(figure, f"hostile: {scenario.title}: {what}")


def _under_attack(there: Stage, app: App, scenario: Scenario) -> Iterator[tuple[str, str]]:
    known = there.known(app)
    server = there.hostile
    server.requests.clear()
    server.attack, server.aim, server.hits = scenario.attack, scenario.point.aim, 0
    ImpatientApp.impatient = scenario.slow
    grown = memory()
    if not scenario.point.writes:
        checked, hung = _bounded(lambda: check_account(app, "hostile"))
        yield from [("scenarios_that_hung", "check")] if hung else []
        if checked:
            yield from _sentence("check", checked["error"])
            yield from _codes("check", checked["exit_code"], checked["error"], scenario)
        app.mirror.accounts.hold_off("hostile", None, 0)
    done, hung = _bounded(lambda: cycle(app))
    yield from [("scenarios_that_hung", f"{LONGEST:.0f} s are over")] if hung else []
    if used := max(0, grown() - MOST_MEMORY):
        yield "scenarios_that_took_too_much_memory", f"{(used + MOST_MEMORY) >> 20} MB"
    if done is None:
        return
    hostile, good = done.reports
    yield from _codes("the cycle", replace(done, reports=(hostile,)).exit_code, hostile.error, scenario)
    yield from _sentence("the cycle", hostile.error)
    if not server.hits:
        yield "scenarios_that_ended_otherwise", "the server was never asked"
    if good.error or good.counts.get("fetched") != 1:
        yield "other_accounts_stopped", f"{good.error or good.counts}"
    if not known <= there.known(app):
        yield "mirrors_emptied", f"{len(there.known(app))} of {len(known)} cards are left"
    if not scenario.point.writes and any(request.method not in _READS for request in server.requests):
        yield "cards_harmed", "it was written to"
    yield from _logins(there, scenario)


_READS = {"PROPFIND", "REPORT", "GET", "OPTIONS", "HEAD"}


def _codes(what: str, code: int, error: str, scenario: Scenario) -> Iterator[tuple[str, str]]:
    if code not in scenario.exits:
        yield "scenarios_that_ended_otherwise", f"{what} ended with {code}, not {sorted(scenario.exits)}: {error}"


def _sentence(what: str, error: str) -> Iterator[tuple[str, str]]:
    """An error is for the owner: short, whole sentences, nothing raw of what the server sent."""
    if "a mistake in cardsync itself" in error:
        yield "cycles_crashed", f"{what}: {error}"
    elif error and (len(error) > 400 or re.search(r"[\x00-\x1f\x7f]", error) or not error.endswith((".", ".)"))):
        yield "scenarios_that_ended_otherwise", f"{what} says: {error[:200]!r}"


def _logins(there: Stage, scenario: Scenario) -> Iterator[tuple[str, str]]:
    """A refused password is tried once, in each way that the server asks for once at most."""
    if not scenario.name.startswith("401"):
        return
    at = next(n for n, request in enumerate(there.hostile.requests) if scenario.point.aim(request))
    sent = [request.headers.get("authorization", "nothing") for request in there.hostile.requests[at:]]
    ways = [one.split()[0] for one in sent]
    if ways not in (["Basic"], ["Basic", "Digest"], ["Basic", "Digest", "Digest"]):  # the last: its nonce may be old
        yield "logins_tried_again", f"requests with credentials: {ways}"


def _afterwards(there: Stage, app: App) -> Iterator[tuple[str, str]]:
    """The owner releases what was stopped, and all is as if nothing had been."""
    ImpatientApp.impatient = False
    app.mirror.accounts.hold_off("hostile", None, 0)
    app.mirror.accounts.refuse("hostile", None)
    app.mirror.accounts.forget_discovery("hostile")
    for book in app.mirror.books.of("hostile"):
        app.mirror.books.commit_marker(book.id, None, listed_at=None)
    for after in (timedelta(hours=1), timedelta(hours=1)):
        there.clock.now += after
        done, hung = _bounded(lambda: cycle(app))
        there.clock.now -= after
    if hung or done is None or done.reports[0].error or done.reports[0].counts["failed_books"]:
        yield "accounts_that_did_not_recover", _told(done)
    base = [f"{there.hostile.origin}/dav/owner/contacts/{key}.vcf" for key in PEOPLE]
    held = {href.rpartition("/")[2] for href in there.known(app)}
    if not {href.rpartition("/")[2] for href in base} <= held:
        yield "mirrors_emptied", f"afterwards there are {sorted(held)}"
    yield from _cards(there)


def _told(done: Cycle | None) -> str:
    reports: tuple[AccountReport, ...] = done.reports if done else ()
    return "; ".join(f"{report.error} {report.counts}" for report in reports) or "it hung"


def _cards(there: Stage) -> Iterator[tuple[str, str]]:
    """Each card is what it was but for one question at most; then it is put back as it was."""
    server = there.hostile.upstream
    for name, before in there.cards.items():
        now = server.get_card(name)
        if now == before:
            continue
        note, own = note_of(now) or "", note_of(before) or ""
        if meaning(now) != meaning(before) or not note.endswith(own) or note.count("VIPcheck") != 1:
            yield "cards_harmed", f"{name} is {now!r}"
        server.put_card(name, before)


def _foreign(there: Stage) -> Iterator[tuple[str, str]]:
    heard = list(there.foreign.requests)
    there.foreign.requests.clear()
    if heard:
        yield "requests_to_a_foreign_origin", f"another server was asked: {[one.path[:80] for one in heard]}"
    if any("authorization" in request.headers or "cookie" in request.headers for request in heard):
        yield "requests_with_credentials_to_a_foreign_origin", "with credentials"


def _bounded(start: Callable[[], Any]) -> tuple[Any, bool]:
    """The result, and whether it took too long."""

    async def bounded() -> Any:
        async with asyncio.timeout(3 * LONGEST):
            return await start()

    began = time.monotonic()
    try:
        result = asyncio.run(bounded())
    except TimeoutError:
        return None, True
    return result, time.monotonic() - began > LONGEST


def memory() -> Callable[[], int]:
    """By how many bytes the peak of this process went up since now; 0 where the system does not tell."""
    clear = Path("/proc/self/clear_refs")
    if not clear.exists():
        return lambda: 0
    clear.write_text("5", "ascii")
    before = _peak()
    return lambda: _peak() - before


def _peak() -> int:
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) << 10
