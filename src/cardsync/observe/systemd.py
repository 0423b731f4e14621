"""Telling systemd how the daemon stands (sd_notify(3)); without systemd all of it does nothing."""

import socket
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """``address``: the socket of the service manager, or ''.  ``watchdog``: how often it wants a sign of life."""

    address: str = ""
    watchdog: timedelta | None = None

    @classmethod
    def take(cls, environ: MutableMapping[str, str], pid: int) -> "Supervisor":
        """From the variables, and out of them: commands that this process starts are not meant."""
        address = environ.pop("NOTIFY_SOCKET", "")
        every, whose = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", str(pid))
        wanted = every.isdecimal() and int(every) > 0 and whose == str(pid)
        return cls(address=address, watchdog=timedelta(microseconds=int(every)) / 2 if wanted else None)

    def ready(self) -> None:
        """It has started, or read its config again."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """It reads its config again."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It ends the card in hand."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """Its loop goes round."""
        self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``, with nobody's name in it."""
        self._tell(f"STATUS={text}")

    def _tell(self, message: str) -> None:
        """A service manager that is away must not stop the daemon."""
        if not self.address:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
                sending.setblocking(False)
                sending.sendto(message.encode(), address)
        except OSError:
            return
