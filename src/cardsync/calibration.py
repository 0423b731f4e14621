"""``cardsync calibration``: how right the probabilities were, by the answers, and what the VIPs' history says."""

from datetime import datetime
from typing import Any

from cardsync.app import App
from cardsync.assess.reliability import brier, calibration_error, reliability
from cardsync.assess.survival import pace_of
from cardsync.model import WorkField
from cardsync.records import Ending

_POSITION = (WorkField.ORGANISATION, WorkField.DEPARTMENT, WorkField.TITLE, WorkField.ROLE)


def calibration(app: App) -> dict[str, Any]:
    """Figures over all questions whose answer tells whether the details were stale."""
    told = [
        (probability, was)
        for probability, ending, asked_at, ended_at, contact_id in app.mirror.questions.foretold()
        if (was := _stale(app, ending, asked_at, ended_at, contact_id)) is not None
    ]
    said, stale = [p for p, _ in told], [hit for _, hit in told]
    seen = app.mirror.assessments.job_history()
    return {
        "answers": len(told),
        "stale": sum(stale),
        "brier": brier(said, stale) if told else None,
        "calibration_error": calibration_error(said, stale) if told else None,
        "bins": [
            {"from": each.low, "said": each.said, "was": each.was, "answers": each.count}
            for each in reliability(said, stale)
        ],
        "changes_of_employer": seen.changes,
        "changes_expected": seen.expected,
        "pace": pace_of(seen),
    }


def _stale(app: App, ending: Ending, asked_at: datetime, ended_at: datetime, contact_id: int) -> bool | None:
    """What an answer says of the details at the time of the question; None: nothing."""
    if ending is Ending.CONFIRMED:
        return False
    if ending in {Ending.LEFT, Ending.RETIRED}:
        return True
    if ending is Ending.EDITED and app.mirror.contacts.edited_between(contact_id, asked_at, ended_at) & set(_POSITION):
        return True
    return None
