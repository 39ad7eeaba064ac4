"""`armoury test`: proof that what is to be heard is heard, and what is due."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from agent.cli import options
from agent.cli.asking import ask, command, following, head
from agent.cli.dates import due as due_words

SIREN_S = 15.0  # it sounds for 3 s, and its readback is given some time besides
BATTERY_S = 660.0  # ten minutes to begin, and the minute itself


@click.group()
def test() -> None:
    """Test sirens and the battery; see what is due.

    Detectors are tested with `armoury walk`, panic buttons with `armoury panic test`. Duress is
    tested by the monitor alone, and shows nowhere on site.
    """


@test.command()
@options.as_json
@options.socket
def due(socket: Path | None, *, as_json: bool) -> None:
    """List everything that is tested again and again, what is late first.

    \b
    Example:
      armoury test due
    """
    found = sorted(_all_due(ask(socket, "status")["view"]), key=_when)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        click.echo(f"{one['what']:<9} {one['id']:<19} {due_words(one)}")


@test.command()
@click.argument("output")
@options.socket
def siren(output: str, socket: Path | None) -> None:
    """Sound a siren for three seconds: its OUTPUT's id in the site file.

    Somebody identifies at a reader first. Exit status 1: it did not sound.

    \b
    Example:
      armoury test siren siren
    """
    after = head(socket)
    command(socket, "output.test", output=output)
    click.echo(f"{output} sounds for three seconds", err=True)
    _result(socket, after, output, "siren", SIREN_S)


@test.command()
@click.option("--no-wait", is_flag=True, help="Do not wait for the result.")
@options.socket
def battery(socket: Path | None, *, no_wait: bool) -> None:
    """Take the next minute without mains as the battery's test.

    Somebody identifies at a reader first, and then has ten minutes to switch the mains off. They
    stay off for a minute or more. Exit status 1: the battery did not last.

    \b
    Example:
      armoury test battery
    """
    site = ask(socket, "status")["site"]["id"]
    after = head(socket)
    command(socket, "battery.test")
    words = "switch the mains off within ten minutes, for a minute or more"
    click.echo(words, err=not no_wait)
    if not no_wait:
        _result(socket, after, site, "battery", BATTERY_S)


def _result(socket: Path | None, after: int, about: str, what: str, timeout_s: float) -> None:
    """Wait for the result of a test and say it; exit with 1 where it failed."""
    for event in following(socket, after, timeout_s):
        of_it = event["object"] == about and event.get("data", {}).get("what") == what
        if of_it and event["kind"] == "test.passed":
            click.echo(f"{what}: passed")
            return
        if of_it and event["kind"] == "test.failed":
            raise click.ClickException(f"{what}: failed, {event['data']['reason']}")


def _all_due(view: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for noun, what in (("zones", "zone"), ("panics", "panic"), ("sounders", "siren")):
        for one in view[noun]:
            yield {"what": what, "id": one["id"]} | one["test"]
    power = view.get("power")
    if power and power["battery"]:
        yield {"what": "battery", "id": view["site"]["id"]} | power["test"]
    for count in view["counts"]:
        yield {"what": "inventory", "id": count["rack"]} | count["inventory"]


def _when(one: Mapping[str, Any]) -> tuple[bool, int]:
    return not one["late"], one["due_utc_us"] or 0
