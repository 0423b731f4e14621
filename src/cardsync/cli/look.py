"""``status``, ``healthcheck``, ``vip``, ``explain``, ``history``: they look, and change nothing."""

import os
import sys
from datetime import datetime, tzinfo
from typing import Any

import click

from cardsync.cli import output
from cardsync.cli.common import ask_for, dry_run_option, json_option, opened, say_leaving
from cardsync.model import SignalKind, WorkField
from cardsync.records import SEEN_IN_USE
from cardsync.words import count, percent

_DAY, _TIME = 10, 16  # characters of ISO 8601


@click.command()
@click.option("--problems", "only_problems", is_flag=True, help="Only what needs you, in full.")
@json_option
@click.pass_context
def status(context: click.Context, *, only_problems: bool, as_json: bool) -> None:
    """Last cycle, books, open questions, and what needs you."""
    from cardsync import needs, report

    with opened(context, look=True) as app:
        shown = {"problems": needs.all_of(app)} if only_problems else report.status(app)
    if as_json:
        output.as_json(shown)
        return
    if not only_problems:
        _print_status(shown, app.zone)
    if shown["problems"]:
        rows = [
            (row["kind"], row["account"], row["book"], row["name"] or row["card"], row["detail"])
            for row in shown["problems"]
        ]
        output.table(("problem", "account", "book", "card", "what"), rows)
    else:
        output.say("no problems")


def _print_status(shown: dict[str, Any], zone: tzinfo) -> None:
    last = shown["last_cycle"]
    failed = ", ".join(account["account"] for account in (last["accounts"] if last else ()) if account.get("error"))
    at = output.with_zone(last["finished_at"], zone) if last else ""
    ended = f"last cycle: {at}{failed and f', failed: {failed}'}" if last else ""
    output.say(ended or "no cycle yet: cardsync sync")
    books = [
        (account["account"], book["book"], book["cards"], book["vips"], _written(book))
        for account in shown["accounts"]
        for book in account["books"]
    ]
    output.table(("account", "book", "cards", "VIPs", "written"), books)
    questions = [
        (output.local(question["asked_at"], zone, _DAY), question["name"], _question(question))
        for question in shown["questions"]
    ]
    if questions:
        output.table(("asked", "contact", "question"), questions)
    else:
        output.say("no open questions")
    for account in shown["accounts"]:
        if account["next"]:
            spent = " and ".join(f"reminders.{key}" for key in account["spent"])
            output.say(
                f"{account['account']}: {count(account['may_ask_now'], 'question')} may be asked now"
                f"{spent and f' ({spent})'}; next in line: {', '.join(account['next'])}"
            )


def _question(row: dict[str, Any]) -> str | None:
    """As it stands on the card; of one that ended and that the next cycle takes out, how."""
    return f"{row['question']} ({row['ended']}; it leaves at the next cycle)" if row["ended"] else row["question"]


def _written(book: dict[str, Any]) -> str:
    held = f" ({book['held']}, until: cardsync release)" if book["held"] else ""
    return "yes" if book["written"] else f"no{held}"


@click.command()
@click.option("--live", is_flag=True, help="Only whether a daemon runs and begins its cycles, for what restarts it.")
@json_option
@click.pass_context
def healthcheck(context: click.Context, *, live: bool, as_json: bool) -> None:
    """Whether the daemon, each account and each source go on; 1 where the daemon does not, 3 where one needs you."""
    from cardsync import health
    from cardsync.errors import ConfigError
    from cardsync.settings.load import state_dir_of

    try:
        with opened(context, look=True) as app:
            parts = health.parts(app, only_daemon=live)
    except ConfigError:
        if not live:
            raise
        parts = [health.runs(state_dir_of(context.obj.config_path, os.environ))]  # a restart mends no config
    if as_json:
        output.as_json([part.as_json() for part in parts])
    else:
        output.table(("part", "state", "what"), [(part.part, part.state.value, part.detail) for part in parts])
    sys.exit(health.exit_code(parts))


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def vip(context: click.Context, *, as_json: bool) -> None:
    """The VIPs, most probably stale first; company cards and those without work details last."""
    if context.invoked_subcommand:
        return
    from cardsync import needs, roster

    with opened(context, look=True) as app:
        rows = roster.vips(app)
        missing = [] if rows else [f"{name}: {needs.no_vips(app, name)}" for name in app.settings.accounts]
        missing = missing if app.mirror.cycles.last() else ["no cycle yet: cardsync sync"]
    if as_json:
        output.as_json(rows)
        return
    output.table(
        ("stale", "contact", "groups", "last sure", "state"),
        [
            (
                "" if row["probability_stale"] is None else percent(row["probability_stale"]),
                row["name"],
                ", ".join(row["groups"]),
                output.local(row["last_sure"], app.zone, _DAY) if row["last_sure"] else "",
                row["paused"] or _question(row) or row["nothing_to_watch"] or _waits(row["not_before"], app.zone),
            )
            for row in rows
        ],
    )
    for line in missing:
        output.say(line, err=True)


