"""All that is wrong with a config, as pydantic finds it, in the words of its owner.

Its models are made from the tables, and only here: what is valid is read without them (``reading``).
"""

from collections.abc import Iterator, Mapping
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    SecretStr,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cardsync.settings import keys, problems
from cardsync.settings.keys import Kind, Path
from cardsync.settings.model import Settings
from cardsync.settings.table import Key, Table, keys_of
from cardsync.settings.values import Hidden, Rule, is_union, parse_text


def wrong(data: Mapping[str, Any]) -> tuple[tuple[Path, str], ...]:
    """Every error as path and message, which holds no value; none where the config is valid."""
    # pydantic-settings takes names with an underscore for instructions to itself
    private = [key for key in data if key.startswith("_")]
    found = [((key,), problems.unknown_key((key,))) for key in private]
    try:
        model()(**{key: value for key, value in data.items() if key not in private})
    except ValidationError as error:
        each = error.errors(include_url=False, include_input=False, include_context=True)
        return (*found, *(_one(dict(one)) for one in each))
    return tuple(found)


@cache
def model() -> type[BaseModel]:
    """The whole config."""
    return create_model("Settings", __base__=_Whole, __doc__=Settings.__doc__, **_fields(Settings))


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Whole(BaseSettings):
    # the defaults are the tables' own, and no model
    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but what ``load`` hands in: only it knows each value's line or variable."""
        return (init_settings,)


@cache
def _model_of(table: Any) -> type[BaseModel]:
    return create_model(table.__name__, __base__=_Table, __doc__=table.__doc__, **_fields(table))


def _fields(table: type[Table]) -> dict[str, Any]:
    return {name: (_type(key.annotation), _field(key)) for name, key in keys_of(table).items()}


def _field(key: Key) -> Any:
    told: dict[str, Any] = {"examples": list(key.examples)} if key.examples else {}
    if key.description:
        told["description"] = key.description
    if key.is_required:
        return Field(**told)
    if key.default_factory:
        return Field(default_factory=key.default_factory, **told)
    return Field(default=key.default, **told)


def _type(annotation: Any) -> Any:
    """The annotation in pydantic's words."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        rules = inside[1:]
        known = tuple(each for rule in rules for each in _marks(rule))
        # a pattern says all of a text, and JSON schemas know one of names in a table only where nothing else is said
        of = inside[0] if any(rule.pattern for rule in rules) else _type(inside[0])
        return Annotated[(of, *known)] if known else of
    if origin is Literal or not (origin or inside):
        return _plain(annotation)
    made = tuple(each if each is ... else _type(each) for each in inside)
    return reduce(or_, made) if is_union(annotation) else origin[made]


def _plain(annotation: Any) -> Any:
    if annotation is Any:
        return JsonValue
    if annotation in (str, Hidden):
        return Annotated[SecretStr if annotation is Hidden else str, BeforeValidator(parse_text)]
    if keys.kind(annotation) is Kind.TABLE:
        return _model_of(annotation)
    # what TOML holds has a type; the environment, which has none, is read by ``environment``
    return Annotated[annotation, Field(strict=True)] if annotation in (bool, int, float) else annotation


def _marks(rule: Rule) -> Iterator[Any]:
    if rule.read:
        yield BeforeValidator(rule.read)
    bounds: dict[str, Any] = {"gt": rule.gt, "ge": rule.ge, "le": rule.le, "pattern": rule.pattern}
    if rule.not_empty:
        bounds["min_length"] = 1
    if given := {name: bound for name, bound in bounds.items() if bound is not None}:
        yield Field(**given)
    if rule.show:
        yield PlainSerializer(rule.show)
    if rule.schema:
        yield WithJsonSchema(dict(rule.schema))


_WRONG = {
    "missing": "is missing",
    "greater_than": "is too small",
    "greater_than_equal": "is too small",
    "less_than": "is too large",
    "less_than_equal": "is too large",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "literal_error": "is none of the words that are known",
    "int_from_float": "is no whole number",
}


_NAMES = {
    "accounts": "letters, digits, . _ -, at most 64, a letter or digit first",
    "groups": "the name of a list on the phone, in one line",
}


def _one(error: dict[str, Any]) -> tuple[Path, str]:
    path: Path = tuple(error["loc"])
    type_ = error["type"]
    if type_ == "extra_forbidden":
        return path, problems.unknown_key(path)
    if type_ == "string_pattern_mismatch":
        return path[:-1], f"is no name for a table; allowed: {_NAMES[str(path[0])]}"
    if path and path[-1] == "[key]":
        told = error.get("ctx", {}).get("error")
        return path[:-1], str(told) if told else "holds a name that is none, or what is of the wrong kind"
    what = str(error["ctx"]["error"]) if type_ == "value_error" else _WRONG.get(type_, "is of the wrong kind")
    allowed = keys.allowed(path)
    return path, f"{what}; allowed: {allowed}" if allowed else what
