"""The demo's night: played step by step, then the monitor's events held against the record's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.cli.watch import event_text
from simulators.armoury import Armoury
from simulators.night import Event, Played, load, play

ARRIVED_S = 15.0
SEVERITIES = ("alarm", "fault", "access", "info")


def play_and_compare(house: Armoury, night: Path) -> bool:
    """Enrol two officers, play the night, compare; return whether all is as it must be."""
    console = Console(highlight=False)
    for number in (1, 2):
        enrol(house, f"p-{number}", f"store-reader:{number}")
    scenario = load(night)
    console.print(f"\n[bold]{scenario.name}[/]\n")
    well = play(scenario, house, lambda played: _show(console, played))
    return _compare(console, house) and well


def enrol(house: Armoury, person: str, reference: str) -> None:
    """Make an officer known whose finger is already on the reader."""
    params: dict[str, Any] = {"person": person, "roles": ["officer"]}
    params["credentials"] = [{"kind": "finger", "reference": reference}]
    house.ask("command", name="person.enrol", params=params)


def _show(console: Console, played: Played) -> None:
    mark = "[green]✓[/]" if played.well else "[bold red]✗[/]"
    console.print(f"{mark} {played.step.say}")
    for event in played.events:
        console.print("   ", event_text(dict(event)), no_wrap=True, overflow="ellipsis")
    for wanted in played.missing:
        console.print(f"    [bold red]not recorded:[/] {dict(wanted)}")
    for event in played.wrong:
        console.print("    [bold red]must not be:[/]", event_text(dict(event)))


def _compare(console: Console, house: Armoury) -> bool:
    head = house.head()
    house.monitor.wait_for(head, ARRIVED_S)
    recorded = {event["seq"]: event for event in house.events(0)}
    told = {seq: event for seq, event in house.monitor.events().items() if seq in recorded}
    table = Table("", "the record holds", "the monitor was told", box=None, padding=(0, 3))
    for severity in SEVERITIES:
        counts = [
            sum(event["severity"] == severity for event in side.values())
            for side in (recorded, told)
        ]
        table.add_row(severity, *map(str, counts))
    table.add_row("all", str(len(recorded)), str(len(told)), style="bold")
    console.print()
    console.print(table)
    match = told == recorded and sorted(recorded) == list(range(1, len(recorded) + 1))
    console.print(
        _verdict(recorded, told)
        if not match
        else f"[bold green]They match:[/] events 1 to {len(recorded)}, every one, word for word."
    )
    return match


def _verdict(recorded: Mapping[int, Event], told: Mapping[int, Event]) -> str:
    missing = sorted(recorded.keys() - told.keys())
    unlike = sorted(seq for seq in told if told[seq] != recorded[seq])
    return f"[bold red]They do not match:[/] not told {missing}, told otherwise {unlike}"
