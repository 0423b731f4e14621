"""An account that moved to another server, or got another name: ``account move`` and ``account forget``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import apple_group
from household import GROUP, Household
from servers.real import start_radicale, start_xandikos
from servers.running import Running

MANY = ("[reminders]", "max_new_per_day = 9", "max_new_per_week = 9", "max_open = 9")
ZORA, BASIL, ODILE = "Zora Quillfeather", "Basil Thackwell", "Odile Marchbanks"


@pytest.fixture(scope="module", params=["radicale", "xandikos"])
def elsewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The new server."""
    start = {"radicale": start_radicale, "xandikos": start_xandikos}[request.param]
    with start(tmp_path_factory.mktemp("elsewhere")) as server:
        yield server


def import_into(new: Running, cards: dict[str, bytes]) -> None:
    """As by an export and an import: the file names are new, the UIDs are not."""
    for at, (name, data) in enumerate(sorted(cards.items())):
        if name != GROUP:
            new.put_card(f"import-{at}.vcf", data)


def move_to(house: Household, elsewhere: Running, name: str) -> Running:
    """The config names the new server under ``name``."""
    new = elsewhere.make_book(f"new{house.book}", house.book)
    own = {"url": new.url, "username": new.username or None, "password_file": None, "address_books": [house.book]}
    own |= {"password": new.password} if new.username else {"auth": "none"}
    house.configure(*MANY, account=own, name=name)
    return new


@pytest.fixture
def lived_in(house: Household) -> Household:
    """Zora was answered with never, Basil with later, and a question stands on Odile's card."""
    house.fill()
    house.configure(*MANY)
    house.ok("sync")
    assert len(house.asked_about()) == 3
    house.ok("answer", ZORA, "never")
    house.ok("answer", BASIL, "later", "--days", "300")
    house.ok("sync")
    assert len(house.asked_about()) == 1
    return house


def blocks(server: Running) -> list[str]:
    return [name for name in server.list_cards() if b"VIPcheck" in server.get_card(name)]


def vip_list(new: Running) -> None:
    new.put_card("vips.vcf", apple_group("VIP", [f"UID-{at}" for at in range(3)], uid="NEW-LIST"))


@pytest.mark.parametrize("cycles", [0, 2])
@pytest.mark.parametrize("name", ["home", "cloud"])
def test_history_answers_waits_and_the_open_question_go_on(
    lived_in: Household, elsewhere: Running, name: str, cycles: int
) -> None:
    house, cards = lived_in, lived_in.cards()
    new = move_to(house, elsewhere, name)
    import_into(new, cards)
    vip_list(new)
    for _ in range(cycles):  # a daemon that was started again is quicker than its owner
        house.ok("sync")
        assert len(blocks(new)) == 1  # nobody is asked against an answer of before
    arguments = ["home"] if name == "home" else ["home", name]
    if cycles:
        told = house.ok("status", "--problems")
        assert "account-moved" in told
        assert f"cardsync account move {' '.join(arguments)} takes it along" in told
        assert "holds. cardsync account move" in house.ok("explain", ZORA)
    before = house.content() if (house.state / "cardsync.db").exists() else []
    assert "would carry over 3 contacts" in house.ok("account", "move", *arguments, "--dry-run")
    assert [line for line in house.content() if "VALUES" in line] == [line for line in before if "VALUES" in line]
    moved = house.ok("account", "move", *arguments)
    assert f"carried over 3 contacts to {name}\n" in moved
    kept = Path(moved.rsplit("the state as it was: ", 1)[1].strip())
    assert (kept.parent, kept.stat().st_mode & 0o777) == (house.state / "backups", 0o600)
    house.ok("sync")
    assert "no problems" in house.ok("status")
    assert len(blocks(new)) == 1
    assert "you said never" in house.ok("explain", ZORA)
    assert "you said later" in house.ok("explain", BASIL)
    assert "Asked on" in house.ok("explain", ODILE)
    history = house.ok("history", ZORA)
    assert "never" in history
    assert history.count("first seen") == 1
    (open_,) = blocks(new)
    new.put_card(open_, _answered(new.get_card(open_)))
    house.ok("sync")
    assert not blocks(new)
    assert "confirmed" in house.ok("history", ODILE)
    assert house.rows("SELECT count(*) FROM question WHERE standing = 1") == [(0,)]
    assert house.rows("SELECT count(*) FROM contact") == [(3,)]


