"""What DNS proves of a domain, from a real name server on loopback and from DNS over HTTPS."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.evidence.dns import Dns, DnsOptions, Found, found_of
from cardsync.evidence.lookup import Reply, wire_name
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import Consulted, Need, Page, SourceFailed, Subject
from replay import Answers, answering, as_json, sample
from servers.nameserver import Said, Zone, nameserver

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DOH = "https://cloudflare-dns.com/dns-query"
NOT_THERE = Said(rcode="NXDOMAIN", soa="example.")


def jane(domain: str, *emails: str) -> Subject:
    return Subject(id=7, values={Need.WORK_DOMAIN: (domain,), Need.WORK_EMAIL: emails or (f"jane@{domain}",)})


def mx(domain: str, value: str = "10 mx.example.") -> Said:
    return Said(answer=(f"{domain}. 300 IN MX {value}",))


async def asked(zone: Zone, subject: Subject, lifetime: float = 10.0) -> tuple[list[tuple[int, Evidence]], list[str]]:
    with nameserver(zone) as server, answering({}, ()) as web:
        source = Dns(DnsOptions(nameservers=(server.address,), lifetime=lifetime))
        found = await source.look([subject], {}, web, NOW)
        return list(found.evidence), server.asked


async def test_a_domain_that_takes_mail_says_nothing() -> None:
    said, questions = await asked({"acme.example MX": mx("acme.example")}, jane("acme.example"))
    assert said == []
    assert questions == ["acme.example MX udp"]  # nothing more is told to anybody


async def test_a_domain_that_is_gone_is_evidence_against_the_address_and_less_against_the_employer() -> None:
    said, _ = await asked({"gone.example MX": NOT_THERE}, jane("gone.example", "jane@GONE.example", "j@acme.example"))
    assert len(said) == 1
    contact, evidence = said[0]
    assert contact == 7
    assert (evidence.kind, evidence.says, evidence.claim) == (EvidenceKind.NO_DOMAIN, Says.GONE, WorkField.EMAIL)
    assert (evidence.likelihood_ratio, evidence.employer_ratio) == (200, 15)
    assert evidence.stored == "jane@GONE.example"
    assert evidence.twice
    assert evidence.family == "dns"
    assert evidence.happened_at is None


async def test_a_null_mx_says_that_no_mail_is_taken() -> None:
    said, _ = await asked({"gone.example MX": mx("gone.example", "0 .")}, jane("gone.example"))
    assert [(e.kind, e.says, e.likelihood_ratio, e.employer_ratio, e.twice) for _, e in said] == [
        (EvidenceKind.NO_MAIL, Says.GONE, 200, 15, True)
    ]


async def test_a_null_mx_beside_another_is_a_mistake_and_says_nothing() -> None:
    two = Said(answer=("a.example. 300 IN MX 0 .", "a.example. 300 IN MX 10 mx.a.example."))
    assert (await asked({"a.example MX": two}, jane("a.example")))[0] == []


@pytest.mark.parametrize("kind", ["A", "AAAA"])
async def test_without_an_mx_the_address_takes_the_mail(kind: str) -> None:
    value = "192.0.2.1" if kind == "A" else "2001:db8::1"
    zone = {f"acme.example {kind}": Said(answer=(f"acme.example. 300 IN {kind} {value}",)), "acme.example *": Said()}
    assert (await asked(zone, jane("acme.example")))[0] == []


async def test_a_delegated_domain_with_neither_mx_nor_address_takes_no_mail() -> None:
    zone = {
        "a.example NS": Said(answer=("a.example. 300 IN NS ns.host.example.",)),
        "a.example *": Said(soa="a.example."),
    }
    assert [e.kind for _, e in (await asked(zone, jane("a.example")))[0]] == [EvidenceKind.NO_MAIL]


async def test_a_subdomain_without_mx_and_address_may_be_one_that_only_the_house_knows() -> None:
    zone = {"eu.a.example NS": Said(answer=("eu.a.example. 300 IN NS ns.a.example.",)), "eu.a.example *": Said()}
    assert (await asked(zone, jane("eu.a.example")))[0] == []


async def test_a_block_list_that_empties_every_answer_says_nothing() -> None:
    assert (await asked({"a.example *": Said(soa="a.example.")}, jane("a.example")))[0] == []


@pytest.mark.parametrize("soa", ["", "gone.example.", "other.example.", "."])
async def test_a_denial_that_the_parent_zone_did_not_send_proves_nothing(soa: str) -> None:
    """Block lists and portals send no SOA, or one of the name itself; the root's means that the TLD is a typo."""
    assert (await asked({"gone.example MX": Said(rcode="NXDOMAIN", soa=soa)}, jane("gone.example")))[0] == []


