"""`armoury device`: what the devices measure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from agent.cli import options
from agent.cli.asking import ask
from agent.cli.columns import columns

UNITS = {"ohm": "Ω"}


@click.group()
def device() -> None:
    """See what the devices measure.

    How each of them is stands in `armoury status`.
    """


@device.command()
@click.argument("name", metavar="[DEVICE]", required=False)
@options.socket
@options.as_json
def measure(name: str | None, socket: Path | None, *, as_json: bool) -> None:
    """Show what a DEVICE, or each of them, measures: the resistance of every loop.

    The values are at most a second old. Nothing is taken out of service for it.

    \b
    Examples:
      armoury device measure
      watch -n 1 armoury device measure loops
      armoury device measure --json | jq '.loops'
    """
    devices: list[dict[str, Any]] = ask(socket, "status")["devices"]
    if name is not None:
        devices = [one for one in devices if one["id"] == name]
        if not devices:
            raise click.ClickException(f"there is no device {name}; `armoury status` names them")
    measuring = [one for one in devices if one.get("measured")]
    if as_json:
        click.echo(json.dumps({one["id"]: one["measured"] for one in measuring}))
        return
    if not measuring:
        raise click.ClickException("nothing is measured here: no device that is ready measures")
    rows = [row for one in measuring for row in _rows(one)]
    click.echo("\n".join(columns([("WHAT", "STATE", "MEASURES"), *rows])))


def _rows(one: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key, value in one["measured"].items():
        what, _, unit = key.rpartition("_")
        state = str(one["points"].get(what, "-"))
        yield f"{one['id']}.{what}", state, f"{value:,} {UNITS.get(unit, unit)}".replace(",", " ")