def test_what_was_said_at_the_new_server_before_the_move_counts_too(lived_in: Household, elsewhere: Running) -> None:
    house, cards = lived_in, lived_in.cards()
    new = move_to(house, elsewhere, "cloud")
    import_into(new, cards)
    vip_list(new)
    house.ok("sync")
    (open_,) = blocks(new)
    new.put_card(open_, _answered(new.get_card(open_)))
    (zora,) = (each for each in new.list_cards() if b"Zora" in new.get_card(each))
    new.put_card(zora, new.get_card(zora).replace(b"ORG:Initrode", b"ORG:Umbrella"))
    house.ok("sync")
    edited = [line for line in house.ok("history", ZORA).splitlines() if "Umbrella" in line]
    house.ok("account", "move", "home", "cloud")
    assert [line for line in house.ok("history", ZORA).splitlines() if "Umbrella" in line] == edited
    assert "you said never" in house.ok("explain", ZORA)
    odile = house.ok("history", ODILE)
    assert "confirmed" in odile
    days = house.rows(
        "SELECT count(*) FROM work_field f JOIN contact t ON t.id = f.contact_id "
        "WHERE t.name = ? AND f.validated_at IS NOT NULL",
        ODILE,
    )
    assert days[0][0] > 0
    house.ok("sync")
    assert not blocks(new)
    kept = house.ok("restore")
    assert ODILE in kept  # its versions went along


def test_who_left_before_the_move_and_has_a_new_employer_since_has_not_left(
    lived_in: Household, elsewhere: Running
) -> None:
    house = lived_in
    for name, said in ((ZORA, "resume"), (BASIL, "resume")):
        house.ok(said, name)
    house.ok("answer", ZORA, "left")
    house.ok("answer", BASIL, "never")
    cards = house.cards()
    new = move_to(house, elsewhere, "cloud")
    import_into(new, cards)
    vip_list(new)
    house.ok("sync")
    (zora,) = (each for each in new.list_cards() if b"Zora" in new.get_card(each))
    new.put_card(zora, new.get_card(zora).replace(b"ORG:Initrode", b"ORG:Umbrella"))
    house.ok("sync")
    house.ok("resume", BASIL)
    house.ok("account", "move", "home", "cloud")
    assert house.rows("SELECT count(*) FROM contact WHERE left_at IS NOT NULL") == [(0,)]
    assert house.rows("SELECT count(*) FROM contact WHERE pause IS NOT NULL") == [(0,)]


def test_after_a_whole_move_nothing_of_the_old_books_is_left(lived_in: Household, elsewhere: Running) -> None:
    house, cards = lived_in, lived_in.cards()
    with house.writable() as database:
        database.execute(
            "INSERT INTO problem (kind, account, book_id, href, reason, detail, since) "
            "SELECT 'parked', 'home', id, '/x.vcf', 'damaged-again', 'old', '2026-01-01' FROM address_book"
        )
    new = move_to(house, elsewhere, "cloud")
    import_into(new, cards)
    house.ok("sync")
    assert "damaged-again" not in house.ok("status", "--problems")  # of an account that is not in the config
    house.ok("account", "move", "home", "cloud")
    assert house.rows("SELECT DISTINCT account FROM address_book") == [("cloud",)]
    assert house.rows("SELECT count(*) FROM problem WHERE account = 'home'") == [(0,)]


def test_a_list_that_is_made_later_finds_the_history(lived_in: Household, elsewhere: Running) -> None:
    house, cards = lived_in, lived_in.cards()
    new = move_to(house, elsewhere, "cloud")
    import_into(new, cards)
    assert "carried over 3 contacts" in house.ok("account", "move", "home", "cloud")
    house.ok("sync")
    assert not blocks(new)  # in no list: the question goes, and what was said stays
    vip_list(new)
    house.ok("sync")
    assert "you said never" in house.ok("explain", ZORA)
    assert len(blocks(new)) <= 1


