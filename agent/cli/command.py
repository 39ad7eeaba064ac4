"""`armoury command`: anything that can be asked of the site, by its name in the record."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import command as ask_site


@click.command()
@click.argument("name", required=False)
@click.argument("params", nargs=-1, metavar="[KEY=VALUE]...")
@options.socket
def command(name: str | None, params: tuple[str, ...], socket: Path | None) -> None:
    """Give the site any command; without a NAME, list them.

    What is given often has words of its own (alarm, area, zone, panic, person). Each VALUE is
    JSON, or else a text.

    \b
    Examples:
      armoury command
      armoury command site.lock_down
      armoury command area.arm area=hall override=true
    """
    if name is None:
        _list()
        return
    answer = ask_site(socket, name, **dict(options.parameter(param) for param in params))
    answer.pop("command", None)
    click.echo(json.dumps(answer, ensure_ascii=False) if answer else f"{name}: done")


def _list() -> None:
    """Name every command that can be given here, its parameters and what it is for."""
    from agent.site.commands import COMMANDS
    from agent.site.inputs import Origin

    for name, row in COMMANDS.items():
        if Origin.LOCAL in row.origins:
            keys = " ".join(
                f"{key}=..." if field.is_required() else f"[{key}=...]"
                for key, field in row.params.model_fields.items()
            )
            click.echo(f"{name} {keys}".rstrip())
            click.echo(f"    {row.what}")
