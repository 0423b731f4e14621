"""The source that visits a contact's pages: what each of them makes known, and what makes nothing known."""

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import card
from cardsync.assess.organisations import Verdict
from cardsync.evidence.claims import compare_titles, same_name
from cardsync.evidence.stage import Consult
from cardsync.evidence.vetting import hosts_on
from cardsync.evidence.web import WebPages
from cardsync.mirror import Mirror
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import ANY_HOST, Consulted, Need, SourceFailed, Subject
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan
from in_memory import address_book
from servers.loopback import Request, Response
from servers.sites import NOW, Internet, Pages, Site, internet, page, redirect, sample

CARD: dict[Need, tuple[str, ...]] = {
    Need.NAME: ("Jane Doe",),
    Need.ORGANISATION: ("Newco",),
    Need.TITLE: ("CTO",),
}
HOME = page("<title>Newco</title><h1>Welcome</h1>")
HOUSE: dict[str, Site] = {"newco.example": Pages({"/": HOME})}


def subject(**values: str) -> Subject:
    """Jane's card, with ``work_domain``, ``work_url``, ``url`` ...; '' for none."""
    given_values = {Need(name): (value,) for name, value in values.items() if value}
    kept = {need: value for need, value in CARD.items() if need.value not in values}
    return Subject(id=7, values={**kept, **given_values})


async def looked(net: Internet, who: Subject, source: WebPages | None = None) -> Consulted:
    source = source or WebPages()
    async with net.client() as client:
        web = client.bound(source.about, hosts_on(who))
        return await source.look([who], {}, web, net.clock())


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two requests of the source."""
    from dataclasses import replace

    about = WebPages().about
    monkeypatch.setattr(WebPages, "about", replace(about, apart=timedelta()))


async def evidence(sites: Mapping[str, Site], who: Subject, source: WebPages | None = None) -> list[Evidence]:
    with internet(sites) as net:
        consulted = await looked(net, who, source)
    assert {id_ for id_, _ in consulted.evidence} <= {7}
    assert not consulted.unchanged
    return [one for _, one in consulted.evidence]


def told(found: list[Evidence]) -> list[tuple[EvidenceKind, Says, WorkField, str, str]]:
    return [(one.kind, one.says, one.claim, one.stored, one.suggested) for one in found]


def test_it_says_that_it_visits_what_stands_on_the_card() -> None:
    about = WebPages().about
    assert about.hosts == (ANY_HOST,)
    assert about.every == timedelta(days=30)
    assert about.needs == {Need.WORK_DOMAIN, Need.WORK_URL, Need.URL, Need.NAME, Need.ORGANISATION, Need.TITLE}
    assert "IP address" in about.sends


# ---------------------------------------------------------------- pages that are gone


@pytest.mark.parametrize("status", [404, 410])
async def test_a_work_page_that_is_gone_while_its_site_stands_is_told(status: int) -> None:
    sites = {"newco.example": Pages({"/": HOME, "/team/jane": page("gone", status)})}
    found = await evidence(sites, subject(work_domain="newco.example", work_url="newco.example/team/jane?x"))
    assert told(found) == [(EvidenceKind.PAGE_GONE, Says.GONE, WorkField.URL, "newco.example/team/jane?x", "")]
    assert (found[0].likelihood_ratio, found[0].employer_ratio, found[0].twice) == (8.0, 3.0, True)
    assert (found[0].observed_at, found[0].about, found[0].family) == (NOW, "newco.example", "web")


async def test_the_home_page_of_the_work_page_is_looked_at_whatever_the_mail_domain_is() -> None:
    sites = {"newco.example": Pages({"/": HOME}), "other.example": Pages({"/": HOME})}
    found = await evidence(sites, subject(work_domain="other.example", work_url="https://newco.example/jane"))
    assert [one.kind for one in found] == [EvidenceKind.PAGE_GONE]


DOWN = {
    "is not there either": page("", 404),
    "is down": page("", 503),
    "is behind a wall": page("", 200, cf_mitigated="challenge"),
    "is parked": page("<title>newco.example is for sale</title>"),
    "is a door": page("<title>Log in</title>"),
    "is elsewhere": redirect("https://elsewhere.example/"),
}


@pytest.mark.parametrize("root", DOWN.values(), ids=DOWN)
async def test_a_page_that_is_gone_says_nothing_if_its_site(root: Response) -> None:
    sites = {"newco.example": Pages({"/": root}), "elsewhere.example": Pages({"/": page("")})}
    try:
        found = await evidence(sites, subject(work_url="https://newco.example/jane", organisation=""))
    except SourceFailed:
        return
    assert found == []


async def test_a_personal_page_that_is_gone_and_a_home_page_that_is_gone_say_nothing() -> None:
    assert await evidence(HOUSE, subject(url="https://newco.example/jane")) == []
    assert await evidence({"newco.example": Pages({})}, subject(work_url="https://newco.example/")) == []


async def test_a_page_that_leads_to_a_log_in_is_not_gone() -> None:
    sites = {"newco.example": Pages({"/": HOME, "/jane": redirect("/login?next=jane", 302)})}
    assert await evidence(sites, subject(work_url="https://newco.example/jane")) == []


# ---------------------------------------------------------------- redirects


async def test_the_recorded_redirect_of_a_company_that_was_bought_is_told() -> None:
    url, response = sample("web_redirect_acquired.txt")
    sites: dict[str, Site] = {"oldco.example": lambda _r: response, "www.newco.example": Pages({"/oldco": HOME})}
    assert url == "https://oldco.example/"
    found = await evidence(sites, subject(work_domain="oldco.example", organisation="Oldco"))
    assert told(found) == [
        (EvidenceKind.REDIRECT, Says.MOVED, WorkField.ORGANISATION, "Oldco", "newco.example"),
    ]
    assert (found[0].likelihood_ratio, found[0].twice, found[0].about) == (5.0, False, "oldco.example")


def oldco(*hops: tuple[str, int]) -> dict[str, Site]:
    """Oldco's site, whose home page leads over ``hops``; all sites at the end say welcome."""
    urls = ["https://oldco.example/", *(url for url, _ in hops)]
    sites: dict[str, dict[str, Response]] = {}
    for here, (there, status) in zip(urls, hops, strict=False):
        _, _, host, path = here.split("/", 3)
        sites.setdefault(host, {})[f"/{path}"] = redirect(there, status)
    _, _, host, path = urls[-1].split("/", 3)
    sites.setdefault(host, {})[f"/{path}"] = HOME
    return {host: Pages(pages) for host, pages in sites.items()}