def _waits(until: str | None, zone: tzinfo) -> str:
    if not until:
        return ""
    today = datetime.fromisoformat(until).astimezone(zone).date() == datetime.now(zone).date()
    return f"not before {output.local(until, zone, _TIME if today else _DAY)}"


@vip.command()
@click.argument("name", required=False)
@click.option("--all", "everyone", is_flag=True, help="All VIPs.")
@click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), default=None, help="The day, by your clock, on which they were right."
)
@dry_run_option
@click.pass_context
def validate(context: click.Context, *, name: str | None, everyone: bool, on: datetime | None, dry_run: bool) -> None:
    """Mark work details as right, so that they are not asked about for a while."""
    from cardsync import report

    if (name is None) == (not everyone):
        raise click.UsageError("Name one contact, or say --all.")
    if on and on.year < 1970:
        raise click.UsageError("--on lies before 1970.")
    with opened(context) as app:
        if everyone and not app.mirror.cycles.last():
            raise click.UsageError("No cycle has read the VIPs yet: cardsync sync.")
        chosen = (
            [person for person in report.people(app) if person.groups]
            if name is None
            else [report.find_person(app, name)]
        )
        day = on.replace(tzinfo=app.zone) if on else app.clock()
        if day > app.clock():
            raise click.UsageError("--on lies in the future.")
        leaving = report.leaving(app, chosen, day)
        if not dry_run:
            ask_for(app, "validate", {"contacts": [person.id for person in chosen], "on": day.isoformat()})
        output.say(
            f"{'would mark' if dry_run else 'marked'} {count(len(chosen), 'contact')} as right on {day:%Y-%m-%d}"
        )
        if not dry_run:
            say_leaving(leaving)


@click.command()
@click.argument("name")
@json_option
@click.pass_context
def explain(context: click.Context, *, name: str, as_json: bool) -> None:
    """Why this probability, item by item, and why the contact is asked about or not."""
    from cardsync.explain import explain as explained
    from cardsync.report import find_person

    with opened(context, look=True) as app:
        shown, zone = explained(app, find_person(app, name)), app.zone
    if as_json:
        output.as_json(shown)
        return
    click.secho(f"{output.safe(shown['name'])} ({', '.join(shown['groups']) or 'no group'})", bold=True)
    if shown["assessment"]:
        at = datetime.fromisoformat(shown["assessed_at"]).astimezone(zone) if shown["assessed_at"] else None
        _print_assessment(shown["assessment"], at)
    for each in shown["evidence"]:
        link = f" <{each['url']}>" if each["url"] else ""
        output.say(f"  {each['source']}{_weight(each)}: {each['sentence']}{link}")
    output.say(shown["asked"])
    if rank := shown["rank"]:
        gain = f"{rank['gain_years']:.2f} years that an answer may win back"
        sum_ = f"weight {rank['weight']:g} x {rank['probability']:.3f} x {gain}"
        first = ", before all others: the card is known to be wrong" if rank["before_others"] else ""
        output.say(f"Worth of a question: {rank['score']:.2f} = {sum_}{first}.")
    if shown["worth_asking_from"]:
        output.say(f"Worth a question from {shown['worth_asking_from']} on, if the card stays as it is.")


def _weight(each: dict[str, Any]) -> str:
    """By what a piece of evidence multiplies the odds, alone, sure and new."""
    if each["not_counted"]:
        return f" (not counted: {each['not_counted']})"
    own, employer = each["likelihood_ratio"], each["employer_ratio"]
    if each["says"] == "used" or (own == 1 and employer in {None, 1}):
        return ""
    if employer is None or each["claim"] == "organisation":
        return f" (odds x {_factor(own)})"
    claim = WorkField(each["claim"]).in_words
    return f" (odds x {_factor(own)} for the {claim}, x {_factor(employer)} for the employer)"


