"""What is read of a web page: the people on it, whether it is anybody's at all, and nothing that it could do to us."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardsync.evidence.page import Person, Reading, read
from servers.sites import sample

LIMIT = 1 << 20


def ld(value: object) -> str:
    return f'<html><head><script type="application/ld+json">{json.dumps(value)}</script></head><body>Hi</body></html>'


def person(**fields: object) -> dict[str, object]:
    return {"@context": "https://schema.org", "@type": "Person", "name": "Jane Doe", **fields}


JANE = Person(name="Jane Doe", organisations=("Newco GmbH",), titles=("CTO",))


def test_the_recorded_page_names_the_person_in_both_ways() -> None:
    reading = read(sample("web_person.html")[1].body.decode())
    assert reading.people == (JANE, JANE)
    assert reading.modified == datetime(2026, 5, 2, tzinfo=UTC)
    assert not reading.parked
    assert not reading.login


# ---------------------------------------------------------------- h-card


@pytest.mark.parametrize(
    "html",
    [
        """<div class="h-card"><b class="p-name">Jane Doe</b><i class="p-org">Newco GmbH</i>
        <i class="p-job-title">CTO</i>""",
        """<div class="x h-card y"><b class="p-name fn"> Jane
        Doe </b><abbr class="p-org" title="Newco GmbH">N</abbr><data class="p-job-title" value="CTO"></data>""",
        """<div class="h-card"><img class="p-name" alt="Jane Doe">
        <a class="p-org h-card"><b class="p-name">Newco GmbH</b> at <i class="p-locality">Berlin</i></a>
        <i class="p-job-title">CTO</i></div>""",
    ],
)
def test_an_h_card_names_a_person_her_employer_and_her_title(html: str) -> None:
    assert read(html).people[0] == JANE


def test_nested_cards_keep_their_own_properties() -> None:
    html = """
    <div class="h-card"><b class="p-name">Jane Doe</b> met
      <div class="h-card"><b class="p-name">John Roe</b><i class="p-org">Oldco</i></div>
      <div class="h-entry"><b class="p-name">A post</b></div>
    </div><b class="p-name">Nobody</b><i class="p-org">No card</i>
    """
    assert read(html).people == (Person(name="Jane Doe"), Person(name="John Roe", organisations=("Oldco",)))


def test_a_value_is_one_line_and_no_essay() -> None:
    html = '<div class="h-card"><b class="p-name">Jane\x07 Doe;</b><i class="p-org">A; B\u2028C</i>'
    html += f'<i class="p-job-title">{"x" * 81}</i></div>'
    assert read(html).people == (Person(name="Jane Doe", organisations=("A B C",)),)


# ---------------------------------------------------------------- JSON-LD


@pytest.mark.parametrize(
    "value",
    [
        person(worksFor={"@type": "Organization", "name": "Newco GmbH"}, jobTitle="CTO"),
        [{"@type": "WebSite"}, person(worksFor="Newco GmbH", jobTitle=["CTO"])],
        {
            "@graph": [
                {"@id": "#o", "@type": "Organization", "name": "Newco GmbH"},
                person(worksFor={"@id": "#o"}, jobTitle="CTO"),
            ]
        },
        {"@type": "ProfilePage", "mainEntity": person(worksFor=[{"name": ["Newco GmbH"]}], jobTitle={"name": "CTO"})},
        person(**{"@type": ["Thing", "http://schema.org/Person"]}, worksFor={"name": "Newco GmbH"}, jobTitle="CTO"),
        {
            "@type": "schema:Person",
            "givenName": "Jane",
            "familyName": "Doe",
            "worksFor": "Newco GmbH",
            "jobTitle": "CTO",
        },
        person(
            worksFor=[
                {"@type": "EmployeeRole", "worksFor": {"name": "Oldco"}, "endDate": "2020"},
                {"@type": "EmployeeRole", "worksFor": {"name": "Newco GmbH"}, "startDate": "2020"},
            ],
            jobTitle="CTO",
        ),
    ],
)
def test_json_ld_names_a_person_her_employer_and_her_title(value: object) -> None:
    assert read(ld(value)).people == (JANE,)


def test_what_is_no_person_is_none() -> None:
    values: list[object] = [
        {"@type": "Organization", "name": "Newco"},
        {"@type": "Person"},
        {"name": "Jane Doe"},
        [],
        "Person",
        7,
        None,
    ]
    for value in values:
        assert read(ld(value)).people == ()


def test_broken_json_does_not_hide_what_comes_after_it() -> None:
    html = '<script type="application/ld+json">{"@type": </script>' + ld(person())
    assert [one.name for one in read(html).people] == ["Jane Doe"]


# ---------------------------------------------------------------- parked, doors


@pytest.mark.parametrize(
    "html",
    [
        sample("web_parked.html")[1].body.decode(),
        "<title>acme.example</title><p>This domain is parked free, courtesy of a registrar",
        "<h1>Buy this domain</h1>",
        "<title>acme.example steht zum Verkauf</title>",
    ],
)
def test_a_parked_page_is_seen_as_such(html: str) -> None:
    assert read(html).parked


def test_a_page_that_sells_something_else_is_not_parked() -> None:
    assert not read("<title>Acme</title><p>Our house is lovely.").parked
    assert not read(
        "<title>Acme</title>" + "<p>We make things. Nothing here is sold.</p>" * 300 + "the boat is for sale"
    ).parked
    assert not read("<title>Acme</title><script>'this domain is for sale'</script><p>Welcome").parked


def test_a_door_is_seen_as_such() -> None:
    for html in ("<title>Sign in - Acme</title>", "<title>Anmelden</title>", "<form><input type='password'></form>"):
        assert read(html).login
    assert not read("<title>Acme - loginless</title><input type=text>").login


# ---------------------------------------------------------------- foreign input

TAGS = st.sampled_from(
    [
        "<div class='h-card'>",
        "<b class='p-name'>",
        "<i class='p-org h-card'>",
        "</div>",
        "</b>",
        "<script type='application/ld+json'>",
        "</script>",
        "<title>",
        "<!--",
        "-->",
        "<![CDATA[",
        "<?xml encoding='utf-16'?>",
        "<a ",
        ">",
        "\0",
        "&#0;",
        "&#xD800;",
        "\ud800",
        "{}",
        "]",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Person", "http://schema.org/Person"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["@type", "@id", "@graph", "name", "worksFor", "jobTitle", "dateModified", "endDate", "givenName"]
            ),
            inner,
        )
    ),
    max_leaves=30,
)


def sound(reading: Reading) -> None:
    assert len(reading.people) <= 50
    for one in reading.people:
        assert one.name
        for value in (one.name, *one.organisations, *one.titles):
            assert 0 < len(value) <= 80
            assert value.isprintable()
            assert ";" not in value


@given(st.lists(TAGS | st.text(max_size=10), max_size=60).map("".join))
def test_no_page_of_any_kind_raises(html: str) -> None:
    sound(read(html))


@given(JSON)
def test_no_json_ld_of_any_shape_raises(value: object) -> None:
    sound(read(ld(value)))


@settings(max_examples=25, deadline=None)
@given(st.lists(TAGS | st.text(max_size=6), min_size=1, max_size=4).map("".join).filter(bool))
def test_a_megabyte_of_the_same_is_read_in_bounded_time(piece: str) -> None:
    """Under the time-out of all tests together, which anything quadratic in a megabyte exceeds."""
    sound(read(piece * (LIMIT // len(piece))))


@pytest.mark.parametrize(
    "html",
    [
        "<script type=application/ld+json>" + "[" * 250_000 + "</script>",
        "<script type=application/ld+json>" + '{"a":' * 40_000 + "</script>",
        "<script type=application/ld+json>" + "9" * 200_000 + "</script>",
        "<a " + " ".join(f"a{n}=1" for n in range(130_000)) + ">",
        "<i class='" + "p-name " * 140_000 + "'>x",
        "<div class='h-card p-name p-org'>" * 30_000,
        "<div class='h-card'>" + "<i class='p-org'>x</i>" * 45_000,
        "<b><i></b>" * 100_000,
        "<div class='" + "a " * 450_000 + "'>" + "<i class='p-x'>" * 2_000,
        "<div class='h-card " + "a " * 450_000 + "'>" + "<i class='p-org'>x</i>" * 2_000,
    ],
)
def test_a_page_that_is_made_to_hurt_does_not(html: str) -> None:
    sound(read(html[:LIMIT]))


def test_entities_and_outside_files_are_not_read() -> None:
    html = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><div class="h-card"><b class="p-name">&x;Jane</b>'
    assert [one.name for one in read(html).people] == ["&x Jane"]
