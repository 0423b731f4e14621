"""What the header fields of a mail say of who wrote it.

Pure, never raises, and linear in the length of what it is given: all of it is foreign input.  Comments and quoted
strings are RFC 5322's (section 3.2), Authentication-Results is RFC 8601, Auto-Submitted RFC 3834, List-Id RFC 2919.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto

from cardsync.assess.domains import in_letters, registrable
from cardsync.evidence.encoded_words import decoded

Fields = Mapping[str, Sequence[str]]
"""Unfolded values by lower-case name, topmost first."""

_LONGEST_FROM = 1000  # characters; the longest address has 254
_LONGEST_DATE = 100
_PLAIN_MAILS, _PLAIN_DOMAINS = 10, 3
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})
NOT_BY_HAND = (
    *("list-id", "list-post", "list-unsubscribe"),  # newsletters go on in the name of people who left
    *("x-autoreply", "x-autorespond", "x-auto-response-suppress"),  # in use beside RFC 3834
)
"""Fields that a mail has only from a list or a program."""
_FIELD = re.compile(r"^([^\s:][^:\r\n]*):([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
_FOLD = re.compile(r"\r?\n")
_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_TOKEN = re.compile(
    r'"(?P<quoted>(?:[^"\\]|\\.)*)(?:"|\\?\Z)|(?P<special>[<>,;:@=)])|(?P<word>[^\s"(<>,;:@=)]+)|(?P<space>\s+)',
    re.DOTALL,
)
_PLAIN = re.compile(r'(?:"(?P<quoted>[^"\\]*)"\s*|(?P<words>[^"\\()<>,;:@=]*))<(?P<address>[\w.+-]+@[\w.-]+)>')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sender:
    """The one mailbox of a From field: the address in its comparable form, its domain, and the decoded display name."""

    address: str
    domain: str
    name: str


@dataclass(frozen=True, slots=True)
class Noted:
    """One Authentication-Results field: who noted it ('': it does not say), and each DKIM result with its domain."""

    authserv_id: str
    dkim: tuple[tuple[str, str], ...] = ()


def fields(block: bytes) -> Fields:
    """The header fields of a block as IMAP's BODY[HEADER.FIELDS (...)] gives it; lines that are none are dropped."""
    found: dict[str, list[str]] = {}
    for match in _FIELD.finditer(block.decode("utf-8", "replace")):
        value = match[2]
        if "\n" in value:
            value = _FOLD.sub("", value)
        found.setdefault(match[1].rstrip().lower(), []).append(value.strip())
    return found


def address_key(address: str) -> str:
    """The form in which addresses compare: no case, domains in letters instead of punycode; '' for what is none."""
    local, at, domain = address.strip().lower().rpartition("@")
    if not at or not local or not domain or len(address) > _LONGEST_FROM:
        return ""
    domain = in_letters(domain.rstrip("."))
    return f"{local}@{domain}" if domain else ""


def sender(said: Fields) -> Sender | None:
    """Who wrote it; None: nobody, several, a group (RFC 6854), or a field that is not well formed."""
    values = said.get("from", ())
    if len(values) != 1 or len(values[0]) > _LONGEST_FROM:
        return None
    plain = _PLAIN.fullmatch(values[0])  # nearly all are; the rest takes ten times as long
    if plain is not None and "=?" not in (plain["quoted"] or ""):
        address = address_key(plain["address"])
        name = " ".join((plain["quoted"] or plain["words"] or "").split())
        return Sender(address, address.rpartition("@")[2], name) if address else None
    return _sender(values[0])


def _sender(value: str) -> Sender | None:
    tokens = list(_tokens(value))
    opens = next((at for at, token in enumerate(tokens) if token == _OPEN), None)
    name = ""
    if opens is not None:
        before, tokens = tokens[:opens], tokens[opens + 1 :]
        closes = next((at for at, token in enumerate(tokens) if token == _CLOSE), None)
        if closes is None or any(kind is not _Kind.SPACE for kind, _ in tokens[closes + 1 :]):
            return None
        if any(kind is _Kind.SPECIAL and text != "=" for kind, text in before):
            return None
        name = " ".join(decoded("".join(text for _, text in before)).split())
        tokens = tokens[:closes]
    return _mailbox(tokens, name)


def _mailbox(tokens: list[tuple["_Kind", str]], name: str) -> Sender | None:
    plain = [token for token in tokens if token[0] is not _Kind.SPACE]
    match plain:
        case [(_Kind.WORD | _Kind.QUOTED, local), (_Kind.SPECIAL, "@"), (_Kind.WORD, domain)]:
            address = "" if domain.startswith("[") else address_key(f"{local}@{domain}")  # a name, not a literal
            return Sender(address, address.rpartition("@")[2], name) if address else None
    return None


def sent_at(said: Fields) -> datetime | None:
    """The Date as it was written, in UTC: a claim of the sender's."""
    values = said.get("date", ())
    if len(values) != 1 or len(values[0]) > _LONGEST_DATE:
        return None
    try:
        at = parsedate_to_datetime(values[0])
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def by_hand(said: Fields) -> bool:
    """Whether nothing says that a program sent it, or that it went to a list."""
    if any(name in said for name in NOT_BY_HAND):
        return False
    if any(value.replace(" ", "") == "<>" for value in said.get("return-path", ())):
        return False  # nobody is to answer it (RFC 3834, section 3.3)
    if any(_first_word(value) in _BULK for value in said.get("precedence", ())):
        return False
    return all(_first_word(value) == "no" for value in said.get("auto-submitted", ()))


