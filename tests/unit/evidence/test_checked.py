"""What a plug-in gives is kept and read again, or refused with a word on what is wrong: nothing in between."""

import tempfile
from dataclasses import fields, replace
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.evidence import outside
from cardsync.assess.fuse import Chances
from cardsync.evidence.checked import LONGEST, checked
from cardsync.mirror import Mirror
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import Consulted, SourceFailed
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from in_memory import START, address_book, person

PIECE = Evidence(
    source="asked",
    kind=EvidenceKind.PROFILE,
    family="profile",
    claim=WorkField.ORGANISATION,
    says=Says.DIFFERS,
    stored="Acme",
    suggested="Stripe",
    observed_at=START,
    first_observed_at=START,
    likelihood_ratio=8.0,
)
JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.text(st.characters(), max_size=20),
    st.just("\ud800"),
    st.just("x" * (LONGEST + 1)),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.binary(max_size=5),
    st.datetimes(),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))])),
    st.sampled_from(list(EvidenceKind)),
    st.sampled_from(list(Says)),
    st.sampled_from(list(WorkField)),
)


@given(st.sampled_from([each.name for each in fields(Evidence)]), JUNK)
def test_whatever_stands_in_a_field_is_refused_or_kept_and_weighed(name: str, value: Any) -> None:
    piece = replace(PIECE, **{name: value})
    try:
        found = checked(Consulted(evidence=[(1, piece)]), "asked")
    except SourceFailed as refused:
        assert name in str(refused)
        return
    contact = contact_of(scan(person("Jo")))
    with tempfile.TemporaryDirectory() as folder:
        mirror = Mirror.open(Path(folder) / "cardsync.db")
        mirror.accounts.store_discovery("home", [address_book()], START)
        id_, _ = mirror.contacts.observe(1, contact, "jo", "/jo.vcf", work_keys(contact), START)
        mirror.evidence.replace(id_, "asked", [each for _, each in found.evidence])
        memory = mirror.contacts.memory(id_)
        mirror.close()
    assert memory.evidence == (piece,)
    assert 0 < Chances(0.3, 0.1).card(outside(contact, memory, (), START + timedelta(days=1))) < 1


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        Consulted(evidence=[PIECE]),  # type: ignore[list-item]  # what a plug-in without types may do
        Consulted(evidence=[("1", PIECE)]),  # type: ignore[list-item]
        Consulted(evidence=[(True, PIECE)]),
        Consulted(evidence=[(1, None)]),  # type: ignore[list-item]
        Consulted(evidence=None),  # type: ignore[arg-type]
        Consulted(unchanged=None),  # type: ignore[arg-type]
        Consulted(more="no"),  # type: ignore[arg-type]
        Consulted(cursor={"seen": {1, 2}}),
        Consulted(cursor={"at": float("nan")}),
        Consulted(cursor={"at": "\udc00"}),
        Consulted(cursor=7),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_answer_at_all_is_refused(found: object) -> None:
    with pytest.raises(SourceFailed, match=r"^asked gave what cannot be used"):
        checked(found, "asked")


def test_nobody_speaks_in_anothers_name() -> None:
    """It could not be ended by a later look, which ends what is of the same source."""
    with pytest.raises(SourceFailed, match="source of its evidence"):
        checked(Consulted(evidence=[(1, replace(PIECE, source="mailbox"))]), "asked")


def test_what_is_right_passes_as_it_is_and_a_cursor_as_it_comes_back() -> None:
    found = checked(Consulted(evidence=[(1, PIECE)], cursor={"place": (1, 2)}, more=True), "asked")
    assert found == Consulted(evidence=((1, PIECE),), cursor={"place": [1, 2]}, more=True)
