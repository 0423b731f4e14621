"""What the demo's phone does to a question, in every way that there is, and what cardsync has to make of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from cardsync.assess.signals import field_words
from cardsync.demo.apple import Line, components, escape
from cardsync.demo.phone import Phone
from cardsync.model import QuestionKind, WorkField
from cardsync.records import Ending, Pause

MONTH = timedelta(days=30)
_NEW_COMPANY, _NEW_DOMAIN = "Wintergreen Labs", "wintergreen-labs.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One contact with an open question: its card's name, UID and lines, and the user's own text beside the block.

    ``vip_card`` is the name of the VIP list's card; ``fields`` are what the question names.
    """

    name: str
    uid: str
    lines: tuple[Line, ...]
    own: str
    vip_card: str
    fields: frozenset[WorkField]

    def value(self, which: str) -> str:
        """The raw value of the first property of that name, "" without one."""
        return next((line.value for line in self.lines if line.name == which), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What the mirror holds of a contact after an answer.

    ``wait``: how long it is left in peace; ``sure``: fields that count as right from now on; ``block``: the kind of
    the question that stands on the card now; ``suggestion``: free text that was kept for the history.
    """

    ending: Ending | None
    pause: Pause | None = None
    wait: timedelta | None = None
    left: bool = False
    sure: frozenset[WorkField] = frozenset()
    block: QuestionKind | None = None
    suggestion: str = ""

    def sentence(self) -> str:
        """The same for people."""
        sure = field_words(tuple(field for field in WorkField if field in self.sure)) if self.sure else "nothing"
        days = f"{self.wait.days} days" if self.wait else ""
        match self.ending:
            case None:
                return "no answer: the question stays"
            case Ending.EDITED:
                return f"edited: {sure}"
            case Ending.CONFIRMED:
                return f"right today: {sure}"
            case Ending.LEFT:
                return "left: now asks where to"
            case Ending.SNOOZED | Ending.DISMISSED:
                return f"{self.ending.value}: not for {days}"
            case Ending.NOTED:
                return f"a hint: {self.suggestion}"
            case Ending.WITHDRAWN:
                return "no VIP any more: withdrawn"
            case _:
                return f"{self.ending.value}: no more questions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gesture:
    """``said`` tells it, ``act`` does it; ``text`` makes the user's text after it of that before it.

    ``cut_in``: what the phone does between cardsync's reading and its writing of this card.  ``suits``: whether the
    gesture makes sense on a card.  ``half``: it leaves the card half-updated, and cardsync has to ask again.
    """

    said: str
    act: Callable[[Phone, Scene], None]
    expected: Callable[[Scene], Understood]
    text: Callable[[str], str] = lambda own: own
    cut_in: Callable[[Phone, Scene], None] | None = None
    suits: Callable[[Scene], bool] = lambda scene: True
    half: bool = False


def _edited(*fields: WorkField) -> Callable[[Scene], Understood]:
    return lambda scene: Understood(ending=Ending.EDITED, sure=frozenset(fields))


def _confirmed(scene: Scene) -> Understood:
    return Understood(ending=Ending.CONFIRMED, sure=scene.fields)


def _ended(ending: Ending, **rest: object) -> Callable[[Scene], Understood]:
    return lambda scene: replace(Understood(ending=ending), **rest)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what the thumbs do


def _company(phone: Phone, scene: Scene) -> None:
    phone.edit_field(scene.name, "ORG", (_NEW_COMPANY, *components(scene.value("ORG"))[1:]))


def _move(phone: Phone, scene: Scene, fields: frozenset[WorkField]) -> None:
    """Edit these fields to what they are at the new company."""
    mailbox = scene.value("FN").split()[0].casefold()
    for which, name, value in (
        (WorkField.TITLE, "TITLE", "Chief of Staff"),
        (WorkField.EMAIL, "EMAIL", f"{mailbox}@{_NEW_DOMAIN}"),
        (WorkField.PHONE, "TEL", "+1 (415) 555-0123"),
        (WorkField.URL, "URL", f"https://www.{_NEW_DOMAIN}"),
    ):
        if which in fields:
            phone.edit_field(scene.name, name, value)


def _everything(phone: Phone, scene: Scene) -> None:
    _company(phone, scene)
    _move(phone, scene, _of_work(scene))


def _of_work(scene: Scene) -> frozenset[WorkField]:
    """What an employed contact's card has that changes with the job."""
    page = {WorkField.URL} if scene.value("URL") else set()
    return frozenset({WorkField.TITLE, WorkField.EMAIL, WorkField.PHONE} | page)


def _mail(phone: Phone, scene: Scene) -> None:
    mailbox, domain = scene.value("FN").split()[0].casefold(), scene.value("EMAIL").rpartition("@")[2]
    phone.edit_field(scene.name, "EMAIL", f"{mailbox}@{domain}")


def _another_line(phone: Phone, scene: Scene) -> None:
    """A line at the end of the note and another mobile number, saved at once."""

    def edit(lines: list[Line]) -> list[Line]:
        return [
            replace(line, value=line.value + escape("\nBring the maps."))
            if line.name == "NOTE"
            else replace(line, value="+1 (415) 555-0177")
            if line.name == "TEL" and "CELL" in line.types
            else line
            for line in lines
        ]

    phone.edit(scene.name, edit)


def _employed(scene: Scene) -> bool:
    """Company, title and one work e-mail that is the company's: what a change of jobs leaves behind shows."""
    mails = [line for line in scene.lines if line.name == "EMAIL"]
    return bool(scene.value("ORG") and scene.value("TITLE") and mails and "WORK" in mails[0].types)


# ---------------------------------------------------------------- all answers of the table

ANSWERS: Sequence[Gesture] = (
    Gesture(
        said="edits the company only",
        act=_company,
        expected=_edited(WorkField.ORGANISATION),
        suits=_employed,
        half=True,
    ),
    Gesture(said='types "ok" below it', act=lambda p, s: p.type_below_block(s.name, "ok"), expected=_confirmed),
    Gesture(said="puts a check mark behind it", act=lambda p, s: p.type_on_last_line(s.name, "✓"), expected=_confirmed),
    Gesture(
        said="edits the title",
        act=lambda p, s: p.edit_field(s.name, "TITLE", "Chief of Staff"),
        expected=_edited(WorkField.TITLE),
        suits=_employed,
    ),
    Gesture(said="edits the work e-mail", act=_mail, expected=_edited(WorkField.EMAIL), suits=_employed),
    Gesture(
        said='types "left" between its lines',
        act=lambda p, s: p.type_inside(s.name, "left"),
        expected=_ended(Ending.LEFT, left=True, block=QuestionKind.FOLLOW_UP),
        suits=_employed,
    ),
    Gesture(
        said='types "later" at the note\'s end',
        act=lambda p, s: p.type_at_end(s.name, "later"),
        expected=_ended(Ending.SNOOZED, wait=MONTH),
    ),
    Gesture(
        said='types "Later 3m"',
        act=lambda p, s: p.type_below_block(s.name, "Later 3m"),
        expected=_ended(Ending.SNOOZED, wait=3 * MONTH),
    ),
    Gesture(
        said='types "never"',
        act=lambda p, s: p.type_below_block(s.name, "never"),
        expected=_ended(Ending.NEVER, pause=Pause.NEVER),
    ),
    Gesture(
        said='types "retired"',
        act=lambda p, s: p.type_on_last_line(s.name, "retired"),
        expected=_ended(Ending.RETIRED, pause=Pause.RETIRED),
    ),
    Gesture(
        said="deletes the question",
        act=lambda p, s: p.delete_block(s.name),
        expected=_ended(Ending.DISMISSED, wait=3 * MONTH),
    ),
    Gesture(
        said='writes "now CRO at Tessellate"',
        act=lambda p, s: p.write_free_text(s.name, "now CRO at Tessellate"),
        expected=_ended(Ending.NOTED, wait=3 * MONTH, suggestion="now CRO at Tessellate"),
        text=lambda own: f"now CRO at Tessellate\n\n{own}",
        suits=lambda scene: bool(scene.own),
    ),
    Gesture(
        said="edits the birthday only",
        act=lambda p, s: p.set_birthday(s.name, date(1979, 5, 4)),
        expected=lambda scene: Understood(ending=None, block=QuestionKind.STILL),
    ),
    Gesture(
        said="takes it out of the list VIP",
        act=lambda p, s: p.remove_from_group(s.vip_card, s.uid),
        expected=_ended(Ending.WITHDRAWN),
    ),
    Gesture(
        said='types "ok", edits during our write',
        act=lambda p, s: p.type_below_block(s.name, "ok"),
        cut_in=_another_line,
        expected=_confirmed,
        text=lambda own: f"{own}\nBring the maps.",
        suits=lambda scene: bool(scene.own),
    ),
)

FOLLOW_UP = Gesture(
    said="edits company, title, e-mail, phone",
    act=_everything,
    expected=lambda scene: Understood(ending=Ending.EDITED, sure=_of_work(scene) | {WorkField.ORGANISATION}),
)

HALF_UPDATED = Gesture(
    said="edits what the question names",
    act=lambda p, s: _move(p, s, s.fields),
    expected=lambda scene: Understood(ending=Ending.EDITED, sure=scene.fields),
)
