"""`armoury panic`: tests of panic buttons."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import command


@click.group()
def panic() -> None:
    """Test panic buttons."""


@panic.command()
@click.argument("button")
@options.socket
def test(button: str, socket: Path | None) -> None:
    """Take the next press of a BUTTON, within 60 s, as a test.

    Every other button stays real, and so does this one afterwards.

    \b
    Example:
      armoury panic test guard-room     then press it, and see: armoury events --limit 3
    """
    command(socket, "panic.test", panic=button)
    click.echo(f"press {button} within 60 seconds; then see: armoury events --limit 3")
