"""Hrefs are kept as spelt, compare decoded, and lead nowhere but into their own book."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.carddav.hrefs import (
    Location,
    Origin,
    href_key,
    object_location,
    parse_url,
    redacted,
    request_target,
    resolve,
)

BOOK = Location(Origin("https", "dav.example.org", 443), "/dav/jo%40example.org/book/")


@pytest.mark.parametrize(
    "name",
    [
        "a.vcf",
        "a%2Fb.vcf",
        "a%40b.vcf",
        "a@b.vcf",
        "a%20b.vcf",
        "a+b.vcf",
        "a%2520b.vcf",
        "a~b.vcf",
        "%c3%bc.vcf",
        "a:b",
    ],
)
def test_a_name_goes_on_the_wire_exactly_as_spelt(name: str) -> None:
    at = object_location(BOOK, f"{BOOK.path}{name}")
    assert at is not None
    assert request_target(at.path) == f"{BOOK.path}{name}".encode()


def test_what_cannot_stand_in_a_request_line_is_encoded() -> None:
    assert request_target("/b/a b\tü.vcf") == b"/b/a%20b%09%C3%BC.vcf"
    at = object_location(BOOK, f"{BOOK.path}what?.vcf")  # Cyrus leaves ? as it is; sent so it would be a query
    assert at is not None
    assert at.path.endswith("what%3F.vcf")


def test_a_bare_name_with_a_colon_is_no_scheme() -> None:
    at = object_location(BOOK, "a:b.vcf")
    assert at is not None
    assert at.path == f"{BOOK.path}a:b.vcf"


def test_the_same_name_in_another_spelling_is_the_same() -> None:
    assert object_location(BOOK, "/dav/jo@example.org/book/a.vcf") is not None
    assert href_key("/a%40b/%C3%BC/") == href_key("/a@b/ü")
    assert href_key("/a%2520b") != href_key("/a%20b")
    assert href_key("/b/a%2Fb") != href_key("/b/a/b")


@pytest.mark.parametrize(
    "href",
    [
        "https://evil.example/dav/jo%40example.org/book/a.vcf",
        "http://dav.example.org/dav/jo%40example.org/book/a.vcf",
        "https://dav.example.org:8443/dav/jo%40example.org/book/a.vcf",
        "//evil.example/dav/jo%40example.org/book/a.vcf",
        "/dav/jo%40example.org/book/../book2/a.vcf",
        "/dav/jo%40example.org/book/..",
        "/dav/jo%40example.org/book/%2e%2e",
        "/dav/jo%40example.org/book/..%2fbook2%2fa.vcf",
        "/dav/jo%40example.org/book/..%5ca.vcf",
        "/dav/jo%40example.org/book/a%0d%0ab.vcf",
        "/dav/jo%40example.org/book/a\r\nb.vcf",
        "/dav/jo%40example.org/book/sub/a.vcf",
        "/dav/jo%40example.org/book/sub/",
        "/dav/jo%40example.org/book/",
        "/dav/jo%40example.org/book",
        "/dav/other/book/a.vcf",
        "https://[bad/a.vcf",
        "",
    ],
)
def test_what_is_no_plain_member_of_the_book_is_left_out(href: str) -> None:
    assert object_location(BOOK, href) is None


@given(st.text(max_size=60))
def test_no_href_leaves_the_origin_or_breaks_the_request_line(href: str) -> None:
    at = object_location(BOOK, href)
    if at is not None:
        target = request_target(at.path)
        assert at.origin == BOOK.origin
        assert all(0x21 <= byte <= 0x7E for byte in target)
        assert href_key(at.path)[:-1] == href_key(BOOK.path)


def test_ports_and_user_names_do_not_make_another_origin() -> None:
    assert parse_url("HTTPS://jo:pw@DAV.example.org:443/x#y") == Location(BOOK.origin, "/x")
    assert str(parse_url("http://[::1]:5232").origin) == "http://[::1]:5232"
    assert resolve(BOOK, "https://dav.example.org:443/y").origin == BOOK.origin


@pytest.mark.parametrize("url", ["", "ftp://x/", "https://", "https://a b/", "https://x:99999999999x/", "javascript:1"])
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        parse_url(url)


def test_redaction_hides_whatever_may_name_a_person() -> None:
    at = parse_url("https://cloud.example.org/remote.php/dav/addressbooks/users/jo.ruiz/friends/?x=1")
    assert redacted(at) == "https://cloud.example.org/remote.php/dav/addressbooks/users/.../.../"
