"""What answered invitations say of contacts.

Only the owner's own invitations say anything: in another's, each answer is what that one wrote into it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from cardsync.assess.domains import Domains, domain_belongs, registrable, to_show
from cardsync.assess.organisations import Aliases, Verdict
from cardsync.assess.signals import known_as
from cardsync.evidence import people
from cardsync.evidence.invitations import Event
from cardsync.evidence.mail_headers import address_key
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import Need, Subject

NEW_ADDRESS = 20.0
SAME_NAME = 0.9  # P(same person): the same name of at least two words, that no other contact has

Said = dict[tuple[int, str], Evidence]


class People:
    """The contacts by address and by name; ``aliases`` and ``domains`` are what the owner says of organisations."""

    def __init__(self, subjects: Sequence[Subject], aliases: Aliases = (), domains: Domains | None = None) -> None:
        self._aliases = aliases
        self._domains = domains or {}
        self._owners = people.People.of(subjects)
        self._by_name: dict[str, list[Subject]] = {}
        self._known: set[str] = set()
        for subject in subjects:
            for need in (Need.WORK_EMAIL, Need.PERSONAL_EMAIL):
                self._known.update(address_key(email) for email in subject.values.get(need, ()))
            for name in {_folded(name) for name in subject.values.get(Need.NAME, ())}:
                self._by_name.setdefault(name, []).append(subject)

    def says(self, events: Iterable[Event], owner: Collection[str], since: datetime, now: datetime) -> Said:
        """Of each contact and address, or new domain, the latest event from ``since`` on.

        ``owner``: the addresses under which the owner invites.  An address that several people share says nothing of
        any of them.
        """
        found: Said = {}
        mine = {address_key(address) for address in owner} - {""}
        for event in events:
            at = event.happened(now)
            if at is None or at < since or address_key(event.organizer) not in mine:
                continue
            for who in event.answered:
                address = address_key(who.address)
                for person in self._owners.writer(address):
                    _keep(found, person.subject.id, address, _met(person.work[address], at, now))
                if address not in self._known:
                    self._elsewhere(found, who.name, who.address.rpartition("@")[2], at, now)
        return found

    def _elsewhere(self, found: Said, name: str, domain: str, at: datetime, now: datetime) -> None:
        """Somebody of a contact's name answered from another organisation's domain."""
        namesakes = self._by_name.get(_folded(name), ())
        if len(name.split()) < 2 or len(namesakes) != 1:
            return
        subject = namesakes[0]
        if known_as(name, (registrable(domain) or "").partition(".")[0]):  # a domain named after her is no employer's
            return
        claim = self._other_than(subject, domain)
        if claim:
            _keep(found, subject.id, registrable(domain) or domain, _moved(*claim, domain, at, now))

    def _other_than(self, subject: Subject, domain: str) -> tuple[WorkField, str] | None:
        """Which detail the domain contradicts, surely; None: perhaps none, as of a free-mail provider's."""
        emails = subject.values.get(Need.WORK_EMAIL, ())
        houses = [registrable(email.rpartition("@")[2]) for email in emails]
        organisation = subject.first(Need.ORGANISATION)
        if registrable(domain) in houses:
            return None
        if organisation:
            verdict = domain_belongs(organisation, domain, aliases=self._aliases, domains=self._domains)
            return (WorkField.ORGANISATION, organisation) if verdict is Verdict.DIFFERENT else None
        known = [(email, house.partition(".")[0]) for email, house in zip(emails, houses, strict=True) if house]
        if known and all(domain_belongs(label, domain) is Verdict.DIFFERENT for _, label in known):
            return WorkField.EMAIL, known[0][0]
        return None


def _keep(found: Said, contact: int, what: str, said: Evidence) -> None:
    before = found.get((contact, what))
    if before is None or (before.happened_at or said.observed_at) < (said.happened_at or said.observed_at):
        found[contact, what] = said


def _met(stored: str, at: datetime, now: datetime) -> Evidence:
    return Evidence(
        source="calendar",
        kind=EvidenceKind.MET,
        family="calendar",
        claim=WorkField.EMAIL,
        says=Says.USED,
        stored=stored,
        observed_at=now,
        first_observed_at=now,
        happened_at=at,
    )


def _moved(claim: WorkField, stored: str, domain: str, at: datetime, now: datetime) -> Evidence:
    return Evidence(
        source="calendar",
        kind=EvidenceKind.NEW_ADDRESS,
        family="calendar",
        claim=claim,
        says=Says.DIFFERS,
        stored=stored,
        observed_at=now,
        first_observed_at=now,
        likelihood_ratio=NEW_ADDRESS,
        match=SAME_NAME,
        suggested=to_show(domain),
        about=domain,
        happened_at=at,
    )


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
