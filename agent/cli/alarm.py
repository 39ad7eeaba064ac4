"""`armoury alarm`: an open alarm's way to its end."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import command


@click.group()
def alarm() -> None:
    """Take on, check, restore and close alarms.

    An alarm is acknowledged by whoever takes it on, checked and restored by people who
    identified at a reader on site after it was raised, and then closed with a reason.
    `armoury status` lists the open ones with their numbers.
    """


@alarm.command()
@click.argument("number")
@options.socket
def ack(number: str, socket: Path | None) -> None:
    """Take an alarm on.

    Its response timer goes on until somebody has looked.

    \b
    Example:
      armoury alarm ack 12
    """
    command(socket, "alarm.acknowledge", alarm=number)
    click.echo(f"alarm {number} is acknowledged")


@alarm.command()
@click.argument("number")
@options.socket
def check(number: str, socket: Path | None) -> None:
    """Say that somebody has looked.

    Whoever looked must have identified at a reader on site after the alarm.

    \b
    Example:
      armoury alarm check 12
    """
    command(socket, "alarm.check", alarm=number)
    click.echo(f"alarm {number} is checked")


@alarm.command()
@click.argument("number")
@options.socket
def restore(number: str, socket: Path | None) -> None:
    """Say that what raised an alarm is in order again.

    \b
    Example:
      armoury alarm restore 12
    """
    command(socket, "alarm.restore", alarm=number)
    click.echo(f"alarm {number} is restored")


@alarm.command()
@click.argument("number")
@click.option("--reason", required=True, help="What it was, in words; kept in the record.")
@click.option("--nuisance", is_flag=True, help="It was nothing; counted against its detector.")
@options.socket
def close(number: str, reason: str, socket: Path | None, *, nuisance: bool) -> None:
    """End a restored alarm.

    \b
    Example:
      armoury alarm close 12 --reason "drill, announced at 10:00"
    """
    command(socket, "alarm.close", alarm=number, reason=reason, nuisance=nuisance or None)
    click.echo(f"alarm {number} is closed")
