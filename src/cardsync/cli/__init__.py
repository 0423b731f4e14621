"""The command line: parse, call, print.  Each command's module is imported when it is called."""

import io
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from cardsync.cli.output import say
from cardsync.errors import CardsyncError, ConfigError
from cardsync.words import LOG_PARTS

INTERRUPTED = 130
_MODULES = {
    "init": "init",
    "run": "work",
    "sync": "work",
    "check": "work",
    "demo": "work",
    "status": "look",
    "healthcheck": "look",
    "vip": "look",
    "explain": "look",
    "history": "look",
    "calibration": "look",
    "answer": "act",
    "resume": "act",
    "release": "act",
    "notes": "act",
    "backup": "act",
    "restore": "act",
    "account": "account",
    "notify": "notify",
    "sources": "sources",
    "config": "config",
    "completion": "manual",
    "man": "manual",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What every command gets in ``ctx.obj``."""

    config_path: Path | None
    log_level: "Levels"


Levels = tuple[str | None, dict[str, str]]
"""Of all that is logged (None: as the config says), and of its parts."""


class _Main(click.Group):
    """Loads commands late, and ends with the exit code of the error and its message on stderr."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        found: click.Command = getattr(import_module(f"cardsync.cli.{_MODULES[cmd_name]}"), cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], _MODULES, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from error

    def invoke(self, ctx: click.Context) -> object:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a name that the terminal's encoding lacks
        try:
            return super().invoke(ctx)
        except CardsyncError as error:
            say(f"cardsync: {error}", err=True)
            for problem in error.problems if isinstance(error, ConfigError) else ():
                say(problem, err=True)
            sys.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort):  # at a question, too
            sys.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own to say
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            with suppress(OSError):  # stderr may be what is full
                say(f"cardsync: {where}{error.strerror}.", err=True)
            sys.exit(1)
        except Exception as error:  # noqa: BLE001 - any mistake of ours is told in one line
            _tell_crash(ctx, error)
            sys.exit(1)


def _tell_crash(ctx: click.Context, error: Exception) -> None:
    """Where it happened; the text of an error that we did not foresee may hold anything, and stderr is often a log."""
    from cardsync.errors import where

    say(f"cardsync: a mistake in cardsync itself: {type(error).__name__} at {where(error)}.", err=True)
    if ctx.params["log_level"][0] == "debug":
        import traceback

        traceback.print_exception(error)


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from cardsync import __version__

        click.echo(f"cardsync {__version__}")
        ctx.exit()


_LEVELS = ("debug", "info", "warning", "error")


def _levels(ctx: click.Context, param: click.Parameter, value: str | None) -> Levels:
    level, parts = None, dict[str, str]()
    for each in (value or "").split(",") if value else ():
        part, has_part, own = each.strip().partition("=")
        if has_part and part in LOG_PARTS and own in _LEVELS:
            parts[part] = own
        elif not has_part and part in _LEVELS:
            level = part
        else:
            allowed = f"{', '.join(_LEVELS)}, or PART=LEVEL with one of the parts {', '.join(LOG_PARTS)}"
            raise click.BadParameter(f"{each!r}; allowed: {allowed}", ctx, param)
    return level, parts


@click.group(
    cls=_Main,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 failure, 2 usage, 3 partial, 10 config, 11 login refused, 12 server unreachable, "
    "13 database or lock, 130 interrupted.",
)
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="The config file.")
@click.option(
    "--log-level",
    callback=_levels,
    metavar="LEVEL[,PART=LEVEL]",
    help="Instead of log.level and log.parts: debug, info, warning, error; parts: " + ", ".join(LOG_PARTS) + ".",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def main(ctx: click.Context, *, config_path: Path | None, log_level: Levels) -> None:
    """Keep the work details of your VIPs true, by asking in their own notes."""
    ctx.obj = Invocation(config_path=config_path, log_level=log_level)
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def program() -> NoReturn:
    """The command line as a process of its own."""
    from cardsync.process import heed_a_stop, leave

    heed_a_stop()
    try:
        main()
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    leave(0)
