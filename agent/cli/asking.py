"""Asking the daemon, as every command does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from agent.cli.event_line import is_hidden
from agent.control import Client, RequestRefused, socket_path


class SiteRefuses(click.ClickException):
    """The site refuses a command; `reason` is one of the site's own, the text says it in words."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


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
        return next(event for event in events if event and event["kind"] != "command.accepted")


def head(socket: Path | None) -> int:
    """Return the number of the newest event: what comes of the next command is after it."""
    newest: int = ask(socket, "status")["journal"]["head"]
    return newest


def told(socket: Path | None, after: int, kind: str, about: str) -> dict[str, Any] | None:
    """Return the first event of a kind about something, recorded after that number."""
    found: list[dict[str, Any]] = ask(socket, "events", after=after, kind=kind, object=about)
    return found[0] if found else None


def following(socket: Path | None, after: int, timeout_s: float | None) -> Iterator[dict[str, Any]]:
    """Yield the events after that number, and those to come.

    Raises:
        DaemonAbsent: nothing is heard within `timeout_s`.
    """
    with Client(socket_path(socket), timeout_s) as client:
        yield from filter(None, client.stream("events", after=after, follow=True))


def followed(
    client: Client, damaged: list[Sequence[int]], **filters: Any
) -> Iterator[dict[str, Any] | None]:
    """Yield the events that fit and may be seen on site, and those to come.

    None comes once `damaged` holds what is damaged, and left out: more may be long in coming.
    """
    damaged.clear()
    for event in client.stream("events", follow=True, **filters):
        if event and not is_hidden(event):
            yield event
        elif "damaged" in client.beside:
            damaged[:] = client.beside["damaged"]
            yield None


def command(socket: Path | None, name: str, **params: Any) -> dict[str, Any]:
    """Ask something of the site; return what it answers.

    Raises:
        SiteRefuses: with its reason in words.
    """
    given = {key: value for key, value in params.items() if value is not None}
    try:
        answer: dict[str, Any] = ask(socket, "command", name=name, params=given)
    except RequestRefused as error:
        raise SiteRefuses(in_words(error), str(error)) from error
    return answer


def in_words(error: RequestRefused) -> str:
    """Return why the site refuses: what is meant, and what exactly it is about."""
    from agent.site.commands import REFUSALS  # only where there is something to explain

    words = REFUSALS.get(str(error), str(error))
    about = [f"{name} ({why})" for name, why in error.data.get("points", {}).items()]
    about += [error.data["why"]] if "why" in error.data else []
    return f"{words}: {', '.join(about)}" if about else words
