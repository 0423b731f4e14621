"""Whatever stands at whatever key: an error names key and line, or all is well; a value is never told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardsync.errors import ConfigError
from cardsync.settings import keys
from cardsync.settings.load import read
from cardsync.settings.model import Settings
from cardsync.settings.toml import toml_key, toml_value

CANARY = "hunter2"


def _paths(annotation: Any = Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in keys.fields(annotation).items():
        yield (*path, name)
        inside = keys.below(field.annotation, "home") if keys.kind(field.annotation) is keys.Kind.NAMED else None
        yield from _paths(inside or field.annotation, (*path, name, *(["home"] if inside else [])))


AROUND = [
    "{}",
    "https://{}@x",
    "http://x/{}",
    "{}@x.example",
    "1 * * * {}",
    "8-{}",
    "~/{}",
    "/{}\n",
    "1d{}",
    "{}\x00",
    "",
]
BRACES = [f"{{{CANARY}}}", f"{{{CANARY}", f"{{title!{CANARY}}}", f"{{title:{CANARY}}}"]
SECRETS = st.sampled_from([*(around.format(CANARY) for around in AROUND), *BRACES])
VALUES = st.recursive(
    st.one_of(SECRETS, st.booleans(), st.integers(-(2**70), 2**70), st.floats()),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3),
        st.dictionaries(st.sampled_from(["median_years", "still", "home", "x"]), inside, max_size=2),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "cardsync.toml"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(sorted(_paths())), VALUES, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(sorted(_paths())), st.one_of(SECRETS, VALUES.map(toml_value)), max_size=2),
)
def test_no_value_is_ever_told(path: Path, given_keys: dict[tuple[str, ...], Any], environ: dict[Any, str]) -> None:
    lines: list[str] = []
    for key, value in given_keys.items():
        if not any(key != other and key[: len(other)] == other for other in given_keys):
            lines.append(f"{'.'.join(map(toml_key, key))} = {toml_value(value)}")
    path.write_text("\n".join(lines), encoding="utf-8")
    variables = {"CARDSYNC_" + "__".join(key).upper(): value for key, value in environ.items()}
    try:
        loaded = read(path, variables)
    except ConfigError as error:
        told = [str(error), *error.problems]
        assert error.problems
        for problem in error.problems:
            assert problem.startswith((f"{path}:", "CARDSYNC_")), problem
    else:
        told = [*loaded.warnings, *loaded.missing]
    assert not any(CANARY in line for line in told), told


def test_every_value_says_what_it_may_be() -> None:
    kinds = (keys.Kind.VALUE, keys.Kind.LIST)
    assert [path for path in _paths() if keys.kind(keys.at(path)) in kinds and not keys.allowed(path)] == []