async def test_a_domain_in_letters_that_look_like_ours_is_shown_in_punycode() -> None:
    found = await evidence(
        oldco(("https://xn--ntech-m2eb.example/", 301)), subject(work_domain="oldco.example", organisation="Oldco")
    )
    assert [one.suggested for one in found] == ["xn--ntech-m2eb.example"]


@pytest.mark.parametrize(
    "hops",
    [
        [("https://www.oldco.example/", 301)],
        [("https://oldco.example/de/", 302)],
        [("https://de.oldco.example/", 301)],
        [("https://oldco.de/", 301)],
        [("https://www.oldco.co.uk/", 308)],
        [("https://oldco-group.example/", 301)],
        [("https://newco.example/", 302)],
        [("https://newco.example/", 307)],
        [("https://newco.example/", 302), ("https://third.example/", 301)],
        [("https://newco.example/", 301), ("https://third.example/", 302)],
        [("https://login.newco.example/", 301)],
        [("https://newco.example/consent?to=/", 301)],
        [("https://oldco.okta.com/", 301)],
        [("https://www.facebook.com/oldco", 301)],
        [("https://www.hugedomains.com/domain_profile.cfm?d=oldco", 301)],
        [("https://newco.example/", 301), ("https://oldco.example/home", 301)],
    ],
)
async def test_a_redirect_that_is_no_move_is_nothing(hops: list[tuple[str, int]]) -> None:
    assert await evidence(oldco(*hops), subject(work_domain="oldco.example", organisation="Oldco")) == []


async def test_a_move_by_way_of_the_old_houses_own_hosts_is_told() -> None:
    hops = [("https://www.oldco.example/", 302), ("https://newco.example/", 308), ("https://newco.example/en/", 302)]
    found = await evidence(oldco(*hops), subject(work_domain="oldco.example", organisation="Oldco"))
    assert [one.suggested for one in found] == ["newco.example"]


async def test_a_move_to_the_domain_that_the_organisation_on_the_card_has_is_nothing() -> None:
    hops = [("https://newco.example/", 301)]
    for organisation in ("Newco", "Newco Holding GmbH"):
        assert await evidence(oldco(*hops), subject(work_domain="oldco.example", organisation=organisation)) == []
    source = WebPages(domains={"Oldco": ["newco.example"]})
    assert await evidence(oldco(*hops), subject(work_domain="oldco.example", organisation="Oldco"), source) == []


