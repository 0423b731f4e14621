"""Header fields of mail, which anybody may have written."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cardsync.evidence.encoded_words import decoded
from cardsync.evidence.mail_headers import (
    address_key,
    authentication_results,
    by_hand,
    fields,
    is_delivery_report,
    is_signed,
    sender,
    sent_at,
    usual_server,
)

OURS = "mx.home.example"
PASS = f"Authentication-Results: {OURS}; dkim=pass header.d=oldco.example"
SAMPLES = Path(__file__).parents[2] / "samples"

_PIECES = r'dkim = pass ; header.d header.i oldco.example @ " \ ( ) < > , : =?utf-8?q? ?= =? b? é From: Date: +9999 9'
HEADERISH = st.lists(st.sampled_from((*_PIECES.split(), OURS, " ", "\t", "\r\n ", "\n", "\x00")), max_size=60).map(
    "".join
)


def signed(*lines: str, domain: str = "oldco.example") -> bool:
    return is_signed(fields("\r\n".join(lines).encode()), domain, OURS)


def test_the_shape_of_a_signed_mail_is_read() -> None:
    said = fields((SAMPLES / "mailbox_headers.eml").read_bytes())
    who = sender(said)
    assert who is not None
    assert (who.name, who.address, who.domain) == ("Jane Doe", "jane.doe@newco.example", "newco.example")
    assert sent_at(said) == datetime(2026, 11, 2, 9, 15, tzinfo=UTC)
    assert by_hand(said)
    assert is_signed(said, who.domain, OURS)


@pytest.mark.parametrize(
    "line",
    [
        PASS,
        f"authentication-results:\r\n {OURS.upper()} 1;\r\n\tDKIM = PASS (rsa; unprotected)\r\n header.d=OldCo.example",
        f'Authentication-Results: "{OURS}" (a (nested; comment)); spf=fail; dkim=pass header.i="@mail.oldco.example"',
        f"Authentication-Results: {OURS}; dkim=fail header.d=a.example; dkim=pass header.b=ab== header.d=oldco.example",
        f"Authentication-Results: {OURS}; spf=pass smtp.mailfrom=x@y\r\n{PASS}",
    ],
)
def test_a_pass_that_the_owners_server_noted_counts(line: str) -> None:
    assert signed(line)


@pytest.mark.parametrize(
    "lines",
    [
        ["Authentication-Results: mx.evil.example; dkim=pass header.d=oldco.example"],
        ["Authentication-Results: mx.evil.example; dkim=none", PASS],
        [f"Authentication-Results: {OURS}; dkim=fail header.d=oldco.example", PASS],
        [f"Authentication-Results: {OURS}; dkim=none (message not signed)", PASS],
        [f"Authentication-Results: {OURS}; dkim=pass header.d=evil.example"],
        [f"Authentication-Results: {OURS}; dkim=pass header.d=oldco.example.evil.example"],
        [f"Authentication-Results: {OURS}; dkim=pass header.d=example"],
        [f"Authentication-Results: {OURS}; dkim=pass"],
        [f'Authentication-Results: {OURS}; dkim=fail reason="; dkim=pass header.d=oldco.example"'],
        [f"Authentication-Results: {OURS}; dkim=fail (; dkim=pass header.d=oldco.example"],
        [f"Authentication-Results: {OURS}; dkim=fail (\\); dkim=pass header.d=oldco.example)"],
        [f"Authentication-Results: {OURS}; spf=pass smtp.mailfrom=oldco.example; dmarc=pass header.from=oldco.example"],
        [f"Authentication-Results: {OURS}; x-dkim=pass header.d=oldco.example"],
        [f"Authentication-Results: {OURS}.evil.example; dkim=pass header.d=oldco.example"],
        ["Authentication-Results: dkim=pass header.d=oldco.example"],
        [f"X-Authentication-Results: {OURS}; dkim=pass header.d=oldco.example"],
        ["Authentication-Results:"],
        [],
    ],
)
def test_what_the_owners_server_did_not_note_itself_counts_for_nothing(lines: list[str]) -> None:
    assert not signed(*lines)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jo@stra\u00dfe.example", "jo@strasse.example"),
        ("jo@xn--strae-oqa.example", "jo@strasse.example"),
        ("jo@intr\u0585de.example", "jo@introde.example"),
    ],
)
def test_addresses_that_look_alike_are_two(one: str, other: str) -> None:
    assert address_key(one) != address_key(other)
    assert address_key(one)


def test_the_letters_and_the_punycode_of_an_address_are_one() -> None:
    assert address_key("Jo@Stra\u00dfe.example") == address_key("jo@XN--STRAE-OQA.example.") == "jo@stra\u00dfe.example"


def test_a_tenant_of_a_shared_domain_signs_for_no_other() -> None:
    passed = f"Authentication-Results: {OURS}; dkim=pass header.d=evil.onmicrosoft.com"
    assert not signed(passed, domain="acme.onmicrosoft.com")
    assert not signed(passed, domain="onmicrosoft.com")
    assert signed(passed.replace("evil", "acme"), domain="acme.onmicrosoft.com")


def test_without_a_known_server_nobody_is_believed() -> None:
    assert not is_signed(fields(PASS.encode()), "oldco.example", "")
    assert not is_signed(fields(b"Authentication-Results: ; dkim=pass header.d=oldco.example"), "oldco.example", "")


@pytest.mark.parametrize(
    ("value", "address", "name"),
    [
        ('"Doe, Jane" <Jane@OldCo.example>', "jane@oldco.example", "Doe, Jane"),
        ("=?utf-8?q?J=C3=BCrgen?= =?UTF-8?B?IE3DvGxsZXI=?= <j@x.example>", "j@x.example", "Jürgen Müller"),
        ("=?iso-8859-1*de?Q?J=FCrgen_M=FCller?= <j@x.example>", "j@x.example", "Jürgen Müller"),
        ('"=?utf-8?q?J=C3?= =?utf-8?q?=BCrgen?=" <j@x.example>', "j@x.example", "Jürgen"),
        ("Jane\r\n Doe\r\n\t<j@x.example>", "j@x.example", "Jane Doe"),
        ("Jürgen Müller <j@x.example>", "j@x.example", "Jürgen Müller"),
        ("j@xn--mller-kva.example (Jane)", "j@müller.example", ""),
        ('"jane@oldco.example" <x@evil.example>', "x@evil.example", "jane@oldco.example"),
        ('Jane \\ "D\\"oe" (she) <j@x.example>', "j@x.example", 'Jane \\ D"oe'),
        ("=?x-unknown?q?Jane?= <j@x.example>", "j@x.example", "=?x-unknown?q?Jane?="),
    ],
)
def test_the_one_sender_is_read(value: str, address: str, name: str) -> None:
    who = sender(fields(f"From: {value}".encode()))
    assert who is not None
    assert (who.address, who.name) == (address, name)


@pytest.mark.parametrize(
    "header",
    [
        "From: a@b.example, Jane <j@x.example>",
        "From: Team: jane@oldco.example, bob@oldco.example;",
        "From: Jane: <j@x.example>",
        "From: undisclosed-recipients:;",
        "From: <jane@oldco.example> <x@evil.example>",
        "From: <jane@oldco.example>, <x@evil.example>",
        "From: <@relay.example:jane@oldco.example>",
        "From: jane@oldco.example@evil.example",
        "From: Jane <jane@oldco.example",
        "From: jane@[192.0.2.1]",
        "From: jane",
        "From: <>",
        "From:",
        "From: j@x.example\r\nFrom: jane@oldco.example",
        "To: j@x.example",
        f"From: {'x' * 2000} <j@x.example>",
    ],
)
def test_a_sender_that_is_not_plainly_one_is_none(header: str) -> None:
    assert sender(fields(header.encode())) is None


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("Subject: x", True),
        ("Auto-Submitted: no", True),
        ("Auto-Submitted: (really) No; by=hand", True),
        ("Auto-Submitted: auto-replied", False),
        ('Auto-Submitted: auto-generated; x="no"', False),
        ("Auto-Submitted: vacation", False),
        ("Auto-Submitted:", False),
        ("Auto-Submitted: no\r\nAuto-Submitted: auto-replied", False),
        ("Precedence: bulk", False),
        ("precedence:  LIST", False),
        ("Precedence: first-class", True),
        ("List-Id: Friends <friends.example>", False),
        ("LIST-ID:", False),
        ("List-Unsubscribe: <https://news.example/>", False),
    ],
)
def test_mail_of_programs_and_lists_is_not_by_hand(line: str, written: bool) -> None:
    assert by_hand(fields(line.encode())) is written


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "Mon, 99 Nov 2026 10:15:00 +0100",
        "1 Jan 99999 1:1:1 +0",
        "1 Jan 2026 1:1:1 +99999999999",
        "1" * 6000,
    ],
)
def test_a_date_that_is_none_is_none(value: str) -> None:
    assert sent_at(fields(f"Date: {value}".encode())) is None


def test_only_reports_of_delivery_are_delivery_reports() -> None:
    def report(value: str) -> bool:
        return is_delivery_report(fields(f"Content-Type: {value}".encode()))

    assert report("multipart/report;\r\n report-type=delivery-status; boundary=b")
    assert report('Multipart/Report; boundary=b; report-type="Delivery-Status"')
    assert not report("multipart/report; report-type=disposition-notification; boundary=b")
    assert not report("multipart/mixed; boundary=delivery-status")
    assert not report("text/plain")


def test_the_usual_server_is_the_one_on_top_of_nearly_all_mail() -> None:
    def mails(count: int, server: str, domains: int = 5) -> list[bytes]:
        top = f"Authentication-Results: {server}; dkim=none\r\n" if server else ""
        return [f"{top}From: p@d{i % domains}.example".encode() for i in range(count)]

    def usual(*blocks: list[bytes]) -> str:
        return usual_server([fields(block) for part in blocks for block in part])

    assert usual(mails(50, OURS), mails(10, "")) == OURS
    assert usual(mails(100, OURS), mails(3, "mx.evil.example")) == OURS
    assert usual(mails(30, "mx.evil.example"), mails(60, "")) == ""  # our own server notes nothing
    assert usual(mails(50, OURS, domains=2)) == ""
    assert usual(mails(50, OURS), mails(40, "mx.other.example")) == ""
    assert usual(mails(9, OURS)) == ""
    assert usual(mails(50, "dkim=pass")) == ""
    assert usual() == ""


@given(st.binary(max_size=400) | HEADERISH.map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"From: =?utf-8?b?!!!?= <a@b>\nDate: \xff\nAuthentication-Results: \xff;=;==;dkim=;(")
@example(b"From: a@xn--\xff\xff.example")
@example("From: a@xn--ß.example".encode())
def test_nonsense_never_raises_and_says_nothing_certain(block: bytes) -> None:
    said = fields(block)
    who = sender(said)
    assert who is None or who.address == address_key(who.address)
    sent_at(said), by_hand(said), is_delivery_report(said), usual_server([said] * 20)
    assert not is_signed(said, "oldco.example", "nobody.example")


@given(HEADERISH)
def test_a_header_below_the_servers_own_never_makes_a_fail_a_pass(forged: str) -> None:
    genuine = f"Authentication-Results: {OURS}; dkim=fail header.d=oldco.example\r\n"
    block = genuine + "Authentication-Results: " + forged.replace("\n", " ").replace("\r", " ")
    assert not is_signed(fields(block.encode("utf-8", "replace")), "oldco.example", OURS)


@given(st.text(max_size=60))
def test_an_encoded_name_comes_back(name: str) -> None:
    from email.header import Header

    name = " ".join(name.split())
    if name.isprintable() and "=?" not in name and "?=" not in name:
        assert decoded(Header(name, "utf-8", maxlinelen=10**6).encode()) == name


@given(
    st.from_regex(r'\A("[^"\\\r\n]{0,9}" ?|[^"\\()<>,;:@=\r\n]{0,9} ?)<[\w.+-]{1,5}@[\w.-]{1,9}>\Z')
    | HEADERISH.map(lambda text: f"{text} <j@x.example>")
)
def test_a_comment_changes_nothing_of_the_sender(value: str) -> None:
    said = fields(f"From: {value}".encode("utf-8", "replace")).get("from", [""])
    if '"' not in said[0] or said[0].count('"') == 2:
        assert sender({"from": said}) == sender({"from": [f"{said[0]} (comment)"]})


@given(HEADERISH)
def test_what_is_encoded_badly_is_still_text(text: str) -> None:
    decoded(text)
    decoded(f"=?utf-8?b?{text}?=")


@pytest.mark.parametrize(
    "piece", ['"\\', "(", "()", "\\", "a ", "=", "=?utf-8?q?", "=?", "a=", ";", "<", "\n ", "=?utf-8?q?a?= "]
)
def test_time_grows_as_the_length_does(piece: str) -> None:
    def seconds(length: int) -> float:
        block = b"Authentication-Results: x;" + (piece * (length // len(piece))).encode()
        start = time.process_time()
        authentication_results(fields(block).get("authentication-results", [""])[0])
        decoded(block.decode())
        return time.process_time() - start

    few = min(seconds(20_000) for _ in range(3))
    assert seconds(320_000) < 100 * max(few, 0.001)  # 16 times the length; were it squared, 256 times the time
