"""JSON from outside: only what we name is read, and nonsense reads as nothing."""

import hashlib
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from cardsync.sources import Page, SourceFailed

MOST = 500_000  # characters; the longest honest answer that we ask for has a tenth of it

Text = Annotated[str, Field(max_length=1000)]
"""A value that somebody typed; a longer one is nonsense."""


class Foreign(BaseModel):
    """The part of a foreign object that we read; strict, so that ``{"company": 1}`` is not the company "1"."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Foreign)


def parsed(page: Page, model: type[Model], service: str) -> Model | None:
    """The answer as ``model``; None: nobody there (404, 410), or not in the shape that the service documents.

    Raises ``SourceFailed`` for any other status: whatever it means, it is not that nobody is there.
    """
    if page.status in {404, 410}:
        return None
    if page.status != 200:
        raise SourceFailed(f"{service} answers with status {page.status}; nothing is concluded from that.")
    if len(page.text) > MOST:
        return None
    try:
        return model.model_validate_json(page.text)
    except ValueError:  # pydantic's errors are such, as are those of text that is none (lone surrogates)
        return None


def key_of(*parts: object) -> str:
    """A key for a conditional GET, different as soon as anything differs with which the answer is compared."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:32]
