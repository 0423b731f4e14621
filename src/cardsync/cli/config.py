"""``cardsync config``: check, show, sample, schema."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardsync.errors import ConfigError
from cardsync.words import count

if TYPE_CHECKING:
    from cardsync.settings.load import Loaded


@click.group()
def config() -> None:
    """Check, show and write the config file."""


@config.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Report every error of the config, with file, line, key and what is allowed."""
    loaded = _read(context)
    settings = loaded.settings
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    if loaded.missing:
        raise ConfigError(f"The config names {count(len(loaded.missing), 'file')} that cannot be used.", loaded.missing)
    counts = f"{count(len(settings.accounts), 'account')}, {count(len(settings.groups), 'group')}"
    click.echo(f"{loaded.file or 'environment'}: ok ({counts})")


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of {key, value, origin}.")
@click.pass_context
def show(context: click.Context, *, as_json: bool) -> None:
    """Show the settings in effect and where each comes from; secrets as ***."""
    from cardsync.settings.effective import effective
    from cardsync.settings.toml import toml_value

    values = effective(_read(context))
    if as_json:
        rows: list[dict[str, Any]] = [{"key": each.key, "value": each.value, "origin": each.origin} for each in values]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    lines = [f"{each.key} = {toml_value(each.value)}" for each in values]
    width = min(60, max(map(len, lines)))
    for line, each in zip(lines, values, strict=True):
        click.echo(f"{line:<{width}}  # {each.origin}")


@config.command()
def sample() -> None:
    """Print a config with every key, commented."""
    from cardsync.settings import sample as made

    click.echo(made.sample(), nl=False)


@config.command()
def schema() -> None:
    """Print the JSON schema of the config file."""
    from cardsync.settings import sample as made

    click.echo(made.schema(), nl=False)


def _read(context: click.Context) -> "Loaded":
    from cardsync.settings.load import read

    path: Path | None = context.obj.config_path
    return read(path, os.environ)
