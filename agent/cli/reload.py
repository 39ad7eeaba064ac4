"""`armoury reload`: the site file, read anew by the running daemon."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agent.cli import options
from agent.cli.asking import in_words
from agent.control import Client, RequestRefused, socket_path

EXIT_NO, EXIT_MISTAKES = 1, 2
READ_S = 30.0


@click.command()
@options.socket
@options.as_json
def reload(socket: Path | None, *, as_json: bool) -> int:
    """Let the running daemon live by the site file as it stands now.

    It is checked first: with a mistake in it, the daemon goes on as it was. Every area must be
    disarmed. Where something of it protects less than before (fewer people, longer times, a
    button or a camera that is gone), two officers identify at a reader, and the command follows
    within two minutes. Devices that are as they were go on undisturbed.

    \b
    Examples:
      armoury check /etc/armoury/site.toml && armoury reload
      systemctl reload armoury-agent
    """
    try:
        with Client(socket_path(socket), READ_S) as client:
            answer = client.ask("reload")
    except RequestRefused as error:
        return _refuse(error, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"ok": True, "weaker": answer["weaker"]}))
    else:
        click.echo("the site file was read anew and holds now")
        _list(answer["weaker"])
    return 0


def _refuse(error: RequestRefused, *, as_json: bool) -> int:
    """Say why; return the exit status."""
    mistakes = error.data.get("mistakes", [])
    if as_json:
        click.echo(json.dumps({"ok": False, "reason": str(error), **error.data}))
    elif mistakes:
        click.echo("\n".join(mistakes), err=True)
        click.echo("the daemon goes on with the site file that it has", err=True)
    else:
        click.echo(f"Error: {in_words(error)}", err=True)
        _list(error.data.get("weaker", []))
    return EXIT_MISTAKES if mistakes else EXIT_NO


def _list(weaker: list[str]) -> None:
    if weaker:
        click.echo("this protects less than before: " + ", ".join(weaker), err=True)
