"""The file, the environment over it, and what each place is called."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cardsync.errors import ConfigError
from cardsync.policy import Position
from cardsync.settings.effective import effective
from cardsync.settings.load import load, read
from cardsync.settings.policies import group_policies, reminder_policy, zone
from cardsync.settings.secrets import print_of

CANARY = "hunter2"
Write = Callable[[str], Path]

GOOD = """\
[accounts.Home]
url = "https://dav.example.com/"
username = "jo"
password_file = "/run/secrets/home"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "cardsync.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return write


def problems(path: Path | None, environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    return caught.value.problems


def test_defaults_are_those_of_the_product(write: Write) -> None:
    settings = load(write(GOOD), {})
    reminders = reminder_policy(settings, "Home")
    assert (reminders.label, reminders.language, reminders.position) == ("VIPcheck", "en", Position.TOP)
    assert (reminders.max_new_per_day, reminders.max_new_per_week, reminders.max_open) == (1, 3, 5)
    assert (reminders.expire_after, reminders.ask_again_after) == (timedelta(days=45), timedelta(days=90))
    assert (reminders.quiet_after_edit, reminders.half_updated_after) == (timedelta(hours=6), timedelta(days=7))
    assert settings.state_dir == Path("/data")
    assert settings.schedule.sync == timedelta(minutes=15)
    (group,) = group_policies(settings)
    assert (group.name, group.weight, group.ask_above) == ("VIP", 1.0, 0.20)
    assert (settings.guards.mass_change_share, settings.guards.vip_loss_share) == (0.20, 0.30)


def test_the_environment_overrides_every_kind_of_key(write: Write) -> None:
    path = write(GOOD + '[groups."Board of X"]\nweight = 2\n')
    settings = load(
        path,
        {
            "CARDSYNC_STATE_DIR": "/srv/cardsync",
            "CARDSYNC_REMINDERS__LANGUAGE": "de",
            "CARDSYNC_REMINDERS__HOURS": "8-21",
            "CARDSYNC_REMINDERS__ASK_MISSING": "true",
            "CARDSYNC_SCHEDULE__SYNC": "0 7 * * mon-fri",
            "CARDSYNC_ACCOUNTS__HOME__USERNAME": "[jo]",
            "CARDSYNC_ACCOUNTS__HOME__ADDRESS_BOOKS": '["Friends"]',
            "CARDSYNC_ACCOUNTS__HOME__REMINDERS__MAX_OPEN": "9",
            "CARDSYNC_GROUPS__BOARD_OF_X__STRATUM": "{ median_years = 7.5 }",
            "CARDSYNC_GROUPS__BOARD_OF_X__ASK_ABOVE": "0.5",
            "CARDSYNC_ORGANISATIONS__DOMAINS": '{ "Acme" = ["acme.example"] }',
            "CARDSYNC_CONFIG": "/nowhere",
            "PATH": "/bin",
        },
    )
    assert settings.state_dir == Path("/srv/cardsync")
    assert settings.schedule.sync == "0 7 * * mon,tue,wed,thu,fri"
    assert set(settings.accounts) == {"Home"}
    account = settings.accounts["Home"]
    assert (account.username, account.address_books) == ("[jo]", ("Friends",))
    assert account.password_file == Path("/run/secrets/home")
    reminders = reminder_policy(settings, "Home")
    assert (reminders.language, reminders.hours, reminders.ask_missing, reminders.max_open) == ("de", (8, 21), True, 9)
    (board,) = group_policies(settings)
    assert (board.name, board.weight, board.stratum.median_years, board.ask_above) == ("Board of X", 2.0, 7.5, 0.5)
    assert settings.organisations.domains == {"Acme": ("acme.example",)}


def test_the_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = load(
        None,
        {
            "CARDSYNC_ACCOUNTS__ICLOUD__URL": "me@example.com",
            "CARDSYNC_ACCOUNTS__ICLOUD__USERNAME": "me",
            "CARDSYNC_ACCOUNTS__ICLOUD__PASSWORD": "s3cret-s3cret",
        },
    )
    assert settings.accounts["icloud"].url == "me@example.com"
    assert "s3cret" not in repr(settings)


def test_a_password_of_the_environment_takes_the_place_of_the_files(write: Write) -> None:
    settings = load(write(GOOD), {"CARDSYNC_ACCOUNTS__HOME__PASSWORD": "s3cret"})
    account = settings.accounts["Home"]
    assert account.password_file is None
    assert account.password is not None


def test_unknown_variables_are_errors_with_the_nearest_name(write: Write) -> None:
    found = problems(write(GOOD), {"CARDSYNC_REMINDER__LANGUAGE": "s3cret", "CARDSYNC_ACCOUNTS__HOME__PASWORD": "x"})
    assert found == (
        "CARDSYNC_ACCOUNTS__HOME__PASWORD: no such setting; did you mean CARDSYNC_ACCOUNTS__HOME__PASSWORD?",
        "CARDSYNC_REMINDER__LANGUAGE: no such setting; did you mean CARDSYNC_REMINDERS__LANGUAGE?",
    )


def test_a_bad_variable_is_named_instead_of_the_file(write: Write) -> None:
    (found,) = problems(write(GOOD), {"CARDSYNC_REMINDERS__MAX_OPEN": "s3cret"})
    assert found.startswith("CARDSYNC_REMINDERS__MAX_OPEN: reminders.max_open: ")
    assert "s3cret" not in found


def test_a_systemd_credential_is_a_password(write: Write, tmp_path: Path) -> None:
    path = write(GOOD.replace('password_file = "/run/secrets/home"\n', ""))
    assert "has no password" in problems(path, {})[0]
    (tmp_path / "Home").write_text("s3cret\n")
    assert load(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).accounts["Home"].password is None


def test_a_password_in_a_file_that_all_can_read_is_a_warning(write: Write) -> None:
    path = write(GOOD.replace('password_file = "/run/secrets/home"', 'password = "s3cret"'))
    assert read(path, {}).warnings == ()
    path.chmod(0o644)
    (warning,) = read(path, {}).warnings
    assert warning.startswith(f"{path}:4: accounts.Home.password: ")
    assert "s3cret" not in warning


def test_the_config_is_searched_in_order(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = write(GOOD)
    other = tmp_path / "other.toml"
    other.write_text(GOOD.replace("Home", "Other"))
    xdg = tmp_path / "xdg" / "cardsync" / "cardsync.toml"
    xdg.parent.mkdir(parents=True)
    xdg.write_text(GOOD.replace("Home", "Xdg"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert read(given, {"CARDSYNC_CONFIG": str(other)}).file == given
    assert read(None, {"CARDSYNC_CONFIG": str(other)}).file == other
    assert read(None, {}).file == xdg
    for gone in (str(tmp_path / "gone.toml"), "~nobody-of-that-name/cardsync.toml"):
        assert problems(None, {"CARDSYNC_CONFIG": gone}) == (f"{gone}: not found; see CARDSYNC_CONFIG",)


def test_effective_settings_tell_where_each_value_is_from(write: Write) -> None:
    path = write(
        GOOD.replace('password_file = "/run/secrets/home"', 'password_command = ["pass", "s3cret"]')
        + 'token = "s3cret"\nauth = "bearer"\n'
    )
    path.write_text(path.read_text().replace('password_command = ["pass", "s3cret"]\n', ""))
    rows = {row.key: row for row in effective(read(path, {"CARDSYNC_LOG__LEVEL": "debug"}))}
    assert rows["accounts.Home.url"].origin == f"{path}:2"
    assert (rows["accounts.Home.token"].value, rows["accounts.Home.token"].origin) == ("***", f"{path}:4")
    assert (rows["log.level"].value, rows["log.level"].origin) == ("debug", "CARDSYNC_LOG__LEVEL")
    assert (rows["reminders.expire_after"].value, rows["reminders.expire_after"].origin) == ("45d", "default")


def test_an_account_has_its_own_reminders_and_one_that_left_the_common_ones(write: Write) -> None:
    text = GOOD + '[accounts.Home.reminders]\nlabel = "Check"\n[reminders]\nlanguage = "fr"\nmax_open = 7\n'
    settings = load(write(text), {})
    own, common = reminder_policy(settings, "Home"), reminder_policy(settings, "gone")
    assert (own.label, own.language, own.max_open) == ("Check", "fr", 7)
    assert (common.label, common.language, common.max_open) == ("VIPcheck", "fr", 7)


def test_the_zone_is_the_configs_or_the_machines(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(GOOD)
    assert str(zone(load(path, {"CARDSYNC_SCHEDULE__TIMEZONE": "Asia/Tokyo"}))) == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.setattr("tzlocal.unix._cache_tz", None)  # what an earlier test asked for
    machine = zone(load(path, {}))
    offsets = {datetime(2025, month, 1, tzinfo=machine).utcoffset() for month in (1, 7)}
    assert offsets == {timedelta(hours=1), timedelta(hours=2)}


def test_bytes_that_are_no_text_are_an_error_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.toml"
    path.write_bytes(b"# ok\nstate_dir = '\xff'\n")
    assert problems(path, {}) == (f"{path}:2: a byte that is not UTF-8",)


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "cardsync.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert "Home" in load(path, {}).accounts


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000])
def test_what_the_parser_cannot_bear_is_a_sentence_too(write: Write, text: str) -> None:
    assert len(problems(write(text), {})) == 1


def test_a_variable_that_the_parser_cannot_bear_is_a_sentence_too(write: Write) -> None:
    name = "CARDSYNC_ORGANISATIONS__ALIASES"
    told = f"{name}: cannot be read; allowed: JSON or TOML, no key twice, no null"
    assert problems(write(GOOD), {name: "[" * 100_000}) == (told,)


@pytest.mark.parametrize(
    ("path", "what"), [("/a\\u0000b", "is no absolute path"), ("~nobody-of-that-name/x", "is in the home of somebody")]
)
def test_a_path_that_leads_nowhere_is_a_sentence_too(write: Write, path: str, what: str) -> None:
    (found,) = problems(write(GOOD + f'ca_file = "{path}"\n'), {})
    assert f"accounts.Home.ca_file: {what}" in found


def test_a_cron_expression_that_never_comes_is_an_error(write: Write) -> None:
    (found,) = problems(write(GOOD), {"CARDSYNC_SCHEDULE__SYNC": "0 7 30 2 *"})
    assert "schedule.sync: is no cron expression that can be followed; allowed: " in found


@pytest.mark.parametrize("auth", ["", 'auth = "auto"', 'auth = "basic"'])
def test_a_user_name_that_a_basic_login_cannot_carry_is_an_error_without_the_name(write: Write, auth: str) -> None:
    text = GOOD.replace('"jo"', f'"jo:{CANARY}"') + auth
    (found,) = problems(write(text), {})
    assert "accounts.Home.username: holds a colon" in found
    assert CANARY not in found
    carried = write(GOOD.replace('"jo"', f'"jo:{CANARY}"') + 'auth = "digest"')
    assert load(carried, {}).accounts["Home"].username == f"jo:{CANARY}"


@pytest.mark.parametrize(
    ("behind", "hidden"), [("?token={}", "?***"), ("?a=b&k={}", "?***"), ("/?{}", "?***"), ("#{}", "#***")]
)
def test_what_an_address_carries_behind_its_path_is_not_shown(write: Write, behind: str, hidden: str) -> None:
    address = "https://dav.example/books" + behind.format(CANARY)
    loaded = read(write(GOOD.replace("https://dav.example.com/", address)), {})
    assert loaded.settings.accounts["Home"].url == address
    shown = {entry.key: entry.value for entry in effective(loaded)}
    assert shown["accounts.Home.url"] == address.partition(CANARY)[0].partition("?")[0].partition("#")[0] + hidden
    assert CANARY not in str(shown)


def test_a_variable_is_a_text_that_is_read_as_a_number_or_a_truth(write: Write) -> None:
    path = write(GOOD.replace("https", "http"))
    variables = {"CARDSYNC_ACCOUNTS__HOME__ALLOW_HTTP": "Yes", "CARDSYNC_REMINDERS__MAX_OPEN": "19"}
    settings = load(path, {**variables, "CARDSYNC_GUARDS__VIP_LOSS_SHARE": "0.5", "CARDSYNC_GUARDS__VIP_LOSS_MIN": "5"})
    assert settings.accounts["Home"].allow_http is True
    assert (settings.reminders.max_open, settings.guards.vip_loss_share, settings.guards.vip_loss_min) == (19, 0.5, 5)
    assert len(problems(path, {**variables, "CARDSYNC_REMINDERS__MAX_OPEN": "1.5"})) == 1


def test_a_secret_that_this_user_may_not_read_may_be_there_for_the_service(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(GOOD.replace("/run/secrets/home", "/dev/null"))
    assert (read(path, {}).warnings, read(path, {}).missing) == ((), ())
    monkeypatch.setattr("os.access", lambda file, mode: False)
    assert "this user may not read" in read(path, {}).warnings[0]
    assert read(path, {}).missing == ()


MAILBOX = '\n[sources.mailbox]\nhost = "imap.example.org"\nusername = "u"\npassword = "p"\n'


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('host = "imaps://imap.example.org"', "mailbox.host"),
        ('host = "imap.example.org:993"', "mailbox.host"),
        ('host = "me@example.org"', "mailbox.host"),
        ('port = "993"', "mailbox.port"),
        ("port = 70000", "mailbox.port"),
        ("folders = []", "mailbox.folders"),
        ('[sources.dns]\nnameservers = ["resolver.lan"]', "dns.nameservers"),
        (
            '[sources.calendar]\nurl = "https://x.example"\nusername = "u"\npassword = "p"\naddresses = ["me"]',
            "calendar",
        ),
    ],
)
def test_what_no_source_could_use_is_an_error_at_once(write: Write, line: str, key: str) -> None:
    text = MAILBOX.replace('host = "imap.example.org"\n', "") if line.startswith("host") else MAILBOX
    (found,) = problems(write(f"{GOOD}{text}{line}\n"), {})
    assert f"sources.{key}" in found
    assert "; allowed: " in found


@pytest.mark.parametrize(
    "line",
    [
        'host = "nas"', 'host = "192.0.2.7"', 'host = "2001:db8::7"',
        '[sources.dns]\nnameservers = ["192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:53"]',
    ],
)  # fmt: skip
def test_hosts_and_addresses_in_every_form(write: Write, line: str) -> None:
    text = MAILBOX.replace('host = "imap.example.org"\n', "") if line.startswith("host") else MAILBOX
    assert load(write(f"{GOOD}{text}{line}\n"), {}).sources.mailbox


def test_a_source_that_failed_is_known_by_its_table_and_by_the_file_with_its_password(
    write: Write, tmp_path: Path
) -> None:
    file = tmp_path / "mail"
    file.write_text("one\n")
    by_file = MAILBOX.replace('password = "p"', f'password_file = "{file}"')

    def seen(text: str) -> str:
        table = load(write(GOOD + text), {}).sources.mailbox
        assert table
        return print_of(table, b"salt")

    before = {seen(text) for text in (MAILBOX, MAILBOX, by_file, by_file)}
    assert len(before) == 2
    file.write_text("two two\n")
    others = {seen(by_file), seen(MAILBOX.replace('"p"', '"q"')), seen(MAILBOX + "port = 143\n")}
    assert len(before | others) == 5


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"CARDSYNC_HTTP": '{"listen": "0.0.0.0:1", "token": null}'}, "CARDSYNC_HTTP: cannot be read"),
        ({"CARDSYNC_LOG": '{"level": "debug", "level": "info"}'}, "CARDSYNC_LOG: cannot be read"),
        ({"CARDSYNC_REMINDERS__PAST_LABELS": '["x"]\nother = 3'}, "CARDSYNC_REMINDERS__PAST_LABELS: cannot be read"),
        (
            {"CARDSYNC_LOG__LEVEL": "debug", "cardsync_log__level": "info"},
            "cardsync_log__level: says what CARDSYNC_LOG__LEVEL says",
        ),
        (
            {"CARDSYNC_SOURCES__DNS": "x", "CARDSYNC_SOURCES__DNS__DOH_URL": "https://dns.example"},
            "CARDSYNC_SOURCES__DNS__DOH_URL: is a key in what another variable says is no table",
        ),
        ({"CARDSYNC_LOG": '{"level": "loud"}'}, "CARDSYNC_LOG: log.level: is none of the words"),
    ],
)
def test_nothing_that_a_variable_says_goes_without_a_word(write: Write, variables: dict[str, str], told: str) -> None:
    file = write(GOOD + '[log]\nformat = "json"\n')
    assert any(line.startswith(told) for line in problems(file, variables)), problems(file, variables)


