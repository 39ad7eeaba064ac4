"""`armoury evidence`: the pictures and clips that cameras kept, beside the record. No daemon."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli import options
from agent.cli.event_line import local_time
from agent.cli.events import since_us

# What belongs to the journal is imported by the command that needs it: help stays quick.
if TYPE_CHECKING:
    from agent.journal.evidence import Evidence
    from agent.journal.reading import Reader
    from agent.journal.surplus import Item

PIECE = 1 << 20
ENDINGS = {"image/jpeg": ".jpg", "video/x-msvideo": ".avi"}

_hidden = click.option(
    "--hidden", is_flag=True, help="Also what was kept of duress, which nobody on site is told of."
)


@click.group()
def evidence() -> None:
    """What cameras kept: list, show, verify, export.

    These read the data folder itself, beside the daemon or without it. Each file is named by its
    digest, which the record bears.
    """


@contextlib.contextmanager
def _opened(data: Path) -> Iterator[tuple[Evidence, Reader]]:
    """Open the store of a folder; turn the journal's errors into the command line's."""
    from agent.journal.errors import JournalError
    from agent.journal.evidence import Evidence
    from agent.journal.reading import Reader

    try:
        with Reader(data) as reader:
            yield Evidence(data, quota=0), reader
    except JournalError as error:
        raise click.ClickException(str(error)) from error


@evidence.command("list")
@options.data
@_hidden
@click.option("--camera", metavar="ID", help="Only this camera's.")
@click.option("--alarm", metavar="ID", help="Only what is of this alarm.")
@click.option(
    "--since", metavar="TIME", callback=since_us, help="Only since then: 30d, 2h, a date."
)
@options.as_json
def list_(
    data: Path,
    camera: str | None,
    alarm: str | None,
    since: int | None,
    *,
    hidden: bool,
    as_json: bool,
) -> None:
    """List the files that are there, the oldest first.

    \b
    Example:
      armoury evidence list --alarm 12
    """
    with _opened(data) as (store, reader):
        found = [
            item
            for item in store.items(reader)
            if (hidden or not item.hidden)
            and camera in (None, item.camera)
            and (alarm is None or item.is_of(frozenset({alarm})))
            and item.at_us >= (since or 0)
        ]
    for item in found:
        click.echo(json.dumps(_facts(item)) if as_json else _line(item))


def _facts(item: Item) -> dict[str, Any]:
    return {"seq": item.seq, "at": item.at_us, "object": item.camera, "data": dict(item.data)}


def _line(item: Item) -> str:
    data = item.data
    alarms = ",".join(map(str, data.get("alarms", ())))
    of = f"{data.get('subject', '-')}{' alarm ' if alarms else ''}{alarms}"
    time = f"{local_time(data['from']):%Y-%m-%d %H:%M:%S}" if "from" in data else "-"
    size = f"{item.size / 1024:.0f} KiB"
    what = f"{item.camera:<16} {data.get('what', ''):<8} {size:>10}  {of:<24}"
    return f"{item.seq:>7}  {time}  {what} {item.sha256[:16]}"


@evidence.command()
@click.argument("digest")
@options.data
@options.as_json
def show(digest: str, data: Path, *, as_json: bool) -> None:
    """Show what the record says of the file DIGEST (its first letters will do), and check it.

    \b
    Example:
      armoury evidence show 9f86d081
    """
    with _opened(data) as (store, reader):
        item = _one(store.items(reader), digest)
        path = store.path(item.sha256)
        changed = _digest(path) != item.sha256
    said = _facts(item) | {"path": str(path), "intact": not changed}
    if as_json:
        click.echo(json.dumps(said))
    else:
        click.echo(_line(item))
        click.echo(json.dumps(dict(item.data), indent=2, sort_keys=True))
        click.echo(f"{path}: {'CHANGED since it was recorded' if changed else 'as recorded'}")
    if changed:
        raise SystemExit(1)


@evidence.command()
@options.data
def verify(data: Path) -> None:
    """Hold every file against the record; name those that are missing or were changed.

    The record itself is held against its signatures by `armoury journal verify`, which does this
    as well.

    \b
    Example:
      armoury evidence verify
    """
    with _opened(data) as (store, reader):
        faults = store.verify(reader)
        count = len(store.items(reader))
    for fault in faults:
        click.echo(f"event {fault.seq}: its file {fault.sha256} is {fault.what}")
    if faults:
        raise SystemExit(1)
    click.echo(f"{count} files, all as recorded")


@evidence.command()
@click.argument("digest", required=False)
@click.option("--alarm", metavar="ID", help="Everything that is of this alarm.")
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="Where to; it is made, and nothing in it is overwritten.",
)
@options.data
@_hidden
def export(digest: str | None, alarm: str | None, to: Path, data: Path, *, hidden: bool) -> None:
    """Copy the file DIGEST, or all of an alarm, to a folder, under names that people can read.

    Each file is held against its digest while it is copied, and what the record says of it stands
    beside it.

    \b
    Example:
      armoury evidence export --alarm 12 --to /media/usb/alarm-12
    """
    if (digest is None) == (alarm is None):
        raise click.UsageError("name a DIGEST, or --alarm ID")
    with _opened(data) as (store, reader):
        items = store.items(reader)
        if digest is not None:
            chosen = [_one(items, digest)]
        else:
            of = frozenset({str(alarm)})
            chosen = [i for i in items if i.is_of(of) and (hidden or not i.hidden)]
        if not chosen:
            raise click.ClickException(f"nothing is kept of alarm {alarm}")
        for item in chosen:
            click.echo(_copied(store.path(item.sha256), to, item))


def _copied(path: Path, to: Path, item: Item) -> Path:
    ending = ENDINGS.get(str(item.data.get("media")), "")
    name = f"{item.seq}-{item.camera}-{item.data.get('what', 'file')}"
    target = to / f"{name}{ending}"
    try:
        to.mkdir(parents=True, exist_ok=True)
        found = _digest(path, target)
        with (to / f"{name}.json").open("x", encoding="utf-8") as file:
            file.write(json.dumps(_facts(item), indent=2, sort_keys=True) + "\n")
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    if found != item.sha256:
        raise click.ClickException(f"{path} was changed since it was recorded; see {target}")
    return target


def _one(items: list[Item], digest: str) -> Item:
    found = [item for item in items if item.sha256.startswith(digest.lower())]
    if len(found) != 1:
        much = "more than one file begins" if found else "no file that is there begins"
        raise click.ClickException(f"{much} with {digest}; see `armoury evidence list`")
    return found[0]


def _digest(path: Path, copy: Path | None = None) -> str:
    """Return a file's digest, copying it meanwhile to a new file."""
    digest = sha256()
    try:
        with path.open("rb") as file, contextlib.ExitStack() as stack:
            target = stack.enter_context(copy.open("xb")) if copy else None
            while piece := file.read(PIECE):
                digest.update(piece)
                if target:
                    target.write(piece)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    return digest.hexdigest()
