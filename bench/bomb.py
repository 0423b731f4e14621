"""How much memory a gzip bomb takes: ``python bench/bomb.py [--megabytes 200]``.

A site on loopback sends that many megabytes, packed, to the guarded client, and to the bare HTTP library that counts
what it gets and stops after 1 MB as well.  Each runs in a process of its own and has fetched a harmless page before.
Prints ``name = value``, the peaks above that in MB.  Linux only, as the peak is that of /proc.
"""

import argparse
import asyncio
import subprocess
import sys
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("src", "tests")]

PIECE = bytes(1 << 20)


def packed(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(PIECE) for _ in range(megabytes)) + packer.flush()


class Peak:
    """How far the memory of this process rises above where it is now, in MB."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak begins anew
        self._base = self._told("VmRSS")

    def above(self) -> float:
        """The rise since it was made."""
        return (self._told("VmHWM") - self._base) / 1024

    def _told(self, name: str) -> int:
        lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1])  # KiB


async def bare(port: int) -> float:
    """What the bare HTTP library adds."""
    import httpx

    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"http://127.0.0.1:{port}/")
        peak, got = Peak(), 0
        async with client.stream("GET", f"http://127.0.0.1:{port}/bomb") as reply:
            async for chunk in reply.aiter_bytes():
                got += len(chunk)
                if got > len(PIECE):
                    break
        return peak.above()


async def guarded(port: int) -> float:
    """What the guarded client adds."""
    import httpcore

    from cardsync.evidence.http import GuardedClient
    from cardsync.evidence.vetting import Address
    from cardsync.sources import About, SourceFailed

    class Mapped(httpcore.AnyIOBackend):
        async def connect_tcp(self, host: str, _port: int, *_rest: object) -> httpcore.AsyncNetworkStream:
            return await super().connect_tcp(host, port)

    async def resolver(_host: str) -> Sequence[Address]:
        return [ip_address("127.0.0.1")]

    class Memory:
        def get(self, source: str, key_hash: str) -> None:
            return None

        def set(self, source: str, key_hash: str, etag: str, last_modified: str) -> None:
            return None

        def take(self, source: str, now: datetime) -> bool:
            return now < datetime.now(UTC) + timedelta(days=1)

    client = GuardedClient(
        vetter=lambda _address: True, validators=Memory(), quota=Memory(), resolver=resolver, inner=Mapped()
    )
    about = About(name="bench", sends="", hosts=("site.example",), needs=frozenset(), apart=timedelta())
    web = client.bound(about)
    harmless = await web.get("http://site.example/", accept="text/html")
    assert harmless
    assert harmless.text == "Hi"
    peak = Peak()
    try:
        await web.get("http://site.example/bomb", accept="text/html")
    except SourceFailed as failure:
        assert "more than any page needs" in str(failure), failure
    else:
        raise AssertionError("the bomb went off")
    await client.aclose()
    return peak.above()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.port:
        print(f"{asyncio.run((bare if given.bare else guarded)(given.port)):.1f}")
        return

    from servers.loopback import Request, Response, serve

    bomb = packed(given.megabytes)

    def answer(request: Request) -> Response:
        kind = ("content-type", "text/html")
        if request.path == "/bomb":
            return Response(200, bomb, [kind, ("content-encoding", "gzip")])
        return Response(200, b"Hi", [kind])

    with serve(answer) as server:
        command = [sys.executable, __file__, "--port", str(server.port)]
        ours, theirs = (
            float(subprocess.run(command + more, stdout=subprocess.PIPE, text=True, check=True).stdout)
            for more in ([], ["--bare"])
        )
    print(f"bomb_decoded_mb = {given.megabytes}")
    print(f"bomb_on_the_wire_mb = {len(bomb) / 1e6:.2f}")
    print(f"bomb_peak_above_base_mb = {ours}")
    print(f"bare_client_peak_above_base_mb = {theirs}")


if __name__ == "__main__":
    main()
