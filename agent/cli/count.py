"""`armoury count`: counting a rack, at each hand-over and each quarter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

import click

from agent.cli import options
from agent.cli.asking import SiteRefuses, ask, command, head, told
from agent.cli.dates import due

RACK = click.argument("rack")
PERSONS = click.argument("persons", metavar="PERSON PERSON", nargs=2)
INVENTORY = click.option(
    "--inventory", is_flag=True, help="Every serial, as each quarter; not a number alone."
)
NUMBER = click.option("--number", type=click.IntRange(0), help="How many weapons there are.")
LIST = click.option(
    "--list", "listed", type=options.text_file, help="A file with one serial a line; - is stdin."
)


@click.group()
def count() -> None:
    """Count the weapons of a rack.

    Two people identify at a reader, count, and enter what they found; nothing shows them what it
    should be. Then each identifies once more and agrees. `take` leads through all of it; the
    others are its single steps.
    """


@count.command()
@RACK
@PERSONS
@INVENTORY
@NUMBER
@LIST
@options.as_json
@options.socket
def take(
    rack: str,
    persons: tuple[str, str],
    number: int | None,
    listed: TextIO | None,
    socket: Path | None,
    *,
    inventory: bool,
    as_json: bool,
) -> None:
    """Count a RACK from beginning to end: the two PERSONs are led through it.

    At a hand-over the one gives the keys and the other takes them, and a number is enough. An
    inventory asks slot by slot, unless the serials are given with --list. Exit status 1: what
    was counted is not what stands there.

    \b
    Examples:
      armoury count take rifles p-1 p-2
      armoury count take rifles p-1 p-2 --inventory
      armoury count take rifles p-1 p-2 --list scanned.txt
    """
    given = _given(number, listed)
    if inventory and number is not None:
        raise click.UsageError("an inventory takes every serial: give a --list, or be asked")
    after = head(socket)
    what = _what(inventory, listed)
    _identified(socket, persons, "count.begin", rack=rack, what=what, persons=list(persons))
    command(socket, "count.enter", rack=rack, **(given or _asked(socket, rack, inventory)))
    for person in persons:
        _ask_to_identify((person,))
        _identified(socket, (person,), "count.agree", asked=True, rack=rack, person=person)
    _tell(socket, after, rack, as_json)


@count.command()
@RACK
@PERSONS
@INVENTORY
@options.socket
def begin(rack: str, persons: tuple[str, str], socket: Path | None, *, inventory: bool) -> None:
    """Begin to count a RACK: both PERSONs identified at a reader just now.

    \b
    Example:
      armoury count begin rifles p-1 p-2
    """
    command(socket, "count.begin", rack=rack, what=_what(inventory, None), persons=list(persons))
    click.echo(f"{rack}: count, then enter what you found with: armoury count enter {rack}")


@count.command()
@RACK
@NUMBER
@LIST
@options.socket
def enter(rack: str, number: int | None, listed: TextIO | None, socket: Path | None) -> None:
    """Enter what was found in a RACK; a new entry voids what was agreed.

    \b
    Examples:
      armoury count enter rifles --number 12
      armoury count enter rifles --list scanned.txt
    """
    found = _given(number, listed)
    if not found:
        raise click.UsageError("give a --number or a --list")
    command(socket, "count.enter", rack=rack, **found)
    click.echo(f"{rack}: entered; now both identify and agree with: armoury count agree {rack}")


@count.command()
@RACK
@click.argument("person")
@options.as_json
@options.socket
def agree(rack: str, person: str, socket: Path | None, *, as_json: bool) -> None:
    """Agree to what was entered for a RACK, as a PERSON identified at a reader since.

    \b
    Example:
      armoury count agree rifles p-1
    """
    after = head(socket)
    command(socket, "count.agree", rack=rack, person=person)
    if told(socket, after, "rack.counted", rack) is None:
        click.echo(f"{rack}: {person} agrees; the other one has yet to")
    else:
        _tell(socket, after, rack, as_json)


@count.command()
@options.as_json
@options.socket
def show(socket: Path | None, *, as_json: bool) -> None:
    """Show how far the counts are, and when the next inventory is due.

    \b
    Example:
      armoury count show
    """
    counts = ask(socket, "status")["view"]["counts"]
    if as_json:
        click.echo(json.dumps(counts, ensure_ascii=False))
        return
    for one in counts:
        stage = "entered" if one["entered"] else "begun"
        now = f"{one['what']} {stage}, {one['agreed']} of 2 agree" if one["what"] else "no count"
        click.echo(f"{one['rack']:<19} {now:<34} inventory {due(one['inventory'])}")


def _what(inventory: bool, listed: TextIO | None) -> str:
    return "inventory" if inventory or listed else "handover"


def _identified(
    socket: Path | None, people: tuple[str, ...], name: str, *, asked: bool = False, **params: Any
) -> None:
    """Give a command for which people must have identified just now; ask until they have.

    Unless they were `asked`, it is given first: whatever else is wrong with it is told at once.
    """
    while True:
        try:
            command(socket, name, **params)
        except SiteRefuses as refused:
            if refused.reason != "not-on-site":
                raise
            _ask_to_identify(people, again=asked)
            asked = True
        else:
            return


def _ask_to_identify(people: tuple[str, ...], *, again: bool = False) -> None:
    who, what = " and ".join(people), "identify at a reader, then press Enter"
    if again:
        what = "not seen at a reader within two minutes; again, then press Enter"
    click.prompt(f"{who}: {what}", default="", show_default=False, prompt_suffix=" ", err=True)


def _given(number: int | None, listed: TextIO | None) -> dict[str, Any]:
    """Return what the options say was found; nothing where they say nothing."""
    if number is not None and listed:
        raise click.UsageError("either a --number or a --list")
    if listed:
        lines = options.text(listed).splitlines()
        return {"serials": [line.strip() for line in lines if line.strip()]}
    return {} if number is None else {"count": number}


def _asked(socket: Path | None, rack: str, inventory: bool) -> dict[str, Any]:
    """Ask for what was found; what should be there is not shown."""
    if not inventory:
        return {
            "count": click.prompt("how many weapons stand there", type=click.IntRange(0), err=True)
        }
    racks = ask(socket, "status")["view"]["racks"]
    slots = next(one["slots"] for one in racks if one["id"] == rack)
    click.echo("the serial in each slot; Enter where it is empty", err=True)
    found: dict[str, str] = {}
    for slot in (one["slot"] for one in slots):
        while (serial := _serial(slot)) in found:
            click.echo(f"{serial} was given for {found[serial]}", err=True)
        if serial:
            found[serial] = slot
    return {"serials": list(found)}


def _serial(slot: str) -> str:
    given: str = click.prompt(f"  {slot}", default="", show_default=False, err=True)
    return given.strip()


def _tell(socket: Path | None, after: int, rack: str, as_json: bool) -> None:
    """Say how the count ended; exit with 1 where it does not agree."""
    counted = told(socket, after, "rack.counted", rack)
    wrong = told(socket, after, "rack.discrepancy", rack)
    data = ((wrong or counted) or {"data": {}})["data"]
    if as_json:
        click.echo(json.dumps(data | {"agrees": wrong is None}, ensure_ascii=False))
    else:
        click.echo(f"{rack}: {data['count']} counted, {data['expected']} stood there")
        for name, words in (("missing", "missing"), ("unexpected", "not expected here")):
            if data.get(name):
                click.echo(f"  {words}: {', '.join(data[name])}")
        away = counted["data"].get("away") if counted else None
        click.echo(f"  away, as the rack knows: {', '.join(away)}" if away else "", nl=bool(away))
    if wrong:
        click.echo(f"{rack}: this is an alarm; a count that agrees mends it", err=True)
        click.get_current_context().exit(1)
