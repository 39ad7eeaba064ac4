"""`armoury walk`: setting off an area's detectors one by one, to see that each is heard."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import ask, command, following, head, told


@click.group()
def walk() -> None:
    """Walk an area, and set off its detectors one by one.

    The first time that each is heard is its test. Somebody identifies at a reader first; the area
    is not armed. Nothing is suspended: what is watched at all times alarms, unless technician
    mode does without it.
    """


@walk.command()
@click.argument("area")
@options.as_json
@options.socket
def take(area: str, socket: Path | None, *, as_json: bool) -> None:
    """Walk an AREA from beginning to end: each detector is shown as it is heard.

    It is over when all were heard, or with Ctrl-C. Exit status 1: some were not.

    \b
    Example:
      armoury walk take hall
    """
    zones = [zone["id"] for zone in ask(socket, "status")["view"]["zones"] if zone["area"] == area]
    after = head(socket)
    command(socket, "walk.begin", area=area)
    click.echo(f"set off, one by one: {', '.join(zones)}; Ctrl-C ends it", err=True)
    with contextlib.suppress(KeyboardInterrupt):
        _listen(socket, after, area, set(zones))
    _end(socket, after, area, as_json)


@walk.command()
@click.argument("area")
@options.socket
def begin(area: str, socket: Path | None) -> None:
    """Begin the walk of an AREA; it ends by itself after an hour.

    \b
    Example:
      armoury walk begin hall
    """
    command(socket, "walk.begin", area=area)
    click.echo(f"{area}: set off each detector, then end with: armoury walk end {area}")


@walk.command()
@click.argument("area")
@options.as_json
@options.socket
def end(area: str, socket: Path | None, *, as_json: bool) -> None:
    """End the walk of an AREA, and say what was heard and what was not.

    \b
    Example:
      armoury walk end hall
    """
    _end(socket, head(socket), area, as_json)


def _listen(socket: Path | None, after: int, area: str, waited: set[str]) -> None:
    """Show each detector that is heard, until all were or the walk is over."""
    for event in following(socket, after, timeout_s=None):
        if event["kind"] == "area.walk_ended" and event["object"] == area:
            return
        if event["kind"] == "zone.tested" and event["object"] in waited:
            waited.remove(event["object"])
            left = f"{len(waited)} to go" if waited else "that was the last one"
            click.echo(f"  {event['object']} heard, {left}", err=True)
        if not waited:
            return


def _end(socket: Path | None, after: int, area: str, as_json: bool) -> None:
    ended = told(socket, after, "area.walk_ended", area)  # by itself, after an hour
    if ended is None:
        command(socket, "walk.end", area=area)
        ended = told(socket, after, "area.walk_ended", area)
    data = ended["data"] if ended else {"tested": [], "missing": []}
    if as_json:
        click.echo(json.dumps({key: data[key] for key in ("tested", "missing")}))
    else:
        click.echo(f"{area}: {len(data['tested'])} heard")
        if data["missing"]:
            click.echo(f"  not heard: {', '.join(data['missing'])}")
    if data["missing"]:
        click.get_current_context().exit(1)
