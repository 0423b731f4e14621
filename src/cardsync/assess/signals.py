"""What a card, with its history, says about itself: the local signals, each with a likelihood ratio and a reason.

Likelihood ratios compare with a card of which only its age is known.  Reasons quote values: they are for the owner.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from cardsync.assess.domains import Domains, domain_belongs, is_free_mail, registrable, surely_another
from cardsync.assess.organisations import CERTAIN, Aliases, Verdict, compare
from cardsync.assess.prior import ONE_EDIT
from cardsync.assess.words import PROFILE_HOSTS
from cardsync.model import Contact, FieldMemory, Memory, Signal, SignalKind, WorkField

FOREIGN_DOMAIN = 3.0  # evidence.md: e-mail domain against ORG in the card
TWO_ORGANISATIONS = 2.0  # advisers and board members have two addresses rightly: weaker than one that fits nothing
LEFT_BEHIND = {  # the employer changed, and this did not: how much likelier on a card nobody has finished editing
    WorkField.EMAIL: 150.0,  # an address at the former employer: as sure as a bounce, the most that a family may say
    WorkField.TITLE: 60.0,  # few keep their exact title with a new employer
    WorkField.URL: 60.0,  # a page on the former employer's site
    WorkField.PHONE: 3.0,  # numbers move along with people, and labels say little
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    aliases: Aliases
    domains: Domains

    def belongs(self, organisation: str, domain: str) -> Verdict:
        return domain_belongs(organisation, domain, aliases=self.aliases, domains=self.domains)

    def surely_foreign(self, organisation: str, domain: str) -> bool:
        return surely_another(organisation, domain, aliases=self.aliases, domains=self.domains)


def signals(
    contact: Contact, memory: Memory, *, aliases: Aliases = (), domains: Domains | None = None
) -> tuple[Signal, ...]:
    """All local signals of a card, half-updated first."""
    known = _Known(aliases=aliases, domains=domains or {})
    half = _half_updated(contact, memory, known)
    told = half is not None and WorkField.EMAIL in half.fields  # that the address is the former employer's
    found = (half, None if told else _addresses(contact, memory, known), _missing(contact))
    return tuple(signal for signal in found if signal)


def field_words(fields: tuple[WorkField, ...]) -> str:
    """The fields as words: ``title, work e-mail and phone``."""
    words = [which.in_words for which in fields]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _missing(contact: Contact) -> Signal | None:
    fields = tuple(f for f in (WorkField.ORGANISATION, WorkField.TITLE) if f not in contact.work)
    if WorkField.ROLE in contact.work:  # says what a title says
        fields = tuple(f for f in fields if f is not WorkField.TITLE)
    if not fields:
        return None
    instead = _NO_EMPLOYER if WorkField.ORGANISATION in fields else _NO_TITLE
    reason = f"The card names no {' and no '.join(fields)}; {instead}."
    return Signal(kind=SignalKind.MISSING, fields=fields, likelihood_ratio=1.0, reason=reason)


_NO_EMPLOYER = "that the employer changed is reckoned with all the same"
_NO_TITLE = "only the employer is reckoned with"

# ---------------------------------------------------------------- e-mail domains against the organisation


def _addresses(contact: Contact, memory: Memory, known: _Known) -> Signal | None:
    """``FOREIGN_DOMAIN`` or ``TWO_ORGANISATIONS``; nothing where the owner confirmed the employer despite them."""
    if _confirmed_with_addresses(memory):
        return None
    organisation = contact.first(WorkField.ORGANISATION)
    hosts = tuple(dict.fromkeys(host for email in contact.work.get(WorkField.EMAIL, ()) if (host := _corporate(email))))
    hosts = tuple(host for host in hosts if not _of_the_person(host, contact.name))
    if not organisation:
        return _two_unnamed(hosts, known)
    verdicts = {host: known.belongs(organisation, host) for host in hosts}
    theirs = tuple(host for host, verdict in verdicts.items() if verdict in CERTAIN)
    houses = {registrable(host) for host in theirs}
    foreign = tuple(
        h for h, verdict in verdicts.items() if verdict is Verdict.DIFFERENT and registrable(h) not in houses
    )
    if foreign and theirs:
        return _two(theirs[0], foreign[0])
    if not foreign or len(foreign) < len(hosts):  # one that may fit is enough
        return None
    reason = f"The work e-mail is at {foreign[0]}, which does not look like {organisation}'s."
    return Signal(
        kind=SignalKind.FOREIGN_DOMAIN,
        fields=(WorkField.EMAIL, WorkField.ORGANISATION),
        likelihood_ratio=FOREIGN_DOMAIN,
        reason=reason,
        values=(foreign[0], organisation),
        since=_since(memory),
    )


def _two_unnamed(hosts: tuple[str, ...], known: _Known) -> Signal | None:
    """Without an organisation: the first label of a domain stands for its owner's name."""
    for host in hosts[1:]:
        if known.belongs(_label(hosts[0]), host) is Verdict.DIFFERENT:
            return _two(hosts[0], host)
    return None


