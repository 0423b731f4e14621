"""The kept versions of a card: which one a restore takes, and the way out for one whose card was deleted."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cardsync.annotate.comeback import put_back
from cardsync.annotate.export import keep_card
from cardsync.annotate.settle import Outcome
from cardsync.annotate.writer import Target
from cardsync.app import App
from cardsync.errors import CardsyncError
from cardsync.mirror import Mirror
from cardsync.mirror.database import moment
from cardsync.model import uid_key
from cardsync.outcome import PARTIAL
from cardsync.records import Preview, ProblemKind
from cardsync.report import Person
from cardsync.vcard.compare import differences
from cardsync.vcard.document import Document, scan
from cardsync.vcard.note import note_texts


def version_at(app: App, person: Person, at: datetime | None) -> dict[str, Any]:
    """The kept version to go back to; raises ``CardsyncError`` where there is none.

    A version is kept before each write of ours, and at no other time: the one for a moment is that of the first write
    since then, with what was edited in between.
    """
    versions = app.mirror.journal.versions(person.book_id, person.uid_key)
    if not versions:
        raise CardsyncError("No earlier version of this card is kept: it was never written.")
    if at is None:
        return versions[0]
    later = [version for version in versions if moment(version["at"]) >= at]
    if not later:
        raise CardsyncError("The card was not written since then, so no version is kept: nothing to put back.")
    dropped_to = app.clock() - app.settings.undo.keep_versions
    known_for_longer = app.mirror.contacts.memory(person.id).first_seen < dropped_to
    if later[-1] is versions[-1] and at < dropped_to and known_for_longer:
        oldest = moment(versions[-1]["at"])
        raise CardsyncError(f"Versions from then are not kept any more ([undo]); the oldest is from {oldest:%Y-%m-%d}.")
    return later[-1]


def bytes_of(app: App, person: Person, version: Mapping[str, Any]) -> bytes:
    """What of it goes back."""
    return put_back(app.mirror, person.id, dict(version), in_list=bool(person.groups))


def target_of(app: App, person: Person, version: Mapping[str, Any]) -> Target | None:
    """The card that the version is of; None: the server has none any more."""
    hrefs = app.mirror.books.objects_named(person.book_id, person.uid_key)
    if not hrefs:
        return None
    own = (version["href"], app.mirror.contacts.href(person.id))  # of two cards with one UID its own
    href = next((href for href in own if href in hrefs), hrefs[0] if len(hrefs) == 1 else None)
    if href is None:
        raise CardsyncError("Several cards have its UID, and which of them was written is not known any more.")
    return Target(
        href=href,
        uid_key=person.uid_key,
        contact_id=person.id,
    )


def takes_back_more(app: App, preview: Preview) -> bool:
    """Whether a restore changes more of a card than our question: edits that somebody made since."""
    before, after = scan(preview.before), scan(preview.after)
    written = app.mirror.questions.blocks(preview.book_id).get(uid_key(before.text("UID")), ())
    ours = {line for each in written for line in each.block.split("\n")}
    return bool(differences(before, after, note=False)) or _lines(before, ours) != _lines(after, ours)


def _lines(card: Document, ours: Collection[str]) -> list[str]:
    """Those of all notes of a card that say anything and are none of ours."""
    lines = (line.strip() for note in note_texts(card) for line in note.splitlines())
    return [line for line in lines if line and line not in ours]


# ---------------------------------------------------------------- what a restore tells of a card


def row_of(
    person: Person,
    version: Mapping[str, Any] | None = None,
    *,
    outcome: Outcome | None = None,
    error: str = "",
    exit_code: int | None = None,
    file: Path | None = None,
) -> dict[str, Any]:
    """``kept_at`` and ``kept_before`` tell which version it is about."""
    done = outcome in {Outcome.WRITTEN, Outcome.NOTHING}
    return {
        "name": person.name,
        "account": person.account,
        "kept_at": version["at"] if version else None,
        "kept_before": version["why"] if version else None,
        "outcome": outcome.value if outcome else "failed",
        "file": str(file) if file else None,
        "error": error,
        "exit_code": int(not done) if exit_code is None else exit_code,
    }


def failed(person: Person, error: CardsyncError) -> dict[str, Any]:
    """Nothing came of it."""
    return row_of(person, error=str(error), exit_code=error.exit_code)


def saved(app: App, person: Person, version: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """The version of a card that was deleted, in a file to import; raises ``StateProblem``."""
    folder = app.settings.state_dir / "backups"
    if dry_run:
        error = f"{_DELETED} Its version would be written to a file in {folder}, to be imported."
        return row_of(person, version, outcome=Outcome.GONE, error=error, exit_code=PARTIAL)
    file = keep_card(folder, person.account, person.name, bytes_of(app, person, version), app.clock())
    error = f"{_DELETED} Its version is in {file}: import that on the phone or the server."
    return row_of(person, version, outcome=Outcome.GONE, error=error, exit_code=PARTIAL, file=file)


def why_not(mirror: Mirror, book_id: int, href: str, outcome: Outcome) -> str:
    """The reason for an outcome that is none of the owner's wish."""
    if outcome in {Outcome.WRITTEN, Outcome.NOTHING}:
        return ""
    problem = mirror.problems.of_book(book_id, ProblemKind.PARKED).get(href)
    said = "It is not known yet whether it was put back" if outcome is Outcome.LATER else "Not put back"
    return f"{said}. {problem.detail if problem else _LATER}"


_DELETED = "The card is no longer on the server, and a deleted card is never made again."
_LATER = "The server could not do it now, or the last write of the card is not settled. The next cycle looks."
