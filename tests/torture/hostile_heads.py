"""Status lines, header fields, redirects and challenges that mean harm, and hrefs that lead elsewhere."""

from collections.abc import Iterator, Mapping
from itertools import count
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from servers.dav import found, multistatus
from servers.loopback import Request, Response
from torture.hostile_bodies import status_of
from torture.hostile_server import Attack, Polite, Stream, plain

BOOK = "/dav/owner/contacts/"


def head(*lines: str) -> Attack:
    """A status line and fields as they stand, before the right body; ``{status}`` is the right one."""

    async def attack(request: Request, stream: Stream, polite: Polite) -> None:
        answer = await polite()
        said = [line.format(status=answer.status) for line in lines]
        await stream.send("\r\n".join([*said, f"Content-Length: {len(answer.body)}", "", ""]), answer.body)

    return attack


def for_ever(opening: str, piece: str) -> Attack:
    """A head that does not end."""

    async def attack(_request: Request, stream: Stream, _polite: Polite) -> None:
        await stream.send(opening)
        await stream.pour(piece.encode(), 1 << 30)

    return attack


async def forged(_request: Request, stream: Stream, polite: Polite) -> None:
    """The right answer, and behind it an answer to what was not asked yet: the book is empty."""
    lie = plain(multistatus(found(BOOK, ""), token="http://loopback.test/sync/0"))
    await stream.send(plain(await polite()), lie, lie)
    await stream.silence()


async def switching(_request: Request, stream: Stream, polite: Polite) -> None:
    """Another protocol, which nobody asked for."""
    await stream.send("HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", plain(await polite()))


def etag_field(value: str) -> Attack:
    """The right answer with another ETag."""

    async def attack(_request: Request, stream: Stream, polite: Polite) -> None:
        answer = await polite()
        kept = [(name, field) for name, field in answer.headers if name.lower() != "etag"]
        await stream.send(plain(Response(answer.status, answer.body, kept), f"ETag: {value}"))

    return attack


