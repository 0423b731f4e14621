"""Line numbers of keys, against tomllib's idea of which keys there are."""

import string
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cardsync.settings.lines import key_lines
from cardsync.settings.toml import toml_key, toml_value

TRICKY = '''\
top = 1
text = """
[not.a.table]
key = "no key"
"""
raw = \'\'\'
a = \\'\'\'
[a.b] # [c.d]
c.d = 'x = 1'
"quoted key"."dot.ted" = "\\" # no = comment"
list = [ # comment ]
  "one", # = 2
  [ "two",
    "three" ],
  { k = "v", l.m = [1] },
]
inline = { one = 1, two = { three = "}" } }
[a . "b c"]
when = 1979-05-27 07:32:00
[[many]]
x = 1
[many.inner]
y = 1
[[many]]
x = 2
'''


def test_every_kind_of_key_has_its_line() -> None:
    lines = key_lines(TRICKY)
    assert tomllib.loads(TRICKY)
    expected = {
        ("top",): 1,
        ("text",): 2,
        ("raw",): 6,
        ("a", "b"): 8,
        ("a", "b", "c", "d"): 9,
        ("a", "b", "quoted key", "dot.ted"): 10,
        ("a", "b", "list"): 11,
        ("a", "b", "list", 0): 12,
        ("a", "b", "list", 1): 13,
        ("a", "b", "list", 1, 1): 14,
        ("a", "b", "list", 2, "l", "m", 0): 15,
        ("a", "b", "inline", "two", "three"): 17,
        ("a", "b c", "when"): 19,
        ("many", 0, "x"): 21,
        ("many", 0, "inner", "y"): 23,
        ("many", 1, "x"): 25,
    }
    assert {path: lines.get(path) for path in expected} == expected
    assert not any("not" in path or "key" in path for path in lines)


def test_windows_line_ends_do_not_shift_lines() -> None:
    assert key_lines(TRICKY.replace("\n", "\r\n")) == key_lines(TRICKY)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    found = {path} if path else set()
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inside in pairs:
        found |= _paths(inside, (*path, key))
    return found


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = st.one_of(st.text(string.ascii_lowercase, min_size=1, max_size=5), TEXTS)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-99, 99), TEXTS),
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(KEYS, inside, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.integers(0, 3))
def test_every_path_that_tomllib_sees_has_a_line_and_no_other(data: dict[str, Any], gap: int) -> None:
    written = [("\n" * gap) + f"{toml_key(key)} = {toml_value(value)} # [c]\n" for key, value in data.items()]
    text = "".join(written)
    assert tomllib.loads(text) == data
    lines = key_lines(text)
    assert set(lines) == _paths(data)
    assert [lines[(key,)] for key in data] == [(gap + 1) * (index + 1) for index in range(len(data))]
