"""What the guarded client remembers between runs, in the mirror: validators of conditional requests, and quotas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cardsync.mirror import Mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``monthly``: by source, how many requests a calendar month."""

    mirror: Mirror
    monthly: Mapping[str, int]
    clock: Callable[[], datetime]

    def get(self, source: str, key_hash: str) -> tuple[str, str] | None:
        """(ETag, Last-Modified) of the last answer."""
        return self.mirror.evidence.validators(source, key_hash)

    def set(self, source: str, key_hash: str, etag: str, last_modified: str) -> None:
        """Keep them for the next request."""
        self.mirror.evidence.keep_validators(source, key_hash, etag, last_modified, self.clock())

    def take(self, source: str, now: datetime) -> bool:
        """Count one request; False where the month's are used up."""
        return self.mirror.evidence.take(source, self.monthly.get(source, 0), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The validators of one look, until they are kept with what it found.

    Before that they must not be: after a crash in between, "not modified" would speak of evidence that nobody has.
    ``conditional``: whether what was read last still stands for the contact; else all is read afresh.
    """

    mirror: Mirror
    conditional: bool
    fresh: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def get(self, source: str, key_hash: str) -> tuple[str, str] | None:
        """(ETag, Last-Modified) of the answer before this look."""
        return self.mirror.evidence.validators(source, key_hash) if self.conditional else None

    def set(self, source: str, key_hash: str, etag: str, last_modified: str) -> None:
        """Note them."""
        self.fresh[source, key_hash] = (etag, last_modified)

    def keep(self, now: datetime) -> None:
        """In the transaction that keeps the evidence."""
        for (source, key_hash), (etag, last_modified) in self.fresh.items():
            self.mirror.evidence.keep_validators(source, key_hash, etag, last_modified, now)