async def test_a_subdomain_without_its_parent_is_as_gone_as_the_parent() -> None:
    zone = {"eu.gone.example MX": NOT_THERE, "gone.example MX": NOT_THERE}
    assert [e.employer_ratio for _, e in (await asked(zone, jane("eu.gone.example")))[0]] == [15]


async def test_a_subdomain_whose_parent_lives_says_less_of_the_employer() -> None:
    zone = {"eu.acme.example MX": Said(rcode="NXDOMAIN", soa="acme.example."), "acme.example MX": mx("acme.example")}
    said = (await asked(zone, jane("eu.acme.example")))[0]
    assert [(e.kind, e.likelihood_ratio, e.employer_ratio) for _, e in said] == [(EvidenceKind.NO_DOMAIN, 200, 5)]


async def test_an_alias_that_leads_nowhere_says_nothing_of_the_domain() -> None:
    alias = Said(rcode="NXDOMAIN", answer=("a.example. 300 IN CNAME gone.host.example.",), soa="example.")
    assert (await asked({"a.example MX": alias}, jane("a.example")))[0] == []


async def test_a_truncated_reply_is_asked_for_again_over_tcp() -> None:
    cut = Said(answer=("gone.example. 300 IN MX 0 .",), truncated=True)
    said, questions = await asked({"gone.example MX": cut}, jane("gone.example"))
    assert questions == ["gone.example MX udp", "gone.example MX tcp"]
    assert [e.kind for _, e in said] == [EvidenceKind.NO_MAIL]


@pytest.mark.parametrize(
    "fault",
    [Said(rcode="SERVFAIL"), Said(rcode="REFUSED"), Said(rcode="FORMERR"), Said(silent=True), Said(garbage=b"\0" * 40)],
    ids=["servfail", "refused", "formerr", "silence", "garbage"],
)
async def test_a_resolver_in_trouble_is_a_failure_and_never_evidence(fault: Said) -> None:
    with pytest.raises(SourceFailed) as failed:
        await asked({"acme.example *": fault}, jane("acme.example"), lifetime=1.0)
    assert "acme" not in str(failed.value)


async def test_a_resolver_in_trouble_over_the_parent_is_a_failure_too() -> None:
    with pytest.raises(SourceFailed):
        await asked(
            {"eu.gone.example MX": NOT_THERE, "gone.example *": Said(rcode="SERVFAIL")}, jane("eu.gone.example")
        )


@pytest.mark.parametrize(
    "domain", ["gmail.com", "co.uk", "localhost", "", "a..b", "x" * 64 + ".example", "mailbox.org"]
)
async def test_free_mail_and_what_is_no_domain_are_not_asked_for(domain: str) -> None:
    assert await asked({}, jane(domain)) == ([], [])


async def test_a_nameserver_that_is_no_address_is_told_to_the_owner() -> None:
    with answering({}, ()) as web, pytest.raises(SourceFailed, match="name server"):
        await Dns(DnsOptions(nameservers=("dns.example",))).look([jane("acme.example")], {}, web, NOW)


# ---------------------------------------------------------------- over HTTPS


