"""The rows of a picture of the site: what there is, and how it is, in few words.

What may be missing is asked for with a default: an older daemon has less to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from rich.text import Text

from agent.cli.event_line import clean

Status: TypeAlias = Mapping[str, Any]


class Row(NamedTuple):
    """One thing of the site: what it is, its id, how it is."""

    noun: str
    name: str
    how: Text


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
DAY_S = 24 * 3600
ENDING_D = 30  # as the first warning in the record

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


def lasted(seconds: int) -> str:
    """Say how long, in the two largest units: "3 h 12 min"."""
    parts = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min")]
    words = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(words[:2]) or f"{seconds} s"


def _doors(status: Status) -> Iterator[Row]:
    for door in status["view"]["doors"]:
        word, style = LEAVES[door["contact"]]
        how = Text(word, BAD if door["held"] else style)
        how.append(" too long" if door["held"] else "", BAD)
        strike = door["strike"]
        how.append(f", {strike}", {"locked": "", "unknown": BAD}.get(strike, OPEN))
        if needed := door["access"]["needed"]:
            how.append(f", waits for {needed} more", OPEN)
        yield Row("door", door["id"], how)


def _areas(status: Status) -> Iterator[Row]:
    for area in status["view"]["areas"]:
        how = Text(area["mode"], AREAS.get(area["mode"], OPEN))
        how.append(f" {area['part']}" if area["part"] else "", DIM)
        how.append(", in alarm" if area["alarm"] else "", BAD)
        if not_ready := ", ".join(area["not_ready"]):
            how.append(f", not ready: {not_ready}", FAULTY)
        yield Row("area", area["id"], how)


def _zones(status: Status) -> Iterator[Row]:
    watched = {area["id"] for area in status["view"]["areas"] if area["mode"] != "disarmed"}
    for zone in status["view"]["zones"]:
        how = _state(zone["point"])
        if zone["point"] == "alarm" and not (zone["area"] in watched or zone["kind"] in ALWAYS):
            how = Text("active", OPEN)  # somebody moves where somebody may
        how.append(", bypassed" if zone["bypassed"] else "", FAULTY)
        yield Row("zone", zone["id"], how)


def _panics(status: Status) -> Iterator[Row]:
    for panic in status["view"]["panics"]:
        how = Text("raised", BAD) if panic["raised"] else _state(panic["point"])
        if panic["raised"] and panic["point"] != "alarm":
            how.append(f", {panic['point']}", STYLES.get(panic["point"], FAULTY))
        yield Row("panic", panic["id"], how)


def _sounders(status: Status) -> Iterator[Row]:
    """Yield what is to be heard, or should be; silence takes no line."""
    for sounder in status["view"].get("sounders", ()):
        if sounder["sounds"] or sounder["faulted"]:
            how = Text("sounds", BAD) if sounder["sounds"] else Text("faulted", FAULTY)
            yield Row("sounder", sounder["id"], how)


def _racks(status: Status) -> Iterator[Row]:
    for rack in status["view"].get("racks", ()):
        slots = rack["slots"]
        out = [slot for slot in slots if not slot["normal"]]
        how = Text(f"{len(slots) - len(out)} of {len(slots)} right", OPEN if out else WELL)
        if overdue := sum(slot["overdue"] for slot in out):
            how.append(f", {overdue} overdue", BAD)
        yield Row("rack", rack["id"], how)


def _power(status: Status) -> Iterator[Row]:
    power = status["view"].get("power")
    if power and (power["lost"] or power["low"]):
        yield Row("power", "mains", Text("lost" if power["lost"] else "battery low", BAD))


def _cameras(status: Status) -> Iterator[Row]:
    for camera in status["view"]["cameras"]:
        how = Text(", ".join(camera["conditions"]), BAD)
        if camera["motion"]:
            how.append(", motion" if how else "motion", OPEN)
        yield Row("camera", camera["id"], how or Text("still", WELL))


def _devices(status: Status) -> Iterator[Row]:
    seen = {device["id"]: device["condition"] for device in status["view"]["devices"]}
    for device in status["devices"]:
        swapped = seen.get(device["id"]) == "substituted"
        how = _state("substituted" if swapped else device["condition"])
        if since_us := device.get("since"):
            how.append(f" {lasted(max(0, int(time.time() - since_us / 1_000_000)))}", DIM)
        if device["condition"] != "ready" and device["reason"]:
            how.append(f": {clean(device['reason'])}", FAULTY)
        if device["simulated"]:
            how.append(" simulated", DIM)
        yield Row("device", device["id"], how)


def _paths(status: Status) -> Iterator[Row]:
    for number, path in enumerate(status["paths"]):
        how = _state(path["condition"])
        if path["condition"] != "ready" and path["reason"]:
            how.append(f": {clean(path['reason'])}", FAULTY)
        how.append(" in use" if path["carries"] else "", DIM)
        how.append(_ending(path.get("certificates", {})))
        if number == 0 and path["waiting"]:  # the same events wait for whichever path is there
            how.append(f" {path['waiting']} waiting", OPEN)
        yield Row("path", path["id"], how)


def _ending(certificates: Mapping[str, int]) -> Text:
    """Say which certificate ends soon, if one does."""
    if not certificates:
        return Text()
    whose, ends_us = min(certificates.items(), key=lambda one: one[1])
    left_d = (ends_us / 1_000_000 - time.time()) / DAY_S
    if left_d > ENDING_D:
        return Text()
    when = f"ends in {left_d:.0f} d" if left_d > 0 else "has ended"
    return Text(f" certificate ({whose}) {when}", FAULTY)


def _people(status: Status) -> Iterator[Row]:
    people = status["view"]["people"]
    officers = people["officers"]
    how = Text(f"{officers} officer{'s' if officers != 1 else ''}", DIM if officers > 1 else FAULTY)
    yield Row("people", f"{people['enrolled']} enrolled", how)
    if people.get("bootstrap"):
        yield Row("people", "bootstrap", Text("open", FAULTY))


def _state(state: str) -> Text:
    return Text(state, STYLES.get(state, FAULTY))


Rows: TypeAlias = tuple[Callable[[Status], Iterator[Row]], ...]

# What the site is like, and what it is seen and told through; each in its order.
INSIDE: Rows = (
    _power, _areas, _doors, _zones, _panics, _sounders, _racks, _cameras, _people,
)  # fmt: skip
OUTWARD: Rows = (_devices, _paths)
