"""A picture of the site for the terminal, drawn from the daemon's `status`.

Eighty columns are enough: what the site is like on the left, what it is seen and told through
on the right, open alarms above.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, TypeAlias

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agent.cli.event_line import local_time

Status: TypeAlias = Mapping[str, Any]
Row: TypeAlias = tuple[str, str, Text]  # what it is, its id, how it is

LEFT = 40  # columns, so that the right half has as many on the narrowest terminal
WELL, OPEN, BAD, DIM = "green", "cyan", "bold red", "dim"
STYLES: Mapping[str, str] = {
    "normal": WELL,
    "alarm": BAD,
    "open": BAD,
    "short": BAD,
    "ready": WELL,
    "starting": DIM,
    "unknown": DIM,
}
FAULTY = "yellow"  # of every other state

ALWAYS = {"always", "tamper"}  # kinds of zones that are watched in a disarmed area, too
AREAS: Mapping[str, str] = {"armed": WELL, "disarmed": DIM}

# A door's contact, in words: of its points' states, `open` and `short` are the wire's.
LEAVES: Mapping[str, tuple[str, str]] = {
    "normal": ("closed", WELL),
    "alarm": ("open", OPEN),
    "open": ("wire cut", BAD),
    "short": ("wire shorted", BAD),
    "unknown": ("not known", DIM),
}


def picture(status: Status) -> RenderableType:
    """Return the whole site, for a terminal of any height."""
    return Group(header(status), *alarms(status), halves(status))


def header(status: Status) -> RenderableType:
    """Return the line that says which site this is, and how its daemon fares."""
    daemon, journal = status["daemon"], status["journal"]
    name = Text.assemble((status["site"]["name"], "bold"), (f"  {status['site']['id']}", DIM))
    facts = f"up {lasted(daemon['up_s'])} · {journal['head']} events"
    line = Table.grid(expand=True)
    line.add_column(ratio=1, no_wrap=True)
    line.add_column(justify="right", no_wrap=True)
    line.add_row(name, Text(facts, DIM))
    troubles = [] if daemon.get("clock_trusted", True) else ["the clock is not synchronised"]
    if journal.get("trouble"):
        troubles.append(f"the record cannot be written: {journal['trouble']}")
    return Group(line, *(Text(trouble, FAULTY) for trouble in troubles))


def alarms(status: Status) -> Iterator[RenderableType]:
    """Yield the open alarms, as a table; nothing when there are none."""
    if not status["view"]["alarms"]:
        return
    table = Table.grid(padding=(0, 2))
    for alarm in status["view"]["alarms"]:
        raised = local_time(alarm["raised_utc_us"]).strftime("%H:%M:%S")
        stage = Text(alarm["stage"], BAD if alarm["stage"] == "raised" else FAULTY)
        if alarm["overdue"]:
            stage.append("  overdue", BAD)
        cause = Text(f"{alarm['cause']} {alarm['object']}", "bold")
        table.add_row(Text(f"alarm {alarm['id']}", BAD), cause, raised, stage)
    yield table


def halves(status: Status) -> RenderableType:
    """Return the site beside what it is seen through."""
    both = Table.grid(padding=(0, 2), expand=True)
    both.add_column(max_width=LEFT)
    both.add_column(ratio=1)
    inside = [*_areas(status), *_doors(status), *_zones(status), *_panics(status)]
    left = _table([*inside, *_cameras(status), *_people(status)])
    both.add_row(left, _table([*_devices(status), *_paths(status)]))
    return both


def lasted(seconds: int) -> str:
    """Say how long, in the two largest units: "3 h 12 min"."""
    parts = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min")]
    words = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(words[:2]) or f"{seconds} s"


def _table(rows: list[Row]) -> Table:
    """Lay rows out; what they are is said once a group."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style=DIM, no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=16)
    table.add_column(overflow="fold")
    for noun, group in groupby(rows, key=lambda row: row[0]):
        for number, (_, name, how) in enumerate(group):
            table.add_row("" if number else noun, name, how)
    return table


def _doors(status: Status) -> Iterator[Row]:
    for door in status["view"]["doors"]:
        word, style = LEAVES[door["contact"]]
        how = Text(word, BAD if door["held"] else style)
        how.append(" too long" if door["held"] else "", BAD)
        strike = door["strike"]
        how.append(f", {strike}", {"locked": "", "unknown": BAD}.get(strike, OPEN))
        if needed := door["access"]["needed"]:
            how.append(f", waits for {needed} more", OPEN)
        yield "door", door["id"], how


def _areas(status: Status) -> Iterator[Row]:
    for area in status["view"]["areas"]:
        how = Text(area["mode"], AREAS.get(area["mode"], OPEN))
        how.append(f" {area['part']}" if area["part"] else "", DIM)
        how.append(", in alarm" if area["alarm"] else "", BAD)
        if not_ready := ", ".join(area["not_ready"]):
            how.append(f", not ready: {not_ready}", FAULTY)
        yield "area", area["id"], how


def _zones(status: Status) -> Iterator[Row]:
    watched = {area["id"] for area in status["view"]["areas"] if area["mode"] != "disarmed"}
    for zone in status["view"]["zones"]:
        how = _state(zone["point"])
        if zone["point"] == "alarm" and not (zone["area"] in watched or zone["kind"] in ALWAYS):
            how = Text("active", OPEN)  # somebody moves where somebody may
        how.append(", bypassed" if zone["bypassed"] else "", FAULTY)
        yield "zone", zone["id"], how


def _panics(status: Status) -> Iterator[Row]:
    for panic in status["view"]["panics"]:
        how = Text("raised", BAD) if panic["raised"] else _state(panic["point"])
        if panic["raised"] and panic["point"] != "alarm":
            how.append(f", {panic['point']}", STYLES.get(panic["point"], FAULTY))
        yield "panic", panic["id"], how


def _cameras(status: Status) -> Iterator[Row]:
    for camera in status["view"]["cameras"]:
        how = Text(", ".join(camera["conditions"]), BAD)
        if camera["motion"]:
            how.append(", motion" if how else "motion", OPEN)
        yield "camera", camera["id"], how or Text("still", WELL)


def _devices(status: Status) -> Iterator[Row]:
    seen = {device["id"]: device["condition"] for device in status["view"]["devices"]}
    for device in status["devices"]:
        swapped = seen.get(device["id"]) == "substituted"
        how = _state("substituted" if swapped else device["condition"])
        if since_us := device.get("since"):
            how.append(f" {lasted(max(0, int(time.time() - since_us / 1_000_000)))}", DIM)
        if device["condition"] != "ready" and device["reason"]:
            how.append(f": {device['reason']}", FAULTY)
        if device["simulated"]:
            how.append(" simulated", DIM)
        yield "device", device["id"], how


def _paths(status: Status) -> Iterator[Row]:
    for number, path in enumerate(status["paths"]):
        how = _state(path["condition"])
        if path["condition"] != "ready" and path["reason"]:
            how.append(f": {path['reason']}", FAULTY)
        how.append(" in use" if path["carries"] else "", DIM)
        if number == 0 and path["waiting"]:  # the same events wait for whichever path is there
            how.append(f" {path['waiting']} waiting", OPEN)
        yield "path", path["id"], how


def _people(status: Status) -> Iterator[Row]:
    people = status["view"]["people"]
    officers = people["officers"]
    how = Text(f"{officers} officer{'s' if officers != 1 else ''}", DIM if officers > 1 else FAULTY)
    yield "people", f"{people['enrolled']} enrolled", how


def _state(state: str) -> Text:
    return Text(state, STYLES.get(state, FAULTY))
