"""`armoury technician`: working on an area's detectors, for a limited time."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import command, head, told


@click.group()
def technician() -> None:
    """Begin and end a technician's work.

    A technician and an officer identify at a reader first, within two minutes. While it lasts,
    zones that are watched at all times can be done without, and nothing in the area can be armed.
    It ends by itself after the area's technician_s, and what it did without is watched again.
    Panic buttons and racks stay real.
    """


@technician.command()
@click.argument("area")
@click.option(
    "--zone", "zones", multiple=True, help="Do without this zone; several times for more."
)
@options.socket
def begin(area: str, zones: tuple[str, ...], socket: Path | None) -> None:
    """Begin work in an AREA that is not armed.

    More zones are done without later with: armoury zone bypass ZONE

    \b
    Examples:
      armoury technician begin hall
      armoury technician begin hall --zone gateway-lid --zone hall-movement
    """
    after = head(socket)
    command(socket, "technician.begin", area=area, zones=list(zones))
    on = told(socket, after, "system.technician_on", area)
    lasts = f" for {on['data']['for_s'] // 60} min" if on else ""
    without = f", without {', '.join(zones)}" if zones else ""
    click.echo(
        f"{area}: technician mode{lasts}{without}; end it with: armoury technician end {area}"
    )


@technician.command()
@click.argument("area")
@options.socket
def end(area: str, socket: Path | None) -> None:
    """End the work in an AREA; what was done without is watched again.

    What is still open is listed. Zones that are watched at all times and are open alarm at once.

    \b
    Example:
      armoury technician end hall
    """
    after = head(socket)
    command(socket, "technician.end", area=area)
    off = told(socket, after, "system.technician_off", area)
    left = ", ".join(off["data"]["open"]) if off else ""
    still = f"still open: {left}" if left else "nothing is open"
    click.echo(f"{area}: technician mode is over; {still}")
