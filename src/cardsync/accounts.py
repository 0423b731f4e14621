"""``account move`` and ``account forget``: what is remembered of an account that is elsewhere now, or nowhere."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import Any

from cardsync.app import App
from cardsync.cycles import pull_only
from cardsync.errors import CardsyncError, ConfigError, NoSuchName
from cardsync.mirror import Mirror
from cardsync.pull.moved import carry
from cardsync.undo import copy_of_database
from cardsync.words import count


async def move(
    app: App, old: str, new: str, *, dry_run: bool, progress: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, Any]:
    """Read the account ``new`` and carry over to it, by UID, what is remembered of ``old``; a copy is kept first.

    Raises ``NoSuchName``, ``ConfigError``, ``CardsyncError`` where nothing was found to carry over, and what a pull
    raises.
    """
    _check_names(app, old, new)
    with _mirror(app, dry_run=dry_run) as mirror:
        if old != new:
            _remembered(mirror, old)
        await pull_only(app, new, mirror, progress)
        before = _remembered(mirror, old)
        if not mirror.moves.left(old, new):
            raise CardsyncError(_NOBODY.format(contacts=count(before, "contact"), old=old, new=new))
        kept = _kept(app, dry_run=dry_run)
        moved = carry(mirror, old, new, app.clock())
        mirror.moves.forget(old, empty=True)
        left = mirror.moves.remembered().get(old, 0)
        return {"from": old, "to": new, "contacts": moved, "left": left, "backup": kept, "dry_run": dry_run}


def forget(app: App, name: str, *, dry_run: bool) -> dict[str, Any]:
    """Drop what is remembered of an account's books that are not there any more; a copy is kept first.

    Raises ``NoSuchName`` where that is nothing.
    """
    with _mirror(app, dry_run=dry_run) as mirror:
        contacts, kept = _remembered(mirror, name), _kept(app, dry_run=dry_run)
        mirror.moves.forget(name)
        return {"account": name, "contacts": contacts, "backup": kept, "dry_run": dry_run}


@contextmanager
def _mirror(app: App, *, dry_run: bool) -> Iterator[Mirror]:
    """That of the app, or a copy of it, with the config's accounts alone."""
    with closing(app.mirror.copy()) if dry_run else nullcontext(app.mirror) as mirror:
        mirror.accounts.only(app.settings.accounts)
        yield mirror


def _kept(app: App, *, dry_run: bool) -> str | None:
    return None if dry_run else copy_of_database(app, app.settings.state_dir / "backups")


def _check_names(app: App, old: str, new: str) -> None:
    if new not in app.settings.accounts:
        have = ", ".join(app.settings.accounts)
        raise NoSuchName(f"The config has no account {new}; it has: {have}. The new server goes into the config first.")
    if old != new and old in app.settings.accounts:
        raise ConfigError(f"The config still has the account {old}. Take it out first: both would be read and asked.")


def _remembered(mirror: Mirror, name: str) -> int:
    """How many contacts; raises ``NoSuchName`` where there are none."""
    found = mirror.moves.remembered()
    if name in found:
        return found[name]
    others = ", ".join(f"{other} ({count(number, 'contact')})" for other, number in found.items())
    where = f"Remembered of books that are gone: {others}." if others else "No book that was read is gone."
    raise NoSuchName(f"Nothing is remembered of a book of {name} that is not there any more. {where}")


_NOBODY = (
    "None of the {contacts} remembered for {old} is in {new}: no card there has the UID of one. Nothing was carried "
    "over. Contacts are the same where their UIDs are, so move the cards with an export (.vcf), not by typing."
)
