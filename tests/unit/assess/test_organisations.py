from collections.abc import Callable

import pytest
from cleanco import basename  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from cardsync.assess.organisations import Verdict, _without_form, compare
from growth import LINEAR, growth


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


FORMS = ["gmbh", "gmbh & co. kg", "co", "inc", "Inc.", "LTD", "s.a.", "s. de r.l.", "\u043e\u043e\u043e", "a.ş."]
NAMES = st.lists(st.sampled_from([*FORMS, "Acme", "acme-co", "&", "(", ")", ",", "-", "ß", "Müller", ""]), max_size=7)


@given(st.one_of(st.text(max_size=30), NAMES.map(" ".join)))
def test_legal_forms_go_as_the_library_takes_them_off(name: str) -> None:
    assert _without_form(name) == basename(name)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_two_texts_compare_the_same_both_ways(a: str, b: str) -> None:
    assert compare(a, b) is compare(b, a)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz ÄÖü&.-", min_size=1, max_size=30).filter(str.strip))
def test_a_name_is_never_different_from_itself_in_other_dress(name: str) -> None:
    assert compare(name, f"  {name.upper()}, Inc.") is not Verdict.DIFFERENT


@pytest.mark.parametrize("between", [" ", "/", " at ", ", "])
def test_names_of_very_many_parts_take_no_more_time_than_they_are_longer(between: str) -> None:
    def both(size: int, turn: int) -> Callable[[], object]:
        one, other = (between.join(f"{of}{turn}x{at:04}" for at in range(size)) for of in "ac")
        return lambda: compare(one, other)

    assert growth(both, 100, repeat=3) < LINEAR


LONG = st.text("ab /,", min_size=150, max_size=400) | st.lists(st.sampled_from("abc"), min_size=8).map("/".join)


@given(LONG, LONG)
def test_of_names_that_are_too_long_none_is_surely_different(a: str, b: str) -> None:
    verdict = compare(a, b)
    assert verdict is compare(b, a)
    if max(len(a.strip()), len(b.strip())) > 200:
        assert verdict is not Verdict.DIFFERENT


def test_a_long_name_is_still_compared() -> None:
    long = "The Honourable Company of Makers of Fine Instruments for Navigation " * 2
    assert compare(long, long.upper() + " Ltd") is Verdict.SAME
    assert compare(long, "Initech") is Verdict.DIFFERENT
    assert compare(long * 4, "Initech") is Verdict.UNKNOWN
    assert compare(long * 4, long * 4) is Verdict.SAME
