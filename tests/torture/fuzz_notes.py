"""Fuzzed notes: a question, the owner's own text, and what people make of both."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import naive
from asking import BLOCK, asked, compose
from builders import card
from card_strategies import escape
from cardsync.annotate import read
from cardsync.annotate.answers import parse_answer
from cardsync.annotate.block import find
from cardsync.annotate.recognise import recognise
from cardsync.annotate.removal import without
from cardsync.annotate.render import render
from cardsync.annotate.typed import typed
from cardsync.model import Question, QuestionKind, WorkField
from cardsync.policy import Position, ReminderPolicy
from cardsync.records import Ending
from cardsync.vcard.document import scan
from cardsync.vcard.note import cut, note_text
from torture.fuzz_cards import WITNESSED
from torture.mutated import listed

if TYPE_CHECKING:
    from torture.fuzz import Cpu

_ANSWERS = frozenset(Ending) - {Ending.NOTED, Ending.DISMISSED, Ending.EDITED}
_PIECES = (
    *listed(
        "ok|left|later 3m|never|retired|ok then|is it ok?|VIPcheck: call her|VIPcheck|Type: ok|still|VP Sales at Acme?"
    ),
    *listed("\n|\n|\n\n|\r\n| |\t|\u2028|\u00a0|…|„Süd“|日本電気|🙂|é|/|:|\\|;|,|0|²m|(last sure|noch bei Acme?"),
    *("Schreib: ok / weg / später / nie", "x" * 300, *BLOCK.split("\n"), BLOCK),
)
_FOREIGN = ("žluť", "ŵ", "日本", "Zürich 17", "--", "\n", "\n\n")
_WORDS = listed("ok|later|snooze|später|plus tard|left|still|✓|👍🏽|in|3|99999999|m|wk|²|٣")


def _text(rng: Random, pieces: Sequence[str], most: int) -> str:
    return rng.choice(("", " ", "\n")).join(rng.choice(pieces) for _ in range(rng.randint(0, most)))


def _block(rng: Random) -> str:
    """A question as it could be asked, of values that anybody could have put onto a card."""
    if rng.random() < 0.5:
        return BLOCK
    values = {
        name: _text(rng, (*_PIECES, "\x1b[2J", "\u202e", "\0", "\x9b", "{title}"), 4)
        for name in ("title", "organisation", "old_organisation", "domain", "given_name")
    }
    question = Question(
        kind=rng.choice(list(QuestionKind)),
        fields=tuple(rng.sample(list(WorkField), rng.randint(1, 4))),
        slots={**values, "since": "2024-03-01"},
        score=1.0,
        reason="",
    )
    block = render(question, ReminderPolicy(language=rng.choice(("en", "de", "fr", "es", "pt"))), date(2026, 3, 2))
    assert block.count("\n") == 1, "a question of more than two lines"
    assert not [c for c in block if c == ";" or (c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"})]
    return block


def note(rng: Random, cpu: "Cpu", _folder: Path) -> str:
    """A note with a question in it, and what somebody made of it; nothing of the user's goes or counts by accident."""
    _check_answer("".join(rng.choice((*_WORDS, *_PIECES, " ", " ", ".")) for _ in range(rng.randint(1, 5))), cpu)
    block, position = _block(rng), rng.choice(list(Position))
    user_text = _text(rng, _PIECES, 12)
    now = compose(block, user_text, position)
    match rng.randrange(3):
        case 0:
            found = cpu.call(lambda: read.read(asked(user_text, position, block=block), now, frozenset()))
            assert (found.ending, found.standing) == (None, True), f"an untouched question ended: {found.ending}"
            assert without(now, found.cut) == user_text, "the user's text came out as another"
        case 1:
            lines = user_text.split("\n")
            moved = [line + rng.choice(("", " žluť")) for line in rng.sample(lines, rng.randint(0, len(lines)))]
            moved += [_text(rng, _FOREIGN, 4)]
            now = compose(block, "\n".join(moved), position)
            found = cpu.call(lambda: read.read(asked(user_text, position, block=block), now, frozenset()))
            assert found.ending not in _ANSWERS, f"the user's own lines were taken for an answer: {found.ending}"
        case _:
            for _ in range(rng.randint(1, 5)):
                at = rng.randint(0, len(now))
                piece, gone = _text(rng, _PIECES, 3), rng.choice((0, 0, 1, 7, 40))
                now = now[:at] + piece + now[at + gone :]
    _check_reading(now, user_text, block, position, cpu)
    return "accepted"


def _check_answer(line: str, cpu: "Cpu") -> None:
    answer = cpu.call(lambda: parse_answer(line))
    if answer and answer.delay is not None:
        assert timedelta() < answer.delay <= timedelta(days=5 * 365), answer.delay


def _check_reading(now: str, user_text: str, block: str, position: Position, cpu: "Cpu") -> None:
    """What is cut is ours or an answer, in the text and in the bytes; a block known by its shape loses nothing."""
    question = asked(user_text, position, block=block)
    found = cpu.call(lambda: read.read(question, now, frozenset()))
    edges = [edge for span in found.cut for edge in span]
    assert edges == sorted(edges), "spans overlap"
    assert not edges or 0 <= edges[0] <= edges[-1] <= len(now), "spans beyond the note"
    asks = block.split("\n", maxsplit=1)[0]
    copies = max(1, now.count(asks) - user_text.count(asks))  # one that a client doubled is ours, torn or not
    ours = Counter(_letters(block) * copies)
    for piece in typed(now, find(now, block, user_text, position), user_text, position):
        ours += Counter(_letters(piece.text)) if parse_answer(piece.text) else Counter()
    gone = Counter(_letters("".join(now[start:stop] for start, stop in found.cut)))
    assert gone <= ours, f"characters of the user's were cut: {gone - ours}"
    shape = cpu.call(lambda: recognise(now, ["VIPcheck"], {}))
    if shape:
        assert Counter(_letters(shape.text + shape.user_text)) == Counter(_letters(now)), "adoption lost a character"
    if found.cut and len(now) < WITNESSED:
        _check_bytes(now, found.cut)


def _check_bytes(now: str, spans: Sequence[tuple[int, int]]) -> None:
    data = naive.refoldings(card("NOTE:" + escape(now.replace("\r", "")), "X-B:c"))["characters"]
    if "\r" in now or note_text(scan(data)) != now:
        return
    after = cut(data, spans)
    assert (naive.note(after) or "") == without(now, spans), "other characters were cut out of the bytes"
    assert naive.others(after) == naive.others(data), "another line was touched"


def _letters(text: str) -> str:
    shown = "".join('"' if c in "„“" else c for c in text if unicodedata.category(c) != "Cf")
    plain = unicodedata.normalize("NFKC", shown)
    return "".join(plain.split()).casefold()
