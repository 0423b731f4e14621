"""The kinds of value that a config holds: how each is read from text, and what is allowed in words.

Messages never repeat the value: it may be a secret in the wrong place.
"""

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Union, get_origin

from cardsync.annotate import texts
from cardsync.words import LOG_PARTS

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "mo": timedelta(days=30),
    "y": timedelta(days=365),
}
_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = timedelta(days=100 * 365)  # to "never again"; added to today it is still a date
_BLANK = r"[ \t\r\n]*"  # these patterns are the schema's too: no flags, and no \s or \d, which editors read otherwise
_PART = rf"[0-9]{{1,6}}{_BLANK}([mM][oO]|[smhdwySMHDWY])"
_DURATION = f"{_BLANK}(0|{_PART}({_BLANK}{_PART})*){_BLANK}"
_ONE = r"(?i)(\d+)\s*(mo|[smhdwy])"
_LABEL = r"[^\s:;,\\\x00-\x1f\x7f]{1,30}"
_HOURS = f"{_BLANK}([0-9]{{1,2}}){_BLANK}-{_BLANK}([0-9]{{1,2}}){_BLANK}"
_WEB = r"(?i)https?://"
_HOST = r"(?:[^\s@/:]+@)?(?:[\w-]+\.)*[\w-]+\.?(?::\d{1,5})?"
_ORIGIN = r"(?i)https?://(?:[\w.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?/?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a value is beyond its type.

    ``allowed``: what it may be, as the end of an error message.  ``read``: how it comes from what TOML holds; raises
    ValueError, whose words go before those.  ``show``: how the owner would write it.  ``schema``: it in the JSON
    schema, where that does not follow from the type.  ``pattern`` is of the whole text.
    """

    allowed: str = ""
    read: Callable[[object], object] | None = None
    show: Callable[[Any], object] | None = None
    schema: Mapping[str, object] | None = None
    gt: float | None = None
    ge: float | None = None
    le: float | None = None
    pattern: str | None = None
    not_empty: bool = False


def rules_of(annotation: Any) -> tuple[Rule, ...]:
    """Those of an annotated type."""
    return getattr(annotation, "__metadata__", ())


def bare(annotation: Any) -> Any:
    """The type without its rules."""
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


def is_union(annotation: Any) -> bool:
    """Whether it is one type or another."""
    return get_origin(annotation) in (Union, types.UnionType)


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text that no repr, log or error shows."""

    text: str = field(repr=False)


def parse_text(value: object) -> object:
    """ValueError for the lone surrogates of a variable that is not UTF-8."""
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError:
        raise ValueError("is no text: it is not UTF-8") from None
    return value


