"""`armoury events`: the record, as far as it is asked for."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import click

from agent.cli import options
from agent.cli.asking import followed
from agent.cli.event_line import COLOURS, event_line, is_hidden
from agent.cli.folding import Line, fold
from agent.control import Client, socket_path

# None: what is damaged is known now, and more events may be long in coming.
_Events: TypeAlias = Generator[dict[str, Any] | None, None, None]

MOST = 10_000
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def since_us(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Return a time in UTC microseconds: so long ago ("30d"), or a date, with its time or not."""
    if value is None:
        return None
    if ago := re.fullmatch(r"(\d{1,6})([smhd])", value):
        return time.time_ns() // 1000 - int(ago[1]) * SECONDS[ago[2]] * 1_000_000
    try:
        return int(datetime.fromisoformat(value).astimezone().timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        remedy = "write 30d, 2h, 2026-01-31 or 2026-01-31T14:00"
        raise click.BadParameter(f"{value!r} is no time; {remedy}") from error


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens; Ctrl-C ends it.")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, MOST),
    default=20,
    show_default=True,
    help="How many at most: the newest that fit, or the first after --after.",
)
@click.option("--after", type=options.after_number, metavar="NUMBER", help="Only higher numbers.")
@click.option("--kind", callback=options.kind, help="Only this kind: door.forced")
@click.option(
    "--severity",
    type=click.Choice(["alarm", "fault", "access", "info"]),
    help="Only this severity.",
)
@click.option("--object", "about", metavar="ID", help="Only what is about this: a door, a device.")
@click.option(
    "--since",
    metavar="TIME",
    callback=since_us,
    help="Only since then: 30d, 2h, 15m, 2026-01-31 or 2026-01-31T14:00.",
)
@click.option("--all", "every", is_flag=True, help="List each repeat of a panic, too.")
@click.option(
    "--offline",
    type=options.folder,
    metavar="DATA",
    help="Read the record in this folder itself, for a daemon that does not start.",
)
@options.socket
@options.as_json
def events(
    limit: int,
    after: int | None,
    kind: str | None,
    severity: str | None,
    about: str | None,
    since: int | None,
    offline: Path | None,
    socket: Path | None,
    *,
    follow: bool,
    every: bool,
    as_json: bool,
) -> None:
    """List recorded events, and with --follow those that come.

    The newest stand last. Times are local; a ~ before one says that the clock was not
    synchronised then. Of the repeats of one panic the last one stands for all; --all lists each.
    --json writes each event on a line of its own, as recorded. What is damaged cannot be shown: its
    numbers are named, with --json as {"damaged": [[7, 9]]} on a line of its own.

    \b
    Examples:
      armoury events --severity alarm --since 30d
      armoury events --follow --object store
      armoury events --json --after 0 --limit 10000 > record.jsonl
      armoury events --offline /var/lib/armoury
    """
    wanted = {"kind": kind, "severity": severity, "object": about, "since_us": since}
    filters = {key: value for key, value in wanted.items() if value is not None}
    filters |= {"limit": limit}
    filters |= {"newest_first": True} if after is None else {"after": after}
    if offline and follow:
        raise click.UsageError("--offline reads a record that nobody writes: there is no --follow")
    damaged: list[Sequence[int]] = []
    ask = partial(_recorded, offline) if offline else partial(_told, socket, follow=follow)
    if follow or every or as_json:
        with closing(ask(filters, damaged)) as found:
            for event in found:
                if event is not None:
                    click.echo(_written(event, as_json=as_json))
                else:
                    _tell(damaged, as_json=as_json)
    else:
        for line in _folded(partial(ask, damaged=damaged), filters):
            click.echo(_written(line.event, folded=line.folded))
    if damaged:
        _tell(damaged, as_json=as_json)
        raise SystemExit(1)


def _folded(ask: Callable[[dict[str, Any]], _Events], filters: Mapping[str, Any]) -> list[Line]:
    """Return as many lines as are asked for, whatever repeats there are between them."""
    limit = asked = filters["limit"]
    while True:
        found = list(filter(None, ask({**filters, "limit": asked})))
        lines = fold(found)
        if len(lines) >= limit or len(found) < asked or asked == MOST:
            return lines[-limit:] if filters.get("newest_first") else lines[:limit]
        asked = min(asked * 8, MOST)


def _written(event: Mapping[str, Any], *, as_json: bool = False, folded: int = 0) -> str:
    if as_json:
        return json.dumps(event, ensure_ascii=False)
    more = f"  ({folded} repeats before it)" if folded else ""
    return click.style(event_line(event) + more, fg=COLOURS.get(event["severity"]))


def _tell(damaged: Sequence[Sequence[int]], *, as_json: bool) -> None:
    """Say which numbers are left out: a list that only looks whole would be worse than none."""
    from agent.journal.intact import left_out
    from agent.journal.query import LAST

    if as_json:
        ends = [[first, last if last < LAST else None] for first, last in damaged]
        click.echo(json.dumps({"damaged": ends}))
    click.echo(f"Error: {left_out(damaged)}", err=True)


def _told(
    socket: Path | None, filters: dict[str, Any], damaged: list[Sequence[int]], *, follow: bool
) -> _Events:
    """Yield what the daemon tells; put down what it leaves out."""
    with Client(socket_path(socket), timeout_s=None if follow else 10.0) as client:
        if not follow:
            yield from (event for event in client.ask("events", **filters) if not is_hidden(event))
            damaged[:] = client.beside.get("damaged", ())
        else:
            yield from followed(client, damaged, **filters)


def _recorded(folder: Path, filters: dict[str, Any], damaged: list[Sequence[int]]) -> _Events:
    """Yield what the record itself holds; put down what is damaged, and left out."""
    from agent.journal.errors import JournalError
    from agent.journal.intact import Intact
    from agent.journal.reading import Reader

    try:
        with Reader(folder) as reader:
            intact = Intact(reader)
            rows = list(intact.query(**filters))
            damaged[:] = intact.damaged
    except JournalError as error:
        raise click.ClickException(str(error)) from error
    if filters.get("newest_first"):
        rows.reverse()
    yield from (json.loads(row.body) for row in rows)
