"""The source ``mailbox`` on a real IMAP server."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from cardsync.demo import post
from cardsync.evidence import imap, mail_scan
from cardsync.evidence.mailbox import Mailbox, MailboxOptions
from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import Consulted, Need, SourceFailed, Subject, Web
from servers.cutting import cutting
from servers.dovecot import Dovecot, start_dovecot

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OURS = "mx.home.example"
DSN = (Path(__file__).parents[1] / "samples" / "mailbox_dsn.eml").read_bytes()
JANE = Subject(
    id=7,
    values={
        Need.NAME: ("Jane Doe",),
        Need.WORK_EMAIL: ("Jane.Doe@OldCo.example",),
        Need.PERSONAL_EMAIL: ("jane@doe.example",),
        Need.WORK_DOMAIN: ("oldco.example",),
        Need.ORGANISATION: ("OldCo",),
    },
)
BOB = Subject(id=8, values={Need.NAME: ("Bob Roe",), Need.WORK_EMAIL: ("bob@roe-works.example",)})
_users = itertools.count()


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with start_dovecot() as server:
        yield server


@pytest.fixture
def user() -> str:
    return f"owner{next(_users)}"


@pytest.fixture
def options(dovecot: Dovecot, user: str) -> MailboxOptions:
    return MailboxOptions(
        host=dovecot.host,
        port=dovecot.tls_port,
        username=user,
        password=dovecot.password,
        ca_file=dovecot.ca_file,
        authserv_id=OURS,
    )


def mail(
    sender: str = "Jane Doe <jane.doe@oldco.example>",
    at: datetime = NOW - timedelta(days=3),
    *,
    noted: str = f"{OURS}; dkim=pass header.d={{}}",
    more: str = "",
    date: datetime | None = None,
) -> tuple[bytes, datetime]:
    """A mail that a server noted as signed by the sender's domain, and when it arrived."""
    domain = sender.rpartition("@")[2].strip(">")
    head = f"Authentication-Results: {noted.format(domain)}\r\n" if noted else ""
    head += f"From: {sender}\r\nTo: me@home.example\r\nSubject: secret\r\n"
    head += f"Date: {(date or at):%a, %d %b %Y %H:%M:%S +0000}\r\n{more}"
    return f"{head}\r\nsecret\r\n".encode(), at


async def look(
    mailbox: Mailbox | MailboxOptions, cursor: Mapping[str, Any] | None = None, subjects: Sequence[Subject] = (JANE,)
) -> Consulted:
    mailbox = Mailbox(mailbox) if isinstance(mailbox, MailboxOptions) else mailbox
    return await mailbox.look(subjects, cursor or {}, cast("Web", None), NOW)


async def the_one(options: MailboxOptions, subjects: Sequence[Subject] = (JANE,)) -> Evidence:
    seen = await look(options, subjects=subjects)
    assert [subject for subject, _ in seen.evidence] == [subjects[0].id]
    return seen.evidence[0][1]


def day(ago: int) -> datetime:
    return NOW - timedelta(days=ago)


# ---------------------------------------------------------------- what mail says


async def test_mail_from_the_work_address_validates_it_on_the_newest_day(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=ago)) for ago in (30, 3, 9)])
    wrote = await the_one(options)
    assert (wrote.kind, wrote.says, wrote.claim) == (EvidenceKind.WROTE, Says.USED, WorkField.EMAIL)
    assert wrote.stored == "Jane.Doe@OldCo.example"
    assert wrote.happened_at == day(3)
    assert "secret" not in repr(wrote)


