"""Telling the owner: what needs them after a cycle, the week in counts, and a ping that a cycle ended."""

import asyncio
import hashlib
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from cardsync import needs
from cardsync.alarms import STUCK, WEEK, Alarm, Message, Stuck, Week, digest, due, message, over, week_of
from cardsync.app import App
from cardsync.errors import CardsyncError
from cardsync.logs import get_logger
from cardsync.observe.notify import Apprise, Channel, Email, Ntfy, Webhook, ping
from cardsync.outcome import Cycle
from cardsync.policy import within
from cardsync.records import ProblemKind
from cardsync.settings.model import Settings
from cardsync.settings.secrets import given

log = get_logger("cardsync.notify")
_AWAY = timedelta(days=1)
"""How long a server may be away before anybody is told: routers are restarted."""
_DIGEST = "digest "
"""Before the name of a way: the week whose digest it took, or in which it was switched on."""
_FATAL = frozenset({1, 10, 11, 13})
"""Exit codes of an account after which the ping says that it failed: the others mend themselves, or are a part."""

SENTENCES: Mapping[str, str] = {
    ProblemKind.LOGIN: "{account}: the server refuses the login; nothing is read until the password is set right.",
    ProblemKind.VIP_LOSS: "{account}: a list is gone, or lost many; nothing is written until: cardsync release.",
    ProblemKind.MASS_CHANGE: "{account}: much changed at once; nothing is written until: cardsync release.",
    ProblemKind.WRITING_STOPPED: "{account}: the server altered a card; nothing is written until: cardsync release.",
    ProblemKind.LISTING: "{account}: the server's list of cards is not believed.",
    ProblemKind.PARKED: "{account}: a card is not written.",
    ProblemKind.QUARANTINED: "{account}: a card cannot be read.",
    ProblemKind.STRAY: "{account}: a question stands on a card that is in no list.",
    needs.FAILED: "{account}: not synced for over a day.",
    needs.EMPTY_GROUP: "A list of the config has nobody in it.",
    needs.SHARED_BOOK: "{account}: an address book is another account's, too.",
    needs.MOVED: "{account}: contacts have moved here; cardsync account move takes along what you answered.",
    needs.SOURCE: "The source {account} fails.",
}


def channels(settings: Settings) -> list[Channel]:
    """All that the config names."""
    notify, found = settings.notify, list[Channel]()
    if topic := notify.ntfy:
        token = partial(given, ("notify", "ntfy"), topic, "token")
        found.append(Ntfy(url=topic.url.text, token=token))
    if hook := notify.webhook:
        token = partial(given, ("notify", "webhook"), hook, "token")
        found.append(Webhook(url=hook.url.text, token=token))
    if mail := notify.email:
        found.append(
            Email(
                host=mail.host,
                port=mail.port or (465 if mail.tls == "tls" else 587),
                tls=mail.tls,
                sender=mail.sender,
                to=mail.to,
                username=mail.username,
                password=partial(given, ("notify", "email"), mail, "password"),
                ca_file=mail.ca_file,
            )
        )
    if notify.apprise:
        found.append(Apprise(urls=tuple(url.text for url in notify.apprise)))
    return found


async def pinged(app: App, done: Cycle | None) -> None:
    """``notify.ping`` hears of the cycle; nothing that fails here is raised."""
    if url := app.settings.notify.ping:
        failed = done is None or any(each.exit_code in _FATAL or _is_away(app, each.account) for each in done.reports)
        await _quietly("ping", ping(url.text, failed=failed))


async def after(app: App, done: Cycle | None, stuck: Stuck) -> Stuck:
    """What needs the owner after a cycle (None: it did not even end); nothing that fails here is raised.

    Takes and returns since when no cycle ends.
    """
    notify, now = app.settings.notify, app.clock()
    ways = [] if notify.quiet_hours and within(notify.quiet_hours, app.zone, now) else channels(app.settings)
    if done is None:
        return await _tell_stuck(ways, replace(stuck, since=stuck.since or now), now)
    if ways:
        await _tell_all(app, ways, now)
    return Stuck(told=stuck.told)


async def _tell_stuck(ways: Sequence[Channel], stuck: Stuck, now: datetime) -> Stuck:
    if not stuck.is_due(now):
        return stuck
    sent = await asyncio.gather(*(_quietly(way.name, way.send(message([STUCK], include_names=False))) for way in ways))
    return replace(stuck, told=now) if any(sent) else stuck


