"""The source ``mailbox`` on servers that send too much, or never come to an end."""

import asyncio
import resource
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import pytest

from cardsync.evidence.mailbox import Mailbox, MailboxOptions
from cardsync.sources import Consulted, Need, SourceFailed, Subject, Web
from servers.hostile_imap import drip, examining, hostile

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
JANE = Subject(id=7, values={Need.NAME: ("Jane Doe",), Need.WORK_EMAIL: ("jane.doe@oldco.example",)})
_MEGABYTES = 1 << 10  # in what getrusage counts in


def mailbox(port: int, *, seconds: float = 300, password: Callable[[], str] | None = None) -> Mailbox:
    options = MailboxOptions(host="127.0.0.1", port=port, username="u", password=password or "p", tls="none")
    return Mailbox(options, seconds=seconds)


async def look(at: Mailbox) -> Consulted:
    return await at.look([JANE], {}, cast("Web", None), NOW)


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "own"]


async def all_end() -> None:
    """The looks that were given up end by themselves; the test's time-out says that they do not."""
    for thread in threads():
        await asyncio.to_thread(thread.join)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize(
    ("begin", "flood"),
    [
        (b"* 1 FETCH (BODY[] {2500000000}\r\n", b"x" * 65_536),
        (b"* 1 FETCH (BODY[] {1048577}\r\n", b"x" * 65_536),
        (b"", b'* LIST () "/" x\r\n' * 5_000),
        (b"", b"* 1 FETCH (BODY[] {65536}\r\n" + b"x" * 65_536 + b")\r\n"),
        (b"", b"+ go on\r\n" * 5_000),
    ],
    ids=["a huge literal", "a long literal", "lines", "literals", "continuations"],
)
async def test_an_answer_without_end_is_broken_off(begin: bytes, flood: bytes) -> None:
    with hostile(examining(flood, begin)) as port:
        before = peak()
        with pytest.raises(SourceFailed, match="sends more than was asked for"):
            await look(mailbox(port))
        assert peak() - before < 400 * _MEGABYTES
        await all_end()


async def test_a_server_that_never_comes_to_an_end_is_left_in_time() -> None:
    with hostile(drip) as port:
        with pytest.raises(SourceFailed, match="took more than"):
            await look(mailbox(port, seconds=0.3))
        await all_end()


async def test_a_look_that_is_given_up_leaves_neither_thread_nor_connection() -> None:
    there, gone = threading.Event(), threading.Event()

    def talk(client: socket.socket, over: threading.Event) -> None:
        there.set()
        try:
            drip(client, over)
        except OSError:
            gone.set()

    with hostile(talk) as port:
        for _ in range(3):
            there.clear()
            gone.clear()
            task = asyncio.create_task(look(mailbox(port)))
            await asyncio.to_thread(there.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await all_end()
            await asyncio.to_thread(gone.wait)


async def test_no_second_look_begins_while_one_hangs() -> None:
    asked, release = threading.Event(), threading.Event()

    def password() -> str:
        asked.set()
        release.wait()
        raise SourceFailed("No password.")

    with hostile(examining(b"* x\r\n")) as port:
        at = mailbox(port, password=password)
        task = asyncio.create_task(look(at))
        await asyncio.to_thread(asked.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(8):
            with pytest.raises(SourceFailed, match="has not ended yet"):
                await look(mailbox(port))
        assert len(threads()) == 1
        release.set()
        await all_end()
        with pytest.raises(SourceFailed, match="No password"):
            await look(at)
