"""What goes after its time, and what never does."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from cardsync.mirror import Mirror
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.tidy import Keep, expired, tidy
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from in_memory import address_book, person

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
KEEP = Keep(versions=365 * DAY, backups=365 * DAY)
SEEN = Evidence(
    source="web",
    kind=EvidenceKind.PROFILE,
    family="profile",
    claim=WorkField.EMAIL,
    says=Says.AGREES,
    stored="",
    observed_at=NOW,
    first_observed_at=NOW - 900 * DAY,
)
AGES = st.lists(st.integers(0, 3000), max_size=12, unique=True)


def named(stem: str, age: int, kind: str = "vcf") -> str:
    return f"{stem}-{NOW - age * DAY:%Y%m%dT%H%M%SZ}.{kind}"


@given(AGES, AGES)
def test_of_each_book_the_first_and_the_newest_stay_and_all_that_is_young(one: list[int], two: list[int]) -> None:
    names = [named("home-Contacts", age) for age in one] + [named("home-Work", age) for age in two]
    gone = set(expired(names, KEEP.backups, NOW))
    for stem, ages in (("home-Contacts", one), ("home-Work", two)):
        old = {age for age in ages if age > 365} - {max(ages, default=0), min(ages, default=0)}
        assert {named(stem, age) for age in ages} & gone == {named(stem, age) for age in old}


@given(AGES, st.sets(st.integers(0, 3000), min_size=1, max_size=6))
def test_an_export_of_no_card_is_neither_the_first_nor_the_newest(full: list[int], empty: set[int]) -> None:
    hollow = frozenset(named("home-Contacts", age) for age in empty - set(full))
    whole = [named("home-Contacts", age) for age in full]
    gone = set(expired([*whole, *hollow], KEEP.backups, NOW, empty=hollow))
    assert gone - hollow == set(expired(whole, KEEP.backups, NOW))
    assert gone & hollow == {named("home-Contacts", age) for age in empty - set(full) if age > 365}


def test_a_backup_of_an_emptied_book_does_not_drive_out_the_last_full_one(tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    first, last = (backups / named("home-Contacts", age) for age in (900, 800))
    for path in (first, last):
        path.write_text("BEGIN:VCARD")
    (backups / named("home-Contacts", 1)).touch()
    with closing(Mirror.open(tmp_path / "cardsync.db")) as mirror:
        tidy(mirror, backups, KEEP, NOW)
    assert first.exists()
    assert last.exists()


def test_files_that_are_not_ours_stay() -> None:
    others = ["family.vcf", "home-Contacts-2019.vcf", "home-20190101T000000Z.vcf.gz", "cardsync.db"]
    others += [f"home-Contacts-2026139{n}T000000Z.vcf" for n in range(5)]
    assert expired(others, KEEP.backups, NOW) == []


def test_the_newest_version_of_a_card_and_every_open_write_stay(tmp_path: Path) -> None:
    with closing(Mirror.open(tmp_path / "cardsync.db")) as mirror:
        mirror.accounts.store_discovery("home", [address_book()], NOW)
        for age in (900, 800, 700):
            settled, opened = (begin(mirror, href, age) for href in ("/jo.vcf", "/al.vcf"))
            mirror.journal.close(settled, verified=True, outcome="verified")
        mirror.commands.queue("release", {}, NOW - 900 * DAY)
        mirror.commands.done(1, NOW - 899 * DAY)
        mirror.commands.queue("release", {}, NOW - 900 * DAY)
        for at in (NOW, NOW + 7 * DAY):
            tidy(mirror, tmp_path / "backups", KEEP, at)
        assert [version["data"] for version in mirror.journal.versions(1, "jo")] == [b"/jo.vcf 700"]
        assert [intent.id for intent in mirror.journal.pending("home")][-1] == opened
        assert len(mirror.journal.pending("home")) == 3
        assert len(mirror.database.rows("SELECT 1 FROM journal")) == 3
        assert [command[0] for command in mirror.commands.waiting()] == [2]
        assert len(mirror.database.rows("SELECT 1 FROM command")) == 1


def test_evidence_that_nobody_saw_again_for_two_years_goes_with_what_made_its_requests_conditional(
    tmp_path: Path,
) -> None:
    with closing(Mirror.open(tmp_path / "cardsync.db")) as mirror:
        mirror.accounts.store_discovery("home", [address_book()], NOW - 900 * DAY)
        contact = contact_of(scan(person("Jo")))
        id_, _ = mirror.contacts.observe(1, contact, "jo", "/jo.vcf", work_keys(contact), NOW - 900 * DAY)
        for age in (731, 729):
            at = NOW - age * DAY
            mirror.evidence.add(id_, [replace(SEEN, stored=f"{age}@acme.example", observed_at=at)])
            mirror.evidence.keep_validators("web", f"{age}", '"e"', "", at)
        for at in (NOW, NOW + 7 * DAY):
            tidy(mirror, tmp_path / "backups", KEEP, at)
        assert [each.stored for each in mirror.evidence.of(id_)] == ["729@acme.example"]
        assert [mirror.evidence.validators("web", f"{age}") is None for age in (731, 729)] == [True, False]


def test_it_is_done_once_a_week_also_where_the_clock_was_set_back(tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    for age in (900, 800, 0):
        (backups / named("home-Contacts", age)).write_text("BEGIN:VCARD")
    old = backups / named("home-Contacts", 800)
    with closing(Mirror.open(tmp_path / "cardsync.db")) as mirror:
        for at, there in (
            (0, True),
            (6, True),
            (7, False),
            (13, True),
            (14, False),
            (5, True),
            (11, True),
            (12, False),
        ):
            old.write_text("BEGIN:VCARD")
            tidy(mirror, backups, KEEP, NOW + at * DAY)
            assert old.exists() is there, at


@given(ahead=st.integers(1, 20_000), since=st.integers(0, 30), lasts=st.integers(0, 6))
def test_nothing_goes_because_the_clock_was_ahead_for_some_days(ahead: int, since: int, lasts: int) -> None:
    """``since``: so many days after it was last done."""
    with TemporaryDirectory() as folder, closing(Mirror.open(Path(folder) / "cardsync.db")) as mirror:
        backups = Path(folder) / "backups"
        backups.mkdir()
        for age in (30, 20, 10):
            (backups / named("home-Contacts", age)).write_text("BEGIN:VCARD")
        mirror.accounts.store_discovery("home", [address_book()], NOW)
        for age in (30, 20):
            mirror.journal.close(begin(mirror, "/jo.vcf", age), verified=True, outcome="verified")
        wrong = [since + ahead + day for day in range(lasts + 1)]
        for at in (0, *wrong, *range(since, since + 20)):
            tidy(mirror, backups, KEEP, NOW + at * DAY)
        assert len(list(backups.iterdir())) == 3
        assert len(mirror.journal.versions(1, "jo")) == 2


def test_a_folder_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    with closing(Mirror.open(tmp_path / "cardsync.db")) as mirror:
        tidy(mirror, tmp_path / ("b" * 300), KEEP, NOW)  # longer than any name
        assert mirror.cycles.fact("tidied")


def begin(mirror: Mirror, href: str, age: int) -> int:
    """A write that long ago."""
    return mirror.journal.begin(
        book_id=1, href=href, uid_key=href[1:3], contact_id=None, etag='"1"', before=f"{href} {age}".encode(),
        after=b"", opens=None, removes=None, why="ask", now=NOW - age * DAY,
    ).id  # fmt: skip


def test_what_was_deleted_is_given_back_where_it_is_much(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.db"
    with closing(Mirror.open(path)) as mirror:
        for at in range(30):
            mirror.cycles.set_fact(f"large {at}", "x" * (1 << 20))
        assert not mirror.database.compact()
        mirror.database.execute("DELETE FROM meta WHERE name LIKE 'large%'")
        mirror.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = path.stat().st_size
        tidy(mirror, tmp_path, KEEP, NOW - 8 * DAY)
        tidy(mirror, tmp_path, KEEP, NOW)
        mirror.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert path.stat().st_size < before // 10
        mirror.database.check()
