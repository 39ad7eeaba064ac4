"""`armoury person`: who is known at this site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agent.cli import options
from agent.cli.asking import command, outcome

LEARN_S = 60.0  # the reader gives up after 30, and its driver is given some time besides
ROLES = ("officer", "technician", "guard", "response", "visitor")


@click.group()
def person() -> None:
    """Make people known by their ids, and unknown again.

    Ids are pseudonyms: names never leave the armoury's own books, and the record holds ids only.
    The first two officers are enrolled without approval; from then on two officers identify at a
    reader, and the command follows within two minutes.
    """


@person.command()
@click.argument("person_id", metavar="ID")
@click.option(
    "--role",
    "roles",
    type=click.Choice(ROLES),
    multiple=True,
    required=True,
    help="What this person is here; may be given several times.",
)
@click.option(
    "--finger",
    "fingers",
    metavar="READER:POSITION",
    multiple=True,
    help="A finger, by its place in a reader's memory.",
)
@click.option("--card", "cards", metavar="NUMBER", multiple=True, help="A card.")
@click.option("--pin", is_flag=True, help="Ask for a PIN of 6 to 12 digits, unseen.")
@click.option(
    "--duress-finger", metavar="READER:POSITION", help="The finger that calls for help in silence."
)
@click.option("--from", "valid_from", metavar="TIME", help="Not before: 2026-01-31T08:00+01:00.")
@click.option("--to", "valid_to", metavar="TIME", help="Not after: 2026-12-31T18:00+01:00.")
@options.socket
def enrol(
    person_id: str,
    roles: tuple[str, ...],
    fingers: tuple[str, ...],
    cards: tuple[str, ...],
    duress_finger: str | None,
    valid_from: str | None,
    valid_to: str | None,
    socket: Path | None,
    *,
    pin: bool,
) -> None:
    """Make the person ID known, or change who they are.

    \b
    Examples:
      armoury person enrol p-1 --role officer --finger store-reader:1
      armoury person enrol p-7 --role guard --finger hall-reader:7 --pin --to 2026-12-31T18:00+01:00
    """
    given: list[dict[str, Any]] = [{"kind": "finger", "reference": finger} for finger in fingers]
    given += [{"kind": "card", "reference": card} for card in cards]
    if duress_finger:
        given.append({"kind": "finger", "reference": duress_finger, "duress": True})
    if pin:
        digits = click.prompt("PIN", hide_input=True, confirmation_prompt=True)
        given.append({"kind": "pin", "reference": digits})
    if not given:
        raise click.UsageError("give a --finger, a --card or a --pin: somebody must be known by it")
    command(
        socket,
        "person.enrol",
        person=person_id,
        roles=list(roles),
        credentials=given,
        valid_from=valid_from,
        valid_to=valid_to,
    )
    click.echo(f"{person_id} is enrolled")


@person.command()
@click.argument("person_id", metavar="ID")
@click.option("--reader", required=True, help="The reader that learns the finger.")
@click.option("--position", type=int, help="Where in its memory; the first free one unless given.")
@click.option("--duress", is_flag=True, help="This finger calls for help in silence.")
@options.socket
def finger(
    person_id: str, reader: str, position: int | None, socket: Path | None, *, duress: bool
) -> None:
    """Let a reader learn a finger of the person ID, and wait until it has.

    The finger is laid twice within 30 seconds, and lifted before each time.

    \b
    Example:
      armoury person finger p-7 --reader store-reader
    """
    given = {"person": person_id, "reader": reader, "position": position, "duress": duress}
    accepted = command(socket, "finger.enrol", **given)
    click.echo(f"lay the finger on {reader}, lift it, and lay it again")
    ended = outcome(socket, accepted["command"], LEARN_S)
    if ended["kind"] != "command.done":
        raise click.ClickException(f"{reader} did not learn it: {ended['data']['reason']}")
    click.echo(f"{reader} knows the finger of {person_id}")


@person.command()
@click.argument("person_id", metavar="ID")
@options.socket
def remove(person_id: str, socket: Path | None) -> None:
    """Make the person ID unknown, for good: the id is never given again.

    \b
    Example:
      armoury person remove p-7
    """
    command(socket, "person.remove", person=person_id)
    click.echo(f"{person_id} is removed")