def _print_assessment(stored: dict[str, Any], assessed_at: datetime | None) -> None:
    day = f", as of {assessed_at:%Y-%m-%d}" if assessed_at else ", as of an earlier day"
    has_title = {"title", "role"} & stored.get("right", {}).keys()
    about = "employer or title are" if has_title else "the employer is"
    if SignalKind.HALF_UPDATED in stored.get("signals", ()):
        about = "work details are"
    output.say(f"probability that {about} out of date: {percent(stored['probability'])}{day}")
    for reason in stored["reasons"]:
        output.say(f"  - {reason['sentence']}{_step(reason)}")
    if any(reason["factor"] for reason in stored["reasons"]):
        output.say(f"  by time alone it would be: {percent(stored['prior'])}")
    right = sorted(stored.get("right", {}).items(), key=lambda item: item[1])
    if right:
        shares = ", ".join(f"{which} {percent(share)}" for which, share in right)
        output.say(f"  probability that each detail is still right: {shares}")


def _factor(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 9.5 else f"{ratio:.2g}"


_LITTLE = 0.01


def _step(reason: dict[str, Any]) -> str:
    """Where an item brings the probability; one that an older version stored has none."""
    after, factor = reason.get("probability"), reason["factor"]
    if not after:
        return ""
    odds = f" (odds x {_factor(factor)})" if factor else ""
    return f" -> {after:.1%}{odds}" if after < _LITTLE else f" -> {percent(after)}{odds}"


@click.command()
@json_option
@click.pass_context
def calibration(context: click.Context, *, as_json: bool) -> None:
    """How right the probabilities were, by the answers, and how often your VIPs change employers."""
    from cardsync.calibration import calibration as figures

    with opened(context, look=True) as app:
        shown = figures(app)
    if as_json:
        output.as_json(shown)
        return
    if shown["answers"]:
        rows = [
            (
                f"{each['from']:.0%} - {each['from'] + 0.1:.0%}",
                f"{each['said']:.0%}",
                f"{each['was']:.0%}",
                each["answers"],
            )
            for each in shown["bins"]
        ]
        output.table(("said to be stale", "mean said", "were stale", "answers"), rows)
        output.say(
            f"answers: {shown['answers']}, of which found a change: {shown['stale']}; "
            f"Brier score {shown['brier']:.3f}, calibration error {shown['calibration_error']:.3f}"
        )
        output.say("Only questions with such an answer are in the table: it does not judge the others' probabilities.")
    else:
        output.say("No answer yet that tells whether a question was right.")
    output.say(
        f"{_changes(shown['changes_of_employer'])} counted, {shown['changes_expected']:.2f} were expected: "
        f"all probabilities reckon with {shown['pace']:.2f} times the usual pace"
    )


def _changes(seen: float) -> str:
    noun = "change" if seen == 1 else "changes"
    return f"{seen:g} {noun} of employer (a correction soon after the first sight of a card is none)"


def _values(event: dict[str, Any]) -> str:
    """What a line of the history says after its name: the values of a field, a day, or words."""
    new = event["new"] or ""
    if event["what"] in _OF_A_DAY and new:
        return f"{_OF_A_DAY[event['what']]} {new}"
    return " -> ".join(repr(value) for value in (event["old"], new) if value) if event["field"] else new


_OF_A_DAY = {"validated": "right on", SEEN_IN_USE: "on", "answer: later": "until"}


@click.command()
@click.argument("name")
@json_option
@click.pass_context
def history(context: click.Context, *, name: str, as_json: bool) -> None:
    """What changed on the card, what was asked, and what came back."""
    from cardsync import report

    with opened(context, look=True) as app:
        shown = report.history(app, report.find_person(app, name))
    if as_json:
        output.as_json(shown)
        return
    click.secho(output.safe(shown["name"]), bold=True)
    for event in shown["events"]:
        field = f" {event['field']}" if event["field"] else ""
        output.say(f"  {output.local(event['at'], app.zone, 16)}  {event['what']}{field}  {_values(event)}".rstrip())
    kept, are = len(shown["versions"]), "is" if len(shown["versions"]) == 1 else "are"
    if kept:
        output.say(f"  {count(kept, 'earlier version')} of the card {are} kept: cardsync restore")
