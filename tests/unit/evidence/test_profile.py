"""What it means that a profile names an employer."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cardsync.evidence.profile import AGREES, DIFFERS, employers, path_at, says_of
from cardsync.model import Evidence, EvidenceKind, Says, WorkField

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def said(stored: str | None, theirs: str | None, aliases: tuple[tuple[str, ...], ...] = ()) -> Evidence | None:
    return says_of("github", stored, theirs, now=NOW, aliases=aliases, about="GitHub")


def test_another_employer_differs_and_is_suggested_without_its_decoration() -> None:
    evidence = said("Acme", "@Stripe ")
    assert evidence is not None
    assert (evidence.says, evidence.suggested, evidence.likelihood_ratio) == (Says.DIFFERS, "Stripe", DIFFERS)
    assert (evidence.claim, evidence.stored, evidence.family) == (WorkField.ORGANISATION, "Acme", "profile")
    assert (evidence.kind, evidence.about) == (EvidenceKind.PROFILE, "GitHub")
    assert evidence.happened_at is None


@pytest.mark.parametrize(
    ("stored", "theirs"),
    [
        ("Newco GmbH", "newco"),
        ("Newco", "@newco @oldproject"),
        ("Siemens", "Siemens Healthineers"),
        ("Acme", "Acme, Inc."),
        ("Acme", "@acmeinc"),
        ("Acme", "@acme-hq"),
    ],
)
def test_the_same_or_a_related_employer_agrees_weakly(stored: str, theirs: str) -> None:
    evidence = said(stored, theirs)
    assert evidence is not None
    assert (evidence.says, evidence.likelihood_ratio, evidence.suggested) == (Says.AGREES, AGREES, "")


def test_names_that_the_owner_calls_equal_agree() -> None:
    evidence = said("Facebook", "Meta", (("Meta", "Facebook"),))
    assert evidence is not None
    assert evidence.says is Says.AGREES


@pytest.mark.parametrize(
    "theirs",
    [
        *("", None, "   ", "@", "\u200b", "???", "x" * 200, "self-employed", "Freelancer", "retired", "株式会社"),
        *("ex-Google", "formerly at Stripe", "früher Stripe", "@atlas-labs", "@stripe @atlas"),
    ],
)
def test_what_names_no_other_employer_surely_says_nothing(theirs: str | None) -> None:
    assert said("Acme", theirs) is None


@pytest.mark.parametrize("stored", [None, "", "  "])
def test_a_card_without_an_organisation_is_not_contradicted(stored: str | None) -> None:
    assert said(stored, "Stripe") is None


@pytest.mark.parametrize(
    ("when", "kept"),
    [
        (NOW - timedelta(days=3), True),
        (NOW + timedelta(days=3), False),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))), False),
        (datetime(2020, 5, 4, 1, tzinfo=timezone(timedelta(hours=2))), True),
    ],
)
def test_a_date_that_cannot_be_is_none_and_all_are_utc(when: datetime, kept: bool) -> None:
    evidence = says_of("x", "Acme", "Stripe", now=NOW, asserted_at=when, valid_from=when)
    assert evidence is not None
    assert evidence.asserted_at == evidence.valid_from == (when if kept else None)
    assert not kept or (evidence.asserted_at is not None and evidence.asserted_at.tzinfo is UTC)


@given(st.text(max_size=150), st.text(max_size=150))
@example("Acme", "@-")
@example("Acme", "@a @b, @c")
def test_any_text_gives_evidence_about_what_is_stored_or_none(stored: str, theirs: str) -> None:
    evidence = said(stored, theirs)
    if evidence is not None:
        assert evidence.stored == stored
        assert (evidence.says is Says.DIFFERS) == bool(evidence.suggested)
        assert evidence.suggested.isprintable()
        assert evidence.suggested in " ".join("".join(c if c.isprintable() else " " for c in theirs).split())


@given(st.text(max_size=60))
def test_any_text_has_employers_that_are_one_line(text: str) -> None:
    assert all(name and name.isprintable() and name == name.strip() for name, _ in employers(text))


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://github.com/jane", "github.com", ("jane",)),
        ("github.com/jane/", "github.com", ("jane",)),
        ("https://de.linkedin.com/in/m%C3%BCller", "linkedin.com", ("in", "müller")),
        ("https://notgithub.com/jane", "github.com", None),
        ("https://github.com.evil.example/jane", "github.com", None),
        ("https://github.com@evil.example/jane", "github.com", None),
        ("http://[", "github.com", None),
        ("mailto:jane@github.com", "github.com", None),
        ("", "github.com", None),
    ],
)
def test_the_path_of_a_url_counts_on_its_host_only(url: str, host: str, path: tuple[str, ...] | None) -> None:
    assert path_at(url, host) == path


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_urls(text: str) -> None:
    path_at(text, "github.com")
    path_at(f"https://github.com/{text}", "github.com")
