"""One cycle of one account: pull -> assess -> annotate."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardsync.mirror import Mirror
from cardsync.mirror.mistakes import MISTAKE, left_out
from cardsync.policy import GuardPolicy, ReminderPolicy
from cardsync.ports import Server
from cardsync.pull.stage import Pull
from cardsync.records import GUARDS, Book, Preview

if TYPE_CHECKING:
    from cardsync.annotate.writer import Writer
    from cardsync.assess.judge import Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCycle:
    """All that a cycle of one account needs.  With ``previews``, nothing is written to the server.

    ``wanted`` are the groups that make somebody a VIP, those that ``judge`` has policies for.  It is asked for after
    the pull, and what a pull does not use is imported then: while a daemon starts, its first request goes before.
    """

    server: Server
    mirror: Mirror
    account: str
    wanted: tuple[str, ...]
    judge: Callable[[], "Judge"]
    reminders: ReminderPolicy
    guards: GuardPolicy
    zone: tzinfo
    backups: Path
    now: datetime
    write: bool = True
    previews: list[Preview] | None = None
    progress: Callable[[int, int], None] = lambda done, of: None

    async def run(self) -> "AccountReport":
        """Settle what a crash left open, then pull, assess, annotate."""
        if self.previews is None and self.mirror.journal.left_open(self.account):
            await self._writer.resolve()
        self.mirror.problems.forget(self.account, MISTAKE)
        pull = self.pull
        pulled = await pull.run()
        from cardsync.annotate.stage import Annotate
        from cardsync.assess.stage import Assess

        judge = self.judge()
        assessed = Assess(mirror=self.mirror, account=self.account, judge=judge, now=self.now).run()
        annotated = await Annotate(
            writer=self._writer,
            mirror=self.mirror,
            account=self.account,
            policy=self.reminders,
            judge=judge,
            zone=self.zone,
            export=self._export,
            write=self.write,
            now=self.now,
        ).run()
        assessed += Assess(mirror=self.mirror, account=self.account, judge=judge, now=self.now).run()
        if self.previews is None:
            await pull.move_on(annotated.written)
        return AccountReport(
            account=self.account,
            counts={
                "books": pulled.books,
                "fetched": pulled.fetched,
                "removed": pulled.removed,
                "quarantined": pulled.quarantined,
                "vips": sum(len(self.mirror.books.vips(book.id)) for book in self.mirror.books.of(self.account)),
                "assessed": assessed,
                "asked": annotated.asked,
                "taken_out": annotated.removed,
                "adopted": annotated.adopted,
                "parked": annotated.parked + self._left_out(),
                "later": annotated.later,
                "failed_books": pulled.failed_books,
                "guarded_books": self._guarded(),
            },
            endings=annotated.endings,
        )

    @property
    def _writer(self) -> "Writer":
        from cardsync.annotate.writer import Writer

        return Writer(
            server=self.server,
            mirror=self.mirror,
            account=self.account,
            now=self.now,
            previews=self.previews,
            may_put=self.write,
        )

    @property
    def pull(self) -> Pull:
        """The first of the three stages."""
        return Pull(
            server=self.server,
            mirror=self.mirror,
            account=self.account,
            wanted=self.wanted,
            guards=self.guards,
            now=self.now,
            backups=self.backups,
            progress=self.progress,
            holds_block=self._holds_block,
        )

    def _holds_block(self, data: bytes) -> bool:
        from cardsync.annotate.stray import holds_block

        return holds_block(data, self.reminders)

    def _left_out(self) -> int:
        """How many cards a mistake of ours kept out of this cycle."""
        return sum(len(left_out(self.mirror, book.id)) for book in self.mirror.books.of(self.account))

    def _guarded(self) -> int:
        """How many of the account's books a guard holds now."""
        problems = self.mirror.problems
        books = self.mirror.books.of(self.account)
        return sum(any("" in problems.of_book(book.id, kind) for kind in GUARDS) for book in books)

    async def _export(self, book: Book) -> Book:
        """The undo exists before the first write ever."""
        if self.previews is not None:
            return book
        from cardsync.annotate.export import export_first

        hrefs = list(self.mirror.books.known(book.id))
        return await export_first(self.server, self.mirror, book, hrefs, self.backups, self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReport:
    """What a cycle did for one account: counts only; ``error`` where it ended early."""

    account: str
    counts: dict[str, int] = field(default_factory=dict)
    endings: dict[str, int] = field(default_factory=dict)
    error: str = ""
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """For ``--json``, the database and the log."""
        return {
            "account": self.account,
            **self.counts,
            "endings": self.endings,
            **({"error": self.error} if self.error else {}),
        }
