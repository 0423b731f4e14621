"""What stands on the server after a PUT, and what that means for card, question and address book."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from cardsync.annotate.place import note_with
from cardsync.annotate.verify import TURNED_DOWN, Finding, Verdict, in_words, judge
from cardsync.errors import CardRefused, CardsyncError, ServerProblem, Throttled
from cardsync.mirror import Mirror
from cardsync.mirror.problems import DAMAGED_AGAIN, VANISHED
from cardsync.model import uid_key
from cardsync.ports import Server
from cardsync.records import Asked, Book, Ending, Intent, ProblemKind
from cardsync.resources import AddressObject, PutAnswer, PutResult
from cardsync.vcard.compare import differences
from cardsync.vcard.contact import contact_of, work_keys
from cardsync.vcard.document import scan


class Outcome(StrEnum):
    """What became of a wish to change a card."""

    NOTHING = "nothing"  # the fresh card gave no reason to write
    WRITTEN = "written"
    GONE = "gone"
    PARKED = "parked"
    LEFT_OUT = "left out"  # a mistake of ours
    LATER = "later"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Settles journalled writes of one account."""

    server: Server
    mirror: Mirror
    account: str
    now: datetime
    may_put: bool = True

    async def look(self, book: Book, intent: Intent, answer: PutAnswer) -> Outcome | None:
        """GET, compare and conclude; None: a conflict, decide again.

        A card that cannot be read stays open, and is not written until it can.
        """
        try:
            got = await self.server.get(book.found, intent.href)
            if got is not None and got.data != intent.after and book.found.may_convert:
                got = await self.server.stored(book.found, got) or got
            return await self._settle(book, intent, got, answer)
        except ServerProblem as error:
            return self.unreadable(book, intent.href, error)

    async def _settle(self, book: Book, intent: Intent, got: AddressObject | None, answer: PutAnswer) -> Outcome | None:
        if got is None and answer.result is PutResult.STORED:  # not settled: the next cycle looks again
            self.park(book, intent.href, None, VANISHED, _VANISHED)
            return Outcome.LATER
        if got is None:
            with self.mirror.transaction():
                if answer.result not in {PutResult.CONFLICT, PutResult.GONE}:  # else it was gone before our PUT
                    key = uid_key(scan(intent.after).text("UID"))
                    self.mirror.journal.keep_version(book.id, intent.href, key, None, intent.before, "gone", self.now)
                    self.park(book, intent.href, None, VANISHED, _GONE)
                if intent.opens is not None and intent.put_etag is not None:  # it stood there
                    self.mirror.questions.opened(intent.opens)  # another client may have moved the card, block and all
                self._abandon(intent, "the card is gone", astray=answer.result not in TURNED_DOWN)
            return Outcome.GONE
        finding = _known(intent, got) or judge(intent, got, answer)
        match finding.verdict:
            case Verdict.VERIFIED:
                with self.mirror.transaction():
                    self.keep(book, got, intent.opens, intent.removes, seen=not intent.restores)
                    self._restored(intent, got)
                    self.mirror.books.saw_bytes(book.id, exact=got.data == intent.after)
                    self.mirror.journal.close(intent.id, verified=True, outcome="verified")
                return Outcome.WRITTEN
            case Verdict.NOT_WRITTEN:
                self._abandon(intent, answer.result.value)
                return self._refused(book, intent, got, answer)
            case Verdict.EDITED | Verdict.TAKEN_BACK:
                self._take_note(intent, got, answer, stood=finding.verdict is Verdict.TAKEN_BACK)
                return None if answer.result is PutResult.CONFLICT else Outcome.LATER
            case Verdict.IN_DOUBT:
                return self._leave_alone(book, intent, got, answer, finding.differences)
            case Verdict.DAMAGED:
                return await self._put_back(book, intent, got, finding.differences)

    def _restored(self, intent: Intent, got: AddressObject) -> None:
        """What an earlier version brought back is no edit; told with the write, so that no crash parts the two."""
        if intent.restores and intent.contact_id is not None:
            contact = contact_of(scan(got.data))
            for asked in self.mirror.questions.of(intent.contact_id):
                if asked.standing:  # it went with the newer version; one that came back is adopted
                    self.mirror.questions.end(asked.id, Ending.WITHDRAWN, self.now)
                    self.mirror.questions.taken_out(asked.id)
            self.mirror.contacts.restored(intent.contact_id, contact, got.href, work_keys(contact), self.now)

    def _refused(self, book: Book, intent: Intent, got: AddressObject, answer: PutAnswer) -> Outcome | None:
        match answer.result:
            case PutResult.CONFLICT:
                return None
            case PutResult.REFUSED:
                detail = _REFUSED.format(status=answer.status) if answer.status else _NOT_SENT
                return self.park(book, intent.href, got.etag, "refused", detail)
            case PutResult.STORED:
                return self.park(book, intent.href, got.etag, "not-stored", _NOT_STORED)
            case PutResult.BUSY if answer.wait:
                raise Throttled(_THROTTLED.format(account=self.account), answer.wait)
            case _:
                return Outcome.LATER

    def keep(
        self, book: Book, got: AddressObject, opens: int | None, removes: int | None, *, seen: bool = True
    ) -> None:
        """What stands there is ours and known (but for ``seen``); so are the questions that came or went with it."""
        with self.mirror.transaction():
            self.mirror.books.set_etag(book.id, got.href, got.etag)
            self.mirror.books.store_data(book.id, got.href, got.data, seen=seen)
            if removes is not None:
                self.mirror.questions.taken_out(removes)
            if opens is not None:
                self.mirror.questions.opened(opens)
            self.mirror.problems.solved(ProblemKind.PARKED, self.account, book_id=book.id, href=got.href)

    def _abandon(self, intent: Intent, outcome: str, *, astray: bool = False) -> None:
        with self.mirror.transaction():
            self.mirror.journal.close(intent.id, verified=False, outcome=outcome, astray=astray)
            self.forget(intent.opens)

    def forget(self, question_id: int | None) -> None:
        """A question that did not come onto the card."""
        if question_id is not None:
            self.mirror.questions.forget(question_id)

    def _take_note(self, intent: Intent, got: AddressObject, answer: PutAnswer, *, stood: bool = False) -> None:
        """As ``_edited``, also of what cannot be read: the pull quarantines that, and a question on it is adopted."""
        try:
            self._edited(intent, got, answer, stood=stood)
        except CardRefused:
            self._abandon(intent, "in doubt")

    def _edited(self, intent: Intent, got: AddressObject, answer: PutAnswer, *, stood: bool = False) -> None:
        """Someone wrote after us, or instead of us: what stands there tells which blocks do.

        The mirror keeps its old version, so that the next pull reads this one as the user's edit; a question that
        ``stood`` there, or was told to be stored, is read as deleted where it is not there.
        """
        questions = {asked.id: asked for asked in self.mirror.questions.of(intent.contact_id or 0)}
        with self.mirror.transaction():
            opened, removed = questions.get(intent.opens or 0), questions.get(intent.removes or 0)
            if removed and not note_with(removed, got.data).found:
                self.mirror.questions.taken_out(removed.id)
            if opened and self._came(intent, opened, removed, got.data, answer, stood=stood):
                self.mirror.questions.opened(opened.id)
            elif opened:
                self.mirror.questions.forget(opened.id)
            self.mirror.journal.close(intent.id, verified=False, outcome="edited by another client")

    def _came(
        self, intent: Intent, opened: Asked, removed: Asked | None, data: bytes, answer: PutAnswer, *, stood: bool
    ) -> bool:
        """Whether the new question was on the card.

        Told so, it was, unless the one that it replaces is still there.  Else its first line proves it, or, of a PUT
        of which nothing was heard, more of it than the owner may have typed.
        """
        note = note_with(opened, data)
        if note.asks:
            return True
        if removed and note_with(removed, data).asks:
            return False
        told = stood or answer.result is PutResult.STORED or intent.put_etag is not None
        return told or (answer.result not in TURNED_DOWN and note.likely)

    def _leave_alone(
        self, book: Book, intent: Intent, got: AddressObject, answer: PutAnswer, differences: tuple[str, ...]
    ) -> Outcome:
        """It may be the owner who deleted something: the card is an edit until the owner says otherwise."""
        with self.mirror.transaction():
            self._keep_both(book, intent, got, "in doubt")
            self._take_note(intent, got, answer)
            return self.park(book, intent.href, got.etag, "in-doubt", _IN_DOUBT.format(what=in_words(differences)))

    def _keep_both(self, book: Book, intent: Intent, got: AddressObject, why: str) -> None:
        """What stands there, and as the newest version what stood there before the write; once, whatever is tried."""
        if self.mirror.journal.is_kept(book.id, intent.href, ((why, got.data), ("put back", intent.before))):
            return
        key = uid_key(scan(intent.after).text("UID"))
        self.mirror.journal.keep_version(book.id, intent.href, key, got.etag, got.data, why, self.now)
        self.mirror.journal.keep_version(book.id, intent.href, key, None, intent.before, "put back", self.now)

    async def _put_back(self, book: Book, intent: Intent, got: AddressObject, differences: tuple[str, ...]) -> Outcome:
        """The server made something else of the card: writing here stops, and the kept bytes go back once."""
        what = f"The server {in_words(differences)} when a note was written."
        self._stop(book, intent, got, f"{what} {_RESTORE}")
        back = PutAnswer(result=PutResult.REFUSED)
        if got.etag and self.may_put:
            back = await self.server.put(book.found, intent.href, intent.before, got.etag)
        now = await self.server.get(book.found, intent.href)
        story = judge(replace(intent, after=intent.before), now, back).verdict if now else None
        edited = story is Verdict.EDITED and back.result is PutResult.STORED
        told = _AS_IT_WAS if story is Verdict.VERIFIED else _EDITED_SINCE if edited else _RESTORE
        waits = back.result in {PutResult.BUSY, PutResult.UNKNOWN} and now is not None and now.data == got.data
        with self.mirror.transaction():
            self._report_damage(book, intent, now or got, f"{what} {told}")
            if waits:  # as damaged as before: the next cycle tries again
                return Outcome.DAMAGED
            if now is not None and not edited:
                self._know(book, now)
            self._abandon(intent, "damaged")
        return Outcome.DAMAGED

    def _know(self, book: Book, now: AddressObject) -> None:
        """What a server did is no edit of the user's; of a card that it ruined we keep what we have of it."""
        try:
            scan(now.data)
        except CardRefused:
            self.mirror.books.set_etag(book.id, now.href, None)  # the next full comparison quarantines it
            return
        self.mirror.books.set_etag(book.id, now.href, now.etag)
        self.mirror.books.store_data(book.id, now.href, now.data, seen=True)

    def _stop(self, book: Book, intent: Intent, got: AddressObject, detail: str) -> None:
        """Before anything else, so that it holds whatever comes; what the server made of the card is kept too."""
        with self.mirror.transaction():
            self.mirror.books.saw_bytes(book.id, exact=False)
            self._keep_both(book, intent, got, "damaged")
            self.mirror.journal.found_damaged(intent.id, got.data)  # whatever comes, the kept bytes are to go back
            self.forget(intent.opens)  # a put-back that is cut off is not the owner's deletion of the question
            self._report_damage(book, intent, got, detail)

    def _report_damage(self, book: Book, intent: Intent, got: AddressObject, detail: str) -> None:
        self.mirror.problems.tell(ProblemKind.WRITING_STOPPED, book, "damaged", detail, self.now)
        again = self.mirror.journal.damages(book.id, intent.href) > 1
        reason, more = (DAMAGED_AGAIN, f" {_AGAIN}") if again else ("damaged", "")
        self.park(book, intent.href, got.etag, reason, f"{detail}{more}")

    # ------------------------------------------------------------ reports

    def unreadable(self, book: Book, href: str, error: CardsyncError) -> Outcome:
        """One card that cannot be read now stops nothing else."""
        self.park(book, href, None, "unreadable", str(error))
        return Outcome.LATER

    def park(self, book: Book, href: str, etag: str | None, reason: str, detail: str) -> Outcome:
        """Not written until it is another version than ``etag``."""
        self.mirror.problems.tell(ProblemKind.PARKED, book, reason, detail, self.now, href=href, etag=etag)
        return Outcome.PARKED