async def test_a_move_is_nothing_without_an_organisation_that_it_could_be_about() -> None:
    hops = [("https://newco.example/", 301)]
    assert await evidence(oldco(*hops), subject(work_domain="oldco.example", organisation="")) == []


async def test_a_move_into_the_house_and_one_to_a_parked_page_is_nothing() -> None:
    who = subject(work_domain="oldco.example", organisation="Oldco")
    for end in (sample("web_parked.html")[1], page("", 404)):
        sites = {"oldco.example": Pages({"/": redirect("https://newco.example/")}), "newco.example": Pages({"/": end})}
        assert await evidence(sites, who) == []
    sites = {"oldco.example": Pages({"/": redirect("https://127.0.0.1/")})}
    with pytest.raises(SourceFailed):
        await evidence(sites, who)


# ---------------------------------------------------------------- profiles


def site_of_sample() -> dict[str, Site]:
    url, response = sample("web_person.html")
    assert url == "https://jane.example/"
    return {"jane.example": Pages({"/": response})}


async def test_the_recorded_page_agrees_with_the_card_that_it_is_of() -> None:
    found = await evidence(site_of_sample(), subject(url="https://jane.example/"))
    assert told(found) == [
        (EvidenceKind.PROFILE, Says.AGREES, WorkField.ORGANISATION, "Newco", ""),
        (EvidenceKind.PROFILE, Says.AGREES, WorkField.TITLE, "CTO", ""),
    ]
    assert {(one.likelihood_ratio, one.match, one.family) for one in found} == {(0.39, 0.95, "profile")}
    assert found[0].asserted_at == datetime(2026, 5, 2, tzinfo=UTC)
    assert found[0].url == "https://jane.example/"


async def test_the_recorded_page_differs_from_a_card_with_another_employer() -> None:
    found = await evidence(site_of_sample(), subject(work_url="jane.example", organisation="Oldco", title="Engineer"))
    assert told(found) == [(EvidenceKind.PROFILE, Says.DIFFERS, WorkField.ORGANISATION, "Oldco", "Newco GmbH")]
    assert (found[0].likelihood_ratio, found[0].employer_ratio, found[0].match) == (8.0, None, 0.95)


async def test_another_title_with_the_same_employer_is_no_sign_of_another_employer() -> None:
    found = await evidence(site_of_sample(), subject(url="https://jane.example/", title="Engineer"))
    assert told(found)[1] == (EvidenceKind.PROFILE, Says.DIFFERS, WorkField.TITLE, "Engineer", "CTO")
    assert (found[1].likelihood_ratio, found[1].employer_ratio) == (8.0, 1.0)


@pytest.mark.parametrize("name", ["John Doe", "Jane", "Jane M. Doe", "Doe", ""])
async def test_a_page_of_somebody_else_says_nothing(name: str) -> None:
    assert await evidence(site_of_sample(), subject(url="https://jane.example/", organisation="Oldco", name=name)) == []


@pytest.mark.parametrize("organisation", ["", "self-employed", "日本電気", "Newc0"])
async def test_an_employer_that_cannot_be_compared_says_nothing(organisation: str) -> None:
    assert await evidence(site_of_sample(), subject(url="https://jane.example/", organisation=organisation)) == []


def ld(*employers: str, **more: object) -> Response:
    person = {"@type": "Person", "name": "Jane Doe", "worksFor": [{"name": one} for one in employers], **more}
    return page(f'<script type="application/ld+json">{json.dumps(person)}</script>')


async def test_one_of_several_employers_that_agrees_is_enough_and_all_must_differ() -> None:
    def site(*employers: str) -> dict[str, Site]:
        return {"jane.example": Pages({"/": ld(*employers)})}

    who = subject(url="https://jane.example/")
    assert [one.says for one in await evidence(site("Acme Trust", "Newco"), who)] == [Says.AGREES]
    assert [one.says for one in await evidence(site("Acme Trust", "Foundry"), who)] == [Says.DIFFERS]
    assert await evidence(site("Acme Trust", "日本電気"), who) == []
    assert [
        one.says for one in await evidence(site("Acme Trust"), who, WebPages(aliases=[["Newco", "Acme Trust"]]))
    ] == [Says.AGREES]


TRADES = ("Mill", "Quarry", "Smithy", "Brewery", "Bakery", "Press", "Loom", "Kiln", "Forge", "Dock", "Yard")


async def test_a_page_that_names_more_employers_than_anybody_has_is_not_sure() -> None:
    employers = [f"{trade} Works" for trade in TRADES]
    for many, says in ((10, [Says.DIFFERS]), (11, [])):
        sites: dict[str, Site] = {"jane.example": Pages({"/": ld(*employers[:many])})}
        assert [one.says for one in await evidence(sites, subject(url="https://jane.example/"))] == says


