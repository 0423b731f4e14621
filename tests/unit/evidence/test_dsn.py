"""Delivery reports: which say that an address is gone, and which say something else."""

from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.evidence import dsn

SAMPLES = Path(__file__).parents[2] / "samples"
JANE = "jane.doe@oldco.example"


def status(**fields: str) -> bytes:
    said = {"Final-Recipient": f"rfc822; {JANE}", "Action": "failed", "Status": "5.1.1"}
    said |= {name.replace("_", "-"): value for name, value in fields.items()}
    group = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
    return f"Reporting-MTA: dns; mx.home.example\r\n\r\n{group}\r\n".encode()


def test_the_shape_of_a_hard_bounce_is_read() -> None:
    mail = (SAMPLES / "mailbox_dsn.eml").read_bytes()
    mime, _, body = mail.split(b"--b\r\n")[2].partition(b"\r\n\r\n")
    encoding = dsn.status_encoding(mime)
    assert encoding == "7bit"
    assert dsn.gone(body, encoding) == (JANE,)


@pytest.mark.parametrize(
    "fields",
    [
        {"Status": "5.1.10"},
        {"Status": "5.1.2 (bad destination system)"},
        {"Action": "FAILED"},
        {"Final_Recipient": "RFC822;<Jane.Doe@OldCo.Example>"},
        {"Final_Recipient": "utf-8; jane.doe@oldco.example"},
        {"Diagnostic_Code": "smtp; 550 5.1.1 User unknown"},
        {"Diagnostic_Code": "smtp; 550 no such user 10.1.2.3"},
        {"Diagnostic_Code": "smtp;\r\n 550-5.1.1 The email account\r\n 550 5.1.1 does not exist"},
    ],
)
def test_an_address_that_does_not_exist_is_gone(fields: dict[str, str]) -> None:
    assert dsn.gone(status(**fields)) == (JANE,)


@pytest.mark.parametrize(
    "fields",
    [
        {"Status": "4.1.1"},
        {"Status": "4.4.7"},
        {"Status": "5.7.1"},
        {"Status": "5.2.2"},
        {"Status": "5.1.0"},
        {"Status": "5.1.8"},
        {"Status": "5.1.11"},
        {"Status": "5.1"},
        {"Status": "15.1.1"},
        {"Status": "5.1.1.1"},
        {"Status": ""},
        {"Status": "5.1.1\r\nStatus: 2.0.0"},
        {"Action": "delayed"},
        {"Action": "delivered"},
        {"Action": "relayed"},
        {"Action": ""},
        {"Final_Recipient": ""},
        {"Final_Recipient": "x400; /c=de/"},
        {"Final_Recipient": JANE},
        {"Final_Recipient": "", "Original_Recipient": f"rfc822; {JANE}"},
        {"Diagnostic_Code": "smtp; 550 5.7.1 blocked as spam"},
        {"Diagnostic_Code": "smtp; 554-5.1.1 x 554 5.7.606 banned"},
        {"Diagnostic_Code": "smtp; 450 4.1.1 greylisted"},
    ],
)
def test_whatever_else_a_report_says_is_nothing(fields: dict[str, str]) -> None:
    assert dsn.gone(status(**fields)) == ()


def test_each_recipient_has_an_end_of_its_own() -> None:
    delayed = b"Final-Recipient: rfc822; a@x.example\nAction: delayed\nStatus: 4.4.1\n"
    failed = b"Final-Recipient: rfc822; b@x.example\nAction: failed\nStatus: 5.1.1\n"
    mixed = b"Final-Recipient: rfc822; c@x.example\nAction: failed\n \nStatus: 5.1.1\n"
    assert dsn.gone(b"\n".join([b"Reporting-MTA: dns; x\n", delayed, failed, mixed])) == ("b@x.example",)


def test_an_encoded_status_is_decoded() -> None:
    assert dsn.gone(b64encode(status()), "base64") == (JANE,)
    assert dsn.gone(status().replace(b"@", b"=40"), "quoted-printable") == (JANE,)
    assert dsn.gone(b"!", "base64") == ()


@pytest.mark.parametrize(
    ("mime", "encoding"),
    [
        (b"Content-Type: message/delivery-status\r\n\r\n", "7bit"),
        (b"content-type: Message/Global-Delivery-Status; charset=utf-8\r\nContent-Transfer-Encoding: BASE64", "base64"),
        (b"Content-Type: message/rfc822", None),
        (b"Content-Type: text/plain; name=message/delivery-status", None),
        (b"", None),
    ],
)
def test_only_the_part_for_machines_is_one(mime: bytes, encoding: str | None) -> None:
    assert dsn.status_encoding(mime) == encoding


LINES = st.sampled_from(
    [
        b"Final-Recipient: rfc822; a@x.example",
        b"Action: failed",
        b"Status: 5.1.1",
        b"Status: 4.0.0",
        b"",
        b" folded",
        b"\xff",
    ]
)


@given(
    st.binary(max_size=300) | st.lists(LINES, max_size=12).map(b"\n".join),
    st.sampled_from(["7bit", "base64", "quoted-printable"]),
)
def test_nonsense_never_raises(body: bytes, encoding: str) -> None:
    dsn.status_encoding(body)
    assert set(dsn.gone(body, encoding)) <= {"a@x.example"} or b"inal-" in body
