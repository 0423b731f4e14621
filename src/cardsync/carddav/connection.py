"""What one account's connection is made of, as the config names it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

AuthScheme = Literal["auto", "basic", "digest", "bearer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach one account.

    ``url`` is a URL, a host or a mail address.  ``trusted_origins`` (``https://host[:port]``) may have the
    credentials too; ``*.icloud.com`` is among them where ``url`` is iCloud's.  ``write_anyway`` lifts the
    read-only rule from shared and Google's address books, never that of the server.  Times are seconds.
    """

    account: str
    url: str
    username: str
    password: str | None = None
    bearer_token: str | None = None
    auth: AuthScheme = "auto"
    ca_file: Path | None = None
    allow_http: bool = False
    trusted_origins: tuple[str, ...] = ()
    address_books: tuple[str, ...] = ()  # display names or paths; empty: all
    write_anyway: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    request_timeout: float = 900.0  # for the whole; a server that trickles must not hold a cycle for ever

    def __repr__(self) -> str:
        return f"Connection(account={self.account!r})"  # a secret must not reach a log by way of repr
