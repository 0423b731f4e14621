"""What can be wrong outside of cardsync: each its own sentence and exit code, and nothing changed."""

import errno
import json
import re
import sqlite3
import ssl
from contextlib import closing
from datetime import timedelta

import pytest
import trustme

from builders import apple_group
from household import GROUP, Hold, Household, person
from servers import start_icloud_shaped
from servers.loopback import Loopback, Request, Response, serve
from servers.process import free_port


def ends(house: Household, code: int, *sentences: str, command: str = "sync") -> str:
    """The command ends with the code and says these sentences, on stderr; all of it."""
    done = house.cardsync(command)
    assert done.exit_code == code, done.stderr
    for sentence in sentences:
        assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    return str(done.stderr)


def test_a_wrong_password(house: Household) -> None:
    house.fill()
    (house.home / "password").write_text("wrong")
    ends(
        house, 11, "does not accept the login of account 'home'", "most providers want an app password",
        "The daemon does not try it again until the config changes.",
    )  # fmt: skip


@pytest.mark.parametrize("command", ["sync", "check"])
def test_an_unreachable_server(house: Household, command: str) -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    house.configure(account={"url": origin})
    ends(
        house, 12, f"{origin} cannot be reached. Check the address, the network and that the server runs.",
        command=command,
    )  # fmt: skip


def test_a_certificate_that_nobody_vouches_for_and_ca_file_mends_it(house: Household) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    house.fill()
    with serve(house.proxy, tls=context) as secure:
        house.configure(account={"url": f"{secure.origin}/", "allow_http": False})
        ends(house, 12, f"The TLS certificate of {secure.origin} is not trusted.", "ca_file in [accounts.home]")
        authority.cert_pem.write_to_path(str(house.home / "ca.pem"))
        house.configure(
            account={"url": f"{secure.origin}/", "allow_http": False, "ca_file": str(house.home / "ca.pem")}
        )
        assert "3 VIPs, asked 1" in house.ok("sync")


@pytest.mark.parametrize("command", ["sync", "check"])
def test_https_where_the_server_speaks_plain_http(house: Household, command: str) -> None:
    origin = house.proxy.origin.replace("http://", "https://")
    house.configure(account={"url": f"{origin}/", "allow_http": False})
    ends(
        house, 12, f"{origin} does not speak TLS: what answers there is no https. Check the port;",
        "allow_http = true in [accounts.home]", command=command,
    )  # fmt: skip
    assert house.proxy.asked() == []


@pytest.mark.parametrize("command", ["sync", "check"])
def test_a_ca_file_that_is_none_is_an_error_of_the_config(house: Household, command: str) -> None:
    (house.home / "ca.pem").write_text("no certificate")
    house.configure(account={"url": "https://127.0.0.1:9/", "ca_file": str(house.home / "ca.pem")})
    ends(house, 10, "ca_file of account 'home' cannot be used; it must be a readable PEM file.", command=command)


@pytest.mark.parametrize("command", ["sync", "check"])
def test_a_name_that_no_host_can_have(house: Household, command: str) -> None:
    house.configure(account={"url": "https://m\u00fcnchen..example"})
    ends(house, 12, "cannot be reached. Check the address", command=command)


def test_an_address_without_carddav(house: Household) -> None:
    with serve(lambda request: Response(200, b"<html>hello</html>")) as web:
        house.configure(account={"url": f"{web.origin}/page"})
        for command in ("sync", "check"):
            ends(
                house, 1, f"No CardDAV address book was found for account 'home' at {web.origin}. Check the address",
                command=command,
            )  # fmt: skip


def test_a_book_that_may_only_be_read(house: Household) -> None:
    house.fill()

    def no_right(request: Request, response: Response) -> Response:
        rights = rb"(<current-user-privilege-set>).*?(</current-user-privilege-set>)"
        body = re.sub(rights, rb"\1<privilege><read/></privilege>\2", response.body)
        return Response(response.status, body, response.headers)

    house.proxy.after = no_right
    assert "3 VIPs, asked 0" in house.ok("sync")
    assert house.proxy.asked("PUT") == []
    assert "read only: the server gives this login no right to write" in house.ok("check")
    assert "Not asked: the server gives this login no right to write" in house.ok("explain", "Zora Quillfeather")


def test_a_book_that_the_owner_does_not_want_written(house: Household) -> None:
    house.fill()
    house.ok("sync")
    house.configure(account={"write": "never"})
    assert 'read only: write = "never" in the config' in house.ok("check")
    ends_with = house.cardsync("notes", "remove")
    assert ends_with.exit_code == 1
    assert 'The address book is not written: write = "never" in the config.' in ends_with.stdout
    assert len(house.proxy.asked("PUT")) == len(house.asked_about()) == 1


def test_a_card_that_the_server_refuses(house: Household) -> None:
    house.fill()
    house.proxy.before = lambda request: Response(403) if request.method == "PUT" else None
    done = house.cardsync("sync")
    assert done.exit_code == 3
    assert "3 cards not written, see: cardsync status --problems" in done.stdout
    assert "The server refused the card with status 403." in house.ok("status", "--problems")
    puts = len(house.proxy.asked("PUT"))
    assert house.cardsync("sync").exit_code == 0  # parked until it changes
    assert len(house.proxy.asked("PUT")) == puts


