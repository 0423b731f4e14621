"""What the looking commands take of the machine."""

import tracemalloc
from contextlib import closing
from pathlib import Path

from cardsync import roster
from cardsync.app import App
from cardsync.policy import ReminderPolicy
from cardsync.settings.model import Account, Settings
from in_memory import HOME, Household, MemoryServer, person, vip_group

MANY, PHOTO = 30, 100_000


async def test_the_list_of_vips_never_holds_all_their_photos(tmp_path: Path) -> None:
    server = MemoryServer()
    for number in range(MANY):
        server.write(f"{HOME}{number}.vcf", person(f"P{number}", PHOTO="A" * PHOTO))
    server.write(f"{HOME}bare.vcf", person("Bare", ORG="", TITLE="", **{"EMAIL;TYPE=INTERNET,WORK": ""}))
    server.write(f"{HOME}group.vcf", vip_group("Bare", *(f"P{number}" for number in range(MANY))))
    home = Household(folder=tmp_path, server=server, reminders=ReminderPolicy(max_open=0))
    with closing(home.mirror):
        await home.cycle()
        accounts = {"home": Account(url="https://home.example", auth="none")}
        app = App(settings=Settings(state_dir=tmp_path, accounts=accounts), mirror=home.mirror)
        tracemalloc.start()
        try:
            rows = roster.vips(app)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(rows) == MANY + 1
    assert peak < MANY * PHOTO / 4
    assert [row["name"] for row in rows if row["nothing_to_watch"]] == [rows[-1]["name"]]