def test_a_variable_of_its_own_goes_before_a_table_in_another_one(write: Write) -> None:
    variables = {"CARDSYNC_LOG": '{"level": "debug", "format": "json"}', "CARDSYNC_LOG__LEVEL": "error"}
    variables |= {"cardsync_reminders": '{"max_open": 2, "label": "X"}', "CARDSYNC_REMINDERS__LABEL": "Check"}
    settings = load(write(GOOD), variables)
    assert (settings.log.level, settings.log.format) == ("error", "json")
    assert (settings.reminders.max_open, settings.reminders.label) == (2, "Check")


@pytest.mark.parametrize(
    "odd",
    [
        'accounts."[key]" = 5\n',
        '[groups]\n"[key]" = 5\n',
        '[notify.ntfy]\nurl = "http://[::1"\ntoken = "T"\n',
        "[sources.plugins.x]\nk = 0xfffffffffffffffffffffffffffff\n",
        "[sources.plugins.x]\nk = nan\n",
        '[schedule]\nsync = "0 7 * * 1--3"\n',
        '[sources.dns]\ndoh_url = "https://me:secret@dns.example/q"\n',
    ],
)
def test_what_is_odd_is_told_with_its_line(write: Write, odd: str) -> None:
    file = write(odd + GOOD if odd.startswith("accounts") else GOOD + odd)
    told = problems(file, {})
    assert all(line.startswith(f"{file}:") for line in told)
    assert "secret@" not in str(told)
