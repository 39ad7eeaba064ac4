"""Asking the daemon, as every command does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agent.control import Client, RequestRefused, socket_path


def ask(socket: Path | None, do: str, **params: Any) -> Any:
    """Send one request to the daemon; return its result."""
    with Client(socket_path(socket)) as client:
        return client.ask(do, **params)


def outcome(socket: Path | None, command_id: str, timeout_s: float) -> dict[str, Any]:
    """Wait for the end of a command that was accepted; return its last event.

    Raises:
        DaemonAbsent: nothing is heard within `timeout_s`.
    """
    with Client(socket_path(socket), timeout_s) as client:
        events = client.stream("events", object=command_id, follow=True)
        return next(event for event in events if event["kind"] != "command.accepted")


def command(socket: Path | None, name: str, **params: Any) -> dict[str, Any]:
    """Ask something of the site; return what it answers.

    Raises:
        ClickException: the site refuses, with its reason in words.
    """
    given = {key: value for key, value in params.items() if value is not None}
    try:
        answer: dict[str, Any] = ask(socket, "command", name=name, params=given)
    except RequestRefused as error:
        raise click.ClickException(_in_words(error)) from error
    return answer


def _in_words(error: RequestRefused) -> str:
    """Return why the site refuses: what is meant, and what exactly it is about."""
    from agent.site.commands import REFUSALS  # only where there is something to explain

    words = REFUSALS.get(str(error), str(error))
    about = [f"{name} ({why})" for name, why in error.data.get("points", {}).items()]
    about += [error.data["why"]] if "why" in error.data else []
    return f"{words}: {', '.join(about)}" if about else words