def test_a_card_that_cannot_be_read_stops_no_other(house: Household) -> None:
    house.fill()
    house.server.put_card("p9.vcf", person("Ida Crumble", "Initech", uid="UID-9"))

    def broken(request: Request, response: Response) -> Response:
        cards = rb"BEGIN:VCARD(?:(?!END:VCARD)[\s\S])*UID:UID-9[\s\S]*?END:VCARD"
        return Response(response.status, re.sub(cards, b"(null)", response.body), response.headers)  # as SOGo does

    house.proxy.after = broken
    done = house.cardsync("sync")
    assert (done.exit_code, house.rows("SELECT kind FROM problem")) == (3, [("quarantined",)])
    assert "3 VIPs, asked 1" in done.stdout
    assert "1 card unreadable, see: cardsync status --problems" in done.stdout


def test_no_group_of_that_name(house: Household) -> None:
    house.fill()
    house.server.put_card(GROUP, apple_group("Family", ["UID-0"]))
    for command in ("sync", "check", "vip"):
        ends(house, 0, "Nobody is in a group named VIP. These exist: Family, ", command=command)


def test_status_tells_of_a_group_that_nobody_is_in(house: Household) -> None:
    house.fill()
    house.server.put_card("board.vcf", apple_group("Board", [], uid="BOARD"))
    house.ok("sync")
    assert "no problems" in house.ok("status")
    house.configure("[groups.VIP]", "[groups.Board]", "[groups.Nonesuch]")
    assert "no problems" in house.ok("status")  # nobody has looked yet
    house.ok("sync")
    empty = "Nobody is in the group Board. Put people into it on the phone, or name another in the config."
    absent = f"Nobody is in a group named Nonesuch. These exist: Board, VIP, {house.book}. Make that list on the phone"
    sentences = [empty, f"{absent}, or name another in the config."]
    found = json.loads(house.ok("status", "--json"))["problems"]
    assert [(row["kind"], row["detail"]) for row in found] == [("empty-group", sentence) for sentence in sentences]
    for told in (house.ok("status"), house.ok("status", "--problems")):
        assert all(sentence in told for sentence in sentences)
        assert "no problems" not in told


def test_status_tells_of_a_cycle_that_failed_until_one_does_not(house: Household) -> None:
    house.fill()
    house.ok("sync")
    origin = f"http://127.0.0.1:{free_port()}"
    house.configure(account={"url": origin})
    ends(house, 12)
    sentence = f"The last cycle failed. {origin} cannot be reached."
    for told in (house.ok("status"), house.ok("status", "--problems")):
        assert sentence in told
        assert "no problems" not in told
    assert house.ok("status").splitlines()[0].endswith(" UTC, failed: home")
    (row,) = json.loads(house.ok("status", "--json"))["problems"]
    assert (row["kind"], row["account"]) == ("cycle-failed", "home")
    house.configure()
    house.ok("sync")
    assert "no problems" in house.ok("status")


def test_an_address_book_that_is_not_there_also_later(house: Household) -> None:
    house.configure(account={"address_books": ["Nonesuch"]})
    sentence = "Account 'home' has no address book 'Nonesuch'. It has: "
    ends(house, 1, sentence, "Correct address_books in [accounts.home].")
    house.configure()
    house.ok("sync")
    house.configure(account={"address_books": ["Nonesuch"]})
    ends(house, 1, sentence)  # what was discovered for another config does not count


ITSELF = (
    "<response><href>{}</href><propstat><prop><resourcetype><collection/></resourcetype><getetag>x</getetag></prop>"
    "<status>HTTP/1.1 200 OK</status></propstat></response>"
)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("", "The server's listing of an address book is empty beyond belief. Nothing was changed."),
        (ITSELF, "The server listed an empty address book where 5 cards were before. Nothing was changed here."),
    ],
)
def test_an_empty_listing_changes_nothing(house: Household, entry: str, sentence: str) -> None:
    house.fill()
    house.ok("sync")
    itself = entry.format(house.server.book_url.removeprefix(house.server.url.rstrip("/")))
    empty = f'<multistatus xmlns="DAV:">{itself}<sync-token>http://radicale.org/ns/sync/x</sync-token></multistatus>'

    def emptied(request: Request) -> Response | None:
        if request.method == "REPORT" and b"sync-collection" in request.body and b"http://radicale" in request.body:
            return Response(403, b'<error xmlns="DAV:"><valid-sync-token/></error>')
        if request.method in {"REPORT", "PROPFIND"} and request.path.endswith(f"/{house.book}/"):
            return Response(207, empty.encode(), [("Content-Type", "application/xml")])
        return None

    house.proxy.before = emptied
    ends(house, 3, sentence)
    ends(house, 3, sentence, command="check")
    assert house.rows("SELECT count(*) FROM address_object") == [(5,)]
    house.proxy.before = lambda request: None
    assert "no problems" not in house.ok("status")
    house.ok("sync")
    assert "no problems" in house.ok("status")


