"""``sources``: what each sends and where, how it stands, and a try of one."""

import asyncio
import sys
from collections.abc import Awaitable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from cardsync import process
from cardsync.cli import output
from cardsync.cli.common import json_option, opened
from cardsync.words import count

if TYPE_CHECKING:
    from cardsync.overview import Tried

_LONGEST = timedelta(minutes=5)  # of a try; a first scan of a large mailbox takes its time


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def sources(context: click.Context, *, as_json: bool) -> None:
    """The sources of evidence: what each sends and where, its last run, quota and errors."""
    if context.invoked_subcommand:
        return
    from cardsync.overview import listed

    with opened(context, look=True) as app:
        rows = listed(app)
    if as_json:
        output.as_json(rows)
        return
    output.table(
        ("source", "on", "last run", "requests", "evidence", "sends"),
        [
            (
                row["name"],
                "yes" if row["on"] else "no",
                (row["last_run"] or "")[:16],
                f"{row['used']} of {row['monthly']} a month" if row["on"] and not row["private"] else "",
                row["evidence"] or "",
                row["sends"],
            )
            for row in rows
        ],
    )
    for row in rows:
        if row["on"]:
            output.say(f"{row['name']} connects to: {', '.join(row['hosts']) or 'no server'}")
        if row["error"]:
            output.say(f"{row['name']}: {row['error']}", err=True)


@sources.command()
@click.argument("source")
@click.argument("name", required=False)
@json_option
@click.pass_context
def test(context: click.Context, *, source: str, name: str | None, as_json: bool) -> None:
    """Ask SOURCE once, and keep nothing but the count of requests.

    About NAME, or the first VIP that it can look for; mailbox, calendar and LinkedIn's export are asked about all.
    """
    from cardsync import report
    from cardsync.overview import tried

    with opened(context, look=True, asks=True) as app:
        person = report.find_person(app, name) if name else None
        done = process.run(_in_time(tried(app, source, person.id if person else None)))
        names = {each.id: each.name for each in report.people(app)}
    rows: list[dict[str, Any]] = [{"contact": names.get(id_, ""), **evidence} for id_, evidence in done.found]
    if as_json:
        output.as_json({"source": source, "error": done.error, "looked": done.looked, "found": rows})
    else:
        for row in rows:
            output.say(f"{row['contact']}: {row['sentence']} {row['url']}".rstrip())
        output.say(done.error or f"{source} answers: {count(done.looked, 'contact')} looked at, {len(rows)} found.")
    sys.exit(1 if done.error else 0)


async def _in_time(trying: Awaitable["Tried"]) -> "Tried":
    from cardsync.overview import Tried

    try:
        return await asyncio.wait_for(trying, _LONGEST.total_seconds())
    except TimeoutError:
        return Tried(error=f"It gave no answer in {_LONGEST.total_seconds():.0f} s.")