def _two(theirs: str, foreign: str) -> Signal:
    return Signal(
        kind=SignalKind.TWO_ORGANISATIONS,
        fields=(WorkField.EMAIL,),
        likelihood_ratio=TWO_ORGANISATIONS,
        reason=f"The card has work e-mails at two organisations, {theirs} and {foreign}.",
        values=(theirs, foreign),
    )


def _confirmed_with_addresses(memory: Memory) -> bool:
    organisation, email = memory.fields.get(WorkField.ORGANISATION), memory.fields.get(WorkField.EMAIL)
    sure = organisation.validated_at if organisation else None
    if not organisation or not email or not sure:
        return False
    named = email.validated_at if email.validated_at != email.changed_at else None  # the address itself was confirmed
    edited = organisation.changed_at
    return (sure > email.first_seen and edited != sure) or bool(
        named and named > email.first_seen and (edited is None or named >= edited)
    )


def _since(memory: Memory) -> datetime | None:
    email = memory.fields.get(WorkField.EMAIL)
    return email.changed_at if email else None


def _corporate(email: str) -> str | None:
    """The domain of an address, unless it is at a free-mail provider or no domain at all."""
    domain = email.rpartition("@")[2].strip().casefold()
    return None if is_free_mail(domain) or not registrable(domain) else domain


def _of_the_person(domain: str, name: str) -> bool:
    """Whether a domain is named after the person: hers, not an employer's."""
    return known_as(name, _label(domain))


def _label(domain: str) -> str:
    """The label that its owner chose: ``acme`` of ``mail.acme.co.uk``."""
    return (registrable(domain) or domain).partition(".")[0]


def known_as(name: str, label: str) -> bool:
    """Whether a domain label is made of a person's surname, or of her whole name."""
    words = ["".join(filter(str.isalnum, word)) for word in name.casefold().split()]
    plain = label.replace("-", "")
    return bool(words) and (plain == "".join(words) or (len(words) > 1 and len(words[-1]) >= 3 and plain == words[-1]))


# ---------------------------------------------------------------- half-updated


def _half_updated(contact: Contact, memory: Memory, known: _Known) -> Signal | None:
    now_at, changed = contact.first(WorkField.ORGANISATION), memory.fields.get(WorkField.ORGANISATION)
    if not now_at or changed is None or changed.changed_at is None or not changed.previous:
        return None
    old, since = changed.previous[0], changed.changed_at
    verdict = compare(old, now_at, known.aliases)
    if verdict in CERTAIN:
        return None
    fields = tuple(
        which
        for which in (WorkField.TITLE, WorkField.EMAIL, WorkField.PHONE, WorkField.URL)
        if which in contact.work
        and _untouched(memory.fields.get(which), since)
        and _of_the_old(which, contact.work[which], old, now_at, verdict, known)
    )
    if not fields:
        return None
    left = field_words(fields)
    reason = f"The organisation changed from {old} to {now_at} on {since:%Y-%m-%d}, but {left} did not."
    return Signal(
        kind=SignalKind.HALF_UPDATED,
        fields=fields,
        likelihood_ratio=max(LEFT_BEHIND[which] for which in fields),
        reason=reason,
        values=(now_at, old),
        since=since,
    )


def _untouched(remembered: FieldMemory | None, since: datetime) -> bool:
    """Whether a field is as it was before the organisation changed, and nobody confirmed it after."""
    if remembered is None or remembered.first_seen >= since:
        return False
    if remembered.changed_at is not None and remembered.changed_at > since - ONE_EDIT:
        return False
    return remembered.validated_at is None or remembered.validated_at < since


def _of_the_old(which: WorkField, values: tuple[str, ...], old: str, new: str, changed: Verdict, known: _Known) -> bool:
    """Whether what stayed is the former employer's; of titles and phones only that the employers differ is known."""
    if which in {WorkField.TITLE, WorkField.PHONE}:
        return changed is Verdict.DIFFERENT
    hosts = [_corporate(v) if which is WorkField.EMAIL else _site(v) for v in values]
    at = [host for host in hosts if host]
    if any(known.belongs(new, host) in CERTAIN for host in at):
        return False
    return any(
        known.belongs(old, host) in CERTAIN
        or (changed is Verdict.DIFFERENT and known.surely_foreign(new, host))  # a question will say so
        for host in at
    )


def _site(url: str) -> str | None:
    """The host of a URL, unless it is a page with somebody else (LinkedIn ...)."""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return None
    own = registrable(host)
    return host if own and own not in PROFILE_HOSTS else None
