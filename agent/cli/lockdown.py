"""`armoury lockdown`: nobody enters anywhere."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import command


@click.group()
def lockdown() -> None:
    """Let nobody enter anywhere, and lift that again.

    It stops entry only: leaving is never refused. Whoever waits at a door is sent away, and what
    is unlocked is locked. It outlasts a restart. `armoury status` says that it is on.
    """


@lockdown.command()
@options.socket
def begin(socket: Path | None) -> None:
    """Let nobody enter from now on; nobody's approval is needed.

    \b
    Example:
      armoury lockdown begin
    """
    command(socket, "site.lock_down")
    click.echo("nobody enters from now on; two people on site lift it: armoury lockdown lift")


@lockdown.command()
@options.socket
def lift(socket: Path | None) -> None:
    """Let people enter again.

    Two different people, officers or guards, identify at a reader first, within two minutes: at
    a door in lockdown they are refused, and known all the same.

    \b
    Example:
      armoury lockdown lift
    """
    command(socket, "site.lift_lockdown")
    click.echo("people may enter again")
