"""Which form is stored is asked only where the answer would be a proof."""

from typing import cast
from xml.etree import ElementTree as ET

import pytest

from cardsync.carddav import xml
from cardsync.carddav.conversion import Inquiry
from cardsync.carddav.hrefs import parse_url
from cardsync.carddav.wire import Wire
from cardsync.resources import AddressObject

BOOK = parse_url("https://dav.example/book/")
AT = parse_url("https://dav.example/book/jo.vcf")
LIKE_CYRUS = '"a7de30ee6f6e9b3278b0e607314a0bf4e04eea7e"'


def form(version: str, *, uid: str = "UID:jo\r\n", begin: str = "BEGIN:VCARD\r\n", etag: str = "") -> AddressObject:
    data = f"{begin}VERSION:{version}\r\n{uid}N:Ruiz;Jo;;;\r\nFN:Jo\r\nEND:VCARD\r\n".encode()
    return AddressObject(href="/book/jo.vcf", etag=etag or LIKE_CYRUS, data=data)


@pytest.mark.parametrize(
    ("forms", "etag"),
    [
        ((form("3.0"), form("4.0")), '"v1"'),
        ((form("3.0"), form("4.0")), f"W/{LIKE_CYRUS}"),
        ((form("3.0"), form("4.0")), ""),
        ((form("3.0"), form("3.0", uid="UID:jo2\r\n")), LIKE_CYRUS),
        ((form("2.1"), form("4.0")), LIKE_CYRUS),
        ((form("3.0", uid=""), form("4.0", uid="")), LIKE_CYRUS),
        ((form("3.0", begin=""), form("4.0", begin="")), LIKE_CYRUS),
    ],
    ids=["counted", "weak", "none", "one-version", "2.1", "no-uid", "no-card"],
)
async def test_a_server_that_is_none_like_cyrus_is_asked_nothing(
    forms: tuple[AddressObject, AddressObject], etag: str
) -> None:
    no_wire = cast("Wire", None)  # a request would fail
    assert await Inquiry(no_wire, BOOK, AT, etag).stored(forms) is None


def test_a_uid_that_looks_like_xml_stays_one_text() -> None:
    uid = 'a"]]></C:text-match><D:href>&x;'
    root = ET.fromstring(xml.addressbook_query(uid, "3.0", "4.0"))  # noqa: S314 - our own
    texts = [node.text for node in root.iter(f"{xml.CARDDAV}text-match")]
    assert texts == [uid, "3.0"]
