"""`armoury zone`: doing without a detector for a while."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import command


@click.group()
def zone() -> None:
    """Bypass zones, and count on them again."""


@zone.command()
@click.argument("name", metavar="ZONE")
@options.socket
def bypass(name: str, socket: Path | None) -> None:
    """Do without a ZONE for one set period.

    \b
    Example:
      armoury zone bypass hall
    """
    command(socket, "zone.bypass", zone=name)
    click.echo(f"{name} is bypassed until its area is disarmed again")


@zone.command()
@click.argument("name", metavar="ZONE")
@options.socket
def unbypass(name: str, socket: Path | None) -> None:
    """Count on a ZONE again.

    \b
    Example:
      armoury zone unbypass hall
    """
    command(socket, "zone.unbypass", zone=name)
    click.echo(f"{name} is counted on again")
