"""What the daemon does while something is wrong, and what it never says."""

import json
import re
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from cardsync.demo.addressbook import people
from cardsync.demo.apple import parse
from cardsync.demo.phone import Phone
from household import Household, person
from servers.loopback import Request, Response

HUP = signal.SIGHUP
AWAY = Response(502)


def with_credentials(house: Household) -> int:
    return sum("authorization" in request.headers for request in house.proxy.asked())


def problems(house: Household) -> list[tuple[str, str]]:
    return house.rows("SELECT kind, detail FROM problem")


# ---------------------------------------------------------------- a server that is away


def test_a_server_that_is_away_is_left_alone_for_a_while_even_over_a_restart(house: Household) -> None:
    house.fill()
    house.proxy.before = lambda request: AWAY
    daemon = house.daemon()
    failed = daemon.wait_for("account failed")
    assert failed["error"] == "Broken"
    assert "its back end is not there for now" in failed["what"]
    ((not_before, failures),) = house.rows("SELECT not_before, failures FROM account")
    wait = datetime.fromisoformat(not_before) - datetime.now(UTC)
    assert failures == 1
    assert timedelta(seconds=40) < wait < timedelta(seconds=75)

    asked = len(house.proxy.asked())
    house.proxy.before = lambda request: None
    daemon.send(HUP)
    daemon.wait_for("account failed", 2)
    assert daemon.stop() == 0
    again = house.daemon()
    assert again.wait_for("account failed")["error"] == "Throttled"
    assert len(house.proxy.asked()) == asked
    assert house.rows("SELECT failures FROM account") == [(1,)]

    assert house.cardsync("sync").exit_code == 0  # the owner may always ask
    assert house.rows("SELECT not_before, failures FROM account") == [(None, 0)]
    again.send(HUP)
    again.wait_for("cycle")
    assert again.stop() == 0


def test_a_corrected_address_is_tried_at_once(house: Household) -> None:
    house.fill()
    house.configure(account={"url": "http://127.0.0.1:9/"})
    daemon = house.daemon()
    assert "cannot be reached" in daemon.wait_for("account failed")["what"]
    house.configure()
    daemon.send(HUP)
    assert daemon.wait_for("cycle")["vips"] == 3
    assert daemon.stop() == 0


@pytest.mark.parametrize("command", ["sync", "check", "backup", "notes remove"])
def test_a_pause_that_the_server_asks_for_binds_every_command(house: Household, command: str) -> None:
    house.proxy.before = lambda request: Response(503, headers=[("Retry-After", "600")])
    assert house.cardsync("sync").exit_code == 12
    asked = len(house.proxy.asked())
    house.proxy.before = lambda request: None
    done = house.cardsync(*command.split())
    assert (done.exit_code, len(house.proxy.asked())) == (12, asked)
    assert "is left alone until" in done.output


def test_a_pause_that_the_server_asks_for_binds_also_where_it_was_away_before(house: Household) -> None:
    house.proxy.before = lambda request: AWAY
    assert house.cardsync("sync").exit_code == 12
    house.proxy.before = lambda request: Response(503, headers=[("Retry-After", "7200")])
    assert house.cardsync("sync").exit_code == 12
    house.proxy.before = lambda request: None
    asked = len(house.proxy.asked())
    done = house.cardsync("sync")
    assert (done.exit_code, len(house.proxy.asked())) == (12, asked)
    assert "is left alone until" in done.output


def test_a_pause_that_the_server_asks_of_check_binds_what_comes_after_it(house: Household) -> None:
    house.fill()
    house.proxy.before = lambda request: (
        Response(503, headers=[("Retry-After", "600")]) if request.method == "REPORT" else None
    )
    assert house.cardsync("check").exit_code == 12
    house.proxy.before = lambda request: None
    asked = len(house.proxy.asked())
    assert (house.cardsync("sync").exit_code, len(house.proxy.asked())) == (12, asked)


def test_one_account_that_is_away_does_not_stop_the_other(house: Household) -> None:
    house.fill()
    house.configure()
    text = house.config.read_text()
    house.config.write_text(text + '[accounts.away]\nurl = "http://127.0.0.1:9/"\nauth = "none"\nallow_http = true\n')
    done = house.cardsync("sync")
    assert done.exit_code == 3
    assert "3 VIPs, asked 1" in done.stdout
    assert "away: http://127.0.0.1:9 cannot be reached." in done.stderr


# ---------------------------------------------------------------- a login that is refused


@pytest.mark.parametrize("mended_by", ["password file", "release"])
def test_a_wrong_password_is_tried_once(house: Household, mended_by: str) -> None:
    house.fill()
    (house.home / "password").write_text("wrong\n")
    daemon = house.daemon()
    failed = daemon.wait_for("account failed")
    assert (failed["error"], with_credentials(house)) == ("LoginRefused", 1)
    assert "app password" in failed["what"]
    ((kind, detail),) = problems(house)
    daemon.send(HUP)
    daemon.wait_for("account failed", 2)
    assert daemon.stop() == 0
    daemon = house.daemon()
    daemon.wait_for("account failed")
    for command in ("sync", "check") if mended_by == "release" else ("backup",):
        done = house.cardsync(command)
        assert done.exit_code == 11
        assert "was not tried again" in done.stdout + done.stderr
    assert with_credentials(house) == 1
    assert problems(house) == [(kind, detail)] == [("login", failed["what"])]

    asked_before = house.proxy.asked()
    if mended_by == "release":
        house.ok("release")
        daemon.send(HUP)
        daemon.wait_for("account failed", 2)
        assert with_credentials(house) == 2
    else:
        (house.home / "password").write_text(house.server.password)
        daemon.send(HUP)
        assert daemon.wait_for("cycle")["vips"] == 3
        assert problems(house) == []
        assert len(house.proxy.asked()) > len(asked_before)
    assert daemon.stop() == 0


