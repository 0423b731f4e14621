"""Replies are read as they stream in, hardened, and never half believed."""

import resource
import tracemalloc
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.carddav import xml

HEAD = '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 if n else str()};" * 10}">' for n in range(10))
    + ']><D:multistatus xmlns:D="DAV:"><D:response><D:href>&a9;</D:href></D:response></D:multistatus>'
)


def response(href: str, data: str, etag: str = '"1"') -> str:
    return (
        f"<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:getetag>{etag}</D:getetag>"
        f"<C:address-data>{data}</C:address-data></D:prop>"
        "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\n"
    )


def read(document: str | bytes, chunk: int = 1 << 16, limit: int = 1 << 26) -> tuple[list[xml.Answer], str | None]:
    answers: list[xml.Answer] = []
    reader = xml.MultistatusReader(answers.append, limit)
    raw = document.encode() if isinstance(document, str) else document
    for start in range(0, len(raw), chunk):
        reader.feed(raw[start : start + chunk])
    reader.close()
    return answers, reader.sync_token


@pytest.mark.parametrize("chunk", [1, 2, 7, 4096])
def test_the_cut_of_the_chunks_does_not_matter(chunk: int) -> None:
    inner = response("/b/a%2Fb.vcf", "BEGIN:VCARD&#13;\nNOTE:ü &amp; 😀\nEND:VCARD") + response("/b/c.vcf", "x")
    answers, token = read(f"{HEAD}\n {inner} <D:sync-token> t-1 </D:sync-token></D:multistatus>", chunk)
    assert token == "t-1"
    assert [answer.href for answer in answers] == ["/b/a%2Fb.vcf", "/b/c.vcf"]
    assert answers[0].properties[xml.ADDRESS_DATA].text == "BEGIN:VCARD\r\nNOTE:ü & 😀\nEND:VCARD"
    assert answers[0].text(xml.GETETAG) == '"1"'


def test_only_properties_that_were_found_count_and_each_status_is_read() -> None:
    document = (
        f"{HEAD}<D:response><D:href>/b/a</D:href><D:propstat><D:prop><D:getetag>no</D:getetag></D:prop>"
        "<D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>"
        "<D:response><D:href>/b/c</D:href><D:status>HTTP/1.1 507 Full</D:status></D:response></D:multistatus>"
    )
    answers, token = read(document)
    assert token is None
    assert (answers[0].status, dict(answers[0].properties)) == (None, {})
    assert answers[1].status == 507


@pytest.mark.parametrize(
    "document",
    [
        "",
        "not xml",
        "<html><body>Login</body></html>",
        f"{HEAD}<D:response>",
        f"{HEAD}{response('/b/a', 'bad ' + chr(1))}</D:multistatus>",
        f"{HEAD}{response('/b/a', '&undefined;')}</D:multistatus>",
        '<D:error xmlns:D="DAV:"/>',
        "<multistatus/>",
    ],
)
def test_a_reply_that_is_no_whole_multistatus_is_malformed(document: str) -> None:
    with pytest.raises(xml.Malformed):
        read(document)


def test_bytes_that_are_no_utf_8_are_malformed() -> None:
    with pytest.raises(xml.Malformed):
        read(HEAD.encode() + b"<D:response><D:href>/b/\xff\xfe</D:href></D:response></D:multistatus>")


