"""The commented sample and the JSON schema, both from the model."""

import json
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from cardsync.settings import keys
from cardsync.settings.keys import Kind
from cardsync.settings.model import PASSWORD_FORMS, TOKEN_FORMS, Settings
from cardsync.settings.reading import shown
from cardsync.settings.strata import Median, show_stratum
from cardsync.settings.table import Key
from cardsync.settings.toml import toml_key, toml_value
from cardsync.settings.values import show_duration

_NAMES = {"accounts": "icloud", "groups": "VIP"}
_LIVE = frozenset({"url", "username", "password_file"})  # the placeholders: a config needs these
_INSTEAD = frozenset({*PASSWORD_FORMS, *TOKEN_FORMS}) - _LIVE
_HEAD = """\
#:schema ./cardsync.schema.json
# The config of cardsync, with every key. "#key = value" shows a default, or an example where there is none:
# take the # away to change it. Durations: s, m (minutes), h, d, w, mo (30 days), y (365 days), as "1h30m".
# The environment overrides the file: CARDSYNC_REMINDERS__LANGUAGE=de. Check it with: cardsync config check
"""


def sample() -> str:
    """The sample config: it loads as it is, and with every ``#key`` line uncommented."""
    return _HEAD + "\n".join(_table(Settings, ())) + "\n"


def schema() -> str:
    """The JSON schema of the config file, for editors."""
    from pydantic.json_schema import GenerateJsonSchema

    from cardsync.settings.refusal import model

    class Schema(GenerateJsonSchema):
        """Defaults as the owner writes them, not in pydantic's own form."""

        def encode_default(self, dft: Any) -> Any:
            if isinstance(dft, timedelta):
                return show_duration(dft)
            return show_stratum(dft) if isinstance(dft, Median) else super().encode_default(dft)

    made = model().model_json_schema(schema_generator=Schema)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "cardsync.toml"
    for table in made["properties"].values():
        if "patternProperties" in table:
            table["additionalProperties"] = False
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _table(annotation: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Plain keys first, then the tables inside, as TOML wants it."""
    inside = []
    for name, field in keys.fields(annotation).items():
        nested = keys.below(field.annotation, "NAME") if name in _NAMES else field.annotation
        if keys.kind(nested) is Kind.TABLE and name != "stratum":
            inside.append(((*path, name, *([_NAMES[name]] if name in _NAMES else [])), field, nested))
        elif name != "plugins":
            yield from _key(name, field)
    for where, field, nested in inside:
        yield ""
        text = field.description or keys.inner(nested).__doc__
        if where[-1] == "reminders" and where[0] == "accounts":
            yield from _comment(f"{text} Keys: {', '.join(keys.fields(nested))}.")
            yield f"[{_header(where)}]"
            continue
        yield from _comment(text)
        if where == ("sources",):
            yield from _sources(nested)
            continue
        if field.is_required or field.make_default() is not None:
            yield f"[{_header(where)}]"
            yield from _table(nested, where)
        else:
            yield from _switch(where, nested)


def _sources(annotation: Any) -> Iterator[str]:
    found = keys.fields(annotation)
    yield from _comment(f"[sources.plugins.NAME]: {found['plugins'].description}")
    for name, field in found.items():
        if name != "plugins":
            yield ""
            yield from _comment(keys.inner(field.annotation).__doc__)
            yield from _switch(("sources", name), field.annotation)


def _switch(where: tuple[str, ...], annotation: Any) -> Iterator[str]:
    """A table with a # before it: what it is about is on when the table is there."""
    yield f"#[{_header(where)}]"
    yield from (line if line.startswith("#") else f"#{line}" for line in _table(annotation, ()))


def _key(name: str, field: Key) -> Iterator[str]:
    example = field.examples[0] if field.examples else _default(field)
    line = f"{toml_key(name)} = {toml_value(example)}"
    description = field.description or ""
    if name in _INSTEAD:
        yield from _comment(description)
        yield f"# or {line}"
        return
    yield from _comment(description + (" Default: none." if field.examples and name not in _LIVE else ""))
    yield line if name in _LIVE else f"#{line}"


def _default(field: Key) -> Any:
    """The default as the owner would write it."""
    value = shown(field.annotation, field.make_default())
    return str(value) if isinstance(value, Path) else value


def _comment(text: str | None) -> Iterator[str]:
    for line in textwrap.wrap((text or "").replace("``", ""), width=110):
        yield f"# {line}"


def _header(path: tuple[str, ...]) -> str:
    return ".".join(toml_key(key) for key in path)