def test_a_refused_password_whose_file_was_away_for_a_while_is_not_tried_again(house: Household) -> None:
    (house.home / "password").write_text("wrong\n")
    assert house.cardsync("sync").exit_code == 11
    (house.home / "password").rename(house.home / "away")
    done = house.cardsync("sync")
    assert (done.exit_code, "password_file" in done.stderr) == (10, True)
    (house.home / "away").rename(house.home / "password")
    assert house.cardsync("sync").exit_code == 11
    assert with_credentials(house) == 1


def test_a_dry_run_with_a_wrong_password_is_the_one_try(house: Household) -> None:
    (house.home / "password").write_text("wrong\n")
    for _ in range(2):
        done = house.cardsync("sync", "--dry-run")
        assert done.exit_code == 11
    assert with_credentials(house) == 1


def test_a_password_that_is_refused_amid_check_is_not_tried_again(house: Household) -> None:
    house.fill()
    house.proxy.before = lambda request: Response(401) if request.method == "REPORT" else None
    assert house.cardsync("check").exit_code == 11
    house.proxy.before = lambda request: None
    asked = len(house.proxy.asked())
    assert (house.cardsync("sync").exit_code, len(house.proxy.asked())) == (11, asked)


# ---------------------------------------------------------------- what the log never says


def told_of(cards: Mapping[str, bytes]) -> set[str]:
    """Every text of every card that is long enough to mean something, and the cards' names."""
    texts = {name.removesuffix(".vcf") for name in cards} | set(cards)
    for data in cards.values():
        for line in parse(data):
            if line.name in {"N", "FN", "ORG", "TITLE", "NOTE", "EMAIL", "TEL", "ADR", "URL", "UID"}:
                texts |= set(re.split(r"[;,\n]|\\n", line.text())) | {line.text()}
    return {text.strip() for text in texts if len(text.strip()) > 4}


def test_the_log_of_a_whole_daemons_life_holds_nothing_private(house: Household) -> None:
    """Questions, an answer, an unreadable card, a refused one, a lost list, a damaged reply and a refused login."""
    book = people(7, 40, 12, now=datetime.now(UTC))
    for name, data in book.cards.items():
        house.server.put_card(name, data)
    private = told_of(book.cards) | {house.server.username + "/", house.server.password, house.book}
    house.configure("[reminders]", "max_new_per_day = 4", "max_new_per_week = 9", "max_open = 9")
    refused: list[str] = []

    def trouble(request: Request) -> Response | None:
        if request.method == "PUT" and not refused:
            refused.append(request.path)
            return Response(403)
        return None

    house.proxy.before = trouble
    daemon = house.daemon()
    assert daemon.wait_for("cycle")["asked"] >= 3
    with Phone(book_url=house.server.book_url, username=house.server.username, password=house.server.password) as phone:
        names = [name for name in house.server.list_cards() if "VIPcheck" in phone.note(name)]
        phone.delete_block(names[0])
        phone.type_below_block(names[1], "ok")
        phone.write_free_text(names[2], "now Chief Pilot at Zephyrine")
        phone.delete_contact(book.group_cards["VIP"])
    daemon.send(HUP)
    daemon.wait_for("cycle", 2)
    (house.home / "password").write_text("not-the-password")
    daemon.send(HUP)
    daemon.wait_for("account failed")
    assert daemon.stop() == 0
    assert {kind for kind, _ in problems(house)} >= {"parked", "vip-loss", "login"}
    said = daemon.text.casefold()
    assert [text for text in private | {"Zephyrine", "not-the-password"} if text.casefold() in said] == []


def test_the_log_of_a_crash_does_not_hold_the_errors_text(house: Household) -> None:
    """A mistake of ours in one account: what was read may stand in the error's text."""
    house.fill()
    daemon = house.daemon()
    daemon.wait_for("cycle")
    assert daemon.stop() == 0
    with house.writable() as database:
        lists = json.dumps([["Zora Quillfeather"]])  # where texts were stored
        database.execute("UPDATE work_field SET shown = ?, previous = ?, keys = ?", (lists,) * 3)
        database.execute("UPDATE address_book SET marker = NULL, listed_at = NULL")
    house.server.put_card("p0.vcf", person("Zora Quillfeather", "Prestige", uid="UID-0"))
    daemon = house.daemon()
    crashed = daemon.wait_for("account crashed")
    assert crashed["error"].startswith("TypeError at cardsync.mirror.")
    assert "Zora" not in daemon.text
    assert daemon.stop() == 0
    (since,) = house.rows("SELECT value FROM meta WHERE name = 'failing since home'")[0]
    assert since  # so that the owner is told, should it last
