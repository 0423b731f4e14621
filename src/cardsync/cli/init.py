"""``cardsync init``: the first five minutes, by questions or by options."""

import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cardsync import process
from cardsync.cli import output
from cardsync.cli.common import somebody_answers
from cardsync.settings.first import PROVIDERS, First, address_of, text_of

if TYPE_CHECKING:
    from cardsync.settings.model import Settings

_LANGUAGES = ("en", "de", "fr", "es", "pt")
_PRIVATE = 0o600


@click.command()
@click.option("--provider", type=click.Choice(list(PROVIDERS)), help="Where the address book is.")
@click.option("--server", default="", help="Host or URL of a server of your own (Nextcloud, Synology, other).")
@click.option("--username", help="Login name; of iCloud and Fastmail the mail address.")
@click.option("--password-file", type=click.Path(path_type=Path), help="A file with the password, or where to keep it.")
@click.option("--password-command", help="A command that prints the password; it is run without a shell.")
@click.option("--group", "groups", multiple=True, help="A list on the phone whose members are asked about.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Where the database and the backups are kept.")
@click.option("--ca-file", default="", help="Certificate authority of your own.")
@click.option("--allow-http", is_flag=True, help="Allow http://, which sends the password for all to read.")
@click.option("--language", type=click.Choice(_LANGUAGES), help="Of the questions.")
@click.pass_context
def init(context: click.Context, /, *, groups: tuple[str, ...], **given: Any) -> None:
    """Ask for provider, login and list, try them, and write a commented config that is for you alone.

    What an option says is not asked. Without a terminal everything must be said. Nothing is overwritten.
    """
    from cardsync.errors import ConfigError

    path = _path(context)
    if path.exists():
        raise ConfigError("There is a config already, and init overwrites none.", (str(path),))
    provider = given["provider"] or _asked("provider", type=click.Choice(list(PROVIDERS)), default="icloud")
    first = _first(path, provider, given, groups or ("VIP",))
    with _password(first, PROVIDERS[provider].wants):
        _write(path, _tried(first, groups))
    output.say(f"wrote {path}, for you alone (mode 0600)")
    _show(path)


def _path(context: click.Context) -> Path:
    """Where the config will be looked for: as told, in a container's /config, else the user's own."""
    from cardsync.settings.locate import CONFIG_VARIABLE, candidates

    named = context.obj.config_path or os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    container, own, _ = candidates()
    return container if os.access(container.parent, os.W_OK) else own


# ---------------------------------------------------------------- what the owner says


def _first(path: Path, provider: str, given: dict[str, Any], groups: Sequence[str]) -> First:
    habits, server = PROVIDERS[provider], given["server"]
    if "{host}" in habits.url and not server:
        server = _asked("server", text="host or URL of the server")
    url = address_of(provider, server)
    account = provider if provider != "other" else "home"
    file = (given["password_file"] or path.parent / f"{account}.password").expanduser().absolute()
    command = _split(given["password_command"])
    return First(
        account=account,
        url=url,
        username=given["username"] or _asked("username", text=habits.login),
        secret=("password_command", command) if command else ("password_file", str(file)),
        state_dir=str((given["state_dir"] or _state_dir()).absolute()),
        groups=tuple(groups),
        language=given["language"] or _language(),
        ca_file=str(Path(given["ca_file"]).expanduser().absolute()) if given["ca_file"] else "",
        allow_http=given["allow_http"] or (url.lower().startswith("http://") and _allowed_http()),
    )


def _split(command: str | None) -> list[str]:
    try:
        return shlex.split(command or "")
    except ValueError:
        raise click.UsageError("--password-command has a quote that does not end.") from None


def _asked(option: str, text: str = "", **more: Any) -> Any:
    """Ask at a terminal; elsewhere it has to be said."""
    if not somebody_answers():
        raise click.UsageError(f"Without a terminal --{option} must be said.")
    return click.prompt(text or option, err=True, **more)


def _allowed_http() -> bool:
    if not somebody_answers():
        raise click.UsageError("http:// sends the password for all to read: --allow-http, or https://.")
    if not click.confirm("http:// sends the password for all to read; allow it?", err=True):
        raise click.UsageError("Then name an address with https://.")
    return True


