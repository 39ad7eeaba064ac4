"""`armoury journal`: the record itself: its proofs, its copies, its figures. Needs no daemon."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from agent.cli import options
from agent.cli.event_line import details, event_line, local_time
from agent.cli.events import since_us
from agent.cli.journal_lines import figures, really_at
from agent.cli.judgement import judgement

# What belongs to the journal is imported by the command that needs it: help stays quick.
if TYPE_CHECKING:
    from agent.journal.info import Info
    from agent.journal.note import Verifier
    from agent.journal.verification import Verdict


_file = click.Path(path_type=Path, exists=True, dir_okay=False)
_keys = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="VKEY",
    help="The log's public key, or a file that holds it; the one beside the record is worth only "
    "what the record is.",
)


@click.group()
def journal() -> None:
    """The record: verify, prove, export, back up.

    These read the data folder itself, beside the daemon or without it; restore alone writes
    into it.
    """


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn the journal's errors into the command line's."""
    from agent.journal.errors import JournalError

    try:
        yield
    except JournalError as error:
        raise click.ClickException(str(error)) from error


@journal.command()
@options.data
@options.as_json
def info(data: Path, *, as_json: bool) -> None:
    """Say how large the record is, how it grows, and what is not delivered or covered yet.

    \b
    Example:
      armoury journal info --json | jq .undelivered.alarm
    """
    from agent.journal.info import look

    with _told():
        found = look(data)
    click.echo(_plain(found) if as_json else figures(found))


def _plain(found: Info | Verdict) -> str:
    from msgspec import to_builtins

    return json.dumps(to_builtins(found))


@journal.command()
@click.argument("seq", type=options.event_number)
@options.data
@options.as_json
def show(seq: int, data: Path, *, as_json: bool) -> None:
    """Show the event with the number SEQ, whole.

    \b
    Example:
      armoury journal show 4711
    """
    from agent.journal.clocks import Clocks
    from agent.journal.intact import Intact
    from agent.journal.reading import Reader

    with _told(), Reader(data) as reader:
        intact = Intact(reader)
        rows = list(intact.query(after=seq - 1, upto=seq))
        really = Clocks(reader).of(rows[0]) if rows else None
    if intact.damaged:
        raise click.ClickException(f"the event {seq} is damaged; see: armoury journal verify")
    if not rows:
        raise click.ClickException(f"the journal in {data} holds no event {seq}, or only its hash")
    event = json.loads(rows[0].body)
    if as_json:
        click.echo(rows[0].body.decode())
        return
    click.echo(event_line(event))
    for key in ("device", "boot", "mono", "ref"):
        if key in event:
            click.echo(f"        {key}: {event[key]}")
    if really is not None:
        click.echo(f"        the clock was not set yet; {really_at(really)}")


@journal.command()
@options.data
@_keys
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=_file,
    help="A checkpoint that somebody else kept, as the monitor does; finds a record rolled back.",
)
@options.as_json
def verify(data: Path, keys: Sequence[str], kept: Sequence[Path], *, as_json: bool) -> None:
    """Prove that the record is what was signed; name the first event that is not.

    Looks at every event, at the tree over them, at every checkpoint and its signature.

    \b
    Examples:
      armoury journal verify
      armoury journal verify --data /mnt/copy --key armoury/quito-07+1a2b3c4d+AQ...
      armoury journal verify --checkpoint monitor.note

    Exit status: 0 when all is as recorded, else 1.
    """
    from agent.journal.verification import verify as verified

    with _told():
        trusted = _trusted(data, keys)
        verdict = verified(data, trusted, [options.text(path) for path in kept])
    click.echo(_plain(verdict) if as_json else judgement(verdict, trusted, bool(keys)))
    if verdict.findings:
        click.get_current_context().exit(1)


def _trusted(data: Path, given: Sequence[str]) -> list[Verifier]:
    from agent.journal import keys
    from agent.journal.note import Verifier

    if not given:
        return keys.public(data)
    texts = [options.text(Path(key)) if Path(key).is_file() else key for key in given]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    if not lines:
        raise click.ClickException("what --key gives holds no key; give the site's journal.vkey")
    return [Verifier.parse(line) for line in lines]


@journal.command("rotate-key")
@options.data
def rotate_key(data: Path) -> None:
    """Make a new key for the record to be signed with; the daemon changes over to it by itself.

    The running daemon takes it within a minute, a stopped one soon after its start. From the
    event system.key_rotated on, which both keys have signed, checkpoints bear the new one's
    signature; then the old private key is gone. Give the new public key to whoever has the old
    one, and copy the new private key to where the copy of the old one lies.

    \b
    Example:
      armoury journal rotate-key
      armoury events --kind system.key_rotated
    """
    from agent.journal import keys

    with _told():
        made = keys.make_next(data)
    click.echo(f"{data / keys.NEXT}: {made.verifier}")
    click.echo("signs as soon as the daemon has taken it: armoury events --kind system.key_rotated")


@journal.command()
@click.argument("seq", type=options.event_number)
@click.option("--output", "-o", type=click.File("w"), default="-", help="Where to put it.")
@options.data
def prove(seq: int, output: TextIO, data: Path) -> None:
    """Write the proof that the event SEQ is in the signed record.

    The file (C2SP tlog-proof) holds the event and everything that is needed to check it with
    the log's public key, by `armoury journal check` or any other program that knows the format.

    \b
    Example:
      armoury journal prove 4711 -o 4711.tlog-proof
    """
    from agent.journal.proving import prove as proof
    from agent.journal.reading import Reader

    with _told(), Reader(data) as reader:
        output.write(proof(reader, seq))


