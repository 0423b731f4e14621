"""Whom a source trusts: web, calendar and mailbox alike."""

import ssl
from pathlib import Path

from cardsync.sources import SourceFailed


def trusted(ca_file: Path | None = None, *, table: str = "") -> ssl.SSLContext:
    """The system's certificate authorities, the owner's own among them; a slim image has none: then the HTTP library's.

    ``ca_file``: an authority besides, of ``[sources.TABLE]``; raises ``SourceFailed`` where it cannot be used.
    To be kept: reading the system's takes as long as a connection does.
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        from cardsync.hypertext import httpx

        context = httpx.create_ssl_context(trust_env=False)
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError):
            raise SourceFailed(
                f"ca_file in [sources.{table}] cannot be used; it must be a readable PEM file."
            ) from None
    return context