def _known(intent: Intent, got: AddressObject) -> Finding | None:
    """Of a write that was seen to be damaged, and whose card is as damaged as then."""
    if intent.damaged is None or got.data != intent.damaged:
        return None
    return Finding(verdict=Verdict.DAMAGED, differences=_differences(intent, got))


def _differences(intent: Intent, got: AddressObject) -> tuple[str, ...]:
    try:
        return differences(scan(intent.after), scan(got.data))
    except CardRefused:
        return ("the whole card",)


_REFUSED = "The server refused the card with status {status}."
_NOT_SENT = "The card was not sent: its ETag or its address cannot stand in a request."
_VANISHED = (
    "The server said that it stored the card, and now says that it has none. The kept version: cardsync restore."
)
_GONE = (
    "The card went from the server during a write of ours. If it was not you who deleted it: cardsync restore "
    "writes the kept version to a file, to be imported. Then: cardsync release."
)
_EDITED_SINCE = "It was put back, and somebody edited it since. Then: cardsync release."
_THROTTLED = "The server of {account} asked for a pause when a note was written."
_AS_IT_WAS = "The card is as it was. Then: cardsync release."
_RESTORE = "The kept version: cardsync restore. Then: cardsync release."
_IN_DOUBT = (
    "A write was cut off, and since then you or the server {what}; nothing tells which, so the card is left as it is. "
    "If it was not you: cardsync restore puts back the version from before that write. If it was: cardsync release."
)
_AGAIN = "It is not the first time: this card is left alone until it changes, also after a release."
_NOT_STORED = "The server said that it stored the card, and did not."