@pytest.mark.parametrize(
    "told",
    [
        mail(noted=""),
        mail(noted=f"{OURS}; dkim=fail header.d=oldco.example"),
        mail(noted="mx.evil.example; dkim=pass header.d=oldco.example"),
        mail(noted=f"{OURS}; dkim=none\r\nAuthentication-Results: {OURS}; dkim=pass header.d=oldco.example"),
        mail(more="Auto-Submitted: auto-replied\r\n"),
        mail(more="List-Id: <x.oldco.example>\r\n"),
        mail(more="Precedence: bulk\r\n"),
        mail(more="Return-Path: <>\r\n"),
        mail(more="Return-path: < >\r\n"),
        mail(more="X-Autoreply: yes\r\n"),
        mail(more="X-Autorespond: I have left\r\n"),
        mail(more="X-Auto-Response-Suppress: All\r\n"),
        mail(more="List-Post: <mailto:x@oldco.example>\r\n"),
        mail(sender="Jane Doe <jane@doe.example>"),
        mail(sender="Jane Doe <someone.else@oldco.example>"),
        mail(at=NOW - timedelta(days=400)),
        mail(date=NOW - timedelta(days=400)),
        mail(more="X: " + "x" * 40_000 + "\r\nList-Id: " + "x" * 40_000 + "\r\n"),
        (b"From: jane.doe@oldco.example\r\nDate: x\r\n\r\n", NOW),
        (b"\xff\x00no mail at all", NOW),
    ],
)
async def test_other_mail_says_nothing(
    dovecot: Dovecot, user: str, options: MailboxOptions, told: tuple[bytes, datetime]
) -> None:
    if b"\x00" in told[0]:
        told = (told[0].replace(b"\x00", b""), told[1])  # IMAP has none
    dovecot.deliver(user, [told])
    seen = await look(options)
    assert not seen.evidence
    assert not seen.more


async def test_mail_with_an_ordinary_return_path_is_by_hand(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail(more="Return-Path: <jane.doe@oldco.example>\r\nAuto-Submitted: no\r\n")])
    assert (await the_one(options)).kind is EvidenceKind.WROTE


async def test_nobody_dates_a_mail_later(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=20), date=NOW + timedelta(days=20))])
    assert (await the_one(options)).happened_at == day(20)


async def test_mail_that_moved_here_is_as_old_as_it_says(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=1), date=NOW - timedelta(days=200))])
    assert (await the_one(options)).happened_at == day(200)


async def test_of_an_address_that_two_share_nobody_wrote(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    other = replace(JANE, id=9, values={**JANE.values, Need.NAME: ("John Poe",)})
    dovecot.deliver(user, [mail()])
    assert not (await look(options, subjects=(JANE, other))).evidence
    twin = replace(JANE, id=9)  # her card in another book
    assert {subject for subject, _ in (await look(options, subjects=(JANE, twin))).evidence} == {7, 9}


async def test_a_hard_bounce_says_that_the_address_is_gone(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [(DSN, datetime(2026, 11, 3, 8, 1, tzinfo=UTC))])
    bounce = await the_one(options)
    assert (bounce.kind, bounce.says, bounce.claim) == (EvidenceKind.BOUNCE, Says.GONE, WorkField.EMAIL)
    assert bounce.stored == "Jane.Doe@OldCo.example"
    assert (bounce.likelihood_ratio, bounce.employer_ratio) == (75, 15)
    assert bounce.happened_at == datetime(2026, 11, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Status: 5.1.1", b"Status: 4.1.1"),
        (b"Action: failed", b"Action: delayed"),
        (b"Final-Recipient: rfc822; jane.doe@", b"Final-Recipient: rfc822; jane@"),
        (b"Content-Type: message/delivery-status", b"Content-Type: text/plain"),
        (b"report-type=delivery-status", b"report-type=feedback-report"),
        (b"Content-Type: multipart/report", b"Content-Type: multipart/mixed"),
        (b"\r\n--b\r\nContent-Type: message/delivery-status", b""),
    ],
)
async def test_other_reports_say_nothing(
    dovecot: Dovecot, user: str, options: MailboxOptions, old: bytes, new: bytes
) -> None:
    assert old in DSN
    dovecot.deliver(user, [(DSN.replace(old, new), NOW - timedelta(days=1))])
    assert not (await look(options)).evidence


def report(sender: str, noted: str = "", way: str = "") -> tuple[bytes, datetime]:
    """A hard bounce of Jane's from there, with what servers noted on it, and whence it came."""
    lines = "".join(f"Authentication-Results: {each}\r\n" for each in noted.splitlines())
    lines += "".join(f"Received: {each}\r\n" for each in way.splitlines())
    ours = b"From: Mail Delivery System <MAILER-DAEMON@mx.home.example>"
    assert ours in DSN
    return DSN.replace(ours, f"{lines}From: {sender}".encode()), NOW - timedelta(days=1)


