"""GLEIF: whether the organisation still goes by its legal name (LEI records, ``GET /lei-records``)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import AwareDatetime, Field

from cardsync.assess.organisations import Aliases, Verdict, compare, spellings, synonyms
from cardsync.evidence.foreign import Foreign, Text, parsed
from cardsync.evidence.profile import past
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import About, Consulted, Need, Subject, Web

INACTIVE = 30.0
SUCCEEDED = 5.0  # of the employment: a merger is what a redirect to another domain is; a mere rename says nothing

_API = "https://api.gleif.org"
_PAGE = 20


class _Name(Foreign):
    name: Text
    type: Text = ""


class _Successor(Foreign):
    name: Text | None = None


class _Expiration(Foreign):
    date: AwareDatetime | None = None


class _Entity(Foreign):
    legal: Annotated[_Name, Field(alias="legalName")]
    others: Annotated[tuple[_Name, ...], Field(alias="otherNames", max_length=100)] = ()
    status: Text = ""
    expiration: _Expiration = _Expiration()
    successor: Annotated[_Successor, Field(alias="successorEntity")] = _Successor()
    successors: Annotated[tuple[_Successor, ...], Field(alias="successorEntities", max_length=100)] = ()


class _Registration(Foreign):
    status: Text = ""
    updated: Annotated[AwareDatetime | None, Field(alias="lastUpdateDate")] = None


class _Attributes(Foreign):
    entity: _Entity
    registration: _Registration


class _Record(Foreign):
    id: Text
    attributes: _Attributes


class _Pagination(Foreign):
    total: Annotated[int, Field(ge=0)]


class _Meta(Foreign):
    pagination: _Pagination


class _Records(Foreign):
    meta: _Meta
    data: Annotated[tuple[_Record, ...], Field(max_length=_PAGE)]


class Gleif:
    """Looks for the organisation among all legal entities that have an LEI."""

    def __init__(self, *, aliases: Aliases = ()) -> None:
        self._aliases = aliases

    @property
    def about(self) -> About:
        """See ``Source``."""
        return About(
            name="gleif",
            sends="The name of the organisation on the card, to GLEIF, the register of legal entities.",
            hosts=("api.gleif.org",),
            needs=frozenset({Need.ORGANISATION}),
            every=timedelta(days=90),
            monthly=2000,
            apart=timedelta(seconds=2),  # they allow 60 a minute
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        """See ``Source``."""
        evidence = []
        for subject in subjects:
            stored = " ".join((subject.first(Need.ORGANISATION) or "").split())
            if not spellings(stored) or len(stored) > 200:
                continue
            query = urlencode({"filter[entity.names]": stored, "page[size]": _PAGE})
            page = await web.get(f"{_API}/api/v1/lei-records?{query}", accept="application/vnd.api+json")
            found = parsed(page, _Records, "GLEIF") if page else None
            said = self._said(found, subject.first(Need.ORGANISATION) or "", now) if found else None
            if said:
                evidence.append((subject.id, said))
        return Consulted(evidence=evidence)

    def _said(self, found: _Records, stored: str, now: datetime) -> Evidence | None:
        """Nothing where one of that name is active, or more were found than told: that one may be the employer."""
        if found.meta.pagination.total != len(found.data):
            return None
        bearing = [record.attributes for record in found.data if self._bears(record.attributes.entity.legal, stored)]
        if bearing:
            return self._ceased(bearing[0], stored, now) if len(bearing) == 1 else None
        renamed = [record.attributes for record in found.data if self._bore(record.attributes.entity, stored)]
        return self._renamed(renamed[0], stored, now) if len(renamed) == 1 else None

    def _bears(self, name: _Name, stored: str) -> bool:
        """Whether it is the name itself, and not only an acronym of it."""
        if compare(stored, name.name, self._aliases) is not Verdict.SAME:
            return False
        mine = {joined for own in synonyms(stored, self._aliases) for joined in _joined(own)}
        return bool(mine & set(_joined(name.name)))

    def _bore(self, entity: _Entity, stored: str) -> bool:
        return any(other.type == "PREVIOUS_LEGAL_NAME" and self._bears(other, stored) for other in entity.others)

    def _renamed(self, record: _Attributes, stored: str, now: datetime) -> Evidence | None:
        if (
            record.entity.status != "ACTIVE"
            or compare(stored, record.entity.legal.name, self._aliases) is not Verdict.DIFFERENT
        ):
            return None
        return _evidence(record, stored, now, says=Says.MOVED, employer=1.0, suggested=record.entity.legal.name)

    def _ceased(self, record: _Attributes, stored: str, now: datetime) -> Evidence | None:
        """Inactive, or retired or merged in the register; one whose fee was not paid (LAPSED) lives."""
        entity = record.entity
        register = record.registration.status
        if register in {"DUPLICATE", "ANNULLED"} or (
            entity.status != "INACTIVE" and register not in {"RETIRED", "MERGED"}
        ):
            return None
        names = {one.name.strip() for one in (entity.successor, *entity.successors) if one.name and one.name.strip()}
        if not names:
            return _evidence(record, stored, now, says=Says.GONE, employer=INACTIVE)
        if len(names) > 1 or compare(stored, next(iter(names)), self._aliases) in {Verdict.SAME, Verdict.UNKNOWN}:
            return None  # split up, or the same by another legal form
        return _evidence(record, stored, now, says=Says.MOVED, employer=SUCCEEDED, suggested=names.pop())


def _joined(name: str) -> Iterator[str]:
    return ("".join(words) for words in spellings(name))


def _evidence(
    record: _Attributes, stored: str, now: datetime, *, says: Says, employer: float, suggested: str = ""
) -> Evidence:
    return Evidence(
        source="gleif",
        kind=EvidenceKind.REGISTRY,
        family="registry",
        claim=WorkField.ORGANISATION,
        says=says,
        stored=stored,
        observed_at=now,
        first_observed_at=now,
        likelihood_ratio=INACTIVE,
        employer_ratio=employer,
        match=0.9,  # a name is shared by companies of several countries, and not all have an LEI
        suggested=" ".join(suggested.split()),
        about="GLEIF",
        asserted_at=past(record.registration.updated, now),
        valid_to=past(record.entity.expiration.date, now),
    )
