"""What there is to see of the contacts of the demo's last chapter, and what has to come of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cardsync.demo.addressbook import AddressBookFixture
from cardsync.demo.apple import Line, components, parse
from cardsync.demo.post import Mail, letter, returned

_NEW_EMPLOYER, _NEW_NAME = "tessellate.example", "larkfield.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A contact as the card has it: ``card`` is its resource name, ``address`` the work e-mail."""

    card: str
    name: str
    title: str
    organisation: str
    address: str

    @property
    def domain(self) -> str:
        """Where the employer's site is."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """``said`` tells it; ``mail`` makes a mail of that moment, ``leads_to`` is where the employer's site leads.

    ``asks``: what the question must say; '' where nothing is to be asked, because the work address is in use.
    """

    said: str
    mail: Callable[[Colleague, datetime], Mail] | None = None
    leads_to: str = ""
    asks: str = ""


SIGHTS: Sequence[Sight] = (
    Sight(
        said="your mail to the work address came back",
        mail=lambda who, at: returned(who.address, at),
        asks="bounced on",
    ),
    Sight(
        said="wrote to you from an address at another company",
        mail=lambda who, at: letter(who.name, f"{who.address.partition('@')[0]}@{_NEW_EMPLOYER}", at),
        asks=f"(writes from {_NEW_EMPLOYER})",
    ),
    Sight(
        said="the employer's site leads to another one for good",
        leads_to=_NEW_NAME,
        asks=f"now leads to {_NEW_NAME})",
    ),
    Sight(said="wrote to you from the work address", mail=lambda who, at: letter(who.name, who.address, at)),
)


def colleagues(book: AddressBookFixture) -> list[Colleague]:
    """The VIPs of a book in which all are employed."""
    return [_colleague(f"{uid}.vcf", parse(book.cards[f"{uid}.vcf"])) for uid in book.vip_uids]


def hosts(seen: Iterable[tuple[Colleague, Sight]]) -> Mapping[str, str]:
    """All sites that there are: host -> where it leads to, '' for one that stands."""
    return dict(_hosts(seen))


def _hosts(seen: Iterable[tuple[Colleague, Sight]]) -> Iterator[tuple[str, str]]:
    for who, sight in seen:
        yield from ((host, sight.leads_to) for host in (who.domain, f"www.{who.domain}"))
        if sight.leads_to:
            yield sight.leads_to, ""


def _colleague(card: str, lines: Sequence[Line]) -> Colleague:
    first = {line.name: line for line in reversed(lines)}
    return Colleague(
        card=card,
        name=first["FN"].text(),
        title=first["TITLE"].text(),
        organisation=components(first["ORG"].value)[0],
        address=first["EMAIL"].text(),
    )
