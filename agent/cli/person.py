"""`armoury person`: who is known at this site, and by what."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from getpass import GetPassWarning
from pathlib import Path
from typing import Any

import click

from agent.cli import options
from agent.cli.asking import ask, command, outcome
from agent.cli.columns import columns
from agent.cli.event_line import local_time

LEARN_S = 60.0  # the reader gives up after 30, and its driver is given some time besides
ROLES = ("officer", "technician", "guard", "response", "visitor")
KINDS = ("finger", "card", "pin")


@click.group()
def person() -> None:
    """Make people known by their ids, and unknown again.

    Ids are pseudonyms: names never leave the armoury's own books, and the record holds ids only.
    The first two officers are made without approval, until both can be identified at a door;
    from then on two officers identify at a reader, and the command follows within two minutes.

    \b
    The first officers of a gateway with a fingerprint reader and a keypad:
      armoury person enrol p-1 --role officer
      armoury person finger p-1 --reader store-reader
      armoury person pin p-1
      ... and the same for p-2
    """


@person.command(name="list")
@click.option("--all", "everybody", is_flag=True, help="Also those who were removed.")
@options.socket
@options.as_json
def list_people(socket: Path | None, *, everybody: bool, as_json: bool) -> None:
    """List who is known: roles, what they are known by, at which doors that is enough.

    \b
    Examples:
      armoury person list
      armoury person list --json | jq -r '.[] | select(.state == "expired").id'
    """
    people = [one for one in ask(socket, "people") if everybody or one["state"] != "revoked"]
    if as_json:
        click.echo(json.dumps(people, ensure_ascii=False))
        return
    head = ("ID", "ROLES", "KNOWN BY", "AT", "STATE")
    click.echo("\n".join(columns([head, *map(_row, people)])))


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    lists = [", ".join(one[key]) or "-" for key in ("roles", "known_by", "doors")]
    return (one["id"], *lists, " ".join((one["state"], *_until(one))))


def _until(one: Mapping[str, Any]) -> Iterator[str]:
    for key in ("from", "to"):
        if one[f"valid_{key}_us"] is not None:
            yield f"{key} {local_time(one[f'valid_{key}_us']):%Y-%m-%d %H:%M}"
    if one["schedule"]:
        yield f"by {one['schedule']}"


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
    help="A finger that a reader has learned already, by its place there.",
)
@click.option("--card", "cards", metavar="NUMBER", multiple=True, help="A card.")
@click.option("--pin", is_flag=True, help="Ask for a PIN of 6 to 12 digits, unseen.")
@click.option(
    "--duress-finger", metavar="READER:POSITION", help="The finger that calls for help in silence."
)
@click.option("--from", "valid_from", metavar="TIME", help="Not before: 2026-01-31T08:00+01:00.")
@click.option("--to", "valid_to", metavar="TIME", help="Not after: 2026-12-31T18:00+01:00.")
@click.option("--schedule", help="Only at these hours: a [[schedule]] of the site file.")
@options.socket
def enrol(
    person_id: str,
    roles: tuple[str, ...],
    fingers: tuple[str, ...],
    cards: tuple[str, ...],
    duress_finger: str | None,
    valid_from: str | None,
    valid_to: str | None,
    schedule: str | None,
    socket: Path | None,
    *,
    pin: bool,
) -> None:
    """Make the person ID known, or change who they are.

    What they are known by can be given at once, or one by one afterwards: `armoury person
    finger`, `card`, `pin`. Whoever is changed keeps it all, unless any of it is given here: then
    that is all they have. Roles, validity and schedule are always those given here.

    \b
    Examples:
      armoury person enrol p-1 --role officer
      armoury person enrol p-7 --role guard --card 0A1B2C3D --pin --to 2026-12-31T18:00+01:00
    """
    given: list[dict[str, Any]] = [{"kind": "finger", "reference": finger} for finger in fingers]
    given += [{"kind": "card", "reference": card} for card in cards]
    if duress_finger:
        given.append({"kind": "finger", "reference": duress_finger, "duress": True})
    if pin:
        given.append({"kind": "pin", "reference": _asked_pin()})
    command(
        socket,
        "person.enrol",
        person=person_id,
        roles=list(roles),
        credentials=given or None,
        valid_from=valid_from,
        valid_to=valid_to,
        schedule=schedule,
    )
    click.echo(f"{person_id} is enrolled; what they are known by: armoury person list")


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

    The finger is laid twice within 30 seconds, and lifted before each time. A door's other
    readers learn it each for themselves: no template ever leaves a reader.

    \b
    Examples:
      armoury person finger p-7 --reader store-reader
      armoury person finger p-7 --reader store-reader --duress    another finger
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
@click.argument("number")
@options.socket
def card(person_id: str, number: str, socket: Path | None) -> None:
    """Give the person ID a card, by the NUMBER that a reader reads.

    A number is what the reader's driver makes of a card: for `osdp` how many bits it
    has, a dash, and the bits as a hexadecimal number. The record never shows one, so it is read
    off the card or with its maker's tool.

    \b
    Example:
      armoury person card p-7 26-2C6F0B4
    """
    command(socket, "credential.add", person=person_id, kind="card", reference=number)
    click.echo(f"{person_id} has this card")


@person.command()
@click.argument("person_id", metavar="ID")
@click.option("--duress", is_flag=True, help="This PIN calls for help in silence.")
@options.socket
def pin(person_id: str, socket: Path | None, *, duress: bool) -> None:
    """Give the person ID a PIN of 6 to 12 digits, which is asked for unseen.

    It takes the place of the one there was. A duress PIN is kept beside it, and must differ by
    more than 10 from every PIN.

    \b
    Examples:
      armoury person pin p-7
      armoury person pin p-7 --duress
    """
    if all(one["id"] != person_id for one in ask(socket, "people")):
        raise click.ClickException(f"nobody has the id {person_id}; see: armoury person list")
    given = {"person": person_id, "kind": "pin", "reference": _asked_pin(), "duress": duress}
    command(socket, "credential.add", **given)
    click.echo(f"{person_id} has this PIN")


@person.command()
@click.argument("person_id", metavar="ID")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("reference", required=False)
@options.socket
def forget(person_id: str, kind: str, reference: str | None, socket: Path | None) -> None:
    """Know the person ID by a finger, card or PIN no longer.

    REFERENCE is a card's number or a finger's READER:POSITION; without it, all of this KIND go,
    and a PIN together with its duress PIN.

    \b
    Examples:
      armoury person forget p-7 card 0A1B2C3D
      armoury person forget p-7 pin
    """
    command(socket, "credential.remove", person=person_id, kind=kind, reference=reference)
    click.echo(f"{person_id} is known by it no longer")


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


def _asked_pin() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            digits: str = click.prompt("PIN", hide_input=True, confirmation_prompt=True)
        except GetPassWarning as error:
            needed = "a PIN is typed unseen, and that takes a terminal; over ssh: ssh -t"
            raise click.UsageError(needed) from error
    return digits