async def over_https(answers: Answers, domain: str) -> Consulted:
    source = Dns(DnsOptions(doh_url=DOH))
    with answering(answers, source.about.hosts) as web:
        return await source.look([jane(domain)], {}, web, NOW)


@pytest.mark.parametrize(
    ("domain", "answers", "kinds"),
    [
        ("newco.example", {"newco.example MX": sample("doh_mx_ok.json")}, []),
        ("nullmx.example", {"nullmx.example MX": sample("doh_mx_null.json")}, [EvidenceKind.NO_MAIL]),
        ("gone.example", {"gone.example MX": sample("doh_nxdomain.json")}, [EvidenceKind.NO_DOMAIN]),
    ],
)
async def test_recorded_answers_over_https(domain: str, answers: Answers, kinds: list[EvidenceKind]) -> None:
    assert [e.kind for _, e in (await over_https(answers, domain)).evidence] == kinds


async def test_no_mx_over_https_is_followed_by_the_address() -> None:
    address = {"Status": 0, "Answer": [{"name": "nomx.example.", "type": 1, "data": "192.0.2.1"}]}
    answers = {"nomx.example MX": sample("doh_mx_none.json"), "nomx.example A": as_json(address)}
    assert (await over_https(answers, "nomx.example")).evidence == []


@pytest.mark.parametrize(
    "answer", [sample("doh_servfail.json"), as_json([]), as_json({"Status": "3"}), as_json({}, 404)]
)
async def test_trouble_over_https_is_a_failure(answer: object) -> None:
    with pytest.raises(SourceFailed):
        await over_https({"flaky.example MX": answer}, "flaky.example")  # type: ignore[dict-item]


# ---------------------------------------------------------------- whatever comes


@given(
    name=st.sampled_from(["gone.example", "eu.gone.example"]),
    replies=st.lists(
        st.builds(
            Reply,
            exists=st.booleans(),
            values=st.lists(st.sampled_from(["0 .", "10 mx.example.", "", "."]), max_size=2).map(tuple),
            zone=st.sampled_from(["", ".", "example", "gone.example", "eu.gone.example"]),
            aliased=st.booleans(),
        ),
        min_size=4,
        max_size=4,
    ),
)
async def test_no_domain_is_gone_without_a_zone_above_it_that_says_so(name: str, replies: list[Reply]) -> None:
    given_ = iter(replies)

    async def lookup(_name: str, _kind: str) -> Reply:
        return next(given_)

    found = await found_of(name, lookup)
    if found in {Found.NO_DOMAIN, Found.NO_SUBDOMAIN}:
        assert not replies[0].exists
        assert name.endswith(f".{replies[0].zone}")
    if found is Found.NO_MAIL:
        assert replies[0].exists


@given(st.text(max_size=80))
def test_any_text_is_a_name_for_the_wire_or_none(text: str) -> None:
    name = wire_name(text)
    assert name == "" or (name.isascii() and wire_name(name) == name)


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["example.", "gone.example.", "", "x"]), "type": st.sampled_from([1, 5, 6, 15, "15"])},
        optional={"data": st.sampled_from(["0 .", "10 mx.example.", ""]) | st.none()},
    ),
    max_size=2,
)


class _Fixed:
    """A ``Web`` that gives one text to every request."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def get(self, url: str, **_: object) -> Page:
        return Page(url=url, status=200, content_type="application/dns-json", text=self.text, headers={})


@given(
    st.fixed_dictionaries(
        {}, optional={"Status": st.sampled_from([0, 2, 3, None, "0"]), "Answer": RECORDS, "Authority": RECORDS}
    ).map(json.dumps)
    | st.text(max_size=30)
)
async def test_no_answer_over_https_raises_anything_else_or_says_anything_of_another(text: str) -> None:
    try:
        found = await Dns(DnsOptions(doh_url=DOH)).look([jane("gone.example")], {}, _Fixed(text), NOW)
    except SourceFailed:
        return
    assert all((contact, said.stored) == (7, "jane@gone.example") for contact, said in found.evidence)