@pytest.mark.parametrize(
    "told",
    [
        report("x@evil.example", f"{OURS}; dkim=fail; spf=fail"),
        report("x@evil.example", f"{OURS}; dkim=pass header.d=evil.example"),
        report("MAILER-DAEMON@evil.example", f"{OURS}; dkim=pass header.d=evil.example"),
        report("MAILER-DAEMON@evil.example"),
        report("MAILER-DAEMON@mx.home.example", f"{OURS}; dkim=none; spf=none"),
        report("MAILER-DAEMON@mx.home.example", f"{OURS}; dkim=pass header.d=evil.example"),
        report("MAILER-DAEMON@mx.home.example", f"evil.example; dkim=pass header.d=home.example\n{OURS}; dkim=none"),
        report("MAILER-DAEMON@mx.home.example", "mx2.home.example; dkim=none; spf=fail"),
        report("MAILER-DAEMON@mx.home.example", way="from x (x [93.184.216.34]) by mx.home.example with ESMTP id 1"),
        report("MAILER-DAEMON@mx.home.example", way="from x (IPv6:2a02:810a::7) by mx.home.example\nby a id 2"),
        report("MAILER-DAEMON@mx.home.example", way=f"from {'h' * 1990} (unknown [8.8.8.8]) by mx.home.example"),
        report("MAILER-DAEMON@mx.home.example", way="from x (root@8.8.8.8) by mx.home.example"),
        report("MAILER-DAEMON@mx.home.example", way="from evil.example by mx.home.example with ESMTP"),
        report("MAILER-DAEMON@mx.home.example", way="from x (8.8.8.8:4444) by mx.home.example"),
        report("MAILER-DAEMON@mx.home.example", way="from a ([127.0.0.1]) by b\nfrom x (x [8.8.8.8]) by a"),
        report("postmaster@oldco.example", f"{OURS}; dkim=fail header.d=oldco.example"),
        report("postmaster@oldco.example"),
        report("someone@oldco.example", f"{OURS}; dkim=pass header.d=oldco.example"),
    ],
)
async def test_a_forged_bounce_says_nothing(
    dovecot: Dovecot, user: str, options: MailboxOptions, told: tuple[bytes, datetime]
) -> None:
    dovecot.deliver(user, [told])
    assert not (await look(options)).evidence


@pytest.mark.parametrize(
    "told",
    [
        report("MAILER-DAEMON@home.example"),
        report("MAILER-DAEMON@home.example", way="from nas.home.example (nas [100.64.1.7]) by mx.home.example"),
        report("MAILER-DAEMON@home.example", way="by mx.home.example (Postfix) id 12; Tue, 3 Nov 2026 08:00:00 +0000"),
        report("MAILER-DAEMON@home.example", way="from mx.home.example ([127.0.0.1]) by mx.home.example with LMTP"),
        report("postmaster@mx2.home.example", f"{OURS}; dkim=pass header.d=home.example"),
        report("Postmaster <postmaster@oldco.example>", f"{OURS}; dkim=pass header.d=oldco.example"),
    ],
)
async def test_a_bounce_of_who_knows_counts(
    dovecot: Dovecot, user: str, options: MailboxOptions, told: tuple[bytes, datetime]
) -> None:
    dovecot.deliver(user, [told])
    assert (await the_one(options)).kind is EvidenceKind.BOUNCE


@pytest.mark.parametrize("mails", [4, 5])
async def test_a_server_of_which_the_mail_says_nothing_is_not_taken_for_one_that_notes_nothing_on_its_own(
    dovecot: Dovecot, user: str, options: MailboxOptions, mails: int
) -> None:
    """Where nobody notes anything, who forges a report is not told from one's own server."""
    dovecot.deliver(user, [(b"From: x@x.example\r\n\r\n", NOW)] * (mails - 1) + [report("MAILER-DAEMON@home.example")])
    if mails < 5:
        assert (await the_one(options)).kind is EvidenceKind.BOUNCE
        return
    with pytest.raises(SourceFailed, match=r"stands on none of the newest mail\. If your server notes nothing"):
        await look(options)


