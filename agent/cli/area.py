"""`armoury area`: arming and disarming."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import command


@click.group()
def area() -> None:
    """Arm and disarm areas.

    Whoever arms or disarms identifies at a reader on site first; the site file says how many
    people it takes. `armoury status` shows what an area is not ready for.
    """


@area.command()
@click.argument("name", metavar="AREA")
@click.option("--part", help="Leave out this set of zones: one of the area's part_sets.")
@click.option("--override", is_flag=True, help="Arm over what is open or faulted; two people.")
@options.socket
def arm(name: str, part: str | None, socket: Path | None, *, override: bool) -> None:
    """Arm an AREA; its exit delay begins.

    \b
    Examples:
      armoury area arm store
      armoury area arm hall --part night
    """
    command(socket, "area.arm", area=name, part=part, override=override)
    click.echo(f"{name} is being armed; see: armoury status")


@area.command()
@click.argument("name", metavar="AREA")
@options.socket
def postpone(name: str, socket: Path | None) -> None:
    """Put the automatic arming of an AREA off a little.

    \b
    Example:
      armoury area postpone store
    """
    command(socket, "area.postpone", area=name)
    click.echo(f"the arming of {name} is put off")


@area.command()
@click.argument("name", metavar="AREA")
@options.socket
def disarm(name: str, socket: Path | None) -> None:
    """Disarm an AREA.

    Its open alarms stay open: they are checked and closed one by one.

    \b
    Example:
      armoury area disarm store
    """
    command(socket, "area.disarm", area=name)
    click.echo(f"{name} is disarmed")
