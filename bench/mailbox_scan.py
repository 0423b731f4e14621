"""What reading a mailbox costs, on a real Dovecot: ``python bench/mailbox_scan.py``; ``name = value`` lines.

A generated mailbox of ``--messages``, a year's worth, and ``--vips`` contacts.  Beside the first scan stands a bare
loop of IMAPClient that fetches the same header fields, on another user's mailbox with the same mail, so that the server
has cached nothing for either; ``--rounds`` such pairs, which of the two is first in turn.  And beside it what it costs
to search for each contact instead.
"""

import argparse
import asyncio
import random
import resource
import time
import tracemalloc
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, cast

from imapclient import IMAPClient

from cardsync.evidence.mail_scan import HEADER
from cardsync.evidence.mailbox import Mailbox, MailboxOptions
from cardsync.sources import Need, Subject, Web
from servers.dovecot import Dovecot, start_dovecot, trusting

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OURS = "mx.home.example"
SEARCHED = 10
DSN = """Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Not delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; {ours}

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1

--b--
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--vips", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--storage", default="mdbox:~/mdbox")
    given = parser.parse_args()
    vips = [vip(i) for i in range(given.vips)]
    with start_dovecot(given.storage) as server:
        mails = [mail(i, given.messages, given.vips) for i in range(given.messages)]
        users = [f"{who}{i}" for i in range(given.rounds) for who in ("ours", "bare")]
        for user in users:
            fill(server, user, mails)
        del mails
        measure(server, vips, given.rounds)


def measure(server: Dovecot, vips: list[Subject], rounds: int) -> None:
    first: list[float] = []
    bare: list[float] = []
    cursors: list[Mapping[str, Any]] = []
    for i in range(rounds):
        turns: list[Callable[[], None]] = [
            lambda i=i: cursors.append(timed(first, lambda: scan(server, f"ours{i}", vips, {}))),  # type: ignore[misc]
            lambda i=i: timed(bare, lambda: fetch_all(server, f"bare{i}")),  # type: ignore[misc]
        ]
        for turn in turns if i % 2 else reversed(turns):
            turn()
    print(f"first_scan_seconds = {median(first):.2f}")
    print(f"bare_fetch_seconds = {median(bare):.2f}")
    print(f"first_scan_vs_bare_fetch = {median(a / b for a, b in zip(first, bare, strict=True)):.2f}")
    again: list[float] = []
    for i in range(rounds):
        timed(again, lambda i=i: scan(server, f"ours{i}", vips, cursors[i]))  # type: ignore[misc]
    print(f"next_scan_seconds = {max(again):.3f}")
    print(f"searches_for_all_vips_seconds = {searches(server, 'bare0', vips):.1f}")
    tracemalloc.start()
    scan(server, "ours0", vips, {})
    print(f"first_scan_python_peak_mb = {tracemalloc.get_traced_memory()[1] / 2**20:.1f}")
    print(f"process_peak_mb = {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")  # with the mail made


def timed(into: list[float], work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    into.append(time.perf_counter() - start)
    return result


def scan(server: Dovecot, user: str, vips: list[Subject], cursor: Mapping[str, Any]) -> Mapping[str, Any]:
    options = MailboxOptions(
        host=server.host,
        port=server.tls_port,
        username=user,
        password=server.password,
        ca_file=server.ca_file,
        authserv_id=OURS,
    )
    mailbox, more, evidence = Mailbox(options), True, 0
    anew = not cursor
    while more:
        seen = asyncio.run(mailbox.look(vips, cursor, cast("Web", None), NOW))
        cursor, more, evidence = seen.cursor or {}, seen.more, evidence + len(seen.evidence)
    assert bool(evidence) is anew, "the first scan finds, the next one has nothing new"
    return cursor


def fetch_all(server: Dovecot, user: str) -> None:
    with connected(server, user) as client:
        client.select_folder("INBOX", readonly=True)
        uids = client.search(["SINCE", (NOW - timedelta(days=366)).date()])
        for start in range(0, len(uids), 500):
            client.fetch(uids[start : start + 500], ["INTERNALDATE", HEADER])


def searches(server: Dovecot, user: str, vips: list[Subject]) -> float:
    """The seconds for all, reckoned from a few."""
    with connected(server, user) as client:
        client.select_folder("INBOX", readonly=True)
        start = time.perf_counter()
        for each in vips[:SEARCHED]:
            client.search(["SINCE", (NOW - timedelta(days=366)).date(), "FROM", each.values[Need.WORK_EMAIL][0]])
        return (time.perf_counter() - start) / SEARCHED * len(vips)


def connected(server: Dovecot, user: str) -> IMAPClient:
    client = IMAPClient(server.host, server.tls_port, ssl_context=trusting(server))
    client.plain_login(user, server.password)
    return client


def vip(i: int) -> Subject:
    return Subject(
        id=i,
        values={
            Need.NAME: (f"Given{i} Family{i}",),
            Need.WORK_EMAIL: (f"family{i}@company{i % 97}.example",),
            Need.WORK_DOMAIN: (f"company{i % 97}.example",),
            Need.ORGANISATION: (f"Company{i % 97} Ltd",),
        },
    )


def mail(i: int, messages: int, vips: int) -> tuple[bytes, datetime]:
    """One in ten is a VIP's, one in a hundred a report, the rest is of others and of lists."""
    rng = random.Random(i)
    at = NOW - timedelta(days=360 * (messages - i) / messages)
    who = rng.randrange(vips)
    name, address, more = (
        f"Other Person{i % 3000}",
        f"p{i % 3000}@host{i % 700}.example",
        "Content-Type: text/plain\n\n",
    )
    if i % 10 == 0:
        name, address = f"Given{who} Family{who}", f"family{who}@company{who % 97}.example"
    elif i % 100 == 1:
        more = DSN.format(ours=OURS, address=f"family{who}@company{who % 97}.example")
    elif i % 3 == 0:
        more = "List-Id: <news.example>\nContent-Type: text/plain\n\n"
    domain = address.rpartition("@")[2]
    head = f"""Return-Path: <{address}>
Received: from out.{domain} by {OURS}; {at:%a, %d %b %Y %H:%M:%S +0000}
Authentication-Results: {OURS}; dkim=pass (2048-bit key) header.d={domain} header.s=s;
 spf=pass smtp.mailfrom={domain}; dmarc=pass header.from={domain}
DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s; b={"x" * 340}
From: "{name}" <{address}>
To: me@home.example
Subject: Mail {i}
Date: {at:%a, %d %b %Y %H:%M:%S +0000}
Message-ID: <{i}@{domain}>
MIME-Version: 1.0
"""
    return (head + more + "text of the mail " * rng.randrange(20, 200)).replace("\n", "\r\n").encode(), at


def fill(server: Dovecot, user: str, mails: list[tuple[bytes, datetime]]) -> None:
    with server.owner(user) as client:
        for start in range(0, len(mails), 500):
            told = [{"msg": text, "flags": (), "date": at} for text, at in mails[start : start + 500]]
            client.multiappend("INBOX", told)


if __name__ == "__main__":
    main()