@journal.command()
@click.argument("file", type=options.text_file)
@_keys
@options.data_for_key
@options.as_json
def check(file: TextIO, keys: Sequence[str], data: Path, *, as_json: bool) -> None:
    """Check a proof FILE, and show the event that it proves.

    \b
    Example:
      armoury journal check 4711.tlog-proof --key armoury/quito-07+1a2b3c4d+AQ...

    Exit status: 0 when it proves its event, else 1.
    """
    from agent.journal.proving import check as checked

    with _told():
        proved = checked(options.text(file), _trusted(data, keys))
    if as_json:
        click.echo(proved.body.decode())
        return
    event: dict[str, Any] = json.loads(proved.body)
    click.echo(f"{event['kind']} {event['object']} at {local_time(event['at'])}  {details(event)}")
    log = proved.checkpoint
    click.echo(f"is event {event['seq']} of {log.origin}, signed in a checkpoint over {log.size}")


@journal.command()
@click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet; otherwise JSON lines.")
@click.option(
    "--sqlite",
    "database",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Make this new SQLite database instead, one column a field, to ask questions of.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True),
    default="-",
    help="Where to put it; standard output otherwise.",
)
@click.option("--kind", callback=options.kind, help="Only this kind: door.forced")
@click.option(
    "--severity",
    type=click.Choice(["alarm", "fault", "access", "info"]),
    help="Only this severity.",
)
@click.option("--object", "about", metavar="ID", help="Only what is about this.")
@click.option("--device", metavar="ID", help="Only what this device showed.")
@click.option("--since", metavar="TIME", callback=since_us, help="From then on: 30d, 2026-01-31.")
@click.option("--until", metavar="TIME", callback=since_us, help="Before then.")
@click.option(
    "--after", type=options.after_number, default=0, metavar="NUMBER", help="Only higher numbers."
)
@click.option(
    "--corrected",
    is_flag=True,
    help="Besides what the clock showed before it was synchronised, say when that really was.",
)
@options.data
def export(
    output: Path,
    kind: str | None,
    severity: str | None,
    about: str | None,
    device: str | None,
    since: int | None,
    until: int | None,
    after: int,
    data: Path,
    *,
    as_csv: bool,
    database: Path | None,
    corrected: bool,
) -> None:
    """Write events to a file: JSON lines (exactly as recorded), CSV, or a flat database.

    Of a damaged record it writes what is whole, and says which events it left out.

    \b
    Examples:
      armoury journal export --since 2026-01-01 --until 2026-02-01 -o january.jsonl
      armoury journal export --csv --severity access --object store > entries.csv
      armoury journal export --since 30d --sqlite month.db

    Exit status: 0 when all that fits was written, else 1.
    """
    from agent.journal import clocks
    from agent.journal import export as writing
    from agent.journal.intact import Intact, left_out
    from agent.journal.reading import Reader

    if database is not None and database.exists():
        raise click.UsageError(f"{database} is there already; name a new file")
    if database is not None and (as_csv or output != Path("-")):
        raise click.UsageError("--sqlite is a file of its own: leave out --csv and --output")
    with _told(), Reader(data) as reader:
        intact = Intact(reader)
        rows = intact.query(
            kind=kind,
            severity=severity,
            object=about,
            device=device,
            since_us=since,
            until_us=until,
            after=after,
        )
        if corrected:
            rows = clocks.corrected(reader, rows)
        if database is not None:
            count = writing.as_database(rows, database)
        else:
            write = writing.as_csv if as_csv else writing.as_json_lines
            with _opened(output) as out:
                count = write(rows, out)
    if database is not None or output != Path("-"):
        click.echo(f"{database or output}: {count} events")
    if intact.damaged:
        raise click.ClickException(left_out(intact.damaged))


@contextlib.contextmanager
def _opened(output: Path) -> Iterator[TextIO]:
    from agent.journal.export import whole

    if output == Path("-"):
        yield sys.stdout
        return
    try:
        with output.open("x", encoding="utf-8", newline="") as file, whole(output):
            yield file
    except FileExistsError as error:
        raise click.ClickException(f"{output} is there already; name another file") from error
    except OSError as error:
        if error.filename is None:  # while it was written: `main` says that of every output
            raise
        raise click.ClickException(f"{output}: {error.strerror}") from error


@journal.command()
@click.argument("target", type=click.Path(path_type=Path))
@options.data
def backup(target: Path, data: Path) -> None:
    """Copy the record into the new folder TARGET while it is being written, and verify the copy.

    The private key is not copied: keep a copy of it elsewhere, once.

    \b
    Example:
      armoury journal backup /media/usb/quito-07-2026-01-31
    """
    from agent.journal.backup import backup as back_up

    with _told():
        verdict = back_up(data, target)
    click.echo(f"{target}: {verdict.events} events, signed up to {verdict.covered}, verified")


@journal.command()
@click.argument("source", type=options.folder)
@options.data
@click.option("--yes", is_flag=True, help="Do not ask before it is done.")
def restore(source: Path, data: Path, *, yes: bool) -> None:
    """Go on with the events and the state of the backup in the folder SOURCE.

    The daemon must be stopped, and the key must be in the data folder. The backup is verified
    before anything is asked. Numbers go on above every one that was given; the present record is
    set aside.

    \b
    Example:
      sudo systemctl stop armoury-agent
      sudo armoury journal restore /media/usb/quito-07-2026-01-31
    """
    from agent.journal.backup import restore as restored

    def agreed() -> None:
        if not (yes or click.confirm("The present record will be set aside. Go on?")):
            raise click.ClickException("nothing was restored; the present record stays")

    with _told():
        click.echo(str(restored(data, source, agreed)))
