"""``[http]``: the page of a real daemon, asked over real sockets."""

import json
import re
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from household import GROUP, PEOPLE, Daemon, Household
from servers.loopback import Response

LISTEN = '[http]\nlisten = "127.0.0.1:0"'


def page(daemon: Daemon, times: int = 1) -> str:
    """Its address."""
    return f"http://127.0.0.1:{daemon.wait_for('listening', times)['port']}"


def test_by_default_nothing_listens(house: Household) -> None:
    daemon = house.daemon()
    daemon.wait_for("cycle")
    assert daemon.events("listening") == []
    process = Path(f"/proc/{daemon.process.pid}")
    tables = [(process / "net" / name).read_text().splitlines() for name in ("tcp", "tcp6")]
    listening = {f"socket:[{row[9]}]" for table in tables for line in table if (row := line.split())[3] == "0A"}
    assert not listening & {str(each.readlink()) for each in (process / "fd").iterdir()}


def test_health_and_readiness_tell_the_daemon_from_an_account(house: Household) -> None:
    house.fill()
    house.configure(LISTEN)
    daemon = house.daemon()
    daemon.wait_for("cycle")
    at = page(daemon)
    well = httpx.get(f"{at}/readyz")
    assert (well.status_code, well.json()["ok"]) == (200, True)
    assert [part["part"] for part in well.json()["parts"]] == ["daemon", "config", "account home"]
    house.proxy.before = lambda request: Response(401)
    house.cardsync("sync")
    assert httpx.get(f"{at}/readyz").status_code == 503
    assert httpx.get(f"{at}/healthz").status_code == 200
    assert httpx.get(f"{at}/nothing").status_code == 404
    assert httpx.post(f"{at}/healthz").status_code == 501
    assert daemon.stop() == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{at}/healthz")


def test_a_config_that_was_refused_is_told_of_and_no_reason_for_a_restart(house: Household) -> None:
    house.fill()
    house.configure(LISTEN)
    daemon = house.daemon()
    daemon.wait_for("cycle")
    at, good = page(daemon), house.config.read_text("utf-8")
    house.config.write_text(good + '\n[reminders]\nlanguage = "xx"\n', "utf-8")
    daemon.send(signal.SIGHUP)
    daemon.wait_for("config refused, the old one stays")
    assert house.cardsync("healthcheck").exit_code == 10
    live = house.cardsync("healthcheck", "--live")
    assert (live.exit_code, "by an older config: cardsync config check" in live.stdout) == (0, True)
    house.config.write_text(good + '\nlanguage = "xx\n', "utf-8")  # and one that is no TOML
    assert house.cardsync("healthcheck", "--live").exit_code == 0
    told = httpx.get(f"{at}/readyz")
    states = {part["part"]: part["state"] for part in told.json()["parts"]}
    assert (told.status_code, states) == (503, {"daemon": "ok", "config": "needs-you", "account home": "ok"})
    house.config.write_text(good, "utf-8")
    daemon.send(signal.SIGHUP)
    daemon.wait_for("config read again")
    daemon.wait_for("listening", 2)
    assert httpx.get(f"{page(daemon, 2)}/readyz").status_code == 200
    assert daemon.stop() == 0
    house.config.write_text("state_dir", "utf-8")
    assert house.cardsync("healthcheck", "--live").exit_code == 1


def test_metrics_are_prometheus_own_format_and_hold_nobodys_name(house: Household) -> None:
    house.fill()
    house.configure(LISTEN, "[sources.dns]", 'nameservers = ["127.0.0.1"]')
    daemon = house.daemon()
    daemon.wait_for("cycle")
    reply = httpx.get(f"{page(daemon)}/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }
    assert found["cardsync_up",] == found["cardsync_account_up", "home"] == 1
    assert found["cardsync_contacts", "home"] == len(PEOPLE) + 1 + bool(GROUP)
    assert found["cardsync_vips", "home"] == len(PEOPLE)
    assert found["cardsync_questions", "home", "open"] == 1
    assert found["cardsync_cycles_total",] == 1
    assert found["cardsync_vip_stale_probability_bucket", "+Inf", "home"] == len(PEOPLE)
    assert 0 < found["cardsync_vip_stale_probability_gsum", "home"] < len(PEOPLE)
    assert ("cardsync_source_requests_a_month", "dns") in found
    assert found["process_resident_memory_bytes",] > 0
    words = {word.lower() for name, company in PEOPLE.items() for word in (*name.split(), company)}
    assert not words & set(re.findall(r"\w+", reply.text.lower()))


def test_the_token_guards_all_but_healthz_and_never_shows(house: Household) -> None:
    house.fill()
    secret = "sesame-" + "x" * 20
    (house.home / "token").write_text(secret + "\n", "utf-8")
    house.configure(LISTEN, f'token_file = "{house.home}/token"')
    daemon = house.daemon()
    daemon.wait_for("cycle")
    at = page(daemon)
    assert httpx.get(f"{at}/healthz").status_code == 200
    for path in ("/readyz", "/metrics"):
        assert httpx.get(at + path).status_code == 401
        assert httpx.get(at + path, headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert httpx.get(at + path, headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert daemon.stop() == 0
    assert secret not in daemon.text + house.ok("config", "show")


def test_all_but_loopback_needs_a_token(house: Household) -> None:
    for listen, fine in (("0.0.0.0:9380", False), ("[::]:9380", False), ("[::1]:9380", True), ("localhost:9380", True)):
        house.configure("[http]", f'listen = "{listen}"')
        done = house.cardsync("config", "check")
        assert (done.exit_code == 0) is fine, done.stderr
        assert fine or "http.listen: can be reached from elsewhere, and there is no token" in done.stderr


def test_a_new_config_moves_the_page_and_one_that_cannot_be_had_stops_no_cycle(house: Household) -> None:
    house.configure(LISTEN)
    daemon = house.daemon()
    daemon.wait_for("cycle")
    first = page(daemon)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        house.configure("[http]", f'listen = "127.0.0.1:{taken.getsockname()[1]}"')
        daemon.send(signal.SIGHUP)
        assert "cannot be had" in daemon.wait_for("the page is not there")["what"]
        daemon.wait_for("cycle", 2)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{first}/healthz")
    house.configure(LISTEN)
    daemon.send(signal.SIGHUP)
    assert httpx.get(f"{page(daemon, 2)}/healthz").status_code == 200


def test_clients_that_say_nothing_or_nonsense_do_not_hold_it(house: Household) -> None:
    house.configure(LISTEN)
    daemon = house.daemon()
    daemon.wait_for("cycle")
    at = page(daemon)
    port = int(at.rpartition(":")[2])
    with ExitStack() as stack:
        for sent in (b"\0\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"x" * 100_000, b"", b"G", b"\r\n"):
            mute = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            mute.sendall(sent)
        assert httpx.get(f"{at}/healthz").status_code == 200
    assert json.loads(httpx.get(f"{at}/healthz").text)["ok"]
    assert "Traceback" not in daemon.text
    assert daemon.stop() == 0


def test_a_token_command_that_takes_its_time_holds_up_neither_cycles_nor_the_end(house: Household) -> None:
    house.fill()
    house.configure(LISTEN, 'token_command = ["sleep", "60"]')
    daemon = house.daemon()
    daemon.wait_for("cycle")
    assert not daemon.events("listening")
    assert daemon.stop() == 0  # within what systemd and compose give it
