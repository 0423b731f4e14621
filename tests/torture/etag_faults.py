"""Faults of ETags: in headers and in XML, as proxies and servers spell, forget and mix them up."""

from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

from servers.fault_proxy import Kind, Reply
from torture.listing_faults import LISTS, changed, in_xml
from torture.wire_faults import PARKED, Fault

_ETAG = "{DAV:}getetag"
_TOLD = LISTS | {Kind.MULTIGET, Kind.ETAG}

ETAG_FORMS: dict[str, Callable[[str], str | None]] = {
    "stale": lambda etag: '"as-it-was-before"',
    "weak": lambda etag: "W/" + etag.removeprefix("W/"),
    "unquoted": lambda etag: etag.removeprefix("W/").strip('"'),
    "missing": lambda etag: None,
    "-gzip": lambda etag: etag.rstrip('"') + '-gzip"',
    "a star": lambda etag: "*",
    "a list with a star": lambda etag: etag + ", *",
    "not ASCII": lambda etag: '"\xe9t\xe9"',
}


def etag_header(form: Callable[[str], str | None]) -> Callable[[Reply], Reply | None]:
    """The reply with its ETag in that form."""

    def change(reply: Reply) -> Reply | None:
        etag = reply.header("ETag")
        return reply.with_header("ETag", form(etag)) if etag else None

    return change


def _etag_element(form: Callable[[str], str | None]) -> Callable[[ET.Element], bool]:
    def change(root: ET.Element) -> bool:
        found = False
        for parent in list(root.iter("{DAV:}prop")):
            for element in parent.findall(_ETAG):
                found = True
                value = form(element.text or "")
                if value is None:
                    parent.remove(element)
                else:
                    element.text = value
        return found

    return change


def etag_faults() -> Iterator[Fault]:
    """All of this module."""
    both = frozenset({Kind.GET, Kind.PUT})
    for name, form in ETAG_FORMS.items():
        yield Fault(name=f"ETag {name} in a header", kinds=both, strike=changed(etag_header(form)), trips=PARKED)
        yield Fault(name=f"ETag {name} in XML", kinds=_TOLD, strike=changed(in_xml(_etag_element(form))))
