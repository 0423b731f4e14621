"""What every table of the config has in common.

No table imports pydantic, which is slow to import; ``refusal`` makes its models of them.  Nor is it a dataclass: each
of those compiles methods of its own at every start (docs/decisions/0004-settings.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, dataclass_transform

_NONE: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a table; ``annotation`` with its rules (``values``)."""

    description: str = ""
    examples: Sequence[object] = ()
    annotation: Any = None
    default: Any = _NONE
    default_factory: Any = None

    @property
    def is_required(self) -> bool:
        """Whether a table without it is refused."""
        return self.default is _NONE and self.default_factory is None

    def make_default(self) -> Any:
        """What it is when left out."""
        return self.default_factory() if self.default_factory else self.default


def key(
    *, default: Any = _NONE, default_factory: Any = None, description: str = "", examples: Sequence[object] = ()
) -> Any:
    """A key of the config."""
    return Key(default=default, default_factory=default_factory, description=description, examples=examples)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(key,))
class Table:
    """A table of the config: a frozen record, equal by its values, whichever were given; no repr shows a ``Hidden``."""

    keys: ClassVar[Mapping[str, Key]] = {}
    """In the order in which they are written; of a class its own after those of its bases."""

    def __init_subclass__(cls) -> None:
        own: dict[str, Key] = {}
        for name, annotation in cls.__annotations__.items():
            found = cls.__dict__.get(name)
            if not isinstance(found, Key) or hasattr(Table, name):
                raise TypeError(f"{cls.__name__}.{name} is no key, or has a name that each table has")
            own[name] = replace(found, annotation=annotation)
        inherited = [base.keys for base in reversed(cls.__mro__[1:]) if issubclass(base, Table)]
        cls.keys = {name: each for keys in (*inherited, own) for name, each in keys.items()}

    def __init__(self, **given: Any) -> None:
        if unknown := given.keys() - self.keys.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        for name, each in self.keys.items():
            if name not in given and each.is_required:
                raise TypeError(f"{type(self).__name__} needs {name}")
            vars(self)[name] = given[name] if name in given else each.make_default()
        vars(self)["_given"] = frozenset(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]  # some hold dictionaries

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"

    @property
    def given(self) -> frozenset[str]:
        """The keys that were not left out."""
        found: frozenset[str] = vars(self)["_given"]
        return found

    def as_dict(self) -> dict[str, Any]:
        """By key."""
        return {name: vars(self)[name] for name in self.keys}

    def changed(self, **values: Any) -> Self:
        """The same with other values, which are given with those that were."""
        made = type(self)(**{**self.as_dict(), **values})
        vars(made)["_given"] = self.given | values.keys()
        return made


def keys_of(table: object) -> Mapping[str, Key]:
    """The keys of a table; of anything else none."""
    return table.keys if isinstance(table, type) and issubclass(table, Table) else {}
