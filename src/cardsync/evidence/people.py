"""Whose address, and whose name, it is that a mail gives.  Pure."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from cardsync.assess.domains import Domains, domain_belongs, is_free_mail, registrable
from cardsync.assess.organisations import Aliases, Verdict, folded
from cardsync.assess.words import PROFILE_HOSTS
from cardsync.evidence.mail_headers import Sender, address_key
from cardsync.model import WorkField
from cardsync.sources import Need, Subject

_WORD = re.compile(r"[^\W_]+")
_LONGEST_NAME = 200
_TELLING = 3  # letters of a name that are found in another word by no chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A subject, and its work addresses as its card spells them by their comparable form."""

    subject: Subject
    work: dict[str, str]
    addresses: frozenset[str]  # personal ones too
    names: frozenset[tuple[str, ...]]


@dataclass(slots=True)
class People:
    """All subjects, to be found by work address and by name; the rest is what the owner says of organisations."""

    aliases: Aliases = ()
    domains: Domains | None = None
    _by_work: dict[str, list[Person]] = field(default_factory=lambda: defaultdict(list))
    _by_name: dict[tuple[str, ...], list[Person]] = field(default_factory=lambda: defaultdict(list))
    _addresses: set[str] = field(default_factory=set)
    _spelt: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, subjects: Sequence[Subject], aliases: Aliases = (), domains: Domains | None = None) -> Self:
        """The index of these."""
        people = cls(aliases, domains)
        for subject in subjects:
            people._add(subject)
        return people

    def _add(self, subject: Subject) -> None:
        work = {key: email for email in subject.values.get(Need.WORK_EMAIL, ()) if (key := address_key(email))}
        personal = {address_key(email) for email in subject.values.get(Need.PERSONAL_EMAIL, ())} - {""}
        spelt = subject.first(Need.NAME) or ""
        person = Person(subject=subject, work=work, addresses=frozenset({*work, *personal}), names=name_keys(spelt))
        for address in work:
            self._by_work[address].append(person)
        for name in person.names:
            self._by_name[name].append(person)
        self._addresses |= person.addresses
        self._spelt |= set(work) | ({" ".join(spelt.split())} if person.names else set())

    @property
    def spelt(self) -> frozenset[str]:
        """What a From field can be found by: work addresses, and names of two words."""
        return frozenset(self._spelt)

    def with_work_address(self, address: str) -> list[Person]:
        """Everybody on whose card it stands as a work address."""
        return self._by_work.get(address, [])

    def writer(self, address: str) -> list[Person]:
        """Whose work address it is; nobody's if several people share it: which of them wrote is not known."""
        owners = self.with_work_address(address)
        first = owners[0].names if owners else frozenset()
        return owners if len(owners) < 2 or (first and all(each.names == first for each in owners)) else []

    def writes_elsewhere(self, who: Sender) -> list[Person]:
        """Whose name it is, from an address at what seems to be another employer than the card's."""
        names = name_keys(who.name)
        people = list({each.subject.id: each for name in names for each in self._by_name.get(name, ())}.values())
        if not people or not all(people[0].addresses & each.addresses for each in people[1:]):
            return []  # nobody, or several of one name: one person's cards in two books have an address in common
        domain = registrable(who.domain)
        if who.address in self._addresses or domain is None or is_free_mail(who.domain) or domain in PROFILE_HOSTS:
            return []
        if not _is_hers(who, names):
            return []
        return [each for each in people if self._is_elsewhere(each, domain)]

    def _is_elsewhere(self, person: Person, domain: str) -> bool:
        known = {registrable(address.rpartition("@")[2]) for address in person.addresses}
        known |= {registrable(work) for work in person.subject.values.get(Need.WORK_DOMAIN, ())}
        if domain in known:
            return False
        verdicts = {
            domain_belongs(name, domain, aliases=self.aliases, domains=self.domains)
            for name in person.subject.values.get(Need.ORGANISATION, ())
        }
        if verdicts & {Verdict.SAME, Verdict.RELATED, Verdict.RENAMED}:
            return False
        return bool(person.work) or verdicts == {Verdict.DIFFERENT}


def stored(person: Person) -> tuple[WorkField, str]:
    """What a new address is held against: the first work address, or the organisation of a card without one."""
    first = next(iter(person.work.values()), None)
    if first is not None:
        return WorkField.EMAIL, first
    return WorkField.ORGANISATION, person.subject.first(Need.ORGANISATION) or ""


@lru_cache(maxsize=4096)  # the same people write again and again
def name_keys(name: str) -> frozenset[tuple[str, ...]]:
    """The forms in which names compare, umlauts both ways; none for a name of less than two words."""
    if len(name) > _LONGEST_NAME:
        return frozenset()
    family, comma, given = name.partition(",")
    name = f"{given} {family}" if comma and "," not in given else name
    forms = (tuple(_WORD.findall(form)) for form in folded(name))
    return frozenset(form for form in forms if len(form) >= 2)


def _is_hers(who: Sender, names: frozenset[tuple[str, ...]]) -> bool:
    """Whether the address is of a person at an employer.

    A service that writes in somebody's name (``invitations@``) has nothing of the name before the @, and who has her
    name behind it owns the domain.
    """
    local, host = folded(who.address.rpartition("@")[0]), folded(who.domain)
    telling = {word for name in names for word in name if len(word) >= _TELLING}
    return any(word in form for word in telling for form in local) and not any(
        word in form for word in telling for form in host
    )
