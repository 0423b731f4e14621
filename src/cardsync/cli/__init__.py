"""The command line: parse, call, print."""

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from cardsync import __version__
from cardsync.cli.config import config
from cardsync.errors import CardsyncError, ConfigError

INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What every command gets in ``ctx.obj``."""

    config_path: Path | None


class _Main(click.Group):
    """Ends with the exit code of the error, and its message on stderr."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except CardsyncError as error:
            click.echo(f"cardsync: {error}", err=True)
            for problem in error.problems if isinstance(error, ConfigError) else ():
                click.echo(problem, err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="The config file.")
@click.version_option(__version__, prog_name="cardsync", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, *, config_path: Path | None) -> None:
    """Keep the work details of your VIPs true, by asking in their own notes."""
    ctx.obj = Invocation(config_path=config_path)


main.add_command(config)
