"""A picture of the site for the terminal, drawn from the daemon's `status`.

Eighty columns are enough: what the site is like on the left, what it is seen and told through
on the right, open alarms above. On fewer the right half stands below the left one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from agent.cli.event_line import local_time
from agent.cli.rows import BAD, DIM, FAULTY, INSIDE, OUTWARD, Rows, Status, lasted

LEFT = 40  # columns, so that the right half has as many on a terminal of eighty
BESIDE = 70  # columns; the right half takes thirty to say anything


def picture(status: Status) -> RenderableType:
    """Return the whole site, for a terminal of any height."""
    return Group(header(status), *alarms(status), Halves(status))


def header(status: Status) -> RenderableType:
    """Return the line that says which site this is, and how its daemon fares."""
    daemon, journal = status["daemon"], status["journal"]
    name = Text.assemble((status["site"]["name"], "bold"), (f"  {status['site']['id']}", DIM))
    facts = f"up {lasted(daemon['up_s'])} · {journal['head']} events"
    line = Table.grid(expand=True)
    line.add_column(ratio=1, no_wrap=True)
    line.add_column(justify="right", no_wrap=True)
    line.add_row(name, Text(facts, DIM))
    on_site = status.get("on_site", {})  # a daemon older than this command says nothing of it
    people = []
    if on_site.get("people"):
        left = f"for {on_site['left_s']} s more"
        people.append(Text(f"{on_site['people']} identified on site, {left}"))
    troubles = ["lockdown: nobody may enter"] if status["view"].get("lockdown") else []
    if not daemon["clock_trusted"]:
        troubles.append("the clock is not synchronised")
    if journal["trouble"]:
        troubles.append(f"the record cannot be written: {journal['trouble']}")
    return Group(line, *people, *(Text(trouble, FAULTY) for trouble in troubles))


def alarms(status: Status) -> Iterator[RenderableType]:
    """Yield the open alarms, as a table; nothing when there are none."""
    if not status["view"]["alarms"]:
        return
    table = Table.grid(padding=(0, 2))
    for alarm in status["view"]["alarms"]:
        raised = local_time(alarm["raised_utc_us"]).strftime("%H:%M:%S")
        stage = Text(alarm["stage"], BAD if alarm["stage"] == "raised" else FAULTY)
        if alarm["overdue"]:
            stage.append("  overdue", BAD)
        cause = Text(f"{alarm['cause']} {alarm['object']}", "bold")
        table.add_row(Text(f"alarm {alarm['id']}", BAD), cause, raised, stage)
    yield table


class Halves:
    """The site beside what it is seen through; above it, where there is no room beside."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        inside, outward = (_table(self._status, rows) for rows in (INSIDE, OUTWARD))
        if options.max_width < BESIDE:
            yield from (inside, outward)
            return
        both = Table.grid(padding=(0, 2), expand=True)
        both.add_column(max_width=LEFT)
        both.add_column(ratio=1)
        both.add_row(inside, outward)
        yield both


def _table(status: Status, rows: Rows) -> Table:
    """Lay rows out; what they are is said once a group."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style=DIM, no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=16)
    table.add_column(overflow="fold")
    laid = [row for some in rows for row in some(status)]
    for noun, group in groupby(laid, key=lambda row: row.noun):
        for number, row in enumerate(group):
            table.add_row("" if number else noun, row.name, row.how)
    return table