@pytest.mark.parametrize("cycles", [0, 1])
def test_an_export_that_is_older_than_the_answers_brings_no_question_back(
    house: Household, elsewhere: Running, cycles: int
) -> None:
    house.fill()
    house.configure(*MANY)
    house.ok("sync")
    cards = house.cards()
    house.ok("answer", ZORA, "never")
    house.ok("answer", ODILE, "retired")
    (basil,) = (name for name in cards if b"Basil" in cards[name])
    house.server.put_card(basil, cards[basil].replace(b"ORG:Hooli", b"ORG:Umbrella"))
    house.ok("sync")
    assert house.asked_about() == []
    new = move_to(house, elsewhere, "cloud")
    import_into(new, cards)
    vip_list(new)
    for _ in range(cycles):
        house.ok("sync")
    house.ok("account", "move", "home", "cloud")
    for _ in range(3):
        house.ok("sync")
    standing = [name for name in blocks(new) if b"Basil" not in new.get_card(name)]
    assert standing == []
    if cycles:  # its old employer again is nobody's edit
        assert house.ok("history", BASIL).count("edited organisation") == 1
        assert "restored organisation  'Umbrella' -> 'Hooli'" in house.ok("history", BASIL)


def test_a_version_from_before_the_move_goes_onto_the_contacts_own_card(
    lived_in: Household, elsewhere: Running
) -> None:
    if elsewhere.name == "radicale":
        pytest.skip("Radicale keeps one card with a UID")
    house, cards = lived_in, lived_in.cards()
    new = move_to(house, elsewhere, "cloud")
    import_into(new, cards)
    vip_list(new)
    house.ok("account", "move", "home", "cloud")
    house.ok("sync")
    (odile,) = (name for name in new.list_cards() if b"Odile" in new.get_card(name))
    twin = new.get_card(odile).replace(b"ORG:Globex", b"ORG:Twin")
    new.put_card("a-twin.vcf", twin)
    house.ok("sync")
    house.cardsync("restore", ODILE, "--yes")
    assert new.get_card("a-twin.vcf") == twin


def test_what_cannot_be_moved_is_told_and_changes_nothing(lived_in: Household, elsewhere: Running) -> None:
    house, cards = lived_in, lived_in.cards()
    for arguments, code, said in (
        (("move", "home"), 2, "Nothing is remembered of a book of home that is not there any more"),
        (("move", "home", "cloud"), 2, "The config has no account cloud; it has: home."),
        (("move", "hme", "home"), 2, "Nothing is remembered of a book of hme"),
        (("forget", "home", "--yes"), 2, "Nothing is remembered"),
    ):
        done = house.cardsync("account", *arguments)
        assert done.exit_code == code, done.stderr
        assert said in done.stderr
    new = move_to(house, elsewhere, "cloud")
    done = house.cardsync("account", "move", "home", "cloud")
    assert done.exit_code == 1
    assert "None of the 3 contacts remembered for home is in cloud" in done.stderr
    (only,) = (each for each in cards if b"Zora" in cards[each])
    new.put_card("a.vcf", cards[only])
    moved = house.ok("account", "move", "home", "cloud")
    assert "carried over 1 contact to cloud" in moved
    assert "2 contacts of home stayed behind" in moved
    assert house.cardsync("account", "forget", "home").exit_code == 2  # nobody to ask
    assert "would forget 2 contacts of home" in house.ok("account", "forget", "home", "--dry-run")
    assert "forgot 2 contacts of home" in house.ok("account", "forget", "home", "--yes")
    assert house.rows("SELECT name FROM contact") == [(ZORA,)]
    assert house.cards() == cards  # nobody wrote to the old server


def test_an_account_that_is_still_in_the_config_is_not_moved(lived_in: Household) -> None:
    text = lived_in.config.read_text()
    two = text[text.index("[accounts.home]") :].replace("[accounts.home]", "[accounts.two]")
    lived_in.config.write_text(text + two)
    done = lived_in.cardsync("account", "move", "home", "two")
    assert (done.exit_code, "The config still has the account home" in done.stderr) == (10, True)


def _answered(card: bytes) -> bytes:
    """``ok`` typed right below the question."""
    unfolded = card.replace(b"\r\n ", b"")
    (note,) = (line for line in unfolded.split(b"\r\n") if line.startswith(b"NOTE"))
    lines = note.split(b"\\n")
    at = max(index for index, line in enumerate(lines) if b"ok" in line)
    return unfolded.replace(note, b"\\n".join([*lines[: at + 1], b"ok", *lines[at + 1 :]]))


def test_check_and_status_name_a_book_that_two_accounts_see(house: Household) -> None:
    house.fill()
    text = house.config.read_text()
    two = text[text.index("[accounts.home]") :].replace("[accounts.home]", "[accounts.two]")
    house.config.write_text(text + two)
    house.ok("sync")
    for command in (("check",), ("status", "--problems")):
        done = house.cardsync(*command)
        assert "also one of home" in done.stdout + done.stderr
        assert "account-moved" not in done.stdout
