"""Fuzzed replies of a server: multistatus bodies, and the fields and hrefs that are read out of them."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from cardsync.carddav import xml
from cardsync.carddav.auth import Login, parse_challenges
from cardsync.carddav.books import address_book, is_address_book, reports_changes
from cardsync.carddav.connection import Connection
from cardsync.carddav.hrefs import href_key, object_location, parse_url, redacted, request_target
from cardsync.carddav.listing import Members
from cardsync.carddav.origins import Trust
from cardsync.carddav.throttle import LONGEST_PAUSE, pause
from cardsync.errors import OriginRefused, ServerProblem
from torture.fuzz_cards import seeds
from torture.mutated import listed, mutated

if TYPE_CHECKING:
    from torture.fuzz import Cpu

BOOK = parse_url("https://dav.example.org/user/contacts/")
CONNECTION = Connection(
    account="home",
    url="https://dav.example.org/",
    username="jo",
    password="s3cret",
    trusted_origins=("https://p1.example.org",),
)
_NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
_TOKENS = tuple(
    token.encode()
    for token in listed(
        "<D:response>|</D:response>|<D:href>|</D:href>|<D:href>/user/contacts/../x.vcf</D:href>|<D:getetag/>|<![CDATA["
        "|]]>|<!-- x -->|<?pi x?>|&amp;|&#13;&#10;|&#x9b;|&#0;|&a;|<!DOCTYPE a>|xmlns:D='DAV:'|xmlns='DAV:'"
        "|<D:status>HTTP/1.1 507 Full</D:status>|<D:status>HTTP/1.1 ٢٠٠ OK</D:status>|<D:sync-token>t</D:sync-token>"
        "|<D:propstat>|<D:prop>|</D:multistatus>|<D:multistatus xmlns:D='DAV:'>|<D:resourcetype><D:collection/>"
        "|<C:max-resource-size>٣</C:max-resource-size>|<?xml version='1.0' encoding='utf-16'?>|%00|%2F..%2F|%0d%0a"
    )
)
_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:" '
    'xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:CS="http://calendarserver.org/ns/">'
)
_BOOK = (
    "<D:response><D:href>/user/contacts/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/><C:addressbook/>"
    "</D:resourcetype><D:displayname>Contacts</D:displayname><D:sync-token>t</D:sync-token><CS:getctag>c</CS:getctag>"
    "<C:max-resource-size>1000000</C:max-resource-size><C:supported-address-data><C:address-data-type version='3.0'/>"
    "</C:supported-address-data><D:owner><D:href>/p/jo/</D:href></D:owner><D:current-user-privilege-set><D:privilege>"
    "<D:write/></D:privilege></D:current-user-privilege-set><D:supported-report-set><D:supported-report><D:report>"
    "<D:sync-collection/></D:report></D:supported-report></D:supported-report-set></D:prop>"
    "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
)


def _document(rng: Random) -> bytes:
    body = [_HEAD, _BOOK]
    for _ in range(rng.randint(0, 5)):
        data = rng.choice(seeds())[:3000].decode("utf-8", "replace").translate(dict.fromkeys(range(9)))
        text = data.replace("&", "&amp;").replace("<", "&lt;").replace("\x0b", "").replace("\x0c", "").replace("\r", "")
        body.append(
            f"<D:response><D:href>/user/contacts/{rng.randint(0, 9)}.vcf</D:href><D:propstat><D:prop><D:getetag>"
            f'"{rng.random()}"</D:getetag><C:address-data>{text}</C:address-data></D:prop>'
            "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        )
    return "".join([*body, "<D:sync-token>t-1</D:sync-token></D:multistatus>"]).encode()


def multistatus(rng: Random, cpu: "Cpu", _folder: Path) -> str:
    """A damaged reply, in chunks of any size: malformed, or what another XML reader finds in it, too."""
    data = _document(rng)
    if rng.random() < 0.95:
        data = mutated(rng, data, [_document(rng), *seeds()[:3]], _TOKENS, gently=rng.random() < 0.2)
    answers: list[xml.Answer] = []
    reader = xml.MultistatusReader(answers.append, 1 << 26)
    chunk = rng.choice((7, 100, 1 << 16))
    cpu.call(lambda: xml.error_conditions(data))
    try:
        for start in range(0, len(data), chunk):
            reader.feed(data[start : start + chunk])
        reader.close()
    except xml.Malformed as error:
        assert str(error).endswith("."), error
        _check_answers(answers, cpu)
        return "refused"
    try:
        root = ET.fromstring(data)  # noqa: S314 - a reply with a DOCTYPE was refused
    except ET.ParseError:  # UTF-16 that calls itself UTF-8
        assert b"\0" in data or b"encoding=" in data.removeprefix(_HEAD[:38].encode()), "no XML to another reader"
        _check_answers(answers, cpu)
        return "accepted"
    responses = list(root.iter("{DAV:}response"))
    assert len(answers) == len(responses), "responses were lost"
    if not any(child is not one for one in responses for child in one.iter("{DAV:}response")):
        there = Counter((one.findtext("{DAV:}href") or "").strip(" \t\r\n") for one in responses)
        assert Counter(answer.href for answer in answers) == there, "other hrefs"
    _check_answers(answers, cpu)
    return "accepted"


def _check_answers(answers: list[xml.Answer], cpu: "Cpu") -> None:
    """Members of the book are within it; a book that was found can be told about."""
    members = Members(book=BOOK)
    for answer in answers:
        members.add(answer)
        if is_address_book(answer):
            book = cpu.call(lambda answer=answer: address_book(CONNECTION, BOOK, answer, BOOK))  # type: ignore[misc]
            assert book.max_resource_size is None or 0 < book.max_resource_size < 10**15
        reports_changes(answer)
    for href in (*members.etags, *members.removed):
        _check_member(href)


def _check_member(href: str) -> None:
    at = object_location(BOOK, href)
    if at is None:
        return
    assert at.origin == BOOK.origin, "another origin"
    target = request_target(at.path)
    assert all(0x21 <= byte <= 0x7E and byte != ord("#") for byte in target), "a request line of two words"
    assert b"?" not in target, "a query"
    name = unquote(target.decode(), "latin-1").removeprefix("/user/contacts/")
    assert name, "the book itself"
    assert not {".", ".."} & set(name.replace("\\", "/").split("/")), "a way out of the book"
    assert not any(c < " " or c == "\x7f" for c in name), "a control character"


# ---------------------------------------------------------------- fields

_FIELD_PARTS = listed(
    'Basic |Digest |Negotiate |Bearer |realm="x"|realm=|nonce="n\\"=1"|qop="auth,auth-int"|algorithm=SHA-256|, |,|=|"'
    "|\\| |\t|stale=true|YIIa/+==|é|\u0660|120|-1|999999999999999999999|Wed, 21 Oct 2099 07:28:00 GMT"
    "|Wed, 99 Foo 2026 99:99:99 +9999|2026-03-02T09:00:00Z|Fri, 31 Dec 9999 23:59:59 -1200|aaaaaaaaaa|        "
)
_HREF_PARTS = listed(
    "http://|https://|//|/|.|..|%2e|%2F|%00|%0d%0a|\r\n|\\|?|#|:|@|[::1]|[|]|dav.example.org|evil.example|p1.example.org"
    "|:443|:99999|:٣|/user/contacts/|a.vcf|a b.vcf|ü|%FF|%|;|\u202e|\x1b[2J|xn--|user:pw@| "
)


def headers(rng: Random, cpu: "Cpu", _folder: Path) -> str:
    """Fields and hrefs put together at random: no error, no foreign origin, no second line."""
    _check_fields(rng, cpu)
    href = "".join(rng.choice(_HREF_PARTS) for _ in range(rng.randint(0, 8)))
    _check_member(href)
    cpu.call(lambda: href_key(href))
    outcomes = [_or_refused(lambda: redacted(parse_url(href))), _or_refused(lambda: _redirected(href))]
    return "accepted" if any(outcomes) else "refused"


def _or_refused(function: Callable[[], object]) -> bool:
    try:
        function()
    except (ValueError, ServerProblem) as error:
        assert not isinstance(error, UnicodeError), error
        return False
    return True


def _redirected(href: str) -> None:
    """Wherever it leads: no credentials go to an origin that is not trusted, and none over plain http."""
    trust = Trust(CONNECTION)
    try:
        to = trust.redirected(BOOK, href)
    except OriginRefused as error:
        assert str(error).endswith("."), error
        raise
    assert str(to.origin) in {"https://dav.example.org", "https://p1.example.org"}, to.origin
    assert urlsplit(str(to.origin)).scheme == "https", to.origin
    assert all(0x21 <= byte <= 0x7E for byte in request_target(to.path)), "a request line of two words"


def _check_fields(rng: Random, cpu: "Cpu") -> None:
    field = "".join(rng.choice(_FIELD_PARTS) for _ in range(rng.randint(0, 12))) * rng.choice((1, 1, 1, 500))
    asked_for = pause(rng.choice((200, 401, 429, 503)), rng.choice((None, field, rng.choice(_FIELD_PARTS))), _NOW)
    assert asked_for is None or timedelta(minutes=1) <= asked_for <= LONGEST_PAUSE, asked_for
    cpu.call(lambda: xml.status_code(field))
    challenges = cpu.call(lambda: parse_challenges([field, rng.choice(_FIELD_PARTS)]))
    login = Login(CONNECTION)
    sent = login.authorization("GET", BOOK)
    for _ in range(3):
        if not login.learn(BOOK.origin, sent, challenges):
            return
        sent = login.authorization("GET", BOOK)
        assert sent and sent.startswith(("Basic ", "Digest ")), "no login"
        assert "\r" not in sent and "\n" not in sent, "a field of two lines"
        assert "s3cret" not in sent, "the password as it stands"
    stale = any(challenge.parameters.get("stale", "").lower() == "true" for challenge in challenges)
    assert stale, "a login that is tried again and again"