async def test_what_is_dated_ahead_or_before_there_were_pages_has_no_date() -> None:
    for date in ("2036-01-01", "0001-01-01T00:00:00+14:00", "1901-01-01"):
        sites: dict[str, Site] = {"jane.example": Pages({"/": ld("Foundry", dateModified=date)})}
        assert (await evidence(sites, subject(url="https://jane.example/")))[0].asserted_at is None


async def test_an_error_page_is_no_profile() -> None:
    url, response = sample("web_person.html")
    sites: dict[str, Site] = {"jane.example": Pages({"/": Response(410, response.body, response.headers)})}
    assert url and await evidence(sites, subject(url="https://jane.example/", organisation="Oldco")) == []


# ---------------------------------------------------------------- no evidence


async def test_the_recorded_bot_wall_is_a_failure_and_no_evidence() -> None:
    url, response = sample("web_botwall.html")
    sites: dict[str, Site] = {"walled.example": Pages({"/": response})}
    assert url == "https://walled.example/"
    with pytest.raises(SourceFailed):
        await evidence(sites, subject(work_domain="walled.example"))


async def test_the_recorded_parked_page_is_no_evidence() -> None:
    sites: dict[str, Site] = {"parked.example": Pages({"/": sample("web_parked.html")[1]})}
    assert await evidence(sites, subject(work_domain="parked.example")) == []


async def test_what_one_page_says_is_told_though_another_ones_site_is_down() -> None:
    sites: dict[str, Site] = {**site_of_sample(), "newco.example": Pages({"/": page("", 503)})}
    assert len(await evidence(sites, subject(work_domain="newco.example", url="jane.example"))) == 2


async def test_what_was_found_on_a_page_that_is_down_now_is_not_over_though_another_page_speaks(tmp_path: Path) -> None:
    contact = contact_of(
        scan(card("ORG:Newco", "URL:https://jane.example/", "URL:https://blog.example/", name="Doe;Jane;;;"))
    )
    with closing(Mirror.open(tmp_path / "cardsync.db")) as mirror:
        mirror.accounts.store_discovery("home", [address_book()], NOW)
        id_, _ = mirror.contacts.observe(1, contact, "jane", "/jane.vcf", work_keys(contact), NOW)
        told: list[dict[Says, datetime]] = []
        for company, status in (("Oldco", 200), ("Oldco", 503), ("Oldco", 200), ("Newco", 200)):
            blog = ld(company) if status == 200 else page("", status)
            with internet({"jane.example": Pages({"/": ld("Newco")}), "blog.example": Pages({"/": blog})}) as net:
                net.clock.forward(days=45 * len(told))
                async with net.client() as client:
                    await Consult(
                        mirror=mirror,
                        source=WebPages(),
                        guard=client,
                        vips={id_: contact},
                        hosts=hosts_on,
                        clock=net.clock,
                    ).run()
            held = {one.says: one.first_observed_at for one in mirror.evidence.of(id_)}
            told.append(held)
    assert [set(held) for held in told] == [{Says.AGREES, Says.DIFFERS}] * 3 + [{Says.AGREES}]
    assert told[2][Says.DIFFERS] == told[0][Says.DIFFERS]  # seen since then: no news after an ok


async def test_a_site_that_is_down_is_a_failure_that_holds_up_no_other_contact() -> None:
    sites = {"newco.example": Pages({"/": page("", 503, retry_after="86400")}), "jane.example": Pages({"/": HOME})}
    with pytest.raises(SourceFailed) as failed:
        await evidence(sites, subject(work_domain="newco.example", url="jane.example"))
    assert failed.value.wait is None


# ---------------------------------------------------------------- which pages, and how often


async def test_profiles_with_others_and_odd_urls_are_not_visited() -> None:
    values = {
        Need.URL: (
            "https://www.linkedin.com/in/jane",
            "https://github.com/jane",
            "http://192.168.1.1/",
            "mailto:x@y.example",
        ),
        Need.WORK_URL: ("https://de.linkedin.com/in/jane", "https://jane.example:8080/", "tel:+49"),
    }
    with internet({"*": Pages({}), "jane.example": Pages({})}) as net:
        assert await looked(net, Subject(id=7, values={**CARD, **values})) == Consulted()
        assert net.asked() == []
        assert net.names.asked == []


