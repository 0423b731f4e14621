import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.organisations import Verdict, compare


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("Acme Inc.", "ACME GmbH", "same"),
        ("Müller GmbH & Co. KG", "Mueller", "same"),
        ("L'Oréal", "L\u2019Oreal S.A.", "same"),
        ("IBM", "International Business Machines", "same"),
        ("Procter & Gamble", "P&G", "same"),
        ("University of Kent", "Kent University", "same"),
        ("AT&T", "ATT Inc", "same"),
        ("Siemens USA", "Siemens AG", "same"),
        ("Initech Software", "Initech Softwrae", "unknown"),  # a slip, or another word
        ("Globex Consultancy", "Globex Consultancey", "same"),
        ("Siemens", "Siemens Healthineers", "related"),
        ("Cisco", "Cisco Systems", "related"),
        ("Acme / Initech", "Initech", "same"),
        ("Deutsche Bank", "Deutsche Bahn", "different"),
        ("Square", "Stripe", "different"),
        ("Facebook", "Meta", "different"),
        ("Air France", "Air India", "unknown"),
        ("Яндекс", "Yandex", "unknown"),
        ("トヨタ", "Toyota", "unknown"),
        ("トヨタ", " トヨタ ", "same"),
        ("self-employed", "Acme", "unknown"),
        ("Retired", "Acme", "unknown"),
        ("", "Acme", "unknown"),
    ],
)
def test_verdicts_on_names(a: str, b: str, verdict: str) -> None:
    assert compare(a, b) == verdict
    assert compare(b, a) == verdict


def test_what_the_owner_calls_one_organisation_is_one() -> None:
    aliases = [["Meta", "Facebook"], ["Acme", "Initech"]]
    assert compare("Facebook Inc.", "META", aliases) is Verdict.SAME
    assert compare("Facebook", "Acme", aliases) is Verdict.DIFFERENT


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_two_texts_compare_the_same_both_ways(a: str, b: str) -> None:
    assert compare(a, b) is compare(b, a)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz ÄÖü&.-", min_size=1, max_size=30).filter(str.strip))
def test_a_name_is_never_different_from_itself_in_other_dress(name: str) -> None:
    assert compare(name, f"  {name.upper()}, Inc.") is not Verdict.DIFFERENT