async def _tell_all(app: App, ways: Sequence[Channel], now: datetime) -> None:
    """All ways at once: one that hangs holds up no other."""
    standing = list(alarms(app))
    await asyncio.gather(*(_tell(app, way, standing, now) for way in ways))


async def _tell(app: App, way: Channel, standing: Sequence[Alarm], now: datetime) -> None:
    """By one way what it did not tell lately: one that fails is tried again, whatever the others did."""
    own = [replace(alarm, key=f"{way.name} {alarm.key}") for alarm in standing]
    told = {key: at for key, at in app.mirror.told.all().items() if key.startswith(f"{way.name} ")}
    new = due(own, told, now)
    if new and await _quietly(way.name, way.send(message(new, include_names=app.settings.notify.include_names))):
        app.mirror.told.tell([alarm.key for alarm in new], now)
    app.mirror.told.forget(over(own, told, now))
    await _tell_the_week(app, way, now)


async def _tell_the_week(app: App, way: Channel, now: datetime) -> None:
    """The digest, on the Mondays after the one before which it was switched on, or the way was."""
    mark, this = f"{_DIGEST}{way.name}", week_of(app.zone, now)
    told = app.mirror.cycles.fact(mark)
    if app.settings.notify.digest == "never":
        this = ""
    elif told and told != this and not await _quietly(way.name, way.send(week(app, now))):
        return
    if told != this:
        app.mirror.cycles.set_fact(mark, this)


async def _quietly(name: str, sending: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(_LONGEST.total_seconds()):
            await sending
    except CardsyncError as error:
        log.warning("not told", way=name, what=str(error))
    except Exception as error:  # noqa: BLE001 - a way to the owner must not stop a cycle; the text may hold anything
        log.warning("not told", way=name, error=type(error).__name__)
    else:
        log.debug("told", way=name)
        return True
    return False


_LONGEST = timedelta(minutes=2)


async def test(app: App) -> list[tuple[str, str]]:
    """Send a word by each way: (way, why it failed or '')."""
    hello = Message(title="cardsync: a test", text="This is how cardsync tells you what needs you.")
    found = []
    for way in channels(app.settings):
        try:
            await way.send(hello)
            found.append((way.name, ""))
        except CardsyncError as error:
            found.append((way.name, str(error)))
        except Exception as error:  # noqa: BLE001 - the ways after it are tried, too
            found.append((way.name, f"It failed ({type(error).__name__})."))
    return found


# ---------------------------------------------------------------- what there is to tell


def alarms(app: App) -> Iterator[Alarm]:
    """Of each trouble that waits for the owner."""
    now = app.clock()
    for row in needs.all_of(app):
        kind, account = row["kind"], row["account"]
        if kind == needs.FAILED and not _is_away(app, account):
            continue
        if kind == needs.SOURCE and app.mirror.evidence.state(account, now).failures < _OFTEN:
            continue
        what = "\n".join(str(row[key]) for key in ("book", "card", "name", "about"))
        which = hashlib.sha256(what.encode()).hexdigest()[:16]
        sentence = SENTENCES[kind].format(account=account)
        details = ": ".join(filter(None, (row["name"], row["detail"])))
        yield Alarm(key=f"{kind} {account} {which}", sentence=sentence, details=details)


_OFTEN = 5  # failures in a row of a source


def _is_away(app: App, account: str) -> bool:
    """Whether no cycle of the account ended well for a day."""
    since = app.mirror.cycles.failing_since(account)
    return since is not None and app.clock() - since >= _AWAY


def week(app: App, now: datetime) -> Message:
    """The last seven days."""
    weeks = [_week(app, name, now - WEEK) for name in app.settings.accounts]
    return digest(weeks, len(needs.all_of(app)))


def _week(app: App, account: str, since: datetime) -> Week:
    figures = app.mirror.figures
    stale = figures.stale(account)
    return Week(
        account=account,
        asked=figures.asked_since(account, since),
        ended=figures.ended_since(account, since),
        used=figures.used_since(account, since),
        vips=len(stale),
        fresh=sum(each < 0.5 for each in stale),
        open=app.mirror.questions.open_count(account),
    )
