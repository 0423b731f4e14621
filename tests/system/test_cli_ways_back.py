"""The ways back as the owner types them, on a real server: restore, backup, and a question that came back by itself."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from household import NOTE, PEOPLE, Household

PLENTY = (
    "[reminders]",
    "max_new_per_day = 50",
    "max_new_per_week = 50",
    "max_open = 5",
    'quiet_after_edit = "0s"',
)
NAMES = list(PEOPLE)


@pytest.fixture
def asked(house: Household) -> Household:
    """A question stands on the card of each of the three."""
    house.configure(*PLENTY)
    house.fill()
    house.ok("sync")
    assert house.asked_about() == ["p0.vcf", "p1.vcf", "p2.vcf"]
    return house


def edit(house: Household, card: str, change: Callable[[bytes], bytes]) -> None:
    """As another client does."""
    before = unfolded(house.server.get_card(card))
    assert change(before) != before
    house.server.put_card(card, change(before))


def unfolded(data: bytes) -> bytes:
    return data.replace(b"\r\n ", b"")


def type_below(house: Household, card: str, word: str) -> None:
    edit(house, card, lambda data: data.replace(b"/ never\\n", f"/ never\\n{word}\\n".encode(), 1))


def retitle(house: Household, card: str) -> None:
    edit(house, card, lambda data: data.replace(b"TITLE:", b"TITLE:New ", 1))


def question_of(house: Household, name: str) -> list[tuple[Any, ...]]:
    """(ending, standing) of all questions about somebody."""
    return house.rows(
        "SELECT ending, standing FROM question q JOIN contact c ON c.id = q.contact_id WHERE c.name = ? ORDER BY q.id",
        name,
    )


def document(house: Household, *arguments: str) -> Any:
    return json.loads(house.cardsync(*arguments).stdout)


# ---------------------------------------------------------------- a block on a card is always known


def test_a_question_that_came_back_in_a_frozen_book_is_known_and_its_answer_counts(asked: Household) -> None:
    """By another phone or by a restore, before a guard froze the book or after: what is typed under it is read."""
    asked.configure("[guards]", "mass_change_min = 3", *PLENTY)
    with_questions = asked.cards()
    asked.ok("notes", "remove")
    for card in ("p0.vcf", "p1.vcf"):
        asked.server.put_card(card, with_questions[card])
    asked.ok("sync")
    assert [question_of(asked, name)[-1] for name in NAMES[:2]] == [(None, 1)] * 2
    for card in ("p0.vcf", "p1.vcf", "p2.vcf"):
        edit(asked, card, lambda data: data.replace(b"NOTE:", b"NICKNAME:Nick\r\nNOTE:", 1))
    assert asked.cardsync("sync").exit_code == 3
    for name in NAMES[:2]:
        asked.ok("restore", name, "--yes")
    asked.server.put_card("p2.vcf", with_questions["p2.vcf"])  # comes back while the book is frozen
    assert asked.cardsync("sync").exit_code == 3
    asked.ok("release")
    asked.ok("sync")
    assert asked.asked_about() == ["p0.vcf", "p1.vcf", "p2.vcf"]
    assert [question_of(asked, name)[-1] for name in NAMES] == [(None, 1)] * 3
    assert {row["name"] for row in document(asked, "status", "--json")["questions"]} == set(NAMES)
    asked.ok("answer", NAMES[0], "ok")
    type_below(asked, "p1.vcf", "never")
    type_below(asked, "p2.vcf", "later")
    assert "questions ended: 1 later, 1 never, notes taken out: 3" in asked.ok("sync")
    assert [question_of(asked, name)[-1] for name in NAMES] == [("confirmed", 0), ("never", 0), ("later", 0)]
    assert asked.asked_about() == []
    assert all(f"NOTE:{NOTE}\r\n".encode() in asked.cards()[f"p{at}.vcf"] for at in range(3))
