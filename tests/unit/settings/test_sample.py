"""The sample and the schema are made from the model, hold every key, and are what is committed."""

import json
import re
from pathlib import Path

import pytest

from cardsync.settings import keys
from cardsync.settings.load import load
from cardsync.settings.model import PASSWORD_FORMS, TOKEN_FORMS, Settings
from cardsync.settings.sample import sample, schema

CONFIG = Path(__file__).parents[3] / "config"
ALTERNATIVES = re.findall(r"^# or (\w+) = (.*)$", sample(), re.MULTILINE)


def everything() -> str:
    return re.sub(r'^#(?=[a-z"\[])', "", sample(), flags=re.MULTILINE)


def saved(text: str, directory: Path) -> Path:
    path = directory / "cardsync.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_committed_files_are_what_the_model_says() -> None:
    assert (CONFIG / "cardsync.sample.toml").read_text(encoding="utf-8") == sample()
    assert (CONFIG / "cardsync.schema.json").read_text(encoding="utf-8") == schema()


def test_the_sample_loads_as_it_is_and_means_the_defaults(tmp_path: Path) -> None:
    settings = load(saved(sample(), tmp_path), {})
    bare = '[accounts.icloud]\nurl = "https://contacts.icloud.com"\nusername = "me@icloud.com"\n'
    assert settings == load(saved(bare + 'password_file = "/run/secrets/icloud"\n', tmp_path), {})


def test_everything_uncommented_loads(tmp_path: Path) -> None:
    settings = load(saved(everything(), tmp_path), {})
    assert settings.schedule.timezone == "Europe/Berlin"
    assert settings.organisations.aliases == (("Meta", "Facebook"),)


def test_every_key_is_in_the_sample() -> None:
    text = sample()
    for annotation in (Settings, *(field.annotation for field in keys.fields(Settings).values())):
        for name, field in keys.fields(annotation).items():
            if keys.kind(field.annotation) in (keys.Kind.VALUE, keys.Kind.LIST):
                assert re.search(rf"^(#|# or )?{name} = ", text, re.MULTILINE), name
    assert {name for name, _ in ALTERNATIVES} == {*PASSWORD_FORMS, *TOKEN_FORMS} - {"password_file"}


@pytest.mark.parametrize(("name", "value"), ALTERNATIVES)
def test_each_other_way_to_log_in_loads(name: str, value: str, tmp_path: Path) -> None:
    text = everything().replace('password_file = "/run/secrets/icloud"', f"{name} = {value}")
    assert getattr(load(saved(text, tmp_path), {}).accounts["icloud"], name) is not None


def test_the_schema_knows_every_key_and_refuses_others() -> None:
    made = json.loads(schema())
    assert set(made["properties"]) == set(keys.fields(Settings))
    assert made["additionalProperties"] is False
    assert made["$defs"]["Reminders"]["properties"]["expire_after"]["default"] == "45d"
