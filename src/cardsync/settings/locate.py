"""Where the config file is looked for."""

from collections.abc import Mapping
from pathlib import Path

from cardsync.errors import ConfigError

CONFIG_VARIABLE = "CARDSYNC_CONFIG"


def candidates() -> tuple[Path, ...]:
    """The usual places, the first that exists is taken: container, user, machine."""
    from platformdirs import user_config_path

    return (
        Path("/config/cardsync.toml"),
        user_config_path("cardsync") / "cardsync.toml",
        Path("/etc/cardsync/cardsync.toml"),
    )


def locate(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The config file: ``path``, else what ``CARDSYNC_CONFIG`` names, else the first of ``candidates``.

    None: there is none.  Raises ``ConfigError`` when the one that was named is not there.
    """
    named = path
    origin = "--config"
    if named is None and environ.get(CONFIG_VARIABLE):
        named, origin = expanded(Path(environ[CONFIG_VARIABLE])), CONFIG_VARIABLE
    if named is None:
        return next((found for found in candidates() if _is_file(found)), None)
    if not _is_file(named):
        raise ConfigError("There is no config file where it was said to be.", (f"{named}: not found; see {origin}",))
    return named


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise ConfigError("The config file cannot be read.", (f"{path}: {error.strerror}",)) from None


def expanded(path: Path) -> Path:
    """With the home that ``~`` names; as it is where nobody has it."""
    try:
        return path.expanduser()
    except RuntimeError:  # the home of nobody: it is not found
        return path