def test_entities_are_never_expanded_and_a_doctype_is_refused() -> None:
    tracemalloc.start()
    with pytest.raises(xml.Malformed):
        read(BOMB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
    outside = BOMB.replace('<!ENTITY a "ha">', '<!ENTITY a9 SYSTEM "file:///etc/hostname">')
    with pytest.raises(xml.Malformed):
        read(outside)
    with pytest.raises(xml.Malformed):
        read(f'<?xml version="1.0"?><!DOCTYPE D:multistatus>{HEAD.partition("?>")[2]}</D:multistatus>')


def test_the_size_of_a_reply_is_bounded() -> None:
    with pytest.raises(xml.Malformed):
        read(f"{HEAD}{response('/b/a', 'x' * 5000)}</D:multistatus>", limit=4000)


def test_a_card_of_nine_megabytes_can_be_read() -> None:
    answers, _ = read(f"{HEAD}{response('/b/a', 'x' * 9_000_000)}</D:multistatus>")
    assert len(answers[0].properties[xml.ADDRESS_DATA].text) == 9_000_000


def test_memory_stays_that_of_one_response() -> None:
    one = response("/b/a", "x" * 20_000).encode()
    seen: list[str] = []
    reader = xml.MultistatusReader(lambda answer: seen.append(answer.href), 1 << 30)
    reader.feed(HEAD.encode())
    before = resident()
    for _ in range(3000):
        reader.feed(one)
    grown = resident() - before
    reader.feed(b"</D:multistatus>")
    reader.close()
    assert len(seen) == 3000
    assert grown < 20 << 20  # of 60 MB


def resident() -> int:
    """Bytes of memory that this process holds; the parser's are not Python's to count."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("no /proc here")
    return int(statm.read_text("ascii").split()[1]) * resource.getpagesize()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30), max_size=5))
def test_hrefs_come_out_of_a_multiget_as_they_went_in(paths: list[str]) -> None:
    allowed = ["".join(char for char in path if char >= " " and char not in "\ufffe\uffff") for path in paths]
    document = ET.fromstring(xml.multiget(allowed))  # noqa: S314 - our own
    assert [node.text or "" for node in document.iter("{DAV:}href")] == allowed


def test_a_sync_token_is_escaped_and_no_limit_is_ever_asked_for() -> None:
    body = xml.sync_collection("<a>&b")
    assert ET.fromstring(body).findtext("{DAV:}sync-token") == "<a>&b"  # noqa: S314 - our own
    assert b"limit" not in body


def test_conditions_of_an_error_body() -> None:
    body = b'<?xml version="1.0"?><d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>'
    assert "{DAV:}valid-sync-token" in xml.error_conditions(body)
    for nothing in (b"", b"<html>", b"<html/>", BOMB.encode(), b"\x00\xff"):
        assert xml.error_conditions(nothing) == set()


@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_answers_or_malformed(raw: bytes) -> None:
    try:
        read(raw)
    except xml.Malformed:
        return
    assert b"multistatus" in raw


@pytest.mark.parametrize("filler", ["<a/>", " ", "<D:response><a/>"])
def test_a_reply_without_an_end_to_its_response_is_not_kept_in_memory(filler: str) -> None:
    """Packed by gzip, 256 MB of empty elements are 250 KB on the wire and 8 GB in the parser's tree."""
    reader = xml.MultistatusReader(lambda answer: None, 1 << 30)
    reader.feed(HEAD.encode())
    with pytest.raises(xml.Malformed):
        for _ in range(20):
            reader.feed(filler.encode() * ((1 << 20) // len(filler)))


@pytest.mark.parametrize("filler", ["<a/>", "<D:sync-token/>"])
def test_a_response_of_nothing_but_tags_is_refused_early(filler: str) -> None:
    """A parser takes a hundred times as much memory for such a tag as it has bytes."""
    before = resident()
    with pytest.raises(xml.Malformed):
        read(f"{HEAD}<D:response>{filler * 2_000_000}")
    assert resident() - before < 64 << 20


def test_responses_without_end_are_refused_however_short_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million of them cost ten seconds, and say nothing."""
    assert xml.MOST_RESPONSES > 100_000
    monkeypatch.setattr(xml, "MOST_RESPONSES", 1000)
    read(f"{HEAD}{'<D:response/>' * 1000}</D:multistatus>")
    with pytest.raises(xml.Malformed):
        read(f"{HEAD}{'<D:response/>' * (xml.MOST_RESPONSES + 1)}")
