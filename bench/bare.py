"""The measuring stick: what any client must at least ask the server, and nothing else.

    python bench/bare.py pull    BOOK_URL USER PASSWORD [--batch 100]        download every card by multiget
    python bench/bare.py changes BOOK_URL USER PASSWORD --token T [--rounds]  ask what changed since a sync token

``pull`` prints the sync token that it began with, ``changes`` the seconds of each round.  The password is
invented and of this machine.
"""

import argparse
import re
import time
from urllib.parse import urlsplit

import httpx

SYNC = """<?xml version="1.0" encoding="utf-8"?><D:sync-collection xmlns:D="DAV:"><D:sync-token>{token}</D:sync-token>\
<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"""
MULTIGET = """<?xml version="1.0" encoding="utf-8"?><C:addressbook-multiget xmlns:D="DAV:" \
xmlns:C="urn:ietf:params:xml:ns:carddav"><D:prop><D:getetag/><C:address-data/></D:prop>{hrefs}\
</C:addressbook-multiget>"""
HREF = re.compile(r"<(?:\w+:)?href>([^<]+)</")
TOKEN = re.compile(r"<(?:\w+:)?sync-token>([^<]+)</")


def report(client: httpx.Client, url: str, body: str) -> httpx.Response:
    headers = {"Depth": "1", "Content-Type": "application/xml; charset=utf-8"}
    reply = client.request("REPORT", url, content=body.encode(), headers=headers)
    assert reply.status_code == httpx.codes.MULTI_STATUS, reply.status_code
    return reply


def changes(client: httpx.Client, url: str, token: str) -> tuple[list[str], str]:
    """Hrefs that changed since ``token`` ("": all), and the new token (RFC 6578)."""
    text = report(client, url, SYNC.format(token=token)).text
    found = TOKEN.search(text)
    assert found, "no sync token in the reply"
    return [href for href in HREF.findall(text) if href != urlsplit(url).path], found[1]


def pull(client: httpx.Client, url: str, batch: int) -> str:
    hrefs, token = changes(client, url, "")
    size = 0
    for at in range(0, len(hrefs), batch):
        wanted = "".join(f"<D:href>{href}</D:href>" for href in hrefs[at : at + batch])
        size += len(report(client, url, MULTIGET.format(hrefs=wanted)).content)
    assert size > 100 * len(hrefs), "the server sent no cards"
    return token


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pull", "changes"))
    for name in ("url", "user", "password"):
        parser.add_argument(name)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--token", default="")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--encoding", default="identity", help="Accept-Encoding; httpx itself would say gzip, deflate")
    given = parser.parse_args()
    headers = {"Accept-Encoding": given.encoding}
    with httpx.Client(auth=(given.user, given.password), timeout=600, trust_env=False, headers=headers) as client:
        if given.what == "pull":
            print(pull(client, given.url, given.batch))
        for _ in range(given.rounds if given.what == "changes" else 0):
            start = time.perf_counter()
            hrefs, _ = changes(client, given.url, given.token)
            print(time.perf_counter() - start)
            assert not hrefs, "the book changed under the measurement"


if __name__ == "__main__":
    main()
