"""What every table of the config has in common: a frozen dataclass whose keys tell about themselves.

No table imports pydantic, whose start takes longer than the commands that only look; ``refusal`` makes its models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a table; ``annotation`` with its marks (``values``)."""

    annotation: Any
    description: str
    examples: Sequence[object]
    default: Any
    default_factory: Any

    @property
    def is_required(self) -> bool:
        """Whether a table without it is refused."""
        return self.default is MISSING and self.default_factory is MISSING

    def make_default(self) -> Any:
        """What it is when left out."""
        return self.default if self.default_factory is MISSING else self.default_factory()


def key(
    *,
    default: Any = MISSING,
    default_factory: Any = MISSING,
    description: str = "",
    examples: Sequence[object] = (),
) -> Any:
    """A key of the config."""
    given = {"default": default, "default_factory": default_factory}
    beginning: dict[str, Any] = {name: value for name, value in given.items() if value is not MISSING}
    return field(metadata={"description": description, "examples": examples}, **beginning)


class Table:
    """A table of the config: unknown keys are errors, and neither a repr nor a message shows a secret."""


def keys_of(table: object) -> Mapping[str, Key]:
    """The keys of a table, in the order in which they are written; of anything else none."""
    return _keys_of(table)


@cache
def _keys_of(table: Any) -> Mapping[str, Key]:
    if not (isinstance(table, type) and issubclass(table, Table)):
        return {}
    found: Any = table  # each is a dataclass
    return {
        each.name: Key(
            annotation=each.type, default=each.default, default_factory=each.default_factory, **each.metadata
        )
        for each in fields(found)
        if each.metadata
    }
