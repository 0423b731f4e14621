"""DNS: whether the domain of the work e-mail still exists and takes mail (RFC 5321, section 5.1; RFC 7505)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit

from cardsync.assess.domains import is_free_mail, registrable
from cardsync.evidence.lookup import Lookup, Reply, over_https, over_resolver, wire_name
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import About, Consulted, Need, Subject, Web

ADDRESS = 200.0
EMPLOYER = 15.0
EMPLOYER_OF_SUBDOMAIN = 5.0  # the company is still there: its mail moved

_MOST_DOMAINS = 3
_OWN = "the resolver of this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsOptions:
    """``nameservers``: addresses (``192.0.2.53``, ``192.0.2.53:5353``, ``[2001:db8::53]:53``); none: the system's own.

    ``doh_url``: ask this server over HTTPS instead (JSON, as Cloudflare and Google serve it).  ``lifetime``: seconds
    for one question to all nameservers.
    """

    nameservers: tuple[str, ...] = ()
    doh_url: str | None = None
    lifetime: float = 10.0


class Found(Enum):
    """What DNS proves of a domain."""

    NOTHING = auto()
    NO_DOMAIN = auto()
    NO_SUBDOMAIN = auto()  # the domain above it exists
    NO_MAIL = auto()


class Dns:
    """Asks for the domain of each work e-mail."""

    def __init__(self, options: DnsOptions) -> None:
        self._options = options

    @property
    def about(self) -> About:
        """See ``Source``."""
        doh = self._options.doh_url
        host = urlsplit(doh).hostname or "" if doh else ""
        whom = f"{host} over HTTPS" if doh else "the resolver that you use anyway"
        return About(
            name="dns",
            sends=f"The domain of the work e-mail, to {whom}.",
            hosts=(host,) if doh else self._options.nameservers or (_OWN,),
            needs=frozenset({Need.WORK_DOMAIN, Need.WORK_EMAIL}),
            every=timedelta(days=14),  # seen on two looks
            monthly=5000,
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``.  An evidence for each address at a domain that is gone."""
        options = self._options
        doh = options.doh_url
        lookup = over_https(doh, web) if doh else over_resolver(options.nameservers, options.lifetime)
        evidence = []
        for subject in subjects:
            for domain in subject.values.get(Need.WORK_DOMAIN, ())[:_MOST_DOMAINS]:
                found = await found_of(domain, lookup)
                if found is not Found.NOTHING:
                    evidence += [(subject.id, _said(found, domain, one, now)) for one in _addresses(subject, domain)]
        return Consulted(evidence=evidence)


async def found_of(domain: str, lookup: Lookup) -> Found:
    """What is proved of ``domain``; raises ``SourceFailed`` where no server answers."""
    name, own = wire_name(domain), wire_name(registrable(domain) or "")
    if not name or not own or is_free_mail(domain):
        return Found.NOTHING
    mx = await lookup(name, "MX")
    if not mx.exists:
        return await _not_there(name, own, mx, lookup)
    if mx.values:
        return Found.NO_MAIL if _null(mx.values) else Found.NOTHING
    return Found.NO_MAIL if name == own and await _deaf(name, lookup) else Found.NOTHING


async def _not_there(name: str, own: str, reply: Reply, lookup: Lookup) -> Found:
    if not _proved(name, reply):
        return Found.NOTHING
    if name == own:
        return Found.NO_DOMAIN
    above = await lookup(own, "MX")
    if above.exists:
        return Found.NO_SUBDOMAIN
    return Found.NO_DOMAIN if _proved(own, above) else Found.NOTHING


def _proved(name: str, reply: Reply) -> bool:
    """Whether a parent zone says that there is no such name, by its SOA (RFC 2308, section 2.1).

    Block lists and captive portals send none, or one of the name itself.  The root's says that there is no such
    top-level domain, which is a slip of the finger or a name of a house network.  Behind an alias it is the
    target that is missing.
    """
    return not reply.aliased and reply.zone not in {"", "."} and name.endswith(f".{reply.zone}")


def _null(values: Sequence[str]) -> bool:
    """RFC 7505, section 3: the only MX, its exchange the root."""
    return len(values) == 1 and values[0].split()[1:] == ["."]


async def _deaf(name: str, lookup: Lookup) -> bool:
    """Without an MX the address is the mail exchange (RFC 5321, section 5.1); whether there is none of either kind.

    That there are name servers shows that the answers are the domain's own, and not a block list's.
    """
    for kind in ("A", "AAAA"):
        reply = await lookup(name, kind)
        if reply.values or not reply.exists:
            return False
    return bool((await lookup(name, "NS")).values)


def _addresses(subject: Subject, domain: str) -> list[str]:
    emails = subject.values.get(Need.WORK_EMAIL, ())
    return [one for one in emails if wire_name(one.rpartition("@")[2]) == wire_name(domain)] or [domain]


def _said(found: Found, domain: str, stored: str, now: datetime) -> Evidence:
    return Evidence(
        source="dns",
        kind=EvidenceKind.NO_MAIL if found is Found.NO_MAIL else EvidenceKind.NO_DOMAIN,
        family="dns",
        claim=WorkField.EMAIL,
        says=Says.GONE,
        stored=stored,
        observed_at=now,
        first_observed_at=now,
        likelihood_ratio=ADDRESS,
        employer_ratio=EMPLOYER_OF_SUBDOMAIN if found is Found.NO_SUBDOMAIN else EMPLOYER,
        about=domain,
        twice=True,
    )
