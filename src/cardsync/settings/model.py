"""The config: every key, what it means, what it may be, what it is when left out.

``config sample``, ``config schema``, docs/configuration.md, what is read and what is refused come from here.  Nothing
here reads files or the environment; ``load`` does.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from cardsync.annotate import texts
from cardsync.settings import values as v
from cardsync.settings.observe import Http, Notify
from cardsync.settings.sources import Sources
from cardsync.settings.strata import Median, named, parse_stratum, show_stratum
from cardsync.settings.table import Table, key
from cardsync.words import LOG_PARTS

Level = Literal["debug", "info", "warning", "error"]
AccountName = Annotated[str, v.Rule(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_IN_A_LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]"
GroupName = Annotated[str, v.Rule(pattern=rf"^{_IN_A_LINE}*[^\x00-\x20\x7f-\xa0\u2028\u2029]{_IN_A_LINE}*$")]
STATE_DIR = Path("/data")
PASSWORD_FORMS = ("password", "password_file", "password_command", "password_env_file")
TOKEN_FORMS = ("token", "token_file", "token_command", "token_env_file")


class Questions(Table):
    """What of ``[reminders]`` an account may have of its own."""

    label: v.Label = key(default="VIPcheck", description="First word of every question. Search for it on the phone.")
    past_labels: Annotated[tuple[v.Label, ...], v.Rule(allowed="a list of labels")] = key(
        default=(),
        description="Labels of earlier days, so that their questions are still recognised.",
        examples=[["Check"]],
    )
    language: Literal["en", "de", "fr", "es", "pt"] = key(default="en", description="Language of the questions.")
    max_new_per_day: v.Count = key(default=1, description="New questions a day, at most.")
    max_new_per_week: v.Count = key(default=3, description="New questions in seven days, at most.")
    max_open: v.Count = key(default=5, description="Questions that stand on the phone at once, at most.")


class Reminders(Questions):
    """The questions in the notes."""

    position: Literal["top", "bottom"] = key(default="top", description="Where in the note the question stands.")
    expire_after: v.LongDuration = key(
        default=timedelta(days=45), description="An unanswered question removes itself after this time."
    )
    ask_again_after: v.LongDuration = key(
        default=timedelta(days=90),
        description="The same question is not asked again before; cardsync resume NAME lifts that.",
    )
    snooze: v.LongDuration = key(
        default=timedelta(days=30), description='How long "later" hides a question when no time is typed.'
    )
    quiet_after_edit: v.Duration = key(
        default=timedelta(hours=6),
        description="No question while the card changed this recently: the phone may hold an edit still.",
    )
    half_updated_after: v.Duration = key(
        default=timedelta(days=7),
        description="A card of which the organisation alone changed is left in peace for this time.",
    )
    hours: v.Hours = key(
        default=None, description="Hours of the day in which questions are written.", examples=["8-21"]
    )
    ask_missing: v.Switch = key(default=False, description="Ask about VIPs without any work detail, too.")
    texts: dict[v.TextName, v.Sentence] = key(
        default_factory=dict,
        description="Sentences of your own, by name: " + ", ".join(texts.NAMES) + ".",
        examples=[{"follow_up": "where is {name} now?"}],
    )


class Account(Table):
    """One login on a CardDAV server."""

    url: v.ServerAddress = key(
        description="Address of the server, or a host name, or a mail address (discovery).",
        examples=["https://contacts.icloud.com"],
    )
    username: v.OptionalText = key(default=None, description="Login name.", examples=["me@icloud.com"])
    password: v.Secret = key(
        default=None,
        description="The password itself (an app password, where the provider has them).",
        examples=["xxxx-xxxx-xxxx-xxxx"],
    )
    password_file: v.OptionalPath = key(
        default=None, description="File with the password in its first line.", examples=["/run/secrets/icloud"]
    )
    password_command: v.OptionalArgv = key(
        default=None,
        description="Command that prints the password, run without a shell.",
        examples=[["pass", "icloud"]],
    )
    password_env_file: v.OptionalPath = key(
        default=None,
        description="File of NAME=value lines with CARDSYNC_ACCOUNTS__NAME__PASSWORD in it.",
        examples=["/run/secrets/cardsync.env"],
    )
    token: v.Secret = key(default=None, description="A bearer token, instead of a password.", examples=["xxxxxxxx"])
    token_file: v.OptionalPath = key(
        default=None, description="File with the token in its first line.", examples=["/run/secrets/token"]
    )
    token_command: v.OptionalArgv = key(
        default=None, description="Command that prints the token, run without a shell.", examples=[["pass", "token"]]
    )
    token_env_file: v.OptionalPath = key(
        default=None,
        description="File of NAME=value lines with CARDSYNC_ACCOUNTS__NAME__TOKEN in it.",
        examples=["/run/secrets/cardsync.env"],
    )
    auth: Literal["auto", "basic", "digest", "bearer", "none"] = key(
        default="auto", description='How to log in; "none" for a server without login.'
    )
    ca_file: v.OptionalPath = key(
        default=None, description="Certificates to trust, for a server of your own.", examples=["/config/home-ca.pem"]
    )
    allow_http: v.Switch = key(default=False, description="Allow http://, which sends the password for all to read.")
    address_books: v.Texts = key(default=(), description="Display names or paths; empty: all of them.")
    trusted_origins: Annotated[
        tuple[v.Origin, ...], v.Rule(allowed='a list of origins as ["https://dav.example.com"]')
    ] = key(
        default=(),
        description="Other hosts that may have the password; cardsync check names the one that discovery found.",
        examples=[["https://dav.example.com"]],
    )
    write: Literal["auto", "never", "always"] = key(
        default="auto",
        description='Write questions: "auto" leaves read-only, shared and Google books alone, "always" does not.',
    )
    reminders: Questions = key(default_factory=Questions, description="What differs from [reminders] in this account.")


class Group(Table):
    """How one list of the phone is treated."""

    weight: v.Weight = key(default=1.0, description="How much this group matters when contacts are ranked.")
    stratum: Annotated[
        Median,
        v.Rule(
            allowed="general, technology, management, developers, or { median_years = 4.2 }",
            read=parse_stratum,
            show=show_stratum,
            schema={
                "anyOf": [
                    {"enum": ["general", "technology", "management", "developers"]},
                    {
                        "additionalProperties": False,
                        "description": "How long jobs last; a stratum without a name.",
                        "properties": {
                            "median_years": {
                                "maximum": 100,
                                "minimum": 0.1,
                                "title": "Median Years",
                                "type": "number",
                            }
                        },
                        "required": ["median_years"],
                        "title": "Median",
                        "type": "object",
                    },
                ]
            },
        ),
    ] = key(
        default=named("general"),
        description="How long jobs last: general, technology, management, developers or { median_years = 4.2 }.",
    )
    ask_above: Annotated[v.Share | None, v.Rule(allowed="a number from 0 to 1")] = key(
        default=None, description="Instead of freshness.ask_above, for this group.", examples=[0.2]
    )


class Schedule(Table):
    """When the daemon works."""

    sync: v.Sync = key(
        default=timedelta(minutes=15), description="Time between two cycles, or a cron expression of five fields."
    )
    jitter: v.Duration = key(
        default=timedelta(minutes=1), description="Each cycle starts up to this much later, at random."
    )
    timezone: v.TimeZone = key(
        default="",
        description="For cron, reminders.hours and dates; empty: that of the machine.",
        examples=["Europe/Berlin"],
    )
    run_on_start: v.Switch = key(default=True, description="Run one cycle as soon as the daemon starts.")


class Freshness(Table):
    """When a detail is old."""

    ask_above: v.Share = key(default=0.20, description="Probability of being stale above which asking pays.")
    assumed_age: v.LongDuration = key(
        default=timedelta(days=730),
        description="Age of the details on a card that tells nothing about its age, when first seen.",
    )


class Organisations(Table):
    """What only you know about organisations."""

    aliases: Annotated[tuple[v.Texts, ...], v.Rule(allowed='a list of lists as [["Meta", "Facebook"]]')] = key(
        default=(), description="Names of one and the same organisation.", examples=[[["Meta", "Facebook"]]]
    )
    domains: Annotated[dict[str, v.Texts], v.Rule(allowed='a table as { "Acme" = ["acme.example"] }')] = key(
        default_factory=dict,
        description="Domains that belong to an organisation.",
        examples=[{"Acme": ["acme.example", "acme.io"]}],
    )


class Guards(Table):
    """When a change is so large that it must be an accident: writing stops until ``cardsync release``."""

    mass_change_share: v.Share = key(
        default=0.20, description="More than this share of an address book changed at once,"
    )
    mass_change_min: v.Count = key(default=10, description="and at least this many cards.")
    vip_loss_share: v.Share = key(default=0.30, description="More than this share of a group's members gone at once,")
    vip_loss_min: v.Count = key(default=3, description="and at least this many.")


class Undo(Table):
    """How long the ways back are kept: the newest version of each card, and the first and newest backup, for good."""

    keep_versions: v.LongDuration = key(
        default=timedelta(days=365), description="Card versions from before each write (cardsync restore)."
    )
    keep_backups: v.LongDuration = key(
        default=timedelta(days=365), description="Exports of address books and copies of the database in backups/."
    )


class Log(Table):
    """What is written to stderr."""

    level: Level = key(default="info", description="The least that is logged.")
    parts: Annotated[dict[v.LogPart, Level], v.Rule(allowed='a table as { evidence = "debug" }')] = key(
        default_factory=dict,
        description=f"Levels of their own, by part: {', '.join(LOG_PARTS)}.",
        examples=[{"evidence": "debug"}],
    )
    format: Literal["auto", "console", "json", "logfmt"] = key(
        default="auto", description="auto: console on a terminal, JSON elsewhere."
    )


class Settings(Table):
    """The whole config, valid."""

    state_dir: v.AbsolutePath = key(default=STATE_DIR, description="Database, backups, lock.")
    accounts: Annotated[dict[AccountName, Account], v.Rule(allowed="tables [accounts.NAME]", not_empty=True)] = key(
        description="One table for each login."
    )
    groups: Annotated[dict[GroupName, Group], v.Rule(allowed="tables [groups.NAME]", not_empty=True)] = key(
        default_factory=lambda: {"VIP": Group()}, description="The lists' names on the phone."
    )
    schedule: Schedule = key(default_factory=Schedule)
    reminders: Reminders = key(default_factory=Reminders)
    freshness: Freshness = key(default_factory=Freshness)
    organisations: Organisations = key(default_factory=Organisations)
    sources: Sources = key(default_factory=Sources)
    guards: Guards = key(default_factory=Guards)
    undo: Undo = key(default_factory=Undo)
    log: Log = key(default_factory=Log)
    http: Http = key(default_factory=Http)
    notify: Notify = key(default_factory=Notify)
