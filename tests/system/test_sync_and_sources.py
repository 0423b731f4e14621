"""``sync`` and ``sources test`` beside a source that waits: it holds neither the cycle's lock nor the end."""

import json
import subprocess
import sys

from cardsync.lock import cycle_lock
from household import Household, until

SCRIPT = """
import asyncio, sys, time
from datetime import timedelta
from pathlib import Path
from cardsync import cli, consulting, overview
from cardsync.cli import sources, work
from cardsync.evidence.stage import Counts

def waits():
    Path({begun!r}).touch()
    while not Path({free!r}).exists():
        time.sleep(0.05)

async def consult(holding, app, *, at_once):
    await asyncio.to_thread(waits)
    return {{"slow": Counts(looked=3)}}

async def tried(app, name, contact_id):
    await asyncio.to_thread(waits)

consulting.Holding.consult, overview.tried = consult, tried
consulting._configured = lambda app: [True]
work._QUICK, work._SLOW = timedelta(), timedelta(seconds={slow})
sources._LONGEST = timedelta(seconds=0.5)
sys.argv = ["cardsync", "--config", {config!r}, *{arguments!r}]
cli.program()
"""


def started(house: Household, *arguments: str, slow: float = 0) -> subprocess.Popen[str]:
    """A command with a source whose thread waits for the file ``free``; ``sync`` waits for it ``slow`` seconds."""
    places = {name: str(house.home / name) for name in ("begun", "free")}
    code = SCRIPT.format(config=str(house.config), slow=slow, arguments=arguments, **places)
    process = subprocess.Popen([sys.executable, "-c", code], env=house.env(), text=True, stdout=subprocess.PIPE)
    house.processes.append(process)  # type: ignore[arg-type]
    return process


def test_a_source_that_goes_on_holds_no_lock_once_the_cycle_is_done(house: Household) -> None:
    house.fill()
    sync = started(house, "sync", slow=300)

    def is_free() -> bool:
        if not house.asked_about():
            return False
        with cycle_lock(house.state, wait=False) as held:
            return held

    until(is_free, "the lock after the cycle")
    assert (house.home / "begun").exists()
    assert sync.poll() is None
    (house.home / "free").touch()
    said, _ = sync.communicate(timeout=60)
    assert sync.returncode == 0
    assert "slow: 3 contacts looked at" in said


def test_a_thread_that_still_waits_does_not_hold_the_end_of_sync(house: Household) -> None:
    house.fill()
    sync = started(house, "sync")
    said, _ = sync.communicate(timeout=60)
    assert sync.returncode == 0
    assert "asked 1" in said
    assert not (house.home / "free").exists()


def test_a_try_of_a_source_that_does_not_answer_ends(house: Household) -> None:
    house.fill()
    house.ok("sync")
    trial = started(house, "sources", "test", "dns")
    said, _ = trial.communicate(timeout=60)
    assert trial.returncode == 1
    assert "no answer" in said


def test_no_password_command_runs_for_a_listing_or_for_another_source(house: Household) -> None:
    house.fill()
    house.ok("sync")
    ran = house.home / "ran"
    command = json.dumps(["sh", "-c", f"touch {ran}; exit 7"])
    house.configure(
        "[sources.mailbox]", 'host = "127.0.0.1"', 'username = "me"', f"password_command = {command}",
        "[sources.calendar]", 'url = "https://127.0.0.1/"', 'username = "me"', f"password_command = {command}",
        "[sources.linkedin_export]", f'folder = "{house.home}"',
        "[sources.gravatar]", f"token_command = {command}",
        "[sources.github]", f"token_command = {command}",
    )  # fmt: skip
    assert "github connects to: api.github.com" in house.ok("sources")
    house.cardsync("sources", "test", "linkedin_export")
    assert (
        "on are: mailbox, calendar, linkedin_export, github, gravatar."
        in house.cardsync("sources", "test", "dns").stderr
    )
    assert not ran.exists()
    done = house.cardsync("sources", "test", "gravatar")
    assert ran.exists()
    assert done.exit_code == 1
    assert "sources.gravatar.token_command: sh ended with exit code 7." in done.stdout
