"""``completion`` and ``man``: what the shell and man(1) know of the commands, from the commands themselves."""

from collections.abc import Iterator

import click

from cardsync import __version__

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print what completes commands and options, for your shell to read.

    bash: cardsync completion bash > ~/.local/share/bash-completion/completions/cardsync
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    root = context.find_root().command
    if made is not None:
        click.echo(made(root, {}, "cardsync", "_CARDSYNC_COMPLETE").source())


@click.command()
@click.pass_context
def man(context: click.Context) -> None:
    """Print the manual page.

    For man(1): cardsync man > /usr/local/share/man/man1/cardsync.1
    """
    click.echo("\n".join(page(context.find_root())))


def page(root: click.Context) -> Iterator[str]:
    """The lines of cardsync.1, in the macros of man(7)."""
    command = root.command
    yield f'.TH CARDSYNC 1 "" "cardsync {__version__}" "User Commands"'
    yield from (".SH NAME", "cardsync \\- ask, in a contact's own note, whether the work details are still right")
    yield from (".SH SYNOPSIS", ".B cardsync", "[OPTIONS] COMMAND [ARGUMENTS]")
    yield from (".SH DESCRIPTION", _escaped(command.help or ""), ".SH OPTIONS", *_options(root))
    yield ".SH COMMANDS"
    yield from _commands(root, "")
    yield from (".SH EXIT STATUS", _escaped((command.epilog or "").removeprefix("Exit codes: ")))
    yield from (".SH ENVIRONMENT", ".TP", ".B CARDSYNC_CONFIG", "The config file.")
    yield from (".TP", ".B CARDSYNC_*", "Overrides keys of the config: CARDSYNC_REMINDERS__LANGUAGE=de.")
    yield from (".TP", ".B NO_COLOR", "No colours.")
    places = ", ".join(f"{where}/cardsync.toml" for where in ("/config", "~/.config/cardsync", "/etc/cardsync"))
    yield from (".SH FILES", ".TP", f".I {places}")
    yield "The config; the first that is there is taken. All its keys: cardsync config sample."


def _commands(context: click.Context, before: str) -> Iterator[str]:
    command = context.command
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is None or found.hidden:
            continue
        inner = click.Context(found, info_name=name, parent=context)
        words = " ".join(found.collect_usage_pieces(inner))
        yield from (".TP", f".B {before}{name}", f".I {_escaped(words)}", ".br", _escaped(found.help or ""))
        yield from _options(inner, nested=True)
        yield from _commands(inner, f"{before}{name} ")


def _options(context: click.Context, *, nested: bool = False) -> Iterator[str]:
    """Each option but ``--help``, which all have."""
    records = [record for each in context.command.params if (record := each.get_help_record(context))]
    if nested and records:
        yield ".RS"
    for names, text in records:
        yield from (".TP", f".B {_escaped(names)}", _escaped(text))
    if nested and records:
        yield ".RE"


def _escaped(text: str) -> str:
    """One paragraph, with nothing that roff would take for its own."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
