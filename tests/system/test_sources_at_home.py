"""DNS, the calendar and LinkedIn's export, through the real command line on servers of the owner's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from household import PEOPLE, Household
from servers.calendars import OwnCalendar
from servers.nameserver import Nameserver, Said, nameserver

DAY = timedelta(days=1)
ZORA, BASIL, ODILE = (
    "zora.quillfeather@initrode.example", "basil.thackwell@hooli.example", "odile.marchbanks@globex.example",
)  # fmt: skip
GONE = Said(rcode="NXDOMAIN", soa="example.")
BROKEN = Said(rcode="SERVFAIL")
ROWS = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
WORDS = {word.casefold() for name, company in PEOPLE.items() for word in (*name.split(), company)}
"""What no log line and no error may hold."""


def mail_of(domain: str) -> Said:
    return Said(answer=(f"{domain}. 300 IN MX 10 mx.{domain}.",))


def zone() -> dict[str, Said]:
    """All three domains are well."""
    domains = [address.partition("@")[2] for address in (ZORA, BASIL, ODILE)]
    return {f"{domain} MX": mail_of(domain) for domain in domains}


@dataclass(kw_only=True)
class Home:
    """Three VIPs whose cards were right a season ago; their domains, the owner's calendar and folder."""

    house: Household
    zone: dict[str, Said]
    resolver: Nameserver
    calendar: OwnCalendar
    folder: Path
    tables: dict[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        server = self.house.server
        (self.house.home / "calendar").write_text(server.password + "\n", "utf-8")
        self.tables = {
            "dns": (f'nameservers = ["{self.resolver.address}"]',),
            "calendar": (
                f'url = "{server.url}"', "allow_http = true", f'username = "{server.username}"',
                'addresses = ["owner@home.example"]', f'password_file = "{self.house.home / "calendar"}"',
            ),
            "linkedin_export": (f'folder = "{self.folder}"',),
        }  # fmt: skip

    def begin(self, *sources: str) -> None:
        """With these sources on, and everybody known; they were not asked yet."""
        reminders = ("[reminders]", "max_new_per_day = 9", "max_new_per_week = 9", 'quiet_after_edit = "0"')
        self.house.configure(*reminders)
        self.house.fill()
        self.house.ok("sync")
        self.house.ok("notes", "remove")
        self.house.ok("vip", "validate", "--all", "--on", f"{datetime.now(UTC) - 90 * DAY:%Y-%m-%d}")
        tables = [line for name in sources for line in (f"[sources.{name}]", *self.tables[name])]
        self.house.configure(*reminders, *tables)

    def export(self, *rows: str) -> None:
        """What LinkedIn sent, downloaded a moment ago."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "Connections.csv").write_text(ROWS + "".join(f"{row}\n" for row in rows), "utf-8")

    def later(self, by: timedelta) -> None:
        """As if the looks until now had been so much earlier, and all are due again."""
        with self.house.writable() as database:
            for id_, first, last in database.execute("SELECT id, first_observed_at, observed_at FROM evidence"):
                moments = [_earlier(moment, by) for moment in (first, last)]
                database.execute(
                    "UPDATE evidence SET first_observed_at = ?, observed_at = ? WHERE id = ?", (*moments, id_)
                )
            database.execute("DELETE FROM look")
            database.execute("UPDATE source SET last_run = NULL, not_before = NULL")

    def questions(self) -> dict[str, str]:
        return {row["name"]: row["question"] for row in json.loads(self.house.ok("status", "--json"))["questions"]}

    def errors(self) -> dict[str, str]:
        return {row["name"]: row["error"] for row in json.loads(self.house.ok("sources", "--json")) if row["on"]}

    def evidence(self, name: str) -> list[tuple[str, str]]:
        found = json.loads(self.house.ok("explain", name, "--json"))["evidence"]
        return [(each["source"], each["says"]) for each in found]


def _earlier(moment: str, by: timedelta) -> str:
    return f"{datetime.fromisoformat(moment) - by:%Y-%m-%dT%H:%M:%S.%f+00:00}"


@pytest.fixture
def home(house: Household) -> Iterator[Home]:
    calendar = OwnCalendar(house.server, f"{house.server.url}{house.server.username}/cal-{house.book}/")
    said = zone()
    with nameserver(said) as resolver, ExitStack() as stack:
        calendar.make()
        stack.callback(calendar.remove)
        yield Home(house=house, zone=said, resolver=resolver, calendar=calendar, folder=house.home / "linkedin")


# ---------------------------------------------------------------- DNS


def test_a_domain_that_is_gone_makes_a_question_when_it_was_seen_twice_a_week_apart(home: Home) -> None:
    home.zone["initrode.example MX"] = GONE
    home.begin("dns")
    assert "dns: 3 contacts looked at, 1 found, 0 seen in use\n" in home.house.ok("sync")
    home.house.ok("sync")
    assert home.resolver.asked == [f"{domain}.example MX udp" for domain in ("initrode", "hooli", "globex")]
    home.later(6 * DAY)
    home.house.ok("sync")
    assert home.questions() == {}
    home.later(DAY)
    home.house.ok("sync")
    assert home.questions() == {
        "Zora Quillfeather": "VIPcheck: still Head of Sails at Initrode? (initrode.example takes no mail any more)"
    }
    assert home.house.asked_about() == ["p0.vcf"]
    assert f"The domain of {ZORA} does not exist; seen from " in home.house.ok("explain", "Zora")


def test_a_domain_that_came_back_between_two_looks_begins_anew(home: Home) -> None:
    home.zone["initrode.example MX"] = GONE
    home.begin("dns")
    home.house.ok("sync")
    home.later(8 * DAY)
    home.zone["initrode.example MX"] = mail_of("initrode.example")
    home.house.ok("sync")
    assert home.evidence("Zora") == []
    home.later(8 * DAY)
    home.zone["initrode.example MX"] = GONE
    home.house.ok("sync")
    assert home.questions() == {}


def test_a_resolver_that_fails_says_nothing_takes_nothing_back_and_is_told_of(home: Home) -> None:
    home.zone["initrode.example MX"] = GONE
    home.begin("dns")
    home.house.ok("sync")
    home.later(8 * DAY)
    home.zone |= dict.fromkeys(home.zone, BROKEN)
    done = home.house.cardsync("sync")
    assert done.exit_code == 0, done.stderr
    assert "The resolver gives no answer that can be used" in done.stdout
    assert "The resolver gives no answer that can be used" in home.errors()["dns"]
    assert home.questions() == {}
    assert home.evidence("Zora") == [("dns", "gone")]  # of the first look
    assert home.evidence("Basil") == []
    home.later(timedelta())
    home.zone |= zone()
    home.house.ok("sync")
    assert home.errors()["dns"] == ""


# ---------------------------------------------------------------- the calendar


def test_an_answered_invitation_validates_silently_and_one_from_another_company_asks(home: Home) -> None:
    home.begin("calendar")
    met = datetime.now(UTC) - 10 * DAY
    home.calendar.invite("zora", met, "Zora Quillfeather", ZORA)
    home.calendar.invite("basil", met, "Basil Thackwell", "basil@umbrella.example", "TENTATIVE")
    home.calendar.invite("odile", met, "Odile Marchbanks", "odile@umbrella.example", "NEEDS-ACTION")
    before = home.house.cards()
    assert "calendar: 3 contacts looked at, 2 found, 1 seen in use\n" in home.house.ok("sync")
    assert home.questions() == {
        "Basil Thackwell": "VIPcheck: still Head of Sails at Hooli? (writes from umbrella.example)"
    }
    after = home.house.cards()
    assert [name for name in before if after[name] != before[name]] == ["p1.vcf"]
    assert f"{met:%Y-%m-%d}" in home.house.ok("history", "Zora")
    assert "seen in use" in home.house.ok("history", "Zora")
    assert "seen in use" not in home.house.ok("history", "Odile")
    assert home.evidence("Zora") == [("calendar", "used")]
    content = "\n".join(home.house.content())
    assert "A secret plan" not in content
    assert "basil@umbrella.example" not in content  # its domain is enough


def test_what_a_stranger_s_invitation_claims_validates_nothing_and_asks_nothing(home: Home) -> None:
    home.begin("calendar")
    met = datetime.now(UTC) - 10 * DAY
    home.calendar.invite("zora", met, "Zora Quillfeather", ZORA, organizer="spam@evil.example")
    home.calendar.invite("basil", met, "Basil Thackwell", "basil@phish.example", organizer="spam@evil.example")
    assert "calendar: 3 contacts looked at, 0 found, 0 seen in use\n" in home.house.ok("sync")
    assert home.questions() == {}
    assert "seen in use" not in home.house.ok("history", "Zora")


# ---------------------------------------------------------------- LinkedIn's export


def test_a_row_that_differs_asks_and_one_that_agrees_validates_nothing(home: Home) -> None:
    home.begin("linkedin_export")
    home.export(
        f"Zora,Quillfeather,https://www.linkedin.com/in/zq,{ZORA},Initrode Inc.,Head of Sails,26 Jul 2019",
        f"Basil,Thackwell,https://www.linkedin.com/in/bt,{BASIL},Umbrella Corp,Chief of Sails,26 Jul 2019",
        "Odile,Marchbanks,https://www.linkedin.com/in/om,,Vandelay,CEO,26 Jul 2019",  # by her name alone
    )
    assert "linkedin_export: 3 contacts looked at, 2 found, 0 seen in use\n" in home.house.ok("sync")
    assert home.questions() == {
        "Basil Thackwell": "VIPcheck: still Head of Sails at Hooli? (LinkedIn says Umbrella Corp)"
    }
    assert home.evidence("Zora") == [("linkedin_export", "agrees")]
    assert "seen in use" not in home.house.ok("history", "Zora")
    assert home.evidence("Odile") == []
    home.house.configure()  # off again
    (row,) = (row for row in json.loads(home.house.ok("sources", "--json")) if row["name"] == "linkedin_export")
    assert (row["on"], row["evidence"]) == (False, 2)  # what it found still counts


def test_what_only_an_older_export_says_asks_no_more(home: Home) -> None:
    home.begin("linkedin_export")
    vandelay = f"Zora,Quillfeather,https://www.linkedin.com/in/zq,{ZORA},Vandelay,CEO,26 Jul 2019"
    basil = f"Basil,Thackwell,https://www.linkedin.com/in/bt,{BASIL},Vandelay,CEO,26 Jul 2019"
    home.export(vandelay, basil)
    home.house.ok("sync")
    assert set(home.questions()) == {"Zora Quillfeather", "Basil Thackwell"}
    home.export(vandelay.replace("Vandelay", "Initrode"))  # Basil is no connection any more
    home.later(DAY)
    home.house.ok("sync")
    assert home.evidence("Zora") == [("linkedin_export", "agrees")]
    assert home.evidence("Basil") == []
    home.later(DAY)
    home.house.ok("sync")  # nothing new to read takes nothing back
    assert home.evidence("Zora") == [("linkedin_export", "agrees")]


# ---------------------------------------------------------------- all of them


def test_all_that_is_contacted_is_what_each_declares(home: Home) -> None:
    home.begin("dns", "calendar", "linkedin_export")
    home.export(f"Zora,Quillfeather,,{ZORA},Initrode,,26 Jul 2019")
    home.calendar.invite("zora", datetime.now(UTC) - 10 * DAY, "Zora Quillfeather", ZORA)
    log = home.house.home / "contacted"
    program = [sys.executable, str(Path(__file__).parents[1] / "watched.py"), str(log)]
    command = [*program, "--config", str(home.house.config), "sync"]
    done = subprocess.run(command, env=home.house.env(), capture_output=True, text=True, timeout=60, check=True)
    for name in ("dns", "calendar", "linkedin_export"):
        assert f"{name}: 3 contacts looked at" in done.stdout
    server = home.house.server.url.rstrip("/").removeprefix("http://")
    proxy = home.house.proxy.origin.removeprefix("http://")
    assert set(log.read_text("utf-8").split()) == {proxy, server, home.resolver.address}
    assert home.resolver.asked == [f"{domain}.example MX udp" for domain in ("initrode", "hooli", "globex")]
    shown = {row["name"]: row["hosts"] for row in json.loads(home.house.ok("sources", "--json")) if row["on"]}
    assert shown == {"calendar": ["127.0.0.1"], "linkedin_export": [], "dns": [home.resolver.address]}


def test_dns_without_nameservers_does_not_claim_to_contact_nobody(home: Home) -> None:
    home.tables["dns"] = ()
    home.begin("dns")
    assert "dns connects to: the resolver of this machine\n" in home.house.ok("sources")


def test_all_of_them_failing_leaves_exit_code_0_and_says_nothing_of_a_card(home: Home) -> None:
    home.begin("dns", "calendar", "linkedin_export")  # there is no folder
    (home.house.home / "calendar").write_text("pw-Xylofon-88\n", "utf-8")
    home.zone |= dict.fromkeys(home.zone, BROKEN)
    done = home.house.cardsync("sync")
    assert done.exit_code == 0, done.stderr
    errors = home.errors()
    assert all(errors[name] for name in ("dns", "calendar", "linkedin_export"))
    for name in errors:
        tried = home.house.cardsync("sources", "test", name)
        assert tried.exit_code == 1, (name, tried.stdout)
        errors[name] += tried.output
    assert _private(done.output + str(errors)) == set()


def test_the_daemon_tells_of_its_sources_in_figures(home: Home) -> None:
    home.begin("dns", "calendar", "linkedin_export")
    met = datetime.now(UTC) - 10 * DAY
    home.calendar.invite("zora", met, "Zora Quillfeather", ZORA)
    home.calendar.invite("basil", met, "Basil Thackwell", "basil@umbrella.example")
    home.export(f"Odile,Marchbanks,https://www.linkedin.com/in/om,{ODILE},Vandelay,CEO,26 Jul 2019")
    home.zone["hooli.example MX"] = GONE
    daemon = home.house.daemon()
    daemon.wait_for("source", times=3)
    daemon.wait_for("cycle")
    assert daemon.stop() == 0
    told = {event["source"]: (event["looked"], event["found"]) for event in daemon.events("source")}
    assert told == {"dns": (3, 1), "calendar": (3, 2), "linkedin_export": (3, 1)}
    assert _private(daemon.text) == set()


def _private(text: str) -> set[str]:
    words = {*WORDS, "umbrella", "vandelay", "xylofon", "a pass", "sails", "regatta", "secret plan"}
    return {word for word in words if word in text.casefold()}
