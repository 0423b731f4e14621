"""From the config to the frozen policies that the decisions take."""

from datetime import tzinfo

from cardsync.policy import GroupPolicy, Position, ReminderPolicy, Stratum
from cardsync.settings.model import Reminders, Settings


def group_policies(settings: Settings) -> tuple[GroupPolicy, ...]:
    """One policy for each group, in the config's order."""
    return tuple(
        GroupPolicy(
            name=name,
            weight=group.weight,
            stratum=Stratum(name=group.stratum.name, median_years=group.stratum.median_years),
            ask_above=settings.freshness.ask_above if group.ask_above is None else group.ask_above,
        )
        for name, group in settings.groups.items()
    )


def reminders_of(settings: Settings, account: str) -> Reminders:
    """``[reminders]`` with what the account has of its own; an account that left the config has nothing."""
    if account not in settings.accounts:
        return settings.reminders
    own = settings.accounts[account].reminders
    return settings.reminders.changed(**{key: getattr(own, key) for key in own.given})


def reminder_policy(settings: Settings, account: str) -> ReminderPolicy:
    """The reminders of one account, see ``reminders_of``."""
    own = reminders_of(settings, account)
    return ReminderPolicy(
        label=own.label,
        past_labels=own.past_labels,
        language=own.language,
        position=Position(own.position),
        texts=dict(own.texts),
        max_new_per_day=own.max_new_per_day,
        max_new_per_week=own.max_new_per_week,
        max_open=own.max_open,
        expire_after=own.expire_after,
        ask_again_after=own.ask_again_after,
        snooze=own.snooze,
        quiet_after_edit=own.quiet_after_edit,
        half_updated_after=own.half_updated_after,
        hours=own.hours,
        ask_missing=own.ask_missing,
    )


def zone(settings: Settings) -> tzinfo:
    """``schedule.timezone``, or the machine's own with its changes of clocks (``TZ``, ``/etc/localtime``)."""
    name = settings.schedule.timezone
    if name:
        from zoneinfo import ZoneInfo

        return ZoneInfo(name)
    from tzlocal import get_localzone

    return get_localzone()
