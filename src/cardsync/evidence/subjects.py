"""What a source is shown of a card: the fields that it declared, and nothing else.  Pure."""

import hashlib
import json
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from cardsync.assess.domains import is_free_mail, registrable
from cardsync.assess.organisations import folded
from cardsync.assess.words import HONORIFICS
from cardsync.evidence.people import name_keys
from cardsync.model import Contact, ContactKind, WorkField
from cardsync.sources import Need, Subject


def subject(contact_id: int, contact: Contact, needs: Iterable[Need]) -> Subject | None:
    """None: nobody, or nothing that the source could look for."""
    if contact.kind is not ContactKind.PERSON:
        return None
    found = {need: values for need in needs if (values := _values(contact, need))}
    if found.keys() == {Need.ORGANISATION} and _is_her_own(contact, found[Need.ORGANISATION]):
        return None  # a trade under one's own name: who asks by the organisation's would ask by hers
    return Subject(id=contact_id, values=found) if found.keys() - {Need.NAME} else None


def _is_her_own(contact: Contact, organisations: Iterable[str]) -> bool:
    """Whether an organisation bears the contact's name, in whatever order, spelling or company of other words."""
    names = [[word for word in words if len(word) > 1 and word not in HONORIFICS] for words in _words(contact.name)]
    for organisation in organisations:
        for words in _words(organisation):
            for name in names:
                initials = {word[0] for word in name}
                short = {word for word in words if len(word) == 1} & initials and set(words) & set(name)
                whole = len(name) > 1 and (set(name) <= set(words) or "".join(name) in "".join(words))
                if short or whole:
                    return True
    return False


def _words(text: str) -> list[list[str]]:
    return [re.findall(r"[^\W_]+", spelt) for spelt in folded(text[:200])]


def key_digests(shown: Subject) -> frozenset[str]:
    """Of each key by which a source looks for somebody; names, organisations and titles are none."""
    keys = [value for need in _KEYS for value in shown.values.get(need, ())]
    return frozenset(hashlib.sha256(key.casefold().encode("utf-8", "replace")).hexdigest()[:16] for key in keys)


_KEYS = (Need.URL, Need.WORK_URL, Need.WORK_EMAIL, Need.PERSONAL_EMAIL, Need.WORK_DOMAIN)


def name_digest(shown: Subject) -> str:
    """The same for all spellings of a name that are one to a source."""
    forms = sorted(form for name in shown.values.get(Need.NAME, ()) for form in name_keys(name))
    return hashlib.sha256(repr(forms).encode()).hexdigest()


def digest(shown: Subject) -> str:
    """The same as long as the card shows the source the same; a SHA-256 in hex."""
    values = [[need, list(shown.values[need])] for need in sorted(shown.values)]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _values(contact: Contact, need: Need) -> tuple[str, ...]:
    match need:
        case Need.NAME:
            return (contact.name,) if contact.name else ()
        case Need.ORGANISATION:
            return contact.work.get(WorkField.ORGANISATION, ())
        case Need.TITLE:
            return contact.work.get(WorkField.TITLE, ())
        case Need.WORK_EMAIL:
            return tuple(email for email in contact.work.get(WorkField.EMAIL, ()) if _corporate(email))
        case Need.PERSONAL_EMAIL:
            return contact.personal_emails
        case Need.WORK_DOMAIN:
            domains = map(_corporate, contact.work.get(WorkField.EMAIL, ()))
            return tuple(dict.fromkeys(domain for domain in domains if domain))
        case Need.WORK_URL:
            return _bare_all(contact.work.get(WorkField.URL, ()))
        case Need.URL:
            return _bare_all(contact.urls)


def _corporate(email: str) -> str:
    domain = email.rpartition("@")[2].strip().casefold()
    return domain if registrable(domain) and not is_free_mail(domain) else ""


def _bare_all(urls: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(_bare, urls))))


def _bare(url: str) -> str:
    """Without user, query and fragment: they may say more than where a page is."""
    try:
        parts = urlsplit(url if "//" in url else f"https://{url}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}{port}{parts.path}" if "." in host and parts.scheme in {"http", "https"} else ""
