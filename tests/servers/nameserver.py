"""A small name server on loopback, UDP and TCP on one port, for zones and for faults of every kind."""

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The reply to one question; ``soa``: the zone whose SOA goes into the authority section."""

    rcode: str = "NOERROR"
    answer: tuple[str, ...] = ()  # ``gone.example. 300 IN MX 0 .``
    soa: str = ""
    silent: bool = False
    truncated: bool = False  # over UDP
    garbage: bytes = b""


Zone = Mapping[str, Said]
"""``name TYPE`` or ``name *`` -> reply; what is not listed is REFUSED."""


@dataclass(frozen=True, slots=True)
class Nameserver:
    """A server that runs, and what it was asked: ``name TYPE over``."""

    address: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def nameserver(zone: Zone) -> Iterator[Nameserver]:
    """Answer questions until the block ends."""
    asked: list[str] = []

    def answer(wire: bytes, over: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        asked.append(f"{name} {kind} {over}")
        said = zone.get(f"{name} {kind}") or zone.get(f"{name} *") or Said(rcode="REFUSED")
        if said.silent:
            return None
        return said.garbage or _reply(query, said, over).to_wire()

    udp, tcp = _bound(answer)
    with _serving(udp), _serving(tcp):
        yield Nameserver(f"127.0.0.1:{udp.socket.getsockname()[1]}", asked)


def _reply(query: dns.message.Message, said: Said, over: str) -> dns.message.Message:
    reply = dns.message.make_response(query, recursion_available=True)
    reply.set_rcode(dns.rcode.from_text(said.rcode))
    if said.truncated and over == "udp":
        reply.flags |= dns.flags.TC
        return reply
    for line in said.answer:
        owner, ttl, klass, kind, rest = line.split(None, 4)
        reply.answer.append(dns.rrset.from_text(owner, int(ttl), klass, kind, rest))
    if said.soa:
        text = "ns.nic.example. hostmaster.nic.example. 1 1800 900 604800 900"
        reply.authority.append(dns.rrset.from_text(said.soa, 900, "IN", "SOA", text))
    return reply


Answer = Callable[[bytes, str], bytes | None]


def _bound(answer: Answer) -> tuple[socketserver.UDPServer, socketserver.TCPServer]:
    """Both servers on one port, which the second may find taken."""

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            if (reply := answer(data, "udp")) is not None:
                sock.sendto(reply, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            if (reply := answer(self.rfile.read(length), "tcp")) is not None:
                self.wfile.write(struct.pack("!H", len(reply)) + reply)

    for _ in range(20):
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Udp)
        try:
            return udp, socketserver.ThreadingTCPServer(udp.server_address, Tcp)
        except OSError:
            udp.server_close()
    raise RuntimeError("no port is free for both UDP and TCP")


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
