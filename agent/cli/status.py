"""`armoury status`: the whole site, as it is now."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import ask


@click.command()
@options.socket
@options.as_json
def status(socket: Path | None, *, as_json: bool) -> None:
    """Show the site as it is now.

    Open alarms come first; then doors, zones, panic buttons, cameras and people on the left,
    devices and the ways to the monitor on the right.

    \b
    Examples:
      armoury status
      armoury status --json | jq '.devices[] | select(.condition != "ready")'
    """
    answer = ask(socket, "status")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    from rich.console import Console

    from agent.cli.picture import picture

    Console(highlight=False).print(picture(answer))