def test_a_foreign_origin_is_named_so_that_it_can_be_pinned(house: Household) -> None:
    with start_icloud_shaped() as cloud:
        (house.home / "cloud").write_text(cloud.password)
        account = {"url": cloud.url, "username": cloud.username, "password_file": str(house.home / "cloud")}
        house.configure(account={**account, "address_books": None})
        (origin,) = cloud.trusted_origins
        for command in ("check", "sync"):
            ends(
                house, 1, f"leads to {origin}, which is not the configured server.",
                f'add trusted_origins = ["{origin}"] to [accounts.home]', command=command,
            )  # fmt: skip
        house.configure(account={**account, "address_books": None, "trusted_origins": [origin]})
        assert "can be written" in house.ok("check")


def test_a_server_without_end_does_not_hold_the_other_accounts(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill()
    monkeypatch.setattr("cardsync.cycles.LONGEST_CYCLE", timedelta(seconds=1))
    house.proxy.after = hold = Hold("REPORT")
    done = house.cardsync("sync")
    hold.free.set()
    assert done.exit_code == 12
    assert "it goes on later" in done.stderr
    monkeypatch.undo()
    assert house.ok("sync").startswith("home: ")


def test_check_names_the_origin_behind_a_mail_address(house: Household) -> None:
    """A mail address: the domain's well-known address leads to another host, which gets no password."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(house.home / "ca.pem"))
    with serve(house.proxy, tls=context) as books:
        behind = f"https://127.0.0.1:{books.port}"
        location = [("Location", f"{behind}/")]
        with serve(lambda request: Response(301, headers=location), tls=context) as domain:
            account = {"url": f"owner@localhost:{domain.port}", "ca_file": str(house.home / "ca.pem")}
            house.configure(account={**account, "allow_http": False})
            ends(house, 1, f'add trusted_origins = ["{behind}"] to [accounts.home]', command="check")
            assert seen_passwords(domain) == seen_passwords(books) == 0
            house.fill()
            house.configure(account={**account, "allow_http": False, "trusted_origins": [behind]})
            assert "3 VIPs, can be written" in house.ok("check")
            assert seen_passwords(domain) == 0


def seen_passwords(server: Loopback) -> int:
    return sum("authorization" in request.headers for request in server.requests)


# ---------------------------------------------------------------- the state directory


@pytest.mark.parametrize("command", ["check", "sync", "run"])
def test_a_state_directory_that_cannot_be_written(house: Household, command: str) -> None:
    place = "/sys/cardsync"  # not even root may make a directory there
    house.config.write_text(house.config.read_text().replace(str(house.state), place))
    said = ends(house, 13, command=command)
    assert said == f"cardsync: {place} cannot be written. Give this user the right to it, or set state_dir.\n"


def test_a_state_directory_on_a_file_system_without_locks(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    for command in ("sync", "run"):
        ends(house, 13, "cannot be locked: No locks available. Put state_dir on a disk of", command=command)


def test_a_database_that_is_none(house: Household) -> None:
    house.ok("sync")
    for name in ("cardsync.db-wal", "cardsync.db-shm"):
        (house.state / name).unlink(missing_ok=True)
    (house.state / "cardsync.db").write_bytes(b"this is no database" * 500)
    for said in ("is damaged. Move it away with the files", "are lost. The address book was not touched."):
        ends(house, 13, said, command="status")


def test_a_database_with_a_damaged_page(house: Household) -> None:
    house.fill()
    house.ok("sync")
    path = house.state / "cardsync.db"
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    for command in ("status", "sync", "vip"):
        ends(house, 13, "is damaged", command=command)


def test_a_database_of_a_newer_cardsync(house: Household) -> None:
    house.ok("sync")
    with house.writable() as database:
        database.execute("PRAGMA user_version = 99")
    ends(house, 13, "was written by a newer cardsync (schema 99", command="status")
    ends(house, 13, "was written by a newer cardsync (schema 99")


def test_a_database_that_another_program_holds(house: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    house.ok("sync")
    monkeypatch.setattr("cardsync.mirror.database._BUSY_SECONDS", 0.1)  # the owner waits 10 s
    with closing(sqlite3.connect(house.state / "cardsync.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        ends(house, 13, "is locked by another program. Stop it, and try again.", command="status")


def test_a_mass_change_and_a_server_that_alters_cards_make_a_cycle_partial(house: Household) -> None:
    house.fill()
    house.ok("sync")
    house.configure("[guards]", "mass_change_min = 3")
    for at in range(3):
        house.server.put_card(f"p{at}.vcf", person(f"Zora {at}", "Vandelay", uid=f"UID-{at}"))
    ends(house, 3, "3 of 5 cards changed at once.")
    ends(house, 3, "3 of 5 cards changed at once.")
    assert "released 1" in house.ok("release")
    house.ok("sync")
