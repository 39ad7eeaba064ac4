"""The demo's night: played step by step, then the monitor's events held against the record's."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from agent.cli.watch import event_text
from simulators.armoury import Armoury
from simulators.night import Event, Night, Played, enrol, play

ARRIVED_S = 45.0  # the longest pause between two connections, and time to make one
SEVERITIES = ("alarm", "fault", "access", "info")


def play_and_compare(house: Armoury, night: Night) -> bool:
    """Enrol the night's people, play it, compare; return whether all is as it must be."""
    console = Console(highlight=False)
    enrol(night, house)
    console.print(f"\n[bold]{night.name}[/]\n")
    well = play(night, house, lambda played: _show(console, played))
    return compare(house) and well


def _show(console: Console, played: Played) -> None:
    mark = "[green]✓[/]" if played.well else "[bold red]✗[/]"
    console.print(f"{mark} {played.step.say}")
    for event in played.events:
        console.print("   ", event_text(dict(event)), no_wrap=True, overflow="ellipsis")
    for wanted in played.missing:
        console.print(f"    [bold red]missing:[/] {dict(wanted)}")
    for event in played.wrong:
        console.print("    [bold red]must not be:[/]", event_text(dict(event)))


def compare(house: Armoury) -> bool:
    """Hold what the monitor was told against the record; return whether it is the same."""
    console = Console(highlight=False)
    recorded = house.record()
    house.monitor.wait_for(max(recorded), ARRIVED_S)
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