async def test_a_mailbox_with_gaps_of_millions_of_uids_is_read_at_once(
    dovecot: Dovecot, user: str, options: MailboxOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot.deliver(user, [mail()])
    monkeypatch.setattr(mail_scan, "examine", lambda *given: replace(imap.examine(*given), next_uid=4_000_000_000))
    searches: list[object] = []
    search = mail_scan.Reader._search

    def counted(reader: mail_scan.Reader, *given: Any) -> list[int]:
        searches.append(given)
        return search(reader, *given)

    monkeypatch.setattr(mail_scan.Reader, "_search", counted)
    assert (await the_one(options)).kind is EvidenceKind.WROTE
    assert len(searches) == 1


async def test_a_folder_of_sent_mail_after_a_long_inbox_stops_nothing(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=9 - i)) for i in range(8)])
    with dovecot.owner(user) as client:
        client.create_folder("Sent")
        for _ in range(12):
            client.append("Sent", b"From: me@home.example\r\nDate: Tue, 3 Nov 2026 08:00:00 +0000\r\n\r\nhello")
    mailbox = Mailbox(replace(options, folders=("INBOX", "Sent")), a_look=5)
    seen = await look(mailbox)
    assert seen.more
    while seen.more:
        seen = await look(mailbox, seen.cursor)


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_a_folder_is_parted_by_its_messages_and_not_by_its_uids(
    dovecot: Dovecot, user: str, options: MailboxOptions, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(mail_scan, "_WINDOW", most)
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=9 - i)) for i in range(7)])
    with dovecot.owner(user) as client:
        client.select_folder("INBOX")
        client.delete_messages([2, 3, 5])
        client.expunge()
    assert (await the_one(options)).happened_at == day(3)


async def test_gmails_own_bounces_count(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    noted = "mx.google.com; dkim=pass header.i=@googlemail.com header.s=x; spf=pass smtp.helo=mail.google.com"
    dovecot.deliver(user, [report("Mail Delivery Subsystem <mailer-daemon@googlemail.com>", noted)])
    assert (await the_one(replace(options, authserv_id="mx.google.com"))).kind is EvidenceKind.BOUNCE


async def test_her_name_at_another_company_suggests_its_domain(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail("=?utf-8?q?Doe=2C_Jane?= <jdoe@mail.newco.example>")])
    moved = await the_one(options, (JANE, BOB))
    assert (moved.kind, moved.says, moved.claim) == (EvidenceKind.NEW_ADDRESS, Says.DIFFERS, WorkField.EMAIL)
    assert (moved.stored, moved.suggested) == ("Jane.Doe@OldCo.example", "newco.example")
    assert (moved.likelihood_ratio, moved.match, moved.family) == (20, 0.9, "mail")
    assert "jdoe" not in repr(moved)


@pytest.mark.parametrize(
    "told",
    [
        mail("Jane Doe <jane.doe@gmail.com>", noted=f"{OURS}; dkim=pass header.d=gmail.com"),
        mail("Jane Doe <jane.doe@newco.example>", noted=f"{OURS}; dkim=fail header.d=newco.example"),
        mail("Jane Doe <invitations@newco.example>"),
        mail("Jane Doe <jane@doe-family.example>"),
        mail("Jane Doe <jane.doe@sales.oldco.example>"),
        mail("Jane Doe <jane.doe@oldco-group.example>"),
        mail("Jane Doe via NewCo <jane.doe@newco.example>"),
        mail("Jane <jane@newco.example>"),
        mail("Jane Doe <jane.doe@newco.example>", more="List-Unsubscribe: <https://newco.example/>\r\n"),
    ],
)
async def test_what_may_be_no_new_employer_suggests_nothing(
    dovecot: Dovecot, user: str, options: MailboxOptions, told: tuple[bytes, datetime]
) -> None:
    dovecot.deliver(user, [told])
    assert not (await look(options)).evidence


