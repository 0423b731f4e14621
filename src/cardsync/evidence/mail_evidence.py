"""What mail says of the contacts: of each thing said the newest mail's.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cardsync.assess.domains import registrable, to_show
from cardsync.evidence.dsn import is_believed
from cardsync.evidence.mail_headers import Fields, Sender, by_hand, is_signed, sender, sent_at
from cardsync.evidence.people import People, Person, stored
from cardsync.model import Evidence, EvidenceKind, Says, WorkField

SOURCE = "mailbox"
_FAMILY = "mail"
_BOUNCE_RATIO = 75.0  # 50 to 100, for the address
_BOUNCE_EMPLOYER_RATIO = 15.0
_NEW_ADDRESS_RATIO = 20.0
_SAME_NAME = 0.9  # P(it is about this contact): others have her name


@dataclass(slots=True)
class Found:
    """The evidence of one look at mail that came after ``since``, taken in by the server ``authserv_id``."""

    people: People
    since: datetime
    now: datetime
    authserv_id: str = ""
    _newest: dict[tuple[int, EvidenceKind, str, str], Evidence] = field(default_factory=dict)

    @property
    def evidence(self) -> list[tuple[int, Evidence]]:
        """By the subject's id."""
        return [(subject, each) for (subject, *_), each in self._newest.items()]

    def mail(self, said: Fields, arrived: datetime | None) -> None:
        """A mail, by its header and its INTERNALDATE."""
        who = sender(said)
        if who is None:
            return
        writers = self.people.writer(who.address)
        elsewhere = [] if writers else self.people.writes_elsewhere(who)
        if not writers and not elsewhere:
            return
        at = self._moment(said, arrived)
        if at is None or not by_hand(said) or not is_signed(said, who.domain, self.authserv_id):
            return
        for person in writers:
            self._keep(person, self._wrote(person.work[who.address], at))
        for person in elsewhere:
            self._keep(person, self._new_address(person, who, at))

    def report(self, said: Fields, arrived: datetime | None, gone: Iterable[str]) -> None:
        """A delivery report, and the addresses that it says do not exist; a forged one is nothing."""
        at = self._moment(said, arrived)
        if at is None:
            return
        for address in gone:
            if not is_believed(said, address, self.authserv_id):
                continue
            for person in self.people.with_work_address(address):
                self._keep(person, self._bounce(person.work[address], at))

    def _moment(self, said: Fields, arrived: datetime | None) -> datetime | None:
        """When a mail was sent; None: it has no date, or is too old.

        What the server says bounds what the sender wrote, so that nobody dates a mail later; and the other way round,
        because the server's is that of the move where mail was moved from another.
        """
        sent = sent_at(said)
        if sent is None or arrived is None:
            return None
        at = min(sent, arrived, self.now)
        return at if at >= self.since else None

    def _wrote(self, address: str, at: datetime) -> Evidence:
        return Evidence(
            source=SOURCE,
            kind=EvidenceKind.WROTE,
            family=_FAMILY,
            claim=WorkField.EMAIL,
            says=Says.USED,
            stored=address,
            observed_at=self.now,
            first_observed_at=self.now,
            happened_at=at,
        )

    def _bounce(self, address: str, at: datetime) -> Evidence:
        return Evidence(
            source=SOURCE,
            kind=EvidenceKind.BOUNCE,
            family=_FAMILY,
            claim=WorkField.EMAIL,
            says=Says.GONE,
            stored=address,
            observed_at=self.now,
            first_observed_at=self.now,
            likelihood_ratio=_BOUNCE_RATIO,
            employer_ratio=_BOUNCE_EMPLOYER_RATIO,
            happened_at=at,
        )

    def _new_address(self, person: Person, who: Sender, at: datetime) -> Evidence:
        claim, value = stored(person)
        return Evidence(
            source=SOURCE,
            kind=EvidenceKind.NEW_ADDRESS,
            family=_FAMILY,
            claim=claim,
            says=Says.DIFFERS,
            stored=value,
            observed_at=self.now,
            first_observed_at=self.now,
            likelihood_ratio=_NEW_ADDRESS_RATIO,
            match=_SAME_NAME,
            suggested=to_show(registrable(who.domain) or who.domain),
            happened_at=at,
        )

    def _keep(self, person: Person, evidence: Evidence) -> None:
        key = (person.subject.id, evidence.kind, evidence.stored, evidence.suggested)
        known = self._newest.get(key)
        if known is None or (known.happened_at or self.since) < (evidence.happened_at or self.since):
            self._newest[key] = evidence
