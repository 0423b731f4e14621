"""What a look gave, checked at the seam: a plug-in's mistake is found here, and not where it is kept or read (pure)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cardsync.model import Evidence, EvidenceKind, Says, WorkField
from cardsync.sources import About, Consulted, Need, SourceFailed

LONGEST = 10_000  # characters of a text; a URL on a card may be long


def checked(found: object, source: str) -> Consulted:
    """As it is, with plain sequences and mappings.

    Raises ``SourceFailed`` with what is wrong, and no value of it; and whatever a sequence of the source's raises.
    """
    if not isinstance(found, Consulted):
        raise _wrong(source, "it is no Consulted")
    try:
        evidence = tuple((id_, _piece(each, source)) for id_, each in found.evidence)
        cursor = None if found.cursor is None else _cursor(found.cursor, source)
    except (TypeError, ValueError):
        raise _wrong(source, "its evidence is no pairs of id and Evidence, or its cursor no JSON") from None
    if any(type(id_) is not int for id_, _ in evidence):
        raise _wrong(source, "its evidence is no pairs of id and Evidence, or its cursor no JSON")
    if not (isinstance(found.unchanged, bool) and isinstance(found.more, bool)):
        raise _wrong(source, "unchanged and more are true or false")
    if not (isinstance(found.unseen, frozenset) and all(map(_text, found.unseen))):
        raise _wrong(source, "unseen is no frozenset of URLs")
    return replace(found, evidence=evidence, cursor=cursor)


def checked_about(about: object) -> str:
    """What is wrong with what a source says of itself; '' for nothing."""
    if not isinstance(about, About):
        return "about is no About"
    rules: Mapping[str, Callable[[Any], bool]] = {
        **dict.fromkeys(("name", "sends"), _text),
        "hosts": lambda hosts: isinstance(hosts, tuple) and all(map(_text, hosts)),
        "needs": lambda needs: isinstance(needs, frozenset) and all(isinstance(need, Need) for need in needs),
        **dict.fromkeys(("private", "scans"), _one_of(bool)),
        "every": lambda every: isinstance(every, timedelta) and _SOONEST <= every <= _LATEST,
        "monthly": lambda monthly: type(monthly) is int and 0 <= monthly <= _MOST,
        "apart": lambda apart: isinstance(apart, timedelta) and timedelta() <= apart <= _APART,
    }
    wrong = next((name for name, is_right in rules.items() if not is_right(getattr(about, name))), None)
    return f"{wrong} of its about is not what it has to be" if wrong else ""


_SOONEST, _LATEST, _APART = timedelta(minutes=1), timedelta(days=3650), timedelta(hours=1)
_MOST = 1_000_000_000


def _piece(each: object, source: str) -> Evidence:
    if not isinstance(each, Evidence):
        raise _wrong(source, "its evidence is no pairs of id and Evidence, or its cursor no JSON")
    for name, is_right in _RULES.items():
        if not is_right(getattr(each, name)):
            raise _wrong(source, f"{name} of its evidence is not what it has to be")
    if each.source != source:
        raise _wrong(source, "source of its evidence is not its name")
    return each


def _cursor(cursor: Mapping[str, Any], source: str) -> dict[str, Any]:
    """As it comes back from where it is kept."""
    found = json.loads(json.dumps(dict(cursor), allow_nan=False))
    if not _encodable(json.dumps(found, ensure_ascii=False)):
        raise _wrong(source, "its cursor holds half characters")
    return dict(found)


def _wrong(source: str, what: str) -> SourceFailed:
    return SourceFailed(f"{source} gave what cannot be used ({what}): a mistake in this source.")


# ---------------------------------------------------------------- each field


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and _encodable(value)


def _encodable(text: str) -> bool:
    """Half of a surrogate pair cannot be kept."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def _ratio(value: Any) -> bool:
    return _number(value) and value > 0


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value <= 1


def _moment(value: object) -> bool:
    """Aware, and a moment in UTC too."""
    try:
        return isinstance(value, datetime) and value.utcoffset() is not None and bool(value.astimezone(UTC))
    except (ValueError, OverflowError):
        return False


def _or_none(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_right(value)


def _one_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


_RULES: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("source", "family", "stored", "suggested", "about", "url"), _text),
    "kind": _one_of(EvidenceKind),
    "claim": _one_of(WorkField),
    "says": _one_of(Says),
    "likelihood_ratio": _ratio,
    "employer_ratio": _or_none(_ratio),
    "match": _share,
    **dict.fromkeys(("observed_at", "first_observed_at"), _moment),
    **dict.fromkeys(("happened_at", "asserted_at", "valid_from", "valid_to"), _or_none(_moment)),
    "twice": _one_of(bool),
}
