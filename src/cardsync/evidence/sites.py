"""What became of a site, as its answers tell (pure): it stands, it moved, a page of it is gone, a door is shut."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from cardsync.assess.domains import is_free_mail, registrable
from cardsync.assess.words import PROFILE_HOSTS
from cardsync.evidence.page import Reading
from cardsync.sources import Hop

_FOR_GOOD = frozenset({301, 308})
GONE = frozenset({404, 410})  # 404 for whoever forgets to say 410


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DOOR_LABELS = _words("login signin sso auth account accounts id idp identity consent oauth adfs sts")
_DOOR_PATHS = _words("""
    login log-in signin sign-in sso saml saml2 oauth oauth2 auth authorize consent cookie-consent wp-login.php
""")
_NOT_A_NEW_HOUSE = PROFILE_HOSTS | _words("""
    okta.com auth0.com microsoftonline.com microsoft.com onelogin.com duosecurity.com live.com apple.com
    sedo.com sedoparking.com dan.com afternic.com hugedomains.com godaddy.com bodis.com parkingcrew.net above.com
    namecheap.com undeveloped.com uniregistry.com domainmarket.com buydomains.com atom.com squadhelp.com brandbucket.com
    spaceship.com dynadot.com porkbun.com name.com ionos.com ionos.de strato.de hostinger.com ovh.com gandi.net
    wix.com wordpress.com squarespace.com shopify.com notion.so webflow.com weebly.com jimdo.com
""")
"""Log-ins, places where domains are sold or parked, builders of sites: a redirect there tells of no successor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one visit found: ``asked`` and ``url`` are the first and the last address, ``when`` is the visit's time."""

    asked: str
    url: str
    status: int
    when: datetime
    hops: Sequence[Hop] = ()
    reading: Reading = field(default_factory=Reading)


def host_of(url: str) -> str:
    """The host, or ''."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def root_of(url: str) -> str:
    """The home page of the site that a page is of."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def stands(seen: Seen) -> bool:
    """Whether the site is there, and is still its owner's."""
    return (
        seen.status == 200
        and _domain(seen.url) == _domain(seen.asked)
        and not seen.reading.parked
        and not _is_door(seen)
    )


def gone(page: Seen, root: Seen) -> bool:
    """Whether a page is no more while its site is."""
    return (
        page.status in GONE
        and page.asked != root.asked
        and _domain(page.url) == _domain(page.asked)
        and not _is_door(page)
        and stands(root)
    )


def moved_to(root: Seen) -> str | None:
    """The registrable domain to which a site moved for good; None: it did not, or that is not sure.

    Another country's domain of the same name is the same house, as is one whose name contains the other's.
    """
    own = here = _domain(root.asked)
    for hop in root.hops:
        there = _domain(hop.url)
        if there != here and hop.status not in _FOR_GOOD:
            return None
        here = there
    if own is None or here in {None, own} or root.status != 200 or root.reading.parked or _is_door(root):
        return None
    if here is None or here in _NOT_A_NEW_HOUSE or is_free_mail(here) or _one_name(own, here):
        return None
    return here


def _domain(url: str) -> str | None:
    return registrable(host_of(url))


def _one_name(a: str, b: str) -> bool:
    short, long = sorted((domain.partition(".")[0].replace("-", "") for domain in (a, b)), key=len)
    return short == long or (len(short) >= 3 and short in long)


def _is_door(seen: Seen) -> bool:
    """Whether a visit ended before a log-in or a question for consent."""
    path = urlsplit(seen.url).path.lower().split("/")
    labels = host_of(seen.url).split(".")[:-2]
    return seen.reading.login or not _DOOR_LABELS.isdisjoint(labels) or not _DOOR_PATHS.isdisjoint(path)
