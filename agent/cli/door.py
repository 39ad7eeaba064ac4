"""`armoury door`: how the doors are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from agent.cli import options
from agent.cli.asking import ask, command
from agent.cli.columns import columns


@click.group()
def door() -> None:
    """See how the doors are, and forget who is inside.

    No command opens a door from here: entry is at its reader. `armoury lockdown` closes them all.
    """


@door.command(name="list")
@options.socket
@options.as_json
def list_doors(socket: Path | None, *, as_json: bool) -> None:
    """List the doors: leaf, strike, who waits, and readers that are locked out.

    \b
    Examples:
      armoury door list
      armoury door list --json | jq -r '.[] | select(.locked_out != []).id'
    """
    doors: list[dict[str, Any]] = ask(socket, "status")["view"]["doors"]
    if as_json:
        click.echo(json.dumps(doors, ensure_ascii=False))
        return
    head = ("DOOR", "AREA", "CONTACT", "STRIKE", "WAITS", "LOCKED OUT")
    click.echo("\n".join(columns([head, *map(_row, doors)])))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    access = one["access"]
    waits = f"for {access['needed']} more" if access["waiting"] else "-"
    contact = "open too long" if one["held"] else one["contact"]
    out = ", ".join(access.get("locked_out", ())) or "-"
    return (one["id"], one["area"], contact, one["strike"], waits, out)


@door.command(name="clear-inside")
@click.argument("area")
@options.socket
def clear_inside(area: str, socket: Path | None) -> None:
    """Count nobody as inside an AREA any more.

    For when somebody is refused as being inside already and is not (anti-passback). Two officers
    identify at a reader first.

    \b
    Example:
      armoury door clear-inside store
    """
    command(socket, "area.clear_passback", area=area)
    click.echo(f"nobody counts as inside {area}")
