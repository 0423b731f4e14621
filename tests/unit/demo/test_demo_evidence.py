"""The invented mail and sites of the demo's last chapter, as the product's own sources see them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardsync.demo.addressbook import people
from cardsync.demo.evidence import SEED
from cardsync.demo.post import Mail, Mailbox, letter, options, returned
from cardsync.demo.sights import SIGHTS, Colleague, colleagues, hosts
from cardsync.demo.sites import Sites
from cardsync.evidence import mailbox
from cardsync.evidence.http import GuardedClient
from cardsync.evidence.kept import Kept
from cardsync.evidence.subjects import subject
from cardsync.evidence.web import WebPages
from cardsync.mirror import Mirror
from cardsync.model import EvidenceKind
from cardsync.sources import SourceFailed, Subject, Web
from cardsync.vcard.contact import contact_of
from cardsync.vcard.document import scan

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)


def somebody(seed: int) -> tuple[Colleague, Subject]:
    """An employed contact of the demo's address book, and what the mailbox is shown of the card."""
    book = people(seed, 1, 1, now=NOW)
    (who,) = colleagues(book)
    source = mailbox.Mailbox(options())
    shown = subject(7, contact_of(scan(book.cards[who.card])), source.about.needs)
    assert shown
    return who, shown


async def seen(shown: Subject, *mails: Mail) -> list[tuple[EvidenceKind, str, str]]:
    source = mailbox.Mailbox(options(), connect=Mailbox(mails).connected)
    got = await source.look([shown], {}, cast("Web", None), NOW)
    assert not got.more
    return [(each.kind, each.stored, each.suggested) for _, each in got.evidence]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
async def test_whoever_it_is_her_mail_is_taken_for_what_it_is(seed: int) -> None:
    who, shown = somebody(seed)
    elsewhere = f"{who.address.partition('@')[0]}@another.example"
    assert await seen(shown, letter(who.name, who.address, YESTERDAY)) == [(EvidenceKind.WROTE, who.address, "")]
    assert await seen(shown, returned(who.address, YESTERDAY)) == [(EvidenceKind.BOUNCE, who.address, "")]
    assert await seen(shown, letter(who.name, elsewhere, YESTERDAY)) == [
        (EvidenceKind.NEW_ADDRESS, who.address, "another.example")
    ]


async def test_mail_that_was_read_is_not_read_again() -> None:
    who, shown = somebody(1)
    source = mailbox.Mailbox(options(), connect=Mailbox([letter(who.name, who.address, YESTERDAY)]).connected)
    first = await source.look([shown], {}, cast("Web", None), NOW)
    again = await source.look([shown], first.cursor or {}, cast("Web", None), NOW)
    assert (len(first.evidence), len(again.evidence)) == (1, 0)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    mirror = Mirror.open(tmp_path / "cardsync.db")
    yield Kept(mirror=mirror, monthly={"web": 100}, clock=lambda: NOW)
    mirror.close()


def client(kept: Kept, sites: Mapping[str, str]) -> GuardedClient:
    return Sites(sites).client(kept, lambda: NOW)


async def test_a_site_stands_or_leads_to_another_one_for_good(kept: Kept) -> None:
    guard = client(kept, {"old.example": "new.example", "new.example": ""})
    web = guard.bound(WebPages().about, frozenset({"old.example"}))
    page = await web.get("https://old.example/", accept="text/html")
    await guard.aclose()
    assert page
    assert (page.url, page.status) == ("https://new.example/", 200)
    assert [(hop.status, hop.url) for hop in page.hops] == [(301, "https://new.example/")]


@pytest.mark.parametrize("url", ["https://others.example/", "https://localhost.example/", "http://real.example/"])
async def test_no_other_site_is_reached(kept: Kept, url: str) -> None:
    guard = client(kept, {"old.example": ""})
    web = guard.bound(WebPages().about, frozenset({"others.example", "localhost.example", "real.example"}))
    with pytest.raises(SourceFailed, match="no address in DNS"):
        await web.get(url, accept="text/html")
    await guard.aclose()


def test_each_contact_has_an_employer_of_her_own_and_all_sites_are_there() -> None:
    for now in (NOW, NOW + timedelta(days=1000)):
        everybody = colleagues(people(SEED, len(SIGHTS), len(SIGHTS), now=now))
        assert len({who.domain for who in everybody}) == len(SIGHTS)
        there = hosts(zip(everybody, SIGHTS, strict=True))
        assert all(to in there for to in there.values() if to)
        assert {who.domain for who in everybody} <= there.keys()
        assert all(host.endswith(".example") for host in there)