HEADS: Mapping[str, Attack] = {
    "status 000": head("HTTP/1.1 000 X"),
    "status 99": head("HTTP/1.1 99 X"),
    "status 299": head("HTTP/1.1 299 X"),
    "status 999": head("HTTP/1.1 999 X"),
    "a status that is a word": head("HTTP/1.1 fine X"),
    "no status line": head(""),
    "HTTP/9.9": head("HTTP/9.9 {status} X"),
    "a protocol of its own": head("ICY {status} OK"),
    "two lengths": head("HTTP/1.1 {status} X", "Content-Length: 3"),
    "a negative length": head("HTTP/1.1 {status} X", "Content-Length: -1"),
    "a length and chunks": head("HTTP/1.1 {status} X", "Transfer-Encoding: chunked"),
    "a field without a name": head("HTTP/1.1 {status} X", ": x"),
    "a zero in a field": head("HTTP/1.1 {status} X", "X-Zero: a\x00b"),
    "a field of a megabyte": head("HTTP/1.1 {status} X", "X-Large: " + "x" * (1 << 20)),
    "fields without end": for_ever("HTTP/1.1 207 X\r\n", "X-Field: x\r\n"),
    "a status line without end": for_ever("HTTP/1.1 207 ", "x"),
    "100 Continue without end": for_ever("", "HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints without end": for_ever("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "chunk sizes of nonsense": for_ever("HTTP/1.1 207 X\r\nTransfer-Encoding: chunked\r\n\r\n", "zz\r\n"),
    "a chunk of 2^64 bytes": for_ever("HTTP/1.1 207 X\r\nTransfer-Encoding: chunked\r\n\r\n", "fffffffffffffffff\r\n"),
    "another protocol": switching,
    "forged answers behind the right one": forged,
}
ETAGS: Mapping[str, Attack] = {
    "an ETag of a star": etag_field("*"),
    "an ETag with a star": etag_field('"1", *'),
    "an ETag of 60 KB": etag_field('"' + "e" * 60_000 + '"'),
    "an ETag of quotes": etag_field('""""'),
    "an ETag with a field behind it": etag_field('"1"\r\nX-Injected: yes'),
    "an ETag with a tab": etag_field('"1\t2"'),
    "a folded ETag": etag_field('"1"\r\n "2"'),
    "a weak ETag of bytes": etag_field('W/"\xe4\xff"'),
}
COOKIES = head("HTTP/1.1 {status} X", *(f"Set-Cookie: c{n}={'x' * 60}; Path=/" for n in range(900)))


def redirect(*targets: str, statuses: tuple[int, ...] = (301, 302, 303, 307, 308)) -> Attack:
    """Redirects to each target in turn, with each status in turn."""
    turns = count()

    async def attack(_request: Request, stream: Stream, _polite: Polite) -> None:
        turn = next(turns)
        await stream.send(
            f"HTTP/1.1 {statuses[turn % len(statuses)]} X\r\nLocation: {targets[turn % len(targets)]}\r\n"
            "Content-Length: 0\r\n\r\n"
        )

    return attack


def redirects(foreign: str) -> Iterator[tuple[str, Attack]]:
    """``foreign``: the origin of a server that must hear nothing."""
    host = urlsplit(foreign).netloc
    yield "a redirect to itself", redirect("/dav/a/", "/dav/b/")
    yield "a redirect without a target", redirect("")
    yield "a redirect of 60 KB", redirect("/" + "x" * 60_000)
    for name, target in {
        "another origin": f"{foreign}/dav/",
        "another port of this host": f"http://127.0.0.1:{urlsplit(foreign).port}/dav/",
        "a network path": f"//{host}/dav/",
        "a user name before the host": f"http://127.0.0.1@{host}/dav/",
        "backslashes": f"http:\\\\{host}\\dav\\",
        "a backslash in the host": f"http://{host}\\@127.0.0.1/dav/",
        "a file": "file:///etc/passwd",
        "a script": "javascript:alert(1)",
        "ftp": f"ftp://{host}/",
        "a tab in the scheme": f"ht\ttp://{host}/",
        "a header behind it": f"/dav/\r\nLocation: {foreign}/dav/",
        "an empty port": "http://127.0.0.1:/dav/",
        "a port beyond all ports": "http://127.0.0.1:99999/dav/",
        "an address in one number": f"http://2130706433:{urlsplit(foreign).port}/dav/",
        "an IPv6 address": f"http://[::ffff:127.0.0.1]:{urlsplit(foreign).port}/dav/",
    }.items():
        yield f"a redirect to {name}", redirect(target)


def challenge(*values: str) -> Attack:
    """401 with fields in turn; ``{n}`` counts, so that each realm and nonce is new."""
    turns = count()

    async def attack(_request: Request, stream: Stream, _polite: Polite) -> None:
        turn = next(turns)
        field = values[turn % len(values)].replace("{n}", str(turn))
        said = f"WWW-Authenticate: {field}\r\n" if field else ""
        await stream.send(f"HTTP/1.1 401 X\r\n{said}Content-Length: 0\r\n\r\n")

    return attack


CHALLENGES: Mapping[str, Attack] = {
    "401 without a challenge": challenge(""),
    "401 with another realm each time": challenge('Basic realm="r{n}"'),
    "401 with another nonce each time": challenge('Digest realm="r", nonce="n{n}", qop="auth"'),
    "401 whose nonce is stale each time": challenge('Digest realm="r{n}", nonce="n{n}", qop="auth", stale=true'),
    "401 with Basic and Digest in turn": challenge('Basic realm="r"', 'Digest realm="r", nonce="n{n}"'),
    "401 with an algorithm of its own": challenge('Digest realm="r", nonce="n", algorithm=ROT13'),
    "401 with an algorithm of lies": challenge('Digest realm="r", nonce="n", algorithm="MD5, nonce=\\"x\\""'),
    "401 with a realm of quotes": challenge('Digest realm="\\"\\\\\\"", nonce="\\"\xff\\r\\n", opaque="\\""'),
    "401 with a field of 60 KB": challenge("Basic " + 'a="b", ' * 8000),
    "401 with Negotiate": challenge("Negotiate", "NTLM", "Bearer"),
}


def hrefs(foreign: str) -> Mapping[str, str]:
    """What an href of a multistatus may say instead of a place on its own server."""
    host = urlsplit(foreign).netloc
    return {
        "of another origin": f"{foreign}{BOOK}evil.vcf",
        "of a network path": f"//{host}{BOOK}evil.vcf",
        "of a user at a host": f"http://owner@{host}{BOOK}evil.vcf",
        "of a host in backslashes": f"http:\\\\{host}{BOOK}evil.vcf",
        "with dots": f"{BOOK}../../other/evil.vcf",
        "with encoded dots": f"{BOOK}%2e%2e/%2E%2E/other/evil.vcf",
        "with an encoded slash": f"{BOOK}..%2f..%2fevil.vcf",
        "with a backslash": f"{BOOK}..\\..\\evil.vcf",
        "with a line break": f"{BOOK}a&#13;&#10;X-Injected: yes.vcf",
        "with an encoded line break": f"{BOOK}a%0d%0aX-Injected:%20yes.vcf",
        "with a request behind it": f"{BOOK}a HTTP/1.1&#13;&#10;Host: {host}.vcf",
        "with a zero": f"{BOOK}a%00.vcf",
        "of a file": "file:///etc/passwd",
        "of nothing": "",
        "of 60 KB": BOOK + "x" * 60_000,
    }


def with_href(href: str) -> Attack:
    """The right multistatus, in which each property and each response names ``href`` too, or instead."""

    async def attack(request: Request, stream: Stream, polite: Polite) -> None:
        answer = await polite()
        text = answer.body.decode()
        own = f"<D:href>{request.path}</D:href>"
        extra = (
            f"<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:getetag>&quot;evil&quot;</D:getetag>"
            "<D:resourcetype/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        )
        for name in ("current-user-principal", "addressbook-home-set"):
            text = text.replace(f":{name}><D:href>", f":{name}><D:href>{href}</D:href><D:href>")
        text = text.replace(own, own, 1).replace("</D:multistatus>", f"{extra}</D:multistatus>")
        await stream.send(plain(Response(answer.status, text.encode(), answer.headers)))

    return attack


def only_href(href: str) -> Attack:
    """A multistatus in which principal, home set and book are at ``href``, and nothing else."""

    async def attack(request: Request, stream: Stream, _polite: Polite) -> None:
        there = f"<D:href>{href}</D:href>"
        kind = "<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype>"
        named = f"<D:current-user-principal>{there}</D:current-user-principal>"
        home = f"<C:addressbook-home-set>{there}</C:addressbook-home-set>"
        book = f"<D:response>{there}<D:propstat><D:prop>{kind}</D:prop></D:propstat></D:response>"
        whole = multistatus(found(request.path, named + home), book)
        await stream.send(plain(Response(status_of(request), whole.body, whole.headers)))

    return attack


def listing_etag(value: str) -> Attack:
    """The right listing, with another ETag for every member."""

    async def attack(_request: Request, stream: Stream, polite: Polite) -> None:
        answer = await polite()
        parts = answer.body.decode().split("<D:getetag>")
        text = parts[0] + "".join(f"<D:getetag>{value}{part[part.index('</D:getetag>') :]}" for part in parts[1:])
        await stream.send(plain(Response(answer.status, text.encode(), answer.headers)))

    return attack


def renamed(name: str) -> Attack:
    """The right answer, with a display name for every book."""

    async def attack(_request: Request, stream: Stream, polite: Polite) -> None:
        answer = await polite()
        told = f"<D:displayname>{escape(name)}</D:displayname></D:prop>"
        text = answer.body.decode().replace("</D:prop>", told)
        await stream.send(plain(Response(answer.status, text.encode(), answer.headers)))

    return attack


async def pages(request: Request, stream: Stream, _polite: Polite) -> None:
    """The changes go on and on, a page each time, with a new token."""
    turn = len(request.body) + id(stream)
    member = found(f"{BOOK}x{turn}.vcf", "<D:getetag>&quot;1&quot;</D:getetag>")
    full = f"<D:response><D:href>{BOOK}</D:href><D:status>HTTP/1.1 507 X</D:status></D:response>"
    await stream.send(plain(multistatus(member, full, token=f"http://loopback.test/sync/{turn}-{id(request)}")))
