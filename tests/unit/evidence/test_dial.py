"""Names are looked up with the name servers that are configured, and as they stand."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import dns.asyncresolver
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import httpcore
import pytest

from cardsync.evidence.dial import GuardedNetwork, NotPublic, Unresolved, own_addresses, resolve
from cardsync.evidence.vetting import Address, beside, public

Records = Mapping[tuple[str, str], list[str]]


class _Answers(asyncio.DatagramProtocol):
    def __init__(self, records: Records) -> None:
        self.records = records
        self.asked: list[str] = []
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append(f"{name} {kind}")
        reply = dns.message.make_response(query)
        values = self.records.get((str(name), kind), [])
        if values:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *values))
        elif not any(known == str(name) for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        assert self.transport
        self.transport.sendto(reply.to_wire(), address)


@asynccontextmanager
async def nameserver(records: Records) -> AsyncIterator[tuple[dns.asyncresolver.Resolver, _Answers]]:
    loop = asyncio.get_running_loop()
    transport, answers = await loop.create_datagram_endpoint(lambda: _Answers(records), ("127.0.0.1", 0))
    answers.transport = transport
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    resolver.search = [dns.name.from_text("home.example")]
    try:
        yield resolver, answers
    finally:
        transport.close()


async def test_all_addresses_are_told_ipv4_first() -> None:
    records = {
        ("jane.example.", "A"): ["93.184.216.34", "10.0.0.1"],
        ("jane.example.", "AAAA"): ["2606:4700::1111"],
    }
    async with nameserver(records) as (resolver, _):
        found = await resolve("jane.example", resolver)
    assert found[-1] == ip_address("2606:4700::1111")
    assert set(map(str, found)) == {"93.184.216.34", "10.0.0.1", "2606:4700::1111"}


async def test_one_kind_of_address_is_enough() -> None:
    async with nameserver({("jane.example.", "A"): ["93.184.216.34"]}) as (resolver, _):
        assert await resolve("jane.example", resolver) == [ip_address("93.184.216.34")]


async def test_a_name_that_is_not_there_is_not_looked_for_elsewhere() -> None:
    records = {("jane.example.home.example.", "A"): ["93.184.216.34"], ("mail.example.", "MX"): ["0 ."]}
    async with nameserver(records) as (resolver, answers):
        for name in ("jane.example", "mail.example"):
            with pytest.raises(Unresolved):
                await resolve(name, resolver)
    assert answers.asked == ["jane.example. AAAA", "mail.example. AAAA", "mail.example. A"]


# ---------------------------------------------------------------- the owner's own network


class _Reached(Exception):
    """A connection would have been made."""


class _Inner(httpcore.AsyncNetworkBackend):
    async def connect_tcp(self, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        raise _Reached


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (["2a02:810a:1:2::1"], True),
        (["93.184.216.34", "2a02:810a:1:2:aaaa:bbbb:cccc:dddd"], True),
        (["2a02:810a:1:3::1"], False),  # the neighbour's
        (["2606:4700::1111"], False),
        (["93.184.216.34"], False),
    ],
)
async def test_no_name_leads_to_what_stands_beside_this_machine(found: list[str], refused: bool) -> None:
    own = [ip_address(address) for address in ("fe80::1", "::1", "2a02:810a:1:2::77", "192.168.1.2")]

    async def resolver(_: str) -> list[Address]:
        return [ip_address(address) for address in found]

    network = GuardedNetwork(public, resolver, _Inner(), lambda _: own)
    with pytest.raises(NotPublic if refused else _Reached):
        await network.connect_tcp("jane.example", 443)


def test_the_addresses_of_this_machine_are_read_from_the_system_s_table(tmp_path: Path) -> None:
    (tmp_path / "if_inet6").write_text(
        "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n2a02810a000100020000000000000077 04 40 00 00   wlan0\n"
    )
    own = {ip_address("fe80::fc:ff:fe00:1"), ip_address("2a02:810a:1:2::77")}
    assert own_addresses((), tmp_path) == own
    (tmp_path / "fib_trie").write_text(
        "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n"
        "        |-- 93.184.216.0\n           /24 link UNICAST\n"
        "        |-- 93.184.216.34\n           /32 host LOCAL\n"
        "        |-- 93.184.216.255\n           /32 link BROADCAST\n"
    )
    assert own_addresses((), tmp_path) == own | {ip_address("93.184.216.34")}


@pytest.mark.parametrize("content", [None, "", "nonsense", "zz 04 40", "fe80 04\n", "\n \n"])
def test_a_system_without_that_table_has_none_to_tell(content: str | None, tmp_path: Path) -> None:
    for name in ("if_inet6", "fib_trie"):
        if content is not None:
            (tmp_path / name).write_text(content)
    assert own_addresses((), tmp_path) == frozenset()


def test_the_address_from_which_another_is_reached_is_this_machine_s(tmp_path: Path) -> None:
    here = ip_address("::1")
    assert own_addresses([ip_address("93.184.216.34"), here], tmp_path) <= {here}  # none without IPv6


def test_this_machines_own_address_is_refused_in_either_form() -> None:
    own = [ip_address("8.8.4.4")]
    assert beside(ip_address("8.8.4.4"), own)
    assert beside(ip_address("::ffff:8.8.4.4"), own)
    assert not beside(ip_address("::ffff:8.8.8.8"), own)