def parse_json(value: object, depth: int = 100) -> object:
    """Texts, numbers, truths, lists and tables of these, as TOML and JSON both know them; ValueError."""
    if depth == 0:
        raise ValueError("is nested too deeply")
    if isinstance(value, dict):
        return {parse_text(key): parse_json(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list):
        return [parse_json(each, depth - 1) for each in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("is a number of more than 64 bits")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("is no number")
    if isinstance(value, bool | int | float | str):
        return parse_text(value)
    raise ValueError("is no text, number, truth, list or table")


Json = Annotated[Any, Rule(read=parse_json)]


def parse_duration(value: object) -> timedelta:
    """``15m``, ``1h30m``, ``45d``, ``2w``, ``3mo`` (30 days each) or ``1y`` (365 days); ValueError, also above 100y."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("is no duration: it needs quotes and a unit")  # noqa: TRY004 -- as everything that is refused here
    if not re.fullmatch(_DURATION, value):
        raise ValueError("is no duration")
    try:
        duration = sum((int(count) * _UNITS[unit.lower()] for count, unit in re.findall(_ONE, value)), timedelta())
    except OverflowError:
        duration = timedelta.max
    if duration > _LONGEST:
        raise ValueError("is too long")
    return duration


def show_duration(duration: timedelta) -> str:
    """A text that ``parse_duration`` reads as this duration; whole seconds."""
    if duration and not duration % _UNITS["y"]:
        return f"{duration // _UNITS['y']}y"
    left = int(duration.total_seconds())
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, int(_UNITS[unit].total_seconds()))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _at_least(least: timedelta) -> Callable[[object], timedelta]:
    def check(value: object) -> timedelta:
        duration = parse_duration(value)
        if duration < least:
            raise ValueError("is too short")
        return duration

    return check


def _parse_sync(value: object) -> timedelta | str:
    if isinstance(value, str) and len(value.split()) == 5:
        from apscheduler.triggers.cron import CronTrigger

        *others, days = value.lower().split()
        try:
            expression = " ".join([*others, _named_days(days)])
            trigger = CronTrigger.from_crontab(expression, timezone="UTC")
        except (ValueError, TypeError, AttributeError):
            raise ValueError("is no cron expression that can be followed") from None
        if trigger.get_next_fire_time(None, _ANY_DAY) is None:  # as on 30 February
            raise ValueError("is no cron expression that can be followed")
        return expression
    return _at_least(timedelta(minutes=1))(value)


def _named_days(field: str) -> str:
    """The days of a cron expression by name: its 0 and 7 are Sunday, APScheduler's 0 is Monday."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.split(","):
        if not re.fullmatch(r"(?a)(\*|\w+(-\w+)?)(/[0-9]+)?", part):
            raise ValueError("is no day of the week")
        span, _, step = part.partition("/")
        first, _, last = span.replace("*", "0-6").partition("-")
        start, stop = _day(first), _day(last or first)
        stop += 7 if stop < start else 0  # fri-sun
        days.update(day % 7 for day in range(start, stop + 1, int(step or 1)))
    return ",".join(_WEEK[day] for day in sorted(days))


def _day(text: str) -> int:
    day = _WEEK.index(text) if text in _WEEK else int(text)
    if day > 7:
        raise ValueError("is no day of the week")
    return day


def _parse_label(value: object) -> object:
    if isinstance(value, str) and not (re.fullmatch(_LABEL, value) and value.isprintable()):
        raise ValueError("is no label")
    return value


def _parse_hours(value: object) -> tuple[int, int] | None:
    if value is None or value == "":
        return None
    found = re.fullmatch(_HOURS, value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("is no span of hours")
    start, stop = int(found[1]), int(found[2])
    if start > 23 or stop > 24 or start == stop:
        raise ValueError("is no span of hours of one day")
    return start, stop


def _parse_timezone(value: object) -> object:
    if isinstance(value, str) and value:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError of its own making
            raise ValueError("is no time zone") from None
        except KeyError:
            raise ValueError("is not a time zone that this machine knows") from None
    return value


def _parse_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.match(_WEB, value):
        if "://" in value or not re.fullmatch(_HOST, value):
            raise ValueError("is no address of a server")
        return value
    authority = re.split(r"[/?#]", re.sub(_WEB, "", value, count=1), maxsplit=1)[0]
    if "@" in authority:
        raise ValueError("holds a user name or a password; they have keys of their own")
    if not authority or re.search(r"[\s\x00-\x1f\x7f]", value) or not re.fullmatch(_ORIGIN, f"https://{authority}"):
        raise ValueError("is no address of a server")
    return value


def _parse_origin(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(_ORIGIN, value):
            raise ValueError("is no origin")
        return value.rstrip("/").lower()
    return value


def _parse_path(value: object) -> object:
    if isinstance(value, str):
        parse_text(value)
        try:
            path = Path(value).expanduser() if value.startswith("~") else Path(value)
        except RuntimeError:
            raise ValueError("is in the home of somebody whom this machine does not know") from None
        if not path.is_absolute() or "\0" in value:
            raise ValueError("is no absolute path")
        return path
    return value


def _parse_argv(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, list | tuple) and not (value and value[0])):
        raise ValueError("is no command with its arguments")
    return value


def _not_empty(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty")
    return value


def parse_web_address(value: object) -> object:
    """A whole URL, with whatever path and query; ValueError."""
    if isinstance(value, str) and not (re.match(_WEB, value) and _parse_url(value)):
        raise ValueError("is no URL")
    return value


def _parse_host(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"(?:[\w-]+\.)*[\w-]+\.?|\[?[0-9a-fA-F:]+\]?", value):
        raise ValueError("is no host name")
    return value.strip("[]") if isinstance(value, str) else value


def _parse_ip(value: object) -> object:
    if isinstance(value, str):
        from ipaddress import ip_address

        plain = re.fullmatch(r"\[([0-9a-fA-F:.]+)\]:[0-9]{1,5}|([0-9.]+):[0-9]{1,5}", value)
        try:
            ip_address(plain[1] or plain[2] if plain else value)
        except ValueError:
            raise ValueError("is no IP address") from None
    return value


def _parse_mail_address(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[^\s@]+@[^\s@]+", value):
        raise ValueError("is no mail address")
    return value


def _parse_text_name(name: object) -> object:
    if isinstance(name, str) and name not in texts.NAMES:
        from difflib import get_close_matches

        near = get_close_matches(name, texts.NAMES, n=1)
        raise ValueError("is not known" + (f"; did you mean {near[0]}?" if near else ""))
    return name


def _parse_log_part(name: object) -> object:
    if isinstance(name, str) and name not in LOG_PARTS:
        raise ValueError("is no part of the log")
    return name


def _parse_sentence(value: object) -> object:
    if not isinstance(value, str):
        return value
    from string import Formatter

    try:
        found = list(Formatter().parse(value))
    except ValueError:
        raise ValueError("has braces that do not match") from None
    if any(slot is not None and (slot not in texts.SLOTS or spec or how) for _, slot, spec, how in found):
        raise ValueError("has a slot in braces that is not known")
    if ";" in value or not value.isprintable() or not value.strip():
        raise ValueError("is no sentence on one line")
    return value


_DURATION_WORDS = 'a duration as "15m", "6h", "45d", "2w", "3mo" or "1y", at most "100y"'
_DURATION_SCHEMA = {"type": "string", "pattern": f"^{_DURATION}$"}
_A_PATH = Rule(allowed="an absolute path in quotes, or one that begins with ~/", read=_parse_path)
_A_TEXT = Rule(allowed="a text in quotes, not empty", read=_not_empty)

Duration = Annotated[
    timedelta, Rule(allowed=_DURATION_WORDS, read=parse_duration, show=show_duration, schema=_DURATION_SCHEMA)
]
LongDuration = Annotated[
    timedelta,
    Rule(
        allowed=_DURATION_WORDS + ", at least 1h",
        read=_at_least(timedelta(hours=1)),
        show=show_duration,
        schema=_DURATION_SCHEMA,
    ),
]
Sync = Annotated[
    timedelta | str,
    Rule(
        allowed='a duration from "1m" to "100y", or a cron expression of five fields as "0 7 * * mon-fri"',
        read=_parse_sync,
        show=lambda sync: sync if isinstance(sync, str) else show_duration(sync),
        schema={"type": "string"},
    ),
]
Label = Annotated[
    str,
    Rule(
        allowed="one word of at most 30 characters, without : ; , or \\",
        read=_parse_label,
        schema={"type": "string", "pattern": r"^[^\s:;,\\]{1,30}$"},
    ),
]
Hours = Annotated[
    tuple[int, int] | None,
    Rule(
        allowed='two hours of the day as "8-21", or "" for any time',
        read=_parse_hours,
        show=lambda hours: f"{hours[0]}-{hours[1]}" if hours else "",
        schema={"type": "string", "pattern": f"^({_HOURS})?$"},
    ),
]
TimeZone = Annotated[
    str, Rule(allowed='a name as "Europe/Berlin", or "" for that of the machine', read=_parse_timezone)
]
ServerAddress = Annotated[
    str, Rule(allowed='"https://host/path", a host name, or a mail address', read=_parse_url, not_empty=True)
]
Origin = Annotated[str, Rule(allowed='"https://host" or "https://host:port"', read=_parse_origin)]
AbsolutePath = Annotated[Path, _A_PATH]
OptionalPath = Annotated[Path | None, _A_PATH]
OptionalArgv = Annotated[
    tuple[str, ...] | None, Rule(allowed='a command and its arguments as ["pass", "icloud"]', read=_parse_argv)
]
Text = Annotated[str, _A_TEXT]
Secret = Annotated[Hidden | None, _A_TEXT]
OptionalText = Annotated[str | None, _A_TEXT]
WEB_ADDRESS = Rule(allowed="a URL that begins with https:// or http://, without a login", read=parse_web_address)
Host = Annotated[str, Rule(allowed='a host name without scheme and port, as "imap.example.org"', read=_parse_host)]
IpAddress = Annotated[str, Rule(allowed="an IP address in quotes, with or without a port", read=_parse_ip)]
MailAddress = Annotated[str, Rule(allowed="a mail address in quotes", read=_parse_mail_address)]
LogPart = Annotated[str, Rule(read=_parse_log_part)]
TextName = Annotated[str, Rule(read=_parse_text_name)]
Sentence = Annotated[
    str,
    Rule(
        allowed="one line without ; and with no braces but {" + "}, {".join(sorted(texts.SLOTS)) + "}",
        read=_parse_sentence,
    ),
]
Texts = Annotated[tuple[Text, ...], Rule(allowed='a list of texts as ["a", "b"]')]
Count = Annotated[int, Rule(allowed="a whole number, 0 or more", ge=0, le=100_000)]
Share = Annotated[float, Rule(allowed="a number from 0 to 1", ge=0, le=1)]
Weight = Annotated[float, Rule(allowed="a number above 0, at most 1000", gt=0, le=1000)]
Years = Annotated[float, Rule(allowed="a number from 0.1 to 100", ge=0.1, le=100)]
Switch = Annotated[bool, Rule(allowed="true or false")]
