"""Whom the sources trust: all of them the same, also on an image without certificate authorities."""

import ssl
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trustme

from cardsync.evidence import guarded_session
from cardsync.evidence.guarded_session import GuardedSession
from cardsync.evidence.imap import MailboxOptions, trust
from cardsync.evidence.tls import trusted
from cardsync.evidence.wire import Wire
from cardsync.sources import SourceFailed


def _mailbox(ca_file: Path | None) -> ssl.SSLContext:
    context = trust(MailboxOptions(host="imap.example", username="jo", password="", ca_file=ca_file))
    assert context
    return context


def _calendar(ca_file: Path | None) -> ssl.SSLContext:
    """What the session hands to the HTTP library."""
    given: list[ssl.SSLContext] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(httpx, "Client", lambda **_: None)
        patched.setattr(guarded_session, "WireTransport", lambda _wire, context: given.append(context))
        GuardedSession("https://dav.example/", "jo", "", ca_file, Wire(1.0, 1))
    (context,) = given
    return context


@pytest.fixture(params=[_mailbox, _calendar])
def made(request: pytest.FixtureRequest) -> Callable[[Path | None], ssl.SSLContext]:
    found: Callable[[Path | None], ssl.SSLContext] = request.param
    return found


def _authorities(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


def test_without_authorities_of_the_system_those_of_the_library_are_trusted(
    made: Callable[[Path | None], ssl.SSLContext], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    bare = _authorities(made(None))
    assert bare == _authorities(trusted()) > 0
    own = tmp_path / "home-ca.pem"
    trustme.CA().cert_pem.write_to_path(own)
    context = made(own)
    assert _authorities(context) == bare + 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_an_authority_that_cannot_be_used_is_told_with_its_table(
    made: Callable[[Path | None], ssl.SSLContext], tmp_path: Path
) -> None:
    name = "mailbox" if made is _mailbox else "calendar"
    (tmp_path / "odd.pem").write_text("no certificate")
    for file in ("odd.pem", "missing.pem"):
        with pytest.raises(SourceFailed, match=rf"^ca_file in \[sources.{name}\] cannot be used"):
            made(tmp_path / file)
