"""Each source on its own: who is due, what is kept, and what one that fails or lies does to the others."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import card
from cardsync.evidence.checked import checked_about
from cardsync.evidence.github import GitHub, GitHubOptions
from cardsync.evidence.gravatar import Gravatar, GravatarOptions
from cardsync.evidence.http import GuardedClient
from cardsync.evidence.kept import Collected, Kept
from cardsync.evidence.stage import AGAIN, AT_ONCE, PER_RUN, Consult, Counts, patience, spread
from cardsync.evidence.subjects import subject
from cardsync.evidence.vetting import public
from cardsync.mirror import Mirror
from cardsync.mirror.evidence import EvidenceStore
from cardsync.model import Contact, Evidence, EvidenceKind, Says, WorkField
from cardsync.records import Pause, Standing
from cardsync.sources import ANY_HOST, About, Consulted, Need, SourceFailed, Subject, Web
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from in_memory import START, address_book, person
from servers.loopback import Request, Response
from servers.sites import Internet, internet

DAY = timedelta(days=1)
PEOPLE = 40


@dataclass
class House:
    mirror: Mirror
    vips: dict[int, Contact]
    now: datetime = START + 30 * DAY

    async def consult(self, source: "Asked") -> Counts:
        return await Consult(
            mirror=self.mirror,
            source=source,
            guard=_Guard(),
            vips=self.vips,
            hosts=lambda each: frozenset(each.values.get(Need.WORK_DOMAIN, ())),
            clock=lambda: self.now,
        ).run()


class _Guard:
    def bound(self, about: About, hosts: frozenset[str], validators: Collected) -> Web:
        return None  # type: ignore[return-value]  # no source here asks the web


@dataclass
class Asked:
    """A source that answers as a test says, and notes whom it was shown."""

    answer: Callable[[Sequence[Subject], Mapping[str, Any]], Consulted] = lambda subjects, cursor: Consulted()
    scans: bool = False
    hosts: tuple[str, ...] = ("api.example",)
    needs: frozenset[Need] = frozenset({Need.NAME, Need.WORK_EMAIL})
    shown: list[list[Subject]] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0

    @property
    def about(self) -> About:
        return About(
            name="asked", sends="", hosts=self.hosts, needs=self.needs, scans=self.scans, every=timedelta(days=30)
        )

    async def look(self, subjects: Sequence[Subject], cursor: Mapping[str, Any], web: Web, now: datetime) -> Consulted:
        self.shown.append(list(subjects))
        async with self._counted():
            await asyncio.sleep(0)
            return self.answer(subjects, cursor)

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            yield
        finally:
            self.busy -= 1

    def ids(self) -> list[int]:
        return [each.id for look in self.shown for each in look]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    mirror = Mirror.open(tmp_path / "cardsync.db")
    mirror.accounts.store_discovery("home", [address_book()], START)
    vips = {}
    for number in range(PEOPLE):
        contact = contact_of(scan(person(f"Jo{number}")))
        id_, _ = mirror.contacts.observe(1, contact, f"jo{number}", f"/{number}.vcf", work_keys(contact), START)
        vips[id_] = contact
    yield House(mirror, vips)
    mirror.close()


def seen(stored: str, house: House, **more: object) -> Evidence:
    base = Evidence(
        source="asked",
        kind=EvidenceKind.WROTE,
        family="mail",
        claim=WorkField.EMAIL,
        says=Says.USED,
        stored=stored,
        observed_at=house.now,
        first_observed_at=house.now,
        happened_at=house.now - DAY,
    )
    return replace(base, **more)  # type: ignore[arg-type]  # the tests name fields of Evidence


def email(house: House, id_: int) -> str:
    return house.vips[id_].work[WorkField.EMAIL][0]


async def test_everybody_is_looked_at_once_in_a_while_and_never_all_at_a_time(house: House) -> None:
    source = Asked(hosts=(ANY_HOST,))
    first = await house.consult(source)
    assert (first.looked, len(source.ids())) == (PER_RUN, PER_RUN)
    assert source.busiest == AT_ONCE
    await house.consult(source)
    assert sorted(source.ids()) == sorted(house.vips)
    await house.consult(source)
    assert len(source.ids()) == PEOPLE
    house.now += 22 * DAY
    await house.consult(source)
    assert len(source.ids()) == PEOPLE
    house.now += 16 * DAY
    await house.consult(source)
    assert len(source.ids()) > PEOPLE


async def test_a_source_sees_what_it_declared_and_no_more(house: House) -> None:
    source = Asked(needs=frozenset({Need.WORK_DOMAIN}))
    await house.consult(source)
    assert all(each.values.keys() == {Need.WORK_DOMAIN} for look in source.shown for each in look)


async def test_what_one_contacts_look_says_of_another_is_not_believed(house: House) -> None:
    other = max(house.vips)
    source = Asked(lambda subjects, cursor: Consulted(evidence=[(other, seen(email(house, other), house))]))
    await house.consult(source)
    assert house.mirror.evidence.of(other) == ()


async def test_mail_from_the_address_makes_it_right_on_that_day_and_not_on_one_to_come(house: House) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        (each,) = subjects
        late = seen(email(house, each.id), house, happened_at=house.now + DAY, kind=EvidenceKind.MET)
        return Consulted(evidence=[(each.id, seen(email(house, each.id), house)), (each.id, late)])

    done = await house.consult(Asked(answer))
    assert done.validated == PER_RUN
    held = house.mirror.contacts.memory(1).fields
    assert held[WorkField.EMAIL].validated_at == house.now - DAY
    assert held[WorkField.TITLE].validated_at is None
    assert [line["what"] for line in house.mirror.contacts.history(1)] == ["first seen", "seen in use"]


async def test_mail_from_an_address_that_is_not_the_organisations_says_nothing_of_the_employment(house: House) -> None:
    two = ("jo@acme.example", "jo@initech.example")
    house.vips = {1: replace(house.vips[1], work={**house.vips[1].work, WorkField.EMAIL: two})}
    for address, validated in zip(two[::-1], (0, 1), strict=True):
        house.mirror.evidence.looked("asked", 1, house.now, "")
        source = Asked(lambda subjects, cursor, address=address: Consulted(evidence=[(1, seen(address, house))]))  # type: ignore[misc]  # the address of this round
        assert (await house.consult(source)).validated == validated


@pytest.mark.parametrize(
    ("companies", "address", "validated"),
    [
        (("Stripe",), "jo@square.example", 1),  # a domain that nobody can tell from the company's is taken for it
        (("Square", "Stripe"), "jo@square.example", 0),
        (("Square", "Stripe", "Spruce"), "jo@square.example", 0),
        (("Square", "Square Inc."), "jo@square.example", 1),
        (("Square", "Stripe", "Square"), "jo@square.example", 1),
        (("Stripe",), "jo@hooli.example", 0),
    ],
)
async def test_mail_from_the_only_address_makes_it_right_unless_it_is_another_companys(
    house: House, companies: tuple[str, ...], address: str, validated: int
) -> None:
    for at, company in enumerate(companies):
        contact = contact_of(scan(card(f"ORG:{company}", f"EMAIL;TYPE=WORK:{address}")))
        day = START + at * 100 * DAY
        id_, _ = house.mirror.contacts.observe(1, contact, "changed", "/changed.vcf", work_keys(contact), day)
    house.vips, house.now = {id_: contact}, START + 500 * DAY
    source = Asked(lambda subjects, cursor: Consulted(evidence=[(id_, seen(address, house))]))
    assert (await house.consult(source)).validated == validated


async def test_one_contact_that_fails_stops_nobody_and_is_tried_again_tomorrow(house: House) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        if subjects[0].id == 3:
            raise SourceFailed("It is away.")
        return Consulted()

    source = Asked(answer)
    done = await house.consult(source)
    assert (done.looked, done.failed) == (PER_RUN - 1, 1)
    assert house.mirror.evidence.state("asked", house.now).error == ""
    house.now += AGAIN + timedelta(seconds=1)
    await house.consult(source)
    assert source.ids().count(3) == 2


async def test_a_service_that_wants_a_pause_between_two_requests_is_asked_about_one_after_the_other(
    house: House,
) -> None:
    source = Asked()
    await house.consult(source)
    assert (source.busiest, len(source.ids())) == (1, PER_RUN)
    built = [GitHub(GitHubOptions()).about, Gravatar(GravatarOptions()).about]  # a minute, and three times 36 s
    assert all(patience(about) - 3 * about.apart >= timedelta(minutes=2) for about in built)


@pytest.mark.parametrize("hosts", [("api.example",), (ANY_HOST,)])
async def test_a_source_that_fails_at_everybody_is_told_of_and_the_next_contact_is_not_held_up(
    house: House, hosts: tuple[str, ...]
) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        if away:
            raise SourceFailed("It is away.")
        return Consulted()

    away, source, everybody = True, Asked(answer, hosts=hosts), house.vips
    house.vips = {1: everybody[1]}
    await house.consult(source)
    state = house.mirror.evidence.state("asked", house.now)
    assert (state.error, state.not_before) == ("It is away.", None)
    away, house.vips = False, {id_: everybody[id_] for id_ in (1, 2)}
    await house.consult(source)
    assert source.ids() == [1, 2]
    assert house.mirror.evidence.state("asked", house.now).error == ""


async def test_a_scan_for_nobody_is_none(house: House) -> None:
    source, everybody = Asked(scans=True), house.vips
    house.vips = {}
    await house.consult(source)
    house.vips = everybody
    await house.consult(source)
    assert [len(shown) for shown in source.shown] == [PEOPLE]


async def test_a_service_that_asks_for_a_pause_gets_it(house: House) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        raise SourceFailed("429", wait=timedelta(hours=5))

    source = Asked(answer)
    await house.consult(source)
    asked = len(source.ids())
    assert asked <= AT_ONCE
    house.now += timedelta(hours=4)
    await house.consult(source)
    assert len(source.ids()) == asked
    house.now += timedelta(hours=2)
    await house.consult(source)
    assert len(source.ids()) > asked


@pytest.mark.parametrize(("asked", "days"), [(timedelta(days=7), 7), (timedelta(days=700), 7), ("soon", 1)])
async def test_a_pause_of_a_week_is_kept_and_a_longer_one_is_a_mistake(
    house: House, asked: timedelta, days: int
) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        raise SourceFailed("429", wait=asked)

    source, house.vips = Asked(answer), {1: house.vips[1]}
    await house.consult(source)
    for wait, times in ((days * DAY - timedelta(minutes=1), 1), (timedelta(minutes=2), 2)):
        house.now += wait
        await house.consult(source)
        assert len(source.ids()) == times


async def test_the_site_of_one_contact_that_asks_for_a_pause_holds_no_other_up(house: House) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        raise SourceFailed("429", wait=timedelta(days=5))

    done = await house.consult(Asked(answer, hosts=(ANY_HOST,)))
    assert done.failed == PER_RUN
    assert house.mirror.evidence.state("asked", house.now).not_before is None


async def test_the_text_of_a_plug_ins_mistake_is_told_nowhere(house: House) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        raise KeyError(subjects[0].first(Need.WORK_EMAIL))

    done = await house.consult(Asked(answer))
    state = house.mirror.evidence.state("asked", house.now)
    assert "stumbled (KeyError)" in state.error
    assert "@" not in state.error + "".join(done.errors)


async def test_a_source_that_goes_on_failing_is_left_alone_for_longer_and_longer_but_no_more_than_two_days(
    house: House,
) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        raise SourceFailed("It is away.")

    source, waits = Asked(answer, scans=True), []
    for _ in range(12):
        await house.consult(source)
        until = house.mirror.evidence.state("asked", house.now).not_before
        assert until
        waits.append(until - house.now)
        house.now = until + timedelta(seconds=1)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=15), 2 * DAY)
    assert len(source.shown) == 12


async def test_a_scan_goes_on_from_its_cursor_part_by_part_and_a_failure_keeps_what_was_read(house: House) -> None:
    cursors: list[Mapping[str, Any]] = []

    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        cursors.append(cursor)
        part = int(cursor.get("part", 0)) + 1
        if part == 3 and len(cursors) == 3:
            raise SourceFailed("The connection broke.")
        return Consulted(evidence=[(part, seen(email(house, part), house))], cursor={"part": part}, more=part < 4)

    source = Asked(answer, scans=True)
    done = await house.consult(source)
    assert (done.found, done.errors) == (2, ["The connection broke."])
    assert house.mirror.evidence.of(2)
    house.now += timedelta(minutes=16)
    await house.consult(source)
    assert [cursor.get("part") for cursor in cursors] == [None, 1, 2, 2, 3]
    assert house.mirror.evidence.of(4)
    await house.consult(source)
    assert len(cursors) == 5  # not again before its time


async def test_what_a_complete_scan_did_not_find_is_over_and_other_sources_keep_theirs(house: House) -> None:
    one, two, three = list(house.vips)[:3]
    other = seen(email(house, three), house, source="another")
    house.mirror.evidence.add(three, [other])

    def scan_of(*ids: int, complete: bool) -> Asked:
        found = [(id_, seen(email(house, id_), house)) for id_ in ids]
        return Asked(lambda subjects, cursor: Consulted(evidence=found, complete=complete), scans=True)

    for found, complete, held in [
        ((one, two, three), True, {one, two, three}),
        ((two,), False, {one, two, three}),
        ((two,), True, {two}),
    ]:
        await house.consult(scan_of(*found, complete=complete))
        assert {id_ for id_ in house.vips for each in house.mirror.evidence.of(id_) if each.source == "asked"} == held
        house.now += 40 * DAY
    assert [each.source for each in house.mirror.evidence.of(three)] == ["another"]


def test_looks_spread_by_a_quarter_either_way() -> None:
    every = timedelta(days=28)
    waits = {spread("web", id_, every, START) for id_ in range(200)}
    assert len(waits) == 200
    assert min(waits) >= 21 * DAY
    assert max(waits) <= 35 * DAY
    assert max(waits) - min(waits) > 12 * DAY


def test_what_a_card_offers_a_source() -> None:
    contact = replace(
        contact_of(scan(person("Jo"))),
        urls=("https://jo:secret@github.com/jo?tab=1#x", "HTTPS://acme.example/jo", "javascript:alert(1)", "//[", ""),
        personal_emails=("jo@gmail.com",),
    )
    work = {**contact.work, WorkField.EMAIL: ("Jo@ACME.example", "jo@gmail.com", "no address")}
    found = subject(1, replace(contact, work=work), Need)
    assert found
    assert found.values[Need.URL] == ("https://github.com/jo", "https://acme.example/jo")
    assert found.values[Need.WORK_DOMAIN] == ("acme.example",)
    assert found.values[Need.WORK_EMAIL] == ("Jo@ACME.example",)
    assert found.values[Need.PERSONAL_EMAIL] == ("jo@gmail.com",)
    assert subject(1, replace(contact, work={}), [Need.NAME, Need.WORK_DOMAIN]) is None


# ---------------------------------------------------------------- what was not modified


class _Killed(BaseException):
    pass


@dataclass
class Profiles:
    """GitHub's API with one profile that never changes, and the real source and client."""

    house: House
    net: Internet

    async def look(self) -> Counts:
        kept = Kept(mirror=self.house.mirror, monthly={"github": 100}, clock=lambda: self.house.now)
        client = GuardedClient(
            vetter=public,
            validators=kept,
            quota=kept,
            resolver=self.net.names,
            clock=lambda: self.house.now,
            tls=lambda: self.net.tls,
            inner=self.net.inner,
        )
        try:
            return await Consult(
                mirror=self.house.mirror,
                source=GitHub(GitHubOptions(token="t")),
                guard=client,
                vips=self.house.vips,
                hosts=lambda each: frozenset(),
                clock=lambda: self.house.now,
            ).run()
        finally:
            await client.aclose()

    def said(self) -> list[str]:
        return [each.suggested for each in self.house.mirror.evidence.of(1)]


