"""An invented address book in Apple's form, the same for the same seed."""

import base64
import random
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import product

from cardsync.demo.apple import Line, escape, structured, write
from cardsync.demo.invented import COMPANIES, DEPARTMENTS, FAMILY, FREE_MAIL, GIVEN, NOTES, PLACES, TITLES, Company
from cardsync.demo.photo import jpeg
from cardsync.stream_safe import normalized

PRODID = Line(name="PRODID", value="-//Apple Inc.//iOS 18.1//EN")
_YOUNGEST, _OLDEST = timedelta(days=30), timedelta(days=9 * 365)


class Situation(StrEnum):
    """What is remarkable about a card's work details."""

    PLAIN = "plain"
    LABELLED = "labelled"  # work is said by X-ABLabel alone
    NO_TITLE = "no-title"
    NO_ORGANISATION = "no-organisation"
    NO_WORK = "no-work"  # no work field at all
    FOREIGN_DOMAIN = "foreign-domain"  # the work e-mail is of another company
    TWO_ORGANISATIONS = "two-organisations"  # one work e-mail each of two companies
    FREE_MAIL = "free-mail"  # the work e-mail is at a mail provider
    COMPANY = "company"  # the card stands for a company


# Twenty VIPs hold every situation; PLAIN is what most cards are.
_VIP_SITUATIONS = (
    *(Situation.PLAIN,) * 10,
    Situation.LABELLED,
    Situation.LABELLED,
    Situation.NO_TITLE,
    Situation.NO_ORGANISATION,
    Situation.NO_WORK,
    Situation.FOREIGN_DOMAIN,
    Situation.FOREIGN_DOMAIN,
    Situation.TWO_ORGANISATIONS,
    Situation.FREE_MAIL,
    Situation.COMPANY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBookFixture:
    """``cards``: resource name -> vCard, group cards too; a contact's name is ``UID.vcf``.

    ``groups``: group name -> UIDs of its members, ``group_cards``: group name -> name of
    its card; ``vip_uids`` are the members of VIP in the order of creation.  ``situations``: UID -> what the
    card is like; ``names``: UID -> FN, unique.
    """

    cards: Mapping[str, bytes]
    vip_uids: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    group_cards: Mapping[str, str]
    situations: Mapping[str, Situation]
    names: Mapping[str, str]

    def vips(self, situation: Situation) -> tuple[str, ...]:
        """The resource names of the VIPs in this situation."""
        return tuple(f"{uid}.vcf" for uid in self.vip_uids if self.situations[uid] is situation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """``share`` of the contacts have a photo, of ``size`` bytes on average (before base64)."""

    share: float = 0.3
    size: int = 3_000


# With these a card has 20 KB on average, as a book synced by iOS has.
LARGE_PHOTOS = Photos(share=0.5, size=28_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    uid: str
    given: str
    family: str
    situation: Situation
    employer: Company
    other: Company
    note: str
    revised: datetime


def people(
    seed: int, contacts: int = 300, vips: int = 40, *, now: datetime, photos: Photos | None = None
) -> AddressBookFixture:
    """``contacts`` contacts (at most 12,168) of which ``vips`` are VIPs, and the group cards VIP, Family and Board.

    Every REV lies between one month and nine years before ``now``.  VIP's card also has what must be
    tolerated: a member twice, an unknown one, and itself.
    """
    rng = random.Random(seed)  # noqa: S311 - invented people need no secrets
    photos = photos or Photos()
    book = [_person(rng, at, names, vips, now) for at, names in enumerate(_names(rng, contacts))]
    cards = {f"{each.uid}.vcf": write(_lines(rng, each, photos)) for each in book}
    vip_uids = [each.uid for each in book[:vips]]
    family = [each.uid for each in book[vips:] if each.situation is Situation.NO_WORK][:7]
    groups = {"VIP": vip_uids, "Family": family, "Board": vip_uids[:3] + [each.uid for each in book[vips : vips + 3]]}
    group_cards = {}
    for name, members in groups.items():
        uid = _uid(rng)
        group_cards[name] = f"{uid}.vcf"
        oddities = (members[0], _uid(rng), uid) if name == "VIP" and members else ()
        cards[group_cards[name]] = write(_group(uid, name, (*members, *oddities), now - _YOUNGEST))
    return AddressBookFixture(
        cards=cards,
        vip_uids=tuple(vip_uids),
        groups={name: tuple(members) for name, members in groups.items()},
        group_cards=group_cards,
        situations={each.uid: each.situation for each in book},
        names={each.uid: _displayed(each) for each in book},
    )


def _names(rng: random.Random, contacts: int) -> list[tuple[str, str]]:
    return rng.sample(list(product(GIVEN, FAMILY)), contacts)


def _person(rng: random.Random, at: int, names: tuple[str, str], vips: int, now: datetime) -> _Person:
    if at < vips:
        situation, note = _VIP_SITUATIONS[at % len(_VIP_SITUATIONS)], NOTES[at % len(NOTES)]
    else:
        situation = rng.choices((Situation.PLAIN, Situation.NO_WORK, Situation.COMPANY), (6, 3, 1))[0]
        note = rng.choice(NOTES) if rng.random() < 0.4 else ""
    employer, other = rng.sample(COMPANIES, 2)
    if situation is Situation.COMPANY:  # one company, many cards: each is a branch with a name of its own
        employer = Company(name=f"{employer.name}, {' '.join(names)} Branch", domain=employer.domain)
    age = _YOUNGEST + (_OLDEST - _YOUNGEST) * rng.random() ** 2  # most cards are young, some very old
    return _Person(
        uid=_uid(rng), given=names[0], family=names[1], situation=situation, employer=employer, other=other, note=note,
        revised=(now - age).replace(microsecond=0),
    )  # fmt: skip


def _lines(rng: random.Random, person: _Person, photos: Photos) -> Iterator[Line]:
    company = person.situation is Situation.COMPANY
    name = ("",) * 5 if company else (person.family, person.given, "", "", "")
    yield Line(name="VERSION", value="3.0")
    yield PRODID
    yield Line(name="N", value=structured(name))
    yield Line(name="FN", value=escape(_displayed(person)))
    yield from _work(rng, person)
    yield from _private(rng, person)
    if person.note:
        yield Line(name="NOTE", value=escape(person.note))
    if company:
        yield Line(name="X-ABSHOWAS", value="COMPANY")
    if rng.random() < photos.share:
        picture = jpeg(rng, int(photos.size * rng.uniform(0.5, 1.5)))
        parameters = ("ENCODING=b", "TYPE=JPEG")
        yield Line(name="PHOTO", parameters=parameters, value=base64.b64encode(picture).decode())
    yield Line(name="UID", value=person.uid)
    yield _rev(person.revised)


def _work(rng: random.Random, person: _Person) -> Iterator[Line]:
    """ORG, TITLE, e-mail, telephone, address and URL at work; groups ``item1`` to ``item4``."""
    situation, place = person.situation, rng.choice(PLACES)
    if situation is Situation.NO_WORK:
        return
    if situation is not Situation.NO_ORGANISATION:
        # Apple writes "Company;" when there is no department
        yield Line(name="ORG", value=structured((person.employer.name, rng.choice(DEPARTMENTS))))
    if situation not in (Situation.NO_TITLE, Situation.COMPANY):
        yield Line(name="TITLE", value=escape(rng.choice(TITLES)))
    yield from _emails(person)
    telephone = "".join(str(rng.randrange(10)) if each == "#" else each for each in place.telephone)
    yield Line(name="TEL", types=("WORK", "VOICE", "pref"), value=telephone)
    if rng.random() < 0.6:
        address = ("", "", place.street, place.city, place.region, place.postal_code, place.country)
        yield Line(name="ADR", types=("WORK", "pref"), value=structured(address), group="item3")
        yield Line(name="X-ABADR", value=place.code, group="item3")
    if rng.random() < 0.5:
        yield Line(name="URL", types=("pref",), value=f"https://www.{person.employer.domain}", group="item4")
        yield Line(name="X-ABLABEL", value="_$!<Work>!$_", group="item4")


def _emails(person: _Person) -> Iterator[Line]:
    employer, other = person.employer, person.other
    domains = {
        Situation.FOREIGN_DOMAIN: (other.domain,),
        Situation.TWO_ORGANISATIONS: (employer.domain, other.domain),
        Situation.FREE_MAIL: (FREE_MAIL,),
    }.get(person.situation, (employer.domain,))
    mailbox = (
        "office" if person.situation is Situation.COMPANY else f"{_ascii(person.given)[0]}.{_ascii(person.family)}"
    )
    for at, domain in enumerate(domains, 1):
        preferred = ("pref",) if at == 1 else ()
        address = f"{mailbox}@{domain}"
        if person.situation is Situation.LABELLED:
            yield Line(name="EMAIL", types=("INTERNET", *preferred), value=address, group=f"item{at}")
            yield Line(name="X-ABLABEL", value="_$!<Work>!$_", group=f"item{at}")
        else:
            yield Line(name="EMAIL", types=("INTERNET", "WORK", *preferred), value=address)


def _private(rng: random.Random, person: _Person) -> Iterator[Line]:
    if person.situation is Situation.COMPANY:
        return
    yield Line(name="TEL", types=("CELL", "VOICE"), value=f"+1 (415) 555-01{rng.randrange(100):02}")
    if rng.random() < 0.5:
        address = f"{_ascii(person.given)}.{_ascii(person.family)}{rng.randrange(60, 99)}@{FREE_MAIL}"
        yield Line(name="EMAIL", types=("INTERNET", "HOME"), value=address)
    if rng.random() < 0.3:
        yield Line(name="NICKNAME", value=person.given[:3])
    if rng.random() < 0.3:
        birthday = f"{rng.randrange(1950, 2000)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        yield Line(name="BDAY", value=birthday)
    if rng.random() < 0.2:
        yield Line(name="X-ABRELATEDNAMES", types=("pref",), value=rng.choice(GIVEN), group="item5")
        yield Line(name="X-ABLABEL", value="_$!<Spouse>!$_", group="item5")


def _group(uid: str, name: str, members: Sequence[str], revised: datetime) -> Iterable[Line]:
    yield Line(name="VERSION", value="3.0")
    yield PRODID
    yield Line(name="N", value=structured((name, "", "", "", "")))
    yield Line(name="FN", value=escape(name))
    yield Line(name="X-ADDRESSBOOKSERVER-KIND", value="group")
    for member in members:
        yield Line(name="X-ADDRESSBOOKSERVER-MEMBER", value=f"urn:uuid:{member}")
    yield Line(name="UID", value=uid)
    yield _rev(revised)


def _displayed(person: _Person) -> str:
    return person.employer.name if person.situation is Situation.COMPANY else f"{person.given} {person.family}"


def _rev(at: datetime) -> Line:
    return Line(name="REV", value=f"{at:%Y-%m-%dT%H:%M:%SZ}")


def _uid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4)).upper()


def _ascii(name: str) -> str:
    plain = name.lower().translate(str.maketrans("łøđ", "lod"))
    return "".join(each for each in normalized("NFKD", plain) if each.isascii() and each.isalnum())
