"""A password or token of a source: itself, or a callable that reads it when it is needed, which may take its time."""

import asyncio
from collections.abc import Callable

Secret = Callable[[], str] | str


def read(secret: Secret) -> str:
    """May block, and raise ``SourceFailed``."""
    return secret if isinstance(secret, str) else secret()


async def bearer(secret: Secret | None) -> dict[str, str]:
    """The header that carries it (RFC 6750, section 2.1); nothing where there is none.  Raises ``SourceFailed``."""
    said = await asyncio.to_thread(read, secret) if secret else ""
    return {"Authorization": f"Bearer {said}"} if said else {}
