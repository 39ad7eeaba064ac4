"""`armoury power`: what the gateway lives on."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import ask
from agent.cli.dates import due


@click.command()
@options.as_json
@options.socket
def power(socket: Path | None, *, as_json: bool) -> None:
    """Show the mains, the battery, and when its test is due.

    \b
    Example:
      armoury power
    """
    found = ask(socket, "status")["view"]["power"]
    if as_json:
        click.echo(json.dumps(found))
        return
    if found is None:
        raise click.ClickException("the site file has no [power]: nobody watches the mains")
    mains = {"normal": "there", "unknown": "not known"}.get(found["mains"], "away")
    click.echo(f"mains    {mains}{', told' if found['lost'] else ''}")
    if found["battery"]:
        charge = f"{found['pct']} %" if found["pct"] is not None else "charge not known"
        click.echo(f"battery  {charge}{', low' if found['low'] else ''}; test {due(found['test'])}")
    else:
        click.echo("battery  none in the site file")
