"""`armoury reader`: what the fingerprint readers hold."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import command, outcome

CLEAR_S = 90.0  # the reader has 60, and its driver is given some time besides


@click.group()
def reader() -> None:
    """See to the memory of fingerprint readers.

    What a reader knows is shown by `armoury person list`; it learns with `armoury person finger`.
    """


@reader.command()
@click.argument("name", metavar="READER")
@options.socket
def clear(name: str, socket: Path | None) -> None:
    """Have a READER forget every finger that is nobody's here.

    A reader that was used elsewhere still holds that place's fingers: they open nothing, but they
    are in the way of those that it is to learn. Once there are two officers, two identify at a
    reader first.

    \b
    Example:
      armoury reader clear store-reader
    """
    accepted = command(socket, "reader.clear", reader=name)
    ended = outcome(socket, accepted["command"], CLEAR_S)
    if ended["kind"] != "command.done":
        raise click.ClickException(f"{name} was not cleared: {ended['data']['reason']}")
    click.echo(f"{name} knows nobody but those of this site")
