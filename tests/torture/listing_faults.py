"""Faults of multistatus replies and sync tokens: what a server says of a book, but not as it is."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

from servers.fault_proxy import Exchange, Kind, Reply, Request, Strike
from torture.wire_faults import TOLD, Fault, answering

LISTS = frozenset({Kind.LISTING, Kind.FIRST_SYNC, Kind.SYNC})
SYNCS = frozenset({Kind.FIRST_SYNC, Kind.SYNC})
_RESPONSE, _HREF, _ETAG, _TOKEN = "{DAV:}response", "{DAV:}href", "{DAV:}getetag", "{DAV:}sync-token"
_XML = ("Content-Type", "application/xml; charset=utf-8")
_ERROR = b'<?xml version="1.0"?><D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>'
_EMPTY = b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"/>'


def listing_faults() -> Iterator[Fault]:
    """All of this module."""
    yield from _broken_xml()
    yield from _strange_members()
    yield from _tokens()
    yield from _pages()


def changed(change: Callable[[Reply], Reply | None]) -> Strike:
    """The server's own reply, changed; None: there was nothing to change."""

    def strike(exchange: Exchange) -> bool:
        reply = exchange.forward()
        other = change(reply)
        exchange.send(reply if other is None else other)
        return other is not None and other != reply

    return strike


def in_xml(change: Callable[[ET.Element], bool]) -> Callable[[Reply], Reply | None]:
    """A change of a 207's elements."""

    def of_reply(reply: Reply) -> Reply | None:
        if reply.status != 207:
            return None
        root = ET.fromstring(reply.body)  # noqa: S314 - the server is ours
        return replace(reply, body=ET.tostring(root, "utf-8", xml_declaration=True)) if change(root) else None

    return of_reply


# ---------------------------------------------------------------- XML


def _body(change: Callable[[bytes], bytes]) -> Strike:
    return changed(lambda reply: replace(reply, body=change(reply.body)) if reply.status == 207 else None)


