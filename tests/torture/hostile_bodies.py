"""Bodies that mean harm: too large, packed, without end, slow, or lies about themselves."""

import gzip
import zlib
from collections.abc import Mapping
from functools import cache

from servers.dav import NAMES
from servers.loopback import Request, Response
from torture.hostile_server import Attack, Polite, Stream, plain

GIGABYTE = 1 << 30
XML = f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus {NAMES}>'
_OPEN = f"{XML}<D:response><D:href>/dav/owner/contacts/"


def status_of(request: Request) -> int:
    """What a right answer to the request begins with."""
    return {"GET": 200, "PUT": 204}.get(request.method, 207)


def body(*parts: str | bytes, more: tuple[str, ...] = ()) -> Attack:
    """A reply whose frame is right."""
    data = b"".join(part.encode() if isinstance(part, str) else part for part in parts)

    async def attack(request: Request, stream: Stream, _polite: Polite) -> None:
        await stream.send(plain(Response(status_of(request), data, [("ETag", '"1"')]), *more))

    return attack


def pouring(
    opening: str,
    piece: str,
    *,
    chunked: bool = False,
    status: int | None = None,
    header: str = "X: y",
    total: int = GIGABYTE,
) -> Attack:
    """A reply that goes on for a gigabyte, or until the client has had enough."""

    async def attack(request: Request, stream: Stream, _polite: Polite) -> None:
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {total}"
        await stream.send(f"HTTP/1.1 {status or status_of(request)} X\r\n{header}\r\n{length}\r\n\r\n")
        block = piece.encode() * (65536 // len(piece) + 1)
        await stream.send(_chunk(opening.encode()) if chunked else opening)
        await stream.pour(_chunk(block) if chunked else block, total)

    return attack


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@cache
def _bomb(opening: str, filler: bytes, megabytes: int, layers: int = 1) -> bytes:
    """Made of one block packed by itself, over and over: quick to make, and right but for the checksum."""
    block = filler * ((1 << 20) // len(filler))
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    data = packer.compress(opening.encode()) + packer.flush(zlib.Z_FULL_FLUSH)
    data += (packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)) * megabytes + packer.flush()
    for _ in range(layers - 1):
        data = gzip.compress(data)
    return data


def packed(encoding: str, *, filler: bytes = b" ", megabytes: int = 300, layers: int = 1, status: int = 0) -> Attack:
    """A bomb under a Content-Encoding; it is made when it is first needed."""

    async def attack(request: Request, stream: Stream, _polite: Polite) -> None:
        data = _bomb(XML, filler, megabytes, layers)
        headers = [("Content-Encoding", encoding), ("Location", request.path)]
        await stream.send(plain(Response(status or status_of(request), data, headers)))

    return attack


def entity(declared: str, used: str) -> str:
    """A multistatus with a DOCTYPE."""
    head = '<?xml version="1.0" encoding="utf-8"?>'
    return (
        f"{head}<!DOCTYPE D:multistatus [{declared}]><D:multistatus {NAMES}><D:response><D:href>{used}</D:href>"
        "</D:response></D:multistatus>"
    )


LAUGHS = '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY a{at} "{f"&a{at - 1 if at else str()};" * 10}">'.replace("&a;", "&a;") for at in range(10)
)


async def recoded(request: Request, stream: Stream, polite: Polite) -> None:
    """The right answer in UTF-16, as XML allows it."""
    answer = await polite()
    text = answer.body.decode().replace('encoding="utf-8"', 'encoding="utf-16"')
    data = text.encode("utf-16") if request.method in {"PROPFIND", "REPORT"} else answer.body
    await stream.send(plain(Response(answer.status, data, answer.headers)))


async def silent(_request: Request, stream: Stream, _polite: Polite) -> None:
    """Takes the request, and that was it."""
    await stream.silence()


async def slow(request: Request, stream: Stream, _polite: Polite) -> None:
    """Never silent, never done."""
    await stream.send(f"HTTP/1.1 {status_of(request)} X\r\nContent-Length: 100000\r\n\r\n")
    await stream.drip(_OPEN.encode() + b"x" * 100_000)