def is_delivery_report(said: Fields) -> bool:
    """Whether it is a multipart/report of the type delivery-status (RFC 6522)."""
    kinds = [value.casefold() for value in said.get("content-type", ())]
    return len(kinds) == 1 and kinds[0].startswith("multipart/report") and "delivery-status" in kinds[0]


def authentication_results(value: str) -> Noted:
    """One field; what is not well formed gives fewer results, never others."""
    parts = _between_semicolons(_tokens(value))
    return Noted(_authserv_id(parts[0]), tuple(result for part in parts[1:] if (result := _dkim(part)) is not None))


def top_authserv_id(said: Fields) -> str:
    """Who noted the topmost Authentication-Results, '' for nobody: the server that took it in, if that notes any."""
    return next((authentication_results(value).authserv_id for value in said.get("authentication-results", ())), "")


def usual_server(mails: Sequence[Fields]) -> str:
    """Who seems to take in the mail of a mailbox, '' if that is not plain: whose name is on top nearly always.

    To be proposed, never believed: where the owner's server notes nothing, what is on top is the sender's.
    """
    tops = [(top_authserv_id(said), sender(said)) for said in mails if said.get("authentication-results")]
    name, count = Counter(top for top, _ in tops).most_common(1)[0] if tops else ("", 0)
    domains = {registrable(who.domain) for top, who in tops if top == name and who is not None}
    plain = count >= _PLAIN_MAILS and count >= 0.9 * len(tops) and count >= 0.5 * len(mails)
    return name if plain and len(domains) >= _PLAIN_DOMAINS else ""


def is_signed(said: Fields, domain: str, authserv_id: str) -> bool:
    """Whether the server ``authserv_id`` noted a DKIM pass of ``domain``'s own, or of its registrable domain's.

    Fields are put on top (RFC 8601, section 4), so the first that is another's ends those that can be the server's,
    and of those the first that speaks of DKIM decides: a forged one lies below it.
    """
    own = registrable(domain)
    if own is None or not authserv_id:
        return False
    for value in said.get("authentication-results", ()):
        noted = authentication_results(value)
        if noted.authserv_id != authserv_id.casefold():
            return False
        if noted.dkim:
            return any(result == "pass" and registrable(signer) == own for result, signer in noted.dkim)
    return False


class _Kind(Enum):
    QUOTED = auto()
    SPECIAL = auto()
    WORD = auto()
    SPACE = auto()


_OPEN, _CLOSE, _EQUALS = (_Kind.SPECIAL, "<"), (_Kind.SPECIAL, ">"), (_Kind.SPECIAL, "=")


def _tokens(text: str) -> Iterator[tuple[_Kind, str]]:
    """The tokens of a structured field; a comment is a space, what is not closed goes to the end."""
    at = 0
    while at < len(text):
        if text[at] == "(":
            at = _after_comment(text, at)
            yield _Kind.SPACE, " "
            continue
        match = _TOKEN.match(text, at)
        if match is None:  # cannot be: the pattern takes any character but "("
            return
        at = match.end()
        kind = _Kind[(match.lastgroup or "space").upper()]
        found = match[match.lastgroup or 0]
        yield kind, _ESCAPED.sub(r"\1", found) if kind is _Kind.QUOTED else found


def _after_comment(text: str, at: int) -> int:
    depth = 0
    for match in _COMMENT.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return len(text)


def _between_semicolons(tokens: Iterator[tuple[_Kind, str]]) -> list[list[tuple[_Kind, str]]]:
    parts: list[list[tuple[_Kind, str]]] = [[]]
    for token in tokens:
        if token == (_Kind.SPECIAL, ";"):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _authserv_id(part: list[tuple[_Kind, str]]) -> str:
    """The first word, unless it is a result already: some servers do not say who they are."""
    if _EQUALS in part:
        return ""
    words = [text for kind, text in part if kind in {_Kind.WORD, _Kind.QUOTED}]
    return words[0].casefold() if words else ""


def _dkim(part: list[tuple[_Kind, str]]) -> tuple[str, str] | None:
    """The result and the domain that signed ('': not told), if it is a result of DKIM."""
    pairs = _pairs(part)
    if not pairs or pairs[0][0].partition("/")[0] != "dkim":
        return None
    properties = dict(reversed(pairs[1:]))  # of two alike the first
    signer = properties.get("header.d") or properties.get("header.i", "").rpartition("@")[2]
    return pairs[0][1], signer


def _pairs(part: list[tuple[_Kind, str]]) -> list[tuple[str, str]]:
    """``key = value`` in their order, in lower case; a value goes up to the next space."""
    pairs: list[tuple[str, str]] = []
    key, at = "", 0
    while at < len(part):
        kind, text = part[at]
        at += 1
        if (kind, text) != _EQUALS:
            key = text.casefold() if kind is _Kind.WORD else key if kind is _Kind.SPACE else ""
            continue
        while at < len(part) and part[at][0] is _Kind.SPACE:
            at += 1
        start = at
        while at < len(part) and part[at][0] is not _Kind.SPACE:
            at += 1
        pairs.append((key, "".join(text for _, text in part[start:at]).casefold()))
        key = ""
    return pairs


def _first_word(value: str) -> str:
    return next((text.casefold() for kind, text in _tokens(value) if kind is not _Kind.SPACE), "")