def _broken_xml() -> Iterator[Fault]:
    cut = _body(lambda body: body[: len(body) * 2 // 3])
    yield Fault(name="207 cut short, with the length of what is left", kinds=TOLD, strike=cut)
    yield Fault(name="207 with a bare ampersand", kinds=TOLD, strike=_body(lambda body: body.replace(b"</", b"&</", 1)))
    crossed = _body(lambda body: body + b"</D:multistatus>")
    yield Fault(name="207 with one end tag too many", kinds=TOLD, strike=crossed)
    yield Fault(
        name="207 with a control character", kinds=TOLD, strike=_body(lambda body: body.replace(b"</", b"\x01</", 1))
    )
    yield Fault(
        name="207 that is no UTF-8", kinds=TOLD, strike=_body(lambda body: body.replace(b"</", b"\xff\xfe</", 1))
    )
    yield Fault(name="207 and no body", kinds=TOLD, strike=answering(207, _XML))
    yield Fault(
        name="an empty multistatus", kinds=TOLD - SYNCS - {Kind.MULTIGET}, strike=answering(207, _XML, body=_EMPTY)
    )
    multiget = frozenset({Kind.MULTIGET})
    yield Fault(name="a multiget that says nothing", kinds=multiget, strike=answering(207, _XML, body=_EMPTY))
    yield Fault(name="a multiget without its last card", kinds=multiget, strike=changed(in_xml(_without_last)))
    yield Fault(
        name="a multiget with 404 for its last card", kinds=multiget, strike=changed(in_xml(_last_gone)), lies=True
    )
    yield Fault(name="a multiget with a card that was not asked for", kinds=multiget, strike=changed(in_xml(_one_more)))
    yield Fault(name="a multiget with a card twice", kinds=multiget, strike=changed(in_xml(_twice)))


def _without_last(root: ET.Element) -> bool:
    responses = root.findall(_RESPONSE)
    if responses:
        root.remove(responses[-1])
    return bool(responses)


def _last_gone(root: ET.Element) -> bool:
    responses = root.findall(_RESPONSE)
    for part in list(responses[-1])[1:] if responses else ():
        responses[-1].remove(part)
    if responses:
        ET.SubElement(responses[-1], "{DAV:}status").text = "HTTP/1.1 404 Not Found"
    return bool(responses)


def _one_more(root: ET.Element) -> bool:
    return _copied(root, lambda href: href.rpartition("/")[0] + "/nobody-asked.vcf")


def _twice(root: ET.Element) -> bool:
    return _copied(root, lambda href: href)


def _copied(root: ET.Element, href: Callable[[str], str]) -> bool:
    responses = root.findall(_RESPONSE)
    if not responses:
        return False
    more = ET.fromstring(ET.tostring(responses[-1]))  # noqa: S314 - as above
    _text(more, _HREF, href)
    root.append(more)
    return True


def _text(element: ET.Element, name: str, change: Callable[[str], str]) -> None:
    for found in element.iter(name):
        found.text = change(found.text or "")


# ---------------------------------------------------------------- members

_STRANGE = {
    "of another origin": lambda path, foreign: f"{foreign}{path}evil.vcf",
    "with ..": lambda path, _: f"{path}../../evil.vcf",
    "with an escaped ..": lambda path, _: f"{path}%2e%2e/evil.vcf",
    "of another book": lambda path, _: f"{path.rstrip('/').rpartition('/')[0]}/other-book/evil.vcf",
    "with control characters": lambda path, _: f"{path}ev\til\n.vcf",
    "with escaped control characters": lambda path, _: f"{path}ev%0d%0aX: il%00.vcf",
    "with a scheme": lambda _, __: "file:///etc/passwd",
    "that is empty": lambda _, __: "",
    "of a host without a scheme": lambda path, foreign: f"//{foreign.partition('//')[2]}{path}evil.vcf",
}


def _member(href: Callable[[str, str], str]) -> Strike:
    def strike(exchange: Exchange) -> bool:
        def add(root: ET.Element) -> bool:
            response = ET.SubElement(root, _RESPONSE)
            root.remove(response)
            root.insert(0, response)
            ET.SubElement(response, _HREF).text = href(exchange.request.path, exchange.proxy.foreign)
            found = ET.SubElement(response, "{DAV:}propstat")
            ET.SubElement(ET.SubElement(found, "{DAV:}prop"), _ETAG).text = '"evil"'
            ET.SubElement(found, "{DAV:}status").text = "HTTP/1.1 200 OK"
            return True

        return changed(in_xml(add))(exchange)

    return strike


def _strange_members() -> Iterator[Fault]:
    for name, href in _STRANGE.items():
        yield Fault(name=f"a member {name}", kinds=LISTS, strike=_member(href))
    listing = frozenset({Kind.LISTING})
    yield Fault(name="a listing of the book alone", kinds=listing, strike=changed(in_xml(_book_alone)))
    yield Fault(
        name="a listing without its last members", kinds=listing, strike=changed(in_xml(_without_half)), lies=True
    )


def _book_alone(root: ET.Element) -> bool:
    members = root.findall(_RESPONSE)[1:]
    for member in members:
        root.remove(member)
    return bool(members)


def _without_half(root: ET.Element) -> bool:
    members = root.findall(_RESPONSE)
    for member in members[1 + len(members) // 2 :]:
        root.remove(member)
    return len(members) > 2


# ---------------------------------------------------------------- tokens


def _unknown_token(exchange: Exchange) -> bool:
    """As DAViCal and SOGo: everything, as if no token had been sent."""
    body = re.sub(rb"(<[^<>]*sync-token>)[^<]*(</)", rb"\1\2", exchange.request.body)
    exchange.send(exchange.forward(replace(exchange.request, body=body)))
    return True


def _no_changes(root: ET.Element) -> bool:
    members = root.findall(_RESPONSE)
    for member in members:
        root.remove(member)
    return bool(members)


def _old_token(exchange: Exchange) -> bool:
    """No changes and the very token that was sent, as of a server that was restored."""
    sent = re.search(rb"sync-token>([^<]+)<", exchange.request.body)
    token = sent[1].decode() if sent else ""
    body = f'<D:multistatus xmlns:D="DAV:"><D:sync-token>{token}</D:sync-token></D:multistatus>'
    exchange.send(Reply(status=207, headers=(_XML,), body=body.encode()))
    return True


def _without_token(root: ET.Element) -> bool:
    tokens = root.findall(_TOKEN)
    for token in tokens:
        root.remove(token)
    return bool(tokens)


def _garbage_token(root: ET.Element) -> bool:
    _text(root, _TOKEN, lambda token: "urn:no:such:token")
    return root.find(_TOKEN) is not None


def _tokens() -> Iterator[Fault]:
    sync = frozenset({Kind.SYNC})
    yield Fault(name="the token refused: valid-sync-token", kinds=sync, strike=answering(403, _XML, body=_ERROR))
    for status in (400, 409, 412, 507):
        yield Fault(name=f"the token refused: {status}", kinds=sync, strike=answering(status, _XML, body=_ERROR))
    yield Fault(name="a first sync refused: 400", kinds=frozenset({Kind.FIRST_SYNC}), strike=answering(400))
    yield Fault(name="the token unknown: everything", kinds=sync, strike=_unknown_token)
    yield Fault(name="the token of the future: no changes", kinds=sync, strike=changed(in_xml(_no_changes)))
    yield Fault(name="no changes, and the token that was sent", kinds=sync, strike=_old_token)
    yield Fault(name="no token", kinds=SYNCS, strike=changed(in_xml(_without_token)))
    yield Fault(name="a token that nobody will know", kinds=SYNCS, strike=changed(in_xml(_garbage_token)))


# ---------------------------------------------------------------- pages

_PAGE = "urn:page-two"


def _paged(exchange: Exchange) -> bool:
    """Half of the responses, a 507 for the book and a token of its own; the rest to whom asks with that."""
    if _PAGE.encode() in exchange.request.body:
        body = exchange.request.body.replace(_PAGE.encode(), exchange.proxy.memory["page"].encode())
        reply = exchange.forward(replace(exchange.request, body=body))
        exchange.send(in_xml(_second_half)(reply) or reply)
        return True

    def first_page(root: ET.Element) -> bool:
        responses = root.findall(_RESPONSE)
        for response in responses[len(responses) // 2 :]:
            root.remove(response)
        exchange.proxy.memory["page"] = _sent_token(exchange.request)
        _text(root, _TOKEN, lambda token: _PAGE)
        _add_507(root, exchange.request.path)
        return True

    return changed(in_xml(first_page))(exchange)


def _second_half(root: ET.Element) -> bool:
    responses = root.findall(_RESPONSE)
    for response in responses[: len(responses) // 2]:
        root.remove(response)
    return True


def _sent_token(request: Request) -> str:
    sent = re.search(rb"sync-token>([^<]+)<", request.body)
    return sent[1].decode() if sent else ""


def _add_507(root: ET.Element, path: str) -> None:
    response = ET.Element(_RESPONSE)
    root.insert(0, response)
    ET.SubElement(response, _HREF).text = path
    ET.SubElement(response, "{DAV:}status").text = "HTTP/1.1 507 Insufficient Storage"


def _endless(exchange: Exchange) -> bool:
    def page(root: ET.Element) -> bool:
        _text(root, _TOKEN, lambda token: _sent_token(exchange.request) or token)
        _add_507(root, exchange.request.path)
        return True

    return changed(in_xml(page))(exchange)


def _pages() -> Iterator[Fault]:
    yield Fault(name="507: a page and its rest", kinds=SYNCS, strike=_paged)
    yield Fault(name="507: the same page again and again", kinds=SYNCS, strike=_endless)
