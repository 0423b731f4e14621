"""GitHub, Gravatar, ORCID and GLEIF, by recorded answers over a socket."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardsync.evidence.github import GitHub, GitHubOptions, login_of
from cardsync.evidence.gleif import Gleif
from cardsync.evidence.gravatar import Gravatar, GravatarOptions, digest_of
from cardsync.evidence.orcid import Orcid, orcid_of
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import Consulted, Need, Page, Source, SourceFailed, Subject
from replay import SAMPLES, Answers, answering, as_json, sample
from servers.loopback import Request, Response

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
GITHUB, GRAVATAR = GitHub(GitHubOptions()), Gravatar(GravatarOptions())
EMAIL = "jane.doe@oldco.example"
HASH = "/v3/profiles/cf62693d44b3a0697eecfa687d83fc13f26ae7d73891e7d2cfc137dd0f7ba0a5"
RECORD = "/v3.0/0000-0002-1825-0097/employments"
LEI = "/api/v1/lei-records"


def card(organisation: str = "Oldco GmbH", *urls: str, emails: tuple[str, ...] = (EMAIL,)) -> Subject:
    """A contact with all that these sources may see."""
    return Subject(
        id=7,
        values={
            Need.ORGANISATION: (organisation,),
            Need.URL: urls or ("https://github.com/JaneDoe", "https://orcid.org/0000-0002-1825-0097"),
            Need.PERSONAL_EMAIL: emails,
        },
    )


async def looked(source: Source, answers: Answers, *subjects: Subject) -> list[Evidence]:
    """What the source says, of contact 7 only."""
    with answering(answers, source.about.hosts) as web:
        found = await source.look(subjects or [card()], {}, web, NOW)
    assert not found.unchanged
    assert all(contact == 7 for contact, _ in found.evidence)
    return [evidence for _, evidence in found.evidence]


def edited(name: str, **changes: Any) -> Response:
    """A recorded JSON object with some keys changed."""
    return as_json({**json.loads((SAMPLES / name).read_text("utf-8")), **changes})


# ---------------------------------------------------------------- GitHub


async def test_a_github_profile_with_another_company_differs_as_of_its_last_edit() -> None:
    (said,) = await looked(GITHUB, {"/users/janedoe": sample("github_user.json")})
    assert (said.says, said.suggested, said.likelihood_ratio) == (Says.DIFFERS, "newco", 8)
    assert said.asserted_at == datetime(2026, 9, 20, 10, 11, 12, tzinfo=UTC)
    assert (said.about, said.url) == ("GitHub", "https://github.com/janedoe")


async def test_a_github_profile_with_the_same_company_agrees() -> None:
    (said,) = await looked(GITHUB, {"/users/janedoe": sample("github_user.json")}, card("Newco GmbH"))
    assert (said.says, said.likelihood_ratio) == (Says.AGREES, 0.39)


@pytest.mark.parametrize(
    "answer",
    [
        edited("github_user.json", company=None),
        edited("github_user.json", login="somebody-else"),
        edited("github_user.json", type="Organization"),
        edited("github_user.json", company=["Stripe"]),
        edited("github_user.json", updated_at="yesterday"),
        Response(status=404, body=b"{}"),
        Response(body=b"<html>"),
        Response(body=b"\xff\xfe\x00"),
        Response(body=b"[" * 100_000),
        as_json(None),
    ],
)
async def test_github_says_nothing_where_it_does_not_name_this_person_s_company(answer: Response) -> None:
    assert await looked(GITHUB, {"/users/janedoe": answer}) == []


@pytest.mark.parametrize("status", [301, 400, 418, 451])
async def test_an_odd_status_is_a_failure_not_the_end_of_what_was_found(status: int) -> None:
    with pytest.raises(SourceFailed):
        await looked(GITHUB, {"/users/janedoe": Response(status=status)})


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_refusal_is_a_failure(status: int) -> None:
    with pytest.raises(SourceFailed):
        await looked(GITHUB, {"/users/janedoe": Response(status=status)})


async def test_an_unchanged_profile_is_told_as_such_until_the_card_says_otherwise() -> None:
    with answering({"/users/janedoe": sample("github_user.json")}, GITHUB.about.hosts) as web:
        first = await GITHUB.look([card("Newco")], {}, web, NOW)
        again = await GITHUB.look([card("Newco")], {}, web, NOW)
        other = await GITHUB.look([card("Oldco")], {}, web, NOW)
        namesake = await GITHUB.look([Subject(id=8, values=card("Newco").values)], {}, web, NOW)
    assert [first.unchanged, again.unchanged, other.unchanged, namesake.unchanged] == [False, True, False, False]
    assert [evidence.says for _, evidence in other.evidence] == [Says.DIFFERS]
    assert len(namesake.evidence) == 1


async def test_a_token_goes_into_the_header_and_nowhere_else() -> None:
    sent: list[Request] = []

    def answer(request: Request) -> Response:
        sent.append(request)
        return sample("github_user.json")

    source = GitHub(GitHubOptions(token="s3cret"))
    await looked(source, {"/users/janedoe": answer})
    assert [request.headers["authorization"] for request in sent] == ["Bearer s3cret"]
    assert "s3cret" not in repr(GitHubOptions(token="s3cret")) + repr(source.about) + sent[0].path


@pytest.mark.parametrize(
    ("urls", "login"),
    [
        (("https://github.com/jane-doe",), "jane-doe"),
        (("http://www.github.com/Jane/",), "jane"),
        (("https://github.com/acme/tool",), None),
        (("https://github.com/",), None),
        (("https://github.com/../x",), None),
        (("https://github.com/jane%2Frepos",), None),
        (("https://gist.github.com/jane",), "jane"),
        (("https://github.com/jane", "https://github.com/acme"), None),
        (("https://gitlab.example/jane",), None),
        ((), None),
    ],
)
def test_a_login_is_taken_from_a_profile_url_only(urls: tuple[str, ...], login: str | None) -> None:
    assert login_of(urls) == login


async def test_a_card_without_a_profile_or_an_organisation_sends_nothing() -> None:
    bare = [
        Subject(id=7, values={Need.ORGANISATION: ("Oldco",)}),
        Subject(id=7, values={Need.URL: card().values[Need.URL]}),
    ]
    for source in (GITHUB, Orcid(), GRAVATAR):
        with answering({}, source.about.hosts) as web:
            assert (await source.look(bare, {}, web, NOW)).evidence == []
            assert web.server.requests == []


# ---------------------------------------------------------------- Gravatar


async def test_gravatar_with_a_key_dates_what_it_says() -> None:
    (said,) = await looked(Gravatar(GravatarOptions(key="k")), {HASH: sample("gravatar_profile_key.json")})
    assert (said.says, said.suggested, said.likelihood_ratio) == (Says.DIFFERS, "Newco GmbH", 8)
    assert said.asserted_at == datetime(2026, 8, 14, 9, 12, tzinfo=UTC)
    assert EMAIL not in repr(said)


async def test_gravatar_without_a_key_has_no_date() -> None:
    (said,) = await looked(GRAVATAR, {HASH: sample("gravatar_profile_anon.json")})
    assert said.asserted_at is None


async def test_an_address_without_a_profile_says_nothing_and_the_next_is_looked_up() -> None:
    assert await looked(GRAVATAR, {HASH: sample("gravatar_404.json")}) == []
    two = card(emails=("nobody@oldco.example", f"  {EMAIL.upper()} "))
    assert len(await looked(GRAVATAR, {HASH: sample("gravatar_profile_anon.json")}, two)) == 1


async def test_no_more_than_three_addresses_are_asked_about() -> None:
    with answering({}, GRAVATAR.about.hosts) as web:
        await GRAVATAR.look([card(emails=tuple(f"a{i}@b.example" for i in range(9)))], {}, web, NOW)
        assert len(web.server.requests) == 3


@pytest.mark.parametrize("change", [{"hash": "0" * 64}, {"is_organization": True}, {"company": ""}, {"company": 5}])
async def test_gravatar_says_nothing_of_another_profile_or_a_company_s(change: dict[str, Any]) -> None:
    assert await looked(GRAVATAR, {HASH: edited("gravatar_profile_key.json", **change)}) == []


def test_gravatar_says_that_the_hash_can_be_guessed() -> None:
    assert "guess" in GRAVATAR.about.sends
    assert digest_of(" Jane.Doe@Oldco.example ") == HASH.rpartition("/")[2]


# ---------------------------------------------------------------- ORCID


def employment(name: str, start: str = "", end: str | None = None) -> dict[str, Any]:
    """One entry; dates as ``2026-02``, '' for a date without a year."""

    def date(text: str) -> dict[str, Any]:
        parts = dict(zip(("year", "month", "day"), text.split("-") if text else (), strict=False))
        return {part: {"value": parts[part]} if part in parts else None for part in ("year", "month", "day")}

    summary = {
        "organization": {"name": name},
        "start-date": date(start) if start else None,
        "end-date": None if end is None else date(end),
        "last-modified-date": {"value": 1785000000000},
    }
    return {"summaries": [{"employment-summary": summary}]}


def record(*entries: dict[str, Any]) -> Answers:
    return {RECORD: as_json({"affiliation-group": entries, "path": "/0000-0002-1825-0097/employments"})}


async def test_an_end_that_has_passed_at_the_stored_employer_is_strong_and_names_the_next() -> None:
    (said,) = await looked(Orcid(), {RECORD: sample("orcid_employments.json")}, card("Oldco Institute"))
    assert (said.kind, said.says, said.likelihood_ratio) == (EvidenceKind.ENDED, Says.DIFFERS, 40)
    assert said.suggested == "Newco University"
    assert (said.valid_from, said.valid_to) == (datetime(2018, 9, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    assert said.asserted_at == datetime.fromtimestamp(1785000000, UTC)
    assert said.url == "https://orcid.org/0000-0002-1825-0097"


async def test_a_current_employment_elsewhere_differs_and_has_a_beginning() -> None:
    (said,) = await looked(Orcid(), {RECORD: sample("orcid_employments.json")}, card("Thirdco"))
    assert (said.kind, said.likelihood_ratio, said.suggested) == (EvidenceKind.PROFILE, 8, "Newco University")
    assert said.valid_from == datetime(2026, 2, 1, tzinfo=UTC)


async def test_a_current_employment_at_the_stored_employer_agrees() -> None:
    (said,) = await looked(Orcid(), {RECORD: sample("orcid_employments.json")}, card("Newco University"))
    assert (said.says, said.likelihood_ratio) == (Says.AGREES, 0.39)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([employment("Oldco", "2018", "2020"), employment("Oldco", "2020")], Says.AGREES),  # promoted
        ([employment("Oldco", "2018", "2026")], Says.AGREES),  # the year is not over
        ([employment("Oldco", "2018", "2026-11-23")], Says.AGREES),  # nor is the day
        ([employment("Oldco", "2018", "2025")], Says.DIFFERS),
        ([employment("Oldco", "2018", "")], None),  # it ended, but when?
        ([employment("Oldco", "2018", "2020-13")], None),
        ([employment("Oldco Physics", "2018", "2020")], None),  # a part of it
        ([employment("Newco", "2027-01")], None),  # has not begun
        ([employment("Newco", "2018", "2020")], None),  # an earlier job
        ([employment("Newco"), employment("東京大学")], None),  # perhaps the same
        ([employment("  ")], None),
        ([], None),
    ],
)
async def test_partial_dates_count_once_they_have_surely_passed(
    entries: list[dict[str, Any]], says: Says | None
) -> None:
    said = await looked(Orcid(), record(*entries), card("Oldco"))
    assert [one.says for one in said] == ([says] if says else [])


async def test_a_record_of_somebody_else_says_nothing() -> None:
    other = as_json({"affiliation-group": [employment("Newco")], "path": "/0000-0001-5109-3700/employments"})
    assert await looked(Orcid(), {RECORD: other}) == []


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://orcid.org/0000-0002-1825-0097", "0000-0002-1825-0097"),
        ("orcid.org/0000-0002-1694-233x", "0000-0002-1694-233X"),
        ("https://orcid.org/0000-0002-1825-0098", None),  # a slip of the finger is somebody else
        ("https://orcid.org/0000-0002-1825-0097/works", None),
        ("https://orcid.org/\u0660\u0660\u0660\u0660-0002-1825-0097", None),
        ("https://example.org/0000-0002-1825-0097", None),
    ],
)
def test_an_orcid_id_is_taken_with_its_check_digit(url: str, own: str | None) -> None:
    assert orcid_of([url]) == own


# ---------------------------------------------------------------- GLEIF


def lei(legal: str, status: str = "ACTIVE", registration: str = "ISSUED", **entity: Any) -> dict[str, Any]:
    return {
        "id": "X",
        "attributes": {
            "entity": {"legalName": {"name": legal}, "status": status, **entity},
            "registration": {"status": registration},
        },
    }


def leis(*records: dict[str, Any], total: int | None = None) -> Answers:
    total = len(records) if total is None else total
    return {LEI: as_json({"meta": {"pagination": {"total": total}}, "data": records})}


async def test_a_company_that_was_merged_goes_by_its_successor_s_name() -> None:
    (said,) = await looked(Gleif(), {LEI: sample("gleif_lei_records.json")}, card("Oldco"))
    assert (said.kind, said.says, said.suggested) == (EvidenceKind.REGISTRY, Says.MOVED, "Newco GmbH")
    assert (said.claim, said.stored, said.family) == (WorkField.ORGANISATION, "Oldco", "registry")
    assert (said.likelihood_ratio, said.employer_ratio) == (30, 5)
    assert said.valid_to == datetime(2026, 3, 31, tzinfo=UTC)


async def test_a_company_that_is_no_more_is_gone() -> None:
    (said,) = await looked(Gleif(), leis(lei("Oldco GmbH", "INACTIVE", "RETIRED")))
    assert (said.says, said.likelihood_ratio, said.employer_ratio, said.suggested) == (Says.GONE, 30, 30, "")


async def test_a_successor_is_read_where_there_is_but_one() -> None:
    (said,) = await looked(Gleif(), leis(lei("Oldco GmbH", "INACTIVE", successorEntity={"lei": None, "name": "Newco"})))
    assert (said.says, said.suggested) == (Says.MOVED, "Newco")


async def test_names_that_the_owner_calls_equal_are_no_rename() -> None:
    merged = {LEI: sample("gleif_lei_records.json")}
    assert await looked(Gleif(aliases=[("Oldco", "Newco GmbH")]), merged, card("Oldco")) == []


async def test_a_former_name_is_a_rename_that_says_nothing_of_the_person() -> None:
    before = [{"name": "Oldco GmbH", "type": "PREVIOUS_LEGAL_NAME"}]
    (said,) = await looked(Gleif(), leis(lei("Newco SE", otherNames=before)))
    assert (said.says, said.suggested, said.employer_ratio) == (Says.MOVED, "Newco SE", 1)


@pytest.mark.parametrize(
    "answers",
    [
        leis(),
        leis(lei("Oldco GmbH")),
        leis(lei("Oldco GmbH", registration="LAPSED")),  # did not pay its fee
        leis(lei("Oldco GmbH", "INACTIVE", "DUPLICATE")),  # entered twice
        leis(lei("Oldco GmbH", "INACTIVE"), lei("Oldco Ltd")),  # one of that name lives
        leis(lei("Oldco GmbH", "INACTIVE"), total=40),  # and who knows of those that were not told
        leis(lei("Oldco Logistics GmbH", "INACTIVE")),  # another company of the group
        leis(lei("Oldco GmbH", "INACTIVE", successorEntities=[{"name": "Oldco AG"}])),  # another legal form
        leis(lei("Oldco GmbH", "INACTIVE", successorEntities=[{"name": "A"}, {"name": "B"}])),  # split up
        leis(lei("Newco SE", otherNames=[{"name": "Oldco GmbH", "type": "TRADING_OR_OPERATING_NAME"}])),
        leis(lei("Oldco Holding SE", otherNames=[{"name": "Oldco GmbH", "type": "PREVIOUS_LEGAL_NAME"}])),
        {LEI: as_json({"data": [lei("Oldco GmbH", "INACTIVE")]})},
    ],
)
async def test_the_registry_says_nothing_where_the_employer_may_live(answers: Answers) -> None:
    assert await looked(Gleif(), answers) == []


async def test_an_acronym_of_the_employer_is_another_company_perhaps() -> None:
    answers = leis(lei("Indian Bakeries Mumbai", "INACTIVE"))
    assert await looked(Gleif(), answers, card("IBM")) == []
    assert len(await looked(Gleif(), answers, card("Indian Bakeries Mumbai"))) == 1


async def test_the_whole_name_and_nothing_else_is_sent() -> None:
    with answering(leis(), ("api.gleif.org",)) as web:
        await Gleif().look([card("R&D = Müller/Söhne?")], {}, web, NOW)
        assert web.server.asked() == [
            "GET /api/v1/lei-records?filter%5Bentity.names%5D=R%26D+%3D+M%C3%BCller%2FS%C3%B6hne%3F&page%5Bsize%5D=20"
        ]


# ---------------------------------------------------------------- whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
SHAPES = ("github_user.json", "gravatar_profile_key.json", "orcid_employments.json", "gleif_lei_records.json")


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, one in inner for path in _paths(one, (*at, key)))]


@st.composite
def damaged(draw: st.DrawFn, name: str) -> str:
    """A recorded answer of which some values are something else."""
    whole = json.loads((SAMPLES / name).read_text("utf-8"))
    paths = [path for path in _paths(whole) if path]
    for path in draw(st.lists(st.sampled_from(paths), max_size=3)):
        place = whole
        try:
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = draw(JSON)
        except (KeyError, TypeError, IndexError):  # lies in what was replaced before
            continue
    return json.dumps(whole)


class _Fixed:
    """A ``Web`` that gives one text to every request."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def get(self, url: str, **_: object) -> Page:
        return Page(url=url, status=200, content_type="application/json", text=self.text, headers={})


MAKERS: dict[str, Callable[[], Source]] = {
    "github_user.json": lambda: GITHUB,
    "gravatar_profile_key.json": lambda: GRAVATAR,
    "orcid_employments.json": Orcid,
    "gleif_lei_records.json": Gleif,
}


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=150)
async def test_no_json_raises_or_says_anything_of_another_contact(name: str, data: st.DataObject) -> None:
    text = data.draw(st.one_of(damaged(name), st.text(max_size=50), JSON.map(json.dumps)))
    found: Consulted = await MAKERS[name]().look([card("Oldco Institute")], {}, _Fixed(text), NOW)
    for contact, evidence in found.evidence:
        assert (contact, evidence.stored) == (7, "Oldco Institute")
        assert evidence.observed_at == NOW
        for at in (evidence.asserted_at, evidence.valid_from, evidence.valid_to):
            assert at is None or (at <= NOW + timedelta(0) and at.utcoffset() == timedelta(0))
        assert evidence.likelihood_ratio in {0.39, 8, 30, 40}
