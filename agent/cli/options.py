"""The options that many commands share."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

DEFAULT_SITE = Path("/etc/armoury/site.toml")

socket = click.option(
    "--socket",
    type=click.Path(path_type=Path),
    help="The daemon's control socket [$ARMOURY_SOCKET, /run/armoury/control.sock].",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for a script.")


def default_site() -> Path:
    """Return the site file where none is given: $ARMOURY_SITE, or the gateway's."""
    return Path(os.environ.get("ARMOURY_SITE") or DEFAULT_SITE)


def parameter(text: str) -> tuple[str, Any]:
    """Read one KEY=VALUE; the value is JSON, or else a text."""
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
