"""Which credentials are sent, how, and when nothing more is tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardsync.carddav.auth import Login, app_password_hint, parse_challenges
from cardsync.carddav.connection import AuthScheme, Connection
from cardsync.carddav.hrefs import Location, Origin, parse_url

HTTPS = parse_url("https://dav.example.org/x")
HTTP = parse_url("http://dav.example.org/x")
DIGEST = 'Digest realm="r, \\"q\\"", nonce="n=1", qop="auth,auth-int", algorithm=MD5'


def login(auth: AuthScheme = "auto", url: str = "https://dav.example.org", token: str | None = None) -> Login:
    return Login(
        Connection(account="a", url=url, username="Mufasa", password="Circle of Life", bearer_token=token, auth=auth)
    )


def schemes(*values: str) -> list[str]:
    return [challenge.scheme for challenge in parse_challenges(list(values))]


def test_challenges_in_one_field_in_several_and_in_any_case() -> None:
    assert schemes('basic realm="x"') == ["basic"]
    assert schemes('X-MobileMe-AuthToken realm="N", Basic realm="N"', "WSSE realm=N") == [
        "x-mobileme-authtoken",
        "basic",
        "wsse",
    ]
    assert schemes("Negotiate", DIGEST, "Negotiate YIIa/+==, BASIC") == ["negotiate", "digest", "negotiate", "basic"]
    (parsed,) = parse_challenges([DIGEST])
    assert parsed.parameters == {"realm": 'r, "q"', "nonce": "n=1", "qop": "auth,auth-int", "algorithm": "MD5"}


@given(st.lists(st.text(max_size=200), max_size=3))
def test_no_field_breaks_the_parser(values: list[str]) -> None:
    parse_challenges(values)


def answer(made: Login, at: Location, *challenges: str) -> str | None:
    """The scheme of the second try, after a 401 to the first one."""
    sent = made.authorization("PROPFIND", at)
    if not made.learn(at.origin, sent, parse_challenges(list(challenges))):
        return None
    return (made.authorization("PROPFIND", at) or "").partition(" ")[0]


def test_over_https_basic_goes_unasked_and_a_refusal_of_it_is_final() -> None:
    assert (login().authorization("GET", HTTPS) or "").startswith("Basic ")
    assert answer(login(), HTTPS, 'Basic realm="x"', DIGEST) is None
    assert answer(login(), HTTPS, DIGEST) == "Digest"
    assert answer(login(), HTTPS, "Negotiate") is None
    assert answer(login(), HTTPS) is None


def test_over_plain_http_the_server_is_asked_first_and_digest_preferred() -> None:
    assert login().authorization("GET", HTTP) is None
    assert answer(login(), HTTP, 'Basic realm="x"', DIGEST) == "Digest"
    assert answer(login(), HTTP, 'Basic realm="x"') == "Basic"


def test_the_config_decides_where_it_says_so() -> None:
    assert login("digest").authorization("GET", HTTPS) is None
    assert answer(login("digest"), HTTPS, 'Basic realm="x"') is None
    assert answer(login("basic"), HTTP, DIGEST) is None
    assert login("bearer", token="t").authorization("GET", HTTPS) == "Bearer t"


def test_a_mail_domains_host_gets_nothing_unasked() -> None:
    assert login(url="jo@example.org").authorization("GET", HTTPS) is None


def test_a_stale_nonce_is_renewed_but_a_refused_digest_is_final() -> None:
    made = login()
    assert answer(made, HTTPS, DIGEST) == "Digest"
    assert answer(made, HTTPS, DIGEST + ", stale=true") == "Digest"
    assert answer(made, HTTPS, DIGEST) is None
    made.succeeded(HTTPS.origin)
    assert answer(made, HTTPS, DIGEST) == "Digest"
    assert answer(made, HTTPS, DIGEST + ", stale=true") is None  # one fresh nonce until it is taken
    made.succeeded(HTTPS.origin)
    assert answer(made, HTTPS, DIGEST) == "Digest"


def test_schemes_that_are_asked_for_in_turn_get_one_try_each() -> None:
    made = login()
    assert answer(made, HTTPS, DIGEST) == "Digest"
    assert answer(made, HTTPS, 'Basic realm="r"') is None


def test_digest_as_in_rfc_7616(monkeypatch: pytest.MonkeyPatch) -> None:
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("secrets.token_hex", lambda _size: cnonce)  # the RFC's example fixes it
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    opaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    fields = f'realm="http-auth@example.org", qop="auth, auth-int", nonce="{nonce}", opaque="{opaque}"'
    at = Location(Origin("http", "www.example.org", 80), "/dir/index.html")
    for algorithm, expected in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        made = login()
        assert made.learn(at.origin, None, parse_challenges([f"Digest {fields}, algorithm={algorithm}"]))
        assert f'response="{expected}"' in (made.authorization("GET", at) or "")


@pytest.mark.parametrize(
    ("host", "path", "word"),
    [
        ("contacts.icloud.com", "/", "account.apple.com"),
        ("carddav.fastmail.com", "/", "Fastmail"),
        ("www.googleapis.com", "/", "OAuth2"),
        ("cloud.example.org", "/remote.php/dav", "Nextcloud"),
        ("dav.example.org", "/", "app password"),
    ],
)
def test_the_hint_fits_the_provider(host: str, path: str, word: str) -> None:
    assert word in app_password_hint(host, path)


def test_a_connection_does_not_show_its_secrets() -> None:
    made = Connection(account="a", url="https://x", username="u", password="hunter2", bearer_token="tok")
    assert "hunter2" not in f"{made!r} {made}"
    assert "tok" not in repr(made)