async def test_a_domain_in_letters_that_look_like_others_is_shown_in_punycode(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    noted = f"{OURS}; dkim=pass header.d=xn--newc-yif.example"
    dovecot.deliver(user, [mail("Jane Doe <jane.doe@xn--newc-yif.example>", noted=noted)])
    assert (await the_one(options)).suggested == "xn--newc-yif.example"


async def test_a_name_that_two_have_suggests_nothing(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    dovecot.deliver(user, [mail("Jane Doe <jane.doe@newco.example>")])
    namesake = Subject(id=9, values={Need.NAME: ("Jane Doe",), Need.WORK_EMAIL: ("jd@thirdco.example",)})
    assert not (await look(options, subjects=(JANE, namesake))).evidence


async def test_without_an_address_the_organisation_is_what_differs(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail("Jane Doe <jane.doe@newco.example>")])
    card = Subject(id=7, values={Need.NAME: ("Jane Doe",), Need.ORGANISATION: ("Wayland Shipping",)})
    moved = await the_one(options, (card,))
    assert (moved.claim, moved.stored) == (WorkField.ORGANISATION, "Wayland Shipping")
    bare = Subject(id=7, values={Need.NAME: ("Jane Doe",)})
    assert not (await look(options, subjects=(bare,))).evidence
    theirs = Mailbox(options, domains={"Wayland Shipping": ["newco.example"]})
    assert not (await look(theirs, subjects=(card,))).evidence


async def test_the_name_of_the_owners_server_is_proposed_and_never_taken_from_mail(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail()])
    unnamed = replace(options, authserv_id=None)
    with pytest.raises(SourceFailed, match=r"Set authserv_id .* first word of Authentication-Results"):
        await look(unnamed)
    dovecot.deliver(user, [mail(f"P <p@d{i % 5}.example>") for i in range(20)])
    with pytest.raises(SourceFailed, match=rf"Set authserv_id .* has {OURS}:"):
        await look(unnamed)
    with pytest.raises(SourceFailed, match=rf"stands on none of the newest mail\. Most of it has {OURS}:"):
        await look(replace(options, authserv_id="mx.other.example"))
    assert len((await look(options)).evidence) == 1


async def test_a_name_that_is_none_is_not_shown(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    noted = '"<evil> \x07 mx"; dkim=pass header.d={}'
    dovecot.deliver(user, [mail(f"P <p@d{i % 5}.example>", noted=noted) for i in range(20)])
    with pytest.raises(SourceFailed, match="Set authserv_id") as failure:
        await look(replace(options, authserv_id=None))
    assert "evil" not in str(failure.value)


# ---------------------------------------------------------------- reading on


async def test_a_long_mailbox_is_read_in_several_looks_and_once_only(
    dovecot: Dovecot, user: str, options: MailboxOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_scan, "_AT_ONCE", 2)
    monkeypatch.setattr(mail_scan, "_WINDOW", 4)
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=500))] * 10)
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=20 - i)) for i in range(12)])
    mailbox = Mailbox(options, a_look=5)
    cursor: Mapping[str, Any] | None = None
    days = []
    for more in (True, True, False, False):
        seen = await look(mailbox, cursor)
        assert seen.more is more
        cursor = seen.cursor
        days += [each.happened_at for _, each in seen.evidence]
    assert days == [day(16), day(11), day(9)]


async def test_new_mail_between_looks_is_seen_and_the_old_is_not_read_again(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=9 - i)) for i in range(3)])
    mailbox = Mailbox(options, a_look=2)
    first = await look(mailbox)
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=1))])
    second = await look(mailbox, first.cursor)
    assert (first.more, second.more) == (True, False)
    assert [each.happened_at for _, each in second.evidence] == [day(1)]
    third = await look(mailbox, second.cursor)
    assert not third.evidence
    assert third.cursor == second.cursor


async def test_old_mail_that_is_put_in_later_says_nothing(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    dovecot.deliver(user, [mail("P <p@x.example>")])
    first = await look(options)
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=500))])
    assert not (await look(options, first.cursor)).evidence