def _profile(request: Request) -> Response:
    fields = [("content-type", "application/json"), ("etag", '"v1"')]
    if request.headers.get("if-none-match") == '"v1"':
        return Response(304, b"", fields)
    return Response(200, json.dumps({"login": "janedoe", "company": "Stripe"}).encode(), fields)


@pytest.fixture
def profiles(house: House) -> Iterator[Profiles]:
    house.vips = {1: replace(house.vips[1], urls=("https://github.com/janedoe",))}
    with internet({"api.github.com": _profile}) as net:
        yield Profiles(house, net)


async def test_what_an_answer_said_is_not_lost_where_we_are_killed_before_it_is_kept(
    profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else "not modified" would for ever speak of evidence that nobody has."""

    def killed(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patched, pytest.raises(_Killed):
        patched.setattr(EvidenceStore, "replace", killed)
        await profiles.look()
    await profiles.look()
    assert profiles.said() == ["Stripe"]
    profiles.house.now += 60 * DAY
    done = await profiles.look()
    assert (done.looked, profiles.said()) == (1, ["Stripe"])
    assert [one.headers.get("if-none-match") for one in profiles.net.secure.requests] == [None, None, '"v1"']


# ---------------------------------------------------------------- a card that changes


async def test_what_was_said_of_a_profile_is_over_in_the_next_run_once_its_url_is_off_the_card(
    profiles: Profiles,
) -> None:
    house, with_url = profiles.house, profiles.house.vips[1]
    await profiles.look()
    assert profiles.said() == ["Stripe"]
    house.now += timedelta(minutes=15)
    house.vips = {1: replace(with_url, urls=())}
    await profiles.look()
    assert profiles.said() == []
    house.vips = {1: with_url}  # it was right, after all
    house.now += timedelta(minutes=15)
    await profiles.look()
    assert profiles.said() == ["Stripe"]


def with_email(contact: Contact, *addresses: str) -> Contact:
    return replace(contact, work={**contact.work, WorkField.EMAIL: addresses})


async def test_what_was_found_by_a_key_that_is_gone_is_over_though_the_source_is_away(house: House) -> None:
    card = house.vips[1]
    house.vips = {1: card}
    await house.consult(Asked(lambda subjects, cursor: Consulted(evidence=[(1, seen(email(house, 1), house))])))
    house.mirror.evidence.failed("asked", house.now, "It is away.", house.now + 3 * DAY)
    away, own = Asked(), email(house, 1)
    for vip, held in (
        (card, 1),
        (replace(card, name="Jo Other"), 1),  # it was found by the address
        (replace(card, work={**card.work, WorkField.TITLE: ("CEO",)}), 1),
        (with_email(card, "second@acme.example", own), 1),
        (with_email(card, "second@acme.example"), 0),
    ):
        house.vips = {1: vip}
        await house.consult(away)
        assert (len(house.mirror.evidence.of(1)), away.ids()) == (held, []), vip


async def test_what_an_answer_settled_and_what_was_seen_twice_stay_so_when_something_else_is_edited(
    house: House,
) -> None:
    card = house.vips[1]
    house.vips = {1: card}
    gone = {"kind": EvidenceKind.NO_DOMAIN, "says": Says.GONE, "happened_at": None}
    source = Asked(lambda subjects, cursor: Consulted(evidence=[(1, seen(email(house, 1), house, **gone))]))
    await house.consult(source)
    first = house.mirror.evidence.of(1)[0].first_observed_at
    house.now += 40 * DAY
    house.vips = {1: with_email(card, email(house, 1), "second@acme.example")}
    await house.consult(source)
    (held,) = house.mirror.evidence.of(1)
    assert (held.first_observed_at, held.observed_at) == (first, house.now)


async def test_whom_a_scan_took_for_her_by_another_name_was_not_her(house: House) -> None:
    card = replace(house.vips[1], name="Jo Ruiz")
    found = [
        (1, seen(email(house, 1), house, kind=EvidenceKind.NEW_ADDRESS, says=Says.DIFFERS, suggested="x.example")),
        (1, seen(email(house, 1), house, kind=EvidenceKind.BOUNCE, says=Says.GONE)),
    ]
    answers = [Consulted(evidence=found), *[Consulted()] * 9]
    source = Asked(lambda subjects, cursor: answers.pop(0), scans=True)
    names = {"Jo Ruiz": 2, "Jo  Ruiz": 2, "Ruiz, Jo": 2, "JO RUIZ": 2, "Jo Other": 1}
    for name, kept in names.items():
        house.vips = {1: replace(card, name=name)}
        await house.consult(source)
        assert len(house.mirror.evidence.of(1)) == kept, name
        house.now += 60 * DAY
    assert house.mirror.evidence.of(1)[0].kind is EvidenceKind.BOUNCE


async def test_who_is_answered_never_in_the_middle_of_a_run_is_not_looked_up_any_more(house: House) -> None:
    def answer(subjects: Sequence[Subject], cursor: Mapping[str, Any]) -> Consulted:
        for id_ in house.vips:
            house.mirror.standings.store(id_, Standing(pause=Pause.NEVER))
        return Consulted(evidence=[(each.id, seen(email(house, each.id), house)) for each in subjects])

    one_by_one, all_at_once = Asked(answer), Asked(answer, scans=True)
    await house.consult(one_by_one)
    assert len(one_by_one.ids()) == 1
    assert house.mirror.evidence.of(one_by_one.ids()[0]) == ()
    for id_ in house.vips:
        house.mirror.standings.store(id_, Standing())
    done = await house.consult(all_at_once)
    assert done.found == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 30}, {"every": None}, {"every": timedelta.max}, {"needs": None}, {"hosts": None},
        {"monthly": "many"}, {"apart": timedelta(days=9)}, {"sends": b""},
    ],
)  # fmt: skip
def test_what_a_plug_in_says_wrongly_of_itself_is_told(wrong: dict[str, Any]) -> None:
    about = Asked().about
    assert checked_about(about) == ""
    assert checked_about(replace(about, **wrong)) == f"{next(iter(wrong))} of its about is not what it has to be"
    assert checked_about(None)


async def test_a_plug_in_that_stumbles_outside_of_its_look_is_told_of_and_stops_no_other(house: House) -> None:
    class Stumbling(Asked):
        @property
        def about(self) -> About:
            return replace(super().about, every=None)  # type: ignore[arg-type]  # a plug-in has no types

    done = await house.consult(Stumbling())
    assert done.failed
    assert "stumbled (TypeError): a mistake in this source." in house.mirror.evidence.state("asked", house.now).error


async def test_a_number_that_no_database_takes_is_a_mistake_of_the_source(house: House) -> None:
    huge = lambda subjects, cursor: Consulted(  # noqa: E731
        evidence=[(each.id, seen(email(house, each.id), house, likelihood_ratio=10**20)) for each in subjects]
    )
    assert "likelihood_ratio of its evidence is not what it has to be" in (await house.consult(Asked(huge))).errors[0]


@pytest.mark.parametrize("values", [{WorkField.EMAIL: ("jo@gmail.com",)}, {}])
async def test_what_stood_on_a_detail_goes_with_it_where_the_source_has_nothing_left_to_look_for(
    house: House, values: dict[WorkField, tuple[str, ...]]
) -> None:
    card = house.vips[1]
    source = Asked(lambda subjects, cursor: Consulted(evidence=[(1, seen(email(house, 1), house))]))
    house.vips = {1: card}
    await house.consult(source)
    assert house.mirror.evidence.of(1)
    house.vips = {1: replace(card, work=values)}
    await house.consult(source)
    assert (house.mirror.evidence.of(1), source.ids()) == ((), [1])
    house.vips = {1: card}
    await house.consult(source)
    assert (len(house.mirror.evidence.of(1)), source.ids()) == (1, [1, 1])


async def test_a_card_that_changes_in_what_the_source_is_not_shown_is_not_looked_at_again(house: House) -> None:
    source, card = Asked(), house.vips[1]
    house.vips = {1: card}
    await house.consult(source)
    house.vips = {1: replace(card, urls=("https://new.example/",))}
    await house.consult(source)
    assert source.ids() == [1]
    house.vips = {1: replace(card, work={**card.work, WorkField.EMAIL: ("jo@initech.example",)})}
    await house.consult(source)
    await house.consult(source)
    assert source.ids() == [1, 1]


async def test_a_look_that_fails_after_a_change_is_not_taken_for_one_that_told_something(house: House) -> None:
    """What a site calls unchanged since then is not what the evidence is of."""
    asked: list[bool] = []
    source, card = Asked(lambda subjects, cursor: answers.pop(0)()), house.vips[1]

    def fails() -> Consulted:
        raise SourceFailed("It is away.")

    class Guarding:
        def bound(self, about: About, hosts: frozenset[str], validators: Collected) -> Web:
            asked.append(validators.conditional)
            return None  # type: ignore[return-value]  # the source does not ask it

    answers: list[Callable[[], Consulted]] = [Consulted, Consulted, fails, Consulted, Consulted]
    changed = replace(card, work={**card.work, WorkField.EMAIL: ("jo@initech.example",)})
    for vip in (card, card, changed, changed, changed):
        house.vips = {1: vip}
        await Consult(
            mirror=house.mirror,
            source=source,
            guard=Guarding(),
            vips=house.vips,
            hosts=lambda each: frozenset(),
            clock=lambda: house.now,
        ).run()
        house.now += 60 * DAY
    assert asked == [False, True, False, False, True]


@pytest.mark.parametrize(
    ("name", "organisation"),
    [
        ("Jo Ruiz", "Jo Ruiz"), ("Dr. Jo Ruiz", "Jo Ruiz Consulting"), ("Jo Ruiz MBA", "Jo Ruiz Consulting"),
        ("Jo M. Ruiz", "Jo Ruiz Consulting"), ("Jo Ruiz", "Jo Ruiz, Rechtsanwalt"), ("Jo Ruiz", "Ruiz, Jo"),
        ("Ruiz, Jo", "Jo Ruiz GmbH"), ("Jo Ruiz", "Jo-Ruiz-Consulting"), ("Jo Ruiz", "JoRuiz GmbH"),
        ("Jo Ruiz", '"Jo Ruiz" GmbH'), ("Jo Ruiz", "J. Ruiz Consulting"), ("Jürg Müller", "Juerg Mueller Beratung"),
    ],
)  # fmt: skip
def test_an_organisation_with_her_own_name_is_asked_of_no_register(name: str, organisation: str) -> None:
    contact = replace(contact_of(scan(person("Jo"))), name=name, work={WorkField.ORGANISATION: (organisation,)})
    assert subject(1, contact, {Need.ORGANISATION}) is None
    assert subject(1, replace(contact, name="Mia Chen"), {Need.ORGANISATION})
    shown = subject(1, replace(contact, urls=("https://linkedin.com/in/jo",)), {Need.ORGANISATION, Need.URL})
    assert shown
    assert shown.first(Need.ORGANISATION) == organisation
