"""The options that many commands share."""

from __future__ import annotations

import os
from pathlib import Path

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