@pytest.mark.parametrize("storage", ["mdbox:~/mdbox", "maildir:~/Maildir"])
async def test_mail_that_is_expunged_in_the_middle_is_left_out(
    options: MailboxOptions, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    with start_dovecot(storage) as server:
        options = replace(options, port=server.tls_port, ca_file=server.ca_file)
        server.deliver(options.username, [mail(at=NOW - timedelta(days=9 - i)) for i in range(6)])
        monkeypatch.setattr(mail_scan, "_AT_ONCE", 2)
        monkeypatch.setattr(mail_scan, "fetch", _while_another_expunges(server, options.username, left=3))
        seen = await look(options)
        assert not seen.more
        monkeypatch.undo()
        with server.owner(options.username) as client:
            assert client.select_folder("INBOX")[b"EXISTS"] == 3
        [(_, wrote)] = seen.evidence
        assert wrote.happened_at is not None
        assert wrote.happened_at >= day(7)  # some servers give to the end what they had at the beginning
        server.deliver(options.username, [mail(at=NOW)])
        assert [each.happened_at for _, each in (await look(options, seen.cursor)).evidence] == [day(0)]


def _while_another_expunges(server: Dovecot, user: str, left: int) -> Callable[..., Any]:
    def fetch(client: Any, uids: Sequence[int], parts: Sequence[str]) -> Any:
        with server.owner(user) as other:
            other.select_folder("INBOX")
            if uids and (last := other.search()[left:]):
                other.delete_messages(last[-1:])
                other.expunge()
        return imap.fetch(client, uids, parts)

    return fetch


async def test_after_a_change_of_uidvalidity_the_folder_is_read_anew(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    there = replace(options, folders=("Work",))
    dovecot.deliver(user, [mail("P <p@x.example>")] * 3, "Work")
    first = await look(there)
    with dovecot.owner(user) as client:
        client.rename_folder("Work", "Elsewhere")
    dovecot.deliver(user, [mail()], "Work")
    second = await look(there, first.cursor)
    assert len(second.evidence) == 1
    assert not second.more


@pytest.mark.parametrize("newcomers", [1, 20])
async def test_of_a_new_contact_the_mail_that_was_read_before_is_seen(
    dovecot: Dovecot, user: str, options: MailboxOptions, newcomers: int
) -> None:
    dovecot.deliver(user, [mail("Zoë Doe <zoë@oldco.example>"), mail("Zoë Doe <zoe@newco.example>"), mail()])
    first = await look(options, subjects=(BOB,))
    assert not first.evidence
    zoe = Subject(id=20, values={Need.NAME: ("Zoë Doe",), Need.WORK_EMAIL: ("zoe@oldco.example",)})
    new = [Subject(id=30 + i, values={Need.WORK_EMAIL: (f"p{i}@x.example",)}) for i in range(newcomers - 1)]
    second = await look(options, first.cursor, (BOB, JANE, zoe, *new))
    assert {(subject, each.kind) for subject, each in second.evidence} == {
        (7, EvidenceKind.WROTE),
        (20, EvidenceKind.NEW_ADDRESS),
    }
    assert not (await look(options, second.cursor, (BOB, JANE, zoe, *new))).evidence


async def test_a_cursor_that_is_none_is_a_beginning(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    dovecot.deliver(user, [mail()])
    for cursor in ({"INBOX": None}, {"INBOX": {"uidvalidity": "x", "uid": 9, "known": []}}, {"INBOX": {"uid": 9}}):
        assert len((await look(options, cursor)).evidence) == 1


async def test_several_folders_are_read_each_from_its_place(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=9))] * 3)
    dovecot.deliver(user, [mail(at=NOW - timedelta(days=5))] * 3, "Ärger & Co")
    mailbox = Mailbox(replace(options, folders=("INBOX", "Ärger & Co")), a_look=2)
    cursor: Mapping[str, Any] | None = None
    days = set()
    for more in (True, True, False):
        seen = await look(mailbox, cursor)
        assert seen.more is more
        cursor = seen.cursor
        days |= {each.happened_at for _, each in seen.evidence}
    assert days == {day(9), day(5)}


