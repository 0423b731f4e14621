"""What it means that somewhere a profile of a contact names an employer."""

import re
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from cardsync.assess.domains import domain_belongs
from cardsync.assess.organisations import CERTAIN, Aliases, Verdict, compare
from cardsync.model import Evidence, EvidenceKind, Says, WorkField

AGREES = 0.39  # weak: people forget to edit their profiles
DIFFERS = 8.0
KEYED = 0.98  # P(same person): the key stands on the card, and may be a colleague's or the company's all the same
FAMILY = "profile"
"""Profiles copy one another, whoever serves them."""

_MENTION = re.compile(r"@([A-Za-z0-9][A-Za-z0-9-]*)")
_PAST = re.compile(r"\b(ex|former(ly)?|previous(ly)?|past|ehemals|fr[uü]her|ancien(ne)?|anterior)\b", re.IGNORECASE)
_LONGEST = 120
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def says_of(
    source: str,
    stored: str | None,
    theirs: str | None,
    *,
    now: datetime,
    aliases: Aliases = (),
    kind: EvidenceKind = EvidenceKind.PROFILE,
    family: str = FAMILY,
    differs: float = DIFFERS,
    match: float = KEYED,
    about: str = "",
    asserted_at: datetime | None = None,
    valid_from: datetime | None = None,
    url: str = "",
) -> Evidence | None:
    """Evidence on the organisation ``stored`` from a profile that names ``theirs``; None where either says nothing.

    Only names that are surely different differ: a former employer, "self-employed" or another script is nothing.
    """
    names = employers(theirs or "")
    if not stored or not stored.strip() or not names:
        return None
    verdicts = [_verdict(stored, name, mention, aliases) for name, mention in names]
    agrees = any(verdict in CERTAIN for verdict in verdicts)
    if not agrees and any(verdict is not Verdict.DIFFERENT for verdict in verdicts):
        return None
    return Evidence(
        source=source,
        kind=kind,
        family=family,
        claim=WorkField.ORGANISATION,
        says=Says.AGREES if agrees else Says.DIFFERS,
        stored=stored,
        observed_at=now,
        first_observed_at=now,
        likelihood_ratio=AGREES if agrees else differs,
        match=match,
        suggested="" if agrees else names[0][0],
        about=about,
        asserted_at=past(asserted_at, now),
        valid_from=past(valid_from, now),
        url=url,
    )


def employers(text: str) -> list[tuple[str, bool]]:
    """The employers in a free field, none of a former one, and whether as mentions: ``@Stripe `` -> ``Stripe``."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not line or len(line) > _LONGEST or _PAST.search(line):
        return []
    mentions = _MENTION.findall(line)
    if mentions and re.fullmatch(r"\W*(?:@[A-Za-z0-9-]+\W*)+", line):
        return [(name.strip("-"), True) for name in mentions]
    plain = line.lstrip("@ ").strip()
    return [(plain, False)] if any(map(str.isalnum, plain)) else []


def path_at(url: str, host: str) -> tuple[str, ...] | None:
    """The path of a URL on ``host`` or a host below it, in decoded segments; None: elsewhere, or no URL."""
    try:
        parts = urlsplit(url.strip() if "//" in url else f"//{url.strip()}")
        at = parts.hostname or ""
    except ValueError:
        return None
    if "@" in parts.netloc or (at != host and not at.endswith(f".{host}")):
        return None
    return tuple(unquote(segment) for segment in parts.path.split("/") if segment)


def past(at: datetime | None, now: datetime) -> datetime | None:
    """A foreign time in UTC; None: none, one that lies ahead, or one before there were such services."""
    return at.astimezone(UTC) if at is not None and _EARLIEST <= at <= now else None


def _verdict(stored: str, name: str, mention: bool, aliases: Aliases) -> Verdict:
    verdict = compare(stored, name, aliases)
    if verdict is not Verdict.DIFFERENT or not mention:
        return verdict
    return domain_belongs(stored, f"{name}.com", aliases=aliases)  # a login is spelt as a domain is: acmeinc, acme-hq
