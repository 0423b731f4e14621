"""Scanner, note, multistatus, header fields and settings fed with anything: the short form of ``torture fuzz``."""

from pathlib import Path

import pytest

from torture import Options, Report, fuzz

SEED, ROUNDS = 1, 250


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_nothing_but_documented_errors_comes_out_and_what_is_accepted_keeps_its_promises(
    kind: str, folder: Path
) -> None:
    report = Report()
    for step in range(ROUNDS):
        fuzz.one(kind, step, Options(seed=SEED, rounds=ROUNDS, folder=folder), report)
    assert report.failures == []
    assert report.figures["accepted"] > 0
    assert report.figures["accepted"] + report.figures["refused"] == ROUNDS


def test_cards_of_every_hostile_shape_take_linear_time_and_bounded_memory(folder: Path) -> None:
    report = Report()
    fuzz.large_cards(Options(seed=SEED, rounds=0, folder=folder), report, 100_000)
    assert report.failures == []
    assert report.figures["large_cards"] > 10


def test_a_failure_is_seen_and_names_how_to_see_it_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cardsync.vcard.document._ends_in_lone_backslash", lambda value: False)
    monkeypatch.setattr("cardsync.vcard.document._byte_fault", lambda data: "")  # as if the checks had been forgotten
    report = Report()
    for step in range(ROUNDS):
        fuzz.one("cards", step, Options(seed=SEED, rounds=ROUNDS, folder=folder), report)
    assert report.failures
    assert report.failures[0].startswith("fuzz: cards, seed 1, step ")