async def test_few_pages_of_one_card_are_visited_and_each_once() -> None:
    urls = tuple(f"https://newco.example/{n}" for n in range(20))
    values = {
        Need.WORK_DOMAIN: ("newco.example",),
        Need.WORK_URL: urls,
        Need.URL: (*urls, *(f"{url}0?x" for url in urls)),
    }
    sites: dict[str, Site] = {"newco.example": lambda r: page("", 404) if r.path == "/robots.txt" else HOME}
    with internet(sites) as net:
        await looked(net, Subject(id=7, values={**CARD, **values}))
        assert len(net.asked()) == len(set(net.asked())) == 6  # robots.txt, home page, two of each kind


async def test_a_page_is_visited_once_a_week_whosever_card_it_stands_on() -> None:
    source = WebPages()
    with internet(site_of_sample()) as net:
        for name in ("Jane Doe", "John Doe", "Jim Doe"):
            await looked(net, subject(url="https://jane.example/", name=name), source)
        assert net.asked().count("https://jane.example/") == 1
        net.clock.forward(days=6)
        found = await looked(net, subject(url="https://jane.example/"), source)
        assert {one.observed_at for _, one in found.evidence} == {NOW}  # when it was seen, not when it was looked up
        net.clock.forward(days=1)
        await looked(net, subject(url="https://jane.example/"), source)
        assert net.asked().count("https://jane.example/") == 2


# ---------------------------------------------------------------- unchanged


def tagged(response: Response) -> Site:
    def site(request: Request) -> Response:
        if request.path == "/robots.txt":
            return page("", 404)
        if request.headers.get("if-none-match") == '"p"':
            return Response(304)
        return Response(response.status, response.body, [*response.headers, ("etag", '"p"')])

    return site


async def test_pages_that_did_not_change_leave_what_was_found_as_it_is() -> None:
    who = subject(url="https://jane.example/", work_domain="newco.example")
    with internet({"jane.example": tagged(ld("Newco")), "newco.example": tagged(HOME)}) as net:
        assert len((await looked(net, who)).evidence) == 1
        assert await looked(net, who) == Consulted(unchanged=True)
        other = subject(url="https://jane.example/", work_domain="newco.example", organisation="Oldco")
        assert [one.says for _, one in (await looked(net, other)).evidence] == [Says.DIFFERS]  # the card changed
        net.clock.forward(days=90)
        assert len((await looked(net, who)).evidence) == 1  # a look at all of it each quarter


async def test_if_one_page_changed_the_evidence_of_the_others_is_told_again() -> None:
    who = subject(url="https://jane.example/", work_domain="newco.example")
    sites: dict[str, Site] = {"jane.example": tagged(ld("Newco")), "newco.example": Pages({"/": HOME})}
    with internet(sites) as net:
        first = await looked(net, who)
        assert (await looked(net, who)).evidence == first.evidence


# ---------------------------------------------------------------- names and titles


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Jane Doe", "jane  DOE", True),
        ("Doe, Jane", "Jane Doe", True),
        ("Dr. Jane Doe", "Jane Doe, PhD", True),
        ("Jörg Müller", "Joerg Mueller", True),
        ("Jörg Müller", "Jorg Muller", True),
        ("Jean-Luc Picard", "Jean Luc Picard", True),
        ("山田 太郎", "山田 太郎", True),
        ("Jane Doe", "Jane Roe", False),
        ("Jane Doe", "Jane", False),
        ("Jane", "Jane", False),
        ("", "", False),
        ("Dr. Prof.", "Dr. Prof.", False),
    ],
)
def test_a_name_is_hers_word_by_word(a: str, b: str, same: bool) -> None:
    assert same_name(a, b) is same_name(b, a) is same


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ("VP Sales", "vp, sales", Verdict.SAME),
        ("CTO", "Chief Technology Officer", Verdict.SAME),
        ("Head of Sales", "Head of Marketing", Verdict.UNKNOWN),
        ("Geschäftsführer", "Managing Director", Verdict.UNKNOWN),
        ("開発者", "Engineer", Verdict.UNKNOWN),
        ("Engineer", "Product Manager", Verdict.DIFFERENT),
    ],
)
def test_titles_differ_only_if_they_have_nothing_in_common(a: str, b: str, verdict: Verdict) -> None:
    assert compare_titles(a, b) is compare_titles(b, a) is verdict


@given(st.text(max_size=40), st.text(max_size=40))
def test_names_and_titles_of_any_kind_can_be_compared(a: str, b: str) -> None:
    assert same_name(a, b) is same_name(b, a)
    assert compare_titles(a, b) is compare_titles(b, a)
