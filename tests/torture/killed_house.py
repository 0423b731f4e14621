"""One household with every journalled kind of work, in phases; each can be gone back to."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cardsync.demo.phone import Phone
from loop import DAY, GROUP, HOUR, OWN, START, Clock, fill, person, phone_of
from servers import Running
from torture.forked import FREE, Forks, Start

PEOPLE = ("Jo", "Al", "Kim", "Bo", "Fay", "Lee", "Uma", "Eve")
MANY = {f"CARDSYNC_REMINDERS__{name}": "50" for name in ("MAX_NEW_PER_DAY", "MAX_NEW_PER_WEEK", "MAX_OPEN")}
RUN = ("run",)


def own_text(key: str) -> str:
    """What the owner wrote into the note before we came."""
    return f"{OWN}; {key}: äöü"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A command at a time of the story (``after`` its start), and what the phone did before it.

    ``wait``: the next cycle comes after it.  ``kept_as``: the verb under which it is queued; once it is, it is not
    given again.  ``overwrites``: the card that it puts back, also over an edit that came later; then it is not given
    again either.
    """

    name: str
    arguments: Sequence[str]
    after: timedelta
    env: Mapping[str, str] = field(default_factory=dict)
    before: "Callable[[House], None]" = lambda house: None
    kept_as: str = ""
    wait: timedelta = HOUR
    overwrites: str = ""

    @property
    def now(self) -> datetime:
        return START + self.after

    @property
    def is_cycle(self) -> bool:
        return self.arguments == RUN


@dataclass(slots=True, kw_only=True)
class House:
    """A book, a config and a state directory; ``forks`` makes the processes."""

    server: Running
    folder: Path
    forks: Forks
    clock: Clock = field(default_factory=Clock)
    phone: Phone = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.phone = phone_of(self.server, self.clock)
        account = {
            "url": self.server.url,
            "username": self.server.username,
            "password": self.server.password,
            "allow_http": True,
            "trusted_origins": list(self.server.trusted_origins),
            "address_books": [urlsplit(self.server.book_url).path],
        }
        lines = [f'state_dir = "{self.state}"', "[schedule]", 'sync = "0 0 1 1 *"', 'jitter = "0s"', 'timezone = "UTC"']
        lines += ["[accounts.home]", *(f"{key} = {json.dumps(value)}" for key, value in account.items())]
        config = self.folder / "cardsync.toml"
        config.touch(mode=0o600)
        config.write_text("\n".join([*lines, ""]), "utf-8")
        fill(self.server, {key: person(key, own_text(key)) for key in PEOPLE}, [key for key in PEOPLE if key != "Eve"])
        for name, data in self.cards().items():  # DAViCal folds a card in another way when it gets its own form back
            self.server.put_card(name, data)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def start(self, arguments: Sequence[str], now: datetime, env: Mapping[str, str], step: str = FREE) -> Start:
        return Start(
            arguments=["--config", str(self.folder / "cardsync.toml"), *arguments],
            env={"HOME": str(self.folder), "LANG": "C.UTF-8", **env},
            now=now.isoformat(),
            folder=str(self.folder),
            step=step,
        )

    def run(self, arguments: Sequence[str], now: datetime, env: Mapping[str, str], step: str = FREE) -> tuple[int, str]:
        """The exit code, and what was printed."""
        start = self.start(arguments, now, env, step)
        code = self.forks.run(start)
        return code, start.output.read_text("utf-8")

    def steps(self) -> list[str]:
        """What the last process that was watched did."""
        return (self.folder / "steps").read_text("utf-8").splitlines()

    def queued(self, verb: str) -> bool:
        """Read from a copy: nothing is recovered here that the next start should."""
        with tempfile.TemporaryDirectory(dir=self.folder) as copy:
            for path in self.state.glob("cardsync.db*"):
                shutil.copy(path, copy)
            with closing(sqlite3.connect(Path(copy) / "cardsync.db")) as database:
                return bool(database.execute("SELECT 1 FROM command WHERE verb = ?", (verb,)).fetchall())

    def cards(self) -> dict[str, bytes]:
        return {name: self.server.get_card(name) for name in self.server.list_cards()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How things stand before or after a phase."""

    cards: Mapping[str, bytes]
    state: Path | None

    @classmethod
    def take(cls, house: House, name: str, cards: Mapping[str, bytes]) -> "Snapshot":
        state = None
        if house.state.exists():
            state = house.folder / f"kept {name}"
            shutil.copytree(house.state, state)
        return cls(cards=cards, state=state)

    def put_back(self, house: House, now: Mapping[str, bytes]) -> None:
        """``now``: the cards as they stand."""
        shutil.rmtree(house.state, ignore_errors=True)
        if self.state:
            shutil.copytree(self.state, house.state)
        for name in now.keys() - self.cards.keys():
            house.server.delete_card(name)
        for name, data in self.cards.items():
            if now.get(name) != data:
                house.server.put_card(name, data)


# ---------------------------------------------------------------- the story


def _answers(house: House) -> None:
    """All were asked on the second day; each answers in another way, Uma not at all."""
    house.clock.now = START + DAY
    assert house.run(RUN, house.clock.now, MANY)[0] == 0
    house.clock.advance(HOUR)
    phone = house.phone
    phone.type_below_block("Jo.vcf", "ok")
    phone.type_inside("Al.vcf", "left")
    phone.edit_field("Kim.vcf", "ORG", ("Stripe", "Sales"))
    phone.delete_block("Bo.vcf")
    phone.write_free_text("Fay.vcf", "now CRO at Stripe, I think")
    phone.remove_from_group(GROUP, "Lee")
    phone.add_to_group(GROUP, "Eve")


def _typed(house: House) -> None:
    """Al's card was put back with its block, which is answered now."""
    house.clock.now = START + 4 * DAY + 12 * HOUR
    house.phone.type_below_block("Al.vcf", "later 3m")


def _restore(key: str, *, after: timedelta, to: timedelta) -> Phase:
    """To the version that stood there before the first write since ``to``: the same also when it is given twice."""
    arguments = ("restore", f"{key} Ruiz", "--yes", "--at", f"{START + to:%Y-%m-%dT%H:%M:%S}")
    return Phase(name=f"restore {key}", arguments=arguments, after=after, overwrites=f"{key}.vcf")


STORY = (
    Phase(name="first", arguments=RUN, after=timedelta()),
    Phase(name="answers", arguments=RUN, after=2 * DAY, env=MANY, before=_answers),
    Phase(
        name="answer",
        arguments=("answer", "Uma Ruiz", "left"),
        after=2 * DAY + 8 * HOUR,
        wait=timedelta(),
        kept_as="answer",
    ),
    _restore("Eve", after=2 * DAY + 16 * HOUR, to=2 * DAY - HOUR),
    Phase(name="remove", arguments=("notes", "remove"), after=3 * DAY),
    _restore("Al", after=4 * DAY, to=3 * DAY - HOUR),
    Phase(name="sync", arguments=("sync",), after=5 * DAY, before=_typed),
    Phase(name="backup", arguments=("backup",), after=6 * DAY),
)
"""Eve's card loses a question that stands, Al's gets one back that was taken out."""
