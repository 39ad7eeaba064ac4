"""The options that many commands share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import click

DEFAULT_SITE = Path("/etc/armoury/site.toml")

socket = click.option(
    "--socket",
    type=click.Path(path_type=Path, readable=False),  # who may not is told so on connecting
    help="The daemon's control socket [$ARMOURY_SOCKET, /run/armoury/control.sock].",
)
DEFAULT_DATA = "/var/lib/armoury"


class RecordFolder(click.Path):
    """The folder of a record, if we may look into it: a gateway's is the daemon's user's alone."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        folder = Path(value)
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise click.ClickException(f"{folder}: not allowed; use sudo")
        return folder


def _data(kind: click.Path) -> Callable[[Any], Any]:
    return click.option(
        "--data",
        type=kind,
        default=lambda: Path(os.environ.get("STATE_DIRECTORY", DEFAULT_DATA)),
        help=f"The folder of the record, or of a copy [$STATE_DIRECTORY, {DEFAULT_DATA}].",
    )


folder = RecordFolder()
data = _data(folder)
data_for_key = _data(click.Path(path_type=Path, readable=False))  # needed where no key is given
HIGHEST = 2**53 - 1  # no event's number is higher (`agent.journal.canonical.MAX_INT`)
event_number = click.IntRange(1, HIGHEST)
after_number = click.IntRange(0, HIGHEST)
text_file = click.File(encoding="utf-8")  # to be read with `text`
as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for a script.")


def default_site() -> Path:
    """Return the site file where none is given: $ARMOURY_SITE, or the gateway's."""
    return Path(os.environ.get("ARMOURY_SITE") or DEFAULT_SITE)


def kind(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    """Return a kind of events; of one that is none nothing would be found, as if all were well.

    Raises:
        BadParameter: there is none of this name.
    """
    from difflib import get_close_matches

    from agent.site.kinds import KINDS

    if given is None or given in KINDS:
        return given
    near = ", ".join(get_close_matches(given, KINDS, 3))
    hint = f"near it: {near}" if near else "docs/events.md has them all"
    raise click.BadParameter(f"{given!r} is no kind of event; {hint}")


def text(file: TextIO | Path) -> str:
    """Return what a text file says, whole.

    Raises:
        ClickException: it cannot be read, or is no text.
    """
    try:
        return file.read_text(encoding="utf-8") if isinstance(file, Path) else file.read()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{_name(file)} is not a text file (UTF-8)") from error
    except OSError as error:
        raise click.ClickException(f"{_name(file)}: {error.strerror}") from error


def _name(file: TextIO | Path) -> str:
    return str(file if isinstance(file, Path) else file.name)


def parameter(given: str) -> tuple[str, Any]:
    """Read one KEY=VALUE; the value is JSON, or else a text."""
    key, equals, value = given.partition("=")
    if not equals:
        raise click.UsageError(f"{given!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except (ValueError, RecursionError):
        return key, value
