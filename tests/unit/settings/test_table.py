"""A table is a frozen record: no key is lost, invented or changed."""

from typing import Any

import pytest

from cardsync.settings.model import Questions, Reminders
from cardsync.settings.observe import Http
from cardsync.settings.table import Table, key
from cardsync.settings.values import Hidden


def test_a_table_has_its_keys_and_no_others() -> None:
    class Door(Table):
        colour: str = key()
        locked: bool = key(default=False)

    assert Door(colour="red").as_dict() == {"colour": "red", "locked": False}
    assert Door(colour="red") == Door(colour="red", locked=False) != Door(colour="blue")
    with pytest.raises(TypeError, match="needs colour"):
        Door()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has no size"):
        Door(colour="red", size=1)  # type: ignore[call-arg]


def test_nothing_of_a_table_changes() -> None:
    door: Any = Questions()
    with pytest.raises(AttributeError, match="frozen"):
        door.max_open = 1
    with pytest.raises(AttributeError, match="frozen"):
        del door.max_open


def test_what_was_given_stays_known_of_a_changed_one() -> None:
    own = Questions(max_open=2).changed(label="Check")
    assert (own.given, own.max_open, own.label) == (frozenset({"max_open", "label"}), 2, "Check")


def test_keys_come_after_those_of_the_bases() -> None:
    assert list(Reminders.keys)[: len(Questions.keys)] == list(Questions.keys)
    assert next(iter(Http.keys)) == "listen"


@pytest.mark.parametrize("body", [{"size": 5}, {"given": key()}, {}])
def test_what_is_no_key_is_a_mistake_at_once(body: dict[str, Any]) -> None:
    name = next(iter(body), "size")
    with pytest.raises(TypeError, match=f"Door.{name} is no key"):
        type("Door", (Table,), {"__annotations__": {name: int}, **body})


def test_no_repr_shows_a_secret() -> None:
    assert "s3cret" not in repr(Http(token=Hidden("s3cret")))
