"""What is read without pydantic is what pydantic finds nothing wrong with, and means the same."""

import copy
import datetime as dt
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from cardsync.settings import keys
from cardsync.settings.model import Settings
from cardsync.settings.reading import Doubt, shown, table_of
from cardsync.settings.refusal import model, wrong
from cardsync.settings.table import Key, Table, keys_of
from cardsync.settings.values import Hidden

NAMES = st.sampled_from(["home", "still", "evidence", "a b", "", "_x", "\n", "\udcff", "x" * 65, "VIP"])
_TEXTS = (
    "|x|me@example.org|https://x.example/a?b#c|http://x|//|/a/b|~/x|~nobody-here/x|1d|0|45m|8-21|24-1|0 7 * * mon-fri"
    "|* * 30 2 *|Europe/Berlin|No/Where|technology|de|top|info|auto|never|none|bearer|127.0.0.1:9380|::1|[::1]:53"
    "|{name}?|{x}|a;b|\udcff"
)
TEXTS = st.sampled_from(_TEXTS.split("|"))
NUMBERS = st.sampled_from([0, 1, -1, 7, 0.0, 0.1, 0.2, 1.0, 1.5, 100, 100_000, 100_001, 10**400, 1e999, float("nan")])
ANYTHING = st.recursive(
    TEXTS | NUMBERS | st.booleans(),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(NAMES, inside, max_size=2),
    max_leaves=4,
)
ACCOUNT = {"url": "https://dav.example.org", "username": "me", "password": "xxxx"}


def _paths(annotation: Any = Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, key in keys.fields(annotation).items():
        yield (*path, name)
        inside = keys.below(key.annotation, "home") if keys.kind(key.annotation) is keys.Kind.NAMED else None
        yield from _paths(inside or key.annotation, (*path, name, *(["home"] if inside else [])))


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """One account, and some keys with what they may be, or with anything."""
    data: dict[str, Any] = {"accounts": {"home": dict(ACCOUNT)}}
    for path in draw(st.lists(st.sampled_from([*_paths(), ("_x",), ("accounts", "_x")]), max_size=5)):
        *table, last = path
        here = data
        for name in table:
            here = here.setdefault(name, {})
            if not isinstance(here, dict):
                break
        else:
            key = keys.field(path)
            good = [] if key is None else [*key.examples, *_default(key)]
            here[last] = draw(st.sampled_from(good) | ANYTHING if good else ANYTHING)
    return data


def _default(key: Key) -> list[Any]:
    return [] if key.is_required or (value := shown(key.annotation, key.make_default())) is None else [_told(value)]


def _told(value: Any) -> Any:
    """A value in the same form, whoever read it."""
    if isinstance(value, Table):
        return {key: _told(getattr(value, key)) for key in keys_of(type(value))}
    if isinstance(value, BaseModel):
        return {key: _told(getattr(value, key)) for key in type(value).model_fields}
    if isinstance(value, dict):
        return {key: _told(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    if isinstance(value, SecretStr | Hidden):
        return value.get_secret_value() if isinstance(value, SecretStr) else value.text
    return value if isinstance(value, bool | int | float) else str(value)


def _with(path: tuple[str, ...], value: object) -> dict[str, Any]:
    """One account, and that value at that key."""
    data: dict[str, Any] = {"accounts": {"home": dict(ACCOUNT)}}
    here = data
    for name in path[:-1]:
        here = here.setdefault(name, {})
    here[path[-1]] = value
    return data


def _both(data: dict[str, Any]) -> tuple[object, object]:
    """What is read, and what pydantic makes of it; None where it is refused."""
    try:
        read = _told(table_of(Settings, data))
    except Doubt:
        read = None
    return read, None if wrong(data) else _told(model()(**data))


ODD = [*_TEXTS.split("|"), 0, -1, 7, 0.5, 10**400, float("inf"), float("nan"), True, [], ["x"], ["\udcff"], [0], {}]
ODD += [{"x": "y"}, {"\udcff": "x"}, {"x": "\udcff"}, {"x": 0}, [[]], [["x"]], dt.date(2026, 1, 1)]


def test_each_key_takes_the_same_values_both_ways() -> None:
    disagreed = [
        (path, value)
        for path in _paths()
        for value in ODD
        if (each := _both(_with(path, copy.deepcopy(value))))[0] != each[1]
    ]
    assert disagreed == []


def test_nothing_is_nested_too_deeply_for_one_and_not_for_the_other() -> None:
    for depth in (90, 99, 100, 101, 260):
        value: object = "x"
        for _ in range(depth):
            value = [value]
        read, validated = _both(_with(("sources", "plugins", "own", "key"), value))
        assert read == validated


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(configs())
def test_both_read_the_same(data: dict[str, Any]) -> None:
    read, validated = _both(data)
    assert read == validated