async def test_nothing_in_the_mailbox_changes(dovecot: Dovecot, user: str, options: MailboxOptions) -> None:
    dovecot.deliver(user, [mail(), (DSN, NOW - timedelta(days=2))])
    assert len((await look(options)).evidence) == 2
    with dovecot.owner(user) as client:
        told = client.select_folder("INBOX")
        assert told[b"RECENT"] == 2  # nobody opened it but to read
        assert all(b"\\Seen" not in each[b"FLAGS"] for each in client.fetch(client.search(), ["FLAGS"]).values())


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("tls", ["starttls", "none"])
async def test_the_other_kinds_of_connection_work(
    dovecot: Dovecot, user: str, options: MailboxOptions, tls: Any
) -> None:
    dovecot.deliver(user, [mail()])
    assert (await the_one(replace(options, tls=tls, port=dovecot.port))).kind is EvidenceKind.WROTE


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_a_certificate_of_another_authority_is_refused(
    dovecot: Dovecot, options: MailboxOptions, tmp_path: Path, tls: Any
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    port = dovecot.tls_port if tls == "tls" else dovecot.port
    for ca_file in (None, tmp_path / "other.pem"):
        with pytest.raises(SourceFailed, match="certificate of the mail server is not trusted"):
            await look(replace(options, tls=tls, port=port, ca_file=ca_file))


async def test_a_certificate_of_another_host_is_refused(options: MailboxOptions) -> None:
    with pytest.raises(SourceFailed, match="certificate"):
        await look(replace(options, host="127.0.0.1"))


async def test_a_wrong_password_is_said_and_not_told(options: MailboxOptions) -> None:
    for password in ("wrong-secret", "wrong-sécret", lambda: "wrong-secret"):
        with pytest.raises(SourceFailed, match="refuses user name or password") as failure:
            await look(replace(options, password=password))
        assert failure.value.wait
        assert "cret" not in str(failure.value)
    assert "pass:w" not in repr(options)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"folders": ("INBOX", "Nowhere")}, "no folder 'Nowhere'"),
        ({"ca_file": Path("nowhere.pem")}, "ca_file"),
        ({"host": "nowhere.invalid"}, "cannot be reached"),
    ],
)
async def test_a_wrong_setting_is_named(options: MailboxOptions, change: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        await look(replace(options, **change))


async def test_tls_on_a_port_without_is_said(dovecot: Dovecot, options: MailboxOptions) -> None:
    with pytest.raises(SourceFailed, match="speaks no TLS there"):
        await look(replace(options, port=dovecot.port))


async def test_a_connection_cut_anywhere_fails_and_the_next_look_goes_on(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    dovecot.deliver(user, [mail("P <p@x.example>"), mail()] * 20 + [(DSN, NOW - timedelta(days=2))])
    with cutting(dovecot.tls_port) as proxy:
        through = replace(options, port=proxy.port)
        first = await look(through)
        whole = proxy.passed
        assert len(first.evidence) == 2
        for after in range(0, whole - 200, whole // 40):  # the last bytes are the good-bye
            proxy.after = after
            with pytest.raises(SourceFailed, match=r"broke|reached|TLS"):
                await look(through)
        proxy.after = None
        assert (await look(through)).evidence == first.evidence


async def test_a_server_that_ends_is_said(user: str, tmp_path: Path) -> None:
    with start_dovecot("maildir:~/Maildir") as server:
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(server.ca_file.read_bytes())
        options = MailboxOptions(
            host=server.host, port=server.tls_port, username=user, password=server.password, ca_file=ca_file
        )
        server.deliver(user, [mail()])
        first = await look(replace(options, authserv_id=OURS))
        assert len(first.evidence) == 1
    with pytest.raises(SourceFailed, match="cannot be reached"):
        await look(options, first.cursor)


# ---------------------------------------------------------------- the demo's


async def test_the_mailbox_that_the_demo_plays_answers_as_a_real_one(
    dovecot: Dovecot, user: str, options: MailboxOptions
) -> None:
    at = NOW - timedelta(days=3)
    mails = [
        post.returned("jane.doe@oldco.example", at),
        post.letter("Jane Doe", "jane.doe@newco.example", at),
        post.letter("Jane Doe", "jane.doe@oldco.example", at),
        post.letter("Zoë, Übersetzer", "zoe@others.example", at),
    ]
    dovecot.deliver(user, [(each.raw, each.arrived) for each in mails])
    played = await look(Mailbox(post.options(), connect=post.Mailbox(mails).connected))
    assert [each.kind for _, each in played.evidence] == [
        EvidenceKind.NEW_ADDRESS,
        EvidenceKind.WROTE,
        EvidenceKind.BOUNCE,
    ]
    assert played.evidence == (await look(options)).evidence