async def slow_head(_request: Request, stream: Stream, _polite: Polite) -> None:
    """The same with the header."""
    await stream.drip(b"HTTP/1.1 207 X\r\nX-Filler: " + b"x" * 10_000)


def lying(declared: int) -> Attack:
    """The right answer under a Content-Length that is off by so many bytes."""

    async def attack(_request: Request, stream: Stream, polite: Polite) -> None:
        answer = await polite()
        data = answer.body or b"x" * 20
        lie = max(0, len(data) + declared)
        await stream.send(f"HTTP/1.1 {answer.status} X\r\nContent-Length: {lie}\r\n\r\n", data)

    return attack


BODIES: Mapping[str, Attack] = {
    "a gigabyte in one text": pouring(_OPEN, "x"),
    "a gigabyte in chunks": pouring(_OPEN, "x", chunked=True),
    "a gigabyte of spaces": pouring(XML, " "),
    "a gigabyte of tags": pouring(XML, "<a/>"),
    "a gigabyte of tags in a response": pouring(f"{XML}<D:response>", "<D:propstat><D:prop/></D:propstat>"),
    "a gigabyte of sync tokens": pouring(XML, "<D:sync-token/>"),
    "a gigabyte of comments": pouring(f"{XML}<D:response>", "<!-- x -->"),
    "a comment without end": pouring(f"{XML}<!-- ", "x"),
    "a CDATA section without end": pouring(f"{_OPEN}<![CDATA[", "x"),
    "empty responses without end": pouring(XML, "<D:response/>"),
    "responses without end": pouring(XML, "<D:response><D:href>/dav/owner/contacts/x.vcf</D:href></D:response>"),
    "nesting without end": pouring(XML, "<a>"),
    "responses in responses": pouring(XML, "<D:response>"),
    "an attribute without end": pouring(f'{XML}<D:response a="', "x"),
    "a tag name without end": pouring(f"{XML}<", "x"),
    "an entity bomb": body(entity(LAUGHS, "&a9;")),
    "a DOCTYPE": body(entity("", "/dav/owner/contacts/x.vcf")),
    "a file for an entity": body(entity('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;")),
    "a million attributes": body(XML, "<D:response ", " ".join(f'a{n}="1"' for n in range(1_000_000)), "/>"),
    "fifty thousand namespaces": body(XML, "<D:response ", " ".join(f'xmlns:n{n}="u{n}"' for n in range(50_000)), "/>"),
    "a gzip bomb of spaces": packed("gzip"),
    "a gzip bomb of responses": packed("gzip", filler=b"<D:response></D:response>"),
    "a gzip bomb in a gzip": packed("gzip, gzip", layers=2),
    "deflate": packed("deflate", megabytes=1),
    "brotli": body(b"\x8b\x02\x80", more=("Content-Encoding: br",)),
    "gzip that is none": body(XML, more=("Content-Encoding: gzip",)),
    "gzip that is cut off": body(_bomb(XML, b" ", 1)[:-200], more=("Content-Encoding: gzip",)),
    "no UTF-8": body(XML, "<D:response><D:href>", b"\xff\xfe\xc3", "</D:href></D:response></D:multistatus>"),
    "an encoding that nobody knows": body(XML.replace("utf-8", "x-nobody"), "</D:multistatus>"),
    "UTF-7": body(XML.replace("utf-8", "utf-7"), "+ADw-D:response/+AD4-", "</D:multistatus>"),
    "zeros": body(b"\x00" * 4096),
    "nothing": body(b""),
    "a page": body("<html><body>Please log in</body></html>"),
    "a body that is slow": slow,
    "a header that is slow": slow_head,
    "silence": silent,
    "a Content-Length that says too much": lying(10),
    "a Content-Length that says too little": lying(-10),
    "a gigabyte of an error page": pouring("<html>", "x", status=500),
    "a gzip bomb of an error page": packed("gzip", status=500),
    "a gigabyte beside a redirect": pouring("", "x", status=302, header="Location: /dav/elsewhere/"),
}
