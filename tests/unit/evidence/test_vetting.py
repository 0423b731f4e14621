"""Which addresses are public, and which URLs are plainly sites."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.evidence.vetting import Refused, Target, hosts_on, public, redirected, vetted
from cardsync.sources import Need, Subject


def words(text: str) -> list[str]:
    return text.split()


PRIVATE = [
    *words("0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.8.8.8 169.254.169.254 172.16.0.1"),
    *words("172.31.255.255 192.0.0.8 192.0.0.170 192.0.2.1 192.88.99.1 192.168.178.1 198.18.0.1 198.19.255.255"),
    *words("198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255"),
    *words(":: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808"),
    *words("64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1"),
    *words("2001:1ff::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1"),
    *words("fd12:3456::1 fe80::1 fe80::1%eth0 2606:4700::1111%eth0 fec0::1 ff02::1"),
]
PUBLIC = [
    *words("1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 198.17.0.1"),
    *words("198.20.0.1 223.255.255.254 2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1 3ffe::1"),
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_nobodys_on_the_internet_is_refused(text: str) -> None:
    assert not public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_on_the_internet_is_public(text: str) -> None:
    assert public(ip_address(text))


@given(st.integers(0, 2**128 - 1).map(IPv6Address) | st.integers(2**125, 2**126 - 1).map(IPv6Address))
def test_ipv6_that_is_accepted_is_global_unicast_and_neither_tunnel_nor_documentation(address: IPv6Address) -> None:
    if not public(address) or address.ipv4_mapped:
        return
    assert address in IPv6Network("2000::/3")
    for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"):
        assert address not in IPv6Network(net)
    assert address.teredo is None
    assert address.sixtofour is None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_ipv4_that_is_accepted_is_global_and_the_same_when_mapped(address: IPv4Address) -> None:
    assert public(IPv6Address(f"::ffff:{address}")) == public(address)
    if public(address):
        assert address.is_global
        assert not address.is_multicast
        assert address not in IPv4Network("192.0.0.0/24")
    assert not public(IPv6Address(int(address)))  # compatible
    assert not public(IPv6Address(int(IPv6Address("64:ff9b::")) | int(address)))  # NAT64
    assert not public(IPv6Address(int(IPv6Address("2002::")) | int(address) << 80))  # 6to4


# ---------------------------------------------------------------- URLs


def test_a_plain_url_is_taken_apart() -> None:
    assert vetted("HTTPS://WWW.Acme.Example/Team?a=1&b=[x]#top") == Target(
        scheme="https", host="www.acme.example", port=443, path="/Team?a=1&b=[x]"
    )
    assert vetted("http://acme.example").url == "http://acme.example/"
    assert vetted("http://acme.example:80?x").url == "http://acme.example/?x"
    assert vetted("https://acme.example:80/").url == "https://acme.example:80/"


def test_names_and_paths_in_other_scripts_are_encoded() -> None:
    assert vetted("https://müller.example/über uns/%C3%A4").url == (
        "https://xn--mller-kva.example/%C3%BCber%20uns/%C3%A4"
    )
    assert vetted("https://MÜLLER.example/").host == vetted("https://xn--mller-kva.example/").host


TRICKS = [
    *words(
        "file:///etc/passwd ftp://acme.example/ gopher://acme.example/ javascript:alert(1) //acme.example/ acme.example"
    ),
    *words("https:acme.example https:/acme.example https:// https:/// https://?x https://#x"),
    *words("https://127.0.0.1/ http://2130706433/ http://0x7f000001/ http://0177.0.0.1/ http://0x7f.1/ http://127.1/"),
    *words("http://017700000001/ http://1.1.1.1/ http://0x7f.0x0.0x0.0x1/ http://acme.0x7f/ http://acme.1/ http://0/"),
    *words(
        "http://[::1]/ http://[::ffff:127.0.0.1]/ http://[fe80::1%25eth0]/ http://[v1.x]/ http://::1/ http://[acme.example]/"
    ),
    *words(
        "https://user@acme.example/ https://user:pw@acme.example/ https://acme.example@127.0.0.1/ https://@acme.example/"
    ),
    *words("https://acme.example:22/ https://acme.example:8080/ https://acme.example:0443/ https://acme.example:/"),
    *words(
        "https://acme.example:443:443/ https://acme.example:65979/ https://acme.example:+443/ https://acme.example:\uff14\uff14\uff13/"
    ),
    *words("https://acme.example./ https://acme..example/ https://.acme.example/ https://localhost/ https://router/"),
    *words("https://printer.local/ https://a.localhost/ https://nas.home.arpa/ https://x.internal/ https://abc.onion/"),
    *words(
        "https://-acme.example/ https://acme-.example/ https://ac_me.example/ https://acme%2eexample/ https://%31.example/"
    ),
    *words("https://acme.example\\@127.0.0.1/ https:\\\\acme.example/ https://acme.example\\.evil.example/"),
    *words(
        "https://\uff11\uff12\uff17.0.0.1/ https://acme。example/ https://ⓐcme.example/ https://ma\u212aer.example/ https://acme\u200b.example/"
    ),
    *words(
        "https://xn--a.example/ https://xn--.example/ https://xn--mller-kva-.example/ https://①.example/ https://☃.example/"
    ),
    *words("https://a\u00adcme.example/ https://acme.example\u202e/ https://127｡0｡0｡1/ https://\u0660.example/"),
    "https://acme.example\t/",
    "https://ac\nme.example/",
    "https://acme.example/\r\nHost: evil",
    "https://acme.example/\x00",
    "https://acme.example\x7f/",
    " https://acme.example/",
    "https://acme .example/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://acme.example/" + "a" * 5000,
    "https://acme.example/\ud800",
    "",
]


@pytest.mark.parametrize("url", TRICKS)
def test_a_url_that_is_not_plainly_a_site_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        vetted(url)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{0}", "0x{0:x}", "0{0:o}", "{1}.{2}.{3}.{4}", "{1}.{2}.{5}"]))
def test_no_form_of_an_ipv4_address_passes_as_a_name(number: int, form: str) -> None:
    parts = (number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255, number & 65535)
    for text in (form.format(number, *parts), ".".join(f"{part:#o}".replace("o", "") for part in parts[:4])):
        for url in (f"http://{text}/", f"http://{text}:80/", f"http://{text}."):
            with pytest.raises(Refused):
                vetted(url)


@given(
    st.text(max_size=60) | st.text("ahtps:/@.\\[]%0127xEX?#\u3002\uff0e\u00df -_", max_size=40).map("https://".__add__)
)
def test_whatever_is_accepted_is_a_dotted_name_at_a_plain_port_in_visible_ascii(url: str) -> None:
    try:
        target = vetted(url)
    except Refused:
        return
    assert target.port in {80, 443}
    assert target.url.isascii()
    assert target.url.isprintable()
    assert " " not in target.url
    assert "." in target.host
    assert target.host == target.host.lower().strip(".")
    with pytest.raises(ValueError, match="does not appear"):
        ip_address(target.host)
    assert vetted(target.url) == target


def test_redirects_are_joined_and_vetted() -> None:
    here = vetted("https://acme.example/a/b?x")
    assert redirected(here, "../team#x").url == "https://acme.example/team"
    assert redirected(here, "//other.example/").url == "https://other.example/"
    assert redirected(vetted("http://acme.example/"), "https://acme.example/").scheme == "https"
    for bad in (
        "http://acme.example/",
        "//127.0.0.1/",
        "ftp://x.example/",
        "https://[::1",
        "/\r\nx",
        "\\\\x",
        "//x:22/",
    ):
        with pytest.raises(Refused):
            redirected(here, bad)


@given(st.text(max_size=60))
def test_a_redirect_is_followed_or_refused_and_nothing_else(location: str) -> None:
    with suppress(Refused):
        assert redirected(vetted("https://acme.example/a"), location).scheme == "https"


def test_the_hosts_of_a_card_are_those_of_its_domain_and_its_urls() -> None:
    subject = Subject(
        id=1,
        values={
            Need.WORK_DOMAIN: ("acme.example",),
            Need.WORK_URL: ("Team.Acme.example/jane", "http://10.0.0.1/"),
            Need.URL: ("https://jane.example/",),
            Need.NAME: ("nobody.example",),
        },
    )
    assert hosts_on(subject) == {"acme.example", "team.acme.example", "jane.example"}
