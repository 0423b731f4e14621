import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.domains import domain_belongs, is_free_mail, registrable
from cardsync.assess.organisations import Verdict
from growth import LINEAR, growth

PAIRS = Path(__file__).parents[4] / "shared" / "data" / "organisation_domains.csv"


@pytest.mark.parametrize(
    ("organisation", "domain", "verdict"),
    [
        ("Acme Inc.", "acme.example", "same"),
        ("Acme Inc.", "mail.acme.co.uk", "same"),
        ("JD.COM", "jd.com", "same"),
        ("Yandex", "xn--d1acpjx3f.xn--p1ai", "unknown"),
        ("Müller", "xn--mller-kva.de", "same"),
        ("Müller", "mueller.de", "same"),
        ("Massachusetts Institute of Technology", "csail.mit.edu", "related"),
        ("Tapestry Systems", "tapsys.com", "related"),
        ("Square", "stripe.com", "unknown"),  # the first letter is the same: it might be short for something
        ("Acme", "initech.example", "different"),
        ("Acme", "gmail.com", "unknown"),
        ("Acme", "cloud.example", "unknown"),
        ("Acme", "co.uk", "unknown"),
        ("Acme", "", "unknown"),
        ("Яндекс", "yandex-team.ru", "unknown"),
        ("Acme", "xn--broken-\u2028.de", "unknown"),
        ("Freelance", "initech.example", "unknown"),
    ],
)
def test_verdicts_on_domains(organisation: str, domain: str, verdict: str) -> None:
    assert domain_belongs(organisation, domain) == verdict


def test_the_config_decides_where_it_says_so() -> None:
    domains = {"Acme": ["wile.example", "ACME.io."]}
    assert domain_belongs("Acme Corp", "eu.wile.example", domains=domains) is Verdict.SAME
    assert domain_belongs("Acme", "notwile.example", domains=domains) is Verdict.DIFFERENT
    assert domain_belongs("Initech", "wile.example", domains=domains) is Verdict.DIFFERENT
    assert domain_belongs("Zeppelin", "wile.example", aliases=[["Zeppelin", "Acme"]], domains=domains) is Verdict.SAME
    assert domain_belongs("Meta", "facebook.com", aliases=[["Meta", "Facebook"]]) is Verdict.SAME


@pytest.mark.parametrize("domain", ["mailbox.org", "hey.com", "GMX.de", "me.com", "proton.me", "t-online.de", "qq.com"])
def test_free_mail_says_nothing(domain: str) -> None:
    assert is_free_mail(domain)
    assert is_free_mail(f"sub.{domain}")
    assert domain_belongs("Acme", domain) is Verdict.UNKNOWN


def test_a_company_domain_is_no_free_mail() -> None:
    assert not is_free_mail("notgmail.com")
    assert not is_free_mail("")


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("mail.acme.co.uk", "acme.co.uk"),
        (" ACME.com. ", "acme.com"),
        ("initech.example", "initech.example"),
        ("mail.acme.onmicrosoft.com", "acme.onmicrosoft.com"),
        ("onmicrosoft.com", "onmicrosoft.com"),
        ("support.zendesk.com", "support.zendesk.com"),
        ("zendesk.com", "zendesk.com"),
        ("stra\u00dfe.example", "stra\u00dfe.example"),
        ("xn--strae-oqa.example", "stra\u00dfe.example"),
        ("co.uk", None),
        ("localhost", None),
        ("a..b", None),
        ("", None),
    ],
)
def test_registrable_domains(domain: str, expected: str | None) -> None:
    assert registrable(domain) == expected


@given(st.text(max_size=30), st.text(alphabet="aXé.-@/: 1", max_size=30))
def test_no_text_breaks_it(organisation: str, domain: str) -> None:
    assert domain_belongs(organisation, domain) in set(Verdict)
    assert registrable(domain) is None or "." in str(registrable(domain))


@given(st.from_regex(r"[a-z]{2,12}", fullmatch=True))
def test_a_domain_made_of_the_name_is_never_foreign(word: str) -> None:
    for organisation in (word.title(), f"{word.upper()} GmbH", f"The {word.title()} Group"):
        assert domain_belongs(organisation, f"{word}.com") is not Verdict.DIFFERENT


def test_a_name_of_very_many_words_takes_no_more_time_than_it_is_longer() -> None:
    """Words that are all beginnings of the label can be put together in very many ways."""

    def belongs(size: int, turn: int) -> Callable[[], object]:
        words = " ".join(["a" * (60 + turn)] * size)
        return lambda: domain_belongs(words, "a" * (60 + turn) + "c.com")

    assert growth(belongs, 20, repeat=3) < LINEAR


def test_what_a_name_that_is_too_long_holds_further_on_is_no_contradiction() -> None:
    names = " / ".join(f"Company {at}" for at in range(30))
    assert domain_belongs("Company 1", "initech.example") is Verdict.DIFFERENT
    assert domain_belongs(f"{names} / Initech", "initech.example") is Verdict.UNKNOWN
    assert domain_belongs("x" * 300, "initech.example") is Verdict.UNKNOWN


def test_no_domain_is_longer_than_a_domain_may_be() -> None:
    assert registrable(f"{'a.' * 122}acme.com") == "acme.com"
    assert registrable(f"{'a.' * 123}acme.com") is None


@pytest.mark.skipif(not PAIRS.exists(), reason="the shared data set is not beside this checkout")
def test_true_pairs_are_seldom_contradicted_and_false_ones_mostly() -> None:
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    contradicted = {
        same: [
            domain_belongs(row["organisation"], row["email_domain"]) is Verdict.DIFFERENT
            for row in rows
            if row["same"] == same
        ]
        for same in "01"
    }
    assert sum(contradicted["1"]) / len(contradicted["1"]) <= 0.06
    assert sum(contradicted["0"]) / len(contradicted["0"]) >= 0.88
