"""`armoury operator`: somebody at the monitor gives a site a command."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from agent.cli import broker, options

if TYPE_CHECKING:
    from agent.journal.note import Signer
    from agent.uplink.commands import SignedCommand
    from agent.uplink.feed import CommandAnswer

EXIT_UNANSWERED = 3
EXIT_NO = 1
ANSWERS_S = 15.0  # the gateway itself says after ten that it does not know
VALID_S = 30


@click.group()
def operator() -> None:
    """Give a site commands from afar, as its site file lets you.

    An operator has a key of their own, and the site file names its public half. A command is
    signed with it, for one site and a short time. What opens, disarms, bypasses or enrols
    takes two operators: the second one signs what the first one has signed.

    \b
    Examples:
      armoury operator keygen ana
      armoury operator sign alarm.acknowledge alarm=7 --site quito-07 --key ana.key |
        armoury operator send --broker monitor.example.org --ca ca.pem
    """


@operator.command()
@click.argument("name")
@click.option("--key", "file", type=click.Path(path_type=Path), help="Where to put it [NAME.key].")
@click.option(
    "--right", "rights", multiple=True, default=["alarm.*"], help="For the table [alarm.*]."
)
@options.as_json
def keygen(name: str, file: Path | None, rights: tuple[str, ...], *, as_json: bool) -> None:
    """Make a key, and print its table for the site file.

    NAME is the operator's id. The key file is secret: it never leaves the operator's desk, and
    is never overwritten. The table is not; the site's technician adds it to the site file.

    \b
    Examples:
      armoury operator keygen ana --right "alarm.*" --right door.assist
      armoury operator keygen ben --key /media/stick/ben.key
    """
    from agent.journal.note import Signer
    from agent.uplink.operators import OperatorOptions

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
        raise click.UsageError("NAME is an id: small letters, digits and -, at most 32")
    signer = Signer.made(name)
    made = OperatorOptions(id=name, key=str(signer.verifier), rights=rights)
    for mistake in made.mistakes():
        raise click.UsageError(f"--right {mistake.found}: {mistake.remedy}")
    file = file or Path(f"{name}.key")
    _keep(file, signer.written())
    click.echo(f"{file}: the secret key; whoever has it is {name}", err=True)
    if as_json:
        said = {"id": name, "key": made.key, "rights": list(rights), "file": str(file)}
        click.echo(json.dumps(said))
    else:
        listed = ", ".join(f'"{right}"' for right in rights)
        table = f'[[operator]]\nid = "{name}"\nkey = "{made.key}"\nrights = [{listed}]'
        click.echo(table)


@operator.command()
@click.argument("action", required=False)
@click.argument("params", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--site", metavar="ID", help="Which site is to do it.")
@click.option(
    "--key",
    "keys",
    type=broker.FILE,
    multiple=True,
    help="Whose word it is; a key file of keygen.",
)
@click.option(
    "--also",
    "given",
    type=options.text_file,
    help="Add a signature to a command that another operator has signed.",
)
@click.option(
    "--valid-s", type=click.IntRange(5, 300), default=VALID_S, help=f"For how long [{VALID_S}]."
)
def sign(
    action: str | None,
    params: tuple[str, ...],
    site: str | None,
    keys: tuple[Path, ...],
    given: TextIO | None,
    valid_s: int,
) -> None:
    """Sign a command; without one, list them.

    It is printed as it is sent. Each VALUE is JSON, or else a text. The clock here and the
    gateway's may differ by 10 s. Give it more time with --valid-s if it has to go to another
    desk for the second signature.

    \b
    Examples:
      armoury operator sign area.arm area=store --site quito-07 --key ana.key
      armoury operator sign door.assist door=store --site quito-07 --key ana.key --valid-s 120 > a
      armoury operator sign --also a --key ben.key > both
    """
    from agent.journal.errors import JournalMisused
    from agent.uplink.signing import countersigned, signed, written

    if action is None and given is None:
        click.echo(_actions())
        return
    signers = [_signer(path) for path in keys]
    if not signers:
        raise click.UsageError("--key: whose word is it? A key is made with keygen")
    if given is not None:
        envelope = _read(given)
        _show(envelope)
        taken = {one.operator for one in envelope.signatures}
        if len(signers) > 1 or len(taken) > 1 or signers[0].verifier.name in taken:
            raise click.UsageError("one more signature, of an operator who has not signed it")
        click.echo(countersigned(envelope, signers[0]))
        return
    if action is None or site is None:
        raise click.UsageError("--site: a command is for one site, by its id")
    two = len({signer.verifier.name for signer in signers})
    if two != len(signers) or two > 2:
        raise click.UsageError("one --key, or two of different operators")
    asked, takes_two = _params(action, params)
    if takes_two and len(signers) == 1:
        hint = "this takes two operators; the other one adds theirs with: sign --also"
        click.echo(hint, err=True)
    try:
        click.echo(signed(written(site, action, asked, valid_s), *signers))
    except JournalMisused as error:
        raise click.UsageError(f"{action}: {error}") from error


@operator.command()
@click.argument("envelope", type=options.text_file, default="-")
@broker.options
@click.option(
    "--within-s", type=click.IntRange(1, 300), default=ANSWERS_S, help="How long to wait."
)
@options.as_json
def send(envelope: TextIO, within_s: float, *, as_json: bool, **reached: Any) -> int:
    """Send a signed command and wait for what becomes of it.

    ENVELOPE is what sign printed, from a file or a pipe. Every answer is shown. It exits with 0
    when the command is done, with 1 when it is refused or could not be sent, and with 3 when no
    gateway says how it ended: then look before you give it again.

    \b
    Examples:
      armoury operator send both --broker monitor.example.org --ca ca.pem
      armoury operator send both --broker 127.0.0.1:1883 --json
    """
    from agent.uplink.caller import Unanswered, call
    from agent.uplink.feed import CommandState
    from agent.uplink.reasons import UplinkError

    given = _read(envelope)
    path = broker.path(**reached)
    if not as_json:
        _show(given)
    heard = _say_json if as_json else _say
    try:
        end = asyncio.run(call(path, given, within_s, heard))
    except Unanswered as error:
        click.echo(f"Error: {error}", err=True)
        return EXIT_UNANSWERED
    except UplinkError as error:
        raise click.ClickException(str(error)) from error
    if end.state is CommandState.DONE:
        return 0
    return EXIT_UNANSWERED if end.state is CommandState.UNKNOWN else EXIT_NO


def _keep(file: Path, secret: str) -> None:
    """Write a new file that only its owner reads, and nobody writes; whole, or not at all."""
    try:
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError as error:
        raise click.ClickException(
            f"{file} is there already; a key is never overwritten"
        ) from error
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    try:
        with open(made, "w") as out:  # noqa: PTH123
            out.write(secret)
            out.flush()
            os.fsync(made)
    except OSError as error:
        file.unlink(missing_ok=True)
        raise click.ClickException(f"{file}: {error.strerror}") from error


def _signer(path: Path) -> Signer:
    from agent.journal.note import NoteRefused, Signer

    try:
        return Signer.parse(path.read_text())
    except (NoteRefused, ValueError) as error:
        raise click.ClickException(f"{path}: {error}; make one with keygen") from error
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error


def _read(file: TextIO) -> SignedCommand:
    from agent.uplink.commands import Refused, read

    text = options.text(file)
    try:
        return read(text.encode())
    except (Refused, ValueError) as error:
        raise click.ClickException(
            f"{file.name} is no signed command; make one with sign"
        ) from error


def _params(action: str, given: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
    """Return the parameters as the command takes them, and whether it takes two operators."""
    from pydantic import ValidationError

    from agent.site import unfit
    from agent.site.commands import COMMANDS
    from agent.uplink.operators import REMOTE

    if action not in REMOTE:
        raise click.UsageError(f"{action} cannot be asked from afar; there is:\n{_actions()}")
    row, params = COMMANDS[action], dict(options.parameter(one) for one in given)
    texts = dict(one.split("=", 1) for one in given)
    for asked in (params, params | {key: texts[key] for key in params if type(params[key]) is int}):
        try:
            return asked, row.takes_two(row.params.model_validate(asked))
        except ValidationError as error:
            wrong = unfit.why(row.params, error)
    raise click.UsageError(f"{action}: {wrong}")


def _actions() -> str:
    from agent.site.commands import COMMANDS
    from agent.uplink.operators import REMOTE

    lines = []
    for name in REMOTE:
        row = COMMANDS[name]
        keys = (
            f"{key}=..." if field.is_required() else f"[{key}=...]"
            for key, field in row.params.model_fields.items()
        )
        two = " (two operators)" if row.frees else ""
        lines += [" ".join([name, *keys]), f"    {row.what}{two}"]
    return "\n".join(lines)


def _show(given: SignedCommand) -> None:
    """Say what it is: nobody should lend their name to what they cannot see."""
    command = given.command
    params = " ".join(f"{key}={json.dumps(value)}" for key, value in command.params.items())
    by = " and ".join(one.operator for one in given.signatures)
    click.echo(f"{command.site}: {command.action} {params}".rstrip() + f", by {by}", err=True)


def _say_json(answer: CommandAnswer) -> None:
    click.echo(answer.encode())


def _say(answer: CommandAnswer) -> None:
    from agent.site import commands as site
    from agent.uplink.commands import REFUSALS

    reason = answer.reason
    words = REFUSALS.get(reason) or site.REFUSALS.get(reason, "")
    about = str(answer.data.get("why", ""))
    said = ": ".join(filter(None, (reason, words, about)))
    click.echo(f"{answer.state} {said}".rstrip())