def _state_dir() -> Path:
    """A container's volume, else the user's own."""
    from platformdirs import user_state_path

    return Path("/data") if os.access("/data", os.W_OK) else user_state_path("cardsync")


def _language() -> str:
    own = (os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or "")[:2].lower()
    return own if own in _LANGUAGES else "en"


@contextmanager
def _password(first: First, wants: str) -> Iterator[None]:
    """In its file, asked for where there is none; the file that was made goes again if the try fails."""
    key, value = first.secret
    file = Path(str(value))
    if key != "password_file" or file.exists():
        if key == "password_file":
            output.say(f"The password is that in {file}.", err=True)
        yield
        return
    if not somebody_answers():
        raise click.UsageError(f"There is no file {file}; --password-file must name one, or there must be a terminal.")
    output.say(f"It wants {wants}.", err=True)
    password = _asked("password-file", text="password", hide_input=True)
    try:
        _write(file, f"{password}\n")
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    output.say(f"wrote {file}, for you alone (mode 0600)", err=True)


# ---------------------------------------------------------------- the try


def _tried(first: First, wished: Sequence[str]) -> str:
    """Log in, look at books and lists, and take the list that there is; raises what login and discovery do."""
    from cardsync.app import App
    from cardsync.check import check_account
    from cardsync.errors import CardsyncError
    from cardsync.observe.log import configure
    from cardsync.stream_safe import same_name

    configure("error", "auto")
    app = App.bare(_settings(first))
    try:
        found = process.run(check_account(app, first.account))
    finally:
        app.mirror.close()
    if found["error"]:
        for step in found["steps"]:
            output.say(f"  {step['what']}: {step['url']} - {step['outcome']}", err=True)
        raise _as_error(found, CardsyncError)
    books = [book["book"] for book in found["books"]]
    names = {name for book in found["books"] for name in book["groups"]}
    lists = sorted(names - set(books), key=str.casefold)  # a book is one as well, and seldom meant
    output.say(f"address books: {', '.join(books)}", err=True)
    output.say(f"lists: {', '.join(lists) or 'none yet'}", err=True)
    groups = tuple(wished) or _chosen(lists)
    for missing in (name for name in groups if same_name(name) not in map(same_name, names)):
        output.say(f"No list is named {missing} yet: make it on the phone, and put people into it.", err=True)
    return text_of(replace(first, groups=groups), books, [name for name in lists if name not in groups])


def _as_error(found: dict[str, Any], root: type[Exception]) -> Exception:
    error = root(found["error"])
    error.exit_code = found["exit_code"]  # type: ignore[attr-defined]  # as ``check`` ends with
    return error


def _chosen(lists: Sequence[str]) -> tuple[str, ...]:
    """VIP where it is there; else one that the owner names, of those that are or will be."""
    from cardsync.stream_safe import same_name

    own = next((name for name in lists if same_name(name) == same_name("VIP")), None)
    if own or not lists or not somebody_answers():
        return (own or "VIP",)
    return (str(click.prompt("which list names your VIPs (it may be one that you make later)", "VIP", err=True)),)


def _settings(first: First) -> "Settings":
    """Valid, or ``ConfigError`` with what is wrong in which key."""
    from cardsync.errors import ConfigError
    from cardsync.settings.load import load

    with tempfile.TemporaryDirectory(prefix="cardsync-init-") as folder:
        trial = Path(folder) / "cardsync.toml"
        _write(trial, text_of(first))
        try:
            return load(trial, os.environ)
        except ConfigError as error:  # nobody has that file
            told = tuple(re.sub(rf"^{re.escape(str(trial))}(:\d+)?: ", "", problem) for problem in error.problems)
            raise ConfigError("What was said makes no config.", told) from None


def _write(path: Path, text: str) -> None:
    """A new file that nobody else reads."""
    from cardsync.errors import ConfigError

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:  # half a file would be taken for one
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError("The file cannot be written.", (f"{path}: {error.strerror}",)) from None


def _show(path: Path) -> None:
    """What comes next."""
    from cardsync.settings.locate import candidates

    named = f"--config {shlex.quote(str(path))} " if path not in candidates() else ""
    for line in (
        f"cardsync {named}check               # once more, with each step; writes nothing to the server",
        f"cardsync {named}sync --dry-run      # the diff of every card that it would write",
        f"cardsync {named}run                 # the daemon",
    ):
        output.say(line)
